/**
 * The sandbox: two stand-ins on two loopback ports, one ledger, one clock, one list of faults, and the doors to all of
 * it. The composition root of this folder; keeps state in the data directory when one is given.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AdjustableClock, createClock } from './clock.ts'
import { createDesk } from './desk/desk.ts'
import { createDoors } from './doors.ts'
import { createFaults } from './faults.ts'
import { createGraph } from './graph/graph.ts'
import type { GraphStandIn } from './graph/stand-in.ts'
import { createLedger } from './ledger.ts'
import { createLiveStream } from './live-stream.ts'
import type { Faults, Ledger, SandboxParts } from './parts.ts'
import { createRandom } from './random.ts'
import { makeInstance, openState } from './state.ts'
import { createStaticPage } from './static-page.ts'
import { answerJson, asRecord, OFFSET_HEADER } from './wire.ts'

export interface SandboxOptions {
  /** 0 = any free port. */
  graphPort: number
  deskPort: number
  seed?: number
  /** Where state, ledger and media are kept; absent = memory. */
  dataDir?: string
  /** Loopback address to listen on. */
  host?: string
  /** The built page. */
  pageDir?: string
  /** How many business numbers (default 1). */
  numbers?: number
  /** What `POST /__stop` does. */
  onStopPuente?: () => void | Promise<void>
  /** Told after a reset, so that Puente can be connected anew. */
  onReset?: (instance: string) => void
  /** What `GET /__puente` tells about Puente's process. */
  readPuente?: () => { state: string; detail?: string }
}

export type DeskStandIn = ReturnType<typeof createDesk>

export interface Sandbox {
  graphUrl: string
  deskUrl: string
  readonly instance: string
  readonly graph: GraphStandIn
  readonly desk: DeskStandIn
  ledger: Ledger
  faults: Faults
  clock: AdjustableClock
  /** What `GET /__config` answers. */
  config(): Record<string, unknown>
  reset(options?: { newInstance?: boolean }): Promise<void>
  /** Saves the state now (when there is a data directory). */
  save(): void
  close(): Promise<void>
}

const SAVE_EVERY_MS = 1000
const LOOPBACK_HOSTS = new Set(['127.0.0.1', '::1', 'localhost'])

