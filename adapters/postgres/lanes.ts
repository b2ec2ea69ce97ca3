/**
 * Lanes: who may work on which customer's direction, and what waits there. A lease is a row update with a fencing
 * number; every time in it is PostgreSQL's. Leaves out what the work is.
 */
import type pg from 'pg'
import { EVENTS_PER_LANE } from '../../plugin/core/lanes/hold.ts'
import type { Lanes } from '../../plugin/core/ports/store.ts'
import {
  attemptOfClaim,
  type ClaimRow,
  EVENT_COLUMNS,
  type EventRow,
  LANE_COLUMNS,
  toEvent,
  toLanes
} from './claimed.ts'
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

/** SQL: something of this lane is still to be worked. Of a customer's: it has not reached the desk, nobody can have read it. */
export const waitsIn = (lane: string): string =>
  `exists (select 1 from events w where w.lane_id = ${lane} and w.state = 0)`

// While leased, a lane is due when its lease ends: a crashed holder is found by the same index. An earlier time means
// that somebody pulled it meanwhile (see record_work); so both are set from one reading of the clock.
//
// For as many as there are permits of the desk, the attempt of the lane's first event is part of the claim: a commit less
// on its way. It rests on the picture as it was before: an event that is done by now is left alone, and whether the binding
// is the one that was meant is seen by who reads it. Events are named twice, as in record_work (001), for the same reason.
//
// Each desk's inbound lanes, and answers apart from all of them, by an index of their own (017): what waits in a crowd
// is not even looked at for the sake of what stands behind it.
const CLAIM = `
with inbound as (
  select l.id, d.attempts from unnest($2::int[], $3::int[], $7::int[]) as d (desk_id, room, attempts)
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
  from (select id, attempts from inbound union all select id, 0 from answers) picked where l.id = picked.id
  returning l.id, l.desk_id, l.number_id, l.customer_id, l.fence, picked.attempts
), numbered as (
  select l.*, row_number() over (partition by l.desk_id) as n from leased l where l.attempts > 0
), first as materialized (
  select e.day, e.number_id, e.key, l.id, l.fence, b.conversation_id, b.last_message_id
  from numbered l
  join bindings b on b.number_id = l.number_id and b.customer_id = l.customer_id
  cross join lateral (
    select day, number_id, key, attempt, due_at from events e where e.lane_id = l.id and e.state = 0
    order by e.ord, e.seq limit 1
  ) e
  where l.n <= l.attempts and b.conversation_id is not null and e.attempt is null and e.due_at is null
), tried as (
  update events e set attempts = e.attempts + 1, attempt_at = clock_timestamp(),
    attempt = ${attemptOfClaim('f.id', 'f.fence', 'f.conversation_id', 'f.last_message_id')}
  from first f
  where e.day = any (array(select day from first)) and e.number_id = any (array(select number_id from first))
    and e.key = any (array(select key from first))
    and e.day = f.day and e.number_id = f.number_id and e.key = f.key and e.state + 0 = 0 and e.attempt is null
)
select id from leased`

// A statement of its own, hence a picture of its own, taken when the lanes are ours: within the statement that takes them
// one could see a lane as its last holder released it, but events and binding as they were before.
const READ = `
select ${LANE_COLUMNS}, coalesce(li.window_from, l.window_from) as window_from,
  case when ${waitsIn('li.id')} then null else coalesce(li.last_wamid, l.last_wamid) end as last_wamid, e.*
from lanes l
join customers c on c.id = l.customer_id
left join lanes li on l.outbound and li.number_id = l.number_id and li.customer_id = l.customer_id and not li.outbound
left join bindings b on b.number_id = l.number_id and b.customer_id = l.customer_id
left join lateral (
  select ${EVENT_COLUMNS} from events e where e.lane_id = l.id and e.state = 0 order by e.ord, e.seq limit $3
) e on true
where l.id = any ($1::bigint[]) and l.owner = $2
order by l.id, e.ord, e.seq`

export function createLanes(options: LanesOptions): Lanes {
  const { pool, pages, customers, owner, leaseSeconds, deskIds } = options
  const eventsPerLane = options.eventsPerLane ?? EVENTS_PER_LANE

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
          leaseSeconds,
          inbound.map(each => each.attempts)
        ]
      })
      if (leased.rows.length === 0) return []
      const ids = (leased.rows as { id: number }[]).map(row => row.id)
      const answer = await pool.query({ name: 'claimed', text: READ, values: [ids, owner, eventsPerLane] })
      return toLanes(answer.rows as ClaimRow[], customers)
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
