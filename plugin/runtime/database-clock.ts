/**
 * The clock that decisions are made by: PostgreSQL's, told at every beat and carried on by a clock that never jumps. So
 * all processes agree, and a wall clock of this machine that is wrong or jumps changes nothing.
 */
import type { Clock } from '../core/bridge.ts'

export interface DatabaseClock extends Clock {
  /** PostgreSQL's time right now, milliseconds since 1970. */
  tell(nowMs: number): void
}

export function createDatabaseClock(monotonicMs: () => number = () => performance.now()): DatabaseClock {
  let knownMs = Date.now()
  let knownAtMs = monotonicMs()
  return {
    monotonicMs,
    now: () => new Date(knownMs + monotonicMs() - knownAtMs),
    tell(nowMs) {
      knownMs = nowMs
      knownAtMs = monotonicMs()
    }
  }
}
