/**
 * Forgets the undated tables in small steps: short deletes by an index, with pauses, so that no vacuum grows long. The
 * dated ones lose whole partitions (migrate.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'

const STEP = 1_000
const PAUSE_MS = 50
const MOST_STEPS = 200

export async function forgetOld(knex: Knex, times: { idMapMs: number; dedupeMs: number }): Promise<void> {
  const days = Math.ceil(times.idMapMs / 86_400_000)
  for (const table of ['id_map', 'receipts', 'deliveries']) {
    await inSteps(
      knex,
      `delete from ${table} where ctid in (select ctid from ${table} where created_at < now() - make_interval(days => ${days}) limit ${STEP})`
    )
  }
  await inSteps(
    knex,
    `delete from conversation_attributes where ctid in (select ctid from conversation_attributes where touched_at < now() - make_interval(days => ${days}) limit ${STEP})`
  )
  await inSteps(
    knex,
    `delete from parts where ctid in (select p.ctid from parts p where p.attempt_at < now() - make_interval(days => ${days}) limit ${STEP})`
  )
  await inSteps(
    knex,
    `delete from media_cache where ctid in (select ctid from media_cache where uploaded_at < now() - interval '30 days' limit ${STEP})`
  )
}

async function inSteps(knex: Knex, sql: string): Promise<void> {
  for (let step = 0; step < MOST_STEPS; step++) {
    const answer = await knex.raw<{ rowCount: number }>(sql)
    if (answer.rowCount < STEP) return
    await sleep(PAUSE_MS)
  }
}
