/** Messages with a reference, by the time at which they were asked for; pages go by an index, never by an offset. */
import type pg from 'pg'
import type { SentLog, SentRow } from '../../plugin/core/ports/sent-log.ts'

/** Of each part the newest generation counts; a failed part shows, else the lowest; the times are those of the last part. */
const TOLD = `left join lateral (
    select (array_agg(n.rank order by (n.rank = 2) desc, n.rank))[1] as rank,
      (array_agg(n.failure order by (n.rank = 2) desc))[1] as failure,
      array_remove(array_agg(n.wamid order by n.part), null) as wamids,
      max(n.sent_at) as sent_at, max(n.delivered_at) as delivered_at,
      max(coalesce(n.read_at, n.played_at)) as read_at, max(n.failed_at) as failed_at
    from (select distinct on (part) part, rank, failure, wamid, sent_at, delivered_at, read_at, played_at, failed_at
      from receipts where number_id = d.number_id and message_id = d.message_id
      order by part, generation desc) n
  ) r on true`

type Row = Omit<SentRow, 'delivery'> & {
  deliveryState: NonNullable<SentRow['delivery']>['state'] | null
  deliveryCode: string | null
  rank: number
  failure: NonNullable<SentRow['delivery']>['failure']
}

export function createSentLog(pool: pg.Pool): SentLog {
  return {
    async page(deskId, { externalRef, from, to, after, limit }) {
      const answer = await pool.query({
        name: 'sent_page',
        text: `select i.id as "sendId", i.external_ref as "externalRef", i.number_id as "numberId",
            i.conversation_id as "conversationId", i.message_id as "messageId", i.state, i.code,
            d.state as "deliveryState", d.code as "deliveryCode", coalesce(r.rank, 0) as rank, r.failure,
            coalesce(r.wamids, '{}') as wamids, i.created_at as "createdAt", r.sent_at as "sentAt",
            r.delivered_at as "deliveredAt", r.read_at as "readAt", r.failed_at as "failedAt"
          from (
            select * from instructions where desk_id = $1 and external_ref is not null
              and ($2::text is null or external_ref = $2)
              and ($3::timestamptz is null or created_at >= $3) and ($4::timestamptz is null or created_at < $4)
              and ($5::uuid is null or (created_at, id) > (select created_at, id from instructions where id = $5 and desk_id = $1))
            order by created_at, id limit $6
          ) i
          left join deliveries d on d.number_id = i.number_id and d.message_id = i.message_id and i.state = 'queued'
          ${TOLD} order by i.created_at, i.id`,
        values: [deskId, externalRef ?? null, from ?? null, to ?? null, after ?? null, limit]
      })
      return (answer.rows as Row[]).map(({ deliveryState, deliveryCode, rank, failure, ...row }) => ({
        ...row,
        delivery: deliveryState === null ? null : { state: deliveryState, rank, code: deliveryCode, failure }
      }))
    }
  }
}
