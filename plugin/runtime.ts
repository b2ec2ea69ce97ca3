/**
 * The only composition root: makes every adapter, hands them to the core, starts and stops the whole. Holds no
 * decisions of its own.
 */
import { createHmac, randomUUID } from 'node:crypto'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createChatwootDesk } from '../adapters/chatwoot/client.ts'
import { readHook } from '../adapters/chatwoot/from-wire.ts'
import { createHttpClient } from '../adapters/http/client.ts'
import { createBullJobs } from '../adapters/jobs/bull.ts'
import { createLocalJobs } from '../adapters/jobs/local.ts'
import { createMediaTools } from '../adapters/media/index.ts'
import { createFiles } from '../adapters/media/spool.ts'
import { createCustomers } from '../adapters/postgres/customers.ts'
import { checkDatabase, type Database, openDatabase } from '../adapters/postgres/database.ts'
import { createDeliveries } from '../adapters/postgres/deliveries.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { createIntake } from '../adapters/postgres/intake.ts'
import { keepAside } from '../adapters/postgres/keep-aside.ts'
import { createLanes } from '../adapters/postgres/lanes.ts'
import { keepPartitions, migrate } from '../adapters/postgres/migrate.ts'
import { createNumbers } from '../adapters/postgres/numbers.ts'
import { createPages } from '../adapters/postgres/pages.ts'
import { createProcesses, partOf, type Share } from '../adapters/postgres/processes.ts'
import { createRecorder } from '../adapters/postgres/recorder.ts'
import { forgetOld } from '../adapters/postgres/retention.ts'
import { loadMasterKey } from '../adapters/vault/master-key.ts'
import { createVault } from '../adapters/vault/vault.ts'
import { createCloudChannel } from '../adapters/whatsapp-cloud/client.ts'
import { fromMetaFailure } from '../adapters/whatsapp-cloud/errors.ts'
import { readFact } from '../adapters/whatsapp-cloud/from-wire.ts'
import { migrations } from '../migrations/index.ts'
import type { Bridge, Clock, Log } from './core/bridge.ts'
import { createEchoes } from './core/desk/echoes.ts'
import { createDeskPace, type DeskPace } from './core/desk/pace.ts'
import { createPermits, type Permits } from './core/desk/permits.ts'
import { createRowPaces } from './core/desk/row-pace.ts'
import { createGates } from './core/gates.ts'
import { workInboundLane } from './core/inbound/work-lane.ts'
import { createPump, type Pump } from './core/lanes/pump.ts'
import { createTyping } from './core/outbound/courtesy.ts'
import { createNumberPaces } from './core/outbound/number-pace.ts'
import { parkedBefore } from './core/outbound/parked.ts'
import { workOutboundLane } from './core/outbound/work-lane.ts'
import type { Jobs } from './core/ports/jobs.ts'
import { createReconcile, type Reconcile, readStoredHook } from './core/reconcile.ts'
import { createRegistry, type ServedNumber } from './core/registry.ts'
import { scaleTimes, TIMES } from './core/rules.ts'
import { createTicks } from './core/ticks.ts'
import { hookRow, mayLeave } from './http/chatwoot-webhook.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Options } from './options.ts'

/** Handed in by tests and fault runs only; a product never sets them. */
export interface Injected {
  breakpoint?: (name: string) => void
  /** All times of the design scaled by one factor. */
  timeFactor?: number
  clock?: Clock
  random?: () => number
  /** Unit tests may run on a database that does not flush. */
  allowUnsafeDatabase?: boolean
  /** Nothing is delivered until it is switched on (bench of the acknowledging path). */
  paused?: boolean
  /** The limit of desk calls in flight never goes below this; with the ceiling at the same value it is fixed. */
  fixedDeskLimit?: number
}

export interface Runtime {
  bridge: Bridge
  metrics: Metrics
  database: Database
  jobs: Jobs
  pump: Pump
  reconcile: Reconcile
  typing: (number: ServedNumber, conversationId: number) => void
  echoed: (deskId: number, messageId: number) => void
  processId: string
  installation: string
  embedded: EmbeddedPostgres | null
  share(): Share
  refresh(): Promise<void>
  stop(): Promise<void>
}

