/**
 * Reads on a slow beat, and soon after Meta announced a change, what Meta thinks of each number: standing, quality,
 * pace, limits. Of several processes one reads. Judges nothing, and holds up nothing when it fails.
 */
import { numbersByWaba } from './any-token.ts'
import type { Bridge } from './bridge.ts'
import { asPuenteError } from './errors.ts'
import type { NumberWatchStore } from './ports/number-watch.ts'
import type { ServedNumber } from './registry.ts'

export interface NumberWatch {
  /** Reads what is due; answers how many WABAs were. */
  run(): Promise<number>
  /** Something changed at Meta: noted, and read in the background. */
  want(wabaId: string): Promise<void>
}

/** Longer than all numbers of a WABA take side by side. */
const LEASE_MS = 120_000

export function createNumberWatch(deps: {
  bridge: Bridge
  store: NumberWatchStore
  /** Who we are among the processes. */
  processId: string
}): NumberWatch {
  const { bridge, store, processId } = deps

  /** Why it was not read; null when it was. */
  const read = async (number: ServedNumber): Promise<string | null> => {
    try {
      const facts = await bridge.channel.readNumber(number.access)
      const changed = await store.keep(number.id, facts)
      const { status, quality, canSend, throughputPerSecond } = facts
      const told = { number: number.id, status, quality, canSend, throughputPerSecond }
      if (changed) bridge.log.info(told, 'Meta sees the number differently')
      return null
    } catch (thrown) {
      const error = asPuenteError(thrown)
      bridge.count('number_unread', { code: error.code })
      const facts = { number: number.id, code: error.code, ...(error.code === 'internal' ? { err: error.cause } : {}) }
      bridge.log.info(facts, 'the standing of a number was not read, comes again')
      return error.code
    }
  }

  const run = async (): Promise<number> => {
    const byWaba = numbersByWaba(bridge.registry)
    // What was announced while it was being read is due again right afterwards.
    for (let count = 0; ; ) {
      const due = await store.claim([...byWaba.keys()], processId, LEASE_MS)
      if (due.length === 0) return count
      count += due.length
      for (const wabaId of due) {
        const codes = await Promise.all((byWaba.get(wabaId) ?? []).map(read))
        const code = codes.find(each => each !== null) ?? null
        await store.settle(wabaId, processId, { nextInMs: bridge.times.numberPollMs, code })
      }
    }
  }

  return {
    run,
    async want(wabaId) {
      await store.want(wabaId)
      bridge.background(async () => void (await run()))
    }
  }
}
