/**
 * Launches, recognises and stops the PostgreSQL server of one cluster directory, whoever started it.
 * Leaves out who uses it and where it lies.
 */
import { spawn } from 'node:child_process'
import { open, readdir, readFile, readlink, rename, stat, unlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import { bareEnvironment, type PostgresBinaries } from './embedded-binaries.ts'
import { describeProcess, isAlive, isProcessRunning, isRunning } from './embedded-lock.ts'
import type { EmbeddedPlace } from './embedded-place.ts'

export const ROLE = 'puente'
export const DATABASE = 'puente'

export interface Postmaster {
  pid: number
  port: number
  status: string
}

export interface ServerFacts {
  version: string
  isDurable: boolean
}

export type Settings = Record<string, string | number>

/** What the server itself says about itself in `postmaster.pid`. */
export async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3]), status: (lines[7] ?? '').trim() }
}

export function buildUrl(port: number, password: string, database = DATABASE): string {
  return `postgres://${ROLE}:${password}@127.0.0.1:${port}/${database}`
}

/** Asks the server who it is, and makes the database on the first time. Undefined: not ours, or not answering. */
export async function askServer(
  cluster: string,
  port: number,
  password: string,
  timeoutMs: number
): Promise<ServerFacts | undefined> {
  const ask = async (database: string, work: (client: pg.Client) => Promise<ServerFacts | undefined>) => {
    const client = new pg.Client({
      connectionString: buildUrl(port, password, database),
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await work(client)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const identify = async (client: pg.Client) => {
    const { rows } = await client.query(
      `select current_setting('data_directory') as place, current_setting('server_version') as version,
        current_setting('fsync') as fsync`
    )
    if (rows[0].place !== cluster) return undefined
    return { version: String(rows[0].version), isDurable: rows[0].fsync === 'on' }
  }
  try {
    return await ask(DATABASE, identify)
  } catch (error) {
    if ((error as { code?: string }).code !== '3D000') return undefined
  }
  return ask('postgres', async client => {
    const facts = await identify(client)
    if (facts) await client.query(`create database ${DATABASE}`)
    return facts
  }).catch(() => undefined)
}

/** Starts a server on a free loopback port and waits until it takes connections, however long its recovery takes. */
export async function launchServer(
  binaries: PostgresBinaries,
  place: EmbeddedPlace,
  settings: Settings
): Promise<Postmaster> {
  let output = ''
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await findFreePort()
    const outcome = await launchOnce(binaries, place, { ...settings, port })
    if (typeof outcome === 'object') return outcome
    output = outcome
    const isPortTaken = /could not bind|address already in use|could not create any TCP\/IP/i.test(output)
    const isOldOneGoing = /pre-existing shared memory block/i.test(output)
    if (!isPortTaken && !isOldOneGoing) break
    if (isOldOneGoing) await sleep(500)
  }
  throw new PuenteError('database_unavailable', {
    facts: { reason: 'embedded_postgres_did_not_start', output: output.slice(-2000), logFile: place.logFile }
  })
}

async function launchOnce(
  binaries: PostgresBinaries,
  place: EmbeddedPlace,
  settings: Settings
): Promise<Postmaster | string> {
  await setOldLogAside(place.logFile)
  const log = await open(place.logFile, 'a', 0o600)
  const begin = (await log.stat()).size
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // A group of its own: Ctrl-C in the terminal must reach Puente first, which then stops the server in order.
  const child = spawn(binaries.postgres, ['-D', place.cluster, ...args], {
    ...place.runAs,
    cwd: '/',
    env: bareEnvironment(),
    detached: true,
    stdio: ['ignore', log.fd, log.fd]
  })
  let failure: string | undefined
  child.once('error', error => {
    failure = error.message
  })
  child.once('exit', code => {
    failure ??= `postgres ended with ${code}`
  })
  child.unref()
  await log.close()
  for (let waited = 0; failure === undefined; waited++) {
    const postmaster = await readPostmaster(place.cluster)
    if (postmaster && postmaster.pid === child.pid && postmaster.status === 'ready') return postmaster
    await sleep(waited < 50 ? 10 : 50)
  }
  return `${failure}\n${(await readFile(place.logFile).catch(() => Buffer.alloc(0))).subarray(begin).toString('utf8')}`
}

async function setOldLogAside(logFile: string): Promise<void> {
  const found = await stat(logFile).catch(() => undefined)
  if (found && found.size > 5 * 1024 * 1024) await rename(logFile, `${logFile}.1`)
}

/**
 * Stops what runs on the cluster: fast (SIGINT), then immediately (SIGQUIT, recovery at the next start), then by force.
 * Does nothing to a process that merely got the same id. Also clears away a `postmaster.pid` that lies.
 */
export async function stopServer(cluster: string): Promise<void> {
  const postmaster = await readPostmaster(cluster)
  if (!postmaster) return
  const identity = await describeProcess(postmaster.pid)
  if (await isPostmasterOf(cluster, postmaster.pid)) {
    // One that is merely halted would not hear anything else.
    send(postmaster.pid, 'SIGCONT')
    for (const [signal, patienceMs] of [
      ['SIGINT', 20_000],
      ['SIGQUIT', 10_000],
      ['SIGKILL', 5_000]
    ] as const) {
      if (!send(postmaster.pid, signal) || (await waitUntilGone(identity, patienceMs))) break
    }
  }
  // PostgreSQL would refuse to start over the id of an unburied or foreign process.
  if (isAlive(postmaster.pid) && !(await isPostmasterOf(cluster, postmaster.pid))) {
    await waitForOrphans(cluster, 5_000)
    await unlink(join(cluster, 'postmaster.pid')).catch(() => undefined)
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** True while the process is a live PostgreSQL whose working directory is the cluster. */
export async function isPostmasterOf(cluster: string, pid: number): Promise<boolean> {
  if (process.platform === 'linux') return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster
  return isProcessRunning(pid)
}

async function waitUntilGone(identity: string, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  while (await isRunning(identity)) {
    if (performance.now() > deadline) return false
    await sleep(10)
  }
  return true
}

/** Backends notice the death of their postmaster by themselves; nothing may start over them. */
async function waitForOrphans(cluster: string, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const pids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name))
    const inside = await Promise.all(pids.map(pid => isPostmasterOf(cluster, Number(pid))))
    if (process.platform !== 'linux' || !inside.includes(true) || performance.now() > deadline) return
    await sleep(50)
  }
}

async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
