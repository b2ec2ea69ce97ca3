/**
 * The alarm clock of an installation with one process: wake-ups in the same turn of the event loop become one run.
 * Nothing leaves the process.
 */
import type { Jobs } from '../../plugin/core/ports/jobs.ts'

export function createLocalJobs(): Jobs {
  let handler: (() => void) | undefined
  let isAwaited = false
  let isScheduled = false
  let isClosed = false
  let lastError: string | undefined

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(run)
  }

  function run(): void {
    isScheduled = false
    if (isClosed || !handler) return
    isAwaited = false
    try {
      handler()
    } catch (error) {
      lastError = (error as Error).message
    }
  }

  return {
    wake() {
      if (isClosed) return
      isAwaited = true
      if (handler) schedule()
    },
    async start(given) {
      if (isClosed) return
      handler = given
      if (isAwaited) schedule()
    },
    async close() {
      isClosed = true
    },
    state: () => ({ kind: 'local', healthy: !isClosed, ...(lastError === undefined ? {} : { lastError }) })
  }
}
