/** What a conformance run says: a line per check while it runs, a summary, and the JSON for machines. */
import type { Outcome } from './check.ts'

export interface Report {
  at: string
  /** Chatwoot's; null when it was not asked or does not say. */
  version: string | null
  graphVersion: string | null
  checks: Outcome[]
  interrupted: boolean
  /** What the run left in the desk, as `kind/id`. */
  left: string[]
}

const ID_COLUMNS = 24

export function verdictOf({ holds, expected }: Outcome): string {
  if (holds === null) return 'not checked'
  if (holds) return 'holds'
  return expected === undefined ? 'NOT HELD' : 'not held, as expected'
}

export function lineOf(outcome: Outcome): string {
  const { id, assumption, holds, seen, expected } = outcome
  const lines = [`${id.padEnd(ID_COLUMNS)} ${verdictOf(outcome).padEnd(12)} ${assumption}`]
  const indent = ' '.repeat(ID_COLUMNS + 1)
  if (holds === false && seen !== null) lines.push(`${indent}seen: ${seen}`)
  if (holds === null && seen !== null) lines.push(`${indent}${seen}`)
  if (holds === false && expected !== undefined) lines.push(`${indent}then: ${expected}`)
  return lines.join('\n')
}

export function summaryOf(report: Report): string {
  const count = (verdict: string) => report.checks.filter(outcome => verdictOf(outcome) === verdict).length
  const systems = [
    report.version === null ? null : `Chatwoot ${report.version}`,
    report.graphVersion === null ? null : `Graph ${report.graphVersion}`
  ].filter(text => text !== null)
  const counts = [
    `${count('holds')} hold`,
    `${count('not held, as expected')} do not and need not`,
    `${count('NOT HELD')} do not hold`,
    `${count('not checked')} not checked`
  ]
  const lines = [`\n${systems.join(', ') || 'no version told'}: ${counts.join(', ')}`]
  if (report.interrupted) lines.push('Interrupted before the end.')
  if (report.left.length > 0) lines.push(`Left in the desk: ${report.left.join(', ')}`)
  return lines.join('\n')
}

/** 0: everything that could be checked holds, or need not. */
export function exitCodeOf(report: Report, keep: boolean): 0 | 1 {
  const falls = report.checks.some(outcome => verdictOf(outcome) === 'NOT HELD')
  return falls || report.interrupted || (report.left.length > 0 && !keep) ? 1 : 0
}
