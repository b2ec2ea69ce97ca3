/** When the ticks are told to the desk: one timer for the whole process, set to the earliest moment anybody asked for. */

/** Rows that one run takes at most; a full run is followed by the next at once. */
const FULL_RUN = 100

export interface TickTimer {
  /** Not later than in `inMs` milliseconds. */
  soon(inMs: number): void
  stop(): void
}

export interface TickTimerDeps {
  /** Tells what is due and answers how many rows it told. */
  run(): Promise<number>
  /** Milliseconds until the next tick of the store is due; null when there is none. */
  nextInMs(): Promise<number | null>
  monotonicMs(): number
}

export function createTickTimer(deps: TickTimerDeps): TickTimer {
  let timer: NodeJS.Timeout | null = null
  let dueAt = Number.POSITIVE_INFINITY
  let running = false
  let stopped = false

  const soon = (inMs: number): void => {
    const at = deps.monotonicMs() + inMs
    if (stopped || at >= dueAt) return
    if (timer !== null) clearTimeout(timer)
    dueAt = at
    timer = setTimeout(run, inMs + 5)
  }
  const run = async (): Promise<void> => {
    timer = null
    dueAt = Number.POSITIVE_INFINITY
    if (running || stopped) return
    running = true
    try {
      const told = await deps.run()
      const next = told === FULL_RUN ? 0 : await deps.nextInMs()
      running = false
      if (next !== null) soon(Math.max(50, next))
    } catch {
      running = false
      soon(1_000)
    }
  }
  return {
    soon,
    stop() {
      stopped = true
      if (timer !== null) clearTimeout(timer)
    }
  }
}
