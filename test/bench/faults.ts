/** B11 is measured by the fault run; here its report is only read. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { root } from './processes.ts'
import { type Bar, notRun } from './table.ts'

const REPORT = path.join('test', 'artefacts', 'fault.json')
const WHAT = 'lost · doubled · out of order · misfiled, fault runs'
const BAR = '0 · 0 · 0 · 0'

interface Row {
  id: string
  runs: number
  lost: number
  doubled: number
  reordered: number
  misfiled: number
}

export function readFaults(): Bar[] {
  const file = path.join(root, REPORT)
  if (!existsSync(file)) {
    return [notRun('B11', WHAT, BAR, `first run: npm run fault -- --quick --json ${REPORT}`)]
  }
  const { rows, seed } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[]; seed: number }
  const sum = (read: (row: Row) => number): number => rows.reduce((total, row) => total + read(row), 0)
  const counts = [sum(row => row.lost), sum(row => row.doubled), sum(row => row.reordered), sum(row => row.misfiled)]
  return [
    {
      id: 'B11',
      what: WHAT,
      bar: BAR,
      measured: counts.join(' · '),
      limit: null,
      ratio: null,
      holds: rows.length > 0 && counts.every(count => count === 0),
      detail: `${sum(row => row.runs)} runs of ${rows.length} faults, seed ${seed}, ${statSync(file).mtime.toISOString()}`
    }
  ]
}
