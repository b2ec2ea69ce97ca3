import fc from 'fast-check'
import t from 'tap'
import { escapeMarkdown, tableCell } from '../../plugin/core/markup/escape.ts'
import { toDeskMarkdown, writeMarkdown } from '../../plugin/core/markup/to-desk.ts'
import { toWhatsApp } from '../../plugin/core/markup/to-whatsapp.ts'
import { parseWhatsApp, plainText } from '../../plugin/core/markup/whatsapp-text.ts'
import { dropBlank, renderBubble, showBubble, showLines, trimBlank } from '../support/desk-bubble.ts'

const SEED = Number(process.env['MARKUP_SEED'] ?? 20261122)

/** Strings of nasty pieces: short enough to collide, long enough to nest. */
function nasty(pieces: string[], maxLength = 14) {
  return fc.array(fc.constantFrom(...pieces), { maxLength }).map(parts => parts.join(''))
}

const MARKERS = ['*', '_', '~', '`', '```', '**', '~~', '___']
const WORDS = ['a', 'b7', 'ñ', '9', 'é', ' ', ' ', '  ']
const MARKDOWN = [
  '#',
  '# ',
  '>',
  '> ',
  '- ',
  '+ ',
  '-',
  '=',
  '1. ',
  '2) ',
  '10. ',
  '|',
  '-|-',
  '---',
  '\\',
  '[',
  ']',
  '(',
  ')',
  '[x](y)',
  '![',
  '<',
  '>',
  '&',
  '&amp;',
  '&#42;',
  '<b>',
  '<http://a.co>',
  '!',
  '.',
  ':',
  '[x]: y',
  '{',
  '^',
  '"',
  "'",
  '+',
  ','
]
const ODD = [
  '\u200b',
  '\u200d',
  '\u2060',
  '\ufe0f',
  '😀',
  '👨‍👩‍👧',
  'שלום',
  'مرحبا',
  '\u0301',
  '\u00a0',
  '¡',
  '。',
  '\t',
  '\ud83d',
  '\ude00',
  '\0',
  '\u202e'
]
const URLS = [
  'https://a.co',
  'https://a.co/x_y_z',
  'http://a.co/*b*?q=1&r=2',
  'www.a.co/_x_',
  'ana_maria@a.co',
  'https://',
  'a.co',
  '/'
]
const LINES = ['\n', '\n', '\n\n', '\n\n\n']

const sameAsWhatsApp = (text: string) => {
  const expected = dropBlank(showLines(parseWhatsApp(text)))
  const markdown = toDeskMarkdown(text)
  return { expected, markdown, shown: dropBlank(showBubble(markdown)) }
}

t.test('plain sentences take a short cut, to the same Markdown as the long way', t => {
  const word = fc.constantFrom('Hola', 'I’m', "don't", 'señor', '3', '2nd', 'a', 'Ça', 'www', 'http', 'O', 'x9')
  const sign = fc.constantFrom('', '', '', '.', ',', ';', '?', '!')
  const end = fc.constantFrom('', ' ', '  ', '\n', '\u00a0', ' \n ')
  const first = fc.constantFrom('Hola', '¿Está', '¡Sí', 'I’m', "can't", 'É', 'b')
  const sentences = fc.tuple(
    first,
    fc.array(fc.tuple(sign, fc.constantFrom('', '', '¿', '¡'), word), { maxLength: 8 }),
    sign,
    end
  )
  fc.assert(
    fc.property(sentences, ([begin, rest, last, tail]) => {
      const text = begin + rest.map(([before, opening, each]) => `${before} ${opening}${each}`).join('') + last + tail
      t.equal(toDeskMarkdown(text), text.trimEnd(), text)
      return toDeskMarkdown(text) === writeMarkdown(parseWhatsApp(text))
    }),
    { seed: SEED, numRuns: 400 }
  )
  const began = performance.now()
  toDeskMarkdown(`${"a'b c. ".repeat(20_000)}*`)
  t.ok(performance.now() - began < 1_000, 'in linear time')
  t.end()
})

