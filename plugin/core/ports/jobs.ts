/**
 * Port to the alarm clock. It wakes somebody up; what is to be done stands in PostgreSQL. Everything here may be lost
 * at any time: a sweep of the store finds again what was not woken (law 2).
 */
export interface Jobs {
  /**
   * Asks for one run of the handler soon, in this or another process of the installation. Calls in quick succession
   * become one run, which begins after the last of them that it stands for. Never throws, never waits for the network.
   * Before `start` and while the alarm clock is out of order it is remembered or answered here; after `close`, ignored.
   */
  wake(): void
  /**
   * From now on this process takes runs. Resolves at once, also when Redis is down: it joins as soon as it can.
   * After a disturbance a run may come unasked. The handler must only kick off the work and return; what it throws is logged and forgotten. Called once.
   */
  start(handler: () => void): Promise<void>
  /** No run begins after it has resolved; leaves no timer and no connection. Repeatable, bounded in time. */
  close(): Promise<void>
  state(): JobsState
}

export interface JobsState {
  kind: 'local' | 'bull'
  /** False while wake-ups cannot reach other processes; this process then wakes itself. */
  healthy: boolean
  lastError?: string
}
