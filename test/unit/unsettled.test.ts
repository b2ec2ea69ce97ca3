/** What a person may have touched unheard is read page by page, however much it is. */
import createKnex from 'knex'
import pg from 'pg'
import t from 'tap'
import { createDeliveries } from '../../adapters/postgres/deliveries.ts'
import { migrate } from '../../adapters/postgres/migrate.ts'
import { migrations } from '../../migrations/index.ts'
import { useDatabase } from '../support/postgres.ts'

t.test('every unsettled delivery of the last day comes, once, in its order', async t => {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url })
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  t.teardown(async () => {
    await pool.end()
    await knex.destroy()
  })
  await migrate(knex, migrations)
  await pool.query(`
    insert into deliveries (number_id, message_id, conversation_id, customer_id, lane_id, state, page_day, page_id,
        page_offset, page_length, created_at, told_at, written_at)
      select n, i, 1, 1, 1, case when i % 2 = 0 then 'failed' else 'sent' end, current_date, 1, 0, 1,
        now() - make_interval(hours => case when i <= 1000 then 2 else 30 end), now() - interval '2 hours', now()
      from generate_series(1, 1200) i, generate_series(1, 2) n`)
  const deliveries = createDeliveries(pool)
  const seen: number[] = []
  for (;;) {
    const page = await deliveries.unsettled(1, seen.at(-1) ?? 0)
    if (page.length === 0) break
    seen.push(...page.map(delivery => delivery.messageId))
  }
  t.same(
    seen,
    Array.from({ length: 500 }, (_, index) => 2 * (index + 1))
  )
})
