/**
 * Runs the numbered migrations under a lock, and keeps the partitions of the dated tables. Leaves out retention of
 * undated tables (retention.ts).
 */
import type { Knex } from 'knex'

export interface Migration {
  name: string
  up(knex: Knex): Promise<void>
  down(knex: Knex): Promise<void>
}

const LOCK_ID = 7_410_001

/** Applies what is missing. Several processes may call it at once: one works, the others wait and find it done. */
export async function migrate(knex: Knex, migrations: readonly Migration[]): Promise<string[]> {
  const applied: string[] = []
  await knex.transaction(async trx => {
    await trx.raw('set local lock_timeout = 0')
    await trx.raw('select pg_advisory_xact_lock(?)', [LOCK_ID])
    await trx.raw(
      'create table if not exists puente_migrations (name text primary key, applied_at timestamptz not null default now())'
    )
    const rows = await trx('puente_migrations').select<{ name: string }[]>('name')
    const known = new Set(rows.map(row => row.name))
    for (const migration of migrations) {
      if (known.has(migration.name)) continue
      await migration.up(trx as unknown as Knex)
      await trx('puente_migrations').insert({ name: migration.name })
      applied.push(migration.name)
    }
  })
  return applied
}

/** How many days of partitions exist behind and ahead of today. */
export interface PartitionSpan {
  keepDays: number
  aheadDays: number
  keepMonths: number
}

/**
 * Makes the partitions that will be needed and drops those that are over: forgetting a day is one `drop table`,
 * never a long delete. `pages` and `events` go by day (events by the day of Meta's own time, the same on each
 * redelivery, so that uniqueness survives the drop); `usage` by month.
 */
export async function keepPartitions(knex: Knex, span: PartitionSpan, now: Date): Promise<void> {
  await knex.transaction(async trx => {
    await trx.raw('select pg_advisory_xact_lock(?)', [LOCK_ID])
    const existing = await trx.raw<{ rows: { name: string; parent: string }[] }>(`
      select c.relname as name, p.relname as parent from pg_inherits i
      join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
      where p.relname in ('pages', 'events', 'usage')`)
    const names = new Set(existing.rows.map(row => row.name))
    const wanted = new Set<string>()
    const day = (offset: number): Date =>
      new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + offset))
    const iso = (date: Date): string => date.toISOString().slice(0, 10)
    const tag = (date: Date): string => iso(date).replaceAll('-', '')
    for (const table of ['pages', 'events']) {
      for (let offset = -span.keepDays; offset <= span.aheadDays; offset++) {
        const name = `${table}_${tag(day(offset))}`
        wanted.add(name)
        if (!names.has(name)) {
          await trx.raw(
            `create table ${name} partition of ${table} for values from ('${iso(day(offset))}') to ('${iso(day(offset + 1))}')
             ${table === 'events' ? 'with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)' : ''}`
          )
        }
      }
      for (const row of existing.rows) {
        const stamp = row.name.slice(table.length + 1)
        if (row.parent === table && /^\d{8}$/.test(stamp) && stamp < tag(day(-span.keepDays))) {
          await trx.raw(`drop table ${row.name}`)
        }
      }
    }
    const month = (offset: number): Date => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1))
    for (let offset = -1; offset <= 1; offset++) {
      const name = `usage_${tag(month(offset)).slice(0, 6)}`
      if (!names.has(name)) {
        await trx.raw(
          `create table ${name} partition of usage for values from ('${iso(month(offset))}') to ('${iso(month(offset + 1))}')`
        )
      }
    }
    for (const row of existing.rows) {
      const stamp = row.name.slice('usage_'.length)
      if (row.parent === 'usage' && /^\d{6}$/.test(stamp) && stamp < tag(month(-span.keepMonths)).slice(0, 6)) {
        await trx.raw(`drop table ${row.name}`)
      }
    }
  })
}
