/** Our copy of what each WABA paid for its messages lately. Times are PostgreSQL's own. */
import type pg from 'pg'
import type { PaidRate, RateState, RateStore } from '../../plugin/core/ports/rates.ts'
import { createClaim } from './waba-lease.ts'

interface RateRow {
  country: string
  category: string
  tier: string
  volume: number
  amount: number
  currency: string
  from_at: Date
  to_at: Date
}

const COLUMNS = 'country, category, tier, volume, amount, currency, from_at, to_at'

export function createRateStore(pool: pg.Pool): RateStore {
  return {
    async list(wabaId) {
      const answer = await pool.query({
        name: 'rates_list',
        text: `select ${COLUMNS} from paid_rates where waba_id = $1 order by country, category, tier`,
        values: [wabaId]
      })
      return (answer.rows as RateRow[]).map(fromRow)
    },

    claim: createClaim(pool, 'rate_accounts'),

    async keep(wabaId, owner, rates, nextInMs) {
      await pool.query({
        name: 'rates_keep',
        text: `with mine as (
            update rate_accounts set lease_until = null, owner = null, code = null, read_at = clock_timestamp(),
              due_at = clock_timestamp() + make_interval(secs => $4 / 1000.0)
            where waba_id = $1 and owner = $2 returning 1
          ), given as (
            select distinct on (country, category, tier) ${COLUMNS} from jsonb_to_recordset($3::jsonb) as told(
              country text, category text, tier text, volume float8, amount float8, currency text,
              from_at timestamptz, to_at timestamptz)
            where exists (select from mine)
          ), gone as (
            delete from paid_rates where waba_id = $1 and exists (select from mine)
              and (country, category, tier) not in (select country, category, tier from given)
          )
          insert into paid_rates (waba_id, ${COLUMNS}) select $1, ${COLUMNS} from given
          on conflict (waba_id, country, category, tier) do update set volume = excluded.volume,
            amount = excluded.amount, currency = excluded.currency, from_at = excluded.from_at, to_at = excluded.to_at`,
        values: [wabaId, owner, JSON.stringify(rates.map(toRow)), nextInMs]
      })
    },

    async fail(wabaId, owner, code, nextInMs) {
      await pool.query({
        name: 'rates_fail',
        text: `update rate_accounts set lease_until = null, owner = null, code = $3,
            due_at = clock_timestamp() + make_interval(secs => $4 / 1000.0)
          where waba_id = $1 and owner = $2`,
        values: [wabaId, owner, code, nextInMs]
      })
    },

    async readState() {
      const answer = await pool.query(
        `select waba_id as "wabaId", read_at as "readAt", code,
            (select count(*)::int from paid_rates r where r.waba_id = a.waba_id) as rates
          from rate_accounts a order by waba_id`
      )
      return answer.rows as RateState[]
    }
  }
}

function fromRow({ tier, amount, from_at, to_at, ...plain }: RateRow): PaidRate {
  return { ...plain, tier: tier === '' ? null : tier, amountPerMessage: amount, from: from_at, to: to_at }
}

function toRow({ tier, amountPerMessage, from, to, ...plain }: PaidRate): RateRow {
  return { ...plain, tier: tier ?? '', amount: amountPerMessage, from_at: from, to_at: to }
}
