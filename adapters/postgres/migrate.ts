/**
 * Runs the numbered migrations under a lock, and keeps the partitions of the dated tables. Leaves out retention of
 * undated tables (retention.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { PuenteError } from '../../plugin/core/errors.ts'

export interface Migration {
  name: string
  up(knex: Knex): Promise<void>
  down(knex: Knex): Promise<void>
}

const LOCK_ID = 7_410_001
/**
 * How long a migration waits for a table, milliseconds: whoever waits for an exclusive lock keeps everybody behind it
 * waiting too, so it lets go soon, lets the traffic through and asks again.
 */
const LOCK_PATIENCE_MS = 500
const ASK_AGAIN_MS = 500
/** After so long somebody holds a table for good (a forgotten transaction, a dump), and a person has to look. */
const GIVE_UP_MS = 50_000
/** lock_not_available, deadlock_detected */
const BUSY = new Set(['55P03', '40P01'])

/**
 * Applies what is missing, each migration in a transaction of its own. Several processes may call it at once: one works,
 * the others wait and find it done. Processes of the release before go on working meanwhile. Names that are not in the
 * list belong to a later release and are left alone. Fails with `database_unavailable` when a table stays locked.
 */
export async function migrate(knex: Knex, migrations: readonly Migration[]): Promise<string[]> {
  const applied: string[] = []
  const done = await readApplied(knex)
  for (const migration of migrations) {
    if (!done.has(migration.name) && (await whenFree(migration.name, () => applyOne(knex, migration))))
      applied.push(migration.name)
  }
  return applied
}

async function readApplied(knex: Knex): Promise<Set<string>> {
  return knex.transaction(async trx => {
    await trx.raw('set local lock_timeout = 0')
    await trx.raw('select pg_advisory_xact_lock(?)', [LOCK_ID])
    await trx.raw(
      'create table if not exists puente_migrations (name text primary key, applied_at timestamptz not null default now())'
    )
    const rows = await trx('puente_migrations').select<{ name: string }[]>('name')
    return new Set(rows.map(row => row.name))
  })
}

/** False: another process was quicker. */
async function applyOne(knex: Knex, migration: Migration): Promise<boolean> {
  return knex.transaction(async trx => {
    await trx.raw('set local lock_timeout = 0')
    await trx.raw('select pg_advisory_xact_lock(?)', [LOCK_ID])
    if ((await trx('puente_migrations').where({ name: migration.name }).first()) !== undefined) return false
    await trx.raw(`set local lock_timeout = ${LOCK_PATIENCE_MS}`)
    await migration.up(trx as unknown as Knex)
    await trx('puente_migrations').insert({ name: migration.name })
    return true
  })
}

/** Does what needs exclusive locks, again and again while somebody holds a table; nothing has changed when it fails. */
async function whenFree<T>(what: string, work: () => Promise<T>): Promise<T> {
  const until = performance.now() + GIVE_UP_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!BUSY.has(String((error as { code?: unknown }).code))) throw error
      if (performance.now() > until)
        throw new PuenteError('database_unavailable', { cause: error, facts: { what, reason: 'tables_locked' } })
      await sleep(ASK_AGAIN_MS)
    }
  }
}

/** How many days of partitions exist behind and ahead of today. */
export interface PartitionSpan {
  keepDays: number
  aheadDays: number
  keepMonths: number
}

/** As long as what is in them is kept (`TIMES`: redelivery and raw events 14 days, usage two years), and some ahead. */
export const PARTITION_SPAN: PartitionSpan = { keepDays: 15, aheadDays: 2, keepMonths: 25 }

/**
 * Makes the partitions that will be needed and drops those that are over: forgetting a day is one `drop table`,
 * never a long delete. `pages` go by day, `events` by week of Meta's own time (the same on each redelivery, so that
 * uniqueness survives the drop; every statement opens every partition, so few are quick), `usage` by month. `now` is the time of this machine; PostgreSQL's
 * may be another, and a wrong clock of either must not drop what is not over by the other.
 */
