/**
 * The lag of our own echo hooks: from the desk's answer to our call until its hook about that row arrives. The best
 * congestion signal there is (contract §13). A hook that does not come at all counts while it is missing, not for ever.
 */
import type { DeskPace } from './pace.ts'

export interface Echoes {
  expect(deskId: number, messageId: number): void
  arrived(deskId: number, messageId: number): void
}

/** Hooks get lost; after this one of them no longer says anything about the desk. */
const FORGET_MS = 6_000
const LATE_MS = 700
const REMEMBERED = 20_000

export function createEchoes(options: { monotonicMs: () => number; pace: (deskId: number) => DeskPace }): Echoes {
  const expected = new Map<number, Map<number, number>>()
  // A hook may beat the answer of the call that caused it.
  const early = new Map<number, Set<number>>()

  const of = (deskId: number): Map<number, number> => {
    let known = expected.get(deskId)
    if (known === undefined) {
      known = new Map()
      expected.set(deskId, known)
      early.set(deskId, new Set())
    }
    return known
  }

  return {
    expect(deskId, messageId) {
      const waiting = of(deskId)
      if (early.get(deskId)!.delete(messageId)) {
        options.pace(deskId).onLag(0)
        return
      }
      const now = options.monotonicMs()
      waiting.set(messageId, now)
      for (const [oldest, at] of waiting) {
        if (now - at > FORGET_MS || waiting.size > REMEMBERED) {
          waiting.delete(oldest)
          continue
        }
        if (now - at > LATE_MS) options.pace(deskId).onLag(now - at)
        break
      }
    },
    arrived(deskId, messageId) {
      const waiting = of(deskId)
      const at = waiting.get(messageId)
      if (at !== undefined) {
        waiting.delete(messageId)
        options.pace(deskId).onLag(Math.max(0, options.monotonicMs() - at))
        return
      }
      const ahead = early.get(deskId)!
      ahead.add(messageId)
      if (ahead.size > 1_000) ahead.delete(ahead.values().next().value as number)
    }
  }
}
