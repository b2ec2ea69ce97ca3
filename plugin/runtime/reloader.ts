/** Reads numbers and desks again when something unknown turns up, at most once a second, however many ask. */

export interface Reloader {
  /** False when nothing was read: it had been read a moment ago, or the database does not answer. */
  run(wait?: 'wait'): Promise<boolean>
}

export interface ReloaderDeps {
  refresh(): Promise<void>
  monotonicMs(): number
  sleep(ms: number): Promise<void>
}

const GAP_MS = 1_000

export function createReloader(deps: ReloaderDeps): Reloader {
  let readAtMs = Number.NEGATIVE_INFINITY
  let coming: Promise<boolean> | null = null

  const read = async (): Promise<boolean> => {
    readAtMs = deps.monotonicMs()
    try {
      await deps.refresh()
      return true
    } catch {
      return false
    }
  }
  const later = async (inMs: number): Promise<boolean> => {
    await deps.sleep(inMs)
    coming = null
    return read()
  }

  return {
    run(wait) {
      const inMs = readAtMs + GAP_MS - deps.monotonicMs()
      if (inMs <= 0 && coming === null) return read()
      if (wait === undefined) return Promise.resolve(false)
      // What was stored after the last reading is in the next one only.
      coming ??= later(Math.max(0, inMs))
      return coming
    }
  }
}
