/**
 * U1: two releases side by side on one PostgreSQL and one Redis, under load: upgrade one process after the other, roll
 * back and forward again; a migration that finds its tables held by others; the schema of a release that is yet to come.
 * The old release is the real one, as it was bundled when it was released.
 */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { useRedis } from '../support/redis.ts'
import type { Puente } from './puente.ts'
import type { Allowance } from './report.ts'
import { knock } from './rows-postgres.ts'
import { keepTalking, pause, type Scenario, untilShared } from './scenario.ts'
import type { World } from './world.ts'

const folder = fileURLToPath(new URL('../fixtures/released/', import.meta.url))

/** The newest release that was kept. */
function findRelease(): string {
  const found = readdirSync(folder).filter(name => name.endsWith('.mjs'))
  const newest = found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
  if (newest === undefined) throw new Error(`no release is kept in ${folder}`)
  return join(folder, newest)
}

/**
 * What kept releases are known to do wrong, and what was mended since. 0.1.0 reads a tick and its receipts in the statement
 * that leases it: a status committed within that moment is taken for told.
 */
const KNOWN_DEFECTS: Record<string, Allowance['known']> = {
  '0.1.0': { most: 2, as: /shows (sent|delivered), told is \1, WhatsApp said rank/ }
}

const known = KNOWN_DEFECTS[basename(findRelease(), '.mjs')]

/** Side by side for so long at least, so that each is settled. */
const TOGETHER_MS = 2_500

interface Fleet {
  start(what: 'old' | 'new'): Promise<Puente>
  /** Those that run now work side by side, until each has its share. */
  together(leastMs?: number): Promise<void>
  /** As an operator does it: out of the load balancer, then SIGTERM. Must have worked, and must end well. */
  retire(puente: Puente): Promise<void>
  wrong: string[]
  /** What each process delivered until it left. */
  shares: string[]
}

function makeFleet(world: World, redisUrl: string): Fleet {
  const names = new Map<Puente, string>()
  const fleet: Fleet = {
    wrong: [],
    shares: [],
    async start(what) {
      const puente = await world.start({ redisUrl, ...(what === 'old' ? { release: findRelease() } : {}) })
      names.set(puente, `${what} ${puente.pid}`)
      return puente
    },
    async together(leastMs = TOGETHER_MS) {
      await pause(leastMs)
      fleet.wrong.push(...(await untilShared(world)))
    },
    async retire(puente) {
      const [inbound, outbound] = [await puente.total('inbound_delivered'), await puente.total('puente_outbound_total')]
      fleet.shares.push(`${names.get(puente)}: ${inbound} in, ${outbound} out`)
      if (inbound === 0 || outbound === 0)
        fleet.wrong.push(`process ${names.get(puente)} delivered ${inbound} in, ${outbound} out`)
      await world.front.release(puente.port)
      const end = await puente.kill('SIGTERM')
      if (end.code !== 0) fleet.wrong.push(`process ${names.get(puente)} ended with ${end.code ?? end.signal}`)
    }
  }
  return fleet
}

async function migrationsOf(world: World): Promise<string[]> {
  const rows = await world.query<{ name: string }>('select name from puente_migrations order by name')
  return rows.map(row => row.name)
}

/** Webhooks and hooks that Puente answered with anything but 200 since then. */
async function gaps(world: World, from: number): Promise<string[]> {
  const hooks = (await world.doors.ledger('&what=hook')).filter(entry => entry.n > from)
  const refused = hooks.filter(entry => entry.status !== undefined && entry.status !== 0 && entry.status !== 200)
  return refused.length === 0
    ? []
    : [`${refused.length} of ${hooks.length} were refused, the first with ${refused[0]!.status}`]
}

async function withRedis<T>(work: (url: string) => Promise<T>): Promise<T> {
  const endings: (() => unknown)[] = []
  const redis = await useRedis({ teardown: ending => endings.push(ending) })
  try {
    return await work(redis.url)
  } finally {
    for (const ending of endings) await ending()
  }
}

