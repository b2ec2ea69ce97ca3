/**
 * A world of one fault row: a sandbox with its own ledgers, a fresh durable database, a relay before Puente, and the
 * Puente processes behind it. Knows how to wait until nothing is left to do; judges nothing.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { FaultDatabase } from './database.ts'
import { type Doors, startSandbox } from './doors.ts'
import { createLoad, type Load } from './load.ts'
import { type ProcessOptions, type Puente, startPuente } from './puente.ts'
import { findFreePort, type Relay, startRelay } from './relay.ts'

/** A process that ended, whoever ended it. */
export interface Death {
  pid: number
  /** By this machine's clock. */
  atMs: number
}

export interface World {
  name: string
  doors: Doors
  load: Load
  database: FaultDatabase
  /** Before Puente; Meta and the desk know only this address. */
  front: Relay
  publicUrl: string
  timeFactor: number
  dataDir: string
  /** What all Puente processes of this world have logged. */
  log: string[]
  puentes: Puente[]
  /** Processes that ended by themselves with something else than 0 or our signal. */
  crashes: string[]
  deaths: Death[]
  /** Secrets that a row made up, beside those of the stand-ins. */
  secrets: string[]
  start(options?: StartOptions): Promise<Puente>
  /** Ends the process and takes it from the relay. */
  kill(puente: Puente, signal?: NodeJS.Signals): Promise<void>
  query<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>
  /** Waits until everything said and written is stored and nothing waits; false when the patience ends first. */
  settle(patienceMs: number): Promise<boolean>
  close(): Promise<void>
}

export interface StartOptions extends ProcessOptions {
  timeFactor?: number
  redisUrl?: string
  mediaOrigins?: string[]
  deskCeiling?: number
  hosts?: Record<string, string[]>
}

let worlds = 0

export async function makeWorld(
  database: FaultDatabase,
  options: { seed: number; timeFactor: number; redisUrl?: string; start?: boolean; numbers?: number; fewRows?: number }
): Promise<World> {
  const name = `w${++worlds}_${randomBytes(3).toString('hex')}`
  const [doors, databaseUrl, front, dataDir] = await Promise.all([
    startSandbox(options.seed, options.numbers),
    database.create(name),
    startRelay(),
    mkdtemp(join(tmpdir(), 'puente-fault-'))
  ])
  const masterKey = randomBytes(32).toString('base64')
  const publicUrl = `http://127.0.0.1:${front.port}`
  let pool: pg.Pool | null = null
  let poolUrl = ''
  let connected = false

  const world: World = {
    name,
    doors,
    load: createLoad(doors, options.seed),
    database,
    front,
    publicUrl,
    timeFactor: options.timeFactor,
    dataDir,
    log: [],
    puentes: [],
    crashes: [],
    deaths: [],
    secrets: [],
    async start(given = {}) {
      const port = await findFreePort()
      const { release, timeZone, ...setup } = given
      const redisUrl = setup.redisUrl ?? options.redisUrl
      const puente = await startPuente(
        {
          ...setup,
          port,
          publicUrl,
          databaseUrl,
          ...(redisUrl === undefined ? {} : { redisUrl }),
          dataDir,
          masterKey,
          timeFactor: setup.timeFactor ?? options.timeFactor,
          fewRows: options.fewRows
        },
        world.log,
        { release, timeZone }
      )
      world.puentes.push(puente)
      front.targets = [...front.targets, port]
      // A load balancer spreads requests, a relay connections: those that are kept alive would never lead to the newcomer.
      front.closeQuiet()
      void puente.ended.then(({ code, signal }) => {
        world.deaths.push({ pid: puente.pid, atMs: Date.now() })
        front.targets = front.targets.filter(each => each !== port)
        if (code !== 0 && signal !== 'SIGKILL') world.crashes.push(`process ${puente.pid} ended with ${code ?? signal}`)
      })
      if (!connected) {
        await puente.connectSandbox(doors.deskUrl)
        connected = true
      }
      return puente
    },
    async kill(puente, signal = 'SIGKILL') {
      await puente.kill(signal)
    },
    async query(text, values = []) {
      // The server may have come back on another port.
      const connectionString = database.direct(name)
      if (poolUrl !== connectionString) {
        const old = pool
        poolUrl = connectionString
        pool = new pg.Pool({ connectionString, max: 3, connectionTimeoutMillis: 5_000 })
        pool.on('error', () => {})
        void old?.end().catch(() => {})
      }
      return (await pool!.query(text, values)).rows
    },
    async settle(patienceMs) {
      const until = performance.now() + patienceMs
      let calm = 0
      while (performance.now() < until) {
        calm = (await isCalm(world).catch(() => false)) ? calm + 1 : 0
        if (calm >= 3) return true
        await sleep(150)
      }
      return false
    },
    async close() {
      await Promise.all(world.puentes.map(puente => puente.kill('SIGKILL')))
      if (process.env['FAULT_LOGS'] !== undefined)
        await writeFile(join(process.env['FAULT_LOGS'], `${name}.log`), world.log.join(''))
      await pool?.end().catch(() => {})
      await doors.close()
      await front.close()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
  try {
    if (options.start !== false) await world.start()
  } catch (error) {
    // Nobody else has it yet.
    await world.close()
    throw error
  }
  return world
}

/** What was acknowledged lies in the journal first: every status of what was sent from here must have come out of it. */
async function areStatusesSorted(world: World, acked: ReadonlySet<string>): Promise<boolean> {
  const ranks = await world.query<{ wamid: string; rank: number }>(
    `select r.wamid, r.rank from receipts r join parts p on p.number_id = r.number_id and p.wamid = r.wamid`
  )
  return ranks.every(({ wamid, rank }) =>
    STATUSES.every((status, at) => at < rank || !acked.has(`status ${wamid} ${status}`))
  )
}

/** By the rank under which they are stored, from 1. */
const STATUSES = ['sent', 'failed', 'delivered', 'read', 'played']

interface Open {
  events: number
  deliveries: number
  parts: number
  ticks: number
  merges: number
  instructions: number
}

async function isCalm(world: World): Promise<boolean> {
  const [open] = await world.query<Open>(`select
    (select count(*)::int from events where state = 0) as events,
    (select count(*)::int from deliveries where state = 'queued') as deliveries,
    (select count(*)::int from parts where state = 0) as parts,
    (select count(*)::int from deliveries where tick_due_at is not null) as ticks,
    (select count(*)::int from merges) as merges,
    (select count(*)::int from instructions where state in ('stored', 'written')) as instructions`)
  if (open === undefined || Object.values(open).some(count => count > 0)) return false
  const known = new Set(
    (
      await world.query<{ id: string }>(`select message_id::text as id from deliveries
      union select substr(key, 3) from events where key like 'd:%'`)
    ).map(row => row.id)
  )
  if (world.load.replies.some(reply => !known.has(String(reply.messageId)) && !reply.mayVanish)) return false
  const hooks = await world.doors.ledger('&side=graph&what=hook')
  const acked = new Set<string>()
  const unacked = new Set<string>()
  for (const hook of hooks) {
    for (const wamid of String(hook.ids['wamid'] ?? '').split(' ')) {
      // What a row posts by hand is its own business.
      if (wamid === '') continue
      const key = `${hook.name} ${wamid} ${hook.ids['status'] ?? ''}`
      if (hook.status === 200) acked.add(key)
      else if (hook.fault !== 'drop') unacked.add(key)
    }
  }
  for (const key of unacked) if (!acked.has(key)) return false
  if (!(await areStatusesSorted(world, acked))) return false
  return world.load.said.every(said => acked.has(`message ${said.wamid} `))
}
