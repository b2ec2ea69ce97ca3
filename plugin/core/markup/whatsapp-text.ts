/**
 * What WhatsApp shows: reads WhatsApp's own formatting (bold, italic, strike, code, mono blocks, quotes, lists).
 * Meta publishes the markers (faq.whatsapp.com, "How to format your messages") but no grammar; the rules below are
 * the observed ones: markers at word boundaries, no space just inside, never across a line (a mono block may).
 */
import { markdownLines } from './markdown-lines.ts'
import type { Line, Mark, Run } from './runs.ts'
import { charAt, charBefore, cleanText, findUrls, isSpace, isWord, joinRuns, linesToPlainText } from './runs.ts'

const MARK_OF: Record<string, Mark | undefined> = { '*': 'bold', _: 'italic', '~': 'strike' }

/** A stretch that is taken as it stands: markers inside it mean nothing. Positions are in the text scanned. */
interface Opaque {
  start: number
  end: number
  /** Set for code, unset for addresses: what is shown instead of start..end. */
  mono?: 'inline' | 'block'
  text?: string
}

export interface Pair {
  mark: Mark
  start: number
  end: number
}

/** Result of scanning one line: positions of opening and closing markers, and opaque stretches in order. */
export interface LineScan {
  from: number
  pairs: Pair[]
  opaque: Opaque[]
}

/**
 * The lines and runs that WhatsApp shows for a text. Never throws, takes linear time.
 * @param text what was typed, or what is sent as `text.body`
 */
export function parseWhatsApp(text: string): Line[] {
  const clean = cleanText(text)
  const lines: Line[] = []
  for (const { start, end, mono } of splitLines(clean)) {
    if (mono.length > 0 && clean.slice(start, end) === '```') continue
    const raw = clean.slice(start, end)
    const { block, number, length } = readPrefix(raw, mono[0]?.start ?? raw.length)
    const line: Line = { block, runs: toRuns(raw, scanLine(raw, length, mono)) }
    if (number !== undefined) line.number = number
    lines.push(line)
  }
  return lines
}

/** The stretches [start, end) of the text that formatting holds together: cutting inside one would break it. */
export function formattedRanges(text: string): [number, number][] {
  const ranges: [number, number][] = findMonoBlocks(text)
  for (const { start, end, mono } of splitLines(text)) {
    const raw = text.slice(start, end)
    const { pairs, opaque } = scanLine(raw, readPrefix(raw, mono[0]?.start ?? raw.length).length, mono)
    for (const pair of pairs) ranges.push([start + pair.start, start + pair.end + 1])
    for (const stretch of opaque)
      if (stretch.mono === 'inline') ranges.push([start + stretch.start, start + stretch.end])
  }
  return ranges.sort((a, b) => a[0] - b[0])
}

/** The text of a Markdown message without any formatting: for previews, titles, quotes. */
export function plainText(markdown: string): string {
  return linesToPlainText(markdownLines(markdown)).trim()
}

function findMonoBlocks(text: string): [number, number][] {
  const blocks: [number, number][] = []
  let open = text.indexOf('```')
  while (open >= 0) {
    const close = text.indexOf('```', open + 3)
    if (close < 0) break
    if (text.slice(open + 3, close).trim() === '') {
      open = close
    } else {
      blocks.push([open, close + 3])
      open = text.indexOf('```', close + 3)
    }
  }
  return blocks
}

/** Lines of the text with the parts of mono blocks that fall into each (positions within the line). */
function* splitLines(text: string): Generator<{ start: number; end: number; mono: Opaque[] }> {
  const blocks = findMonoBlocks(text)
  let next = 0
  let start = 0
  while (start <= text.length) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    const mono: Opaque[] = []
    while (next < blocks.length && blocks[next]![0] <= end) {
      const [from, to] = blocks[next]!
      const inner = text.slice(Math.max(from + 3, start), Math.max(start, Math.min(to - 3, end)))
      mono.push({ start: Math.max(from, start) - start, end: Math.min(to, end) - start, mono: 'block', text: inner })
      if (to > end) break
      next++
    }
    yield { start, end, mono }
    start = end + 1
  }
}

function readPrefix(raw: string, until: number): Pick<Line, 'block' | 'number'> & { length: number } {
  const match = /^(?:(>)|([-*])|(0|[1-9]\d{0,8})\.) +/.exec(raw.slice(0, until))
  if (!match || raw.slice(match[0].length).trim() === '') return { block: 'text', length: 0 }
  if (match[1]) return { block: 'quote', length: match[0].length }
  if (match[2]) return { block: 'bullet', length: match[0].length }
  return { block: 'number', number: Number(match[3]), length: match[0].length }
}

