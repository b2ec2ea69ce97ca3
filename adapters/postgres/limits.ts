/** Reads how close a number is to what WhatsApp lets it do: customers written to first, and refusals of the last day. */
import type pg from 'pg'
import type { TalkStore } from '../../plugin/core/ports/talk-store.ts'

export function createLimitReads(pool: pg.Pool): Pick<TalkStore, 'openedToday' | 'refusedToday'> {
  return {
    async openedToday(numberIds, customerId) {
      const answer = await pool.query(
        `select count(distinct d.customer_id)::int as customers, coalesce(bool_or(d.customer_id = $2), false) as ours
         from usage u join deliveries d on d.number_id = u.number_id and d.message_id = u.message_id
         where u.number_id = any ($1::int[]) and u.outbound and not u.in_session and u.at > now() - interval '24 hours'
           and u.month >= date_trunc('month', now() - interval '24 hours')::date`,
        [numberIds, customerId]
      )
      return answer.rows[0] as { customers: number; ours: boolean }
    },

    async refusedToday(numberId) {
      const answer = await pool.query(
        `select code, null::jsonb as failure from parts
         where number_id = $1 and code = 'wa_spam_limited' and attempt_at > now() - interval '24 hours'
         union all
         (select null, failure from receipts
          where number_id = $1 and failed_at is not null and created_at > now() - interval '24 hours'
          order by created_at desc limit 200)`,
        [numberId]
      )
      return answer.rows as Awaited<ReturnType<TalkStore['refusedToday']>>
    }
  }
}
