import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createBullJobs } from '../../adapters/jobs/bull.ts'
import { createLocalJobs } from '../../adapters/jobs/local.ts'
import type { Jobs } from '../../plugin/core/ports/jobs.ts'
import { type TestRedis, useRedis } from '../support/redis.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { runJobsSuite, until } from './jobs-suite.ts'

const complaints: string[] = []
process.on('warning', warning => complaints.push(`${warning.name}: ${warning.message}`))
process.on('unhandledRejection', error => complaints.push(`unhandled: ${(error as Error).message}`))

let installations = 0

function makeBull(t: Test, port: number, prefix = `test-${++installations}`, told: string[] = []): Jobs {
  const log = { info: (_: object, text: string) => told.push(text), warn: (_: object, text: string) => told.push(text) }
  const jobs = createBullJobs({ redisUrl: `redis://127.0.0.1:${port}`, prefix, log, production: true })
  t.teardown(() => jobs.close())
  return jobs
}

async function startCounting(jobs: Jobs): Promise<() => number> {
  let runs = 0
  await jobs.start(() => void runs++)
  return () => runs
}

async function startWell(jobs: Jobs): Promise<() => number> {
  const runs = await startCounting(jobs)
  await until(() => jobs.state().healthy, 'healthy')
  jobs.wake()
  await until(() => runs() > 0, 'the first run')
  await sleep(50)
  return runs
}

t.test('local', async t => {
  runJobsSuite(t, { open: async () => ({ make: createLocalJobs }) })
})

