/** A row that PostgreSQL refuses for what it holds takes neither its neighbours along nor makes Meta repeat for a week. */
import { randomBytes } from 'node:crypto'
import createKnex from 'knex'
import pg from 'pg'
import t from 'tap'
import { createCustomers } from '../../adapters/postgres/customers.ts'
import { createIntake } from '../../adapters/postgres/intake.ts'
import { keepPartitions, migrate } from '../../adapters/postgres/migrate.ts'
import { createPages } from '../../adapters/postgres/pages.ts'
import { createVault } from '../../adapters/vault/vault.ts'
import { migrations } from '../../migrations/index.ts'
import type { IntakeRow } from '../../plugin/core/ports/store.ts'
import { useDatabase } from '../support/postgres.ts'

t.test('a row with an impossible day is set aside, its neighbours are stored as they are', async t => {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url })
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  t.teardown(async () => {
    await pool.end()
    await knex.destroy()
  })
  await migrate(knex, migrations)
  await keepPartitions(knex, { keepDays: 2, aheadDays: 1, keepMonths: 2 }, new Date())
  const vault = {
    ...createVault({ keys: [{ id: 1, key: randomBytes(32) }], current: 1 }),
    hash: (text: string) => Buffer.from(text)
  }
  const nobody = { owner: '', leaseSeconds: 30, reserve: () => ({ size: 0, begin() {} }) }
  const intake = createIntake({
    worker: nobody,
    pool,
    customers: createCustomers(pool, vault),
    pages: createPages(pool, vault),
    onCommitted: () => {}
  })
  const row = (key: string, occurredAt: Date): IntakeRow => ({
    numberId: 1,
    key,
    kind: 'other',
    identity: null,
    outbound: false,
    ord: 1,
    occurredAt,
    payload: Buffer.from('{}'),
    state: 3,
    opensWindow: false,
    holdMs: 0
  })
  const accept = (one: IntakeRow) => intake.accept({ rows: [one], statuses: [], conversations: [] })
  await Promise.all([
    accept(row('m:good-1', new Date())),
    accept(row('m:bad', new Date(0))),
    accept(row('m:good-2', new Date()))
  ])
  const stored = await pool.query('select key, state, code from events order by seq')
  t.same(
    stored.rows
      .filter(each => each.state === 3)
      .map(each => each.key)
      .sort(),
    ['m:good-1', 'm:good-2']
  )
  t.same(
    stored.rows.filter(each => each.state === 2).map(each => each.code),
    ['unstorable']
  )
  await intake.close()
})
