/**
 * Markdown as lines of runs: what the desk's bubble shows, laid out for a place that has neither headings nor tables.
 * Decisions taken here: blank lines are kept as written (Enter in the desk's editor writes "\n\n", Enter twice "\n\n\n",
 * and the bubble shows one and two empty lines); a heading is a bold line; a table is its rows with " | " between cells
 * and a bold head; a list inside a list is indented.
 */
import type { Container, Leaf } from './markdown-blocks.ts'
import { parseBlocks, splitCells } from './markdown-blocks.ts'
import { parseInline } from './markdown-inline.ts'
import type { Line, Run } from './runs.ts'
import { cleanText } from './runs.ts'

const RULE = '———'

/** The lines that a Markdown text shows. Never throws, takes linear time. */
export function markdownLines(markdown: string): Line[] {
  const lines: Line[] = []
  const printed = new Set<Container>()
  let next = 0
  for (const leaf of parseBlocks(cleanText(markdown))) {
    for (; next < leaf.start; next++) if (lines.length > 0) lines.push({ block: 'text', runs: [] })
    next = leaf.end + 1
    const inner = leafRuns(leaf)
    for (const runs of inner.length > 0 ? inner : [[]]) lines.push(placeLine(runs, leaf.path, printed))
  }
  return lines
}

function leafRuns(leaf: Leaf): Run[][] {
  switch (leaf.kind) {
    case 'paragraph':
      return parseInline(leaf.lines.join('\n').trimEnd())
    case 'heading':
      return parseInline(leaf.lines.join('\n').trimEnd()).map(makeBold)
    case 'code':
      return leaf.lines.map(text => [{ text, mono: 'block' }])
    case 'rule':
      return [[{ text: RULE }]]
    case 'empty-item':
      return [[]]
    case 'table':
      return tableRuns(leaf.lines)
  }
}

function makeBold(runs: Run[]): Run[] {
  return runs.map(run => ({ ...run, bold: true }))
}

function tableRuns(rows: string[]): Run[][] {
  const width = splitCells(rows[0]!).length
  return rows.map((row, i) =>
    dropEmptyTail(splitCells(row).slice(0, width)).flatMap((cell, column) => {
      const runs = parseInline(cell).flat()
      const between: Run[] = column > 0 ? [{ text: ' | ' }] : []
      return [...between, ...(i === 0 ? makeBold(runs) : runs)]
    })
  )
}

function dropEmptyTail(cells: string[]): string[] {
  return cells.slice(0, cells.findLastIndex(cell => cell !== '') + 1)
}

/** Puts a line into its containers: the outermost becomes the line's block, the inner ones are written out. */
function placeLine(runs: Run[], path: Container[], printed: Set<Container>): Line {
  const line: Line = { block: 'text', runs: [] }
  let before = ''
  path.forEach((container, i) => {
    const first = !printed.has(container)
    printed.add(container)
    const { kind, delimiter, number } = container
    const ordered = delimiter === '.' || delimiter === ')'
    if (i === 0 && kind === 'quote') {
      line.block = 'quote'
    } else if (i === 0 && first) {
      line.block = ordered ? 'number' : 'bullet'
      if (ordered) line.number = number
    } else if (kind === 'quote') {
      if (path[i - 1]!.kind === 'item') before += '> '
    } else if (first) {
      before += ordered ? `${number}. ` : '- '
    } else {
      before += '  '
    }
  })
  if (runs.every(run => run.text.trim() === '')) before = before.replace(/[> ]+$/, '')
  if (before !== '') line.runs.push({ text: before })
  line.runs.push(...runs)
  return line
}
