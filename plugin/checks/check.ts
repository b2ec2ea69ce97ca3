/**
 * What one check of the surroundings says. `puente connect` runs checks before it changes anything, `puente doctor`
 * repeats them later. A check never throws for what it is there to find: that becomes `fail` with a remedy.
 */

export type CheckState = 'ok' | 'warn' | 'fail'

export interface CheckResult {
  /** Stable and part of the JSON output, for example `desk.token`. */
  id: string
  state: CheckState
  /** One plain sentence: what was found. */
  says: string
  /** One plain sentence: what to do. Only where the state is not `ok`. */
  remedy?: string
}

export function ok(id: string, says: string): CheckResult {
  return { id, state: 'ok', says }
}

export function warn(id: string, says: string, remedy: string): CheckResult {
  return { id, state: 'warn', says, remedy }
}

export function fail(id: string, says: string, remedy: string): CheckResult {
  return { id, state: 'fail', says, remedy }
}
