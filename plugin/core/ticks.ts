/**
 * Tells the desk what became of messages: ticks and failures. Several steps in a burst are one call; `sent` needs none,
 * since rows are born sent (CW-BORN-SENT). Ticks yield to messages, failures do not: somebody has to do something about
 * them. A delivery that WhatsApp refused for the window becomes parked.
 */
import type { Bridge } from './bridge.ts'
import { type Receipt, tickNeeded, visibleStatus } from './delivery.ts'
import { callDesk } from './desk/call.ts'
import { PRIORITY } from './desk/permits.ts'
import { asPuenteError, ERROR_TABLE, type ErrorCode, PuenteError } from './errors.ts'
import { GateClosed } from './lanes/hold.ts'
import { numberNow } from './outbound/parked.ts'
import type { VisibleStatus } from './ports/help-desk.ts'
import type { ReceiptRecord, Tick } from './ports/store.ts'
import { describeFailure } from './texts/describe.ts'

/**
 * A tick waits no longer for its turn: those that come after it may be failures, which do not wait. Turn and call together
 * must be over long before its lease is, or a younger tick of the same message could be told before it.
 */
const YIELD_MS = 2_000

const STATES = ['none', 'sent', 'failed', 'delivered', 'read', 'played'] as const

/** What the desk should show for a delivery, and why when it failed. */
export function decideTick(
  tick: Tick,
  nameFailure: (failure: NonNullable<ReceiptRecord['failure']>) => ErrorCode
): { status: VisibleStatus; code: ErrorCode | null; metaCode: number | null } {
  const { delivery, receipts } = tick
  // Of each part the newest generation counts: a person's Retry starts anew.
  const newest = new Map<number, ReceiptRecord>()
  for (const receipt of receipts) {
    const known = newest.get(receipt.part)
    if (known === undefined || receipt.generation >= known.generation) newest.set(receipt.part, receipt)
  }
  // A failure of an earlier generation is history: the new one is on its way.
  const counts = (receipt: ReceiptRecord): boolean =>
    !(receipt.rank === 2 && receipt.generation < delivery.generation && delivery.state !== 'sent')
  const parts: Receipt[] = [...newest.values()].map(receipt => ({
    state: counts(receipt) ? (STATES[receipt.rank] ?? 'none') : 'none'
  }))
  for (let missing = parts.length; missing < delivery.parts; missing++) parts.push({ state: 'none' })
  const failed = [...newest.values()].find(receipt => receipt.rank === 2 && counts(receipt))
  if (delivery.code !== null && delivery.state !== 'sent') {
    return { status: 'failed', code: delivery.code as ErrorCode, metaCode: null }
  }
  const status = visibleStatus(parts)
  if (status !== 'failed') return { status, code: null, metaCode: null }
  const failure = failed?.failure ?? null
  return {
    status,
    code: failure === null ? 'wa_refused' : nameFailure(failure),
    metaCode: failure?.code ?? null
  }
}

export interface Ticks {
  /** Tells what is due; answers how many were told. */
  run(): Promise<number>
}

export function createTicks(
  bridge: Bridge,
  nameFailure: (failure: NonNullable<ReceiptRecord['failure']>) => ErrorCode
): Ticks {
  const tell = async (tick: Tick): Promise<void> => {
    const { delivery } = tick
    const number = bridge.registry.number(delivery.numberId)
    if (number === undefined) return bridge.deliveries.tickLater(delivery, 60_000)
    // Statuses have named every part of what was uncertain: it was sent after all.
    if (delivery.state === 'uncertain' && tick.accepted >= Math.max(1, delivery.parts)) {
      await bridge.deliveries.setState(delivery.numberId, delivery.messageId, 'sent', null, null)
      delivery.state = 'sent'
      delivery.code = null
    }
    const decided = decideTick(tick, nameFailure)
    const reference = { numberId: delivery.numberId, messageId: delivery.messageId, version: tick.version }
    if (decided.code === 'wa_window_closed' && delivery.state === 'sent') {
      // Told by a status instead of an answer: the same rule (131047).
      await bridge.deliveries.parkRefused(delivery.numberId, delivery.messageId, numberNow(bridge, number))
      bridge.wake()
      bridge.count('parked')
      return bridge.deliveries.tickLater(delivery, 0)
    }
    const told = delivery.told as VisibleStatus
    const other = decided.status === 'failed' && told === 'failed' && decided.code !== tick.toldCode
    if (!tickNeeded(decided.status, told) && !other) {
      return bridge.deliveries.told(reference, told, tick.toldCode)
    }
    const turn =
      decided.status === 'failed'
        ? { priority: PRIORITY.agent }
        : { priority: PRIORITY.tick, yieldMs: YIELD_MS * bridge.timeFactor }
    const reason =
      decided.code === null
        ? undefined
        : describeFailure(number.language, asKnown(decided.code, tick, decided.metaCode), decided.metaCode)
    try {
      await callDesk(bridge, {
        deskId: number.deskId,
        access: number.deskAccess,
        ...turn,
        run: access =>
          bridge.desk.setStatus(access, delivery.conversationId, delivery.messageId, decided.status, reason)
      })
      bridge.breakpoint('tick.told')
      bridge.count('ticks', { status: decided.status })
      if (decided.code !== null)
        bridge.attributes.note(number.id, delivery.conversationId, { wa_last_error: decided.code })
      await bridge.deliveries.told(reference, decided.status, decided.code)
    } catch (thrown) {
      if (thrown instanceof GateClosed) return bridge.deliveries.tickLater(delivery, thrown.delayMs)
      const error = asPuenteError(thrown)
      // A row or conversation that is gone needs no tick any more.
      if (error.code === 'desk_not_found') return bridge.deliveries.told(reference, decided.status, decided.code)
      const afterMs = error.code === 'desk_flood' ? 20_000 : 5_000 * (1 + bridge.random())
      await bridge.deliveries.tickLater(delivery, afterMs)
    }
  }

  return {
    async run() {
      const blocked = bridge.gates.closed('desk:').map(key => Number(key.slice('desk:'.length)))
      const ticks = await bridge.deliveries.claimTicks(100, blocked)
      await Promise.all(
        ticks.map(tick =>
          tell(tick).catch(error => bridge.log.warn({ err: asPuenteError(error).code }, 'tick not told, comes again'))
        )
      )
      return ticks.length
    }
  }
}

/** Facts are those of our own refusal; a failure that WhatsApp reported later has its own words. */
function asKnown(code: ErrorCode, tick: Tick, metaCode: number | null): PuenteError {
  if (!(code in ERROR_TABLE)) return new PuenteError('wa_refused')
  return new PuenteError(code, { facts: metaCode === null ? (tick.facts ?? {}) : {} })
}
