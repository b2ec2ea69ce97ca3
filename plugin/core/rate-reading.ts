/**
 * Reads once a day what each WABA paid lately, so that the tab can say what a template will cost. Of several processes
 * one reads. A comfort: a failure is kept for the doctor and holds up nothing.
 */
import { askWithAnyToken, numbersByWaba } from './any-token.ts'
import type { Bridge } from './bridge.ts'
import { asPuenteError } from './errors.ts'
import { numberNow } from './outbound/parked.ts'
import type { RateSource, RateStore } from './ports/rates.ts'
import type { ServedNumber } from './registry.ts'

export interface RateReading {
  /** Reads what is due; answers how many WABAs were. */
  run(): Promise<number>
}

/** Enough for accounts that send little, and new prices show soon. */
const PERIOD_DAYS = 30
const DAY_MS = 86_400_000
/** Longer than one call takes. */
const LEASE_MS = 120_000

export function createRateReading(deps: {
  bridge: Bridge
  store: RateStore
  source: RateSource
  /** Who we are among the processes. */
  processId: string
}): RateReading {
  const { bridge, store, source, processId } = deps

  const renew = async (wabaId: string, numbers: ServedNumber[]): Promise<void> => {
    const now = numbers[0] === undefined ? bridge.clock.now() : numberNow(bridge, numbers[0])
    // Whole days of UTC, as Meta counts them: of the running one the cost may still lack.
    const to = new Date(Math.floor(now.getTime() / DAY_MS) * DAY_MS)
    const period = { from: new Date(to.getTime() - PERIOD_DAYS * DAY_MS), to }
    try {
      const rates = await askWithAnyToken(numbers, access => source.read(access, wabaId, period))
      await store.keep(wabaId, processId, rates, bridge.times.ratePollMs)
    } catch (thrown) {
      const error = asPuenteError(thrown)
      bridge.count('rates_failed', { code: error.code })
      const facts = { waba: wabaId, code: error.code, ...(error.code === 'internal' ? { err: error.cause } : {}) }
      bridge.log.info(facts, 'what messages cost was not read, comes again')
      const passes = error.remedy === 'retry' || error.remedy === 'wait'
      await store.fail(wabaId, processId, error.code, passes ? bridge.times.rateAgainMs : bridge.times.ratePollMs)
    }
  }

  return {
    async run() {
      const byWaba = numbersByWaba(bridge.registry)
      const due = await store.claim([...byWaba.keys()], processId, LEASE_MS)
      for (const wabaId of due) await renew(wabaId, byWaba.get(wabaId) ?? [])
      return due.length
    }
  }
}