t.test('Bull', async t => {
  const redis: TestRedis = await useRedis(t)
  t.comment(redis.kind)

  t.test('suite', async t => {
    runJobsSuite(t, {
      open: async t => {
        const prefix = `suite-${++installations}`
        return { make: () => makeBull(t, redis.port, prefix) }
      }
    })
  })

  t.test('several processes share one wake-up, and each can ask', async t => {
    const prefix = `test-${++installations}`
    const first = makeBull(t, redis.port, prefix)
    const second = makeBull(t, redis.port, prefix)
    const asker = makeBull(t, redis.port, prefix)
    const stranger = makeBull(t, redis.port)
    const counts = [await startCounting(first), await startCounting(second)]
    const strangers = await startCounting(stranger)
    const total = () => counts.reduce((sum, count) => sum + count(), 0)
    await until(() => [first, second, asker].every(jobs => jobs.state().healthy), 'healthy')
    await sleep(300)
    for (let round = 0; round < 10; round++) {
      const before = total()
      asker.wake()
      await until(() => total() > before, 'somebody runs')
      await sleep(40)
      t.equal(total(), before + 1, 'and only one')
    }
    t.equal(strangers(), 0, 'another installation on the same Redis hears nothing')
  })

  t.test('a message costs less than one Redis command in a burst', async t => {
    const proxy = await startTcpProxy(t, redis.port)
    const jobs = makeBull(t, proxy.port)
    const runs = await startWell(jobs)
    const commandsBefore = proxy.commands()
    const runsBefore = runs()
    for (let message = 0; message < 500; message++) {
      jobs.wake()
      await sleep(1)
    }
    await until(() => runs() > runsBefore, 'runs')
    await sleep(100)
    const commands = proxy.commands() - commandsBefore
    t.comment(`${commands} commands and ${runs() - runsBefore} runs for 500 messages`)
    // The stand-in for BRPOPLPUSH asks 40 times a second; a real server is asked once.
    const polling = redis.kind === 'redis-server' ? 0 : 120
    t.ok(commands - polling <= 500)
  })

  t.test('a Redis that is emptied every few milliseconds loses no wake-up for good', async t => {
    const jobs = makeBull(t, redis.port)
    let asked = 0
    let heard = 0
    await jobs.start(() => {
      heard = asked
    })
    await until(() => jobs.state().healthy, 'healthy')
    for (let round = 0; round < 40; round++) {
      asked++
      jobs.wake()
      if (round % 2 === 0) await redis.flush()
      await sleep(10)
    }
    // What a sweep would do: it asks again while work waits.
    const sweep = setInterval(() => jobs.wake(), 200)
    await until(() => heard === asked, 'a run after the last call')
    clearInterval(sweep)
    t.equal(jobs.state().healthy, true)
  })

  t.test('with Redis down at the start it wakes itself, and joins when Redis comes', async t => {
    const own = await useRedis(t, { startNow: false })
    const told: string[] = []
    const jobs = makeBull(t, own.port, 'late', told)
    const begun = performance.now()
    const runs = await startCounting(jobs)
    jobs.wake()
    t.ok(performance.now() - begun < 100, 'neither call waits')
    await until(() => runs() > 0, 'a run without Redis')
    await sleep(300)
    const before = runs()
    const askedAt = performance.now()
    jobs.wake()
    await until(() => runs() > before, 'another run')
    t.ok(performance.now() - askedAt < 100, 'at once')
    t.match(jobs.state(), { kind: 'bull', healthy: false, lastError: String })
    t.equal(told.filter(text => /not usable/.test(text)).length, 1, 'told once')
    await own.start()
    await until(() => jobs.state().healthy, 'healthy')
    const other = makeBull(t, own.port, 'late')
    await until(() => other.state().healthy, 'healthy')
    await sleep(300)
    const settled = runs()
    other.wake()
    await until(() => runs() > settled, 'a wake-up of another process arrives')
    t.match(told.join(), /usable again/)
  })

  t.test('a Redis that is killed and comes back empty is joined again', async t => {
    const own = await useRedis(t)
    const jobs = makeBull(t, own.port, 'killed')
    const other = makeBull(t, own.port, 'killed')
    const runs = await startWell(jobs)
    await own.stop()
    const down = runs()
    jobs.wake()
    await until(() => runs() > down, 'a run while it is down')
    t.equal(jobs.state().healthy, false)
    await sleep(500)
    await own.start()
    await until(() => jobs.state().healthy && other.state().healthy, 'both healthy')
    const back = () => {
      const before = runs()
      other.wake()
      return until(() => runs() > before, 'a wake-up of the other process arrives')
    }
    await back()
    await sleep(50)
    await back()
  })

  t.test('a Redis that no longer answers, though connected, holds nothing up', async t => {
    const proxy = await startTcpProxy(t, redis.port)
    const jobs = makeBull(t, proxy.port)
    const runs = await startWell(jobs)
    proxy.hold()
    for (let round = 0; round < 5; round++) {
      const before = runs()
      const askedAt = performance.now()
      jobs.wake()
      await until(() => runs() > before, 'a run')
      t.ok(performance.now() - askedAt < 500, 'within half a second')
      await sleep(300)
    }
    t.equal(jobs.state().healthy, false)
    proxy.release()
    await until(() => jobs.state().healthy, 'healthy again')

    proxy.delayMs = 250
    const before = runs()
    const askedAt = performance.now()
    jobs.wake()
    await until(() => runs() > before, 'a run over a slow line')
    t.ok(performance.now() - askedAt < 200, 'without waiting for the line')
    proxy.delayMs = 0
    await sleep(600)

    proxy.cut()
    await sleep(20)
    await until(() => jobs.state().healthy, 'healthy after a cut')
    await sleep(100)
    const cutBefore = runs()
    jobs.wake()
    await until(() => runs() > cutBefore, 'a run after a cut')
    await jobs.close()
    await until(() => proxy.openConnections() === 0, 'no connection is left')
  })

  t.test('closing is quick in every condition', async t => {
    const own = await useRedis(t)
    const proxy = await startTcpProxy(t, own.port)
    const time = async (jobs: Jobs) => {
      const begun = performance.now()
      await jobs.close()
      return performance.now() - begun
    }
    const well = makeBull(t, proxy.port)
    await startWell(well)
    t.ok((await time(well)) < 1000, 'while idle')
    const held = makeBull(t, proxy.port)
    await startWell(held)
    proxy.hold()
    held.wake()
    t.ok((await time(held)) < 3000, 'while nothing answers')
    proxy.release()
    const down = makeBull(t, proxy.port)
    await startWell(down)
    await own.stop()
    await sleep(100)
    t.ok((await time(down)) < 3000, 'while Redis is down')
    const early = makeBull(t, own.port)
    await startCounting(early)
    t.ok((await time(early)) < 3000, 'before it ever joined')
  })
})

t.test('nothing was left unhandled, and nobody collected listeners', async t => {
  await sleep(50)
  t.strictSame(
    complaints.filter(text => !/ExperimentalWarning|js-redis-server/.test(text)),
    []
  )
})
