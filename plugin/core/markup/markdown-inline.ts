/**
 * Reads inline Markdown the way the desk's bubbles show it (markdown-it: html off, single newlines break, plain
 * addresses link, `~~` strikes). Leaves out link references and definitions: `[x]: y` stays the text it is.
 */
import type { Delimiter, MarkedTokens } from './delimiters.ts'
import { pairDelimiters, readFlanking } from './delimiters.ts'
import { readEntity } from './entities.ts'
import { matchAutolink, matchBareUrl, readLinkTarget, showLinkTarget } from './links.ts'
import type { Mark, Run } from './runs.ts'
import { charAt, charBefore, joinRuns, MARKS } from './runs.ts'

type Token = { text: string; kind: 'text' | 'lone' | 'code' | 'break' | 'image' | 'target' }

/** Deeper nesting of brackets is plain text: bounds the work on hostile input. */
const MAX_BRACKETS = 100

interface Bracket {
  token: number
  delimiters: number
  image: boolean
  active: boolean
}

/** The lines of runs that a paragraph's source shows. Links become their text, followed by ` (address)` where needed. */
export function parseInline(source: string): Run[][] {
  const tokens: Token[] = []
  const delimiters: Delimiter[] = []
  const brackets: Bracket[] = []
  const marked: MarkedTokens[] = []
  const used = new Set<number>()
  const ticks = findTicks(source)
  let pending = ''
  let activeFrom = 0

  const push = (kind: Token['kind'], text: string) => {
    if (pending !== '') {
      tokens.push({ kind: 'text', text: pending })
      pending = ''
    }
    tokens.push({ kind, text })
  }
  const pair = (list: Delimiter[]) => {
    const result = pairDelimiters(list)
    marked.push(...result.marked)
    for (const token of result.used) used.add(token)
  }
  const breakLine = (next: number): number => {
    pending = pending.replace(/(?<! ) +$/, '')
    push('break', '')
    let at = next
    while (source[at] === ' ' || source[at] === '\t') at++
    return at
  }
  /** At a `]`: closes the nearest bracket as a link or an image; returns where to go on, or -1. */
  const closeBracket = (at: number): number => {
    const bracket = brackets.pop()
    if (!bracket) return -1
    const target = bracket.active && source[at + 1] === '(' ? readLinkTarget(source, at + 2) : null
    if (!target) return -1
    if (pending !== '') push('text', '')
    pair(delimiters.splice(bracket.delimiters))
    const label = tokens
      .slice(bracket.token + 1)
      .map((token, i) => (used.has(bracket.token + 1 + i) ? '' : token.text || (token.kind === 'break' ? ' ' : '')))
      .join('')
    tokens[bracket.token] = { kind: 'text', text: '' }
    if (bracket.image) {
      for (let i = bracket.token + 1; i < tokens.length; i++) tokens[i] = { kind: 'text', text: '' }
      push('image', label.trim() === '' ? target.href : `${label} (${target.href})`)
    } else {
      const { replace, text } = showLinkTarget(label, target.href)
      if (replace) for (let i = bracket.token + 1; i < tokens.length; i++) tokens[i] = { kind: 'text', text: '' }
      push(replace ? 'text' : 'target', text)
      // A link holds no link: what was opened before this one can only be an image.
      for (let i = brackets.length - 1; i >= activeFrom; i--) if (!brackets[i]!.image) brackets[i]!.active = false
      activeFrom = brackets.length
    }
    return target.end
  }

  for (let i = 0; i < source.length; ) {
    const char = source[i]!
    if (char === '\n') {
      i = breakLine(i + 1)
    } else if (char === '\\' && source[i + 1] === '\n') {
      i = breakLine(i + 2)
    } else if (char === '\\' && /[!-/:-@[-`{-~]/.test(source[i + 1] ?? '')) {
      push('text', source[i + 1]!)
      i += 2
    } else if (char === '`') {
      const code = readCode(source, i, ticks)
      if (code.text === undefined) pending += source.slice(i, code.end)
      else push('code', code.text)
      i = code.end
    } else if (char === '*' || char === '_' || (char === '~' && source[i + 1] === '~')) {
      let end = i + 1
      while (source[end] === char) end++
      const flanking = readFlanking(char, charBefore(source, i), charAt(source, end))
      const width = char === '~' ? 2 : 1
      if ((end - i) % width === 1) push('lone', char)
      for (let n = Math.floor((end - i) / width); n > 0; n--) {
        push('text', char.repeat(width))
        const length = char === '~' ? 0 : end - i
        delimiters.push({ marker: char, length, token: tokens.length - 1, ...flanking, end: -1 })
      }
      i = end
    } else if (brackets.length < MAX_BRACKETS && (char === '[' || (char === '!' && source[i + 1] === '['))) {
      push('text', char === '!' ? '![' : '[')
      brackets.push({ token: tokens.length - 1, delimiters: delimiters.length, image: char === '!', active: true })
      i += char === '!' ? 2 : 1
    } else if (char === ']') {
      const end = closeBracket(i)
      if (brackets.length < activeFrom) activeFrom = brackets.length
      if (end < 0) pending += ']'
      i = end < 0 ? i + 1 : end
    } else if (char === '<') {
      const link = matchAutolink(source, i)
      if (link) push('text', link.text)
      else pending += '<'
      i += link ? link.length : 1
    } else if (char === '&') {
      const entity = readEntity(source, i)
      if (entity) push('text', entity.text)
      else pending += '&'
      i += entity ? entity.length : 1
    } else {
      const url = matchBareUrl(source, i)
      if (url > 0) push('text', source.slice(i, i + url))
      else pending += char
      i += url > 0 ? url : 1
    }
  }
  if (pending !== '') push('text', '')
  pair(delimiters)
  moveLoneTildes(tokens, marked, used)
  return toLines(tokens, marked, used)
}

function findTicks(source: string): Map<number, { starts: number[]; next: number }> {
  const ticks = new Map<number, { starts: number[]; next: number }>()
  for (const match of source.matchAll(/`+/g)) {
    const known = ticks.get(match[0].length)
    if (known) known.starts.push(match.index)
    else ticks.set(match[0].length, { starts: [match.index], next: 0 })
  }
  return ticks
}

function readCode(source: string, start: number, ticks: ReturnType<typeof findTicks>): { end: number; text?: string } {
  let inner = start
  while (source[inner] === '`') inner++
  const same = ticks.get(inner - start)
  if (!same) return { end: inner }
  while (same.next < same.starts.length && same.starts[same.next]! < inner) same.next++
  const close = same.starts[same.next]
  if (close === undefined) return { end: inner }
  const text = source
    .slice(inner, close)
    .replaceAll('\n', ' ')
    .replace(/^ (.+) $/, '$1')
  return { end: close + (inner - start), text }
}

/** Of `~~~` one tilde is left over; the renderer shows it after the closing marker, not before. */
function moveLoneTildes(tokens: Token[], marked: MarkedTokens[], used: Set<number>): void {
  const closings = new Set(marked.filter(({ mark }) => mark === 'strike').map(({ to }) => to))
  for (const at of closings) {
    const lone = tokens[at - 1]
    if (lone?.kind !== 'lone' || lone.text === '') continue
    let last = at
    while (closings.has(last + 1)) last++
    lone.text = ''
    tokens[last] = { kind: 'text', text: '~' }
    used.delete(last)
  }
}

function toLines(tokens: Token[], marked: MarkedTokens[], used: Set<number>): Run[][] {
  const changes = new Map<number, [Mark, number][]>()
  const change = (at: number, mark: Mark, by: number) => {
    const list = changes.get(at)
    if (list) list.push([mark, by])
    else changes.set(at, [[mark, by]])
  }
  for (const { mark, from, to } of marked) {
    change(from, mark, 1)
    change(to, mark, -1)
  }
  const depth: Record<Mark, number> = { bold: 0, italic: 0, strike: 0 }
  const lines: Run[][] = [[]]
  tokens.forEach((token, i) => {
    for (const [mark, by] of changes.get(i) ?? []) depth[mark] += by
    if (used.has(i)) return
    if (token.kind === 'break') {
      lines.push([])
      return
    }
    const run: Run = { text: token.text }
    if (token.kind === 'code') run.mono = 'inline'
    if (token.kind !== 'target') for (const mark of MARKS) if (depth[mark] > 0) run[mark] = true
    // An entity may stand for a newline; it is shown as white space.
    run.text = run.text.replaceAll('\n', ' ')
    lines.at(-1)!.push(run)
  })
  return lines.map(joinRuns)
}
