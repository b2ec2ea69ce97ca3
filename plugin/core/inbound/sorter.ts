/**
 * Sorts what the journal holds into events and statuses, in the order of arrival, one round after the other. Where this
 * process is alone, a webhook of a crowd is acknowledged when the journal has it, and sorted right afterwards; while few
 * come, each is sorted at once. Where several processes work, each sorts before it acknowledges, so that none
 * delivers what is younger than something another has only journalled.
 */
import type { Bridge } from '../bridge.ts'
import { PuenteError } from '../errors.ts'
import type { Entry, Journal, JournalPage } from '../ports/journal.ts'
import type { Crowd } from './crowd.ts'
import { asideBatch, type ReadWebhook, toBatch, type WebhookBatch } from './webhook-rows.ts'

export interface SorterOptions extends ReadWebhook {
  journal: Journal
  crowd: Crowd
  /** With so many rows on their way, webhooks go by the journal (default 64). */
  fewRows?: number
  /** No other process shares the database. */
  isAlone: () => boolean
  /** Other processes' pages are looked for by one of the living only. */
  isFirst: () => boolean
}

export interface Sorter {
  /** Resolves once the webhook is committed. */
  receive(raw: Buffer): Promise<void>
  /** There may be something to sort. */
  kick(): void
  /** Takes over what processes that are gone have left; `everybody` at start, before anything younger is taken. */
  takeOver(everybody?: boolean): Promise<void>
  /** While paused, webhooks are acknowledged and kept. */
  pause(paused: boolean): void
  isIdle(): boolean
  /** Sorts what is there, at most so long; what remains is found by the next start. */
  close(patienceMs: number): Promise<void>
}

/** So many webhooks make a round: few enough that requests are not held up meanwhile. */
const ROUND = 200
/** As long as no more come than this, and no more rows are on their way, a webhook is sorted before it is acknowledged. */
const FEW = { perSecond: 1_500, rows: 64 }
/**
 * Where acknowledging stays slow although delivery holds back, sorting rests, too, after each round: this much of what the
 * round took for each further share that delivery leaves, no more than twice of it, and not for next to nothing.
 */
const REST = { forEachShare: 1 / 32, least: 0.1, most: 2 }
const RETRY_MS = { first: 100, most: 2_000 }
/** A round that is refused so often is stored one by one. */
const SINGLY_AFTER = 3
/** A page that is found again after a crash is sorted once more, which changes nothing. */
const TIDY_MS = 60_000
/** The sender is told within three seconds, storing included. */
const IDLE_PATIENCE_MS = 1_000

