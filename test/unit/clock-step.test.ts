/** PostgreSQL's clock was set back: what lies in its future is due again soon, and living processes are told apart from dead. */
import { randomUUID } from 'node:crypto'
import createKnex from 'knex'
import pg from 'pg'
import t from 'tap'
import { createStepWatch, forgiveStepBack } from '../../adapters/postgres/clock-step.ts'
import { keepPartitions, migrate } from '../../adapters/postgres/migrate.ts'
import { createProcesses } from '../../adapters/postgres/processes.ts'
import { migrations } from '../../migrations/index.ts'
import { createDatabaseClock } from '../../plugin/runtime/database-clock.ts'
import { useDatabase } from '../support/postgres.ts'

const HOUR = `interval '1 hour'`

t.test('a step back of an hour', async t => {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url })
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  t.teardown(async () => {
    await pool.end()
    await knex.destroy()
  })
  await migrate(knex, migrations)
  await keepPartitions(knex, { keepDays: 2, aheadDays: 1, keepMonths: 2 }, new Date())
  const one = createProcesses(pool, randomUUID())
  const two = createProcesses(pool, randomUUID())
  t.match(await one.beat(), { share: { index: 0, of: 1, settled: true }, steppedBackMs: 0 })
  const quiet = await two.beat()
  t.match(quiet, { share: { index: 1, of: 2, settled: false }, steppedBackMs: 0 })
  t.ok(Math.abs(quiet.nowMs - Date.now()) < 60_000, 'a beat tells the time of the database')

  // As an hour ago, when the clock was an hour ahead: a leased lane, one that waits, an attempt, a tick, a dead process.
  await pool.query(`
    update processes set seen_at = now() + ${HOUR}, started_at = now() + ${HOUR};
    insert into lanes (desk_id, number_id, customer_id, outbound, owner, lease_until, due_at, tokens_at) values
      (1, 1, 1, false, gen_random_uuid(), now() + ${HOUR}, now() + ${HOUR}, now() + ${HOUR}),
      (1, 1, 2, false, null, null, now() + ${HOUR}, now());
    insert into events (day, number_id, key, kind, lane_id, occurred_at, received_at, due_at, attempt_at, page_day, page_id,
        page_offset, page_length)
      select current_date, 1, 'k', 'message', min(id), now(), now() + ${HOUR}, now() + ${HOUR}, now() + ${HOUR}, current_date, 1, 0, 0
      from lanes;
    insert into deliveries (number_id, message_id, conversation_id, customer_id, lane_id, page_day, page_id, page_offset,
        page_length, written_at, tick_due_at, tick_lease)
      values (1, 1, 1, 1, 1, current_date, 1, 0, 0, now(), now() + ${HOUR}, now() + ${HOUR});
    insert into parts (number_id, message_id, generation, part, attempt_id, attempt_at)
      values (1, 1, 1, 0, gen_random_uuid(), now() + ${HOUR})`)
  const told = await one.beat()
  t.ok(told.steppedBackMs > 3_500_000 && told.steppedBackMs <= 3_600_000, `${told.steppedBackMs} ms`)
  await forgiveStepBack(pool, 30)
  await forgiveStepBack(pool, 30)
  const left = await pool.query(`select
    (select max(extract(epoch from greatest(due_at, lease_until, tokens_at) - clock_timestamp())) from lanes)::float8 as lanes,
    (select max(extract(epoch from greatest(due_at, received_at, attempt_at) - clock_timestamp())) from events)::float8 as events,
    (select max(extract(epoch from greatest(tick_due_at, tick_lease) - clock_timestamp())) from deliveries)::float8 as ticks,
    (select max(extract(epoch from attempt_at - clock_timestamp())) from parts)::float8 as parts,
    (select max(extract(epoch from greatest(seen_at, started_at) - clock_timestamp())) from processes)::float8 as processes`)
  const seconds = left.rows[0] as Record<string, number>
  for (const [what, ahead] of Object.entries(seconds)) t.ok(ahead <= 30, `${what}: ${ahead} s ahead`)
  t.ok(seconds['processes']! <= 0)
  t.equal((await one.beat()).steppedBackMs, 0, 'it is told once')

  await t.test('who had read the clock before the step, and writes after it was forgiven', async t => {
    let elapsedMs = 0
    const watch = createStepWatch({ pool, leaseSeconds: 30, monotonicMs: () => elapsedMs })
    const late = () => pool.query(`update lanes set due_at = now() + ${HOUR} where owner is null`)
    const waits = async () =>
      (await pool.query('select count(*)::int as n from lanes where due_at > now() + $1::interval', ['1 minute']))
        .rows[0].n
    await late()
    t.equal(await watch(0), false)
    t.equal(await waits(), 1, 'no step, nothing is touched')
    t.equal(await watch(3_600_000), true)
    t.equal(await waits(), 0)
    await late()
    elapsedMs += 2_000
    t.equal(await watch(0), false, 'it is not told again')
    t.equal(await waits(), 0, 'but put right')
    await late()
    elapsedMs += 60_000
    await watch(0)
    t.equal(await waits(), 1, 'a minute later nobody can be so late')
  })
})

t.test("the clock of decisions is PostgreSQL's, carried on by one that never jumps", t => {
  let elapsedMs = 0
  const clock = createDatabaseClock(() => elapsedMs)
  t.ok(Math.abs(clock.now().getTime() - Date.now()) < 5_000, "this machine's until it is told")
  clock.tell(1_000_000)
  t.equal(clock.now().getTime(), 1_000_000)
  elapsedMs += 2_500
  t.equal(clock.now().getTime(), 1_002_500)
  clock.tell(400_000)
  t.equal(clock.now().getTime(), 400_000, 'it may be set back')
  t.equal(clock.monotonicMs(), 2_500)
  t.end()
})
