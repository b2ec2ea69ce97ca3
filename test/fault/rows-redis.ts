/** Q-rows: Redis flushed, killed, empty, slow, half-open, read-only, paused, full. It is never in the way of an acknowledgement. */
import { Redis } from 'ioredis'
import { type TestRedis, useRedis } from '../support/redis.ts'
import { startRelay } from './relay.ts'
import { NotRun, slow } from './report.ts'
import { keepTalking, pause, type Scenario, talkUntilShared } from './scenario.ts'
import type { World } from './world.ts'

/**
 * The short run shares its machine with other tests, so only the outer bound counts there. A machine that is slower than
 * that anyway is held against itself.
 */
const ACK_P99_MS = { full: 250, quick: 1_000 }
const CALM_MS = 2_500

type Play = (at: {
  world: World
  redis: TestRedis
  chats: Awaited<ReturnType<World['load']['openChats']>>
}) => Promise<void>

/** Two processes on one Redis behind a relay, traffic both ways; acknowledgements must stay quick all the time. */
function redisRow(
  head: Pick<Scenario, 'id' | 'fault' | 'moment' | 'quick' | 'trueTimes' | 'patienceMs'>,
  options: { down?: boolean; onlyReal?: boolean; play: Play }
): Scenario {
  return {
    ...head,
    processes: 0,
    async play(world, { quick }) {
      const endings: (() => unknown)[] = []
      const redis = await useRedis({ teardown: ending => endings.push(ending) }, { startNow: options.down !== true })
      try {
        if (options.onlyReal === true && redis.kind !== 'redis-server') throw new NotRun('no redis-server on PATH')
        await world.start({ redisUrl: redis.url })
        await world.start({ redisUrl: redis.url })
        const chats = await world.load.openChats('setup', head.trueTimes === true ? 12 : 4)
        // While Redis is away nobody wakes the other: then the sweep of either takes what it finds.
        const idle = options.down === true ? [] : await talkUntilShared(world, chats)
        const from = await newest(world)
        const stopTalking = keepTalking(world, chats)
        await options.play({ world, redis, chats })
        const to = await newest(world)
        // The same traffic with a Redis that is well: what this machine can do right now.
        await pause(CALM_MS)
        await stopTalking()
        await world.settle(45_000)
        return [...idle, ...(await slowAcks(world, { from, to }, quick)), ...(await usedMemory(redis))]
      } finally {
        // The judge looks at a world whose processes go on without Redis.
        for (const ending of endings) await ending()
      }
    }
  }
}

/** What an operator types into redis-cli. */
async function tell(redis: TestRedis, ...command: [string, ...string[]]): Promise<void> {
  const client = new Redis(redis.port, '127.0.0.1', { retryStrategy: () => null, lazyConnect: true })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.call(...command)
  } finally {
    client.disconnect()
  }
}

/** Redis holds wake-ups only (B10): its memory stays what an empty one has, and less than 1 MiB more. */
async function usedMemory(redis: TestRedis): Promise<string[]> {
  if (redis.kind !== 'redis-server') return []
  const client = new Redis(redis.port, '127.0.0.1', { retryStrategy: () => null, lazyConnect: true })
  client.on('error', () => {})
  try {
    await client.connect()
    const used = Number(/used_memory_dataset:(\d+)/.exec(await client.info('memory'))?.[1] ?? 0)
    return used < MIB ? [] : [`Redis holds ${used} bytes of data (I7)`]
  } finally {
    client.disconnect()
  }
}

const MIB = 1024 * 1024
const SHARED = 'under load in both directions, two processes'

const newest = async (world: World): Promise<number> => (await world.doors.ledger()).at(-1)!.n

/** Acknowledgements between two positions of the ledger, held against those after the second. */
async function slowAcks(world: World, { from, to }: { from: number; to: number }, quick: boolean): Promise<string[]> {
  const hooks = (await world.doors.ledger('&side=graph&what=hook&name=message')).filter(entry => entry.n > from)
  const p99 = (of: typeof hooks): number => {
    const took = of.map(entry => entry.tookMs ?? 0).sort((a, b) => a - b)
    return took[Math.floor(took.length * 0.99)] ?? 0
  }
  const troubled = p99(hooks.filter(entry => entry.n <= to))
  const calm = p99(hooks.filter(entry => entry.n > to))
  const refused = hooks.filter(entry => entry.status !== 200).length
  const most = Math.max(quick ? ACK_P99_MS.quick : ACK_P99_MS.full, 1.5 * calm)
  return [
    ...(troubled > most
      ? [
          slow(
            `99 % of acknowledgements took ${Math.round(troubled)} ms, ${Math.round(calm)} ms with a Redis that is well`
          )
        ]
      : []),
    ...(refused > 0 ? [`${refused} webhooks were refused although only Redis was in trouble`] : [])
  ]
}

