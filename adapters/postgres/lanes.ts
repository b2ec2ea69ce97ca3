/**
 * Lanes: who may work on which customer's direction, and what waits there. A lease is a row update with a fencing
 * number; every time in it is PostgreSQL's. Leaves out what the work is.
 */
import type pg from 'pg'
import { EVENTS_PER_LANE } from '../../plugin/core/lanes/hold.ts'
import type { ClaimedLane, EventKind, LaneEvent, Lanes } from '../../plugin/core/ports/store.ts'
import type { Customers } from './customers.ts'
import { hurryLanes } from './hurry.ts'
import type { Pages } from './pages.ts'

export interface LanesOptions {
  pool: pg.Pool
  pages: Pages
  customers: Customers
  owner: string
  leaseSeconds: number
  /** Desks that are known: what waits for others waits until they are. */
  deskIds: () => number[]
  /** How many waiting events are read with a lane. */
  eventsPerLane?: number
}

const EVENT_COLUMNS = `e.day::text as day, e.number_id, e.key, e.seq, e.kind, e.ord, e.occurred_at, e.received_at, e.attempts,
  e.attempt, extract(epoch from clock_timestamp() - e.attempt_at) * 1000 as attempt_age,
  extract(epoch from clock_timestamp() - e.received_at) * 1000 as received_age,
  coalesce(extract(epoch from e.due_at - clock_timestamp()) * 1000, 0) as due_in,
  e.code, e.page_day::text as page_day, e.page_id, e.page_offset, e.page_length`

/** SQL: something of this lane is still to be worked. Of a customer's: it has not reached the desk, nobody can have read it. */
export const waitsIn = (lane: string): string =>
  `exists (select 1 from events w where w.lane_id = ${lane} and w.state = 0)`

// While leased, a lane is due when its lease ends: a crashed holder is found by the same index. An earlier time means
// that somebody pulled it meanwhile (see record_work); so both are set from one reading of the clock.
//
// Each desk's inbound lanes, and answers apart from all of them, by an index of their own (017): what waits in a crowd
// is not even looked at for the sake of what stands behind it.
const CLAIM = `
with inbound as (
  select l.id from unnest($2::int[], $3::int[]) as d (desk_id, room)
  cross join lateral (
    select id from lanes
    where not outbound and desk_id = d.desk_id and due_at <= statement_timestamp()
      and (owner is null or lease_until < statement_timestamp())
    order by due_at limit d.room for no key update skip locked
  ) l
), answers as (
  select id from lanes
  where outbound and due_at <= statement_timestamp() and (owner is null or lease_until < statement_timestamp())
    and not number_id = any ($4::int[])
  order by due_at limit $5 for no key update skip locked
), leased as (
  update lanes l set owner = $1, fence = l.fence + 1, lease_until = statement_timestamp() + make_interval(secs => $6),
    due_at = statement_timestamp() + make_interval(secs => $6)
  from (select id from inbound union all select id from answers) picked where l.id = picked.id
  returning l.id
)
select id from leased`

// A statement of its own, hence a picture of its own, taken when the lanes are ours: within the statement that takes them
// one could see a lane as its last holder released it, but events and binding as they were before.
const READ = `
select l.id as lane_id, l.desk_id as lane_desk, l.number_id as lane_number, l.customer_id, l.outbound, l.fence, l.arrivals,
  l.strikes, l.parked, l.tokens, extract(epoch from clock_timestamp() - l.tokens_at) * 1000 as tokens_age,
  c.ids_sealed, coalesce(li.window_from, l.window_from) as window_from,
  case when ${waitsIn('li.id')} then null else coalesce(li.last_wamid, l.last_wamid) end as last_wamid,
  l.session_from, l.read_wamid, b.contact_id, b.source_id, b.conversation_id, b.conversation_status, b.last_message_id, e.*
from lanes l
join customers c on c.id = l.customer_id
left join lanes li on l.outbound and li.number_id = l.number_id and li.customer_id = l.customer_id and not li.outbound
left join bindings b on b.number_id = l.number_id and b.customer_id = l.customer_id
left join lateral (
  select ${EVENT_COLUMNS} from events e where e.lane_id = l.id and e.state = 0 order by e.ord, e.seq limit $3
) e on true
where l.id = any ($1::bigint[]) and l.owner = $2
order by l.id, e.ord, e.seq`

