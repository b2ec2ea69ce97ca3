/**
 * Works one inbound lane: each waiting fact of a customer is rendered and written to the desk, in order. What fails
 * for a while keeps its lane waiting; what cannot be processed is set aside with its reason and never blocks.
 */
import type { Bridge } from '../bridge.ts'
import { asPuenteError, type PuenteError } from '../errors.ts'
import {
  BindingMoved,
  doneWork,
  GateClosed,
  type HeldLane,
  isPictureOld,
  LaneLost,
  type Leaving,
  laterWork
} from '../lanes/hold.ts'
import type { InboundFact } from '../model.ts'
import type { Binding, LaneEvent, Work } from '../ports/store.ts'
import type { ServedNumber } from '../registry.ts'
import { decideAfterFailure } from '../retry.ts'
import { laterInbound, opensWindowAt } from '../window.ts'
import { FileWaits } from './files.ts'
import { learnIds } from './learn.ts'
import { prepareDraft } from './prepare.ts'
import { usageOf } from './usage.ts'
import { writeDraft } from './write.ts'

/** What a lane's worker knows while it works; the binding is what it believes the desk has. */
export interface InboundRun {
  bridge: Bridge
  lane: HeldLane
  number: ServedNumber
  binding: Binding
  /** To be committed with the next record. */
  pending: Work[]
  /** The event of which this run has committed an attempt: only its own failure can make an attempt void. */
  attempted: LaneEvent | null
  /** The event of which the claim was the attempt, until it is used or another one is made. */
  claimed: LaneEvent | null
  /** The same before the newest attempt: what counts when that one was not recorded. */
  attemptedBefore: LaneEvent | null
}

export async function workInboundLane(bridge: Bridge, lane: HeldLane): Promise<Leaving> {
  const number = bridge.registry.number(lane.numberId)
  // Disconnected meanwhile: what waits stays, and goes on when the number is connected again.
  if (number === undefined) return { dueInMs: 60_000, strikes: lane.strikes, work: [] }
  const claimed = lane.events.find(event => event.seq === lane.attempted?.seq) ?? null
  const run: InboundRun = {
    bridge,
    lane,
    number,
    binding: lane.binding ?? {
      contactId: null,
      sourceId: null,
      conversationId: null,
      conversationStatus: null,
      lastMessageId: 0,
      stored: null
    },
    pending: [],
    attempted: claimed,
    claimed,
    attemptedBefore: null
  }
  const leave = (dueInMs: number): Leaving => ({
    dueInMs,
    strikes: lane.strikes,
    work: [...run.pending, ...unused(run)]
  })
  for (const event of lane.events) {
    // What arrived since the claim may belong before what is left: take a new picture, in order.
    if (isPictureOld(bridge, lane) || bridge.stopping()) return leave(0)
    if (event.dueInMs > 0) return leave(event.dueInMs)
    bridge.breakpoint('inbound.claimed')
    try {
      await deliverEvent(run, event)
    } catch (thrown) {
      if (thrown instanceof LaneLost) throw thrown
      if (thrown instanceof BindingMoved) return lookAnew(run, event)
      if (thrown instanceof GateClosed) return leave(thrown.delayMs)
      if (thrown instanceof FileWaits) return comeBack(run, event, thrown.error, thrown.delayMs, false)
      const leaving = await settleFailure(run, event, asPuenteError(thrown))
      if (leaving !== null) return leaving
    }
    lane.strikes = 0
  }
  return { dueInMs: null, strikes: 0, work: run.pending }
}

async function readEvent(bridge: Bridge, event: LaneEvent): Promise<InboundFact> {
  return datedBy(event, bridge.readFact(await bridge.lanes.payload(event)))
}

async function deliverEvent(run: InboundRun, event: LaneEvent): Promise<void> {
  const { bridge, lane } = run
  const fact = await readEvent(bridge, event)
  learnIds(run, fact)
  await noteConsent(run, fact)
  const drafts = await prepareDraft(run, event, fact)
  let code: string | undefined
  for (const [step, draft] of drafts.entries()) {
    if (step < doneSteps(event)) continue
    const written = await writeDraft(run, event, fact, draft, step)
    code ??= written.code
    // It did what it should: the failure of a later step must not make it void.
    run.attempted = null
  }
  noteUsage(run, fact)
  run.pending.push(doneWork(lane, event, drafts.length === 0 ? 3 : 1, code))
  bridge.count('inbound_delivered', { kind: fact.kind })
}

