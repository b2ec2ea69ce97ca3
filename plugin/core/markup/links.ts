/**
 * Links in Markdown source: `[text](target)`, `<scheme:…>` and bare addresses, and how a link reads where there are
 * no links but plain text. Leaves out references.
 */

/** Longer targets are not taken for links; also bounds the work on hostile input. */
const TARGET_LENGTH = 2083

/** What stands after `](`: the address and the index after the closing parenthesis; null if it is no link target. */
export function readLinkTarget(source: string, start: number): { href: string; end: number } | null {
  const limit = Math.min(source.length, start + TARGET_LENGTH)
  const skip = (at: number) => {
    let next = at
    while (next < limit && /[ \t\n]/.test(source[next]!)) next++
    return next
  }
  let at = skip(start)
  const from = at
  if (source[at] === '<') {
    at++
    while (at < limit && source[at] !== '>') {
      if (source[at] === '\n' || source[at] === '<') return null
      at += source[at] === '\\' ? 2 : 1
    }
    if (source[at] !== '>') return null
    at++
  } else {
    let depth = 0
    for (; at < limit; at++) {
      const char = source[at]!
      if (char === '\\' && at + 1 < limit && source[at + 1] !== ' ') {
        at++
      } else if (char <= ' ' || char === '\u007f') {
        break
      } else if (char === '(') {
        if (++depth > 32) return null
      } else if (char === ')' && --depth < 0) {
        break
      }
    }
    if (depth > 0) return null
  }
  const raw = source[from] === '<' ? source.slice(from + 1, at - 1) : source.slice(from, at)
  const afterSpace = skip(at)
  if (afterSpace > at) {
    const title = /^(?:"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|\((?:\\[\s\S]|[^()\\])*\))/.exec(
      source.slice(afterSpace, limit)
    )
    at = skip(afterSpace + (title ? title[0].length : 0))
  }
  if (at >= limit || source[at] !== ')') return null
  const href = raw.replace(/\\([!-/:-@[-`{-~])/g, '$1').replaceAll('&amp;', '&')
  return /^(?:javascript|vbscript|file|data):/i.test(href) ? null : { href, end: at + 1 }
}

/** `<https://…>` or `<name@host>` at `index`. */
export function matchAutolink(source: string, index: number): { text: string; length: number } | null {
  const close = source.slice(index, index + TARGET_LENGTH).search(/[>\s]/)
  if (close < 0 || source[index + close] !== '>') return null
  const text = source.slice(index + 1, index + close)
  const isUrl = /^[a-z][a-z0-9+.-]{1,31}:[^<>]*$/i.test(text) && !/^(?:javascript|vbscript|file|data):/i.test(text)
  const isMail =
    /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i
  return isUrl || isMail.test(text) ? { text, length: close + 1 } : null
}

const LABEL = String.raw`[^<>\uff5c\p{Z}\p{P}\p{Cc}](?:[^<>\uff5c\p{Z}\p{P}\p{Cc}]|-){0,62}`
const PATH = String.raw`(?:[^\s<>\uff5c\p{Z}\p{Cc}()[\]{}.,"'?!\-;]|\((?:[^\s)])*\)|\[[^\s\]]*\]|\{[^\s}]*\}|\.{2,}[a-zA-Z0-9%/&]|[.,;](?![\s.]|$)|-+|!+(?![\s!]|$)|\?(?![\s?]|$))+`
const BARE = new RegExp(
  String.raw`(?:https?|ftp)://${LABEL}(?:\.${LABEL})*(?::\d{1,5})?(?=$|[<>\uff5c\p{Z}\p{P}\p{Cc}])(?!-|_|:\d|\.-|\.(?!$|[\p{Z}\p{P}\p{Cc}]))(?:[/?#]${PATH}|/)?`,
  'iuy'
)

/** Length of the web address with scheme that starts at `index`, or 0. Approximates the desk's link finder. */
export function matchBareUrl(source: string, index: number): number {
  const first = source[index]
  if (first !== 'h' && first !== 'f' && first !== 'H' && first !== 'F') return 0
  if (/[a-z0-9+.-]/i.test(source[index - 1] ?? '')) return 0
  // A backslash before a letter is shown with it as one piece, in which no address is looked for.
  let slashes = 0
  while (source[index - 1 - slashes] === '\\') slashes++
  if (slashes % 2 === 1) return 0
  if (!/^(?:https?|ftp):\/\//i.test(source.slice(index, index + 8))) return 0
  BARE.lastIndex = 0
  const match = BARE.exec(source.slice(index, index + TARGET_LENGTH))
  return match ? match[0].replace(/(?<!\*)\*+$/, '').length : 0
}

/**
 * How a link reads as plain text. `replace`: show `text` instead of the label; otherwise add `text` after it.
 * A web address that is its own label is shown whole, so that WhatsApp links it; mail and phone show the label.
 */
export function showLinkTarget(label: string, href: string): { replace: boolean; text: string } {
  const simple = (text: string) =>
    bareAddress(text)
      .replace(/^https?:\/\//i, '')
      .replace(/\/$/, '')
  if (href === '') return { replace: false, text: '' }
  if (label.trim() === '') return { replace: true, text: bareAddress(href) }
  if (/^mention:\/\//i.test(href)) return { replace: false, text: '' }
  if (simple(label.trim()) === simple(href)) {
    const linksItself = !/^https?:/i.test(href) || /^(?:https?:\/\/|www\.)/i.test(label.trim())
    return linksItself ? { replace: false, text: '' } : { replace: true, text: href }
  }
  const digits = (text: string) => text.replace(/[\s().-]/g, '')
  if (/^tel:/i.test(href) && digits(label) === digits(bareAddress(href))) return { replace: false, text: '' }
  return { replace: false, text: ` (${bareAddress(href)})` }
}

function bareAddress(href: string): string {
  return href.replace(/^mailto:([^?]*)(?:\?.*)?$/i, '$1').replace(/^tel:/i, '')
}
