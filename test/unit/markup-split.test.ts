import fc from 'fast-check'
import t from 'tap'
import { splitText } from '../../plugin/core/markup/split.ts'
import { parseWhatsApp } from '../../plugin/core/markup/whatsapp-text.ts'

const SEED = Number(process.env['MARKUP_SEED'] ?? 20261122)
const PIECES = [
  'a',
  'palabra',
  ' ',
  ' ',
  '. ',
  '? ',
  '。',
  '؟ ',
  '\n',
  '\n\n',
  '*',
  '*b c*',
  '_d_',
  '```e f```',
  '👨‍👩‍👧',
  '😀',
  'é',
  'e\u0301',
  '🇪🇸',
  'https://a.co/x'
]

/** Each visible character with its marks. */
function showCharacters(text: string): string[] {
  const runs = parseWhatsApp(text).flatMap(line => line.runs)
  return runs.flatMap(({ text, ...marks }) => [...squeeze(text)].map(char => char + Object.keys(marks).join()))
}

const squeeze = (text: string) => text.replace(/\s+/g, '')

t.test('S80: pieces fit, lose nothing but white space, and never break a character', async t => {
  const check = fc.check(
    fc.property(
      fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }),
      fc.integer({ min: 12, max: 80 }),
      (parts, limit) => {
        const text = parts.join('')
        const pieces = splitText(text, limit)
        const fail = (why: string) => {
          throw new Error(`${why}: ${JSON.stringify({ text, limit, pieces })}`)
        }
        if (pieces.some(piece => piece.length > limit || piece.trim() === '')) fail('length')
        if (squeeze(pieces.join('')) !== squeeze(text)) fail('lost')
        const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
        const whole = [...segmenter.segment(squeeze(text))].length
        const split = pieces.reduce((sum, piece) => sum + [...segmenter.segment(squeeze(piece))].length, 0)
        if (whole !== split) fail('grapheme')
      }
    ),
    { seed: SEED, numRuns: 5000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('S80: formatting that fits into a piece is not cut', async t => {
  const check = fc.check(
    fc.property(
      fc.array(fc.constantFrom('palabra ', '*b c d* ', '_dos tres_ ', '`x y` ', '\n', 'f. '), { maxLength: 40 }),
      parts => {
        const text = parts.join('')
        const shown = (texts: string[]) => texts.flatMap(showCharacters).join(' ')
        const pieces = splitText(text, 60)
        if (shown(pieces) !== shown([text])) throw new Error(JSON.stringify({ text, pieces }))
      }
    ),
    { seed: SEED, numRuns: 3000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('the nicest cut wins: paragraph, line, sentence, word, character', async t => {
  t.same(splitText('Uno dos. Tres\n\ncuatro. cinco seis', 20), ['Uno dos. Tres', 'cuatro. cinco seis'])
  t.same(splitText('Uno dos. Tres\ncuatro. cinco seis', 20), ['Uno dos. Tres', 'cuatro. cinco seis'])
  t.same(splitText('Uno dos. Tres cuatro cinco', 20), ['Uno dos.', 'Tres cuatro cinco'])
  t.same(splitText('你好吗？我很好。谢谢你的帮助', 10), ['你好吗？我很好。', '谢谢你的帮助'])
  t.same(splitText('كيف حالك؟ أنا بخير شكرا', 15), ['كيف حالك؟', 'أنا بخير شكرا'])
  t.same(splitText('uno dos tres cuatro', 10), ['uno dos', 'tres', 'cuatro'])
  t.same(splitText('abcdefghij', 4), ['abcd', 'efgh', 'ij'])
  t.same(splitText('😀😀😀', 3), ['😀', '😀', '😀'])
  t.same(splitText('hola *uno dos tres cuatro* fin', 22), ['hola', '*uno dos tres cuatro*', 'fin'])
})

t.test('short, empty and wrong', async t => {
  t.same(splitText('hola '), ['hola '])
  t.same(splitText(''), [])
  t.same(splitText(' \n '), [])
  t.same(splitText('a'.repeat(4096)).length, 1)
  t.same(
    splitText('a'.repeat(4097)).map(piece => piece.length),
    [4096, 1]
  )
  t.throws(() => splitText('a', 0), RangeError)
  t.throws(() => splitText('a', 1.5), RangeError)
})

t.test('a long text of any kind is cut in linear time', async t => {
  for (const text of [
    '*a* '.repeat(37_000),
    'a'.repeat(150_000),
    '```a\n```'.repeat(18_000),
    ' '.repeat(149_999) + 'a',
    '\u0301'.repeat(50_000)
  ]) {
    const start = process.cpuUsage()
    const pieces = splitText(text)
    const { user } = process.cpuUsage(start)
    t.ok(
      pieces.every(piece => piece.length <= 4096) && user < 5_000_000,
      `${pieces.length} pieces, ${Math.round(user / 1000)} ms`
    )
  }
})
