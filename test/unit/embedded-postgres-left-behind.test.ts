import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { isProcessRunning } from '../../adapters/postgres/embedded-lock.ts'
import { openDir, queryOnce } from '../support/embedded.ts'

/** Starts the server from a process of its own, which can then be killed. */
async function startElsewhere(dataDir: string): Promise<{ kill(): Promise<void> }> {
  const module = fileURLToPath(new URL('../../adapters/postgres/embedded.ts', import.meta.url))
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(module)}
    await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, durable: false })
    process.stdout.write('up')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve)
    child.once('exit', code => reject(new Error(`ended with ${code}`)))
  })
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return {
    kill: () => {
      child.kill('SIGKILL')
      return gone
    }
  }
}

t.test('a server whose Puente was killed is adopted with all its data', async t => {
  const dataDir = join(await openDir(t), 'data')
  const victim = await startElsewhere(dataDir)
  const url = (await findEmbeddedPostgres({ dataDir }))!
  await queryOnce(url, 'create table kept as select 7 as n')
  await victim.kill()
  const server = await startEmbeddedPostgres({ dataDir, durable: false })
  t.equal(server.adopted, true)
  t.equal(server.url, url)
  t.strictSame(await queryOnce(server.url, 'select n from kept'), [{ n: 7 }])
  await server.stop()
  t.equal(await isProcessRunning(server.pid), false, 'who adopts also stops')
})

t.test('what cannot be adopted is stopped and started anew', async t => {
  const dataDir = join(await openDir(t), 'data')
  const settled = await startEmbeddedPostgres({ dataDir, durable: false })
  await queryOnce(settled.url, 'create table kept as select 7 as n')
  await settled.stop()

  const forgetful = await startElsewhere(dataDir)
  await forgetful.kill()
  const durable = await startEmbeddedPostgres({ dataDir, durable: true })
  t.equal(durable.adopted, false, 'one without fsync is not good enough for a durable start')
  t.strictSame(await queryOnce(durable.url, `select current_setting('fsync') as fsync`), [{ fsync: 'on' }])
  await durable.stop()

  const left = await startElsewhere(dataDir)
  await left.kill()
  const pidFile = join(dataDir, readFileSync(join(dataDir, 'place'), 'utf8').trim(), 'cluster/postmaster.pid')
  process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGSTOP')
  const revived = await startEmbeddedPostgres({ dataDir, durable: false })
  t.equal(revived.adopted, false, 'a frozen one is replaced')
  t.strictSame(await queryOnce(revived.url, 'select n from kept'), [{ n: 7 }])
  process.kill(revived.pid, 'SIGKILL')
  while (await isProcessRunning(revived.pid)) await new Promise(resolve => setTimeout(resolve, 10))

  const afterCrash = await startEmbeddedPostgres({ dataDir, durable: false })
  t.strictSame(await queryOnce(afterCrash.url, 'select n from kept'), [{ n: 7 }], 'a killed server recovers')
  await afterCrash.stop()

  // After a reboot another program may have got the id of the old server.
  writeFileSync(pidFile, `${process.pid}\n/somewhere\n1\n5432\n\n127.0.0.1\n 1 1\nready   \n`)
  const misled = await startEmbeddedPostgres({ dataDir, durable: false })
  t.equal(misled.adopted, false, 'the process with the recycled id is left alone')
  t.strictSame(await queryOnce(misled.url, 'select n from kept'), [{ n: 7 }])
  await misled.stop()
})