interface EventRow {
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

interface ClaimRow extends EventRow {
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

const toEvent = (row: EventRow): LaneEvent => ({
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

export function createLanes(options: LanesOptions): Lanes {
  const { pool, pages, customers, owner, leaseSeconds, deskIds } = options
  const eventsPerLane = options.eventsPerLane ?? EVENTS_PER_LANE

  const toLane = (row: ClaimRow): ClaimedLane => ({
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
    events: row.day === null ? [] : [toEvent(row)]
  })

  return {
    async claim({ inbound, outbound, blockedNumbers }) {
      const leased = await pool.query({
        name: 'claim',
        text: CLAIM,
        values: [
          owner,
          inbound.map(each => each.deskId),
          inbound.map(each => each.room),
          blockedNumbers,
          outbound,
          leaseSeconds
        ]
      })
      if (leased.rows.length === 0) return []
      const ids = (leased.rows as { id: number }[]).map(row => row.id)
      const answer = await pool.query({ name: 'claimed', text: READ, values: [ids, owner, eventsPerLane] })
      const lanes: ClaimedLane[] = []
      for (const row of answer.rows as ClaimRow[]) {
        const last = lanes.at(-1)
        if (last?.id === row.lane_id) last.events.push(toEvent(row))
        else lanes.push(toLane(row))
      }
      return lanes
    },

    async renew(laneIds) {
      const answer = await pool.query({
        name: 'renew',
        text: `update lanes set lease_until = statement_timestamp() + make_interval(secs => $3),
                 due_at = case when due_at < lease_until then due_at else statement_timestamp() + make_interval(secs => $3) end
               where id = any ($2::bigint[]) and owner = $1 returning id`,
        values: [owner, laneIds, leaseSeconds]
      })
      return new Set((answer.rows as { id: number }[]).map(row => row.id))
    },

    async nextDueInMs() {
      const answer = await pool.query({
        name: 'next_due',
        text: `select extract(epoch from least(
                 (select min(first.at) from unnest($1::int[]) as d (desk_id) cross join lateral (
                    select min(due_at) as at from lanes where not outbound and desk_id = d.desk_id and due_at is not null) first),
                 (select min(due_at) from lanes where outbound and due_at is not null)
               ) - clock_timestamp()) * 1000 as ms`,
        values: [deskIds()]
      })
      const ms = (answer.rows[0] as { ms: string | null }).ms
      return ms === null ? null : Number(ms)
    },

    hurry: renewed => hurryLanes(pool, renewed),

    async waitingBefore(laneId, { ord, seq }) {
      const answer = await pool.query({
        name: 'waiting_before',
        text: `select seq from events where lane_id = $1 and state = 0 and (ord, seq) < ($2, $3) order by ord desc, seq desc limit $4`,
        values: [laneId, ord, seq, eventsPerLane]
      })
      return (answer.rows as { seq: number }[]).map(row => row.seq)
    },

    async waitingBehind(laneId, { ord, seq }, most) {
      const answer = await pool.query({
        name: 'waiting_behind',
        text: `select ${EVENT_COLUMNS} from events e where e.lane_id = $1 and e.state = 0 and (e.ord, e.seq) > ($2, $3)
               order by e.ord, e.seq limit $4`,
        values: [laneId, ord, seq, most]
      })
      return (answer.rows as EventRow[]).map(toEvent)
    },

    payload: ref => pages.read(ref),
    preload: refs => pages.preload(refs),

    async mergeWaiting() {
      const answer = await pool.query('select desk_id, loser, winner from merges order by created_at limit 20')
      let merged = 0
      for (const merge of answer.rows as { desk_id: number; loser: number; winner: number }[]) {
        if (await mergeCustomers(pool, merge.loser, merge.winner)) merged++
      }
      if (merged > 0) customers.forget()
      return merged
    }
  }
}

/**
 * Two customers turned out to be one: the loser's aliases, waiting events and deliveries go to the winner's lanes.
 * Needs all lanes of both to be free (their rows are locked here, which is the lease of a moment); otherwise it is
 * tried again on the next beat.
 */
async function mergeCustomers(pool: pg.Pool, loser: number, winner: number): Promise<boolean> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const lanes = await client.query(
      `select id, number_id, outbound, customer_id, owner from lanes where customer_id in ($1, $2) and merged_into is null
       order by id for update`,
      [loser, winner]
    )
    type Row = { id: number; number_id: number; outbound: boolean; customer_id: number; owner: string | null }
    const rows = lanes.rows as Row[]
    if (rows.some(row => row.owner !== null)) {
      await client.query('rollback')
      return false
    }
    await client.query('update customers set merged_into = $2 where id = $1 or merged_into = $1', [loser, winner])
    await client.query('update aliases set customer_id = $2 where customer_id = $1', [loser, winner])
    for (const from of rows.filter(row => row.customer_id === loser)) {
      let into = rows.find(
        row => row.customer_id === winner && row.number_id === from.number_id && row.outbound === from.outbound
      )?.id
      if (into === undefined) {
        await client.query('update lanes set customer_id = $2 where id = $1', [from.id, winner])
        into = from.id
      } else {
        await client.query('update events set lane_id = $2 where lane_id = $1 and state = 0', [from.id, into])
        await client.query('update deliveries set lane_id = $2, customer_id = $3 where lane_id = $1', [
          from.id,
          into,
          winner
        ])
        await client.query(
          `update lanes t set merged_into = null, due_at = clock_timestamp(), arrivals = t.arrivals + 1,
             window_from = greatest(t.window_from, f.window_from),
             session_from = greatest(t.session_from, f.session_from), last_wamid = coalesce(t.last_wamid, f.last_wamid),
             parked = t.parked + f.parked
           from lanes f where t.id = $2 and f.id = $1`,
          [from.id, into]
        )
        await client.query('update lanes set merged_into = $2, due_at = null where id = $1 or merged_into = $1', [
          from.id,
          into
        ])
      }
    }
    // The winner's binding stays; where only the loser had one, it goes along.
    await client.query(
      `update bindings b set customer_id = $2 where b.customer_id = $1
         and not exists (select 1 from bindings w where w.customer_id = $2 and w.number_id = b.number_id)`,
      [loser, winner]
    )
    // Who said no to marketing under another name has said no; the later word counts.
    await client.query(
      `insert into consents as c (number_id, customer_id, marketing, at)
         select number_id, $2, marketing, at from consents where customer_id = $1
       on conflict (number_id, customer_id) do update set marketing = excluded.marketing, at = excluded.at
         where c.at <= excluded.at`,
      [loser, winner]
    )
    await client.query('delete from merges where loser = $1', [loser])
    await client.query('commit')
    return true
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    client.release()
  }
}