export async function startRuntime(options: Options, log: Log, injected: Injected = {}): Promise<Runtime> {
  const timeFactor = injected.timeFactor ?? 1
  const times = scaleTimes(timeFactor, TIMES)
  const clock: Clock = injected.clock ?? { now: () => new Date(), monotonicMs: () => performance.now() }
  const random = injected.random ?? Math.random
  const metrics = createMetrics()
  const dataDir = path.resolve(options.dataDir)

  const key = await loadMasterKey({
    value: options.masterKey,
    file: options.masterKeyFile,
    createIn: options.databaseUrl === undefined ? dataDir : undefined
  })
  for (const warning of key.warnings) log.warn({ warning, path: key.path }, 'master key')
  const vault = createVault(key)
  const embedded =
    options.databaseUrl === undefined
      ? await startEmbeddedPostgres({ dataDir: path.join(dataDir, 'postgres'), log: text => log.debug({}, text) })
      : null
  const database = openDatabase({ url: options.databaseUrl ?? embedded!.url })
  try {
    return await compose()
  } catch (error) {
    await database.close()
    await embedded?.stop()
    throw error
  }

  async function compose(): Promise<Runtime> {
    await checkDatabase(database, { allowUnsafe: injected.allowUnsafeDatabase })
    const applied = await migrate(database.knex, migrations)
    if (applied.length > 0) log.info({ applied }, 'database migrated')
    const numbers = createNumbers(database.knex, vault)
    const { id: installation, aliasKey } = await numbers.installation()
    const hashing = {
      ...vault,
      hash: (text: string) => createHmac('sha256', aliasKey).update(text).digest().subarray(0, 16)
    }
    const customers = createCustomers(database.intake, hashing)
    const registry = createRegistry()
    const processId = randomUUID()
    const processes = createProcesses(database.work, processId, timeFactor)
    let share = await processes.beat()

    const pages = createPages(database.work, vault)
    const gates = createGates(clock.monotonicMs)
    const paces = new Map<number, DeskPace>()
    const permits = new Map<number, Permits>()
    const echoes = createEchoes({ monotonicMs: clock.monotonicMs, pace: deskId => paceOf(deskId) })
    const numberPaces = createNumberPaces({
      monotonicMs: clock.monotonicMs,
      sleep: ms => sleep(ms),
      perSecond: numberId => Math.max(1, partOf(registry.number(numberId)?.throughputPerSecond ?? 80, share))
    })
    const paceOf = (deskId: number): DeskPace => {
      let pace = paces.get(deskId)
      if (pace === undefined) {
        const start = registry.desks().find(desk => desk.id === deskId)?.paceLimit
        pace = createDeskPace({
          ceiling: partOf(options.deskCeiling, share),
          floor: injected.fixedDeskLimit,
          start,
          monotonicMs: clock.monotonicMs
        })
        paces.set(deskId, pace)
      }
      return pace
    }

    const jobs =
      options.redisUrl === undefined
        ? createLocalJobs()
        : createBullJobs({ redisUrl: options.redisUrl, prefix: `puente:${installation}`, log, production: true })
    const intake = createIntake({
      pool: database.intake,
      customers,
      pages,
      patienceMs: 2_500,
      tickDelayMs: () => tickDelayMs(),
      onCommitted: ({ dueInMs, laterInMs, ticks }) => {
        if (dueInMs !== null) jobs.wake()
        if (laterInMs !== null) pump.lookIn(laterInMs + 1)
        if (ticks) tickSoon(tickDelayMs())
      }
    })
    const recorder = createRecorder({
      pool: database.work,
      customers,
      vault: hashing,
      onDue: () => jobs.wake()
    })
    const lanes = createLanes({
      pool: database.work,
      pages,
      customers,
      owner: processId,
      leaseSeconds: times.laneLeaseMs / 1000
    })
    const deskHttp = createHttpClient({ maxSockets: 256 })
    const graphHttp = createHttpClient({ maxSockets: 256 })
    let stopping = false

    const bridge: Bridge = {
      registry,
      intake,
      lanes,
      recorder,
      deliveries: createDeliveries(database.work, times.laneLeaseMs / 1000),
      numbers,
      desk: createChatwootDesk({ http: deskHttp, mediaOrigins: options.mediaOrigins, timeoutMs: times.deskCallMs }),
      channel: createCloudChannel({ http: graphHttp, mediaOrigins: options.mediaOrigins, times }),
      media: createMediaTools({ ffmpegPath: options.ffmpeg, tempDir: path.join(dataDir, 'tmp') }),
      files: createFiles({ tempDir: path.join(dataDir, 'tmp') }),
      clock,
      random,
      newId: () => randomUUID(),
      times,
      timeFactor,
      sleep: ms => sleep(ms),
      gates,
      permits(deskId) {
        let known = permits.get(deskId)
        if (known === undefined) {
          known = createPermits(paceOf(deskId))
          permits.set(deskId, known)
        }
        return known
      },
      pace: paceOf,
      rowPace: createRowPaces(clock.monotonicMs).take,
      expectEcho: echoes.expect,
      numberPace: numberPaces.take,
      background(task) {
        task().catch(() => metrics.count('courtesy_failed'))
      },
      breakpoint: injected.breakpoint ?? (() => {}),
      count: metrics.count,
      log,
      readFact,
      readHook: payload => readStoredHook(payload, readHook),
      wake: () => jobs.wake(),
      stopping: () => stopping
    }

    const refresh = async (): Promise<void> => {
      const { desks, numbers: rows } = await numbers.list()
      // A new token is tried at once, not when the pause of the old one ends.
      const renewed = [
        ...desks
          .filter(desk => registry.desks().some(old => old.id === desk.id && old.token !== desk.token))
          .map(desk => `desk:${desk.id}`),
        ...rows
          .filter(row => registry.numbers().some(old => old.id === row.id && old.token !== row.token))
          .map(row => `number:${row.id}`)
      ]
      registry.replace(desks, rows)
      if (renewed.filter(gate => gates.open(gate)).length > 0) jobs.wake()
    }
    await refresh()
    const partitions = (): Promise<void> =>
      keepPartitions(database.knex, { keepDays: 15, aheadDays: 2, keepMonths: 25 }, clock.now())
    // Before anything is dropped: a Puente that was off for a week must not lose what waits for a person.
    await keepAside(database.work, pages, { moveAfterDays: 12, keepDays: Math.ceil(times.setAsideMs / 86_400_000) })
    await partitions()
    await bridge.files.sweep()

    const pump = createPump({
      bridge,
      workInbound: lane => workInboundLane(bridge, lane),
      workOutbound: lane => workOutboundLane(bridge, lane)
    })
    if (injected.paused === true) pump.pause(true)
    const ticks = createTicks(bridge, failure => fromMetaFailure({ ...failure }).code)
    const reconcile = createReconcile({
      bridge,
      mayLeave,
      toRow: (number, hook, payload, kind, key) => hookRow(bridge, number, hook, payload, kind, key)
    })

    // Ticks join longer while many messages wait for the desk: they yield.
    const tickDelayMs = (): number => {
      const busy = [...permits.values()].some(each => each.waiting(1) > 4)
      return busy ? times.tickJoinBusyMs : times.tickJoinMs
    }
    let tickTimer: NodeJS.Timeout | null = null
    let tickAt = Number.POSITIVE_INFINITY
    let tickRunning = false
    const tickSoon = (inMs: number): void => {
      const at = clock.monotonicMs() + inMs
      if (stopping || at >= tickAt) return
      if (tickTimer !== null) clearTimeout(tickTimer)
      tickAt = at
      tickTimer = setTimeout(runTicks, inMs + 5)
    }
    const runTicks = async (): Promise<void> => {
      tickTimer = null
      tickAt = Number.POSITIVE_INFINITY
      if (tickRunning || stopping) return
      tickRunning = true
      try {
        const told = await ticks.run()
        const next = told === 100 ? 0 : await bridge.deliveries.nextTickInMs()
        tickRunning = false
        if (next !== null) tickSoon(Math.max(50, next))
      } catch {
        tickRunning = false
        tickSoon(1_000)
      }
    }

    const beats: NodeJS.Timeout[] = []
    const every = (ms: number, task: () => Promise<unknown>): void => {
      let busy = false
      beats.push(
        setInterval(() => {
          if (busy || stopping) return
          busy = true
          task()
            .catch(error => log.debug({ err: (error as Error).message }, 'a beat failed, the next comes'))
            .finally(() => {
              busy = false
            })
        }, ms)
      )
    }
    every(2_000 * timeFactor, async () => {
      share = await processes.beat()
      for (const [deskId, pace] of paces) {
        pace.setCeiling(partOf(options.deskCeiling, share))
        permits.get(deskId)?.poke()
      }
      tickSoon((await bridge.deliveries.nextTickInMs()) ?? Number.POSITIVE_INFINITY)
    })
    every(3_000, refresh)
    every(5_000, async () => {
      await bridge.lanes.mergeWaiting()
      const expired = await bridge.deliveries.expire({
        parked: registry.numbers().map(number => ({ numberId: number.id, before: parkedBefore(bridge, number) })),
        uncertainMs: times.uncertainToldMs
      })
      if (expired > 0) tickSoon(0)
      for (const [deskId, pace] of paces) await numbers.savePace(deskId, Math.max(1, pace.limit() / 2))
    })
    // What was too young is looked at once more, as soon as its hook can no longer be on its way.
    const reconcileOnce = async (deep: boolean): Promise<void> => {
      if (stopping) return
      const { young } = await reconcile.run(deep)
      if (!young || stopping) return
      const timer = setTimeout(
        () => {
          laterPasses.delete(timer)
          reconcileOnce(false).catch(() => {})
        },
        times.reconcileGraceMs + 2_000 * timeFactor
      )
      laterPasses.add(timer)
    }
    const laterPasses = new Set<NodeJS.Timeout>()
    every(times.reconcileBeatMs, () => (laterPasses.size > 0 ? Promise.resolve() : reconcileOnce(false)))
    every(3_600_000, async () => {
      await keepAside(database.work, pages, { moveAfterDays: 12, keepDays: Math.ceil(times.setAsideMs / 86_400_000) })
      await partitions()
      await forgetOld(database.knex, times)
    })
    // A gate that may be probed again has no other alarm.
    every(1_000, async () => {
      const probe = gates.nextProbeInMs()
      if (probe !== null && probe < 1_000) pump.kick()
    })

    metrics.gauge('lanes_held', 'Lanes in work', () => pump.held())
    metrics.gauge('intake_waiting', 'Rows waiting for their commit', () => intake.depth().rows)
    metrics.gauge(
      'desk_limit',
      'Most desk calls in flight, by desk',
      () => new Map([...paces].map(([deskId, pace]) => [String(deskId), pace.limit()]))
    )

    await jobs.start(() => pump.kick())
    pump.kick()
    tickSoon(0)
    const firstReconcile =
      injected.paused === true
        ? Promise.resolve()
        : sleep(Math.min(2_000, 2_000 * timeFactor)).then(() => reconcileOnce(true))
    firstReconcile.catch(() => {})

    return {
      bridge,
      metrics,
      database,
      jobs,
      pump,
      reconcile,
      typing: createTyping(bridge),
      echoed: echoes.arrived,
      processId,
      installation,
      embedded,
      share: () => share,
      refresh,
      async stop() {
        if (stopping) return
        stopping = true
        for (const beat of beats) clearInterval(beat)
        for (const timer of laterPasses) clearTimeout(timer)
        if (tickTimer !== null) clearTimeout(tickTimer)
        await intake.close()
        // Not scaled: how long a machine needs to finish what is in hand is no time of the protocol.
        await pump.stop(TIMES.drainMs)
        await jobs.close()
        await recorder.close()
        await bridge.media.close()
        bridge.desk.close()
        bridge.channel.close()
        await processes.leave().catch(() => {})
        await database.close()
        await embedded?.stop()
      }
    }
  }
}