/** Written also for what is set aside: the customer has written, whether or not the desk shows it (S60). */
function noteUsage({ bridge, lane, number, pending }: InboundRun, fact: InboundFact): void {
  const usage = usageOf(number.id, fact, lane.sessionFrom, bridge.registry.offsetMs(number.id))
  if (usage !== null) pending.push({ op: 'usage', usage })
  lane.sessionFrom = laterInbound(lane.sessionFrom, opensWindowAt(fact))
}

/** Kept for whoever is about to send a marketing template; the same word twice changes nothing. */
async function noteConsent({ bridge, number, lane }: InboundRun, fact: InboundFact): Promise<void> {
  if (fact.kind !== 'preference' || fact.category !== 'marketing_messages') return
  const marketing = fact.value === 'stop' ? 'stopped' : 'resumed'
  await bridge.consents.note(number.id, lane.customerId, marketing, fact.at)
}

/** A time that cannot be (none, zero, next year) was put right when the event was stored; that one counts everywhere. */
function datedBy(event: LaneEvent, fact: InboundFact): InboundFact {
  if (fact.kind !== 'message' && fact.kind !== 'echo') return fact
  return { ...fact, message: { ...fact.message, at: event.occurredAt } }
}

/** Drafts of this event that an earlier attempt has certainly written. */
function doneSteps(event: LaneEvent): number {
  return Number(event.attempt?.['step'] ?? 0)
}

/** The claim's own attempt was not made: nobody has to look for what it wrote. */
function unused({ claimed, lane }: InboundRun): Work[] {
  return claimed === null ? [] : [laterWork(lane, claimed, 0, { voidAttempt: true })]
}

/** The attempt was not recorded, so nothing is under way; how an earlier one of this step ended is known. */
function lookAnew(run: InboundRun, event: LaneEvent): Leaving {
  const { lane } = run
  const again = laterWork(lane, event, 0, { voidAttempt: run.attemptedBefore === event })
  return { dueInMs: 0, strikes: lane.strikes, work: [...run.pending, again] }
}

/** Null = the event was set aside and the lane goes on; otherwise how the lane is left. */
async function settleFailure(run: InboundRun, event: LaneEvent, error: PuenteError): Promise<Leaving | null> {
  const { bridge, lane } = run
  const attempt = event.attempts + 1
  const mayBeThere = error.certainty === 'may_have_happened'
  const decision = decideAfterFailure({
    error,
    attempt,
    firstTriedAt: event.receivedAt,
    now: new Date(event.receivedAt.getTime() + event.receivedAgeMs),
    random: bridge.random
  })
  const facts = { ...error.facts, stage: error.stage }
  const log = { number: lane.numberId, lane: lane.id, event: event.seq, code: error.code, facts, attempt }
  if (error.code === 'internal') bridge.log.error({ ...log, err: error.cause ?? error }, 'inbound item failed')
  // Waiting brings no inbox back: what was meant for it is set aside, and can be replayed into the next one (H5).
  const lost = error.code === 'desk_inbox_gone'
  if (lost || (decision.do === 'stop' && !mayBeThere)) {
    bridge.log.warn(log, 'inbound item set aside')
    bridge.count('set_aside', { code: error.code })
    // Perhaps it is set aside because it cannot be read.
    const fact = await readEvent(bridge, event).catch(() => null)
    if (fact !== null) noteUsage(run, fact)
    run.pending.push(doneWork(lane, event, 2, error.code, facts))
    return null
  }
  const afterMs = decision.do === 'stop' ? bridge.times.deskSettleMs : decision.delayMs
  // What may be at the desk already is looked up before it is written again.
  return comeBack(run, event, error, afterMs, !mayBeThere && run.attempted === event)
}

/** Leaves the lane with this event first; what it waits for is kept with it. */
function comeBack(
  run: InboundRun,
  event: LaneEvent,
  error: PuenteError,
  afterMs: number,
  voidAttempt: boolean
): Leaving {
  const { bridge, lane } = run
  const facts = { ...error.facts, stage: error.stage }
  bridge.log.info(
    { number: lane.numberId, lane: lane.id, event: event.seq, code: error.code, facts, afterMs },
    'inbound item waits'
  )
  return {
    dueInMs: afterMs,
    strikes: lane.strikes + 1,
    work: [
      ...run.pending,
      laterWork(lane, event, afterMs, { code: error.code, facts, voidAttempt: voidAttempt || run.claimed === event })
    ]
  }
}
