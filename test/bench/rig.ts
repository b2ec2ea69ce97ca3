/**
 * One bench installation: PostgreSQL (embedded, flushing), a fresh database, the sandbox and Puente as processes of
 * their own, the sandbox's number connected, and customers who are known to all three.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { startRelay } from '../fault/relay.ts'
import type { PuenteTask } from './children/puente.ts'
import { type Doors, openDoors } from './doors.ts'
import { type Child, startChild } from './processes.ts'
import { type PgProxy, startPgProxy } from './proxy-pg.ts'
import { createWebhookMaker, type LoadCustomer, type NumberKeys, type WebhookMaker } from './webhooks.ts'

export interface Ground {
  postgres: EmbeddedPostgres
  dir: string
  close(): Promise<void>
}

export interface Rig {
  puente: Child
  port: number
  /** All processes, the first is `puente`. */
  puentes: Child[]
  desk: Doors
  sandbox: Child
  databaseUrl: string
  /** Present when asked for. */
  proxy: PgProxy | undefined
  keys: NumberKeys
  maker: WebhookMaker
  close(): Promise<void>
}

export interface RigOptions {
  ceiling?: number
  paused?: boolean
  countStatements?: boolean
  redisUrl?: string
  /** Several processes behind one address, by which the desk reaches them (default one, reached directly). */
  processes?: number
  fixedDeskLimit?: number
  /** Node flags for Puente and for the sandbox, for example `--cpu-prof`. */
  execArgv?: string[]
  sandboxExecArgv?: string[]
}

interface Config {
  numbers: { whatsapp: { wabaId: string; phoneNumberId: string; appSecret: string } }[]
  graph: { displayPhoneNumber: string; url: string }
}

export async function openGround(): Promise<Ground> {
  const dir = await mkdtemp(path.join(tmpdir(), 'puente-bench-'))
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(dir, 'postgres') })
  return {
    dir,
    postgres,
    async close() {
      await postgres.stop()
      await rm(dir, { recursive: true, force: true })
    }
  }
}

let serial = 0

export async function openRig(ground: Ground, options: RigOptions = {}): Promise<Rig> {
  const name = `bench_${++serial}`
  await runSql(ground.postgres.url, `create database ${name}`)
  const databaseUrl = withDatabase(ground.postgres.url, name)
  const proxy = options.countStatements === true ? await startPgProxy(ground.postgres.port) : undefined
  const sandbox = await startChild('adapters/sandbox/process.ts', {
    args: ['--seed', String(serial)],
    execArgv: options.sandboxExecArgv
  })
  const desk = openDoors(sandbox.url)
  // A number that may send a thousand a second, statuses only when the bench wants them, no limits of Meta in the way.
  await desk.post('/__graph', {
    throughput: 'HIGH',
    pairLimit: 'off',
    windowAs: 'off',
    statuses: { mode: 'manual' }
  })
  const task: PuenteTask = {
    options: {
      host: '127.0.0.1',
      port: 0,
      databaseUrl: proxy === undefined ? databaseUrl : withPort(databaseUrl, proxy.port),
      redisUrl: options.redisUrl,
      dataDir: path.join(ground.dir, name),
      masterKey: randomBytes(32).toString('base64'),
      sandbox: 'off',
      deskCeiling: options.ceiling ?? 64,
      logLevel: 'error'
    },
    injected: {
      paused: options.paused,
      ...(options.fixedDeskLimit === undefined ? {} : { fixedDeskLimit: options.fixedDeskLimit })
    }
  }
  const puentes: Child[] = []
  for (let process = 0; process < (options.processes ?? 1); process++) {
    puentes.push(
      await startChild('test/bench/children/puente.ts', { args: [JSON.stringify(task)], execArgv: options.execArgv })
    )
  }
  const puente = puentes[0]!
  const ports = puentes.map(each => Number(new URL(each.url).port))
  const front = options.processes === undefined ? undefined : await startRelay(ports)
  const publicUrl = front === undefined ? undefined : `http://127.0.0.1:${front.port}`
  await puente.ask({ order: 'connect', deskUrl: desk.url, publicUrl })
  const config = await desk.get<Config>('/__config')
  const keys = { ...config.numbers[0]!.whatsapp, displayPhoneNumber: config.graph.displayPhoneNumber }
  return {
    puente,
    port: ports[0]!,
    puentes,
    desk,
    sandbox,
    databaseUrl,
    proxy,
    keys,
    maker: createWebhookMaker(keys, `${name}${process.pid}`),
    async close() {
      for (const each of puentes) {
        await each.stop()
        if (each.complaints() !== '') process.stderr.write(`puente said: ${each.complaints().slice(-2_000)}\n`)
      }
      await front?.close()
      await sandbox.stop()
      desk.close()
      await proxy?.close()
      await runSql(ground.postgres.url, `drop database if exists ${name} with (force)`)
    }
  }
}

/** Lets customers write once through the sandbox, so that they are known to WhatsApp, Puente and the desk alike. */
export async function makeCustomers(rig: Rig, count: number, from = 0): Promise<LoadCustomer[]> {
  const follower = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
  const messages = Array.from({ length: count }, (_, index) => ({
    customer: phoneOf(from + index),
    name: `Customer ${from + index}`,
    type: 'text',
    text: 'Good morning'
  }))
  await rig.desk.post('/__say', { messages, batch: 200 })
  await follower.until(entries => entries.length >= count, 120_000, 200)
  await settle(rig)
  const view = await rig.desk.get<{ customers: { waId: string | null; userId: string; name: string }[] }>(
    `/__phone?limit=${from + count + 1_000}`
  )
  const wanted = new Set(messages.map(message => message.customer))
  const customers = view.customers.flatMap(({ waId, userId, name }) =>
    waId !== null && wanted.has(waId) ? [{ waId, userId, name }] : []
  )
  if (customers.length !== count) throw new Error(`${customers.length} of ${count} customers are known`)
  return customers
}

/** German mobile numbers: no variants to be looked up. */
export function phoneOf(index: number): string {
  return `4915${String(700_000_000 + index)}`
}

/** Waits until no lane is held or due any more. */
export async function settle(rig: Rig, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const depths = await Promise.all(
      rig.puentes.map(each => each.ask<{ rows: number; held: number }>({ order: 'depth' }))
    )
    const depth = { rows: sumOf(depths, 'rows'), held: sumOf(depths, 'held') }
    const due = await querySql<{ n: number }>(
      rig.databaseUrl,
      "select count(*)::int as n from lanes where due_at < now() + interval '1 second' or owner is not null"
    )
    if (depth.rows === 0 && depth.held === 0 && due[0]!.n === 0) return
    if (performance.now() > deadline) throw new Error(`work is left: ${JSON.stringify({ depth, due })}`)
    await sleep(100)
  }
}

function sumOf<K extends string>(items: Record<K, number>[], key: K): number {
  return items.reduce((sum, item) => sum + item[key], 0)
}

export async function querySql<T>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' })
  await client.connect()
  try {
    return (await client.query(text)).rows as T[]
  } finally {
    await client.end()
  }
}

async function runSql(url: string, text: string): Promise<void> {
  await querySql(url, text)
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

function withPort(url: string, port: number): string {
  const changed = new URL(url)
  changed.port = String(port)
  return changed.href
}
