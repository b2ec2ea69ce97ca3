/**
 * The form of text both worlds have in common: lines of runs with marks. Parsers produce it, writers consume it.
 * Leaves out links (a link is its text and, where it matters, its address as text) and anything about wire formats.
 */

export type Mark = 'bold' | 'italic' | 'strike'

/** The marks a run can carry besides `mono`, in the order writers open them when nothing else decides. */
export const MARKS: readonly Mark[] = ['bold', 'italic', 'strike']

/** A stretch of text with one look. `mono: 'block'` was written with three backticks, `'inline'` with one. */
export interface Run {
  text: string
  bold?: boolean
  italic?: boolean
  strike?: boolean
  mono?: 'inline' | 'block'
}

/** One visible line. `number` is set for `block: 'number'` only. A line without runs is a blank line. */
export interface Line {
  block: 'text' | 'quote' | 'bullet' | 'number'
  number?: number
  runs: Run[]
}

/** Zero-width space: our separator. See `to-whatsapp.ts` for why this one. */
export const ZWSP = '\u200b'

/** Word joiner: invisible, neither space nor letter. */
export const WORD_JOINER = '\u2060'

const WORD = /[\p{L}\p{N}\p{M}]/u
// Variation selectors and the keycap are marks for Unicode, but end an emoji, not a word.
const EMOJI_TAIL = /[\ufe00-\ufe0f\u20e3]/

/** Letter, digit or combining mark, in any script. */
export function isWord(char: string): boolean {
  return char !== '' && WORD.test(char) && !EMOJI_TAIL.test(char)
}

/** White space, counting the zero-width space. */
export function isSpace(char: string): boolean {
  return char === ZWSP || /^\s/.test(char)
}

/** The whole character (code point) that ends right before `index`, or '' at the start. */
export function charBefore(text: string, index: number): string {
  if (index <= 0) return ''
  const low = text.charCodeAt(index - 1)
  if (low >= 0xdc00 && low <= 0xdfff && index >= 2) return text.slice(index - 2, index)
  return text[index - 1]!
}

/** The whole character (code point) that starts at `index`, or '' at the end. */
export function charAt(text: string, index: number): string {
  const point = text.codePointAt(index)
  return point === undefined ? '' : String.fromCodePoint(point)
}

/** Line ends as `\n`, no NUL (PostgreSQL refuses it), no half surrogate pairs (JSON parsers refuse them). */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replaceAll('\0', '')
    .replace(/\p{Surrogate}/gu, '\ufffd')
}

const URL_START = /(?<![\p{L}\p{N}+.-])(?:https?:\/\/|www\.)[^\s<>`\\\u200b\u2060]+/giu
const URL_TAIL = /[*_~.,;:!?)'"\]}»”’]/

/** Where web addresses stand in the text, as [start, end) pairs; closing punctuation and markers are not part of one. */
export function findUrls(text: string): [number, number][] {
  const found: [number, number][] = []
  if (!text.includes('://') && !/www\./i.test(text)) return found
  for (const match of text.matchAll(URL_START)) {
    const url = match[0]
    const hasParenthesis = url.includes('(')
    let length = url.length
    while (length > 0 && URL_TAIL.test(url[length - 1]!) && !(hasParenthesis && url[length - 1] === ')')) length--
    if (/^(?:https?:\/\/|www\.)./i.test(url.slice(0, length))) found.push([match.index, match.index + length])
  }
  return found
}

function sameLook(a: Run, b: Run): boolean {
  return !a.bold === !b.bold && !a.italic === !b.italic && !a.strike === !b.strike && a.mono === b.mono
}

/** Joins neighbours that look alike and drops empty runs (an empty mono block line stays). */
export function joinRuns(runs: Run[]): Run[] {
  const joined: Run[] = []
  let parts: string[] = []
  const close = () => {
    const last = joined.at(-1)
    if (last) last.text = parts.join('')
  }
  for (const run of runs) {
    if (run.text === '' && run.mono !== 'block') continue
    const last = joined.at(-1)
    if (last && sameLook(last, run)) {
      parts.push(run.text)
    } else {
      close()
      joined.push({ ...run })
      parts = [run.text]
    }
  }
  close()
  return joined
}

/**
 * Takes marks off the white space at the edge of a marked stretch, because neither side can write it there and nobody
 * sees it; white space inside keeps those of its marks that both its neighbours have.
 */
export function tidyRuns(runs: Run[]): Run[] {
  const pieces: (Run & { space?: boolean })[] = []
  for (const run of joinRuns(runs)) {
    const { start, end } = trimmedRange(run.text)
    if (start === end) {
      if (run.text !== '' || run.mono === 'block') pieces.push({ ...run, mono: undefined, space: true })
      continue
    }
    if (run.mono === 'block') {
      pieces.push(run)
      continue
    }
    if (start > 0) pieces.push({ ...run, mono: undefined, text: run.text.slice(0, start), space: true })
    pieces.push({ ...run, text: run.text.slice(start, end) })
    if (end < run.text.length) pieces.push({ ...run, mono: undefined, text: run.text.slice(end), space: true })
  }
  const following: (Run | undefined)[] = []
  let next: Run | undefined
  for (let i = pieces.length - 1; i >= 0; i--) {
    following[i] = next
    if (!pieces[i]!.space) next = pieces[i]
  }
  let previous: Run | undefined
  return joinRuns(
    pieces.map((piece, i) => {
      const { space, ...run } = piece
      if (!space) {
        previous = run
        return run
      }
      const after = following[i]
      for (const mark of MARKS) if (!previous?.[mark] || !after?.[mark]) delete run[mark]
      return run
    })
  )
}

function trimmedRange(text: string): { start: number; end: number } {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text[start]!)) start++
  while (end > start && isSpace(text[end - 1]!)) end--
  return { start, end }
}

export type Piece = { open: Mark; id: number } | { close: Mark; id: number } | { run: Run }

/** Turns runs into a well-nested sequence: what lasts longer is opened first; `id` pairs an opening with its closing. */
export function nestRuns(runs: Run[]): Piece[] {
  const lasts = runs.map(() => ({ bold: 0, italic: 0, strike: 0 }))
  for (let i = runs.length - 1; i >= 0; i--) {
    for (const mark of MARKS) if (runs[i]![mark]) lasts[i]![mark] = 1 + (lasts[i + 1]?.[mark] ?? 0)
  }
  const pieces: Piece[] = []
  const open: { mark: Mark; id: number }[] = []
  let id = 0
  runs.forEach((run, i) => {
    while (open.some(({ mark }) => !run[mark])) {
      const { mark, id } = open.pop()!
      pieces.push({ close: mark, id })
    }
    const wanted = MARKS.filter(mark => run[mark] && !open.some(o => o.mark === mark))
    wanted.sort((a, b) => lasts[i]![b] - lasts[i]![a])
    for (const mark of wanted) {
      open.push({ mark, id })
      pieces.push({ open: mark, id: id++ })
    }
    pieces.push({ run })
  })
  while (open.length > 0) {
    const { mark, id } = open.pop()!
    pieces.push({ close: mark, id })
  }
  return pieces
}

/** The characters of the lines without any look, with list and quote marks as a person would type them. */
export function linesToPlainText(lines: Line[]): string {
  return lines
    .map(line => {
      const text = line.runs.map(run => run.text).join('')
      if (line.block === 'bullet') return `- ${text}`
      if (line.block === 'number') return `${line.number}. ${text}`
      return line.block === 'quote' ? `> ${text}` : text
    })
    .join('\n')
}
