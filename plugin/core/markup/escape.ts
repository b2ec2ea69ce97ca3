/**
 * Escaping for Markdown that is written by us: names, file names, table cells, and what customers type. Escapes what
 * the desk's renderer (markdown-it with html off, breaks, linkify, tables, strike-through, typographer) would take for
 * markup, and not more, because rules and search of the desk read the source. Straight quotes and `...` stay: the
 * typographer draws them curly and as one sign, which changes nothing but the look.
 */

import { findUrls } from './runs.ts'

const INLINE =
  /[\\`*[]|_|~~+|&(?=#?[a-z0-9]{1,32};)|<(?=[a-z0-9.!#$%&'*+/=?^_`{|}~-][^\s<>]*>)|\((?=(?:c|r|p|tm)\))|(?<=https?|ftp):(?=\/\/)|--+|\+-|,,+|[!?]{4,}/gi
const WORD = /[A-Za-z0-9]/

function escapeInline(text: string): string {
  return text.replace(INLINE, (found: string, at: number) => {
    if (found === '_') return WORD.test(text[at - 1] ?? '') && WORD.test(text[at + 1] ?? '') ? '_' : '\\_'
    if (found === '+-') return '+\\-'
    if (/^[!?]/.test(found)) return found.replace(/(...)(.)/g, '$1\\$2')
    if (/^[-,]/.test(found)) return found.replace(/(.)(.)/g, '$1\\$2')
    return found.replace(/[\s\S]/g, '\\$&')
  })
}

/**
 * Escapes everything that has a meaning within a line and keeps web addresses whole.
 * @param followed whether something (a marker, code) comes right after the text on its line
 */
export function escapeText(text: string, followed = false): string {
  const out: string[] = []
  let at = 0
  for (const [start, end] of findUrls(text)) {
    const url = writeUrl(text.slice(start, end), text.slice(end, end + 2), followed)
    // An exclamation mark before a link would make it an image.
    const exclaimed = url.startsWith('[') && start > at && text[start - 1] === '!'
    out.push(escapeInline(text.slice(at, exclaimed ? start - 1 : start)), exclaimed ? '\\!' : '', url)
    at = end
  }
  out.push(escapeInline(text.slice(at)))
  return out.join('')
}

const PLAIN_URL =
  /^(?:https?:\/\/|www\.)[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?(?:[/?#](?:[a-z0-9/_=&%+#]|[.?-](?=[a-z0-9/_=]))*)?$/i

/**
 * Plain addresses stay as they are, the desk links them. One whose characters or neighbours could be taken for markup
 * is put between angle brackets, and without a scheme, where those do not link, into an explicit link.
 */
function writeUrl(url: string, after: string, followed: boolean): string {
  const free = after === '' ? !followed : /^(?:\s|[.,;:!?)"']\s|[.,;:!?)"']$)/.test(after)
  const scheme = /^https?:\/\//i.exec(url)?.[0] ?? ''
  // A semicolon may follow and make a character reference of the address' last parameter.
  const escaped = escapeInline(`${url};`).slice(0, -1)
  const harmless = escaped.replace('\\:', ':') === url
  if (free && PLAIN_URL.test(url) && (scheme !== '' || harmless)) return url
  // The renderer rewrites host names of other scripts, and its link finder takes escapes for part of the address.
  if (/^https?:\/\/[a-z0-9.-]+(?:[:/?#]|$)/i.test(url)) return `<${url}>`
  if (scheme !== '') return harmless && free ? url : escaped
  if (harmless) return url
  return `[${escaped.replaceAll(']', '\\]')}](<http://${url.replace(/&(?=#?[a-z0-9]+;)/gi, '&amp;')}>)`
}

/** Escapes what has a meaning at the beginning of a line; give it a line whose inside is escaped already. */
export function escapeLineStart(line: string): string {
  const spaces = /^[ \t]*/.exec(line)![0]
  if (spaces !== '') {
    const kept = [...spaces].map(space => (space === ' ' ? '&nbsp;' : '&#9;')).join('')
    return spaces.length === line.length ? '' : kept + line.slice(spaces.length)
  }
  const number = /^(\d{1,9})([.)])(?=\s|$)/.exec(line)
  if (number) return `${number[1]}\\${line.slice(number[1]!.length)}`
  if (/^(?:#{1,6}(?:\s|$)|>|[-+](?:\s|$)|=+[ \t]*$|[-:|][-:|\\\s]*$)/.test(line)) return `\\${line}`
  return line
}

/** A text of others (a name, a title, a file name) as one line that shows exactly itself, wherever it is put. */
export function escapeMarkdown(text: string): string {
  return escapeLineStart(escapeText(text.replace(/\s+/g, ' ').trim()))
}

/** The same for a cell of a table: never empty, and `|` does not end it. */
export function tableCell(text: string): string {
  return escapeMarkdown(text).replaceAll('|', '\\|') || ' '
}
