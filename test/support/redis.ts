/**
 * A Redis for a test: a real redis-server where one is on the PATH, else js-redis-server. On a free
 * loopback port, without persistence. It can be stopped and started again, empty, on the same port.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import type { Teardown } from './postgres.ts'

const checkout = resolve(fileURLToPath(import.meta.url), '../../..')

export interface TestRedis {
  url: string
  port: number
  kind: 'redis-server' | 'js-redis-server'
  /** Ends it abruptly; its data are gone. */
  stop(): Promise<void>
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
  flush(): Promise<void>
}

/** @param t gets the teardown that stops it */
export async function useRedis(t: Teardown, options: { startNow?: boolean } = {}): Promise<TestRedis> {
  const binary = findOnPath('redis-server')
  const port = await findFreePort()
  const url = `redis://127.0.0.1:${port}`
  const launch = binary ? () => runReal(binary, port) : () => runStandIn(port)
  let end: (() => Promise<void>) | undefined
  const redis: TestRedis = {
    url,
    port,
    kind: binary ? 'redis-server' : 'js-redis-server',
    async start() {
      end ??= await launch()
    },
    async stop() {
      const ending = end
      end = undefined
      await ending?.()
    },
    flush: () => withClient(port, async client => void (await client.flushall()))
  }
  t.teardown(() => redis.stop())
  if (options.startNow ?? true) await redis.start()
  return redis
}

function findOnPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map(directory => join(directory, name))
    .find(path => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

async function run(command: string, args: string[], port: number): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn(command, args, { stdio: 'ignore' })
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`${command} ended with ${code}`)))
  })
  failed.catch(() => undefined)
  await Promise.race([waitForAnswer(port), failed])
  return async () => {
    child.kill('SIGKILL')
    await gone
  }
}

function runReal(binary: string, port: number): Promise<() => Promise<void>> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp']
  return run(binary, args, port)
}

/** In a process of its own, so that it can be killed with connections open, and dies with the test at the latest. */
function runStandIn(port: number): Promise<() => Promise<void>> {
  // As a mere number the port would be opened on every interface.
  const script = `const { createRedisServer } = require(require.resolve('js-redis-server', { paths: [${JSON.stringify(checkout)}] }))
    createRedisServer({ port: { port: ${port}, host: '127.0.0.1' } })
    setInterval(() => process.ppid === ${process.pid} || process.exit(), 500)`
  return run(process.execPath, ['-e', script], port)
}

async function waitForAnswer(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await withClient(port, async client => void (await client.ping()))
    } catch (error) {
      if (attempt > 200) throw error
      await sleep(25)
    }
  }
}

async function withClient<T>(port: number, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    client.disconnect()
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
