/** The sandbox's clock: wall time plus an offset that a test or a person may push forward. Leaves out time zones. */
import type { SandboxClock } from './parts.ts'

/** The clock, and a way to put its offset back (after a restart or a reset). */
export interface AdjustableClock extends SandboxClock {
  setOffsetMs(ms: number): void
}

export function createClock(offsetMs = 0): AdjustableClock {
  let offset = offsetMs
  return {
    now: () => Date.now() + offset,
    offsetMs: () => offset,
    jump(ms) {
      offset += ms
    },
    setOffsetMs(ms) {
      offset = ms
    }
  }
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads `24h`, `-90 min`, `7d`, `1500` (milliseconds). Undefined when it is none of these. */
export function readDurationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  const found = /^\s*([+-]?\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?\s*$/.exec(value)
  if (!found) return undefined
  return Number(found[1]) * (UNIT_MS[found[2] ?? 'ms'] ?? 1)
}
