/**
 * The whole product for a flow test: Puente as a plugin in a Fastify app under a prefix, on a fresh database, with both
 * stand-ins beside it and their number connected. Everything ends with the test, which fails if something stays open.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import createKnex from 'knex'
import { createPooledClient } from '../../adapters/http/pooled-client.ts'
import { keepPartitions, migrate, PARTITION_SPAN } from '../../adapters/postgres/migrate.ts'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'
import { createSandbox, type Sandbox } from '../../adapters/sandbox/sandbox.ts'
import { migrations } from '../../migrations/index.ts'
import { type PuenteOptions, puente, type Runtime } from '../../plugin/index.ts'
import type { Injected } from '../../plugin/runtime.ts'
import { readSandboxNumber } from '../../plugin/sandbox-number.ts'
import { type DatabasePreparation, useDatabase } from './postgres.ts'
import { useRedis } from './redis.ts'

// biome-ignore lint/suspicious/noExplicitAny: the stand-ins' views are looked into freely
export type Loose = any

export interface Flow {
  app: FastifyInstance
  runtime: Runtime
  sandbox: Sandbox
  url: string
  databaseUrl: string
  /** Log lines as they were written. */
  logs: string[]
  /** A customer writes; resolves when the webhook was answered. */
  say(input: Loose): Promise<Loose>
  /** An agent answers in the desk. */
  reply(input: Loose): { messageId: number }
  act(input: Loose): Loose
  door(name: string, body?: unknown): Promise<Loose>
  /** Conversations of the desk with their messages. */
  conversations(): Loose[]
  messages(): Loose[]
  ledger(filter?: { side?: 'graph' | 'desk'; what?: string; name?: string; after?: number }): LedgerEntry[]
  /** What arrived at WhatsApp: bodies of accepted messages, in order. */
  sent(): Loose[]
  /** Waits until the condition gives something true; fails with its last value after the time-out. */
  until<T>(what: string, condition: () => T | Promise<T>, timeoutMs?: number): Promise<NonNullable<T>>
  /** Waits until no lane and no tick is due and nothing is in work. */
  settle(timeoutMs?: number): Promise<void>
}

export interface FlowOptions {
  options?: Partial<PuenteOptions>
  injected?: Injected
  seed?: number
  numbers?: number
  /** The built sandbox page, for browser tests. */
  pageDir?: string
  /** Statuses come at once unless a test wants them timed or by hand. */
  statuses?: 'instant' | 'timed' | 'manual'
  databaseUrl?: string
}

interface TestLike {
  teardown(handler: () => unknown): unknown
}

/** The tables as a first start makes them, made once in a run of tests: the rest begin with a copy. */
const MADE: DatabasePreparation = {
  key: migrations.map(({ name, up }) => `${name} ${up}`).join(),
  async run(url) {
    const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } })
    try {
      await migrate(knex, migrations)
      await keepPartitions(knex, PARTITION_SPAN, new Date())
    } finally {
      await knex.destroy()
    }
  }
}

/** `PUENTE_TEST_JOBS=bull`: Bull on a Redis of its own, wherever the test says nothing else. */
async function jobsOf(t: TestLike, options: FlowOptions['options'] = {}): Promise<{ redisUrl?: string }> {
  if (process.env['PUENTE_TEST_JOBS'] !== 'bull' || 'redisUrl' in options) return {}
  return { redisUrl: (await useRedis(t)).url }
}

export async function startFlow(t: TestLike, given: FlowOptions = {}): Promise<Flow> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'puente-flow-'))
  const database = given.databaseUrl === undefined ? await useDatabase(t, MADE) : { url: given.databaseUrl }
  const sandbox = await createSandbox({
    graphPort: 0,
    deskPort: 0,
    seed: given.seed ?? 7,
    numbers: given.numbers,
    pageDir: given.pageDir
  })
  sandbox.graph.configure({ statuses: { mode: given.statuses ?? 'instant' } } as Loose)
  const logs: string[] = []
  const app = Fastify({ logger: { level: 'debug', stream: { write: (line: string) => void logs.push(line) } } })
  await app.register(puente, {
    prefix: '/wa',
    databaseUrl: database.url,
    dataDir,
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    ...(await jobsOf(t, given.options)),
    ...given.options,
    // As the server has it; `inbound-host-app` goes by what a plugin has.
    injected: { allowUnsafeDatabase: true, createHttp: createPooledClient, ...given.injected }
  })
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const { runtime } = app.puente
  t.teardown(async () => {
    await app.close()
    await sandbox.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  await readSandboxNumber(runtime, sandbox.deskUrl, `${address}/wa`)
  // Now rather than with the first beat, whose calls would come amid those that a test counts.
  if (given.injected?.paused !== true) await runtime.templateMirror.run()

  const door = async (name: string, body?: unknown): Promise<Loose> => {
    const answer = await fetch(`${sandbox.deskUrl}/__${name}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body)
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`door ${name}: ${answer.status} ${text.slice(0, 300)}`)
    return text === '' ? null : JSON.parse(text)
  }
  const until = async <T>(
    what: string,
    condition: () => T | Promise<T>,
    timeoutMs = 10_000
  ): Promise<NonNullable<T>> => {
    const end = performance.now() + timeoutMs
    for (;;) {
      const value = await condition()
      if (value) return value
      if (performance.now() > end)
        throw new Error(`waited ${timeoutMs} ms in vain for: ${what} (last: ${JSON.stringify(value)})`)
      await sleep(20)
    }
  }
  const flow: Flow = {
    app,
    runtime,
    sandbox,
    url: `${address}/wa`,
    databaseUrl: database.url,
    logs,
    say: input => door('say', { customer: 'lucia', type: 'text', text: 'Hola', ...input }),
    reply: input => sandbox.desk.reply(input),
    act: input => sandbox.desk.act(input),
    door,
    conversations: () => (sandbox.desk.view() as Loose).conversations,
    messages: () => (sandbox.desk.view() as Loose).conversations.flatMap((c: Loose) => c.messages),
    ledger: filter => sandbox.ledger.list({ limit: 100_000, ...filter }),
    sent: () =>
      sandbox.ledger
        .list({ side: 'graph', what: 'effect', name: 'sent', limit: 100_000 })
        .map(entry => ({ ...(entry.body as object), wamid: entry.ids['wamid'] })),
    until,
    async settle(timeoutMs = 10_000) {
      await until(
        'nothing in work',
        async () => {
          // What is sorted meanwhile makes lanes due that were not yet: nothing may be left before they are looked at.
          if (!runtime.sorter.isIdle()) return false
          const lanes = await runtime.bridge.lanes.nextDueInMs()
          const tick = await runtime.bridge.deliveries.nextTickInMs()
          return (
            lanes === null &&
            tick === null &&
            runtime.pump.held() === 0 &&
            runtime.bridge.intake.depth().rows === 0 &&
            runtime.sorter.isIdle()
          )
        },
        timeoutMs
      )
    }
  }
  return flow
}
