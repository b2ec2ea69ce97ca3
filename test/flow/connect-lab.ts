/** A running Puente with nothing connected, beside the stand-ins, and the connect commands as a person would run them. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import Fastify from 'fastify'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'
import { createSandbox, type Sandbox } from '../../adapters/sandbox/sandbox.ts'
import type { ConnectDeps } from '../../plugin/connect/ground.ts'
import { type ConnectArguments, runConnect } from '../../plugin/connect/run.ts'
import { type DisconnectArguments, runDisconnect } from '../../plugin/connect/run-disconnect.ts'
import { connectNumber, readNumberFile } from '../../plugin/connect.ts'
import { puente, type Runtime } from '../../plugin/index.ts'
import { type Options, readOptions } from '../../plugin/options.ts'
import { useDatabase } from '../support/postgres.ts'
import type { Loose } from '../support/puente.ts'

export interface Ran {
  code: number
  text: string
  /** Of `--json`. */
  json: Loose
}

export interface Lab {
  sandbox: Sandbox
  runtime: Runtime
  url: string
  /** `number.json` of a number of the sandbox, to be changed freely. */
  file(index?: number): Loose
  options: Options
  /** Writes a `number.json` and gives its path. */
  writeFile(file?: Loose): Promise<string>
  /** `puente connect --file … --yes --json`, unless said otherwise. */
  connect(file?: Loose, given?: ConnectArguments): Promise<Ran>
  disconnect(which: string, given?: DisconnectArguments): Promise<Ran>
  /** The steps alone, as the sandbox's number takes them. */
  steps(file?: Loose, more?: Partial<ConnectDeps>): Promise<void>
  /** What the command in progress has printed so far. */
  shown(): string
  /** What the stand-ins hold now. */
  held(): Held
  /** Calls that may change something, since a mark; an address that was fetched in vain is none. */
  changes(after: number): string[]
  mark(): number
  query(text: string, values?: unknown[]): Promise<Loose[]>
  until<T>(what: string, condition: () => T | Promise<T>, timeoutMs?: number): Promise<NonNullable<T>>
}

/** Everything that connecting makes, in a form that can be compared. */
export interface Held {
  inboxes: Loose[]
  labels: string[]
  rules: Loose[]
  folders: Loose[]
  apps: string[]
  attributes: string[]
  members: number[][]
  /** How many files, also those that belong to nothing. */
  files: number
  override: string | null
  subscribed: boolean
  appCallback: Loose
}

export interface LabOptions {
  numbers?: number
  seed?: number
  /** Another sandbox on the same Puente. */
  beside?: Lab
}

interface TestLike {
  teardown(handler: () => unknown): unknown
}

const KEY = Buffer.alloc(32, 9).toString('base64')

