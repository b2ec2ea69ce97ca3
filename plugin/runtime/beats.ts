/** The slow beats of a process: each runs at most once at a time, and one that fails is tried again at its next beat. */
import type { Log } from '../core/bridge.ts'

export interface Beats {
  /** `task` every `ms` milliseconds; a beat that is still busy is left out. */
  every(ms: number, task: () => Promise<unknown>): void
  stop(): void
}

export function createBeats(log: Log): Beats {
  const timers: NodeJS.Timeout[] = []
  let stopped = false
  return {
    every(ms, task) {
      let busy = false
      timers.push(
        setInterval(() => {
          if (busy || stopped) return
          busy = true
          task()
            .catch(error => log.debug({ err: (error as Error).message }, 'a beat failed, the next comes'))
            .finally(() => {
              busy = false
            })
        }, ms)
      )
    },
    stop() {
      stopped = true
      for (const timer of timers) clearInterval(timer)
    }
  }
}