t.test('S80: the bubble shows what WhatsApp shows, for any nasty text', async t => {
  const runs = 6000
  for (const [name, pieces] of Object.entries({
    'formatting markers': [...MARKERS, ...WORDS, '\n', '.', ','],
    'Markdown markers': [...MARKDOWN, ...WORDS, ...LINES],
    everything: [...MARKERS, ...WORDS, ...MARKDOWN, ...ODD, ...URLS, ...LINES]
  })) {
    const check = fc.check(
      fc.property(nasty(pieces), text => {
        const { expected, markdown, shown } = sameAsWhatsApp(text)
        if (JSON.stringify(expected) !== JSON.stringify(shown)) {
          throw new Error(
            `\n${JSON.stringify({ text, markdown, expected, shown, html: renderBubble(markdown) }, null, 1)}`
          )
        }
      }),
      { seed: SEED, numRuns: runs }
    )
    t.equal(check.failed, false, `${name}, ${runs} texts, seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
  }
})

t.test('S80: arbitrary Unicode survives into the bubble', async t => {
  const check = fc.check(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), text => {
      const { expected, markdown, shown } = sameAsWhatsApp(text)
      if (JSON.stringify(expected) !== JSON.stringify(shown))
        throw new Error(JSON.stringify({ text, markdown, expected, shown }))
    }),
    { seed: SEED, numRuns: 4000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('S80: plain prose takes a short way to the same result', async t => {
  const check = fc.check(
    fc.property(
      nasty(['a', 'Www', 'ñ', 'Ölz', '9', '1', 'x', '.', ',', ';', '?', '!', ' ', ' ', '. ', '\n', '-'], 20),
      text => {
        const { expected, markdown, shown } = sameAsWhatsApp(text)
        const longWay = writeMarkdown(parseWhatsApp(text))
        if (markdown !== longWay || JSON.stringify(expected) !== JSON.stringify(shown))
          throw new Error(JSON.stringify({ text, markdown, longWay, expected, shown }))
      }
    ),
    { seed: SEED, numRuns: 6000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('S80: every line break and every blank line stays visible', async t => {
  const check = fc.check(
    fc.property(nasty(['a', '*b*', ' ', '#', '\\', ...LINES, '\n']), text => {
      const expected = trimBlank(showLines(parseWhatsApp(text)))
      const markdown = toDeskMarkdown(text)
      const shown = trimBlank(showBubble(markdown))
      if (JSON.stringify(expected) !== JSON.stringify(shown))
        throw new Error(JSON.stringify({ text, markdown, expected, shown }))
    }),
    { seed: SEED, numRuns: 4000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('S80: with the typographer of the desk only quotes and dots change their look', async t => {
  const soften = (lines: string[]) =>
    lines.map(line =>
      line
        .replace(/[“”]/g, '"')
        .replace(/[‘’]/g, "'")
        .replace(/…|\.{2,}/g, '…')
        .replace(/([?!])\.+(?=$|[^.])/g, '$1')
    )
  const pieces = [
    '(c)',
    '(TM)',
    '(p)',
    '+-',
    '--',
    '---',
    '...',
    '?',
    '!',
    '!!!!',
    ',',
    ',,',
    'a',
    ' ',
    '"',
    "'",
    '-',
    '(',
    ')',
    '\n'
  ]
  const check = fc.check(
    fc.property(nasty(pieces), text => {
      if (/[?!…]\.|\.\.[?!]/.test(text)) return
      const expected = soften(dropBlank(showLines(parseWhatsApp(text))))
      const markdown = toDeskMarkdown(text)
      const shown = soften(dropBlank(showBubble(markdown, { typographer: true })))
      if (JSON.stringify(expected) !== JSON.stringify(shown))
        throw new Error(JSON.stringify({ text, markdown, expected, shown }))
    }),
    { seed: SEED, numRuns: 4000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('S80: a text goes to the desk and back and still shows the same on WhatsApp', async t => {
  const check = fc.check(
    fc.property(nasty([...MARKERS, ...WORDS, ...MARKDOWN, ...ODD, ...URLS, ...LINES]), text => {
      const expected = dropBlank(showLines(parseWhatsApp(text)))
      const markdown = toDeskMarkdown(text)
      const back = toWhatsApp(markdown)
      const shown = dropBlank(showLines(parseWhatsApp(back)))
      if (JSON.stringify(expected) !== JSON.stringify(shown))
        throw new Error(`\n${JSON.stringify({ text, markdown, back, expected, shown }, null, 1)}`)
    }),
    { seed: SEED, numRuns: 6000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
})

t.test('S80: what customers type becomes this Markdown', async t => {
  const cases: [string, string, string][] = [
    ['a sum keeps its asterisks', '2*3*4', '2\\*3\\*4'],
    ['a hash is no heading', '# hola', '\\# hola'],
    ['the three styles', '*negrita* _cursiva_ ~tachado~', '**negrita** *cursiva* ~~tachado~~'],
    ['nested styles', '*a _b_ c*', '**a *b* c**'],
    ['code and mono', 'usa `npm i` o ```npm ci```', 'usa `npm i` o `npm ci`'],
    ['a mono block over lines', '```\nuno\n  dos\n```', '```\nuno\n  dos\n```'],
    ['a list', 'Quiero:\n- uno\n* dos', 'Quiero:\n- uno\n- dos'],
    ['numbers stay as typed', '1. a\n2. b\n5. c', '1. a\n2. b\n\n5) c'],
    ['a quote ends where the customer ended it', '> cita\nsí', '> cita\n\nsí'],
    ['single and blank lines', 'a\nb\n\nc\n\n\nd', 'a\nb\n\nc\n\n\\\nd'],
    [
      'plain addresses stay plain',
      'mira https://a.co/x_y?z=1&w=2 y ana_maria@a.co',
      'mira https://a.co/x_y?z=1&w=2 y ana_maria@a.co'
    ],
    ['an address with markers', 'https://a.co/*x* ok', '<https://a.co/*x>\\* ok'],
    ['HTML and entities are text', '<b>1 &amp; 2</b>', '\\<b>1 \\&amp; 2\\</b>'],
    ['a heart needs no escape', 'te quiero <3', 'te quiero <3'],
    ['link syntax is text', '[x](http://a.co)', '\\[x](http://a.co)'],
    ['a table is text', 'a|b\n-|-', 'a|b\n\\-|-'],
    ['a rule is text', '---', '\\-\\--'],
    [
      'ordinary punctuation stays clean',
      'Hola, ¿qué tal? (bien) 10% - $5 + IVA... "ok" it\'s',
      'Hola, ¿qué tal? (bien) 10% - $5 + IVA... "ok" it\'s'
    ]
  ]
  for (const [name, typed, markdown] of cases) t.equal(toDeskMarkdown(typed), markdown, name)
})

t.test('S80: addresses in the bubble are whole links', async t => {
  const hrefs = (text: string) =>
    [...renderBubble(toDeskMarkdown(text)).matchAll(/href="([^"]*)"/g)].map(match => match[1])
  t.same(hrefs('ve a https://a.co/x_y_z?q=_1_b ya'), ['https://a.co/x_y_z?q=_1_b'])
  t.same(hrefs('*https://a.co/x_y*'), ['https://a.co/x_y'])
  t.same(hrefs('_https://a.co/b*c*d_'), ['https://a.co/b*c*d'])
  t.same(hrefs('www.a.co/b*c*d'), ['http://www.a.co/b*c*d'])
  t.same(hrefs('https://a.co/a_(b)'), ['https://a.co/a_(b)'])
  t.same(hrefs('(https://a.co/a_b).'), ['https://a.co/a_b'])
  t.same(hrefs('ana_maria@a.co'), ['mailto:ana_maria@a.co'])
})

t.test('hostile input takes linear time and never throws', async t => {
  const hostile: Record<string, string> = {
    asterisks: '*'.repeat(60_000),
    'open asterisks': ' *a'.repeat(20_000),
    'closed asterisks': '*a* '.repeat(20_000),
    'mixed markers': '*a_b~c` '.repeat(15_000),
    backticks: '`'.repeat(60_000),
    'open backticks': ' `a'.repeat(20_000),
    fences: '```a'.repeat(25_000),
    spaces: ' '.repeat(60_000),
    newlines: 'a\n\n'.repeat(15_000),
    brackets: '[a]('.repeat(25_000),
    addresses: 'https://a.co/_'.repeat(8_000),
    'closing punctuation': `https://a.co/${')'.repeat(60_000)}`,
    angles: '<a'.repeat(50_000),
    bullets: '- a\n'.repeat(25_000)
  }
  for (const [name, text] of Object.entries(hostile)) {
    const start = process.cpuUsage()
    const markdown = toDeskMarkdown(text)
    toWhatsApp(markdown)
    const { user } = process.cpuUsage(start)
    t.ok(user < 4_000_000, `${name}: ${Math.round(user / 1000)} ms`)
  }
})

t.test('names and cells show exactly themselves wherever they are put', async t => {
  const check = fc.check(
    fc.property(nasty([...MARKERS, ...WORDS, ...MARKDOWN, ...URLS, '\n']), name => {
      const expected = name.replace(/\s+/g, ' ').trim()
      const line = showBubble(escapeMarkdown(name)).join('\n')
      if (line !== expected) throw new Error(JSON.stringify({ name, line, markdown: escapeMarkdown(name) }))
      const table = showBubble(`| n | v |\n|---|---|\n| ${tableCell(name)} | x |`)
      if (table.at(-1) !== `${expected} | x`.trim() || table.length !== 2)
        throw new Error(JSON.stringify({ name, table, cell: tableCell(name) }))
    }),
    { seed: SEED, numRuns: 4000 }
  )
  t.equal(check.failed, false, `seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
  t.equal(tableCell(''), ' ')
  t.equal(escapeMarkdown('Foto *1*.jpg'), 'Foto \\*1\\*.jpg')
})

t.test('plainText gives the words of a message without its formatting', async t => {
  t.equal(
    plainText('**Hola** *Ana*, `x` ~~y~~ [web](https://a.co)\n\n- 1\\. uno'),
    'Hola Ana, x y web (https://a.co)\n\n- 1. uno'
  )
})
