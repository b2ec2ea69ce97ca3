/** A status that is committed while ticks are being claimed is told all the same: no tick is lost between two pictures. */
import createKnex from 'knex'
import pg from 'pg'
import t from 'tap'
import { createDeliveries } from '../../adapters/postgres/deliveries.ts'
import { STATUSES } from '../../adapters/postgres/intake-sql.ts'
import { keepPartitions, migrate } from '../../adapters/postgres/migrate.ts'
import { migrations } from '../../migrations/index.ts'
import { useDatabase } from '../support/postgres.ts'

const MESSAGES = 400
const RUN_MS = 4_000
const DELIVERED = 3
const READ = 4

t.test('the highest rank is told, whenever its status comes', async t => {
  const { url } = await useDatabase(t)
  const knex = createKnex({ client: 'pg', connection: url })
  const pool = new pg.Pool({ connectionString: url, max: 6 })
  pool.on('error', () => {})
  t.teardown(async () => {
    await pool.end()
    await knex.destroy()
  })
  await migrate(knex, migrations)
  await keepPartitions(knex, { keepDays: 2, aheadDays: 1, keepMonths: 2 }, new Date())
  await pool.query(`
    insert into desks (url, account_id, token_sealed, token_hint) values ('http://desk', 1, '', '');
    insert into numbers (desk_id, phone_number_id, waba_id, inbox_id, inbox_key, token_sealed, token_hint, app_secrets_sealed,
        verify_token_sealed, graph_url, graph_version) values (1, '1', '1', 1, 'key', '', '', '', '', 'http://graph', 'v1');
    insert into deliveries (number_id, message_id, conversation_id, customer_id, lane_id, state, parts, page_day, page_id,
        page_offset, page_length, written_at)
      select 1, n, 1, 1, 1, 'sent', 1, current_date, 1, 0, 0, now() from generate_series(1, ${MESSAGES}) n;
    insert into receipts (number_id, wamid, rank, message_id, generation, part)
      select 1, 'w' || n, 1, n, 1, 0 from generate_series(1, ${MESSAGES}) n`)

  const deliveries = createDeliveries(pool)
  const told = new Map<number, number>()
  let going = true
  const teller = async (): Promise<void> => {
    while (going) {
      const ticks = await deliveries.claimTicks(100, [])
      await Promise.all(
        ticks.map(async ({ delivery, version, receipts }) => {
          const id = Number(delivery.messageId)
          told.set(id, Math.max(told.get(id) ?? 0, ...receipts.map(each => each.rank)))
          await deliveries.told({ numberId: 1, messageId: delivery.messageId, version }, 'delivered', null)
        })
      )
    }
  }
  const columns = (n: number, rank: number): unknown[] => {
    const empty = [null]
    return [[1], [`w${n}`], [rank], empty, empty, empty, empty, empty, empty, empty, empty, 0]
  }
  const status = (n: number, rank: number): Promise<unknown> => pool.query(STATUSES, columns(n, rank))
  const speaker = async (from: number): Promise<void> => {
    for (let n = from; n <= MESSAGES && going; n += 2) {
      await status(n, DELIVERED)
      await status(n, READ)
    }
  }
  const tellers = [teller(), teller()]
  const until = performance.now() + RUN_MS
  await Promise.all([speaker(1), speaker(2)])
  const left = async (): Promise<number> =>
    (await pool.query('select count(*)::int as n from deliveries where tick_due_at is not null')).rows[0].n
  // A tick that was changed while it was told comes again two seconds later.
  while ((await left()) > 0 && performance.now() < until + 10_000) await new Promise(resolve => setTimeout(resolve, 50))
  going = false
  await Promise.all(tellers)
  const forgotten = Array.from({ length: MESSAGES }, (_, index) => index + 1).filter(n => told.get(n) !== READ)
  t.same(forgotten, [], 'every message was read, and the desk was told so')
})
