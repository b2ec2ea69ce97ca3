/**
 * B7 and B10 with a real redis-server: commands on the wire per message of a burst, and the memory that many waiting
 * messages take. Where there is no redis-server they do not run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { sendClosedLoop } from './load.ts'
import { type Ground, makeCustomers, openRig, phoneOf } from './rig.ts'
import { atMost, type Bar, notRun } from './table.ts'

const BURST = 500
const WAITING = 100_000
const MIB = 1024 * 1024
const COMMANDS = 'Redis commands a message in a burst'
const MEMORY = `Redis memory for ${WAITING} undelivered messages, MiB`

export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0

export async function measureRedis(ground: Ground, wanted: (id: string) => boolean): Promise<Bar[]> {
  if (!hasRedis()) {
    const why = 'no redis-server on PATH'
    return [notRun('B7', COMMANDS, '≤ 1', why), notRun('B10', MEMORY, '< 1', why)].filter(bar => wanted(bar.id))
  }
  const server = await startRedis()
  try {
    const bars: Bar[] = []
    if (wanted('B7')) bars.push(await countCommands(ground, server.port))
    if (wanted('B10')) bars.push(await weighBacklog(ground, server.port))
    return bars
  } finally {
    server.child.kill('SIGTERM')
  }
}

async function countCommands(ground: Ground, port: number): Promise<Bar> {
  const endings: (() => unknown)[] = []
  const proxy = await startTcpProxy({ teardown: ending => endings.push(ending) }, port)
  const rig = await openRig(ground, { redisUrl: `redis://127.0.0.1:${proxy.port}/0` })
  try {
    await sleep(3_000)
    const customers = await makeCustomers(rig, BURST)
    await sleep(2_000)
    const idleFrom = proxy.commands()
    await sleep(5_000)
    const idlePerSecond = (proxy.commands() - idleFrom) / 5
    const follower = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
    const startedMs = performance.now()
    const before = proxy.commands()
    await sendClosedLoop(
      rig.port,
      customers.map(customer => rig.maker.message(customer).request)
    )
    const written = await follower.until(all => all.length >= BURST, 60_000)
    await sleep(1_000)
    const seconds = (performance.now() - startedMs) / 1000
    const commands = proxy.commands() - before - idlePerSecond * seconds
    if (written.length !== BURST) throw new Error(`${written.length} of ${BURST} are in the desk`)
    return atMost(
      'B7',
      COMMANDS,
      1,
      Math.max(0, commands) / BURST,
      `idle ${idlePerSecond.toFixed(1)} a second taken off`
    )
  } finally {
    await rig.close()
    for (const ending of endings) await ending()
  }
}

async function weighBacklog(ground: Ground, port: number): Promise<Bar> {
  const redis = new Redis(port, '127.0.0.1')
  const rig = await openRig(ground, { redisUrl: `redis://127.0.0.1:${port}/1`, paused: true })
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
  try {
    const customer = (index: number) => ({
      waId: phoneOf(index % 10_000),
      userId: `DE.bench${index % 10_000}`,
      name: `Customer ${index % 10_000}`
    })
    const before = await used()
    for (let sent = 0; sent < WAITING; sent += 20_000) {
      const requests = Array.from({ length: 20_000 }, (_, index) => rig.maker.message(customer(sent + index)).request)
      const answers = await sendClosedLoop(rig.port, requests)
      if (answers.other > 0) throw new Error(`${answers.other} were not answered 200`)
    }
    return atMost('B10', MEMORY, 1, ((await used()) - before) / MIB)
  } finally {
    redis.disconnect()
    await rig.close()
  }
}

/** A redis-server of our own, without persistence. */
export async function startRedis(): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort()
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: 'ignore'
    }
  )
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => 100, maxRetriesPerRequest: 50 })
  // It is still starting; what counts is that it answers in the end.
  redis.on('error', () => {})
  await redis.ping()
  redis.disconnect()
  return { child, port }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
