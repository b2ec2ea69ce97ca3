/**
 * Text from the desk's editor (Markdown) to WhatsApp's own formatting, so that the customer reads what the agent saw.
 * What each construct becomes is decided in `markdown-lines.ts`; here it is written down.
 *
 * WhatsApp has no escape character. Where it would format what the desk showed literally, a zero-width space goes on
 * both sides of the marker: inside, because a marker followed or preceded by a space does not format; outside, because
 * some clients want white space before an opening one. The word joiner would do neither, it is no space for anybody. The
 * same zero-width space, being no letter, makes the word boundary that formatting inside a word needs.
 */
import { markdownLines } from './markdown-lines.ts'
import type { Line, Mark, Run } from './runs.ts'
import {
  charAt,
  charBefore,
  cleanText,
  findUrls,
  isSpace,
  isWord,
  nestRuns,
  tidyRuns,
  WORD_JOINER,
  ZWSP
} from './runs.ts'
import { scanWholeLine } from './whatsapp-text.ts'

const MARKERS: Record<Mark, string> = { bold: '*', italic: '_', strike: '~' }
const BLOCK_START = /^(?:>|[-*]|\d{1,9}\.) +\S/

/** WhatsApp text for a Markdown message. Never throws, takes linear time; something typed never becomes nothing. */
export function toWhatsApp(markdown: string): string {
  const text = writeWhatsApp(markdownLines(markdown))
  if (text !== '') return text
  const literal = cleanText(markdown).trim().split('\n')
  return writeWhatsApp(literal.map(line => ({ block: 'text', runs: [{ text: line }] })))
}

/** Lines of runs as WhatsApp text. Blank lines at both ends are dropped. */
export function writeWhatsApp(lines: Line[]): string {
  const tidy = lines.map(line => ({ ...line, runs: tidyLine(line) }))
  const breakTriples = countTriples(tidy) > 1
  const out: string[] = []
  for (let i = 0; i < tidy.length; i++) {
    let end = i
    while (end < tidy.length && isMonoLine(tidy[end]!)) end++
    if (end > i) {
      out.push(...writeMonoBlock(tidy.slice(i, end).map(line => line.runs[0]!.text)))
      i = end - 1
    } else {
      out.push(writeLine(tidy[i]!, breakTriples))
    }
  }
  while (out.length > 0 && out[0]!.trim() === '') out.shift()
  while (out.length > 0 && out.at(-1)!.trim() === '') out.pop()
  return out.join('\n')
}

function tidyLine(line: Line): Run[] {
  const runs = isMonoLine(line) ? line.runs : tidyRuns(line.runs)
  const last = runs.at(-1)
  if (last && !last.mono) last.text = last.text.trimEnd()
  const first = runs[0]
  if (first && !first.mono && line.block !== 'text') first.text = first.text.trimStart()
  return runs.filter(run => run.text !== '' || run.mono === 'block')
}

function isMonoLine(line: Line): boolean {
  return line.block === 'text' && line.runs.length === 1 && line.runs[0]!.mono === 'block'
}

