/**
 * Cuts a WhatsApp text that is too long into messages: between paragraphs, else lines, sentences, words, and only then
 * anywhere; not inside a formatted stretch unless that stretch is itself too long for a message.
 */
import { RULES } from '../rules.ts'
import { charBefore } from './runs.ts'
import { formattedRanges } from './whatsapp-text.ts'

/** A cut that leaves a piece shorter than this part of the limit is not worth its nicety. */
const SMALLEST_PART = 0.25

/** Ends of possible pieces, nicest kind first. Each match ends where the piece may end. */
const WORD_END = /\S(?=\s)/g
const CUTS: RegExp[] = [/\n(?=[ \t]*\n)/g, /[^\n](?=\n)/g, /[.!?…؟。！？][)"'»”’\]]*(?=\s)|[。！？]/g, WORD_END]

/**
 * The text in pieces of at most `limit` UTF-16 units (never more characters than that, however they are counted).
 * Joined, the pieces lose nothing but white space at the cuts. A text of white space only gives no piece.
 * @param limit default: what a text message takes (`RULES.textLimit`)
 * @throws RangeError when the limit is not a positive integer
 */
export function splitText(text: string, limit: number = RULES.textLimit.value): string[] {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`limit must be a positive integer, got ${limit}`)
  if (text.trim() === '') return []
  if (text.length <= limit) return [text]
  const ranges = formattedRanges(text)
  const pieces: string[] = []
  let start = 0
  while (text.length - start > limit) {
    const cut = findCut(text, start, limit, ranges)
    const piece = text.slice(start, cut).trimEnd()
    if (piece.trim() !== '') pieces.push(piece)
    start = cut
    while (start < text.length && /\s/.test(text[start]!)) start++
  }
  if (start < text.length) pieces.push(text.slice(start).trimEnd())
  return pieces
}

function findCut(text: string, start: number, limit: number, ranges: [number, number][]): number {
  const smallest = start + Math.floor(limit * SMALLEST_PART)
  // One more character: what follows the last possible cut decides whether it is one.
  const view = text.slice(start, start + limit + 1)
  const near = ranges.filter(([from, to]) => from < start + limit && to > start)
  const lastCut = (kind: RegExp, from: number, ignoreRanges = false): number => {
    let best = -1
    for (const match of view.matchAll(kind)) {
      const at = start + match.index + match[0].length
      if (at <= from || at - start > limit) continue
      if (ignoreRanges || !near.some(([from, to]) => at > from && at < to)) best = at
    }
    return best
  }
  for (const kind of CUTS) {
    const cut = lastCut(kind, smallest)
    if (cut > 0) return cut
  }
  // No nice one: rather a short piece than a broken word or stretch.
  const short = lastCut(WORD_END, start)
  if (short > 0) return short
  const hardest = start + limit
  const inside = near.find(([from, to]) => hardest > from && hardest < to)
  if (inside && inside[0] > start) return inside[0]
  const within = lastCut(WORD_END, smallest, true)
  if (within > 0) return within
  return findGraphemeEnd(text, start, hardest)
}

/** The last end of a visible character at or before `at`; a single one longer than a piece is cut between its parts. */
function findGraphemeEnd(text: string, start: number, at: number): number {
  const from = Math.max(start, at - 256)
  const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text.slice(from, at + 64))
  const begin = segments.containing(at - from)?.index ?? at - from
  if (begin > 0 && from + begin > start) return from + begin
  const broken = charBefore(text, at + 1).length === 2
  if (!broken) return at
  return at - 1 > start ? at - 1 : at + 1
}
