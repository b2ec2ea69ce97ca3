/**
 * What a bubble of the desk shows, as an oracle for the markup tests: markdown-it with the options of Chatwoot's
 * MessageFormatter, its HTML reduced to lines of text with marks. Leaves out its mention plugin (private notes only).
 */
import MarkdownIt from 'markdown-it'
import type { Line } from '../../plugin/core/markup/runs.ts'

const options = { html: false, xhtmlOut: true, breaks: true, linkify: true, maxNesting: 20 } as const
const plain = new MarkdownIt({ ...options, typographer: false })
const typographic = new MarkdownIt({ ...options, typographer: true, quotes: '\u201c\u201d\u2018\u2019' })

/** One line: its block and its text, where each stretch of marks is written as `{bi:text}`. */
export type Shown = string

interface Context {
  tag: string
  start: number
  printed: boolean
  filled: boolean
}

export function renderBubble(markdown: string, { typographer = false } = {}): string {
  return (typographer ? typographic : plain).render(markdown)
}

/** The lines that the bubble shows, blank ones included between paragraphs and where breaks follow each other. */
export function showBubble(markdown: string, settings: { typographer?: boolean } = {}): Shown[] {
  const html = renderBubble(markdown, settings)
  const lines: Shown[] = []
  const containers: Context[] = []
  const marks: string[] = []
  let cells: Cell[] = []
  let pre = false
  let column = 0
  // Shown only when a later cell of the row has text.
  let between = ''
  let previous = ''

  const place = (): { block: string; before: string } => {
    let block = ''
    let before = ''
    containers.forEach((container, i) => {
      const first = !container.printed
      container.printed = true
      const name = container.start >= 0 ? `${container.start}. ` : '- '
      if (i === 0 && container.tag === 'blockquote') block = '> '
      else if (i === 0 && first) block = name
      else if (container.tag === 'blockquote') before += containers[i - 1]!.tag === 'li' ? '> ' : ''
      else if (first) before += name
    })
    return { block, before }
  }
  const endLine = () => {
    for (const container of containers) container.filled = true
    const { block, before } = place()
    const blank = cells.every(cell => cell.char.trim() === '')
    lines.push(writeShown(block, [...toCells(blank ? before.replace(/[> ]+$/, '') : before, ''), ...cells]))
    cells = []
  }

  for (const [, close = '', tag = '', attributes, text] of html.matchAll(/<(\/?)([a-z0-9]+)([^>]*)>|([^<]+)/g)) {
    if (text !== undefined) {
      const shown = decode(text)
      if (pre) {
        const parts = shown.split('\n')
        parts.forEach((part, i) => {
          if (i > 0) endLine()
          cells.push(...toCells(part, marks.join('')))
        })
      } else {
        // Newlines of the HTML source are layout, not text.
        if (shown.trim() !== '') {
          cells.push(...toCells(between, ''))
          between = ''
        }
        cells.push(...toCells(shown.replaceAll('\n', ' '), marks.join('')))
      }
      continue
    }
    // In a tight list text stands without a paragraph of its own.
    if (close === '' && /^(?:h\d|hr|pre|table|p)$/.test(tag)) {
      if (cells.some(cell => cell.char.trim() !== '')) endLine()
      cells = []
    }
    const mark = { strong: 'b', em: 'i', s: 's', code: 'm', th: 'b' }[tag!] ?? (/^h\d/.test(tag!) ? 'b' : '')
    if (mark !== '') close ? marks.splice(marks.lastIndexOf(mark), 1) : marks.push(mark)
    if (tag === 'pre') pre = !close
    if (tag === 'br') endLine()
    if (tag === 'hr') {
      cells.push(...toCells('———', ''))
      endLine()
    }
    if (tag === 'p' && !close && previous === '/p' && containers.length === 0) lines.push('')
    if (tag === 'tr') {
      column = 0
      between = ''
    }
    if ((tag === 'th' || tag === 'td') && !close && column++ > 0) between += ' | '
    if (tag === 'li' || tag === 'blockquote' || tag === 'ul' || tag === 'ol') {
      if (cells.some(cell => cell.char.trim() !== '')) endLine()
      cells = []
    }
    if (tag === 'ul' || tag === 'ol') {
      if (close) starts.pop()
      else starts.push(tag === 'ul' ? -1 : Number(/start="(\d+)"/.exec(attributes!)?.[1] ?? 1))
    }
    if (tag === 'li' || tag === 'blockquote') {
      if (close) {
        const last = containers.at(-1)!
        if (tag === 'li' && !last.filled) endLine()
        containers.pop()
      } else {
        const start = tag === 'li' ? starts.at(-1)! : -1
        if (start >= 0) starts[starts.length - 1] = start + 1
        containers.push({ tag, start, printed: false, filled: false })
      }
    }
    if (close && /^(?:p|h\d|tr)$/.test(tag!)) endLine()
    if (close && tag === 'pre' && cells.length > 0) endLine()
    if (close && tag === 'pre') cells = []
    if (!/^(?:strong|em|s|code|a|br)$/.test(tag!)) previous = close + tag
  }
  return lines
}

const starts: number[] = []

interface Cell {
  char: string
  marks: string
}

function toCells(text: string, marks: string): Cell[] {
  const unique = [...'bism'].filter(mark => marks.includes(mark)).join('')
  return [...text.replace(/[\u200b\u2060\ufffd]/g, '')].map(char => ({ char, marks: unique }))
}

/** White space has no look and shrinks to one space, as in a browser; a bare list mark is text. */
function writeShown(block: string, cells: Cell[]): Shown {
  const out: string[] = []
  let marks = ''
  let space = false
  for (const { char, marks: own } of cells) {
    if (/^\s/.test(char)) {
      space = true
      continue
    }
    if (own !== marks && marks !== '') out.push('}')
    if (space && out.length > 0) out.push(' ')
    if (own !== marks && own !== '') out.push(`{${own}:`)
    space = false
    marks = own
    out.push(char)
  }
  if (marks !== '') out.push('}')
  const text = out.join('')
  return text === '' ? block.trim().replace('>', '') : block + text
}

/** The same form for what WhatsApp shows. */
export function showLines(lines: Line[]): Shown[] {
  return lines.map(line => {
    const cells = line.runs.flatMap(run =>
      toCells(run.text, `${run.bold ? 'b' : ''}${run.italic ? 'i' : ''}${run.strike ? 's' : ''}${run.mono ? 'm' : ''}`)
    )
    const block = { text: '', quote: '> ', bullet: '- ', number: `${line.number}. ` }[line.block]
    return writeShown(block, cells)
  })
}

export function dropBlank(lines: Shown[]): Shown[] {
  return lines.filter(line => line !== '')
}

/** Without the blank lines at both ends. */
export function trimBlank(lines: Shown[]): Shown[] {
  const first = lines.findIndex(line => line !== '')
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex(line => line !== '') + 1)
}

function decode(html: string): string {
  return html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}
