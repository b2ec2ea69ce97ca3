/** Migrations while an older release works on the same database: nobody is blocked, nothing is taken away. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import createKnex, { type Knex } from 'knex'
import pg from 'pg'
import t from 'tap'
import { keepPartitions, type Migration, migrate } from '../../adapters/postgres/migrate.ts'
import { migrations } from '../../migrations/index.ts'
import { useDatabase } from '../support/postgres.ts'

const DAY_MS = 86_400_000
const SPAN = { keepDays: 15, aheadDays: 2, keepMonths: 25 }

const adding = (name: string, sql: string): Migration => ({
  name,
  up: knex => knex.raw(sql) as unknown as Promise<void>,
  down: () => Promise.resolve()
})

async function open(t: Parameters<typeof useDatabase>[0]): Promise<{ knex: Knex; url: string }> {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 4 } })
  t.teardown(() => knex.destroy())
  return { knex, url }
}

t.test('migrations after the first release only add', async t => {
  const folder = new URL('../../migrations/', import.meta.url)
  const later = readdirSync(folder).filter(name => /^\d{3}-/.test(name) && !name.startsWith('001-'))
  t.ok(later.length > 0)
  for (const name of later) {
    const source = readFileSync(new URL(name, folder), 'utf8')
    const up = source.slice(
      source.indexOf('function up'),
      source.includes('function down') ? source.indexOf('function down') : undefined
    )
    // A function may be replaced (its old callers go on); what it is called with and what tables hold may not go.
    t.notMatch(
      up,
      /\b(drop\s+(table|column|function|constraint)|rename\s+(to|column)|alter\s+column\s+\w+\s+(type|set\s+not\s+null))\b/i,
      name
    )
    t.notMatch(
      up,
      /add\s+column\s+(if\s+not\s+exists\s+)?\w+\s+[^,;]*\bnot\s+null\b(?![^,;]*\bdefault\b)/i,
      `${name}: a new column has a default`
    )
  }
})

t.test('several processes that start at once migrate once; names of a later release are left alone', async t => {
  const { knex } = await open(t)
  const list = [adding('001-a', 'create table a (id int)'), adding('002-b', 'create table b (id int)')]
  const applied = await Promise.all([migrate(knex, list), migrate(knex, list), migrate(knex, list)])
  t.same(applied.flat().sort(), ['001-a', '002-b'])
  await knex('puente_migrations').insert({ name: '900-later' })
  t.same(await migrate(knex, list), [])
})

t.test('a table that somebody reads for long keeps the migration waiting, not the traffic', async t => {
  const { knex, url } = await open(t)
  await migrate(knex, [adding('001-a', 'create table a (id int)')])
  const reader = new pg.Client({ connectionString: url })
  const worker = new pg.Client({ connectionString: url })
  for (const client of [reader, worker]) client.on('error', () => {})
  await Promise.all([reader.connect(), worker.connect()])
  t.teardown(() => Promise.all([reader.end(), worker.end()]))
  await reader.query('begin; lock table a in access share mode')
  let over = false
  const migrating = migrate(knex, [adding('002-b', 'alter table a add column more int not null default 0')]).then(
    names => {
      over = true
      return names
    }
  )
  let slowest = 0
  for (let i = 0; i < 20; i++) {
    const startedMs = performance.now()
    await worker.query('insert into a (id) values (1)')
    slowest = Math.max(slowest, performance.now() - startedMs)
    await sleep(100)
  }
  t.notOk(over, 'the migration waits')
  t.ok(slowest < 2_000, `the slowest of the others took ${Math.round(slowest)} ms`)
  await reader.query('commit')
  t.same(await migrating, ['002-b'])
})

t.test('a clock that is a month ahead drops nothing that is not over by the other', async t => {
  const { knex } = await open(t)
  await migrate(knex, migrations)
  await keepPartitions(knex, SPAN, new Date())
  const count = async (): Promise<number> => {
    const answer = await knex.raw<{ rows: { n: number }[] }>(
      `select count(*)::int as n from pg_inherits where inhparent in ('pages'::regclass, 'events'::regclass)`
    )
    return answer.rows[0]!.n
  }
  const before = await count()
  await keepPartitions(knex, SPAN, new Date(Date.now() + 30 * DAY_MS))
  t.ok((await count()) > before, 'those of the other time are made')
  await knex.raw(
    `insert into events (day, number_id, key, kind, occurred_at, page_day, page_id, page_offset, page_length)
     values (current_date - 14, 1, 'k', 'other', now(), current_date, 1, 0, 0)`
  )
  await keepPartitions(knex, SPAN, new Date(Date.now() - 3 * DAY_MS))
  t.equal((await knex('events').count<{ count: number }[]>('*'))[0]?.count?.toString(), '1')
})
