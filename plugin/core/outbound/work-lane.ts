/**
 * Works one outbound lane: what agents, macros and bots wrote to a customer leaves in the desk's order (CW-IDS-RISE).
 * Parked answers go first once the window is open.
 */
import type { Bridge } from '../bridge.ts'
import { asPuenteError, type PuenteError } from '../errors.ts'
import {
  doneWork,
  EVENTS_PER_LANE,
  GateClosed,
  type HeldLane,
  isPictureOld,
  LaneLost,
  type Leaving,
  laterWork
} from '../lanes/hold.ts'
import type { DeliveryRecord, LaneEvent, PayloadRef, Work } from '../ports/store.ts'
import type { ServedNumber } from '../registry.ts'
import { decideAfterFailure, type FailedAttempt } from '../retry.ts'
import { type WindowState, windowState } from '../window.ts'
import { handleChange, handleRemoval } from './changes.ts'
import { deliverMessage } from './deliver.ts'
import { numberNow, parkedBefore } from './parked.ts'
import { leavePaused } from './paused.ts'

export interface OutboundRun {
  bridge: Bridge
  lane: HeldLane
  number: ServedNumber
  pending: Work[]
  window(): WindowState
  /** WhatsApp said that the window is closed: believe it. */
  closeWindow(): void
}

/** The lane has to wait although nothing failed: an outcome is outstanding, or a pace. */
export class LaneWaits extends Error {
  readonly dueInMs: number

  constructor(dueInMs: number) {
    super('lane waits')
    this.name = 'LaneWaits'
    this.dueInMs = dueInMs
  }
}

export async function workOutboundLane(bridge: Bridge, lane: HeldLane): Promise<Leaving> {
  const number = bridge.registry.number(lane.numberId)
  if (number === undefined) return { dueInMs: 60_000, strikes: lane.strikes, work: [] }
  const now = (): Date => numberNow(bridge, number)
  let refusedAt: Date | null = null
  const run: OutboundRun = {
    bridge,
    lane,
    number,
    pending: [],
    window: () => windowState({ lastInboundAt: lane.windowFrom, refusedAt, now: now() }),
    closeWindow: () => {
      refusedAt = now()
      run.pending.push({ op: 'windowClosed', numberId: number.id, customerId: lane.customerId, at: refusedAt })
      if (lane.binding?.conversationId != null)
        bridge.attributes.note(number.id, lane.binding.conversationId, {
          wa_window_expires_at: refusedAt.toISOString()
        })
    }
  }
  try {
    const paused = await leavePaused(run)
    if (paused !== null) return paused
    if (lane.parked > 0 && run.window().open) await sendParked(run)
    for (const event of lane.events) {
      // What arrived since the claim may belong before what is left: take a new picture, in order.
      if (isPictureOld(bridge, lane)) throw new LaneWaits(0)
      if (bridge.stopping()) throw new LaneWaits(0)
      if (event.dueInMs > 0) throw new LaneWaits(event.dueInMs)
      if (isAtEdge(lane, event)) throw new LaneWaits(0)
      // The desk's hooks come unordered: a younger message waits a moment for an older one.
      const holdMs = event.attempt === null ? bridge.times.hookOrderMs - event.receivedAgeMs : 0
      if (holdMs > 1) throw new LaneWaits(holdMs)
      bridge.breakpoint('outbound.claimed')
      const leaving = await workEvent(run, event)
      if (leaving !== null) return leaving
      lane.strikes = 0
    }
  } catch (thrown) {
    if (thrown instanceof LaneWaits) return { dueInMs: thrown.dueInMs, strikes: lane.strikes, work: run.pending }
    if (thrown instanceof GateClosed) return { dueInMs: thrown.delayMs, strikes: lane.strikes, work: run.pending }
    if (thrown instanceof LaneLost) throw thrown
    const error = asPuenteError(thrown)
    if (error.code === 'internal') bridge.log.error({ lane: lane.id, err: error.cause }, 'outbound lane failed')
    return { dueInMs: 5_000, strikes: lane.strikes + 1, work: run.pending }
  }
  return { dueInMs: null, strikes: 0, work: run.pending }
}

async function workEvent(run: OutboundRun, event: LaneEvent): Promise<Leaving | null> {
  try {
    if (event.kind === 'retry') await handleChange(run, event)
    else if (event.kind === 'removal') await handleRemoval(run, event)
    else await sendNew(run, event)
    run.pending.push(doneWork(run.lane, event, 1))
    return null
  } catch (thrown) {
    if (thrown instanceof LaneLost || thrown instanceof LaneWaits || thrown instanceof GateClosed) throw thrown
    return settleFailure(run, event, asPuenteError(thrown))
  }
}

