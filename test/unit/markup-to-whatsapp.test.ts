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
        // An indented line right after a quote or an item: markdown-it leaves CommonMark there.
        if (/(?:>|[-+*]|\d[.)])[^\n]*\n+ {4}/.test(markdown) && renderBubble(markdown).includes('<pre>')) return
        const { shown, text, received } = compare(markdown)
        if (shown.length > 0 && JSON.stringify(shown) !== JSON.stringify(received)) {
          throw new Error(
            `\n${JSON.stringify({ markdown, text, shown, received, html: renderBubble(markdown) }, null, 1)}`
          )
        }
      }),
      { seed: SEED, numRuns: runs }
    )
    t.equal(check.failed, false, `${name}, ${runs} texts, seed ${SEED}: ${check.errorInstance ?? 'ok'}`)
  }
})
