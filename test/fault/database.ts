/**
 * The durable PostgreSQL of a fault run: a server of its own that outlives every killed Puente, reached through a
 * relay so that it may come back on another port. One fresh database for each world.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { type Relay, startRelay } from './relay.ts'

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
    async startAgain(options = {}) {
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
