/**
 * The only composition root: makes every adapter, hands them to the core, starts and stops the whole. Holds no
 * decisions of its own.
 */
import { createHmac, randomUUID } from 'node:crypto'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createChatwootDesk } from '../adapters/chatwoot/client.ts'
import { readHook } from '../adapters/chatwoot/from-wire.ts'
import { createChatwootSetup } from '../adapters/chatwoot/setup.ts'
import { createHttpClient } from '../adapters/http/client.ts'
import { createOpenLink } from '../adapters/http/open-link.ts'
import { createBullJobs } from '../adapters/jobs/bull.ts'
import { createLocalJobs } from '../adapters/jobs/local.ts'
import { createMediaTools } from '../adapters/media/index.ts'
import { createFiles } from '../adapters/media/spool.ts'
import { createAttributeStore } from '../adapters/postgres/attributes.ts'
import { createStepWatch } from '../adapters/postgres/clock-step.ts'
import { createConnections } from '../adapters/postgres/connections.ts'
import { createCustomers } from '../adapters/postgres/customers.ts'
import { createDeliveries } from '../adapters/postgres/deliveries.ts'
import { createEchoExchange } from '../adapters/postgres/echo-exchange.ts'
import { createConsents, createInstructions } from '../adapters/postgres/instructions.ts'
import { createIntake } from '../adapters/postgres/intake.ts'
import { createJournal } from '../adapters/postgres/journal.ts'
import { keepAside } from '../adapters/postgres/keep-aside.ts'
import { createKnownRows } from '../adapters/postgres/known-rows.ts'
import { createLaneless } from '../adapters/postgres/laneless.ts'
import { createLanes } from '../adapters/postgres/lanes.ts'
import { keepPartitions, PARTITION_SPAN } from '../adapters/postgres/migrate.ts'
import { createNumberWatchStore } from '../adapters/postgres/number-watch.ts'
import { createNumbers } from '../adapters/postgres/numbers.ts'
import { createPages } from '../adapters/postgres/pages.ts'
import { createProcesses, partOf, type Share } from '../adapters/postgres/processes.ts'
import { createRateStore } from '../adapters/postgres/rates.ts'
import { createRecorder } from '../adapters/postgres/recorder.ts'
import { forgetOld } from '../adapters/postgres/retention.ts'
import { createStoredFiles } from '../adapters/postgres/stored-files.ts'
import { createTemplateStore } from '../adapters/postgres/templates.ts'
import { createVanished } from '../adapters/postgres/vanished.ts'
import { createCloudChannel } from '../adapters/whatsapp-cloud/client.ts'
import { fromMetaFailure } from '../adapters/whatsapp-cloud/errors.ts'
import { explodeWebhook } from '../adapters/whatsapp-cloud/explode.ts'
import { parseBody, readFact } from '../adapters/whatsapp-cloud/from-wire.ts'
import { createRateSource } from '../adapters/whatsapp-cloud/pricing.ts'
import { createTemplateSource } from '../adapters/whatsapp-cloud/template-source.ts'
import { createAttributeKeeper } from './core/attributes/keep.ts'
import type { Bridge, Clock, Log } from './core/bridge.ts'
import { createEchoes } from './core/desk/echoes.ts'
import { createRowPaces } from './core/desk/row-pace.ts'
import { createDeskWatch } from './core/desk-watch.ts'
import { readStoredHook } from './core/found-message.ts'
import { createGates } from './core/gates.ts'
import { createCrowd } from './core/inbound/crowd.ts'
import { isSameFact } from './core/inbound/same-fact.ts'
import { createSorter } from './core/inbound/sorter.ts'
import { workInboundLane } from './core/inbound/work-lane.ts'
import { createPump } from './core/lanes/pump.ts'
import { createNumberWatch } from './core/number-watch.ts'
import { createTyping } from './core/outbound/courtesy.ts'
import { createNumberPaces } from './core/outbound/number-pace.ts'
import { parkedBefore } from './core/outbound/parked.ts'
import { workOutboundLane } from './core/outbound/work-lane.ts'
import { createRateReading } from './core/rate-reading.ts'
import { createReconcile } from './core/reconcile.ts'
import { createRegistry } from './core/registry.ts'
import { scaleTimes, TIMES } from './core/rules.ts'
import { createTemplateLookup } from './core/templates/lookup.ts'
import { createTemplateMirror } from './core/templates/mirror.ts'
import { createTicks } from './core/ticks.ts'
import { hookRow, mayLeave } from './http/chatwoot-webhook.ts'
import { takeUpLaneless } from './http/take-up.ts'
import { createMetrics } from './metrics.ts'
import type { Options } from './options.ts'
import { createBeats } from './runtime/beats.ts'
import { createBusy } from './runtime/busy.ts'
import { createDatabaseClock } from './runtime/database-clock.ts'
import { createDeskPaces } from './runtime/desk-paces.ts'
import { openRuntimeGround } from './runtime/ground.ts'
import { createLatePasses } from './runtime/late-passes.ts'
import type { Injected, Runtime } from './runtime/model.ts'
import { createOversight } from './runtime/oversight.ts'
import { createReloader } from './runtime/reloader.ts'
import { createTalkParts } from './runtime/talk.ts'
import { createTickTimer } from './runtime/tick-timer.ts'

