/**
 * Lanes that are taken along with the rows that wake them: what comes for a customer of whom nothing waits needs no claim
 * of its own, if this process has a place for the lane and the permit for its first call.
 */
import type { Reservation } from '../../plugin/core/lanes/pump.ts'
import type { ClaimedLane, IntakeRow } from '../../plugin/core/ports/store.ts'
import { type ClaimRow, toLanes } from './claimed.ts'
import type { Customers } from './customers.ts'
import { toArray } from './intake-columns.ts'

/** Who works at once on what comes for lanes that sleep. */
export interface IntakeWorker {
  /** The holder of what is taken, and for how long. */
  owner: string
  leaseSeconds: number
  /** Places for at most so many inbound lanes of this desk. */
  reserve(deskId: number, most: number): Reservation
}

export interface Taking {
  /** Lanes to be taken, if they sleep. */
  size: number
  /** What the statement needs for it, see intake-sql.ts. */
  values(): unknown[]
  /** Reads what it took; their work begins when those who wait for the rows have been told. */
  took(rows: readonly object[], customers: Customers): ClaimedLane[]
  /** Nothing was taken. */
  failed(): void
}

/** @param lanes of the rows, in their order */
export function takeAlong(worker: IntakeWorker, rows: IntakeRow[], lanes: readonly (number | null)[]): Taking {
  const takenMs = performance.now()
  const wanted = new Map<number, Map<number, number>>()
  for (const [index, row] of rows.entries()) {
    const lane = lanes[index]
    if (lane == null || row.identity === null || row.outbound || row.state !== 0 || row.holdMs > 0) continue
    const { deskId } = row.identity
    const firsts = wanted.get(deskId) ?? new Map<number, number>()
    wanted.set(deskId, firsts)
    const first = firsts.get(lane)
    if (first === undefined || row.ord < rows[first]!.ord) firsts.set(lane, index)
  }
  const places = new Map([...wanted].map(([deskId, firsts]) => [deskId, worker.reserve(deskId, firsts.size)]))
  const chosen = new Map([...wanted].flatMap(([deskId, firsts]) => [...firsts].slice(0, places.get(deskId)!.size)))
  const begin = (taken: ClaimedLane[]): void => {
    for (const [deskId, place] of places)
      place.begin(
        taken.filter(lane => lane.deskId === deskId),
        takenMs
      )
  }
  return {
    size: chosen.size,
    values() {
      const firsts = new Set(chosen.values())
      return [rows.map((_, index) => firsts.has(index)), toArray([...chosen.keys()]), worker.owner, worker.leaseSeconds]
    },
    took(answer, customers) {
      const rows = answer as (ClaimRow | { lane_id: null })[]
      const taken = toLanes(
        rows.filter(row => row.lane_id !== null),
        customers
      )
      setImmediate(() => begin(taken))
      return taken
    },
    failed: () => begin([])
  }
}
