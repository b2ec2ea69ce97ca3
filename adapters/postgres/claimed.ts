/**
 * A claimed lane with its waiting events, as both statements that claim lanes answer them: the one that takes due lanes
 * (lanes.ts), and the one that stores what comes for a lane that sleeps (intake-sql.ts).
 */
import type { ClaimedLane, EventKind, LaneEvent } from '../../plugin/core/ports/store.ts'
import type { Customers } from './customers.ts'

/** Of a lane `l`, its customer `c` and its binding `b`. */
export const LANE_COLUMNS = `l.id as lane_id, l.desk_id as lane_desk, l.number_id as lane_number, l.customer_id, l.outbound, l.fence,
  l.arrivals, l.strikes, l.parked, l.tokens, extract(epoch from clock_timestamp() - l.tokens_at) * 1000 as tokens_age,
  l.session_from, l.read_wamid, c.ids_sealed, b.contact_id, b.source_id, b.conversation_id, b.conversation_status, b.last_message_id`

export const EVENT_COLUMNS = `e.day::text as day, e.number_id, e.key, e.seq, e.kind, e.ord, e.occurred_at, e.received_at, e.attempts,
  e.attempt, extract(epoch from clock_timestamp() - e.attempt_at) * 1000 as attempt_age,
  extract(epoch from clock_timestamp() - e.received_at) * 1000 as received_age,
  coalesce(extract(epoch from e.due_at - clock_timestamp()) * 1000, 0) as due_in,
  e.code, e.page_day::text as page_day, e.page_id, e.page_offset, e.page_length`

/** SQL: what `write.ts` records before it posts a row, with the hold by which its own worker knows it. */
export const attemptOfClaim = (lane: string, fence: string, conversation: string, after: string): string =>
  `jsonb_build_object('kind', 'message', 'step', 0, 'conversationId', ${conversation}, 'after', ${after}, 'lane', ${lane}, 'fence', ${fence})`

export interface EventRow {
  day: string | null
  number_id: number
  key: string
  seq: number
  kind: EventKind
  ord: number
  occurred_at: Date
  received_at: Date
  attempts: number
  attempt: Record<string, unknown> | null
  attempt_age: string | null
  received_age: string
  due_in: string
  code: string | null
  page_day: string
  page_id: number
  page_offset: number
  page_length: number
}

export interface ClaimRow extends EventRow {
  lane_id: number
  lane_desk: number
  lane_number: number
  customer_id: number
  outbound: boolean
  fence: number
  arrivals: number
  strikes: number
  parked: number
  tokens: number
  tokens_age: string
  ids_sealed: Buffer
  window_from: Date | null
  session_from: Date | null
  last_wamid: string | null
  read_wamid: string | null
  contact_id: number | null
  source_id: string | null
  conversation_id: number | null
  conversation_status: string | null
  last_message_id: number | null
}

export const toEvent = (row: EventRow): LaneEvent => ({
  day: row.day!,
  numberId: row.number_id,
  key: row.key,
  seq: row.seq,
  kind: row.kind,
  ord: row.ord,
  occurredAt: row.occurred_at,
  receivedAt: row.received_at,
  attempts: row.attempts,
  attempt: row.attempt,
  attemptAgeMs: row.attempt_age === null ? null : Number(row.attempt_age),
  receivedAgeMs: Number(row.received_age),
  dueInMs: Number(row.due_in),
  code: row.code,
  pageDay: row.page_day,
  pageId: row.page_id,
  offset: row.page_offset,
  length: row.page_length
})

const toLane = (row: ClaimRow, customers: Pick<Customers, 'openIds'>): ClaimedLane => ({
  id: row.lane_id,
  deskId: row.lane_desk,
  numberId: row.lane_number,
  customerId: row.customer_id,
  outbound: row.outbound,
  fence: row.fence,
  arrivals: row.arrivals,
  strikes: row.strikes,
  ids: customers.openIds(row.ids_sealed),
  binding:
    row.last_message_id === null
      ? null
      : {
          contactId: row.contact_id,
          sourceId: row.source_id,
          conversationId: row.conversation_id,
          conversationStatus: row.conversation_status,
          lastMessageId: row.last_message_id,
          stored: row.conversation_id
        },
  windowFrom: row.window_from,
  sessionFrom: row.session_from,
  lastWamid: row.last_wamid,
  readWamid: row.read_wamid,
  parked: row.parked,
  tokens: row.tokens,
  tokensAgeMs: Number(row.tokens_age),
  attempted: null,
  events: []
})

/** Rows of one statement, each lane's together and in its order. */
export function toLanes(rows: ClaimRow[], customers: Pick<Customers, 'openIds'>): ClaimedLane[] {
  const lanes: ClaimedLane[] = []
  for (const row of rows) {
    let lane = lanes.at(-1)
    if (lane?.id !== row.lane_id) lanes.push((lane = toLane(row, customers)))
    if (row.day === null) continue
    const event = toEvent(row)
    if (event.attempt?.['lane'] === lane.id && event.attempt['fence'] === lane.fence) {
      // Something older may have come between the claim and this picture: then the attempt is made when it is its turn.
      if (lane.events.length === 0)
        lane.attempted = { seq: event.seq, conversationId: Number(event.attempt['conversationId']) }
      lane.events.push({ ...event, attempts: event.attempts - 1, attempt: null, attemptAgeMs: null })
    } else lane.events.push(event)
  }
  return lanes
}
