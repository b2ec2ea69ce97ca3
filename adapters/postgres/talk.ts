/** What is known of a conversation and its messages, read for people. Every query goes by an index. */
import type pg from 'pg'
import type {
  CustomerView,
  DeliveryView,
  InboundView,
  PartView,
  TalkStore
} from '../../plugin/core/ports/talk-store.ts'
import type { Customers, CustomerVault } from './customers.ts'
import { createLimitReads } from './limits.ts'
import { inTransaction, recallParked } from './recall-parked.ts'

interface CustomerRow {
  customer_id: number
  ids_sealed: Buffer
  contact_id: number | null
  source_id: string | null
  conversation_id: number | null
  conversation_status: string | null
  window_from: Date | null
}

const CUSTOMER = `c.id as customer_id, c.ids_sealed, b.contact_id, b.source_id, b.conversation_id, b.conversation_status,
  (select l.window_from from lanes l where l.number_id = $1 and l.customer_id = c.id and not l.outbound) as window_from`

const DELIVERY = `d.message_id as "messageId", d.conversation_id as "conversationId", d.customer_id as "customerId",
  d.state, d.code, d.generation, d.parts, d.written_at as "writtenAt", d.created_at as "createdAt",
  d.parked_at as "parkedAt", d.told_at as "toldAt", d.told, coalesce(r.rank, 0) as rank, r.failure,
  greatest(d.created_at, d.told_at, d.parked_at, r.at) as "changedAt"`
/** Of each part the newest generation counts; a failed part shows, else the lowest. */
const RECEIPTS = `left join lateral (
    select (array_agg(n.rank order by (n.rank = 2) desc, n.rank))[1] as rank,
      (array_agg(n.failure order by (n.rank = 2) desc))[1] as failure, max(n.at) as at
    from (select distinct on (part) rank, failure,
        greatest(sent_at, delivered_at, read_at, played_at, failed_at) as at
      from receipts where number_id = d.number_id and message_id = d.message_id
      order by part, generation desc) n
  ) r on true`

