import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { toWhatsApp } from '../../plugin/core/markup/to-whatsapp.ts'
import { parseWhatsApp } from '../../plugin/core/markup/whatsapp-text.ts'
import { dropBlank, renderBubble, showBubble, showLines } from '../support/desk-bubble.ts'

const SEED = Number(process.env['MARKUP_SEED'] ?? 20261122)

function nasty(pieces: string[], maxLength = 14) {
  return fc.array(fc.constantFrom(...pieces), { maxLength }).map(parts => parts.join(''))
}

const INLINE = [
  '*',
  '**',
  '***',
  '_',
  '__',
  '~',
  '~~',
  '~~~',
  '`',
  '``',
  '```',
  '\\',
  '\\*',
  '\\_',
  'a',
  'b',
  '7',
  'ñ',
  ' ',
  ' ',
  '.',
  '(',
  ')',
  '!',
  '¡',
  '&amp;',
  '&#42;',
  '&lt;',
  '<b>',
  '😀',
  'שלום',
  '\u0301'
]
const BLOCKS = [
  '\n',
  '\n',
  '\n\n',
  '\n\n\n',
  '- ',
  '* ',
  '+ ',
  '1. ',
  '2. ',
  '1) ',
  '-',
  '> ',
  '>',
  '# ',
  '## ',
  '#',
  '---',
  '===',
  '    ',
  '  ',
  '\\\n',
  '  \n',
  '- a\n',
  '\n  - b',
  '\n> '
]
const LINKS = ['https://a.co/x', 'https://a.co/x_y_z', '<https://a.co>', 'ana_m@a.co', 'www.a.co/x']

/** The desk shows something for each of these, or the customer would get nothing: then the source is sent. */
function compare(markdown: string) {
  const shown = dropBlank(showBubble(markdown))
  const text = toWhatsApp(markdown)
  return { shown, text, received: dropBlank(showLines(parseWhatsApp(text))) }
}

