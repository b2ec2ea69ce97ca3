/**
 * Keeps one embedded PostgreSQL, not durable, for the test processes that are connected to it. Ends when none has been
 * for a minute, or sooner when also the processes that ran them are gone. Started by `postgres.ts`, never by hand.
 */
import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { isAlive } from '../../adapters/postgres/embedded-lock.ts'

const IDLE_MS = 60_000
const ORPHANED_MS = 2_000

const place = process.argv[2] ?? ''
if (!place) throw new Error('the place of the test server is missing')
const dataDir = join(place, 'postgres')
const addressFile = join(place, 'address.json')
const token = randomBytes(16).toString('hex')

const server = await startClean().catch(async () => {
  await rm(dataDir, { recursive: true, force: true })
  return startClean()
})

const sockets = new Set<Socket>()
const runners = new Set<number>()
let idleSince = performance.now()

const door = createServer(socket => {
  sockets.add(socket)
  socket.setEncoding('utf8')
  let question = ''
  socket.on('data', chunk => {
    question += chunk
    if (!question.includes('\n')) return
    const { token: given, runner } = JSON.parse(question) as { token: string; runner: number }
    question = ''
    if (given !== token) return void socket.destroy()
    runners.add(runner)
    socket.write(`${JSON.stringify({ url: server.url })}\n`)
  })
  socket.on('error', () => undefined)
  socket.once('close', () => {
    sockets.delete(socket)
    idleSince = performance.now()
  })
})

door.listen(0, '127.0.0.1', async () => {
  const address = door.address()
  const port = typeof address === 'object' && address ? address.port : 0
  await writeFile(`${addressFile}.new`, JSON.stringify({ port, token }), { mode: 0o600 })
  await rename(`${addressFile}.new`, addressFile)
})

const watch = setInterval(() => {
  if (sockets.size > 0) return
  const idleMs = performance.now() - idleSince
  const isOrphaned = runners.size > 0 && ![...runners].some(isAlive)
  if (idleMs > IDLE_MS || (isOrphaned && idleMs > ORPHANED_MS)) void end()
}, 250)

async function end(): Promise<void> {
  clearInterval(watch)
  door.close()
  const current = await readFile(addressFile, 'utf8').catch(() => '')
  if (current.includes(token)) await unlink(addressFile).catch(() => undefined)
  await server.stop()
  process.exit(0)
}

process.once('SIGTERM', () => void end())
process.once('SIGINT', () => void end())

/** The cluster is kept between runs, since preparing it takes longer than all else; what tests left in it is not. */
async function startClean() {
  // Each test has a copy of a database, page by page by the log: packing that would be much of the server's work.
  const settings = { max_connections: 200, wal_compression: 'off' }
  const started = await startEmbeddedPostgres({ dataDir, durable: false, settings })
  const client = new pg.Client({ connectionString: started.url })
  await client.connect()
  try {
    const left = await client.query("select datname from pg_database where datname ~ '^(t|tpl)_'")
    for (const { datname } of left.rows) await client.query(`drop database ${datname} with (force)`)
  } finally {
    await client.end()
  }
  return started
}