export function createTalkStore(pool: pg.Pool, customers: Customers, vault: CustomerVault): TalkStore {
  const toCustomer = (row: CustomerRow): CustomerView => ({
    customerId: row.customer_id,
    ids: customers.openIds(row.ids_sealed),
    contactId: row.contact_id,
    sourceId: row.source_id,
    conversationId: row.conversation_id,
    conversationStatus: row.conversation_status,
    windowFrom: row.window_from
  })
  const customersBy = async (condition: string, values: unknown[]): Promise<CustomerView[]> => {
    const answer = await pool.query(
      `select ${CUSTOMER} from bindings b join customers c on c.id = b.customer_id
       where b.number_id = $1 and ${condition} order by b.version desc limit 10`,
      values
    )
    return (answer.rows as CustomerRow[]).map(toCustomer)
  }

  return {
    ...createLimitReads(pool),

    async customerIn(numberId, conversationId) {
      const [bound] = await customersBy('b.conversation_id = $2', [numberId, conversationId])
      if (bound !== undefined) return bound
      // An earlier conversation of the same customer: what was sent there tells whose it is.
      const answer = await pool.query(
        `select ${CUSTOMER} from (
           select customer_id from deliveries where number_id = $1 and conversation_id = $2 order by message_id desc limit 1
         ) d join customers c0 on c0.id = d.customer_id
         join customers c on c.id = coalesce(c0.merged_into, c0.id)
         left join bindings b on b.number_id = $1 and b.customer_id = c.id`,
        [numberId, conversationId]
      )
      return answer.rows[0] === undefined ? null : toCustomer(answer.rows[0] as CustomerRow)
    },

    async customerBy(numberId, deskId, alias) {
      const answer = await pool.query(
        `select ${CUSTOMER} from aliases a join customers c0 on c0.id = a.customer_id
         join customers c on c.id = coalesce(c0.merged_into, c0.id)
         left join bindings b on b.number_id = $1 and b.customer_id = c.id
         where a.desk_id = $2 and a.hash = $3`,
        [numberId, deskId, vault.hash(alias)]
      )
      return answer.rows[0] === undefined ? null : toCustomer(answer.rows[0] as CustomerRow)
    },

    customersOfContact: (numberId, contactId) => customersBy('b.contact_id = $2', [numberId, contactId]),

    async laneOf(numberId, customerId) {
      const answer = await pool.query('select id from lanes where number_id = $1 and customer_id = $2 and outbound', [
        numberId,
        customerId
      ])
      return (answer.rows[0] as { id: number } | undefined)?.id ?? null
    },

    async newestIn(numberId, conversationId) {
      const answer = await pool.query(
        `select greatest(
           (select max(greatest(last_message_id, seen_message_id)) from bindings where number_id = $1 and conversation_id = $2),
           (select max(message_id) from deliveries where number_id = $1 and conversation_id = $2)) as id`,
        [numberId, conversationId]
      )
      return (answer.rows[0] as { id: number | null }).id
    },

    async knownContacts(deskId, contactIds) {
      const answer = await pool.query(
        `select distinct b.contact_id from bindings b join numbers n on n.id = b.number_id
         where b.contact_id = any ($2::bigint[]) and n.desk_id = $1`,
        [deskId, contactIds]
      )
      return new Set((answer.rows as { contact_id: number }[]).map(row => row.contact_id))
    },

    async deliveries(numberId, conversationId, { before, limit }) {
      const answer = await pool.query(
        `select ${DELIVERY} from (
           select * from deliveries where number_id = $1 and conversation_id = $2 and message_id < $3
           order by message_id desc limit $4
         ) d ${RECEIPTS} order by d.message_id desc`,
        [numberId, conversationId, before ?? Number.MAX_SAFE_INTEGER, limit]
      )
      return answer.rows as DeliveryView[]
    },

    async delivery(numberId, messageId) {
      const answer = await pool.query(
        `select ${DELIVERY} from deliveries d ${RECEIPTS} where d.number_id = $1 and d.message_id = $2`,
        [numberId, messageId]
      )
      return (answer.rows[0] as DeliveryView | undefined) ?? null
    },

    async parts(numberId, messageId) {
      const answer = await pool.query(
        `select p.part, p.generation, p.attempt_at as "attemptAt", p.state, p.wamid, p.code, coalesce(r.rank, 0) as rank,
           case when p.state = 1 then r.created_at end as "acceptedAt", r.sent_at as "sentAt", r.delivered_at as "deliveredAt", r.read_at as "readAt", r.played_at as "playedAt",
           r.failed_at as "failedAt", r.failure, r.pricing
         from parts p left join receipts r on r.number_id = p.number_id and r.wamid = p.wamid
         where p.number_id = $1 and p.message_id = $2 order by p.generation, p.part`,
        [numberId, messageId]
      )
      return answer.rows as PartView[]
    },

    async inbound(numberId, messageId) {
      const answer = await pool.query(
        `select m.wamid, e.occurred_at as "occurredAt", e.received_at as "receivedAt", e.done_at as "doneAt",
           m.created_at as "shownAt"
         from id_map m left join lateral (
           select occurred_at, received_at, done_at from events e
           where e.number_id = m.number_id and e.page_day = m.page_day and e.page_id = m.page_id
             and e.page_offset = m.page_offset and e.day between m.page_day - 8 and m.page_day + 1
           limit 1
         ) e on true
         where m.number_id = $1 and m.message_id = $2 limit 1`,
        [numberId, messageId]
      )
      return (answer.rows[0] as InboundView | undefined) ?? null
    },

    recall: (numberId, messageId) => inTransaction(pool, client => recallParked(client, numberId, messageId)),

    async version(numberId, conversationId) {
      const answer = await pool.query({
        name: 'talk_version',
        text: `select md5(concat_ws('/',
            (select concat_ws(',', l.window_from, b.conversation_status, b.contact_id)
             from bindings b left join lanes l on l.number_id = b.number_id and l.customer_id = b.customer_id and not l.outbound
             where b.number_id = $1 and b.conversation_id = $2 limit 1),
            (select string_agg(concat_ws(',', d.message_id, d.state, d.code, d.generation, d.told, r.rank), ';')
             from (select * from deliveries where number_id = $1 and conversation_id = $2
               order by message_id desc limit 30) d ${RECEIPTS}),
            (select string_agg(concat_ws(',', i.id, i.state, i.code), ';' order by i.created_at) from instructions i
             where i.number_id = $1 and i.conversation_id = $2 and i.state in ('stored', 'written', 'failed')),
            (select concat_ws(',', paused_code, calling) from numbers where id = $1))) as v`,
        values: [numberId, conversationId]
      })
      return (answer.rows[0] as { v: string }).v
    },

    async receiptsOf(numberId, customerId) {
      const answer = await pool.query(
        `select count(*) filter (where rank >= 3)::int as delivered, count(*) filter (where rank >= 4)::int as read
         from (select r.rank from bindings b
           join deliveries d on d.number_id = b.number_id and d.conversation_id = b.conversation_id
           join receipts r on r.number_id = d.number_id and r.message_id = d.message_id
           where b.number_id = $1 and b.customer_id = $2 order by d.message_id desc limit 20) x`,
        [numberId, customerId]
      )
      return answer.rows[0] as { delivered: number; read: number }
    },

    async numberFacts(numberId) {
      const answer = await pool.query(
        'select quality, messaging_limit as "messagingLimit", calling from numbers where id = $1',
        [numberId]
      )
      const row = answer.rows[0] as Awaited<ReturnType<TalkStore['numberFacts']>> | undefined
      return row ?? { quality: null, messagingLimit: null, calling: null }
    },

    async claimCalling(numberId, olderThanMs) {
      const answer = await pool.query({
        name: 'calling_claim',
        text: `update numbers set calling_read_at = now() where id = $1
               and (calling_read_at is null or calling_read_at < now() - make_interval(secs => $2 / 1000.0))`,
        values: [numberId, olderThanMs]
      })
      return (answer.rowCount ?? 0) > 0
    },

    async keepCalling(numberId, calling) {
      await pool.query('update numbers set calling = $2 where id = $1', [numberId, calling])
    },

    async freeEntryAt(numberId, customerId) {
      const answer = await pool.query(
        `select min(r.sent_at) as at from bindings b
         join deliveries d on d.number_id = b.number_id and d.conversation_id = b.conversation_id
         join receipts r on r.number_id = d.number_id and r.message_id = d.message_id
         where b.number_id = $1 and b.customer_id = $2 and r.pricing->>'type' = 'free_entry_point'
           and r.sent_at > now() - interval '30 days'`,
        [numberId, customerId]
      )
      return (answer.rows[0] as { at: Date | null }).at
    },

    async hookFailed(hookId, conversationId, { code, reason }) {
      const answer = await pool.query(
        `insert into macro_hook_failures as f (hook_id, conversation_id, code, reason) values ($1, $2, $3, $4)
         on conflict (hook_id, conversation_id) do update set code = excluded.code, reason = excluded.reason, at = now(),
           noted_at = case when f.code <> excluded.code or f.noted_at < now() - interval '1 hour' then now() else f.noted_at end
         returning noted_at = now() as tell`,
        [hookId, conversationId, code, reason]
      )
      return (answer.rows[0] as { tell: boolean }).tell
    }
  }
}
