/**
 * Deliveries: what the desk asked to be sent, what became of its parts, and what the desk still has to be told.
 */
import type pg from 'pg'
import type {
  Deliveries,
  DeliveryRecord,
  DeliveryState,
  PartRecord,
  ReceiptRecord,
  Tick
} from '../../plugin/core/ports/store.ts'
import { waitsIn } from './lanes.ts'

const COLUMNS = `d.number_id as "numberId", d.message_id as "messageId", d.conversation_id as "conversationId",
  d.customer_id as "customerId", d.lane_id as "laneId", d.generation, d.state, d.code, d.parts, d.human,
  d.written_at as "writtenAt", d.told, d.page_day::text as "pageDay", d.page_id as "pageId", d.page_offset as "offset",
  d.page_length as "length", d.parked_at as "parkedAt",
  (extract(epoch from clock_timestamp() - d.uncertain_at) * 1000)::float8 as "uncertainAgeMs"`

interface TickRow extends DeliveryRecord {
  facts: Tick['facts']
  told_code: string | null
  tick_version: number
  receipts: ReceiptRecord[] | null
  accepted: number
}

/** @param tickLeaseSeconds how long a process that died keeps others from telling its ticks */
export function createDeliveries(pool: pg.Pool, tickLeaseSeconds = 30): Deliveries {
  const one = async (text: string, values: unknown[]): Promise<DeliveryRecord | null> => {
    const answer = await pool.query(text, values)
    return (answer.rows[0] as DeliveryRecord | undefined) ?? null
  }

  return {
    find: (numberId, messageId) =>
      one(`select ${COLUMNS} from deliveries d where d.number_id = $1 and d.message_id = $2`, [numberId, messageId]),

    async states(numberId, messageIds) {
      if (messageIds.length === 0) return new Map()
      const answer = await pool.query({
        name: 'delivery_states',
        text: 'select message_id, state, told from deliveries where number_id = $1 and message_id = any ($2::bigint[])',
        values: [numberId, messageIds]
      })
      const rows = answer.rows as { message_id: number; state: DeliveryState; told: string }[]
      return new Map(rows.map(row => [row.message_id, { state: row.state, told: row.told }]))
    },

    async parts(numberId, messageId) {
      const answer = await pool.query({
        name: 'parts_read',
        text: `select p.part, p.generation, p.attempt_id as "attemptId", p.state, p.wamid, p.code,
                 (extract(epoch from clock_timestamp() - p.attempt_at) * 1000)::float8 as "attemptAgeMs",
                 coalesce(r.rank = 2, false) as failed
               from parts p left join receipts r on r.number_id = p.number_id and r.wamid = p.wamid
               where p.number_id = $1 and p.message_id = $2 order by p.generation, p.part`,
        values: [numberId, messageId]
      })
      return answer.rows as PartRecord[]
    },

    async parkedIn(laneId) {
      const answer = await pool.query({
        name: 'parked_in',
        text: `select ${COLUMNS} from deliveries d where d.lane_id = $1 and d.state = 'parked' and d.parked_at is not null order by d.message_id limit 200`,
        values: [laneId]
      })
      return answer.rows as DeliveryRecord[]
    },

    async claimTicks(limit, blockedDesks) {
      const leased = await pool.query({
        name: 'lease_ticks',
        text: `with due as (
            select d.number_id, d.message_id from deliveries d join numbers n on n.id = d.number_id
            where d.tick_due_at <= clock_timestamp() and (d.tick_lease is null or d.tick_lease < clock_timestamp())
              and not n.desk_id = any ($2::int[])
            order by d.tick_due_at limit $1 for no key update of d skip locked
          )
          update deliveries d set tick_lease = clock_timestamp() + make_interval(secs => $3)
          from due where d.number_id = due.number_id and d.message_id = due.message_id
          returning d.number_id, d.message_id`,
        values: [limit, blockedDesks, tickLeaseSeconds]
      })
      if (leased.rows.length === 0) return []
      const rows = leased.rows as { number_id: number; message_id: number }[]
      // A statement of its own, hence one picture of delivery and receipts: within the statement that leases, a status
      // committed meanwhile would show in the delivery's version but not in its receipt, and would never be told.
      const answer = await pool.query({
        name: 'leased_ticks',
        text: `select ${COLUMNS}, d.facts, d.told_code, d.tick_version,
            (select json_agg(json_build_object('wamid', r.wamid, 'rank', r.rank, 'generation', r.generation, 'part', r.part,
               'failure', r.failure)) from receipts r where r.number_id = d.number_id and r.message_id = d.message_id) as receipts,
            (select count(*)::int from (select distinct on (p.part) p.state from parts p
               where p.number_id = d.number_id and p.message_id = d.message_id order by p.part, p.generation desc) newest
             where newest.state = 1) as accepted
          from unnest($1::int[], $2::bigint[]) as t(number_id, message_id)
          join deliveries d on d.number_id = t.number_id and d.message_id = t.message_id`,
        values: [rows.map(row => row.number_id), rows.map(row => row.message_id)]
      })
      return (answer.rows as TickRow[]).map(({ facts, told_code, tick_version, receipts, accepted, ...delivery }) => ({
        delivery,
        facts,
        toldCode: told_code,
        version: tick_version,
        receipts: receipts ?? [],
        accepted
      }))
    },

    async told(tick, status, code) {
      await pool.query({
        name: 'told',
        text: `update deliveries set told = $4, told_code = $5, told_at = clock_timestamp(), tick_lease = null,
                 tick_due_at = case when tick_version = $3 then null else clock_timestamp() + interval '2 seconds' end
               where number_id = $1 and message_id = $2`,
        values: [tick.numberId, tick.messageId, tick.version, status, code]
      })
    },

    async tickLater(tick, afterMs) {
      await pool.query({
        name: 'tick_later',
        text: `update deliveries set tick_lease = null, tick_due_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)
               where number_id = $1 and message_id = $2`,
        values: [tick.numberId, tick.messageId, afterMs]
      })
    },

    async nextTickInMs() {
      const answer = await pool.query({
        name: 'next_tick',
        text: `select (extract(epoch from min(greatest(tick_due_at, tick_lease)) - clock_timestamp()) * 1000)::float8 as ms
               from deliveries where tick_due_at is not null`
      })
      return (answer.rows[0] as { ms: number | null }).ms
    },

    async beginRetry(numberId, messageId) {
      return one(
        `update deliveries d set generation = d.generation + 1, state = 'queued', code = null, parked_at = null,
           uncertain_at = null, told = 'sent', told_code = null, tick_due_at = null, tick_version = d.tick_version + 1
         where d.number_id = $1 and d.message_id = $2 and d.told = 'failed' and d.state in ('sent', 'failed', 'uncertain', 'parked')
         returning ${COLUMNS}`,
        [numberId, messageId]
      )
    },

    async setState(numberId, messageId, state, code, tickInMs) {
      await pool.query(
        `update deliveries set state = $3, code = $4,
           parked_at = case when $3 = 'parked' then coalesce(parked_at, clock_timestamp()) end,
           uncertain_at = case when $3 = 'uncertain' then coalesce(uncertain_at, clock_timestamp()) end,
           tick_version = tick_version + 1,
           tick_due_at = case when $5::int is null then tick_due_at
             else clock_timestamp() + make_interval(secs => $5::int / 1000.0) end
         where number_id = $1 and message_id = $2`,
        [numberId, messageId, state, code, tickInMs]
      )
    },

    async correctTold(numberId, messageId, shown) {
      await pool.query(
        `update deliveries set told = $3, told_code = null, tick_version = tick_version + 1, tick_due_at = clock_timestamp()
         where number_id = $1 and message_id = $2`,
        [numberId, messageId, shown]
      )
    },

    async parkRefused(numberId, messageId, at) {
      await pool.query(
        `with parked as (
           update deliveries set state = 'parked', code = 'wa_window_closed', parked_at = $3,
             generation = generation + 1, tick_version = tick_version + 1, tick_due_at = clock_timestamp()
           where number_id = $1 and message_id = $2 and state = 'sent' returning lane_id, customer_id
         ), refused as (
           select max(failed_at) as at from receipts where number_id = $1 and message_id = $2 and rank = 2
         ), corrected as (
           update lanes l set window_from = null from parked p, refused r
           where l.number_id = $1 and l.customer_id = p.customer_id and not l.outbound and l.window_from <= r.at
         )
         update lanes l set parked = l.parked + 1, due_at = clock_timestamp(), arrivals = l.arrivals + 1
         from parked p where l.id = p.lane_id`,
        [numberId, messageId, at]
      )
    },

    async expire(limits) {
      const answer = await pool.query(
        `with parked as (
           update deliveries d set state = 'failed', code = 'parked_expired', parked_at = null,
             tick_version = d.tick_version + 1, tick_due_at = clock_timestamp()
           from unnest($1::int[], $2::timestamptz[]) as x(number_id, before)
           where d.state = 'parked' and d.number_id = x.number_id and d.parked_at < x.before returning 1
         ), unsure as (
           update deliveries set code = 'outcome_unknown', tick_version = tick_version + 1, tick_due_at = clock_timestamp()
           where state = 'uncertain' and told <> 'failed' and tick_due_at is null
             and uncertain_at < clock_timestamp() - make_interval(secs => $3 / 1000.0) returning 1
         ) select (select count(*) from parked) + (select count(*) from unsure) as n`,
        [limits.parked.map(number => number.numberId), limits.parked.map(number => number.before), limits.uncertainMs]
      )
      return (answer.rows[0] as { n: number }).n
    },

    async rowsOf(numberId, wamids) {
      const answer = await pool.query({
        name: 'rows_of',
        text: `select wamid, message_id, page_day::text, page_id, page_offset, page_length from id_map
               where number_id = $1 and wamid = any ($2::text[])
               union all
               select r.wamid, r.message_id, d.page_day::text, d.page_id, d.page_offset, d.page_length from receipts r
               join deliveries d on d.number_id = r.number_id and d.message_id = r.message_id
               where r.number_id = $1 and r.wamid = any ($2::text[])`,
        values: [numberId, wamids]
      })
      type Row = {
        wamid: string
        message_id: number
        page_day: string | null
        page_id: number
        page_offset: number
        page_length: number
      }
      return new Map(
        (answer.rows as Row[]).map(row => [
          row.wamid,
          {
            messageId: row.message_id,
            payload:
              row.page_day === null
                ? null
                : { pageDay: row.page_day, pageId: row.page_id, offset: row.page_offset, length: row.page_length }
          }
        ])
      )
    },

    async wamidOf(numberId, messageId) {
      const answer = await pool.query({
        name: 'wamid_of',
        text: `select wamid from (
                 select wamid, 0 as generation, 0 as part from id_map where number_id = $1 and message_id = $2
                 union all
                 select wamid, -generation, part from receipts where number_id = $1 and message_id = $2
               ) x order by generation, part limit 1`,
        values: [numberId, messageId]
      })
      return (answer.rows[0] as { wamid: string } | undefined)?.wamid ?? null
    },

    async seenIn(numberId, conversationIds) {
      const answer = await pool.query({
        name: 'seen_in',
        text: `select b.conversation_id, b.seen_message_id, b.conversation_status, l.id from bindings b
               left join lanes l on l.number_id = b.number_id and l.customer_id = b.customer_id and l.outbound
               where b.number_id = $1 and b.conversation_id = any ($2::bigint[])`,
        values: [numberId, conversationIds]
      })
      const rows = answer.rows as {
        conversation_id: number
        seen_message_id: number
        conversation_status: string | null
        id: number | null
      }[]
      return new Map(
        rows.map(row => [
          row.conversation_id,
          { seen: row.seen_message_id, status: row.conversation_status, laneId: row.id }
        ])
      )
    },

    async seenUpTo(numberId, conversationId, messageId) {
      await pool.query({
        name: 'seen_up_to',
        text: `update bindings set seen_message_id = greatest(seen_message_id, $3) where number_id = $1 and conversation_id = $2`,
        values: [numberId, conversationId, messageId]
      })
    },

    async unsettled(numberId, after, most) {
      const answer = await pool.query(
        // What was told just before a process went: the desk paints a message failed when the hook of our own tick
        // finds nobody.
        `select ${COLUMNS} from deliveries d where d.number_id = $1 and d.message_id > $2 and d.created_at > now() - interval '24 hours'
           and (d.state in ('failed', 'parked', 'uncertain', 'queued') or d.told = 'failed'
             or $3 and (greatest(d.told_at, d.created_at) > now() - interval '3 minutes' or exists (select 1 from processes p where d.told_at between p.seen_at - interval '30 seconds'
               and p.seen_at + interval '30 seconds' or d.created_at between p.seen_at - interval '30 seconds'
               and p.seen_at + interval '30 seconds')))
         order by d.message_id limit $4`,
        [numberId, after, most === undefined, most ?? 200]
      )
      return answer.rows as DeliveryRecord[]
    },

    async mediaIdOf(numberId, hash) {
      // Meta keeps an uploaded media for 30 days.
      const answer = await pool.query({
        name: 'media_id_of',
        text: `select media_id from media_cache where number_id = $1 and hash = $2 and uploaded_at > now() - interval '29 days'`,
        values: [numberId, hash]
      })
      return (answer.rows[0] as { media_id: string } | undefined)?.media_id ?? null
    },

    async rememberMedia(numberId, hash, mediaId, mimeType) {
      await pool.query(
        `insert into media_cache (number_id, hash, media_id, mime_type) values ($1, $2, $3, $4)
         on conflict (number_id, hash) do update set media_id = excluded.media_id, uploaded_at = now()`,
        [numberId, hash, mediaId, mimeType]
      )
    },

    async forgetMedia(numberId, mediaId) {
      await pool.query('delete from media_cache where number_id = $1 and media_id = $2', [numberId, mediaId])
    },

    async lastWamid(numberId, conversationId) {
      const answer = await pool.query({
        name: 'last_wamid',
        text: `select l.last_wamid from bindings b join lanes l
               on l.number_id = b.number_id and l.customer_id = b.customer_id and not l.outbound
               where b.number_id = $1 and b.conversation_id = $2 and not ${waitsIn('l.id')}`,
        values: [numberId, conversationId]
      })
      return (answer.rows[0] as { last_wamid: string | null } | undefined)?.last_wamid ?? null
    }
  }
}
