// WhatsApp's own formatting (*bold*, _italic_, ~strike~, `code`, ```block```, > quote, lists) as a small tree.
// A tree and no HTML, so that nothing a customer types can become markup.
import { findLinks } from './desk-markdown.ts'

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'link'; text: string; url: string }
  | { kind: 'code'; text: string }
  | { kind: 'bold' | 'italic' | 'strike'; children: Inline[] }

export type Block =
  | { kind: 'paragraph' | 'quote'; children: Inline[] }
  | { kind: 'block'; text: string }
  | { kind: 'item'; marker: string; children: Inline[] }

const marks = { '*': 'bold', _: 'italic', '~': 'strike' } as const

/** A mark opens at a word's start and closes at a word's end; the marked text has no space at its edges. */
const marked = /(^|[^\p{L}\p{N}])([*_~])(?=\S)((?:(?!\2)[^\n])*[^\s])\2(?![\p{L}\p{N}])/u

function readLinks(text: string): Inline[] {
  const spans: Inline[] = []
  let at = 0
  for (const link of findLinks(text)) {
    if (link.from > at) spans.push({ kind: 'text', text: text.slice(at, link.from) })
    spans.push({ kind: 'link', text: text.slice(link.from, link.to), url: link.url })
    at = link.to
  }
  if (at < text.length) spans.push({ kind: 'text', text: text.slice(at) })
  return spans
}

function readMarks(text: string): Inline[] {
  const found = marked.exec(text)
  if (!found) return readLinks(text)
  const [whole, before = '', mark = '', inner = ''] = found
  const from = found.index + before.length
  const inLink = findLinks(text).some(link => link.from < from && from < link.to)
  if (inLink) return readLinks(text)
  return [
    ...readMarks(text.slice(0, from)),
    { kind: marks[mark as keyof typeof marks], children: readMarks(inner) },
    ...readMarks(text.slice(found.index + whole.length))
  ].filter(span => span.kind !== 'text' || span.text !== '')
}

export function readInline(text: string): Inline[] {
  return text
    .split(/(`[^`\n]+`)/)
    .flatMap((part, at) => (at % 2 === 1 ? [{ kind: 'code' as const, text: part.slice(1, -1) }] : readMarks(part)))
}

function readLine(line: string): Block {
  const quote = /^> ?(.*)$/.exec(line)
  if (quote) return { kind: 'quote', children: readInline(quote[1] ?? '') }
  const item = /^(?:[-*]|(\d{1,3})\.) (.+)$/.exec(line)
  if (item) return { kind: 'item', marker: item[1] ? `${item[1]}.` : '•', children: readInline(item[2] ?? '') }
  return { kind: 'paragraph', children: readInline(line) }
}

export function readMarkup(text: string): Block[] {
  return text.split(/```([\s\S]+?)```/).flatMap((part, at): Block[] => {
    if (at % 2 === 1) return [{ kind: 'block', text: part.replace(/^\n|\n$/g, '') }]
    const trimmed = part.replace(/^\n|\n$/g, '')
    return part === '' ? [] : trimmed.split('\n').map(readLine)
  })
}