/** Finds what WhatsApp would format within one line, from `from` on. `mono` are parts of mono blocks, in order. */
export function scanLine(raw: string, from = 0, mono: Opaque[] = []): LineScan {
  const opaque = findInlineCode(raw, from, mono)
  const coded = [...opaque]
  for (const [start, end] of findUrls(raw)) {
    if (start >= from && !overlaps(coded, start, end)) opaque.push({ start, end })
  }
  opaque.sort((a, b) => a.start - b.start)

  const pairs: Pair[] = []
  const open: Record<Mark, number> = { bold: -1, italic: -1, strike: -1 }
  let next = 0
  for (let i = from; i < raw.length; i++) {
    while (next < opaque.length && opaque[next]!.end <= i) next++
    if (next < opaque.length && opaque[next]!.start <= i) {
      i = opaque[next]!.end - 1
      continue
    }
    const char = raw[i]!
    const mark = MARK_OF[char]
    if (!mark) continue
    const before = i > from ? charBefore(raw, i) : ''
    const after = charAt(raw, i + 1)
    if (open[mark] >= 0) {
      if (before === char || isSpace(before) || isWord(after)) continue
      pairs.push({ mark, start: open[mark], end: i })
      const start = open[mark]
      for (const other of ['bold', 'italic', 'strike'] as const) if (open[other] >= start) open[other] = -1
    } else if (after !== '' && after !== char && !isSpace(after) && !isWord(before)) {
      open[mark] = i
    }
  }
  return { from, pairs, opaque }
}

/** The same for a line by itself, mono blocks within it included. */
export function scanWholeLine(raw: string): LineScan {
  const blocks = findMonoBlocks(raw).map(([start, end]) => ({
    start,
    end,
    mono: 'block' as const,
    text: raw.slice(start + 3, end - 3)
  }))
  return scanLine(raw, 0, blocks)
}

function overlaps(sorted: Opaque[], start: number, end: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]!.end <= start) low = middle + 1
    else high = middle
  }
  return low < sorted.length && sorted[low]!.start < end
}

function findInlineCode(raw: string, from: number, mono: Opaque[]): Opaque[] {
  const found: Opaque[] = []
  let start = from
  for (const block of mono) {
    findCodeBetween(raw, start, block.start, from, found)
    found.push(block)
    start = block.end
  }
  findCodeBetween(raw, start, raw.length, from, found)
  return found
}

function findCodeBetween(raw: string, start: number, end: number, from: number, found: Opaque[]): void {
  const ticks: number[] = []
  for (let i = raw.indexOf('`', start); i >= 0 && i < end; i = raw.indexOf('`', i + 1)) {
    if (raw[i - 1] !== '`' && raw[i + 1] !== '`') ticks.push(i)
  }
  const closes = ticks.map(i => !isSpace(charBefore(raw, i)) && !isWord(charAt(raw, i + 1)))
  const nextClose: number[] = []
  for (let k = ticks.length - 1; k >= 0; k--) nextClose[k] = closes[k] ? k : (nextClose[k + 1] ?? -1)
  for (let k = 0; k < ticks.length; k++) {
    const open = ticks[k]!
    const close = nextClose[k + 1] ?? -1
    if (close < 0) continue
    const inside = charAt(raw, open + 1)
    if (isSpace(inside) || (open > from && isWord(charBefore(raw, open)))) continue
    const last = ticks[close]!
    found.push({ start: open, end: last + 1, mono: 'inline', text: raw.slice(open + 1, last) })
    k = close
  }
}

function toRuns(raw: string, scan: LineScan): Run[] {
  const marks = new Map<number, Mark>()
  for (const { mark, start, end } of scan.pairs) marks.set(start, mark).set(end, mark)
  const stops = [...marks.keys(), ...scan.opaque.filter(o => o.mono).map(o => o.start)].sort((a, b) => a - b)
  const codes = new Map(scan.opaque.filter(o => o.mono).map(o => [o.start, o]))
  const look: Partial<Record<Mark, boolean>> = {}
  const runs: Run[] = []
  let at = scan.from
  for (const stop of stops) {
    if (stop > at) runs.push({ ...look, text: raw.slice(at, stop) })
    const code = codes.get(stop)
    if (code) {
      runs.push({ ...look, text: code.text ?? '', mono: code.mono })
      at = code.end
    } else {
      const mark = marks.get(stop)!
      if (look[mark]) delete look[mark]
      else look[mark] = true
      at = stop + 1
    }
  }
  if (at < raw.length) runs.push({ ...look, text: raw.slice(at) })
  return joinRuns(runs)
}