export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1'
  if (!LOOPBACK_HOSTS.has(host)) throw new Error(`the sandbox listens on loopback only, not on ${host}`)
  const state = openState(options.dataDir)
  const earlier = state.read()
  let instance = earlier?.instance ?? makeInstance()
  let epoch = (earlier?.epoch ?? 0) + 1
  const clock = createClock(earlier?.offsetMs ?? 0)
  const random = createRandom(options.seed ?? 1)
  const ledgerFile = state.path('ledger.jsonl')
  const ledger = createLedger({ clock, ...(ledgerFile ? { file: ledgerFile } : {}) })
  await ledger.load()
  const faults = createFaults(random)
  const parts: SandboxParts = { ledger, faults, clock, random }
  const stream = createLiveStream()
  const page = createStaticPage(options.pageDir)

  let graph: GraphStandIn
  let desk: DeskStandIn
  const urls = { graph: '', desk: '' }

  function openStandIns(snapshots?: { graph?: unknown; desk?: unknown }) {
    const mediaDir = state.path('media')
    graph = createGraph(parts, { instance, epoch, numbers: options.numbers ?? 1, ...(mediaDir ? { mediaDir } : {}) })
    desk = createDesk(parts, { instance })
    graph.subscribe(() => stream.tellChange('phone'))
    graph.setBaseUrl(urls.graph)
    desk.setBaseUrl(urls.desk)
    if (snapshots?.desk !== undefined) desk.restore(snapshots.desk)
    if (snapshots?.graph !== undefined) graph.restore(snapshots.graph)
  }
  openStandIns()

  let dirty = false
  let saving: Promise<void> | undefined
  let nextSaveAt = 0
  function snapshot() {
    return { instance, epoch, offsetMs: clock.offsetMs(), graph: graph.snapshot(), desk: desk.snapshot() }
  }
  async function saveIfDirty() {
    if (!dirty || saving || options.dataDir === undefined || Date.now() < nextSaveAt) return
    dirty = false
    const startedAt = Date.now()
    saving = state.write(snapshot()).catch(() => {})
    await saving
    // A large state is saved less often: at most a twentieth of the time goes into it.
    nextSaveAt = Date.now() + 20 * (Date.now() - startedAt)
    saving = undefined
  }
  const unsubscribe = ledger.subscribe(entry => {
    dirty = true
    stream.tellEntry(entry)
    if (entry.side === 'desk' && entry.what !== 'call') stream.tellChange('desk')
  })
  const saver = setInterval(saveIfDirty, SAVE_EVERY_MS)
  saver.unref()

  async function reset({ newInstance = false } = {}) {
    ledger.clear()
    faults.set([])
    clock.setOffsetMs(0)
    epoch += 1
    if (newInstance) {
      graph.close()
      desk.close()
      instance = makeInstance()
      openStandIns()
    } else {
      await graph.reset()
      desk.reset()
    }
    dirty = true
    stream.tellChange('reset')
    options.onReset?.(instance)
  }

  function config(): Record<string, unknown> {
    const graphConfig = graph.config()
    const deskConfig = desk.config()
    const list = graphConfig['numbers'] as { phoneNumberId: string }[]
    return {
      instance,
      seed: options.seed ?? 1,
      graph: graphConfig,
      desk: deskConfig,
      numbers: list.map(({ phoneNumberId }) => ({
        chatwoot: { url: urls.desk, accountId: deskConfig.accountId, token: deskConfig.adminToken },
        whatsapp: {
          token: graphConfig['token'],
          wabaId: graphConfig['wabaId'],
          phoneNumberId,
          appId: graphConfig['appId'],
          appSecret: graphConfig['appSecret'],
          verifyToken: graphConfig['verifyToken']
        }
      }))
    }
  }

  const doors = createDoors({
    ledger,
    faults,
    clock,
    graph: () => graph,
    desk: () => desk,
    stream,
    config,
    reset: async wanted => {
      await reset(wanted)
      return { instance }
    },
    puente: () => ({ state: 'unknown', ...options.readPuente?.(), canStop: options.onStopPuente !== undefined }),
    onStopPuente: options.onStopPuente,
    touched: () => {
      dirty = true
    }
  })

  function serve(handle: (req: IncomingMessage, res: ServerResponse) => unknown): Server {
    const server = createServer((req, res) => {
      res.setHeader(OFFSET_HEADER, String(clock.offsetMs()))
      const url = req.url ?? '/'
      const mark = url.indexOf('?')
      const pathname = mark < 0 ? url : url.slice(0, mark)
      if (pathname.startsWith('/__')) {
        void doors.handle(req, res, pathname, new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)))
        return
      }
      if (page.serve(req.method ?? 'GET', pathname, res)) return
      Promise.resolve()
        .then(() => handle(req, res))
        .catch(error => answerJson(res, 500, { error: error instanceof Error ? error.message : String(error) }))
    })
    // Longer than what clients keep sockets for, so that a reused socket is not just being closed.
    server.keepAliveTimeout = 75_000
    server.headersTimeout = 80_000
    server.requestTimeout = 0
    return server
  }
  const graphServer = serve((req, res) => graph.handle(req, res))
  const deskServer = serve((req, res) => desk.handle(req, res))
  try {
    urls.graph = await listen(graphServer, options.graphPort, host)
    urls.desk = await listen(deskServer, options.deskPort, host)
  } catch (error) {
    graphServer.close()
    deskServer.close()
    clearInterval(saver)
    stream.close()
    await ledger.close()
    graph!.close()
    desk!.close()
    throw error
  }
  graph!.setBaseUrl(urls.graph)
  desk!.setBaseUrl(urls.desk)
  if (earlier?.desk !== undefined) desk!.restore(earlier.desk)
  if (earlier?.graph !== undefined) graph!.restore(earlier.graph)
  // The new epoch must be on disk before an id of it can leave.
  state.writeNow(snapshot())

  let closed = false
  return {
    graphUrl: urls.graph,
    deskUrl: urls.desk,
    get instance() {
      return instance
    },
    get graph() {
      return graph
    },
    get desk() {
      return desk
    },
    ledger,
    faults,
    clock,
    config,
    reset,
    save: () => state.writeNow(snapshot()),
    async close() {
      if (closed) return
      closed = true
      clearInterval(saver)
      unsubscribe()
      await saving
      if (options.dataDir !== undefined) state.writeNow(snapshot())
      stream.close()
      graph.close()
      desk.close()
      await Promise.all([closeServer(graphServer), closeServer(deskServer)])
      await ledger.close()
    }
  }
}

function listen(server: Server, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const { port: bound } = server.address() as AddressInfo
      resolve(`http://${host === '::1' ? '[::1]' : host}:${bound}`)
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** The number's part of what `config()` answers, ready to be written as `number.json`. */
export function readNumberFile(config: Record<string, unknown>, index = 0): Record<string, unknown> {
  return asRecord((config['numbers'] as unknown[])[index])
}
