/** P-rows: PostgreSQL restarts, cuts connections, is away, slow, full of strangers, read-only. */
import pg from 'pg'
import { slow } from './report.ts'
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

/** Within 3 s by the law; the rest is the way there and back on a busy machine. */
const ANSWER_MS = 3_300
/**
 * An attempt whose commit was never answered was perhaps committed, and nothing left: nobody can tell (law 4). At most one
 * for each lane that was at work in that moment.
 */
const COMMIT_UNKNOWN = 12

async function away(world: World, downMs: number): Promise<string[]> {
  const wrong: string[] = []
  const until = performance.now() + downMs
  let asked = 0
  while (performance.now() < until) {
    const answer = await knock(world)
    asked++
    if (answer.status !== 503) wrong.push(`answered ${answer.status} while PostgreSQL was away`)
    else if (answer.retryAfter === undefined) wrong.push('503 without Retry-After')
    if (answer.tookMs > ANSWER_MS) wrong.push(`answered after ${Math.round(answer.tookMs)} ms`)
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
    allows: { uncertain: COMMIT_UNKNOWN },
    async play(world) {
      const chats = await world.load.openChats('setup', 4)
      const stopTalking = keepTalking(world, chats)
      const wrong: string[] = []
      for (let run = 0; run < 2; run++) {
        await pause(1_000)
        await world.database.stopAtOnce()
        await world.database.startAgain()
        if (!(await eventually(async () => (await knock(world)).status === 200, 5_000)))
          wrong.push(slow('not healed within 5 s'))
      }
      await stopTalking()
      return wrong
    }
  },
  {
    id: 'P2',
    fault: 'random backends terminated at 10 Hz',
    moment: 'under load in both directions',
    allows: { uncertain: COMMIT_UNKNOWN },
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
  silent('every connection of PostgreSQL a black hole: bytes go in, none come out', {
    begin: world => {
      world.database.relay.holdAll = true
    },
    end: world => {
      world.database.relay.holdAll = false
    }
  }),
  silent('PostgreSQL frozen (SIGSTOP): it takes connections and says nothing', {
    begin: world => world.database.freeze(),
    end: world => world.database.thaw()
  }),
  {
    id: 'P4',
    alone: true,
    fault: 'PostgreSQL slow: every packet 2 s late, then a locked table',
    allows: { uncertain: COMMIT_UNKNOWN },
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
      // What is in the journal is durable, whatever cannot be sorted meanwhile.
      const unsorted = await knock(world)
      if (unsorted.status !== 503 && unsorted.status !== 200) wrong.push(`answered ${unsorted.status} on locked events`)
      if (unsorted.tookMs > 3_300) wrong.push(`answered after ${Math.round(unsorted.tookMs)} ms on locked events`)
      await client.query('lock table journal in access exclusive mode')
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
    allows: { uncertain: COMMIT_UNKNOWN },
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const strangers: pg.Client[] = []
      const wrong: string[] = []
      let full = false
      const take = async (): Promise<void> => {
        for (let i = 0; i < 130; i++) {
          const client = new pg.Client({
            connectionString: world.database.direct('postgres'),
            application_name: 'a stranger',
            connectionTimeoutMillis: 1_000
          })
          client.on('error', () => {})
          try {
            await client.connect()
            strangers.push(client)
          } catch (error) {
            // 53300: too many connections.
            full ||= (error as { code?: string }).code === '53300'
            return
          }
        }
      }
      await take()
      const stopTalking = keepTalking(world, chats)
      // Puente's own are cut; what it lets go, strangers take before it can come back.
      const { relay } = world.database
      const { targets } = relay
      relay.targets = []
      relay.cut()
      full = false
      for (const until = performance.now() + 3_000; performance.now() < until && (!full || (await ours(world)) > 0); ) {
        await take()
        await pause(50)
      }
      await take()
      relay.targets = targets
      if (!full) wrong.push('the connections of PostgreSQL never ran out')
      let refused = 0
      for (const until = performance.now() + 3_000; performance.now() < until; ) {
        const answer = await knock(world)
        if (answer.status === 503) refused++
        else if (answer.status !== 200) wrong.push(`answered ${answer.status} without a connection`)
        if (answer.tookMs > ANSWER_MS) wrong.push(`answered after ${Math.round(answer.tookMs)} ms`)
        await pause(100)
      }
      if (refused === 0) wrong.push('no webhook was ever refused with 503')
      await Promise.all(strangers.map(client => client.end().catch(() => {})))
      if (!(await eventually(async () => (await knock(world)).status === 200, 8_000)))
        wrong.push(slow('not healed within 8 s after the connections were free again'))
      await stopTalking()
      return [...new Set(wrong)].slice(0, 6)
    }
  }
]

/** Connections of Puente that PostgreSQL has not yet seen end. */
async function ours(world: World): Promise<number> {
  const [row] = await world
    .query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = $1 and application_name like 'puente%'`,
      [world.name]
    )
    .catch(() => [{ n: 1 }])
  return row!.n
}

/** Nothing is refused, nothing is closed, nothing comes: only clocks of our own tell that the database is not there. */
function silent(fault: string, { begin, end }: { begin(world: World): void; end(world: World): void }): Scenario {
  return {
    id: 'P4',
    alone: true,
    fault,
    moment: 'for 12 s, under load in both directions',
    patienceMs: 90_000,
    allows: { uncertain: COMMIT_UNKNOWN },
    bounds: { growthMiB: 64 },
    async play(world) {
      const chats = await world.load.openChats('setup', 6)
      const stopTalking = keepTalking(world, chats)
      await pause(600)
      begin(world)
      let wrong: string[] = []
      try {
        // The first may have met a connection that was still well.
        await knock(world)
        wrong = await away(world, 12_000)
      } finally {
        end(world)
      }
      if (!(await eventually(async () => (await knock(world)).status === 200, 10_000)))
        wrong.push(slow('not healed within 10 s'))
      await stopTalking()
      return wrong
    }
  }
}

function down(downMs: number, trueTimes: boolean): Scenario {
  return {
    id: 'P3',
    alone: true,
    fault: `PostgreSQL away for ${downMs / 1000} s`,
    moment: trueTimes ? 'true times' : 'under load in both directions',
    trueTimes,
    quick: !trueTimes,
    allows: { uncertain: COMMIT_UNKNOWN },
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
        wrong.push(slow('not healed within 6 s'))
      await stopTalking()
      return wrong
    }
  }
}
