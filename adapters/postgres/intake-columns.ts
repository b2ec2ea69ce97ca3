/** Rows and statuses of a group commit as the columns that its statements take. */
import type { IntakeRow, IntakeStatus } from '../../plugin/core/ports/store.ts'

/** PostgreSQL's own text of an array; only for numbers and words of ours, which need no quoting. */
export function toArray(values: readonly (number | string | null)[]): string {
  return `{${values.map(value => value ?? 'null').join()}}`
}

/** In place of a hold: the lane is due now, whatever it waits for. */
export const PULLS = -1

/** What waits for one lane. */
interface LaneRows {
  n: number
  holdMs: number
  opened: number | null
  latest: number
  wamid: string | null
}

/** What a lane is woken with: rows, shortest hold, from when the window is open, and the last message. */
export function byLane(all: IntakeRow[], lanes: (number | null)[], holds: number[]): unknown[] {
  const sums = new Map<number, LaneRows>()
  for (const [index, row] of all.entries()) {
    const lane = lanes[index]
    if (lane == null || row.state !== 0) continue
    const seconds = row.occurredAt.getTime() / 1000
    let sum = sums.get(lane)
    if (sum === undefined) {
      sum = { n: 0, holdMs: Number.POSITIVE_INFINITY, opened: null, latest: 0, wamid: null }
      sums.set(lane, sum)
    }
    sum.n++
    sum.holdMs = Math.min(sum.holdMs, holds[index]!)
    if (row.opensWindow) sum.opened = Math.max(sum.opened ?? 0, seconds)
    if (row.wamid !== undefined && seconds >= sum.latest) sum.wamid = row.wamid
    sum.latest = Math.max(sum.latest, seconds)
  }
  const each = [...sums.values()]
  return [
    toArray([...sums.keys()]),
    toArray(each.map(sum => sum.n)),
    toArray(each.map(sum => sum.holdMs)),
    toArray(each.map(sum => sum.opened)),
    toArray(each.map(sum => sum.latest)),
    each.map(sum => sum.wamid)
  ]
}

/** The rank of `failed`. */
const FAILED = 2

/** Statuses of one wamid inside one commit: a statement may touch a row only once. */
export interface JoinedStatus {
  numberId: number
  wamid: string
  rank: number
  times: (number | null)[]
  failure: IntakeStatus['failure']
  pricing: IntakeStatus['pricing']
  reference: string | null
}

export function joinInto(joined: Map<string, JoinedStatus>, status: IntakeStatus): void {
  const key = `${status.numberId} ${status.wamid}`
  let row = joined.get(key)
  if (row === undefined) {
    row = {
      numberId: status.numberId,
      wamid: status.wamid,
      rank: 0,
      times: [null, null, null, null, null],
      failure: null,
      pricing: null,
      reference: null
    }
    joined.set(key, row)
  }
  row.rank = Math.max(row.rank, status.rank)
  const seconds = status.at.getTime() / 1000
  const slot = status.rank - 1
  if (slot >= 0 && slot < 5) row.times[slot] = Math.min(row.times[slot] ?? seconds, seconds)
  row.failure ??= status.failure
  row.pricing ??= status.pricing
  row.reference ??= status.reference
}

/** As the statement has it: nothing better is known of it. */
export const tellsFailure = (row: JoinedStatus): boolean => row.rank === FAILED

export function statusColumns(rows: JoinedStatus[]): unknown[] {
  return [
    rows.map(row => row.numberId),
    rows.map(row => row.wamid),
    rows.map(row => row.rank),
    rows.map(row => row.times[0]),
    rows.map(row => row.times[2]),
    rows.map(row => row.times[3]),
    rows.map(row => row.times[4]),
    rows.map(row => row.times[1]),
    rows.map(row => (row.failure === null ? null : JSON.stringify(row.failure))),
    rows.map(row => (row.pricing === null ? null : JSON.stringify(row.pricing))),
    rows.map(row => row.reference)
  ]
}
