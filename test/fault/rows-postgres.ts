/** P-rows: PostgreSQL restarts, cuts connections, is away, slow, full of strangers, read-only. */
import pg from 'pg'
import { eventually, keepTalking, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** What Puente answers to a signed webhook right now, and how fast. */
export async function knock(world: World): Promise<{ status: number; tookMs: number; retryAfter: string | undefined }> {
  const answer = await world.doors.post('deliver', {
    to: 'whatsapp',
    body: {
      object: 'whatsapp_business_account',
      entry: [{ id: '1', changes: [{ field: 'fault_probe', value: { at: `${performance.now()}` } }] }]
    }
  })
  return { status: answer.status, tookMs: answer.tookMs, retryAfter: answer.headers?.['retry-after'] }
}

async function health(world: World, path: string): Promise<number> {
  const answer = await fetch(`${world.publicUrl}${path}`, { signal: AbortSignal.timeout(8_000) })
  return answer.status
}

async function away(world: World, downMs: number): Promise<string[]> {
  const wrong: string[] = []
  const until = performance.now() + downMs
  let asked = 0
  while (performance.now() < until) {
    const answer = await knock(world)
    asked++
    if (answer.status !== 503) wrong.push(`answered ${answer.status} while PostgreSQL was away`)
    else if (answer.retryAfter === undefined) wrong.push('503 without Retry-After')
    if (answer.tookMs > 3_200) wrong.push(`answered after ${Math.round(answer.tookMs)} ms`)
    await pause(100)
  }
  if (asked === 0) wrong.push('nothing was asked')
  if ((await health(world, '/livez')) !== 200) wrong.push('not alive while PostgreSQL is away')
  if ((await health(world, '/readyz')) !== 503) wrong.push('ready while PostgreSQL is away')
  return [...new Set(wrong)].slice(0, 5)
}

export const POSTGRES_ROWS: Scenario[] = [
  {
    id: 'P1',
    alone: true,
    fault: 'PostgreSQL restarted at once (no checkpoint)',
    moment: 'under load in both directions, twice',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      const stopTalking = keepTalking(world, chats)
      const wrong: string[] = []
      for (let run = 0; run < 2; run++) {
        await pause(1_000)
        await world.database.stopAtOnce()
        await world.database.startAgain()
        if (!(await eventually(async () => (await knock(world)).status === 200, 5_000)))
          wrong.push('not healed within 5 s')
      }
      await stopTalking()
      return wrong
    }
  },
  {
    id: 'P2',
    fault: 'random backends terminated at 10 Hz',
    moment: 'under load in both directions',
    async play(world, { quick }) {
      const chats = await world.load.openChats('setup', 4)
      const stopTalking = keepTalking(world, chats)
      for (let i = 0; i < (quick ? 30 : 100); i++) {
        await world.query(
          `select pg_terminate_backend(pid) from (select pid from pg_stat_activity where datname = current_database()
           and application_name like 'puente%' order by random() limit 1) p`
        )
        await pause(100)
      }
      await stopTalking()
      return []
    }
  },
  down(6_000, false),
  down(60_000, true),
  {
    id: 'P4',
    alone: true,
    fault: 'PostgreSQL slow: every packet 2 s late, then a locked table',
    moment: 'under load in both directions',
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      const stopTalking = keepTalking(world, chats)
      const wrong: string[] = []
      world.database.relay.delayMs = 2_000
      const slow = await knock(world)
      if (slow.status !== 503 && slow.status !== 200) wrong.push(`answered ${slow.status} on a slow database`)
      if (slow.tookMs > 3_300) wrong.push(`answered after ${Math.round(slow.tookMs)} ms on a slow database`)
      await pause(3_000)
      world.database.relay.delayMs = 0
      const client = new pg.Client({ connectionString: world.database.direct(world.name) })
      await client.connect()
      await client.query('begin; lock table events in access exclusive mode')
      const locked = await knock(world)
      if (locked.status !== 503) wrong.push(`answered ${locked.status} on a locked table`)
      if (locked.tookMs > 3_300) wrong.push(`answered after ${Math.round(locked.tookMs)} ms on a locked table`)
      await pause(2_000)
      await client.query('rollback')
      await client.end()
      await stopTalking()
      return wrong
    }
  },
  {
    id: 'P6',
    alone: true,
    fault: 'all connections of PostgreSQL taken by others',
    moment: 'at a restart of Puente, under load',
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const strangers: pg.Client[] = []
      await world.database.relay.cut()
      for (let i = 0; i < 130; i++) {
        const client = new pg.Client({
          connectionString: world.database.direct(world.name),
          connectionTimeoutMillis: 1_000
        })
        client.on('error', () => {})
        try {
          await client.connect()
          strangers.push(client)
        } catch {
          break
        }
      }
      const stopTalking = keepTalking(world, chats)
      await pause(2_500)
      await Promise.all(strangers.map(client => client.end().catch(() => {})))
      const healed = await eventually(async () => (await knock(world)).status === 200, 8_000)
      await stopTalking()
      return healed ? [] : ['not healed within 8 s after the connections were free again']
    }
  }
]

function down(downMs: number, trueTimes: boolean): Scenario {
  return {
    id: 'P3',
    alone: true,
    fault: `PostgreSQL away for ${downMs / 1000} s`,
    moment: trueTimes ? 'true times' : 'under load in both directions',
    trueTimes,
    quick: !trueTimes,
    // Hooks that were refused are found when the database is back, and judged after the grace.
    patienceMs: trueTimes ? 180_000 : 60_000,
    async play(world, { quick }) {
      // One message in 6 s to one customer is WhatsApp's pace: for a long outage many customers.
      const chats = await world.load.openChats('setup', trueTimes ? 30 : 3)
      const stopTalking = keepTalking(world, chats)
      await pause(600)
      await world.database.stopAtOnce()
      // The relay refuses too, as a dead host's port does.
      const wrong = await away(world, quick ? 2_500 : downMs)
      await world.database.startAgain()
      if (!(await eventually(async () => (await knock(world)).status === 200, 6_000)))
        wrong.push('not healed within 6 s')
      await stopTalking()
      return wrong
    }
  }
}