t.test('S80: the customer reads what the agent saw, for any nasty Markdown', async t => {
  const runs = 6000
  for (const [name, pieces] of Object.entries({
    'inline markers': [...INLINE, '\u200b'],
    'blocks and inline markers': [...INLINE, ...BLOCKS],
    blocks: [...BLOCKS, 'a', 'b', '*', ' ', '`'],
    tables: ['a|b', '|', '-|-', '|-|-|', ':-:|-', '\\|', '\n', '\n', 'a', ' ', '**b**', '*', '`x`', '`'],
    everything: [...INLINE, ...BLOCKS, ...LINKS]
  })) {
    const check = fc.check(
      fc.property(nasty(pieces), markdown => {
        const html = renderBubble(markdown)
        // An indented line right after a quote or an item: markdown-it leaves CommonMark there. Empty code: no line.
        if (/(?:>|[-+*]|\d[.)])[^\n]*\n+ {4}/.test(markdown) && html.includes('<pre>')) return
        if (html.includes('<pre><code></code>')) return
        const { shown, text, received } = compare(markdown)
        if (shown.length > 0 && JSON.stringify(shown) !== JSON.stringify(received)) {
          throw new Error(`\n${JSON.stringify({ markdown, text, shown, received, html }, null, 1)}`)
        }
      }),
      { seed: SEED, numRuns: runs }
    )
    t.equal(check.failed, false, `${name}, ${runs} texts, seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
  }
})

t.test('S80: bold, italic and strike survive both ways, and the rest reads as in the bubble', async t => {
  const Z = '\u200b'
  const cases: [string, string, string][] = [
    [
      'bold and italic',
      '**Precio:** $ 89.900\n*Incluye* batería\nVer 1\\. garantía',
      '*Precio:* $ 89.900\n_Incluye_ batería\nVer 1. garantía'
    ],
    ['the other spellings', '__a__ _b_ ~~c~~', '*a* _b_ ~c~'],
    ['nested', '***a*** **b _c_ d**', '*_a_* *b _c_ d*'],
    ['inside a word', 'un**ver**dad', `un${Z}*ver*${Z}dad`],
    ['over a line', '**a\nb**', '*a*\n*b*'],
    ['inline code', 'usa `npm i`', 'usa `npm i`'],
    ['a fence', '```js\nuno\n  dos\n```', '```\nuno\n  dos\n```'],
    ['Enter in the editor is one empty line', '**negrita** normal\n\nlinea 2', '*negrita* normal\n\nlinea 2'],
    ['Enter twice is two', 'linea 2\n\n\nparrafo', 'linea 2\n\n\nparrafo'],
    ['the same before the hook has normalised it', 'linea 2\n\n\\\nparrafo', 'linea 2\n\n\nparrafo'],
    ['Shift+Enter', 'a\\\nb', 'a\nb'],
    ['a list as the editor writes it', '- uno\n\ndos', '- uno\n\ndos'],
    ['numbered', '1. a\n2. b', '1. a\n2. b'],
    ['numbers as shown, not as written', '3. a\n3. b', '3. a\n4. b'],
    ['nested list', '- a\n  - b\n- c', '- a\n  - b\n- c'],
    ['quote', '> a\n> b\n\nc', '> a\n> b\n\nc'],
    ['heading', '# Título\ntexto', '*Título*\ntexto'],
    ['table', '| a | b |\n|---|---|\n| 1 | 2 |', '*a* | *b*\n1 | 2'],
    ['rule', 'a\n\n---\n\nb', 'a\n\n———\n\nb'],
    ['link with text', '[tienda](https://a.co/x_y)', 'tienda (https://a.co/x_y)'],
    ['link that is its text', '[https://a.co](https://a.co/)', 'https://a.co'],
    ['link that lacks its scheme', '[a.co](https://a.co)', 'https://a.co'],
    ['plain and bracketed addresses', 'https://a.co/x_y_z <https://a.co/*b*>', 'https://a.co/x_y_z https://a.co/*b*'],
    ['bold address', '**https://a.co/x**', '*https://a.co/x*'],
    [
      'mail and phone',
      '[ana@a.co](mailto:ana@a.co) [+34 600](tel:+34600) [escribe](mailto:ana@a.co?subject=x)',
      'ana@a.co +34 600 escribe (ana@a.co)'
    ],
    ['mention', '[@Bea](mention://user/1/Bea) mira', '@Bea mira'],
    ['image', '![](https://a.co/i.png) ![foto](https://a.co/i.png)', 'https://a.co/i.png foto (https://a.co/i.png)'],
    ['unsafe link stays text', '[x](javascript:alert)', '[x](javascript:alert)'],
    ['unescaped characters of the editor', '2*3 = 6_x_ #1', '2*3 = 6_x_ #1'],
    ['HTML and entities', '<b>x</b> &amp; y', '<b>x</b> & y'],
    ['literal markers do not format', '\\*hola\\* ~ok~', `${Z}*${Z}hola${Z}*${Z} ${Z}~${Z}ok${Z}~${Z}`],
    ['literal markers that never would stay clean', '2\\*3\\*4 a\\_b', '2*3*4 a_b'],
    ['literal list mark', '\\- x', `${Z}- x`],
    ['a definition is not lost', '[nota]: hola', '[nota]: hola'],
    ['a lone mark is not lost', '#', '#'],
    ['nothing', ' \n ', '']
  ]
  for (const [name, markdown, text] of cases) t.equal(toWhatsApp(markdown), text, name)
})

t.test('S80: the recorded hooks of the desk give the text the agent saw', async t => {
  const content = (file: string) => {
    const json = JSON.parse(readFileSync(new URL(`../fixtures/chatwoot/${file}`, import.meta.url), 'utf8'))
    return toWhatsApp((json.body ?? json).content)
  }
  t.equal(
    content('webhook.message_created.outgoing-markdown.json'),
    '*Precio:* $ 89.900\n_Incluye_ batería\nVer 1. garantía'
  )
  t.equal(content('recorded-4.16.2/hook.message_created.quote.json'), 'quoted reply')
})

t.test('hostile Markdown takes linear time and never throws', async t => {
  const hostile: Record<string, string> = {
    asterisks: '*'.repeat(60_000),
    'mixed emphasis': '*a_b**c~~d__'.repeat(6_000),
    'open brackets': '['.repeat(60_000),
    images: '![a'.repeat(20_000),
    links: '[a](b'.repeat(12_000),
    'nested links': `${'['.repeat(20_000)}a${'](b)'.repeat(20_000)}`,
    'rising backticks': Array.from({ length: 300 }, (_, i) => '`'.repeat(i)).join(' '),
    quotes: '>'.repeat(60_000),
    'quoted lines': `${'>'.repeat(500)}\n`.repeat(120),
    items: '- '.repeat(30_000),
    'indented items': Array.from({ length: 300 }, (_, i) => `${' '.repeat(i * 2)}- a`).join('\n'),
    table: `|${'a|'.repeat(200)}\n|${'-|'.repeat(200)}\n${`|${'b|'.repeat(200)}\n`.repeat(100)}`,
    'literal markers': '\\*a\\* '.repeat(8_000),
    spaces: `a${' '.repeat(60_000)}b`,
    entities: '&amp'.repeat(15_000)
  }
  for (const [name, text] of Object.entries(hostile)) {
    const start = process.cpuUsage()
    toWhatsApp(text)
    const { user } = process.cpuUsage(start)
    t.ok(user < 4_000_000, `${name}: ${Math.round(user / 1000)} ms`)
  }
})
