/**
 * How customers' words get into desk rows without becoming anything else: Markdown slots, links, tables, and the grey
 * lines, which the desk puts into the page as HTML (Chatwoot 4.16 `Activity.vue`), not as Markdown.
 */
import { escapeLineStart, escapeText } from '../markup/escape.ts'

/** Invisible, and neither a space nor a line break: keeps two characters from meaning something together. */
const WORD_JOINER = '\u2060'

/** Longest text taken from one field; WhatsApp's own limit is 4,096. */
export const FIELD_LIMIT = 20_000

/** Longest row: the desk refuses more than 150,000 characters (chatwoot contract §4.1). */
export const CONTENT_LIMIT = 140_000

/** False for text in which a person sees nothing: spaces, invisible marks and the letters that are drawn empty. */
export function hasVisible(text: string | null | undefined): text is string {
  return text != null && /[^\s\p{Cf}\p{Cc}\u115f\u1160\u2800\u3164\uffa0]/u.test(text)
}

/** A text that fits; of a longer one the beginning, never half a character, and a sign that there was more. */
export function clip(text: string, limit = FIELD_LIMIT): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** One line: white space and control characters become single spaces, halves of characters the replacement sign. */
export function flatten(text: string): string {
  return clip(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/\p{Cs}/gu, '\ufffd')
    .trim()
}

/** At most `limit` characters as people count them, with an ellipsis. */
export function shorten(text: string, limit = 80): string {
  const flat = flatten(text)
  const head = flat.length <= limit * 12 ? flat : clip(flat, limit * 12).slice(0, -1)
  const graphemes = [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(head)]
  if (graphemes.length <= limit && head === flat) return flat
  return graphemes
    .slice(0, limit - 1)
    .map(each => each.segment)
    .join('')
    .trimEnd()
    .concat('…')
}

/** A customer's word within a line of Markdown: literal, and whatever of ours may follow it on that line. */
export function inline(text: string): string {
  return escapeLineStart(escapeText(flatten(text), true))
}

/** A customer's text of several lines, shown literally line by line (the desk breaks lines at `\n`). */
export function lines(text: string): string {
  return clip(text)
    .split(/\r\n|\r|\n|\u2028|\u2029/)
    .filter(hasVisible)
    .map(inline)
    .join('\n')
}

/** Bold, at the beginning of a line or after a space, and followed by the end of the line. */
export function bold(text: string): string {
  return `**${inline(text)}**`
}

/** A mark of ours, such as "Forwarded": italic, on a line of its own. The text must come from the catalogue. */
export function mark(sign: string, text: string): string {
  return `*${sign} ${text}*`
}

/** An http(s) address as it may stand in a Markdown link, or undefined when it is none. */
export function safeUrl(address: string | undefined): string | undefined {
  if (address === undefined || address.length > 2000) return undefined
  let url: URL
  try {
    url = new URL(address.trim())
  } catch {
    return undefined
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined
  // Whoever is shown before the @ is not who answers.
  if (url.username !== '' || url.password !== '') return undefined
  return url.href.replace(/[()[\]<>`|\\{}"'\s]/g, sign => '%' + sign.charCodeAt(0).toString(16).padStart(2, '0'))
}

/** `[label](address)`; the label is ours (catalogue) or escaped by the caller. Empty when the address is not usable. */
export function link(label: string, address: string | undefined): string {
  const url = safeUrl(address)
  // An `&name;` in the address would be read as a character reference.
  return url === undefined ? '' : `[${label}](${url.replace(/&(?=#|\w+;)/g, '\\&')})`
}

const CELL_LIMIT = 2000

/** A table; cells are escaped here. `align` has one of `l`, `r` for each column. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], align = ''): string {
  const cells = (row: readonly string[]) =>
    `| ${row.map(cell => (hasVisible(cell) ? inline(clip(flatten(cell), CELL_LIMIT)).replaceAll('|', '\\|') : '—')).join(' | ')} |`
  const rule = `| ${head.map((_, i) => (align[i] === 'r' ? '---:' : '---')).join(' | ')} |`
  return [cells(head), rule, ...rows.map(cells)].join('\n')
}

/**
 * Text for a grey line. The desk reads grey lines as HTML; a word joiner keeps `<b` from being a tag and `&amp` from
 * being a character, and shows the same in the tool tip, where an entity would be seen as such.
 */
export function plainLine(text: string, limit = 400): string {
  return shorten(text, limit)
    .replace(/<(?=[A-Za-z/!?])/g, '<' + WORD_JOINER)
    .replace(/&(?=[#A-Za-z])/g, '&' + WORD_JOINER)
}

/** The desk runs outgoing rows through Liquid (CW-LIQUID): `{{` and `{%` are kept from meaning anything. */
export function neutraliseLiquid(content: string): string {
  return content.replace(/\{(?=\\?[{%])/g, '{' + WORD_JOINER)
}

/** Blocks as one row, with a blank line between them; what does not fit is left out and said so. */
export function joinBlocks(blocks: readonly string[], cut: string): string {
  const kept: string[] = []
  let length = 0
  for (const block of blocks.filter(hasVisible)) {
    length += block.length + 2
    if (length > CONTENT_LIMIT) return [...kept, mark('✂️', cut)].join('\n\n')
    kept.push(block)
  }
  return kept.join('\n\n')
}