export function createSorter(options: SorterOptions): Sorter {
  const { bridge, journal } = options
  const fewRows = options.fewRows ?? FEW.rows
  let sorting: Promise<void> | null = null
  let paused = false
  let stopping = false
  /** Taken from the journal, and not stored yet. */
  let round: JournalPage[] = []
  let failures = 0
  /** Of them in a row those that the database had itself to answer for: it was there, and refused. */
  let refusals = 0
  let timer: NodeJS.Timeout | null = null
  let tidying: NodeJS.Timeout | null = null
  const idle: (() => void)[] = []

  const isIdle = (): boolean => {
    const { unsorted, behind } = journal.depth()
    return unsorted === 0 && !behind && round.length === 0
  }

  /**
   * Then a webhook needs no journal: sorting it at once is one commit instead of two, which it shares with what comes
   * meanwhile. The journal is for more than that.
   */
  const areFew = (): boolean =>
    !paused &&
    isIdle() &&
    journal.depth().waiting === 0 &&
    bridge.intake.depth().rows < fewRows &&
    options.crowd.perSecond() < FEW.perSecond

  const read = ({ raw, ref }: Entry | { raw: Buffer; ref: undefined }): WebhookBatch => {
    try {
      return toBatch(options, raw, ref === undefined ? {} : { ref })
    } catch (error) {
      // A defect of ours must not hold up what comes after it.
      bridge.log.error({ err: error }, 'a webhook could not be read')
      return asideBatch(bridge, raw, ref)
    }
  }

  /** A number that was connected by another process a moment ago is looked for before it is called unknown. */
  const readAll = async (entries: (Entry | { raw: Buffer; ref: undefined })[]): Promise<WebhookBatch[]> => {
    const batches = entries.map(read)
    const unknown = batches.some(batch => batch.rows.some(row => row.code === 'number_unknown'))
    return unknown && (await bridge.reload()) ? entries.map(read) : batches
  }

  const sortRound = async (): Promise<void> => {
    const entries = round.flatMap(page => page.entries)
    const batches = await readAll(entries)
    bridge.breakpoint('webhook.sorting')
    if (refusals < SINGLY_AFTER) await bridge.intake.acceptAll(batches)
    else for (const [index, batch] of batches.entries()) await acceptOrSetAside(batch, entries[index]!)
    bridge.breakpoint('webhook.sorted')
    journal.done(round)
    round = []
    await afterwards(batches)
  }

  /** One webhook that PostgreSQL refuses, for whatever reason, must not hold up all others: it is kept for a person. */
  const acceptOrSetAside = async (batch: WebhookBatch, { raw, ref }: Entry): Promise<void> => {
    try {
      await bridge.intake.accept(batch)
    } catch (error) {
      if (!isRefusal(error)) throw error
      bridge.log.error({ err: (error as Error).cause }, 'a webhook could not be stored as what it is')
      await bridge.intake.accept(asideBatch(bridge, raw, ref))
    }
  }

  const afterwards = async (batches: WebhookBatch[]): Promise<void> => {
    const templatesOf = batches.flatMap(batch => batch.templatesOf)
    const numbersOf = batches.flatMap(batch => batch.numbersOf)
    if (templatesOf.length + numbersOf.length > 0) await wantReadings(bridge, { templatesOf, numbersOf })
  }

  const sortAll = async (): Promise<void> => {
    try {
      while (!paused) {
        if (round.length === 0) round = await journal.next(ROUND)
        if (round.length === 0) break
        const beganMs = bridge.clock.monotonicMs()
        await sortRound()
        failures = 0
        refusals = 0
        const rest = Math.min(REST.most, REST.forEachShare * (1 / options.crowd.part() - 1))
        if (rest > REST.least && !stopping) await bridge.sleep(rest * (bridge.clock.monotonicMs() - beganMs))
      }
    } catch (error) {
      failures++
      refusals = isRefusal(error) ? refusals + 1 : 0
      bridge.count('sorting_failed')
      const delayMs = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(failures, 6))
      if (failures === 1) bridge.log.warn({ err: (error as Error).message }, 'webhooks wait to be sorted')
      if (!stopping) timer = setTimeout(goOn, delayMs)
    }
    sorting = null
    if (isIdle()) {
      for (const resolve of idle.splice(0)) resolve()
      tidySoon()
    } else if (failures === 0) kick()
  }

  /** What is done is forgotten along with the next append; where none comes, within a minute. */
  const tidySoon = (): void => {
    if (stopping || tidying !== null) return
    tidying = setTimeout(() => {
      tidying = null
      journal.tidy().catch(() => tidySoon())
    }, TIDY_MS)
  }

  /** There was a moment without others: what was taken then goes first. */
  const whenIdle = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const tooLong = (): void => reject(new PuenteError('not_stored', { retryAfterSeconds: 2 }))
      const patience = setTimeout(tooLong, IDLE_PATIENCE_MS)
      idle.push(() => {
        clearTimeout(patience)
        resolve()
      })
    })

  const goOn = (): void => {
    timer = null
    kick()
  }

  /** Where a round has failed, the next try has its time. */
  const kick = (): void => {
    if (!paused && timer === null) sorting ??= sortAll()
  }

  const store = async (raw: Buffer): Promise<void> => {
    if (!areFew()) {
      // What fell behind is sorted in its order, hence everything that comes meanwhile.
      if (options.isAlone() || journal.depth().behind) return journal.append(raw)
      if (!isIdle()) await whenIdle()
    }
    const batches = await readAll([{ raw, ref: undefined }])
    bridge.breakpoint('webhook.storing')
    for (const batch of batches) await bridge.intake.accept(batch)
    bridge.breakpoint('webhook.stored')
    await afterwards(batches)
  }

  return {
    async receive(raw) {
      options.crowd.came()
      const cameMs = bridge.clock.monotonicMs()
      try {
        await store(raw)
      } finally {
        options.crowd.stored(bridge.clock.monotonicMs() - cameMs)
      }
    },
    kick,
    async takeOver(everybody = false) {
      if (!everybody && !options.isFirst()) return
      if (await journal.takeOver(everybody)) kick()
    },
    pause(value) {
      paused = value
      if (!value) kick()
    },
    isIdle,
    async close(patienceMs) {
      stopping = true
      if (timer !== null) clearTimeout(timer)
      timer = null
      if (tidying !== null) clearTimeout(tidying)
      const untilMs = bridge.clock.monotonicMs() + patienceMs
      while (!paused && !isIdle() && bridge.clock.monotonicMs() < untilMs) {
        kick()
        await sorting
        if (failures > 0) break
      }
      paused = true
      await sorting
      await journal.tidy().catch(() => {})
    }
  }
}

/** The database was there, and would not have it; being away, slow or full says nothing about what it was given. */
function isRefusal(error: unknown): boolean {
  return error instanceof PuenteError && error.code === 'not_stored' && error.cause !== undefined
}

/** Stored already: if this fails, the polls find the change a little later. */
async function wantReadings(
  bridge: Bridge,
  { templatesOf, numbersOf }: Pick<WebhookBatch, 'templatesOf' | 'numbersOf'>
): Promise<void> {
  const ours = new Set(bridge.registry.numbers().map(number => number.wabaId))
  const of = (wabaIds: readonly string[]): string[] => [...new Set(wabaIds)].filter(wabaId => ours.has(wabaId))
  await Promise.all([
    Promise.all(of(templatesOf).map(bridge.templates.want)).catch(() => bridge.count('templates_unheard')),
    Promise.all(of(numbersOf).map(bridge.numberWatch.want)).catch(() => bridge.count('numbers_unheard'))
  ])
}
