/** Retention keeps pace with what arrives: it ends when nothing old is left, and each of its deletes goes by an index. */
import createKnex, { type Knex } from 'knex'
import t from 'tap'
import { migrate } from '../../adapters/postgres/migrate.ts'
import { forgetOld, forgetting } from '../../adapters/postgres/retention.ts'
import { migrations } from '../../migrations/index.ts'
import { TIMES } from '../../plugin/core/rules.ts'
import { useDatabase } from '../support/postgres.ts'

const TABLES = ['id_map', 'receipts', 'deliveries', 'parts', 'conversation_attributes', 'media_cache']

/** Rows of every table, with ages spread evenly between the two. */
async function fill(knex: Knex, first: number, count: number, days: [from: number, to: number]): Promise<void> {
  const ago = `now() - make_interval(secs => 86400 * (${days[0]} + (${days[1]} - ${days[0]}) * i::float8 / ${count}))`
  const each = `from generate_series(1, ${count}) i`
  const id = `${first} + i`
  await knex.raw(`
    insert into id_map (number_id, wamid, message_id, conversation_id, created_at)
      select 1, 'w' || (${id}), ${id}, 1, ${ago} ${each};
    insert into receipts (number_id, wamid, message_id, created_at, sent_at, delivered_at, pricing)
      select 1, 'w' || (${id}), ${id}, ${ago}, ${ago}, ${ago} + interval '1 s', '{"billable": true, "category": "service"}' ${each};
    insert into usage (month, at, number_id, wamid, outbound, origin, in_session)
      select date_trunc('month', at), at, 1, wamid, true, 'agent', true
      from (select ${ago} - interval '1 s' as at, 'w' || (${id}) as wamid ${each}) x;
    insert into deliveries (number_id, message_id, conversation_id, customer_id, lane_id, page_day, page_id, page_offset,
        page_length, created_at, written_at)
      select 1, ${id}, 1, 1, 1, current_date, 1, 0, 1, ${ago}, now() ${each};
    insert into parts (number_id, message_id, generation, part, attempt_id, attempt_at)
      select 1, ${id}, 1, p, gen_random_uuid(), ${ago} ${each}, generate_series(0, 1) p;
    insert into conversation_attributes (number_id, conversation_id, touched_at) select 1, ${id}, ${ago} ${each};
    insert into media_cache (number_id, hash, media_id, mime_type, uploaded_at)
      select 1, decode(lpad(to_hex(${id}), 8, '0'), 'hex'), 'm', 'image/png', ${ago} ${each}`)
}

t.test('retention', async t => {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
  t.teardown(() => knex.destroy())
  await migrate(knex, migrations)
  // Months that began before this database was made.
  for (let back = 1; back <= 11; back++) {
    const month = `date_trunc('month', now()) - interval '${back} months'`
    await knex.raw(`do $$ begin execute format('create table if not exists usage_%s partition of usage for values from (%L) to (%L)',
      to_char(${month}, 'YYYYMM'), ${month}, ${month} + interval '1 month'); end $$`)
  }
  await fill(knex, 0, 5_000, [181, 300])
  await fill(knex, 100_000, 20, [0, 20])
  await knex.raw('analyze')

  await t.test('each delete finds what is old by an index', async t => {
    for (const sql of forgetting(180, 100)) {
      const answer = await knex.raw<{ rows: { 'QUERY PLAN': string }[] }>(`explain ${sql}`)
      const plan = answer.rows.map(row => row['QUERY PLAN']).join('\n')
      // Months without a row cost nothing however they are read.
      t.notMatch(plan.replaceAll(/Seq Scan on usage_\d+ \w+ {2}\(cost=0\.00\.\.0\.00/g, ''), /Seq Scan/, plan)
      t.match(plan, /Index (?:Only )?Scan/)
    }
  })

  await t.test('however much is old, it ends when nothing old is left, in steps', async t => {
    let steps = 0
    knex.on('query', () => steps++)
    const forgotten = await forgetOld(knex, TIMES, { step: 10, pauseMs: 0 })
    t.equal(forgotten, 25_000, 'five tables; parts go with their deliveries')
    t.ok(steps > 2_500, 'never more than a step at once')
    for (const table of TABLES) {
      const left = await knex(table).count<{ count: string }[]>('* as count')
      t.equal(Number(left[0]!.count), table === 'parts' ? 40 : 20, `${table} keeps what is young`)
    }
    t.equal(await forgetOld(knex, TIMES), 0)
  })

  await t.test('S60: what WhatsApp said of a message outlives its receipt in the row of usage', async t => {
    const rows = await knex('usage').select('wamid', 'at', 'sent_at', 'delivered_at', 'pricing')
    const told = rows.filter(row => row.pricing !== null)
    t.equal(told.length, 5_000)
    t.ok(told.every(row => row.delivered_at - row.sent_at === 1_000 && row.sent_at - row.at === 1_000))
    t.same(told[0].pricing, { billable: true, category: 'service' })
    t.equal(rows.length, 5_020, 'of the young ones the receipt still tells')
  })

  await t.test('it stops between two steps when the process ends', async t => {
    await fill(knex, 200_000, 50, [181, 300])
    let asked = 0
    await forgetOld(knex, TIMES, { step: 10, pauseMs: 0, stopping: () => ++asked > 2 })
    const left = await knex('id_map').count<{ count: string }[]>('* as count')
    t.equal(Number(left[0]!.count), 50)
  })
})
