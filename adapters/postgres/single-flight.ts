/**
 * Group commit: one batch on its way to PostgreSQL at a time, and whatever is handed in meanwhile goes into the next. No
 * timer. The next batch is on the wire before those of the last one are told: what they do then (answering, rendering,
 * calling the desk) would otherwise keep PostgreSQL waiting.
 */
export interface SingleFlight {
  /** Something was handed in. What is handed in within the same turn goes together. */
  kick(): void
  /** Resolves when nothing is on its way. */
  landed(): Promise<void>
}

export interface SingleFlightOptions<B> {
  /** What goes together next, at most so many; null when nothing waits. */
  take(most: number): B[] | null
  /** Hands it to the pool before its first await, never rejects, resolves with how to tell those who wait for it. */
  write(batch: B[]): Promise<() => void>
  /**
   * Senders with more to send as soon as they are told: all in one batch, they and PostgreSQL would wait for each other in
   * turn. In two of about the same size, one is worked on here while the other is written.
   */
  comeBack?: { waiting(): number }
}

/** Not worth a commit of their own. */
const FEW = 16

export function createSingleFlight<B>(options: SingleFlightOptions<B>): SingleFlight {
  const { take, write, comeBack } = options
  let flying: Promise<void> | null = null

  const halfOf = (last: number): number =>
    comeBack === undefined ? Number.POSITIVE_INFINITY : Math.max(FEW, Math.ceil((comeBack.waiting() + last) / 2))

  const fly = async (): Promise<void> => {
    await nextTick()
    let tell: (() => void) | null = null
    let last = 0
    for (;;) {
      const batch = take(halfOf(last))
      if (batch === null) break
      last = batch.length
      const writing = write(batch)
      // The pool sends in the next tick, hence before this.
      if (tell !== null) process.nextTick(tell)
      tell = await writing
    }
    flying = null
    tell?.()
  }

  return {
    kick() {
      flying ??= fly()
    },
    async landed() {
      while (flying !== null) await flying
    }
  }
}

function nextTick(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}
