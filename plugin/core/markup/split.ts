/**
 * Cuts a WhatsApp text that is too long into messages: between paragraphs, else lines, sentences, words, and only then
 * anywhere; not inside a formatted stretch unless that stretch is itself too long for a message.
 */
import { charBefore } from './runs.ts'
import { formattedRanges } from './whatsapp-text.ts'

/** `text.body` takes 4096 characters (contract: whatsapp, messages, read 2026-07). */
const TEXT_LIMIT = 4096

/** A cut that leaves a piece shorter than this part of the limit is not worth its nicety. */
const SMALLEST_PART = 0.25

/** Ends of possible pieces, nicest kind first. Each match ends where the piece may end. */
const CUTS: RegExp[] = [/\n(?=[ \t]*\n)/g, /[^\n](?=\n)/g, /[.!?…؟。！？][)"'»”’\]]*(?=\s)|[。！？]/g, /\S(?=\s)/g]

/**
 * The text in pieces of at most `limit` UTF-16 units (never more characters than that, however they are counted).
 * Joined, the pieces lose nothing but white space at the cuts. A text of white space only gives no piece.
 * @throws RangeError when the limit is not a positive integer
 */
export function splitText(text: string, limit: number = TEXT_LIMIT): string[] {
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
  for (const kind of CUTS) {
    let best = -1
    for (const match of view.matchAll(kind)) {
      const at = start + match.index + match[0].length
      if (at - start <= limit && at > smallest && !near.some(([from, to]) => at > from && at < to)) best = at
    }
    if (best > 0) return best
  }
  const hardest = start + limit
  const inside = near.find(([from, to]) => hardest > from && hardest < to)
  if (inside && inside[0] > smallest) return inside[0]
  if (inside && inside[1] - inside[0] > limit) {
    const words = [...view.matchAll(CUTS.at(-1)!)].map(match => start + match.index + match[0].length)
    const last = words.filter(at => at > smallest && at - start <= limit).at(-1)
    if (last !== undefined) return last
  }
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
