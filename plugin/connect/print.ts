/** How checks and results of connecting look on a terminal; JSON is made elsewhere. */
import type { CheckResult } from '../checks/check.ts'
import { DATA_FLOWS, TERMS } from './terms.ts'

const SIGNS = { ok: '✓', warn: '!', fail: '✗' } as const

export function describeCheck(check: CheckResult): string {
  const remedy = check.remedy === undefined ? '' : `\n      → ${check.remedy}`
  return `  ${SIGNS[check.state]} ${check.says}${remedy}`
}

/** All that fell short, or one line when nothing did. */
export function describeChecks(checks: readonly CheckResult[]): string {
  const well = checks.filter(check => check.state === 'ok').length
  const rest = checks.filter(check => check.state !== 'ok')
  return [...rest.map(describeCheck), `  ${well} of ${checks.length} checks are well.`].join('\n')
}

export function describeTerms(changes: readonly string[]): string {
  return [
    '',
    'What changes:',
    ...changes.map(each => `  - ${each}`),
    '',
    'Which data goes where:',
    ...DATA_FLOWS.map(each => `  - ${each}`),
    '',
    "Meta's terms, which connecting accepts:",
    ...TERMS.links.map(each => `  - ${each}`),
    ''
  ].join('\n')
}
