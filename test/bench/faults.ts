/** B11 is measured by the full fault run; here its report is only read, and taken for nothing less than that. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { root } from './processes.ts'
import { type Bar, notRun } from './table.ts'

const REPORT = path.join('test', 'artefacts', 'fault.json')
const WHAT = 'lost · doubled · out of order · misfiled, fault runs'
const BAR = '0 · 0 · 0 · 0'
/** What a report is about: newer than the report, it says nothing of this code any more. */
const SOURCES = ['plugin', 'adapters', 'migrations']

interface Row {
  id: string
  runs: number
  lost: number
  doubled: number
  reordered: number
  misfiled: number
  holds: boolean | null
}

export interface FaultReport {
  seed: number
  quick: boolean
  /** Rows that were asked for; null = all. */
  only: string | null
  rows: Row[]
}

/** Why a report proves nothing of the whole matrix; undefined = it does. */
export function findReportFault(report: FaultReport, reportMs: number, sourcesMs: number): string | undefined {
  if (report.quick !== false) return 'the last report is of a short run'
  if (report.only !== null) return 'the last report is of some rows only'
  if (report.rows.length === 0) return 'the last report has no rows'
  if (sourcesMs > reportMs) return 'the code is younger than the last report'
  return undefined
}

export function readFaults(file = path.join(root, REPORT)): Bar[] {
  const again = `run: npm run fault -- --json ${REPORT}`
  if (!existsSync(file)) return [notRun('B11', WHAT, BAR, `there is no report; ${again}`)]
  const report = JSON.parse(readFileSync(file, 'utf8')) as FaultReport
  const writtenAt = statSync(file).mtime
  const fault = findReportFault(report, writtenAt.getTime(), newestSource())
  if (fault !== undefined) return [notRun('B11', WHAT, BAR, `${fault}; ${again}`)]
  return [judgeReport(report, writtenAt)]
}

export function judgeReport({ rows, seed }: FaultReport, writtenAt: Date): Bar {
  const sum = (read: (row: Row) => number): number => rows.reduce((total, row) => total + read(row), 0)
  const counts = [sum(row => row.lost), sum(row => row.doubled), sum(row => row.reordered), sum(row => row.misfiled)]
  const red = rows.filter(row => row.holds === false)
  const notHere = rows.filter(row => row.holds === null).length
  return {
    id: 'B11',
    what: WHAT,
    bar: BAR,
    measured: counts.join(' · '),
    limit: null,
    ratio: null,
    holds: counts.every(count => count === 0) && red.length === 0 && notHere < rows.length,
    detail: [
      `${sum(row => row.runs)} runs of ${rows.length} faults, seed ${seed}, ${writtenAt.toISOString()}`,
      ...(red.length > 0 ? [`${red.length} rows do not hold: ${red.map(row => row.id).join(' ')}`] : []),
      ...(notHere > 0 ? [`${notHere} could not run here`] : [])
    ].join('; ')
  }
}

function newestSource(): number {
  let newest = 0
  for (const folder of SOURCES) {
    for (const name of readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }))
      if (name.endsWith('.ts') && !name.startsWith('sandbox/page'))
        newest = Math.max(newest, statSync(path.join(root, folder, name)).mtimeMs)
  }
  return newest
}
