/**
 * Pairs the delimiters of Markdown emphasis (`*`, `_`, `~~`) as CommonMark 0.31 "delimiter run" and its
 * "process emphasis" describe it, in linear time. Knows nothing of the text between them.
 */
import type { Mark } from './runs.ts'

export interface Delimiter {
  marker: '*' | '_' | '~'
  /** Length of the whole run of markers (0 for `~~`, to which the rule of three does not apply). */
  length: number
  /** Index of its token; each `*` and `_` is a token of its own, each `~~` one. */
  token: number
  opens: boolean
  closes: boolean
  /** Index of the closing delimiter in the same list, or -1. */
  end: number
}

/** A marked stretch between two tokens, both excluded. `width` is how many tokens each marker takes. */
export interface MarkedTokens {
  mark: Mark
  from: number
  to: number
}

/** Finds the marked stretches of one list of delimiters and reports which tokens became markers. */
export function pairDelimiters(delimiters: Delimiter[]): { marked: MarkedTokens[]; used: number[] } {
  matchDelimiters(delimiters)
  const marked: MarkedTokens[] = []
  const used: number[] = []
  for (let i = delimiters.length - 1; i >= 0; i--) {
    const start = delimiters[i]!
    if (start.end < 0) continue
    const end = delimiters[start.end]!
    used.push(start.token, end.token)
    if (start.marker === '~') {
      marked.push({ mark: 'strike', from: start.token, to: end.token })
      continue
    }
    const outer = delimiters[i - 1]
    const outerEnd = delimiters[start.end + 1]
    const strong =
      outer?.marker === start.marker &&
      outer.end === start.end + 1 &&
      outer.token === start.token - 1 &&
      outerEnd?.token === end.token + 1
    marked.push({ mark: strong ? 'bold' : 'italic', from: start.token, to: end.token })
    if (strong) {
      used.push(outer.token, outerEnd.token)
      i--
    }
  }
  return { marked, used }
}

function matchDelimiters(delimiters: Delimiter[]): void {
  // For each kind of closer, below which index no opener can be found: keeps hostile input linear.
  const bottoms: Record<string, number> = {}
  // How far to step left from a delimiter to skip what is already paired.
  const jumps: number[] = []
  let head = 0
  let lastToken = -2
  delimiters.forEach((closer, at) => {
    jumps[at] = 0
    if (delimiters[head]!.marker !== closer.marker || lastToken !== closer.token - 1) head = at
    lastToken = closer.token
    if (!closer.closes) return
    const kind = `${closer.marker}${closer.opens}${closer.length % 3}`
    const bottom = bottoms[kind] ?? -1
    const first = head - jumps[head]! - 1
    for (let i = first; i > bottom; i -= jumps[i]! + 1) {
      const opener = delimiters[i]!
      if (opener.marker !== closer.marker || !opener.opens || opener.end >= 0) continue
      if (breaksRuleOfThree(opener, closer)) continue
      const before = i > 0 && !delimiters[i - 1]!.opens ? jumps[i - 1]! + 1 : 0
      jumps[at] = at - i + before
      jumps[i] = before
      closer.opens = false
      opener.end = at
      opener.closes = false
      lastToken = -2
      return
    }
    bottoms[kind] = first
  })
}

function breaksRuleOfThree(opener: Delimiter, closer: Delimiter): boolean {
  if (!opener.closes && !closer.opens) return false
  return (opener.length + closer.length) % 3 === 0 && (opener.length % 3 !== 0 || closer.length % 3 !== 0)
}

const WHITE = /[\s\p{Z}]/u
const PUNCTUATION = /[\p{P}\p{S}]/u

/** Whether a run of markers between these two characters ('' = edge of the text) can open and can close emphasis. */
export function readFlanking(marker: string, before: string, after: string): { opens: boolean; closes: boolean } {
  const whiteBefore = before === '' || WHITE.test(before)
  const whiteAfter = after === '' || WHITE.test(after)
  const punctuationBefore = PUNCTUATION.test(before)
  const punctuationAfter = PUNCTUATION.test(after)
  const left = !whiteAfter && (!punctuationAfter || whiteBefore || punctuationBefore)
  const right = !whiteBefore && (!punctuationBefore || whiteAfter || punctuationAfter)
  if (marker !== '_') return { opens: left, closes: right }
  return { opens: left && (!right || punctuationBefore), closes: right && (!left || punctuationAfter) }
}
