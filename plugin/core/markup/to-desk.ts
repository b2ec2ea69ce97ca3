/**
 * What a customer typed to Markdown that the desk's bubble shows as WhatsApp does: everything Markdown would interpret
 * is escaped, WhatsApp's own formatting is translated. Contract: bubbles render Markdown of incoming text too.
 * Lists and quotes become real ones, so an empty line may appear behind them, where Markdown needs one to end them.
 */
import { escapeLineStart, escapeText } from './escape.ts'
import type { Line, Mark, Piece, Run } from './runs.ts'
import { charBefore, isSpace, nestRuns, tidyRuns } from './runs.ts'
import { parseWhatsApp } from './whatsapp-text.ts'

const MARKERS: Record<Mark, string> = { bold: '**', italic: '_', strike: '~~' }
// As a reference, so that the marker's neighbour is the punctuation `;` or `&`: markers flank well next to that.
const INVISIBLE = '&#8203;'

/** Latin words with nothing between them but a space and a sentence's own signs: most of what people write, and no markup. */
const PROSE = (() => {
  const letter = 'A-Za-zÀ-ÖØ-öø-ɏ'
  const rest = `(?:['’]?[0-9${letter}])*`
  return new RegExp(`^[¡¿]?[${letter}]${rest}(?:[.,;?!]? [¡¿]?[0-9${letter}]${rest})*[.,;?!]?$`)
})()

/** Markdown for a WhatsApp text. Never throws, takes linear time. */
export function toDeskMarkdown(whatsappText: string): string {
  // Keyboards leave a space behind the last word.
  const prose = whatsappText.trimEnd()
  return PROSE.test(prose) ? prose : writeMarkdown(parseWhatsApp(whatsappText))
}

type Kind = Line['block'] | 'fence'

/** Lines of runs as Markdown. Blank lines at both ends are dropped. */
export function writeMarkdown(lines: Line[]): string {
  const out: string[] = []
  let previous: Kind | null = null
  let blanks = 0
  let list = { next: -1, delimiter: ')' }
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    let last = i
    while (isFenceLine(lines[last])) last++
    const fence = last - i >= 2 && lines.slice(i, last).some(l => l.runs[0]!.text.trim() !== '')
    const kind: Kind = fence ? 'fence' : line.block
    const content = fence ? '' : writeLine(tidyRuns(line.runs))
    if (!fence && content === '') {
      blanks++
      continue
    }
    if (previous !== null) {
      const sameList = kind === 'number' && line.number === list.next && previous === 'number'
      const joins =
        (kind === previous && (kind !== 'number' || sameList)) ||
        previous === 'fence' ||
        (previous === 'text' && (kind !== 'number' || line.number === 1))
      if (blanks > 0 || !joins) out.push('')
      // A paragraph may begin with hard breaks: the only way to show more than one empty line.
      if (kind === 'text') for (let n = 1; n < blanks; n++) out.push('\\')
    }
    blanks = 0
    if (fence) {
      out.push(...writeFence(lines.slice(i, last).map(l => l.runs[0]!.text)))
      i = last - 1
    } else if (kind === 'number') {
      // The other delimiter begins a new list; the same one would go on counting.
      if (line.number !== list.next || previous !== 'number') list.delimiter = list.delimiter === ')' ? '.' : ')'
      list = { next: line.number! + 1, delimiter: list.delimiter }
      out.push(`${line.number}${list.delimiter} ${content}`)
    } else {
      out.push(kind === 'quote' ? `> ${content}` : kind === 'bullet' ? `- ${content}` : content)
    }
    previous = kind
  }
  return out.join('\n')
}

function isFenceLine(line: Line | undefined): boolean {
  return line?.block === 'text' && line.runs.length === 1 && line.runs[0]!.mono === 'block'
}

function writeFence(lines: string[]): string[] {
  const longest = Math.max(2, ...lines.map(line => longestTicks(line)))
  const marker = '`'.repeat(longest + 1)
  return [marker, ...lines, marker]
}

function longestTicks(text: string): number {
  let longest = 0
  for (const [ticks] of text.matchAll(/`+/g)) longest = Math.max(longest, ticks.length)
  return longest
}

function writeCode(text: string): string {
  const marker = '`'.repeat(longestTicks(text) + 1)
  const pad = /^`|`$|^ .* $/.test(text) ? ' ' : ''
  return marker + pad + text + pad + marker
}

function writeLine(runs: Run[]): string {
  const pieces = nestRuns(runs)
  const texts = pieces.map((piece, i) => ('run' in piece ? writeRun(piece.run, i + 1 < pieces.length) : ''))
  const italics = plainItalics(pieces, texts)
  const out: string[] = []
  let last = ''
  const append = (text: string) => {
    if (text === '') return
    out.push(text)
    last = charBefore(text, text.length)
  }
  pieces.forEach((piece, i) => {
    if ('run' in piece) {
      append(texts[i]!)
      return
    }
    const mark = 'open' in piece ? piece.open : piece.close
    const marker = mark === 'italic' && italics.has(piece.id) ? '*' : MARKERS[mark]
    if ('open' in piece) {
      const next = [...(texts[i + 1] ?? '').slice(0, 2)][0] ?? ''
      if (!flanks(marker, last, next)) append(INVISIBLE)
      append(marker)
    } else {
      const inside = last
      append(marker)
      const next = pieces[i + 1]
      const after = !next ? '' : 'run' in next ? ([...texts[i + 1]!.slice(0, 2)][0] ?? '') : '*'
      if (!flanks(marker, after, inside)) append(INVISIBLE)
    }
  })
  return escapeLineStart(out.join('').trimEnd())
}

/** Whether a marker between these characters can only be what we mean; '' is the edge of the line. */
function flanks(marker: string, outside: string, inside: string): boolean {
  if (outside === '' || /^[\s\p{P}]$/u.test(outside) || /^[!-/:-@[-`{-~]$/.test(outside)) return true
  return marker !== '_' && /^[\p{L}\p{N}]$/u.test(inside) && inside.length === 1
}

/** Italics that can be written with `*`, as the desk's editor does, because nothing near can be mistaken for it. */
function plainItalics(pieces: Piece[], texts: string[]): Set<number> {
  const found = new Set<number>()
  const begins = new Set<number>()
  pieces.forEach((piece, i) => {
    if ('open' in piece && piece.open === 'italic') {
      const before = i === 0 ? ' ' : texts[i - 1]!.slice(-1)
      if (isSpace(before) && /^[\p{L}\p{N}]/u.test(texts[i + 1] ?? '')) begins.add(piece.id)
    } else if ('close' in piece && piece.close === 'italic' && begins.has(piece.id)) {
      const after = i + 1 === pieces.length ? ' ' : texts[i + 1]!.slice(0, 1)
      if (isSpace(after) && after !== '\u200b' && /[\p{L}\p{N}]$/u.test(texts[i - 1] ?? '')) found.add(piece.id)
    }
  })
  return found
}

function writeRun(run: Run, followed: boolean): string {
  if (run.mono) return run.text === '' ? '' : writeCode(run.text)
  // A single tilde at the edge of a run could join a marker of ours.
  return escapeText(run.text, followed).replace(/^~|(?<!\\)~$/g, '\\~')
}