export async function openLab(t: TestLike, given: LabOptions = {}): Promise<Lab> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'puente-connect-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0, seed: given.seed ?? 11, numbers: given.numbers })
  sandbox.graph.configure({ statuses: { mode: 'instant' } } as Loose)
  sandbox.desk.configure({ deletionDelayMs: 20 })
  t.teardown(() => sandbox.close())
  const { url, databaseUrl, runtime } =
    given.beside === undefined ? await startPuente(t, dataDir) : sharedOf(given.beside)
  const options = readOptions({
    databaseUrl,
    masterKey: KEY,
    dataDir,
    publicUrl: url,
    graphUrl: sandbox.graphUrl,
    graphVersion: 'v25.0'
  })
  const writeNumber = async (file: Loose = fileOf()): Promise<string> => {
    const name = path.join(dataDir, `number-${randomUUID()}.json`)
    await writeFile(name, JSON.stringify(file))
    return name
  }
  const fileOf = (index = 0): Loose => structuredClone((sandbox.config()['numbers'] as Loose[])[index])

  let text = ''
  const run = async (
    json: boolean,
    command: (io: Parameters<typeof runConnect>[2]) => Promise<number>
  ): Promise<Ran> => {
    const output = new PassThrough()
    text = ''
    output.on('data', chunk => {
      text += String(chunk)
    })
    const code = await command({ input: new PassThrough(), output, interactive: false, env: {} })
    return { code, text, json: json ? JSON.parse(text) : null }
  }

  const lab: Lab = {
    sandbox,
    runtime,
    url,
    file: fileOf,
    options,
    writeFile: writeNumber,
    async connect(file = fileOf(), arguments_ = { yes: true, json: true }) {
      const name = await writeNumber(file)
      return run(arguments_.json === true, io => runConnect(options, { file: name, ...arguments_ }, io))
    },
    disconnect: (which, arguments_ = { yes: true, json: true }) =>
      run(arguments_.json === true, io => runDisconnect(options, which, arguments_, io)),
    async steps(file = fileOf(), more = {}) {
      await connectNumber(readNumberFile(file), {
        numbers: runtime.bridge.numbers,
        connections: runtime.connections,
        installation: runtime.installation,
        publicUrl: url,
        graphUrl: sandbox.graphUrl,
        graphVersion: 'v25.0',
        sandbox: true,
        env: {},
        onSaved: () => runtime.refresh(),
        ...more
      })
    },
    shown: () => text,
    held: () => holdings(sandbox),
    mark: () => sandbox.ledger.list().at(-1)?.n ?? 0,
    changes: after =>
      sandbox.ledger
        .list({ what: 'call', after })
        // The mirror of templates writes the inbox by its own beat.
        .filter(entry => !/^(GET|HEAD) /.test(entry.name) && !isFetch(entry) && !isMirror(entry))
        .map(entry => `${entry.side} ${entry.name}`),
    async query(text, values = []) {
      return (await runtime.database.work.query(text, values)).rows
    },
    async until(what, condition, timeoutMs = 10_000) {
      const end = performance.now() + timeoutMs
      for (;;) {
        const value = await condition()
        if (value) return value
        if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`)
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }
  shared.set(lab, { url, databaseUrl, runtime })
  return lab
}

const shared = new WeakMap<Lab, { url: string; databaseUrl: string; runtime: Runtime }>()
const sharedOf = (lab: Lab) => shared.get(lab)!

async function startPuente(t: TestLike, dataDir: string) {
  const database = await useDatabase(t)
  const app = Fastify({ logger: false })
  await app.register(puente, {
    prefix: '/wa',
    databaseUrl: database.url,
    dataDir,
    masterKey: KEY,
    injected: { allowUnsafeDatabase: true, paused: false }
  })
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const { runtime } = app.puente
  // What happens every three seconds anyway, for tests that cannot wait that long.
  const refresh = setInterval(() => runtime.refresh().catch(() => {}), 100)
  t.teardown(async () => {
    clearInterval(refresh)
    await app.close()
  })
  return { url: `${address}/wa`, databaseUrl: database.url, runtime }
}

const isMirror = (entry: { name: string; body?: unknown }): boolean =>
  entry.name.startsWith('PATCH /inboxes') && JSON.stringify(entry.body ?? null).includes('message_templates')

function isFetch(entry: LedgerEntry): boolean {
  return entry.name === 'POST /upload' && entry.status === 422
}

function holdings(sandbox: Sandbox): Held {
  const snapshot = sandbox.desk.snapshot() as Loose
  const settings = Object.fromEntries(snapshot.settings) as Record<string, Loose[]>
  const rows = (kind: string): Loose[] => settings[kind]!.map(setting => setting.row)
  const graph = sandbox.graph.snapshot() as Loose
  return {
    inboxes: snapshot.inboxes,
    labels: rows('labels').map(row => row.title),
    rules: rows('automation_rules'),
    folders: rows('custom_filters'),
    apps: rows('dashboard_apps').map(row => row.content[0].url),
    attributes: rows('custom_attribute_definitions').map(row => row.attribute_key),
    members: snapshot.inboxes.map((inbox: Loose) => inbox.memberIds),
    files: snapshot.blobs.length,
    override: graph.numbers[0].overrideUri,
    subscribed: graph.subscription.wabaSubscribed,
    appCallback: graph.subscription.appCallback
  }
}

/** Whether a check with this id failed; gives it. */
export function failed(ran: Ran, id: string): Loose {
  return ran.json.checks.find((check: Loose) => check.id === id && check.state === 'fail')
}
