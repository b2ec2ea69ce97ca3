/**
 * Keeps a number within its throughput: this process's part of it, as a bucket of one second. Who would have to wait long
 * is told when to come back, so that a burst on one number takes up no places that others need.
 */
export interface NumberPaces {
  /** Resolves with 0 when the message may leave, or at once with the milliseconds after which to ask again. */
  take(numberId: number): Promise<number>
}

/** So long a message may wait in its place. */
const MOST_IN_PLACE_MS = 250
const BURST_MS = 1_000

export function createNumberPaces(options: {
  monotonicMs: () => number
  sleep: (ms: number) => Promise<unknown>
  perSecond: (numberId: number) => number
}): NumberPaces {
  // The moment at which the next message of a number may leave; takers queue by moving it on.
  const nextMs = new Map<number, number>()
  /** The same for those who were told to come back: each at a time of its own, as far as can be foreseen. */
  const toldMs = new Map<number, number>()
  return {
    async take(numberId) {
      const stepMs = 1_000 / options.perSecond(numberId)
      const now = options.monotonicMs()
      const at = Math.max(nextMs.get(numberId) ?? 0, now - BURST_MS + stepMs)
      if (at - now > MOST_IN_PLACE_MS) {
        const told = Math.max(toldMs.get(numberId) ?? 0, at)
        toldMs.set(numberId, told + stepMs)
        return told - now
      }
      nextMs.set(numberId, at + stepMs)
      if (at > now) await options.sleep(at - now)
      return 0
    }
  }
}
