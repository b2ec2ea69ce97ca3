/** Port to what is kept of Meta's view of our numbers, read anew on a slow beat by one process at a time per WABA. */
import type { NumberFacts } from './channel.ts'

/** How far the reading of a WABA's numbers is. */
export interface NumberWatchState {
  wabaId: string
  /** When all of them were last read; null: never since they were connected. */
  readAt: Date | null
  /** Why the last reading failed; null when it did not. */
  code: string | null
}

export interface NumberWatchStore {
  /** Meta announced a change: the WABA is due now. */
  want(wabaId: string): Promise<void>
  /** Those of the given WABAs that are due, now leased to this process for `leaseMs`; nobody else gets them. */
  claim(wabaIds: readonly string[], owner: string, leaseMs: number): Promise<string[]>
  /** Keeps what Meta told; true when any of it is new. What it did not tell stays unknown. */
  keep(numberId: number, facts: NumberFacts): Promise<boolean>
  /** Ends the lease; due again at once if a change was announced meanwhile. `code`: why some number was not read. */
  settle(wabaId: string, owner: string, end: { nextInMs: number; code: string | null }): Promise<void>
  readState(): Promise<NumberWatchState[]>
}
