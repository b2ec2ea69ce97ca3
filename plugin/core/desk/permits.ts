/**
 * Permits for calls to one desk: never more in flight than the pace allows, what an agent waits for before messages of
 * customers, these before ticks before backfill before comforts.
 */
import type { DeskPace } from './pace.ts'

/** Lower goes first. `agent`: what somebody at a screen has just done, and what they must do something about. */
export const PRIORITY = { agent: 0, message: 1, tick: 2, backfill: 3, comfort: 4 } as const
export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY]

export interface Permits {
  /** Null = none was free within `patienceMs` (default: however long it takes). */
  acquire(priority: Priority, patienceMs?: number): Promise<Permit | null>
  /** At most so many of those that are free now, if nobody waits; each is to be used within moments, or given back. */
  reserve(most: number): Permit[]
  /** How many calls of a higher rank wait. */
  waiting(priority: Priority): number
  inFlight(): number
  /** The limit may have grown without any call. */
  poke(): void
}

export interface Permit {
  /** The call of a reserved permit begins. */
  use(): void
  /** Gives it back, with what the call told: its duration, or that the desk is in trouble. */
  release(outcome: { tookMs: number } | 'trouble' | 'unused'): void
}

export function createPermits(pace: DeskPace): Permits {
  const queues: (() => void)[][] = Object.values(PRIORITY).map(() => [])
  let inFlight = 0
  let reserved = 0

  const grant = (isReserved: boolean): Permit => {
    let idle = isReserved
    let released = false
    const use = (): void => {
      if (idle) reserved--
      idle = false
    }
    return {
      use,
      release(outcome) {
        if (released) return
        released = true
        use()
        // What is only reserved does not show that the limit is in use.
        const full = inFlight - reserved >= pace.limit() || queues.some(queue => queue.length > 0)
        inFlight--
        if (outcome === 'trouble') pace.onTrouble()
        else if (outcome !== 'unused') pace.onCall(outcome.tookMs, full)
        next()
      }
    }
  }

  const next = (): void => {
    while (inFlight < pace.limit()) {
      const queue = queues.find(candidates => candidates.length > 0)
      if (queue === undefined) return
      inFlight++
      queue.shift()!()
    }
  }

  return {
    acquire(priority, patienceMs) {
      return new Promise(resolve => {
        const queue = queues[priority]!
        let patience: NodeJS.Timeout | undefined
        const take = (): void => {
          clearTimeout(patience)
          resolve(grant(false))
        }
        queue.push(take)
        if (patienceMs !== undefined) {
          patience = setTimeout(() => {
            queue.splice(queue.indexOf(take), 1)
            resolve(null)
          }, patienceMs)
        }
        next()
      })
    },
    reserve(most) {
      if (queues.some(queue => queue.length > 0)) return []
      const count = Math.max(0, Math.min(most, Math.floor(pace.limit() - inFlight)))
      inFlight += count
      reserved += count
      return Array.from({ length: count }, () => grant(true))
    },
    waiting: priority => queues.slice(0, priority).reduce((sum, queue) => sum + queue.length, 0),
    inFlight: () => inFlight,
    poke: next
  }
}
