/**
 * A fresh, empty database for a test, on one PostgreSQL that all test files of this checkout share. The server is
 * started by whoever comes first (a small supervisor process of its own) and ends by itself: see the supervisor.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { acquireFileLock } from '../../adapters/postgres/embedded-lock.ts'

export interface Teardown {
  teardown(handler: () => unknown): unknown
}

export interface DatabasePreparation {
  /** Names what `run` makes; must change when that changes (for example a hash of the migrations). */
  key: string
  /** Runs once per test run and key; later databases are copies of its result. Must close its connections. */
  run(url: string): Promise<void>
}

const checkout = resolve(fileURLToPath(import.meta.url), '../../..')

/**
 * @param t gets the teardown that drops the database (connections that are still open are cut)
 * @param prepare what the database holds at the beginning; without it, nothing
 */
export async function useDatabase(t: Teardown, prepare?: DatabasePreparation): Promise<{ url: string }> {
  const adminUrl = await (shared ??= joinSupervisor())
  const name = `t_${process.pid}_${randomBytes(5).toString('hex')}`
  const template = prepare ? await makeTemplate(adminUrl, prepare) : 'template0'
  await withAdmin(adminUrl, client => client.query(`create database ${name} template ${template}`))
  t.teardown(() => withAdmin(adminUrl, client => client.query(`drop database if exists ${name} with (force)`)))
  return { url: withDatabase(adminUrl, name) }
}

let shared: Promise<string> | undefined

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

async function withAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function makeTemplate(adminUrl: string, prepare: DatabasePreparation): Promise<string> {
  const digest = createHash('sha256').update(prepare.key).digest()
  const name = `tpl_${digest.toString('hex').slice(0, 20)}`
  await withAdmin(adminUrl, async client => {
    await client.query('select pg_advisory_lock($1)', [digest.readInt32BE(0)])
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name])
    if (rowCount) return
    await client.query(`drop database if exists ${name}_draft with (force)`)
    await client.query(`create database ${name}_draft template template0`)
    await prepare.run(withDatabase(adminUrl, `${name}_draft`))
    await client.query(`alter database ${name}_draft rename to ${name}`)
  })
  return name
}

/** Connects to the supervisor of this checkout, or starts it. The connection tells it that this process is alive. */
async function joinSupervisor(): Promise<string> {
  const owner = process.getuid?.() ?? 0
  const place = join(
    tmpdir(),
    `puente-test-${createHash('sha256').update(checkout).digest('hex').slice(0, 12)}-${owner}`
  )
  await mkdir(place, { recursive: true, mode: 0o711 })
  const running = await greet(place)
  if (running) return running
  const release = await acquireFileLock(join(place, 'starting'), 60_000)
  try {
    const startedMeanwhile = await greet(place)
    if (startedMeanwhile) return startedMeanwhile
    const log = await open(join(place, 'supervisor.log'), 'w')
    const script = fileURLToPath(new URL('./postgres-supervisor.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script, place], {
      cwd: checkout,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR }
    })
    let ended = false
    child.once('exit', () => {
      ended = true
    })
    child.unref()
    await log.close()
    const deadline = performance.now() + 60_000
    while (!ended && performance.now() < deadline) {
      const url = await greet(place)
      if (url) return url
      await sleep(20)
    }
    throw new Error(`no PostgreSQL for tests: ${await readFile(join(place, 'supervisor.log'), 'utf8')}`)
  } finally {
    await release()
  }
}

async function greet(place: string): Promise<string | undefined> {
  const address = await readFile(join(place, 'address.json'), 'utf8').catch(() => undefined)
  if (!address) return undefined
  const { port, token } = JSON.parse(address) as { port: number; token: string }
  return new Promise(resolve => {
    const socket: Socket = connect({ host: '127.0.0.1', port })
    const giveUp = (): void => {
      socket.destroy()
      resolve(undefined)
    }
    const timer = setTimeout(giveUp, 5_000)
    let answer = ''
    socket.setEncoding('utf8')
    socket.once('connect', () => socket.write(`${JSON.stringify({ token, runner: process.ppid })}\n`))
    socket.on('data', chunk => {
      answer += chunk
      if (!answer.includes('\n')) return
      clearTimeout(timer)
      socket.unref()
      resolve((JSON.parse(answer) as { url: string }).url)
    })
    socket.on('error', () => undefined)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
}
