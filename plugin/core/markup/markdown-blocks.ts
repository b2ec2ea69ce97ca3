/**
 * Reads the block structure of Markdown line by line (CommonMark 0.31 §3–5 plus tables), as the desk's renderer does.
 * Gives leaves with the containers they stand in; their text is still inline source. Leaves out HTML blocks (shown as
 * text there) and link reference definitions (kept as text, so that nothing an agent typed is lost).
 */

export interface Container {
  kind: 'quote' | 'item'
  /** Columns its content is indented by (items). */
  indent: number
  /** `-`, `+`, `*`, `.` or `)`: a change begins a new list. */
  delimiter: string
  number: number
  /** Nothing has begun in it yet: then a blank line ends an item. */
  empty: boolean
  /** Some leaf stands in it. */
  filled: boolean
  /** The list that its last child item belongs to, if that was its last child. */
  list?: { delimiter: string; next: number }
}

export interface Leaf {
  kind: 'paragraph' | 'heading' | 'code' | 'table' | 'rule' | 'empty-item'
  lines: string[]
  /** First and last line of the source it takes. */
  start: number
  end: number
  path: Container[]
}

interface Open {
  leaf: Leaf
  kind: 'paragraph' | 'fence' | 'indented' | 'table'
  fence?: RegExp
  indent?: number
  columns?: number
}

/** Deeper containers are text: markdown-it stops at a similar depth, and work on hostile input stays bounded. */
const MAX_DEPTH = 16

