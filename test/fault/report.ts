/**
 * Rows of the fault matrix as they are printed and written to JSON; a row holds only when nothing broke a law. What could
 * not run here (`holds` is null) holds nothing and fails nothing, and says why.
 */
import type { Verdict } from './oracle.ts'

export interface Row {
  id: string
  fault: string
  moment: string
  runs: number
  lost: number
  doubled: number
  reordered: number
  misfiled: number
  uncertain: number
  holds: boolean | null
  /** Messages judged, both directions. */
  judged: number
  /** Not delivered, but shown to a person with its reason. */
  shown: number
  tookMs: number
  /** What broke, by name; empty when it holds. */
  because: string[]
}

export interface Head {
  id: string
  fault: string
  moment: string
}

export function toRow(head: Head, runs: number, verdict: Verdict, tookMs: number, failures: string[] = []): Row {
  const { lost, doubled, reordered, misfiled, broken } = verdict
  const because = [
    ...failures,
    ...lost.map(each => `lost ${each}`),
    ...doubled.map(each => `doubled ${each}`),
    ...reordered.map(each => `reordered ${each}`),
    ...misfiled.map(each => `misfiled ${each}`),
    ...broken
  ]
  return {
    ...headOf(head),
    runs,
    lost: lost.length,
    doubled: doubled.length,
    reordered: reordered.length,
    misfiled: misfiled.length,
    uncertain: verdict.uncertain.length,
    holds: because.length === 0,
    judged: verdict.judged,
    shown: verdict.shown.length,
    tookMs: Math.round(tookMs),
    because: because.slice(0, 20)
  }
}

export function failedRow(head: Head, error: unknown, tookMs: number): Row {
  const nothing: Verdict = {
    judged: 0,
    lost: [],
    doubled: [],
    reordered: [],
    misfiled: [],
    uncertain: [],
    shown: [],
    broken: []
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return toRow(head, 0, nothing, tookMs, [`the row itself failed: ${text.slice(0, 600)}`])
}

/** What a row needs is not on this machine. */
export class NotRun extends Error {}

export function notRunRow(head: Head, why: string): Row {
  const nothing = { runs: 0, lost: 0, doubled: 0, reordered: 0, misfiled: 0, uncertain: 0, judged: 0, shown: 0 }
  return { ...headOf(head), ...nothing, holds: null, tookMs: 0, because: [why] }
}

const headOf = ({ id, fault, moment }: Head): Head => ({ id, fault, moment })

export function printRow(row: Row): void {
  if (row.holds === null) {
    process.stdout.write(`not run ${row.id.padEnd(3)} ${row.fault}; ${row.moment}: ${row.because.join(' ')}\n`)
    return
  }
  const counts = `judged ${row.judged}, lost ${row.lost}, doubled ${row.doubled}, reordered ${row.reordered}, misfiled ${row.misfiled}, uncertain ${row.uncertain}, shown ${row.shown}`
  const seconds = (row.tookMs / 1000).toFixed(1)
  process.stdout.write(
    `${row.holds ? 'holds' : 'BREAKS'}  ${row.id.padEnd(3)} ${row.fault}; ${row.moment}: ${counts} (${row.runs} runs, ${seconds} s)\n`
  )
  for (const each of row.because) process.stdout.write(`          ${each}\n`)
}