/** How many stretches of three backticks the message would hold; a single one formats nothing. */
function countTriples(lines: Line[]): number {
  let count = 0
  for (const run of lines.flatMap(line => line.runs)) {
    if (!run.mono) count += run.text.match(/```/g)?.length ?? 0
    else if (run.mono === 'block' || run.text.includes('`')) count += 2
  }
  return count
}

function writeMonoBlock(lines: string[]): string[] {
  const safe = lines.map(breakTriple)
  if (safe.every(line => line.trim() === '')) return safe.map(() => '')
  if (safe.length === 1 && !/^`|`$/.test(safe[0]!)) return ['```' + safe[0] + '```']
  return ['```', ...safe, '```']
}

function breakTriple(text: string): string {
  return text.replaceAll('```', '``' + ZWSP + '`').replaceAll('```', '``' + ZWSP + '`')
}

function writeLine(line: Line, breakTriples: boolean): string {
  const { block, runs } = line
  if (runs.length === 0) return block === 'bullet' ? '-' : block === 'number' ? `${line.number}.` : ''
  const content = writeRuns(breakTriples ? runs.map(r => (r.mono ? r : { ...r, text: breakTriple(r.text) })) : runs)
  if (block === 'bullet') return `- ${content}`
  if (block === 'number') return `${line.number}. ${content}`
  if (block === 'quote') return `> ${content}`
  return BLOCK_START.test(content) ? ZWSP + content : content
}

interface Written {
  text: string
  /** Positions of markers we mean (including backticks). */
  meant: Set<number>
  /** Position in `text` → index of the literal marker, counted over the line. */
  literal: Map<number, number>
}

/** Writes a line; while WhatsApp would format a literal marker, protects that one and looks again. */
function writeRuns(runs: Run[]): string {
  const protectedMarkers = new Set<number>()
  let everything = false
  for (let round = 0; round < 6; round++) {
    const written = writeOnce(runs, protectedMarkers, everything)
    const wrong = findWrong(written)
    if (wrong.length === 0) return written.text
    if (round >= 3) everything = true
    for (const index of wrong) protectedMarkers.add(index)
  }
  return writeOnce(
    runs.map(({ text }) => ({ text })),
    protectedMarkers,
    true
  ).text
}

/** The literal markers that WhatsApp would take for formatting; [-1] when one that we mean would not format. */
function findWrong({ text, meant, literal }: Written): number[] {
  const wrong = new Set<number>()
  const { pairs, opaque } = scanWholeLine(text)
  const found = new Set<number>()
  for (const { start, end } of pairs) for (const at of [start, end]) check(at)
  for (const { start, end, mono } of opaque) if (mono) for (const at of [start, end - 1]) check(at)
  function check(at: number) {
    found.add(at)
    const index = literal.get(at)
    if (index !== undefined) wrong.add(index)
  }
  if (wrong.size === 0) for (const at of meant) if (!found.has(at)) wrong.add(-1)
  return [...wrong]
}

function writeOnce(runs: Run[], protectedMarkers: Set<number>, everything: boolean): Written {
  const out: string[] = []
  let length = 0
  /** The last character written. */
  let last = ''
  const meant = new Set<number>()
  const literal = new Map<number, number>()
  let count = 0
  /** Whether a closing marker was just written: before a letter it needs a boundary. */
  let closed = false
  /** Whether the last text ended with an address: it would swallow a marker that something follows. */
  let url = false
  const append = (text: string) => {
    if (text === '') return
    out.push(text)
    length += text.length
    last = charBefore(text, text.length)
  }
  const appendMarker = (marker: string) => {
    meant.add(length)
    append(marker)
  }
  const appendLiteral = (marker: string) => {
    const guard = everything || protectedMarkers.has(count)
    if (guard && meant.has(length - 1)) append(WORD_JOINER)
    if (guard && last !== ZWSP) append(ZWSP)
    literal.set(length, count++)
    append(marker)
    if (guard) append(ZWSP)
  }
  const appendText = (text: string) => {
    const next = charAt(text, 0)
    if (closed && (isWord(next) || (url && !isSpace(next)))) append(ZWSP)
    // A marker of ours next to the same one meant literally would not format.
    else if (last === text[0] && meant.has(length - 1)) append(last === '`' ? ZWSP : WORD_JOINER)
    let at = 0
    const urls = findUrls(text)
    url = urls.length > 0 && !/[\s<>`]/.test(text.slice(urls.at(-1)![1]))
    for (const [start, end] of [...urls, [text.length, text.length]] as [number, number][]) {
      for (const part of text.slice(at, start).split(/([*_~`])/)) {
        if (part.length === 1 && '*_~`'.includes(part)) appendLiteral(part)
        else append(part)
      }
      append(text.slice(start, end))
      at = end
    }
    closed = false
  }
  const appendCode = (run: Run) => {
    if (last === '`' || isWord(last)) append(ZWSP)
    const code = run.text.trim()
    if (run.mono === 'inline' && !code.includes('`')) {
      appendMarker('`')
      append(code)
      appendMarker('`')
    } else {
      meant.add(length)
      append('```' + breakTriple(code) + (code.endsWith('`') ? ZWSP : '') + '```')
      meant.add(length - 1)
    }
    closed = true
  }
  for (const piece of nestRuns(runs)) {
    if ('open' in piece) {
      if (isWord(last) || url) append(ZWSP)
      url = false
      appendMarker(MARKERS[piece.open])
      closed = false
    } else if ('close' in piece) {
      const marker = MARKERS[piece.close]
      if (last === marker || last === ZWSP) append(WORD_JOINER)
      appendMarker(marker)
      closed = true
    } else if (piece.run.mono) {
      appendCode(piece.run)
    } else {
      appendText(piece.run.text)
    }
  }
  return { text: out.join(''), meant, literal }
}
