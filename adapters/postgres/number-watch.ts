/** What Meta told of our numbers last, and the lease by which one process at a time asks again. Times are PostgreSQL's. */
import type pg from 'pg'
import type { NumberWatchState, NumberWatchStore } from '../../plugin/core/ports/number-watch.ts'
import { createClaim } from './waba-lease.ts'

const TOLD = [
  'throughput_per_second',
  'quality',
  'messaging_limit',
  'on_business_app',
  'status',
  'can_send',
  'health_codes'
]
const row = (of: string): string => ['verified_name', ...TOLD].map(column => `${of}.${column}`).join(', ')

export function createNumberWatchStore(pool: pg.Pool): NumberWatchStore {
  return {
    async want(wabaId) {
      await pool.query({
        name: 'number_want',
        text: `insert into number_accounts as a (waba_id, due_at, wanted_at)
            values ($1, clock_timestamp(), clock_timestamp())
          on conflict (waba_id) do update set
            wanted_at = clock_timestamp(), due_at = least(a.due_at, clock_timestamp())`,
        values: [wabaId]
      })
    },

    claim: createClaim(pool, 'number_accounts'),

    async keep(numberId, facts) {
      const answer = await pool.query({
        name: 'number_keep',
        text: `update numbers n set facts_read_at = now(), verified_name = coalesce($2, n.verified_name),
            (${TOLD.join(', ')}) = row($3, $4, $5, $6, $7, $8, $9)
          from (select * from numbers where id = $1 for update) old where n.id = old.id
          returning row(${row('n')}) is distinct from row(${row('old')}) as changed`,
        values: [
          numberId,
          facts.verifiedName ?? null,
          facts.throughputPerSecond,
          facts.quality ?? null,
          facts.messagingLimit ?? null,
          facts.isOnBusinessApp ?? false,
          facts.status ?? null,
          facts.canSend ?? null,
          facts.healthCodes ?? []
        ]
      })
      return (answer.rows[0] as { changed: boolean } | undefined)?.changed ?? false
    },

    async settle(wabaId, owner, { nextInMs, code }) {
      await pool.query({
        name: 'number_settle',
        text: `update number_accounts set lease_until = null, owner = null, code = $4,
            read_at = case when $4::text is null then clock_timestamp() else read_at end,
            due_at = case when wanted_at > started_at then clock_timestamp()
              else clock_timestamp() + make_interval(secs => $3 / 1000.0) end
          where waba_id = $1 and owner = $2`,
        values: [wabaId, owner, nextInMs, code]
      })
    },

    async readState() {
      const answer = await pool.query(
        'select waba_id as "wabaId", read_at as "readAt", code from number_accounts order by waba_id'
      )
      return answer.rows as NumberWatchState[]
    }
  }
}
