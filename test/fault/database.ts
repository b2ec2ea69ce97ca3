/**
 * The durable PostgreSQL of a fault run: a server of its own that outlives every killed Puente, reached through a
 * relay so that it may come back on another port. One fresh database for each world.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { bareEnvironment, findBinaries } from '../../adapters/postgres/embedded-binaries.ts'
import { findFreePort, type Relay, startRelay } from './relay.ts'

export interface FaultDatabase {
  /** Stands before the server; worlds connect through it. */
  relay: Relay
  /** Makes an empty database; answers its address through the relay, and the direct one for the judge. */
  create(name: string): Promise<string>
  /** The address of a database as it is reached now without the relay. */
  direct(name: string): string
  /** As a power cut does it: no checkpoint, no farewell. */
  stopAtOnce(): Promise<void>
  /** With `durable` false as somebody starts it who wants it quick: fsync, synchronous_commit and full_page_writes off. */
  startAgain(options?: { durable?: boolean }): Promise<void>
  /** Starts the stopped server as a hot standby (`standby.signal`): it answers reads and takes no writes. */
  startAsStandby(): Promise<void>
  /** The server and all of its processes stand still (SIGSTOP): connections stay, nothing is answered. */
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

export async function startDatabase(): Promise<FaultDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'puente-fault-pg-'))
  await chmod(dataDir, 0o755)
  const start = (durable = true): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir, durable, settings: { max_connections: 120 } })
  let server = await start()
  const relay = await startRelay([server.port])

  const addressOf = (name: string, port: number): string => {
    const url = new URL(server.url)
    url.pathname = `/${name}`
    url.port = String(port)
    return url.href
  }

  const clusterOf = async (): Promise<string> => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    const { rows } = await client.query<{ place: string }>(`select current_setting('data_directory') as place`)
    await client.end()
    return rows[0]!.place
  }
  const cluster = await clusterOf()
  const signalFile = join(cluster, 'standby.signal')
  let standby: number | null = null
  const all = (): number[] => [server.pid, ...childrenOf(server.pid)]

  return {
    relay,
    async create(name) {
      const client = new pg.Client({ connectionString: server.url })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return addressOf(name, relay.port)
    },
    direct: name => addressOf(name, server.port),
    async stopAtOnce() {
      process.kill(server.pid, 'SIGQUIT')
      for (let tries = 0; tries < 500 && isRunning(server.pid); tries++) await sleep(20)
    },
    async startAsStandby() {
      const { uid, gid } = await stat(cluster)
      await writeFile(signalFile, '')
      await chown(signalFile, uid, gid)
      const binaries = await findBinaries(process.getuid?.() === 0 ? { uid, gid } : undefined)
      const port = await findFreePort()
      const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=120']
      const child = spawn(binaries.postgres, ['-D', cluster, ...settings.flatMap(each => ['-c', each])], {
        ...(process.getuid?.() === 0 ? { uid, gid } : {}),
        cwd: '/',
        env: bareEnvironment(),
        stdio: 'ignore'
      })
      standby = child.pid!
      server = { ...server, pid: child.pid!, port }
      relay.targets = [port]
      for (let tries = 0; tries < 200 && !(await answers(addressOf('postgres', port))); tries++) await sleep(50)
    },
    freeze() {
      process.kill(server.pid, 'SIGSTOP')
      for (const pid of all()) process.kill(pid, 'SIGSTOP')
    },
    thaw() {
      for (const pid of all().reverse()) process.kill(pid, 'SIGCONT')
    },
    async startAgain(options = {}) {
      if (standby !== null) await rm(signalFile, { force: true })
      standby = null
      server = await start(options.durable)
      relay.targets = [server.port]
    },
    async close() {
      await relay.close()
      await server.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.map(Number).filter(pid => {
    try {
      const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false
    }
  })
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  return client.connect().then(
    () => client.end().then(() => true),
    () => false
  )
}
