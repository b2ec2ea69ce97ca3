/** What is kept by day, week and month goes as a whole when it is over; what was set aside stays until its own time. */
import createKnex from 'knex'
import pg from 'pg'
import t from 'tap'
import { keepAside } from '../../adapters/postgres/keep-aside.ts'
import { keepPartitions, migrate, PARTITION_SPAN } from '../../adapters/postgres/migrate.ts'
import { createPages } from '../../adapters/postgres/pages.ts'
import { migrations } from '../../migrations/index.ts'
import { useDatabase } from '../support/postgres.ts'

const AGES = { moveAfterDays: 12, keepDays: 90 }
const plain = { seal: (bytes: Buffer) => bytes, open: (bytes: Buffer) => bytes }

t.test('by day, week and month', async t => {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
  t.teardown(() => knex.destroy())
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  t.teardown(() => pool.end())
  await migrate(knex, migrations)
  await keepPartitions(knex, { ...PARTITION_SPAN, keepDays: 120 }, new Date())
  await knex.raw(
    `create table usage_202301 partition of usage for values from ('2023-01-01') to ('2023-02-01');
     insert into usage (month, at, number_id, wamid, outbound, origin, in_session)
       values ('2023-01-01', '2023-01-05', 1, 'old', false, 'customer', false),
         (date_trunc('month', now()), now(), 1, 'young', false, 'customer', false)`
  )
  const store = async (key: string, ageDays: number, receivedDays: number, state: number): Promise<void> => {
    const words = Buffer.from(`what ${key} says`)
    await knex.raw(
      `with page as (insert into pages (day, sealed) values (current_date - ${ageDays}, decode('${words.toString('hex')}', 'hex')) returning day, id)
       insert into events (day, number_id, key, kind, occurred_at, received_at, page_day, page_id, page_offset, page_length, state)
       select current_date - ${ageDays}, 1, '${key}', 'message', now(), now() - interval '${receivedDays} days', day, id, 0, ${words.length}, ${state} from page`
    )
  }
  await store('done long ago', 40, 40, 1)
  await store('done this week', 3, 3, 1)
  await store('set aside lately', 5, 5, 2)
  await store('set aside three weeks ago', 21, 21, 2)
  await store('set aside for as long as that is kept', 100, 91, 2)

  const pages = createPages(pool, plain)
  t.equal(await keepAside(pool, pages, AGES), 1)
  await keepPartitions(knex, PARTITION_SPAN, new Date())
  const rows = await knex('events').select('key', 'page_day', 'page_id', 'page_offset', 'page_length').orderBy('key')
  t.same(
    rows.map(row => row.key),
    ['done this week', 'set aside lately', 'set aside three weeks ago']
  )
  const [moved] = (
    await pool.query(
      `select page_day::text as "pageDay", page_id as "pageId", page_offset as "offset", page_length as "length"
       from events where key = 'set aside three weeks ago'`
    )
  ).rows
  t.equal(String(await createPages(pool, plain).read(moved)), 'what set aside three weeks ago says')
  t.equal(await keepAside(pool, pages, AGES), 0, 'what has moved is young again')
  const oldest = await knex.raw<{ rows: { ago: number }[] }>('select current_date - min(day) as ago from pages')
  t.ok(oldest.rows[0]!.ago <= PARTITION_SPAN.keepDays, 'raw payloads go by the day')
  t.same(
    (await knex('usage').select('wamid')).map(row => row.wamid),
    ['young']
  )
})
