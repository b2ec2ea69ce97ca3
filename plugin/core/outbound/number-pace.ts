/** Keeps a number within its throughput: this process's part of it, as a bucket of one second. */
export interface NumberPaces {
  take(numberId: number): Promise<void>
}

export function createNumberPaces(options: {
  monotonicMs: () => number
  sleep: (ms: number) => Promise<unknown>
  perSecond: (numberId: number) => number
}): NumberPaces {
  // The moment at which the next message of a number may leave; takers queue by moving it on.
  const nextMs = new Map<number, number>()
  return {
    async take(numberId) {
      const stepMs = 1_000 / options.perSecond(numberId)
      const now = options.monotonicMs()
      const burstMs = 1_000
      const at = Math.max(nextMs.get(numberId) ?? 0, now - burstMs + stepMs)
      nextMs.set(numberId, at + stepMs)
      if (at > now) await options.sleep(at - now)
    }
  }
}
