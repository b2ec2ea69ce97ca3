/** The lag of our own echo hooks, with one process and with several: a hook that came to another process is not missing. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { createEchoExchange } from '../../adapters/postgres/echo-exchange.ts'
import { createEchoes } from '../../plugin/core/desk/echoes.ts'
import type { DeskPace } from '../../plugin/core/desk/pace.ts'
import { useDatabase } from '../support/postgres.ts'

const DESK = 1

function lab(processes: number) {
  const state = { nowMs: 0, lags: [] as number[], passed: [] as number[] }
  const pace = { onLag: (lagMs: number) => state.lags.push(lagMs) } as unknown as DeskPace
  const echoes = createEchoes({
    monotonicMs: () => state.nowMs,
    pace: () => pace,
    processes: () => processes,
    pass: (_deskId, messageId) => state.passed.push(messageId)
  })
  return { state, echoes }
}

t.test('alone: an echo tells its lag, a missing one counts while it is missing', async t => {
  const { state, echoes } = lab(1)
  echoes.expect(DESK, 1)
  state.nowMs = 40
  echoes.arrived(DESK, 1)
  t.same(state.lags, [40])
  echoes.expect(DESK, 2)
  state.nowMs = 1_000
  echoes.expect(DESK, 3)
  t.same(state.lags, [40, 960], 'the second is late')
  echoes.arrived(DESK, 99)
  t.same(state.passed, [], 'there is nobody to tell')
  echoes.expect(DESK, 99)
  t.same(state.lags, [40, 960, 0], 'a hook may beat the answer')
})

t.test('among several: what comes to another is passed on, and silence counts only when it is long', async t => {
  const { state, echoes } = lab(2)
  echoes.arrived(DESK, 50)
  t.same(state.passed, [50])
  for (let id = 1; id <= 7; id++) echoes.expect(DESK, id)
  state.nowMs = 1_000
  t.same(state.lags, [])
  echoes.heard(DESK, 3, 900)
  t.same(state.lags, [100], 'by the time at which the other heard it')
  for (let id = 10; id < 17; id++) echoes.expect(DESK, id)
  state.nowMs = 1_900
  t.same(state.lags, [100], 'rows that nobody told of say nothing, however old they are')
  echoes.expect(DESK, 17)
  t.same(state.lags, [100, 900], 'a long silence after many rows does')
  echoes.heard(DESK, 17, 0)
  for (let id = 20; id < 40; id++) echoes.expect(DESK, id)
  t.same(state.lags, [100, 900, 0], 'many rows at once are no silence')
  echoes.arrived(DESK, 20)
  state.nowMs = 2_000
  echoes.heard(DESK, 21, 10)
  t.same(state.lags, [100, 900, 0, 0], 'what others heard adds nothing to what came here')
})

t.test('what one process heard reaches all others, soon and once', async t => {
  const { url } = await useDatabase(t)
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const heard: [number, number, number][][] = [[], [], []]
  const exchanges = heard.map(list =>
    createEchoExchange({
      connect,
      processId: randomUUID(),
      onHeard: (...echo) => list.push(echo),
      monotonicMs: () => performance.now()
    })
  )
  t.teardown(async () => {
    await Promise.all(exchanges.map(exchange => exchange.close()))
    await pool.end()
  })
  const listening = async (): Promise<number> =>
    (await pool.query(`select count(*)::int as n from pg_stat_activity where query ilike 'listen %'`)).rows[0].n
  for (const exchange of exchanges) exchange.listen()
  while ((await listening()) < 3) await sleep(20)
  for (let id = 1; id <= 12; id++) exchanges[0]!.pass(DESK, id)
  const until = performance.now() + 5_000
  while (heard[1]!.length + heard[2]!.length < 24 && performance.now() < until) await sleep(20)
  t.same(
    heard.map(list => list.map(([, messageId]) => messageId)),
    [[], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]]
  )
  const longest = Math.max(...heard[1]!.map(([, , agoMs]) => agoMs))
  t.ok(longest < 2_000, `${longest} ms ago`)
  for (let id = 1; id <= 5_000; id++) exchanges[1]!.pass(DESK, id)
  while (heard[0]!.length === 0 && performance.now() < until) await sleep(20)
  t.ok(heard[0]!.length > 0 && heard[0]!.length < 100, `a sample of a flood: ${heard[0]!.length}`)
})