export type { Injected, Runtime } from './runtime/model.ts'

/** How long a process that stops goes on sorting; what is left is found by the next start. */
const SORT_PATIENCE_MS = 2_000

export async function startRuntime(options: Options, log: Log, injected: Injected = {}): Promise<Runtime> {
  const timeFactor = injected.timeFactor ?? 1
  const times = scaleTimes(timeFactor, TIMES)
  const databaseClock = createDatabaseClock()
  const clock: Clock = injected.clock ?? databaseClock
  const random = injected.random ?? Math.random
  const metrics = createMetrics()
  const { dataDir, vault, embedded, database, close } = await openRuntimeGround(
    options,
    log,
    injected.allowUnsafeDatabase
  )
  try {
    return await compose()
  } catch (error) {
    await close()
    throw error
  }

  async function compose(): Promise<Runtime> {
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
    const watchSteps = createStepWatch({
      pool: database.work,
      leaseSeconds: times.laneLeaseMs / 1000,
      monotonicMs: clock.monotonicMs
    })
    let share: Share = { index: 0, of: 1, settled: false }
    const beat = async (): Promise<void> => {
      const told = await processes.beat()
      databaseClock.tell(told.nowMs)
      share = told.share
      if (await watchSteps(told.steppedBackMs))
        log.warn({ steppedBackMs: told.steppedBackMs }, "PostgreSQL's clock was set back; what waits is due again soon")
    }
    await beat()
    // More processes than the ceiling has calls: those without a part take webhooks only.
    const hasNoPart = (): boolean => share.settled && partOf(options.deskCeiling, share) === 0
    let hookMissed = false

    const pages = createPages(database.work, vault)
    const gates = createGates(clock.monotonicMs)
    const deskPaces = createDeskPaces({
      ceiling: () => partOf(options.deskCeiling, share),
      floor: injected.fixedDeskLimit,
      start: deskId => registry.desks().find(desk => desk.id === deskId)?.paceLimit,
      monotonicMs: clock.monotonicMs
    })
    const echoExchange = createEchoExchange({
      connect: () => database.connect('echoes'),
      processId,
      onHeard: (...heard) => echoes.heard(...heard),
      monotonicMs: clock.monotonicMs
    })
    const echoes = createEchoes({
      monotonicMs: clock.monotonicMs,
      pace: deskPaces.pace,
      processes: () => share.of,
      pass: echoExchange.pass
    })
    const numberPaces = createNumberPaces({
      monotonicMs: clock.monotonicMs,
      sleep: ms => sleep(ms),
      perSecond: numberId => Math.max(1, partOf(registry.number(numberId)?.throughputPerSecond ?? 80, share))
    })
    const jobs =
      options.redisUrl === undefined
        ? createLocalJobs()
        : createBullJobs({ redisUrl: options.redisUrl, prefix: `puente:${installation}`, log, production: true })
    const lookAtKnown = createKnownRows({
      pool: database.work,
      pages,
      isSame: (first, second) => isSameFact(readFact(first), readFact(second)),
      differs: number => {
        metrics.count('duplicates_differ')
        log.warn({ number }, 'a message came again under its id with other content; the first stays')
      }
    })
    const intake = createIntake({
      pool: database.intake,
      customers,
      pages,
      patienceMs: 2_500,
      tickDelayMs: () => tickDelayMs(),
      onKnown: rows => void lookAtKnown(rows).catch(() => {}),
      worker: {
        owner: processId,
        leaseSeconds: times.laneLeaseMs / 1000,
        reserve: (deskId, most) => pump.reserve(deskId, most)
      },
      onCommitted: ({ dueInMs, laterInMs, ticksInMs }) => {
        if (dueInMs !== null) jobs.wake()
        if (laterInMs !== null) pump.lookIn(laterInMs + 1)
        if (ticksInMs !== null) tickTimer.soon(ticksInMs)
      }
    })
    const journal = createJournal({
      pool: database.intake,
      pages,
      processId,
      onCommitted: () => sorter.kick(),
      onLost: () => {
        metrics.count('journal_lost')
        log.error({}, 'a page of acknowledged webhooks is gone, its day is forgotten')
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
      leaseSeconds: times.laneLeaseMs / 1000,
      deskIds: () => registry.desks().map(desk => desk.id)
    })
    const createHttp = injected.createHttp ?? createHttpClient
    const deskHttp = createHttp({ maxSockets: 256 })
    const graphHttp = createHttp({ maxSockets: 256 })
    const templateStore = createTemplateStore(database.work)
    const rateStore = createRateStore(database.work)
    const templateSource = createTemplateSource({ http: graphHttp, times })
    let stopping = false
    let publicUrl: string | null = null

    const bridge: Bridge = {
      registry,
      intake,
      lanes,
      recorder,
      deliveries: createDeliveries(database.work, times.laneLeaseMs / 1000),
      numbers,
      attributeStore: createAttributeStore(database.work, vault),
      attributes: {
        note: (...note) => attributes.note(...note),
        heard: (...heard) => attributes.heard(...heard)
      },
      vanished: createVanished(database.work),
      desk: createChatwootDesk({ http: deskHttp, mediaOrigins: options.mediaOrigins, timeoutMs: times.deskCallMs }),
      channel: createCloudChannel({ http: graphHttp, mediaOrigins: options.mediaOrigins, times }),
      templates: createTemplateLookup(templateStore, templateSource),
      numberWatch: { want: wabaId => numberWatch.want(wabaId) },
      rates: rateStore,
      openLink: createOpenLink(deskHttp, { mediaOrigins: options.mediaOrigins }),
      media: createMediaTools({ ffmpegPath: options.ffmpeg, tempDir: path.join(dataDir, 'tmp') }),
      files: createFiles({ tempDir: path.join(dataDir, 'tmp') }),
      storedFiles: createStoredFiles(database.people, vault),
      instructions: createInstructions(database.people, vault),
      consents: createConsents(database.work),
      publicUrl: () => publicUrl,
      clock,
      random,
      newId: () => randomUUID(),
      times,
      timeFactor,
      sleep: ms => sleep(ms),
      gates,
      permits: deskPaces.permits,
      pace: deskPaces.pace,
      rowPace: createRowPaces(clock.monotonicMs, () => share.of).take,
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
      missedHook() {
        hookMissed = true
      },
      reload: wait => reloader.run(wait),
      stopping: () => stopping
    }

    const crowd = createCrowd(() => clock.monotonicMs(), createBusy())
    const sorter = createSorter({
      bridge,
      journal,
      crowd,
      fewRows: injected.fewRows,
      parse: parseBody,
      explode: explodeWebhook,
      isAlone: () => share.of === 1,
      isFirst: () => share.index === 0
    })

    const refresh = async (): Promise<void> => {
      const { desks, numbers: rows } = await numbers.list()
      // A new token, or a desk's new address, is tried at once, not when the pause of the old one ends.
      const deskIds = desks
        .filter(desk =>
          registry.desks().some(old => old.id === desk.id && (old.token !== desk.token || old.url !== desk.url))
        )
        .map(desk => desk.id)
      const numberIds = rows
        .filter(row => registry.numbers().some(old => old.id === row.id && old.token !== row.token))
        .map(row => row.id)
      registry.replace(desks, rows)
      if (deskIds.length + numberIds.length === 0) return
      log.info({ desks: deskIds, numbers: numberIds }, 'new tokens; what waited for them goes on')
      for (const id of deskIds) gates.open(`desk:${id}`)
      for (const id of numberIds) gates.open(`number:${id}`)
      await lanes.hurry({ deskIds, numberIds })
      jobs.wake()
      tickTimer.soon(0)
    }
    const reloader = createReloader({ refresh, monotonicMs: clock.monotonicMs, sleep: ms => sleep(ms) })
    await refresh()
    const partitions = (): Promise<void> => keepPartitions(database.knex, PARTITION_SPAN, new Date())
    // Before anything is dropped: a Puente that was off for a week must not lose what waits for a person.
    await keepAside(database.work, pages, { moveAfterDays: 12, keepDays: Math.ceil(times.setAsideMs / 86_400_000) })
    await partitions()
    await bridge.files.sweep()

    const attributes = createAttributeKeeper(bridge)
    const talk = createTalkParts({ bridge, database, vault: hashing, customers, deskHttp, templates: templateStore })
    const pump = createPump({
      bridge,
      mayClaim: () => !hasNoPart(),
      mostHeld: deskId => deskPaces.lanesWorthHolding(deskId, share.of === 1),
      part: crowd.part,
      workInbound: lane => workInboundLane(bridge, lane),
      workOutbound: lane => workOutboundLane(bridge, lane)
    })
    if (injected.paused === true) pump.pause(true)
    if (injected.paused === true) sorter.pause(true)
    const ticks = createTicks(bridge, failure => fromMetaFailure({ ...failure }).code)
    const reconcile = createReconcile({
      bridge,
      mayLeave,
      toRow: (number, hook, payload, kind, key) => hookRow(bridge, number, hook, payload, kind, key)
    })

    const settings = createChatwootSetup({ http: deskHttp, timeoutMs: times.deskCallMs })
    const deskWatch = createDeskWatch({ bridge, settings, installation })
    const templateMirror = createTemplateMirror({
      bridge,
      store: templateStore,
      source: templateSource,
      settings,
      processId,
      installation
    })

    const rateSource = createRateSource({ http: graphHttp, times })
    const rateReading = createRateReading({ bridge, store: rateStore, source: rateSource, processId })
    const numberWatch = createNumberWatch({ bridge, store: createNumberWatchStore(database.work), processId })

    // Ticks join longer while many messages wait for the desk: they yield.
    const tickDelayMs = (): number => (deskPaces.busy() ? times.tickJoinBusyMs : times.tickJoinMs)
    const tickTimer = createTickTimer({
      run: () => (hasNoPart() ? Promise.resolve(0) : ticks.run()),
      nextInMs: () => bridge.deliveries.nextTickInMs(),
      monotonicMs: clock.monotonicMs
    })
    const latePasses = createLatePasses(
      deep => (hasNoPart() ? Promise.resolve({ young: false }) : reconcile.run(deep)),
      times.reconcileGraceMs + 2_000 * timeFactor
    )

    const beats = createBeats(log)
    const { every } = beats
    every(2_000 * timeFactor, async () => {
      const hadNoPart = hasNoPart()
      await beat()
      if (hadNoPart && !hasNoPart()) pump.kick()
      deskPaces.setCeiling(partOf(options.deskCeiling, share))
      if (share.of > 1) echoExchange.listen()
      tickTimer.soon((await bridge.deliveries.nextTickInMs()) ?? Number.POSITIVE_INFINITY)
      // The database answers again: what the desk said meanwhile it says only once.
      if (hookMissed) {
        hookMissed = false
        latePasses.run(true).catch(() => {})
      }
    })
    every(3_000, refresh)
    const takeUp = { bridge, laneless: createLaneless(database.work), parse: parseBody, explode: explodeWebhook }
    every(5_000 * timeFactor, () => takeUpLaneless(takeUp))
    every(5_000, async () => {
      await bridge.lanes.mergeWaiting()
      const expired = await bridge.deliveries.expire({
        parked: registry.numbers().map(number => ({ numberId: number.id, before: parkedBefore(bridge, number) })),
        uncertainMs: times.uncertainToldMs
      })
      if (expired > 0) tickTimer.soon(0)
      for (const [deskId, pace] of deskPaces.all()) await numbers.savePace(deskId, Math.max(1, pace.limit() / 2))
    })
    every(5_000 * timeFactor, () => sorter.takeOver())
    every(times.reconcileBeatMs, latePasses.beat)
    // One of several processes is enough.
    if (injected.paused !== true)
      every(times.reconcileLookMs, async () => (share.index === 0 && !hasNoPart() ? reconcile.look() : 0))
    const watchDesks = async (): Promise<unknown> => (share.index === 0 ? deskWatch.run() : undefined)
    every(times.reconcileBeatMs, watchDesks)
    every(2_000 * timeFactor, () => attributes.run())
    if (injected.paused !== true) every(1_000 * timeFactor, () => talk.carryWaiting())
    if (injected.paused !== true) every(times.templateBeatMs, () => templateMirror.run())
    if (injected.paused !== true) every(times.rateBeatMs, () => rateReading.run())
    if (injected.paused !== true) every(times.numberBeatMs, () => numberWatch.run())
    every(3_600_000, async () => {
      await keepAside(database.work, pages, { moveAfterDays: 12, keepDays: Math.ceil(times.setAsideMs / 86_400_000) })
      await partitions()
      await forgetOld(database.knex, times, { stopping: bridge.stopping })
      await talk.forgetOld()
    })
    // A gate that may be probed again has no other alarm.
    every(1_000, async () => {
      const probe = gates.nextProbeInMs()
      if (probe !== null && probe < 1_000) pump.kick()
    })

    metrics.gauge('lanes_held', 'Lanes in work', () => pump.held())
    metrics.gauge('intake_waiting', 'Rows waiting for their commit', () => intake.depth().rows)
    metrics.gauge('journal_waiting', 'Webhooks waiting for their commit', () => journal.depth().waiting)
    metrics.gauge(
      'journal_unsorted',
      'Pages of acknowledged webhooks that are not sorted yet',
      () => journal.depth().unsorted
    )
    metrics.gauge(
      'desk_limit',
      'Most desk calls in flight, by desk',
      () => new Map([...deskPaces.all()].map(([deskId, pace]) => [String(deskId), pace.limit()]))
    )

    await sorter.takeOver(true)
    await jobs.start(() => pump.kick())
    pump.kick()
    tickTimer.soon(0)
    const firstReconcile =
      injected.paused === true
        ? Promise.resolve()
        : sleep(Math.min(2_000, 2_000 * timeFactor))
            .then(() => latePasses.run(true))
            .finally(watchDesks)
    firstReconcile.catch(() => {})

    return {
      bridge,
      metrics,
      database,
      jobs,
      pump,
      sorter,
      journal,
      reconcile,
      deskWatch,
      connections: createConnections(database.knex, vault),
      templateMirror,
      templateStore,
      rateReading,
      numberWatch,
      attributes,
      talk,
      oversight: createOversight({ database, numbers, vault, options, wake: () => jobs.wake() }),
      typing: createTyping(bridge),
      echoed: echoes.arrived,
      processId,
      installation,
      embedded,
      share: () => share,
      servedAt(url) {
        publicUrl = url.replace(/\/+$/, '')
      },
      refresh,
      async stop() {
        if (stopping) return
        stopping = true
        beats.stop()
        latePasses.stop()
        tickTimer.stop()
        await journal.close()
        await sorter.close(SORT_PATIENCE_MS)
        await intake.close()
        // Not scaled: how long a machine needs to finish what is in hand is no time of the protocol.
        await pump.stop(TIMES.drainMs)
        await jobs.close()
        await attributes.flush().catch(() => {})
        await recorder.close()
        await bridge.media.close()
        bridge.desk.close()
        bridge.channel.close()
        await echoExchange.close()
        await processes.leave().catch(() => {})
        await close()
      }
    }
  }
}