export async function keepPartitions(knex: Knex, span: PartitionSpan, now: Date): Promise<void> {
  await whenFree('partitions', () => knex.transaction(trx => movePartitions(trx, span, now)))
}

interface Existing {
  name: string
  parent: string
}

async function movePartitions(trx: Knex.Transaction, span: PartitionSpan, now: Date): Promise<void> {
  await trx.raw('set local lock_timeout = 0')
  await trx.raw('select pg_advisory_xact_lock(?)', [LOCK_ID])
  await trx.raw(`set local lock_timeout = ${LOCK_PATIENCE_MS}`)
  const told = await trx.raw<{ rows: { at: Date }[] }>('select clock_timestamp() as at')
  const clocks = [now, told.rows[0]!.at].sort((a, b) => a.getTime() - b.getTime())
  const found = await trx.raw<{ rows: Existing[] }>(`
    select c.relname as name, p.relname as parent from pg_inherits i
    join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
    where p.relname in ('pages', 'events', 'usage')`)
  const names = new Set(found.rows.map(row => row.name))
  const make = async (table: string, from: Date, to: Date, name: string): Promise<void> => {
    if (names.has(name)) return
    names.add(name)
    const tuning = table === 'events' ? 'with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)' : ''
    await trx.raw(
      `create table ${name} partition of ${table} for values from ('${iso(from)}') to ('${iso(to)}') ${tuning}`
    )
  }
  const drop = async (table: string, digits: RegExp, before: string): Promise<void> => {
    for (const row of found.rows) {
      const stamp = row.name.slice(table.length + 1)
      if (row.parent === table && digits.test(stamp) && stamp < before) await trx.raw(`drop table ${row.name}`)
    }
  }
  for (const clock of clocks) {
    for (let offset = -span.keepDays; offset <= span.aheadDays; offset++) {
      const day = dayOf(clock, offset)
      await make('pages', day, dayOf(clock, offset + 1), `pages_${tagOf(day)}`)
      // A week that has partitions of single days, from before, goes on with them.
      const { from, to, days } = weekOf(day)
      if (days.some(each => names.has(`events_${tagOf(each)}`))) {
        await make('events', day, dayOf(clock, offset + 1), `events_${tagOf(day)}`)
      } else await make('events', from, to, `events_w${tagOf(from)}`)
    }
  }
  const keepFrom = dayOf(clocks[0]!, -span.keepDays)
  await drop('pages', /^\d{8}$/, tagOf(keepFrom))
  await drop('events', /^\d{8}$/, tagOf(keepFrom))
  await drop('events', /^w\d{8}$/, `w${tagOf(weekOf(keepFrom).from)}`)
  for (const clock of clocks) {
    for (let offset = -1; offset <= 1; offset++) {
      const month = monthOf(clock, offset)
      await make('usage', month, monthOf(clock, offset + 1), `usage_${tagOf(month).slice(0, 6)}`)
    }
  }
  await drop('usage', /^\d{6}$/, tagOf(monthOf(clocks[0]!, -span.keepMonths)).slice(0, 6))
}

const dayOf = (clock: Date, offset: number): Date =>
  new Date(Date.UTC(clock.getUTCFullYear(), clock.getUTCMonth(), clock.getUTCDate() + offset))
/** Seven days, counted from the epoch: any week will do, as long as it is always the same. */
const weekOf = (day: Date): { from: Date; to: Date; days: Date[] } => {
  const start = Math.floor(day.getTime() / 86_400_000 / 7) * 7
  const days = Array.from({ length: 7 }, (_, index) => new Date((start + index) * 86_400_000))
  return { from: days[0]!, to: new Date((start + 7) * 86_400_000), days }
}
const monthOf = (clock: Date, offset: number): Date =>
  new Date(Date.UTC(clock.getUTCFullYear(), clock.getUTCMonth() + offset, 1))
const iso = (date: Date): string => date.toISOString().slice(0, 10)
const tagOf = (date: Date): string => iso(date).replaceAll('-', '')
