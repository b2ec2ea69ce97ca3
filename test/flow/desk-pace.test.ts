/**
 * How many calls are in flight at the desk follows the lag of our own hooks; ticks join longer while messages wait for
 * it; two processes share one ceiling.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import { TIMES } from '../../plugin/core/rules.ts'
import { puente } from '../../plugin/index.ts'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, query, type Talk } from './talk.ts'

const rowsOf = (flow: Flow, text: string): number => flow.messages().filter(row => row.content === text).length

/** Everybody writes at once, and the desk has shown it. */
async function crowd(flow: Flow, talks: Talk[], text: string, each = 1): Promise<void> {
  for (let n = 0; n < each; n++) await Promise.all(talks.map(talk => talk.say(text)))
  await flow.until(`all of ${text}`, () => rowsOf(flow, text) === talks.length * each, 60_000)
}

const begin = async (flow: Flow, count: number): Promise<Talk[]> => {
  const talks: Talk[] = []
  for (let i = 0; i < count; i++) talks.push(await beginTalk(flow))
  return talks
}

t.test('hooks that come late bring the calls in flight down to one, hooks in time let them grow again', async t => {
  const flow = await startFlow(t, { options: { deskCeiling: 32 } })
  const deskId = flow.runtime.bridge.registry.desks()[0]!.id
  const pace = flow.runtime.bridge.pace(deskId)
  const talks = await begin(flow, 40)
  // A call of the desk takes a moment, so that several are in flight.
  await flow.door('faults', [{ on: 'call:desk', kind: 'delay', delayMs: 15 }])
  for (let n = 0; n < 40 && pace.limit() < 4; n++) await crowd(flow, talks, `quick ${n}`)
  const grown = pace.limit()
  t.ok(grown >= 4, `grown to ${grown}`)

  await flow.door('desk', { hookDelayMs: 900 })
  for (let n = 0; n < 8 && pace.limit() > 2; n++) await crowd(flow, talks, `late ${n}`)
  t.ok(
    pace.limit() <= 2,
    `${pace.limit()} while hooks are ${pace.facts().lagMs} ms late; answers took ${pace.facts().latencyMs} ms`
  )

  await flow.door('desk', { hookDelayMs: 20 })
  for (let n = 0; n < 40 && pace.limit() < 4; n++) await crowd(flow, talks, `in time ${n}`)
  t.ok(pace.limit() >= 4, `back to ${pace.limit()}`)
})

t.test(
  'a tick joins what comes within two seconds, and within much longer while messages wait for the desk',
  async t => {
    const flow = await startFlow(t, { statuses: 'manual', injected: { timeFactor: 0.2, fixedDeskLimit: 1 } })
    const talks = await begin(flow, 12)
    const [answered] = talks as [Talk]
    answered.reply('answered')
    await flow.until('sent', () => answered.sent().length === 1)
    await flow.settle()
    const dueInMs = async (): Promise<number> => {
      const [row] = await query(
        flow,
        'select (extract(epoch from tick_due_at - clock_timestamp()) * 1000)::float8 as ms from deliveries'
      )
      return row.ms
    }
    await flow.door('faults', [{ on: 'call:desk', kind: 'delay', delayMs: 200 }])
    await flow.sandbox.graph.setStatus(answered.sent()[0].wamid, 'delivered')
    const calmMs = await dueInMs()
    t.ok(calmMs <= TIMES.tickJoinMs * 0.2, `calm: ${calmMs}`)
    await flow.settle()

    await Promise.all(talks.map(talk => talk.say('all at once')))
    await flow.until('several wait', () => rowsOf(flow, 'all at once') > 0)
    await flow.sandbox.graph.setStatus(answered.sent()[0].wamid, 'read')
    const busyMs = await dueInMs()
    t.ok(busyMs > TIMES.tickJoinMs * 0.2 && busyMs <= TIMES.tickJoinBusyMs * 0.2, `busy: ${busyMs}`)
    await flow.until(
      'blue in the end',
      () => answered.conversation().messages.some((row: Loose) => row.status === 'read'),
      30_000
    )
  }
)

t.test('two processes share the ceiling that one alone would reach', async t => {
  const flow = await startFlow(t, { options: { deskCeiling: 6 }, injected: { timeFactor: 0.2 } })
  await beginTalk(flow)
  await flow.settle()
  const deskId = flow.runtime.bridge.registry.desks()[0]!.id
  /** As far as a desk that answers at once, and could do more, lets the limit grow. */
  const grow = async ({ bridge }: Flow['runtime']): Promise<number> => {
    const pace = bridge.pace(deskId)
    for (let n = 0; n < 25; n++) {
      for (let call = 0; call < 10; call++) pace.onCall(2, true)
      await sleep(60)
    }
    return pace.limit()
  }
  t.equal(await grow(flow.runtime), 6)

  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(puente, {
    prefix: '/wa',
    databaseUrl: flow.databaseUrl,
    dataDir: t.testdir(),
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    deskCeiling: 6,
    injected: { allowUnsafeDatabase: true, timeFactor: 0.2 }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const both = [flow.runtime, app.puente.runtime]
  t.same(both[1]!.share().settled, false, 'a newcomer has no part yet')
  await flow.until(
    'each counts the other',
    () => both.every(({ share }) => share().of === 2 && share().settled),
    20_000
  )
  await flow.until('the first has given its half away', () => flow.runtime.bridge.pace(deskId).limit() <= 3)
  t.same(await Promise.all(both.map(grow)), [3, 3])
})
