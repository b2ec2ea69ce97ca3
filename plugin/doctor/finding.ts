/** What the doctor reports: a check with what it is about, and whether it could not be reached at all. */
import type { CheckResult, CheckState } from '../checks/check.ts'

export interface Finding extends CheckResult {
  /** The number, the desk, or the part of Puente. */
  about: string
  /** A service that Puente needs did not answer: exit code 3. */
  unreachable?: true
}

export interface Diagnosis {
  at: string
  state: CheckState
  checks: Finding[]
}

export function worst(states: readonly CheckState[]): CheckState {
  return states.includes('fail') ? 'fail' : states.includes('warn') ? 'warn' : 'ok'
}

/** The checks of one subject, each naming it. */
export function namer(about: string) {
  return {
    about,
    ok: (id: string, says: string): Finding => ({ about, id, state: 'ok', says }),
    warn: (id: string, says: string, remedy: string): Finding => ({ about, id, state: 'warn', says, remedy }),
    fail: (id: string, says: string, remedy: string): Finding => ({ about, id, state: 'fail', says, remedy }),
    unreachable: (id: string, says: string, remedy: string): Finding => ({
      about,
      id,
      state: 'fail',
      says,
      remedy,
      unreachable: true
    })
  }
}

export type Named = ReturnType<typeof namer>

/** 0 well · 1 something falls short · 3 a needed service cannot be reached. A warning alone is well. */
export function exitCodeOf(diagnosis: Diagnosis): number {
  if (diagnosis.checks.some(check => check.unreachable === true)) return 3
  return diagnosis.state === 'fail' ? 1 : 0
}