/** The leaves of a Markdown text in order. Never throws, takes linear time. */
export function parseBlocks(source: string): Leaf[] {
  const leaves: Leaf[] = []
  const stack: Container[] = []
  const root: Container = { kind: 'quote', indent: 0, delimiter: '', number: 0, empty: true, filled: false }
  let open: Open | null = null

  const parent = () => stack.at(-1) ?? root
  const addLeaf = (kind: Leaf['kind'], lines: string[], at: number): Leaf => {
    const leaf: Leaf = { kind, lines, start: at, end: at, path: [...stack] }
    for (const container of stack) Object.assign(container, { empty: false, filled: true })
    if (kind !== 'empty-item') parent().list = undefined
    leaves.push(leaf)
    open = null
    return leaf
  }
  const closeTo = (depth: number, at: number) => {
    if (stack.length > depth) open = null
    while (stack.length > depth) {
      if (stack.at(-1)!.kind === 'item' && !stack.at(-1)!.filled) addLeaf('empty-item', [], at)
      stack.pop()
    }
  }

  const lines = source.split('\n')
  let tableUntil = -1
  lines.forEach((line, at) => {
    if (at <= tableUntil) return
    let rest = expandTabs(line)
    let depth = 0
    let openNow: Open | null = open
    const blank = rest.trim() === ''
    for (; depth < stack.length; depth++) {
      const container = stack[depth]!
      const isBlank = blank || rest.trim() === ''
      if (container.kind === 'quote') {
        // Any indentation: so the renderer has it, unlike CommonMark.
        const match = /^ *> ?/.exec(rest)
        if (!match) break
        rest = rest.slice(match[0].length)
      } else if (isBlank) {
        if (container.empty) break
      } else if (indentOf(rest) >= container.indent) {
        rest = rest.slice(container.indent)
      } else {
        break
      }
    }
    const matched = depth === stack.length

    if (openNow?.kind === 'fence') {
      if (matched) {
        openNow.leaf.end = at
        if (openNow.fence!.test(rest)) open = null
        else openNow.leaf.lines.push(rest.slice(Math.min(indentOf(rest), openNow.indent!)))
        return
      }
      open = openNow = null
    }
    if (rest.trim() === '') {
      if (openNow?.kind === 'indented' && matched) openNow.leaf.lines.push(rest.slice(4))
      else open = null
      closeTo(depth, at - 1)
      // Two empty lines after an empty item end its list.
      const last = leaves.at(-1)
      if (last?.kind === 'empty-item' && last.end === at - 2) parent().list = undefined
      return
    }

    // The renderer looks for tables before all else: a head may look like a list item.
    const following = stack.length === 0 && openNow?.kind !== 'table' ? expandTabs(lines[at + 1] ?? '') : ''
    if (following !== '' && indentOf(rest) < 4 && indentOf(following) < 4 && isTableHead(rest, following)) {
      const table = addLeaf('table', [rest], at)
      table.end = tableUntil = at + 1
      open = { kind: 'table', leaf: table }
      return
    }

    // What is open goes on only if no block begins here.
    let begun = false
    for (;;) {
      const paragraph = !begun && openNow?.kind === 'paragraph' ? openNow : null
      if (indentOf(rest) >= 4) {
        if (paragraph) break
        if (openNow?.kind === 'indented' && matched && !begun) {
          openNow.leaf.lines.push(rest.slice(4))
          openNow.leaf.end = at
          return
        }
        closeTo(depth, at - 1)
        open = { kind: 'indented', leaf: addLeaf('code', [rest.slice(4)], at) }
        return
      }
      const quote = depth < MAX_DEPTH ? /^ {0,3}> ?/.exec(rest) : null
      if (quote) {
        closeTo(depth, at - 1)
        parent().list = undefined
        for (const container of stack) container.empty = false
        stack.push({ kind: 'quote', indent: 0, delimiter: '', number: 0, empty: true, filled: false })
        rest = expandTabs(rest.slice(quote[0].length))
        depth++
        begun = true
        open = null
        if (rest.trim() === '') return
        continue
      }
      const heading = readHeading(rest)
      if (heading !== null) {
        closeTo(depth, at - 1)
        addLeaf('heading', [heading], at)
        return
      }
      const fence = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})/.exec(rest)
      if (fence) {
        closeTo(depth, at - 1)
        const marker = fence[2]!
        const end = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}[ \\t]*$`)
        open = { kind: 'fence', leaf: addLeaf('code', [], at), fence: end, indent: fence[1]!.length }
        return
      }
      if (paragraph && matched && /^ {0,3}(?:=+|-+)[ \t]*$/.test(rest)) {
        paragraph.leaf.kind = 'heading'
        paragraph.leaf.end = at
        open = null
        return
      }
      if (isRule(rest)) {
        closeTo(depth, at - 1)
        addLeaf('rule', [], at)
        return
      }
      const item = depth < MAX_DEPTH ? readItem(rest) : null
      if (item && !(paragraph && matched && (item.blank || item.number > 1 || item.number === 0))) {
        closeTo(depth, at - 1)
        const { delimiter, indent } = item
        const list = parent().list
        const number = list?.delimiter === delimiter ? list.next : item.number
        parent().list = { delimiter, next: number + 1 }
        for (const container of stack) container.empty = false
        stack.push({ kind: 'item', indent, delimiter, number, empty: true, filled: false })
        rest = expandTabs(rest.slice(Math.min(indent, rest.length)))
        depth++
        begun = true
        open = null
        if (rest.trim() === '') return
        continue
      }
      break
    }

    if (!begun && !matched && openNow?.kind === 'paragraph') {
      openNow.leaf.lines.push(rest)
      openNow.leaf.end = at
      return
    }
    closeTo(depth, at - 1)
    if (!begun && matched && openNow?.kind === 'table') {
      openNow.leaf.lines.push(rest)
      openNow.leaf.end = at
      return
    }
    if (!begun && matched && openNow?.kind === 'paragraph') {
      const { leaf } = openNow
      if (isTableHead(leaf.lines.at(-1)!, rest)) {
        const head = leaf.lines.pop()!
        if (leaf.lines.length === 0) leaves.splice(leaves.lastIndexOf(leaf), 1)
        else leaf.end = at - 2
        const table = addLeaf('table', [head], at - 1)
        table.end = at
        open = { kind: 'table', leaf: table }
        return
      }
      leaf.lines.push(rest)
      leaf.end = at
      return
    }
    open = { kind: 'paragraph', leaf: addLeaf('paragraph', [rest.trimStart()], at) }
  })
  closeTo(0, lines.length - 1)
  return leaves
}

/** The cells of a table row, still as inline source. */
export function splitCells(row: string): string[] {
  const cells: string[] = []
  let cell = ''
  const text = row.trim()
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '|' && text[i - 1] === '\\') {
      cell = `${cell.slice(0, -1)}|`
    } else if (text[i] === '|') {
      cells.push(cell.trim())
      cell = ''
    } else {
      cell += text[i]
    }
  }
  cells.push(cell.trim())
  if (text.startsWith('|')) cells.shift()
  if (cells.length > 0 && cells.at(-1) === '' && text.endsWith('|')) cells.pop()
  return cells
}

function isTableHead(head: string, delimiters: string): boolean {
  const row = delimiters.trim()
  if (!/^(?:[|:][-|: \t]|-[-|:])[-|: \t]*$/.test(row) || !head.includes('|')) return false
  const columns = row.split('|').map(column => column.trim())
  if (columns.at(-1) === '') columns.pop()
  if (columns[0] === '') columns.shift()
  return (
    columns.every(column => /^:?-+:?$/.test(column)) && columns.length > 0 && splitCells(head).length === columns.length
  )
}

function readHeading(rest: string): string | null {
  const match = /^ {0,3}#{1,6}(?=[ \t]|$)/.exec(rest)
  if (!match) return null
  const text = rest.slice(match[0].length).trim()
  let end = text.length
  while (end > 0 && text[end - 1] === '#') end--
  if (end === 0) return ''
  return end < text.length && /[ \t]/.test(text[end - 1]!) ? text.slice(0, end).trimEnd() : text
}

function isRule(rest: string): boolean {
  const text = rest.replace(/[ \t]/g, '')
  return text.length >= 3 && /^(?:-+|\*+|_+)$/.test(text)
}

function readItem(rest: string): { delimiter: string; number: number; indent: number; blank: boolean } | null {
  const match = /^( {0,3})(?:([-+*])|(\d{1,9})([.)]))( +|$)/.exec(rest)
  if (!match) return null
  const [whole, , bullet, number, ordered, spaces] = match
  const marker = whole.length - spaces!.length
  const blank = rest.slice(whole.length).trim() === ''
  const indent = blank || spaces!.length > 4 ? marker + 1 : whole.length
  return { delimiter: (bullet ?? ordered)!, number: bullet ? 1 : Number(number), indent, blank }
}

function indentOf(rest: string): number {
  let indent = 0
  while (rest[indent] === ' ') indent++
  return indent
}

/** Leading tabs as spaces up to the next multiple of four. */
function expandTabs(rest: string): string {
  if (!/^ *\t/.test(rest)) return rest
  let column = 0
  let at = 0
  for (; rest[at] === ' ' || rest[at] === '\t'; at++) column += rest[at] === '\t' ? 4 - (column % 4) : 1
  return ' '.repeat(column) + rest.slice(at)
}