function rolling(trueTimes: boolean): Scenario {
  return {
    id: 'U1',
    fault: 'upgrade one process after the other, back, and forward again',
    moment: `the released version and this one side by side, under load in both directions${trueTimes ? ', true times' : ''}`,
    quick: !trueTimes,
    trueTimes,
    patienceMs: trueTimes ? 180_000 : 60_000,
    processes: 0,
    allows: { known },
    play: (world, { quick }) =>
      withRedis(async redisUrl => {
        const fleet = makeFleet(world, redisUrl)
        const [first, second] = [await fleet.start('old'), await fleet.start('old')]
        const before = await migrationsOf(world)
        const chats = await world.load.openChats('setup', quick ? 12 : 30)
        const from = (await world.doors.ledger()).at(-1)!.n
        const stopTalking = keepTalking(world, chats)
        await fleet.together()
        const third = await fleet.start('new')
        await fleet.together()
        await fleet.retire(first)
        const fourth = await fleet.start('new')
        await fleet.together()
        await fleet.retire(second)
        await fleet.together()
        // The new release disappoints: the old one comes back to a schema that it does not know.
        const fifth = await fleet.start('old')
        await fleet.together()
        await fleet.retire(third)
        await fleet.retire(fourth)
        await fleet.together()
        await fleet.start('new')
        await fleet.together()
        await fleet.retire(fifth)
        await stopTalking()
        await world.settle(45_000)
        const after = await migrationsOf(world)
        process.stdout.write(
          `          ${fleet.shares.join('; ')}; migrations ${before.join(' ')} → ${after.join(' ')}\n`
        )
        return [...fleet.wrong, ...(await gaps(world, from))]
      })
  }
}

export const UPGRADE_ROWS: Scenario[] = [
  rolling(false),
  rolling(true),
  {
    id: 'U1',
    fault: 'the new release finds the tables held by a long reader, is cut off, and starts again',
    moment: 'the released version works, under load in both directions',
    processes: 0,
    allows: { known },
    play: world =>
      withRedis(async redisUrl => {
        const fleet = makeFleet(world, redisUrl)
        const old = [await fleet.start('old'), await fleet.start('old')]
        const chats = await world.load.openChats('setup', 12)
        const from = (await world.doors.ledger()).at(-1)!.n
        const stopTalking = keepTalking(world, chats)
        const reader = await holdTables(world)
        const starting = fleet.start('new').then(
          () => true,
          () => false
        )
        const wrong: string[] = []
        for (let i = 0; i < 50; i++) {
          const answer = await knock(world)
          if (answer.status !== 200) wrong.push(`answered ${answer.status} while a migration waited`)
          if (answer.tookMs > 2_500)
            wrong.push(`answered after ${Math.round(answer.tookMs)} ms while a migration waited`)
          await pause(100)
        }
        // In the middle of it: nothing of it may stay.
        await world.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'puente'`
        )
        await pause(500)
        await reader.end()
        if (!(await starting)) await fleet.start('new')
        world.crashes.length = 0
        await fleet.together()
        for (const puente of old) await fleet.retire(puente)
        await fleet.together(1_000)
        await stopTalking()
        await world.settle(45_000)
        return [...new Set([...wrong, ...fleet.wrong, ...(await gaps(world, from))])].slice(0, 8)
      })
  },
  {
    id: 'U1',
    fault: 'the schema of a later release: every table has a new column, and there are new tables',
    moment: 'two processes of this version at work, one starts anew, under load in both directions',
    quick: true,
    processes: 0,
    play: world =>
      withRedis(async redisUrl => {
        const fleet = makeFleet(world, redisUrl)
        const first = await fleet.start('new')
        await fleet.start('new')
        const chats = await world.load.openChats('setup', 6)
        const from = (await world.doors.ledger()).at(-1)!.n
        const stopTalking = keepTalking(world, chats)
        await fleet.together(1_500)
        const tables = await growSchema(world)
        await fleet.together()
        await fleet.start('new')
        await fleet.retire(first)
        await fleet.together(1_000)
        await stopTalking()
        await world.settle(45_000)
        return [
          ...fleet.wrong,
          ...(await gaps(world, from)),
          ...(tables > 10 ? [] : [`only ${tables} tables were changed`])
        ]
      })
  }
]

/** As a dump does it: reads, and lets nobody change the tables. */
async function holdTables(world: World): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: world.database.direct(world.name), application_name: 'a dump' })
  client.on('error', () => {})
  await client.connect()
  await client.query(
    'begin; lock table events, lanes, deliveries, parts, numbers, desks, customers in access share mode'
  )
  return client
}

/** What migrations may do while an older release works: they add. Waits for a table as the product's runner does. */
async function growSchema(world: World): Promise<number> {
  const tables = await world.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition`
  )
  const client = new pg.Client({ connectionString: world.database.direct(world.name) })
  await client.connect()
  try {
    await client.query(`set lock_timeout = '1s'`)
    const run = async (sql: string): Promise<void> => {
      for (let tries = 0; ; tries++) {
        try {
          await client.query(sql)
          return
        } catch (error) {
          if (tries > 40) throw error
          await pause(100)
        }
      }
    }
    for (const { name } of tables) await run(`alter table "${name}" add column of_later jsonb not null default '{}'`)
    await run(
      'create table of_later (id bigint generated always as identity primary key, at timestamptz default now())'
    )
    await run('create index lanes_of_later on lanes (customer_id) where of_later is not null')
    await run(`insert into puente_migrations (name) values ('900-of-later')`)
    return tables.length
  } finally {
    await client.end()
  }
}