export const REDIS_ROWS: Scenario[] = [
  redisRow(
    {
      id: 'Q1',
      fault: 'Redis flushed every second',
      moment: 'under load in both directions, two processes',
      quick: true
    },
    {
      async play({ redis }) {
        for (let i = 0; i < 6; i++) {
          await redis.flush()
          await pause(1_000)
        }
      }
    }
  ),
  redisRow(
    { id: 'Q2', fault: 'Redis down at boot, then there', moment: 'under load in both directions, two processes' },
    {
      down: true,
      async play({ redis }) {
        await pause(2_000)
        await redis.start()
        await pause(2_000)
      }
    }
  ),
  redisRow(
    {
      id: 'Q2',
      fault: 'Redis killed and restarted empty, twice',
      moment: 'under load in both directions, two processes'
    },
    {
      async play({ redis }) {
        for (let i = 0; i < 2; i++) {
          await pause(1_000)
          await redis.stop()
          await pause(1_500)
          await redis.start()
        }
        await pause(1_000)
      }
    }
  ),
  redisRow(
    { id: 'Q2', fault: 'Redis a read-only replica of nobody, then a primary again', moment: SHARED },
    {
      onlyReal: true,
      async play({ redis }) {
        await tell(redis, 'REPLICAOF', '127.0.0.1', '1')
        await pause(4_000)
        await tell(redis, 'REPLICAOF', 'NO', 'ONE')
        await pause(1_500)
      }
    }
  ),
  redisRow(
    { id: 'Q2', fault: 'Redis paused (CLIENT PAUSE) for 3 s, twice', moment: SHARED },
    {
      onlyReal: true,
      async play({ redis }) {
        for (let i = 0; i < 2; i++) {
          await tell(redis, 'CLIENT', 'PAUSE', '3000', 'ALL')
          await pause(4_500)
        }
      }
    }
  ),
  redisRow(
    { id: 'Q2', fault: 'Redis full (maxmemory reached, noeviction)', moment: SHARED },
    {
      onlyReal: true,
      async play({ redis }) {
        await tell(redis, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
        await tell(redis, 'CONFIG', 'SET', 'maxmemory', '1')
        await pause(4_000)
        await tell(redis, 'CONFIG', 'SET', 'maxmemory', '0')
        await pause(1_500)
      }
    }
  ),
  redisRow(
    {
      id: 'Q2',
      fault: 'Redis killed for 20 s, then there again, empty',
      moment: `${SHARED}, true times`,
      trueTimes: true,
      patienceMs: 120_000
    },
    {
      async play({ redis }) {
        await pause(1_000)
        await redis.stop()
        await pause(20_000)
        await redis.start()
        await pause(6_000)
      }
    }
  ),
  {
    id: 'Q3',
    fault: 'Redis 500 ms late, then silent, then half-open (the old connections say nothing, new ones are refused)',
    moment: 'under load in both directions, two processes',
    processes: 0,
    async play(world, { quick }) {
      const endings: (() => unknown)[] = []
      const redis = await useRedis({ teardown: ending => endings.push(ending) })
      const relay = await startRelay([redis.port])
      try {
        for (let i = 0; i < 2; i++) await world.start({ redisUrl: `redis://127.0.0.1:${relay.port}` })
        const chats = await world.load.openChats('setup', 4)
        const idle = await talkUntilShared(world, chats)
        const from = await newest(world)
        const stopTalking = keepTalking(world, chats)
        relay.delayMs = 500
        await pause(3_000)
        relay.delayMs = 0
        relay.holdAll = true
        await pause(4_000)
        const { targets } = relay
        relay.targets = []
        await pause(3_000)
        relay.targets = targets
        relay.cut()
        relay.holdAll = false
        await pause(2_000)
        const to = await newest(world)
        await pause(CALM_MS)
        await stopTalking()
        await world.settle(45_000)
        return [...idle, ...(await slowAcks(world, { from, to }, quick))]
      } finally {
        await relay.close()
        for (const ending of endings) await ending()
      }
    }
  }
]
