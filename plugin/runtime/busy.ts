/** How busy this process is, by its own event loop. Where other processes want the same processor, it is the busier. */
import { performance } from 'node:perf_hooks'

/** What part of the time since the last call there was work to do, 0 to 1. */
export function createBusy(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
