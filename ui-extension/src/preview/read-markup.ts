// WhatsApp's own formatting (*bold*, _italic_, ~struck~, `code`, ```block```) as a small tree, and places that are not
// filled yet (`{{1}}`). A tree and no HTML, so that nothing that somebody typed can become markup.

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'slot'; text: string }
  | { kind: 'link'; text: string }
  | { kind: 'bold' | 'italic' | 'strike'; children: Inline[] }

const marks = { '*': 'bold', _: 'italic', '~': 'strike' } as const

/** A mark opens at a word's start and closes at a word's end; the marked text has no space at its edges. */
const marked = /(^|[^\p{L}\p{N}])([*_~])(?=\S)((?:(?!\2)[^\n])*[^\s])\2(?![\p{L}\p{N}])/u
const plain = /(\{\{\s*\w+\s*\}\}|https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])/

function readPlain(text: string): Inline[] {
  return text
    .split(plain)
    .map(
      (part, at): Inline =>
        ({ kind: at % 2 === 0 ? 'text' : part.startsWith('{{') ? 'slot' : 'link', text: part }) as Inline
    )
    .filter(span => span.kind !== 'text' || span.text !== '')
}

function readMarks(text: string): Inline[] {
  const found = marked.exec(text)
  if (!found) return readPlain(text)
  const [whole, before = '', mark = '', inner = ''] = found
  const from = found.index + before.length
  // Underscores of an address or of a slot's name are no marks.
  const held = [...text.matchAll(new RegExp(plain, 'g'))].find(
    one => one.index < from && from < one.index + one[0].length
  )
  if (held) {
    const end = held.index + held[0].length
    return [...readPlain(text.slice(0, end)), ...readMarks(text.slice(end))]
  }
  return [
    ...readPlain(text.slice(0, from)),
    { kind: marks[mark as keyof typeof marks], children: readMarks(inner) },
    ...readMarks(text.slice(found.index + whole.length))
  ]
}

export function readMarkup(text: string): Inline[] {
  return text
    .split(/(```[\s\S]+?```|`[^`\n]+`)/)
    .flatMap((part, at): Inline[] =>
      at % 2 === 1 ? [{ kind: 'code', text: part.replace(/^`+|`+$/g, '') }] : readMarks(part)
    )
}

/** The words alone, where there is no room for formatting. */
export const plainText = (text: string): string => wordsOf(readMarkup(text))

const wordsOf = (spans: Inline[]): string =>
  spans.map(span => ('children' in span ? wordsOf(span.children) : span.text)).join('')
