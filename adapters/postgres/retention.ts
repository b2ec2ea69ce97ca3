/**
 * Forgets the undated tables in small steps: short deletes by an index, with pauses, until nothing old is left, so that no
 * vacuum grows long. The dated ones lose whole partitions (migrate.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'

const STEP = 1_000
/** Fifty thousand rows in about five seconds, and the database is idle half of the time. */
const PAUSE_MS = 50

export interface RetentionOptions {
  step?: number
  pauseMs?: number
  /** Stops between two steps. */
  stopping?: () => boolean
}

/** Answers how many rows were forgotten. */
export async function forgetOld(
  knex: Knex,
  times: { idMapMs: number; dedupeMs: number },
  options: RetentionOptions = {}
): Promise<number> {
  const { step = STEP } = options
  const days = Math.ceil(times.idMapMs / 86_400_000)
  let forgotten = 0
  for (const sql of forgetting(days, step)) forgotten += await inSteps(knex, sql, options)
  return forgotten
}

/**
 * Each takes the oldest by an index, and no more than a step; what hangs on them goes by its primary key. What WhatsApp said
 * of a message outlives its receipt in the row of usage, which was written within the day in which the receipt began.
 */
export function forgetting(days: number, step: number): string[] {
  const old = (table: string, column: string, age: number): string =>
    `delete from ${table} where ctid = any (array(select ctid from ${table}
       where ${column} < now() - make_interval(days => ${age}) order by ${column} limit ${step}))`
  return [
    old('id_map', 'created_at', days),
    `with gone as (${old('receipts', 'created_at', days)} returning *),
     kept as (update usage u set sent_at = g.sent_at, delivered_at = g.delivered_at, pricing = g.pricing
       from gone g where u.number_id = g.number_id and u.wamid = g.wamid and u.month = any (array[
         date_trunc('month', g.created_at - interval '1 day')::date, date_trunc('month', g.created_at + interval '1 day')::date]))
     select 1 from gone`,
    `with gone as (${old('deliveries', 'created_at', days)} returning number_id, message_id),
     along as (delete from parts p using gone g where p.number_id = g.number_id and p.message_id = g.message_id)
     select 1 from gone`,
    old('conversation_attributes', 'touched_at', days),
    old('media_cache', 'uploaded_at', 30)
  ]
}

async function inSteps(knex: Knex, sql: string, options: RetentionOptions): Promise<number> {
  const { step = STEP, pauseMs = PAUSE_MS, stopping = () => false } = options
  let sum = 0
  while (!stopping()) {
    const { rowCount } = await knex.raw<{ rowCount: number }>(sql)
    sum += rowCount
    if (rowCount < step) break
    await sleep(pauseMs)
  }
  return sum
}
