/** Q-rows: Redis flushed, killed, empty, slow, half-open. It is never in the way of an acknowledgement. */
import { type TestRedis, useRedis } from '../support/redis.ts'
import { startRelay } from './relay.ts'
import { keepTalking, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** The short run shares its machine with other tests, so only the outer bound counts there. */
const ACK_P99_MS = { full: 250, quick: 1_000 }

type Play = (at: {
  world: World
  redis: TestRedis
  chats: Awaited<ReturnType<World['load']['openChats']>>
}) => Promise<void>

/** Two processes on one Redis behind a relay, traffic both ways; acknowledgements must stay quick all the time. */
function redisRow(
  head: Pick<Scenario, 'id' | 'fault' | 'moment' | 'quick'>,
  options: { down?: boolean; play: Play }
): Scenario {
  return {
    ...head,
    processes: 0,
    async play(world, { quick }) {
      const endings: (() => unknown)[] = []
      const redis = await useRedis({ teardown: ending => endings.push(ending) }, { startNow: options.down !== true })
      try {
        await world.start({ redisUrl: redis.url })
        await world.start({ redisUrl: redis.url })
        const chats = await world.load.openChats('setup', 4)
        const from = (await world.doors.ledger()).at(-1)!.n
        const stopTalking = keepTalking(world, chats)
        await options.play({ world, redis, chats })
        await stopTalking()
        await world.settle(45_000)
        return slowAcks(world, from, quick)
      } finally {
        // The judge looks at a world whose processes go on without Redis.
        for (const ending of endings) await ending()
      }
    }
  }
}

async function slowAcks(world: World, from: number, quick: boolean): Promise<string[]> {
  const hooks = (await world.doors.ledger('&side=graph&what=hook&name=message')).filter(entry => entry.n > from)
  const took = hooks.map(entry => entry.tookMs ?? 0).sort((a, b) => a - b)
  const p99 = took[Math.floor(took.length * 0.99)] ?? 0
  const refused = hooks.filter(entry => entry.status !== 200).length
  return [
    ...(p99 > (quick ? ACK_P99_MS.quick : ACK_P99_MS.full)
      ? [`99 % of acknowledgements took ${Math.round(p99)} ms`]
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
  {
    id: 'Q3',
    fault: 'Redis 500 ms late, then half-open',
    moment: 'under load in both directions, two processes',
    processes: 0,
    async play(world, { quick }) {
      const endings: (() => unknown)[] = []
      const redis = await useRedis({ teardown: ending => endings.push(ending) })
      const relay = await startRelay([redis.port])
      try {
        for (let i = 0; i < 2; i++) await world.start({ redisUrl: `redis://127.0.0.1:${relay.port}` })
        const chats = await world.load.openChats('setup', 4)
        const from = (await world.doors.ledger()).at(-1)!.n
        const stopTalking = keepTalking(world, chats)
        relay.delayMs = 500
        await pause(3_000)
        relay.delayMs = 0
        relay.holdAll = true
        await pause(4_000)
        relay.holdAll = false
        await stopTalking()
        await world.settle(45_000)
        return slowAcks(world, from, quick)
      } finally {
        await relay.close()
        for (const ending of endings) await ending()
      }
    }
  }
]