/** The last of a full picture: whether it was removed lies beyond, in the next one. */
function isAtEdge({ events }: HeldLane, event: LaneEvent): boolean {
  return events.length >= EVENTS_PER_LANE && event === events.at(-1)
}

/** Its removal is among what waits in its lane. */
export function isRemoved(waiting: readonly LaneEvent[], messageId: number): boolean {
  return waiting.some(event => event.kind === 'removal' && event.ord === messageId)
}

async function sendNew(run: OutboundRun, event: LaneEvent): Promise<void> {
  const { bridge } = run
  // Deleted in the desk: nothing more of it leaves, and the removal says what has left already.
  if (isRemoved(run.lane.events, event.ord)) return
  const hook = bridge.readHook(await bridge.lanes.payload(event))
  if (hook.kind !== 'message') return
  await deliverMessage(run, {
    messageId: event.ord,
    generation: 1,
    payload: event,
    hook,
    resumed: event.attempt !== null,
    event,
    waitedMs: event.receivedAgeMs
  })
}

async function sendParked(run: OutboundRun): Promise<void> {
  const { bridge, lane } = run
  const parked = await bridge.deliveries.parkedIn(lane.id)
  const before = parkedBefore(bridge, run.number)
  for (const delivery of parked) {
    if (delivery.parkedAt !== null && delivery.parkedAt < before) continue
    if (isRemoved(run.lane.events, delivery.messageId)) continue
    const hook = bridge.readHook(await bridge.lanes.payload(delivery))
    if (hook.kind !== 'message') continue
    await deliverAgain(run, delivery, hook, null)
    bridge.count('parked_sent')
  }
}

/** A delivery that exists already: parked before, or a person pressed Retry. */
export async function deliverAgain(
  run: OutboundRun,
  delivery: DeliveryRecord,
  hook: Extract<ReturnType<Bridge['readHook']>, { kind: 'message' }>,
  waitedMs: number | null
): Promise<void> {
  const payload: PayloadRef = {
    pageDay: delivery.pageDay,
    pageId: delivery.pageId,
    offset: delivery.offset,
    length: delivery.length
  }
  await deliverMessage(run, {
    messageId: delivery.messageId,
    generation: delivery.generation,
    payload,
    hook,
    resumed: true,
    event: null,
    waitedMs
  })
}

function factsOf(error: PuenteError): FailedAttempt {
  const { code, certainty, remedy, scope, retryAfterSeconds } = error
  return { code, certainty, remedy, scope, retryAfterSeconds }
}

/** A failure outside the send itself (reading the desk, a defect): the event waits or is set aside and shown. */
function settleFailure(run: OutboundRun, event: LaneEvent, error: PuenteError): Leaving | null {
  const { bridge, lane } = run
  const attempt = event.attempts + lane.strikes + 1
  const decision = decideAfterFailure({
    // Sends settle their own uncertainty; what comes here (reading the desk, an upload) is harmless twice.
    error: { ...factsOf(error), certainty: 'did_not_happen' },
    attempt,
    firstTriedAt: event.receivedAt,
    now: new Date(event.receivedAt.getTime() + event.receivedAgeMs),
    random: bridge.random
  })
  const facts = { ...error.facts, stage: error.stage }
  const log = { number: lane.numberId, lane: lane.id, event: event.seq, code: error.code, facts, attempt }
  if (error.code === 'internal') bridge.log.error({ ...log, err: error.cause ?? error }, 'outbound item failed')
  if (decision.do === 'stop') {
    bridge.log.warn(log, 'outbound item set aside')
    bridge.count('set_aside', { code: error.code })
    run.pending.push(doneWork(lane, event, 2, error.code, facts))
    run.pending.push({
      op: 'state',
      numberId: lane.numberId,
      messageId: event.ord,
      state: 'failed',
      code: error.code,
      facts,
      tickInMs: 0
    })
    return null
  }
  bridge.log.info({ ...log, afterMs: decision.delayMs }, 'outbound item waits')
  return {
    dueInMs: decision.delayMs,
    strikes: lane.strikes + 1,
    work: [...run.pending, laterWork(lane, event, decision.delayMs, { code: error.code, facts })]
  }
}
