/** A lane as a worker holds it: the claim, and whether it is still ours. */
import type { Bridge } from '../bridge.ts'
import type { Permit } from '../desk/permits.ts'
import type { Binding, ClaimedLane, LaneEvent, Work } from '../ports/store.ts'

export interface HeldLane extends ClaimedLane {
  /** Set when the lease was lost or the process stops: nothing may leave any more. */
  lost: boolean
  /** When its picture was taken, by the monotonic clock. */
  readonly claimedMs: number
  /** Reserved before the claim, which was the attempt (`attempted`); gone when it is used, or was not at once. */
  permit: Permit | null
}

/** So long a lane's permit is kept for it, milliseconds: whoever does something else first asks for one when it is time. */
export const RESERVED_MS = 100

/**
 * How many waiting events are read with a lane; a lane that had so many is looked at again at once. As many as a busy
 * desk takes of one customer while a picture is fresh: what is read beyond that is read in vain.
 */
export const EVENTS_PER_LANE = 8

/** How a worker leaves its lane. `work` is committed together with the release. */
export interface Leaving {
  /** null = nothing waits (or what waits is due now, which the store sees by itself). */
  dueInMs: number | null
  strikes: number
  work: Work[]
}

/**
 * A lane is worked from the picture of its claim no longer than this, milliseconds: a redelivery that comes meanwhile
 * may be older than what is left.
 */
export const PICTURE_MS = 750

/** The lane belongs to somebody else now: stop at once, write nothing. */
export class LaneLost extends Error {
  constructor() {
    super('lane lost')
    this.name = 'LaneLost'
  }
}

/** The customer's other direction has changed the binding: take a new picture, and decide anew. */
export class BindingMoved extends Error {
  constructor() {
    super('binding moved')
    this.name = 'BindingMoved'
  }
}

/** Something shared is paused: come back after so long. */
export class GateClosed extends Error {
  readonly delayMs: number

  constructor(delayMs: number) {
    super('gate closed')
    this.name = 'GateClosed'
    this.delayMs = delayMs
  }
}

/** Something older has come into the lane since its picture was taken: take a new one. */
export class PictureOld extends GateClosed {
  constructor() {
    super(0)
  }
}

/** Whether the picture has to be taken anew before the lane's next item. */
export function isPictureOld(bridge: Pick<Bridge, 'clock'>, lane: HeldLane): boolean {
  return bridge.clock.monotonicMs() - lane.claimedMs > PICTURE_MS
}

/**
 * An item that has waited for a permit or for its pace goes out only if nothing older has come meanwhile.
 * @throws PictureOld
 */
export async function awaitTurn(bridge: Pick<Bridge, 'clock' | 'lanes'>, lane: HeldLane, event: LaneEvent) {
  if (!isPictureOld(bridge, lane)) return
  const before = await bridge.lanes.waitingBefore(lane.id, event)
  if (before.some(seq => lane.events.every(known => known.seq !== seq))) throw new PictureOld()
}

export function dropPermit(lane: HeldLane): void {
  lane.permit?.release('unused')
  lane.permit = null
}

export function holdOf(lane: ClaimedLane): { lane: number; fence: number } {
  return { lane: lane.id, fence: lane.fence }
}

/** The binding as this worker now knows it; written only if nobody has changed it since it was read. */
export function bindingWork(lane: ClaimedLane, binding: Binding): Work {
  const work: Work = {
    op: 'binding',
    numberId: lane.numberId,
    customerId: lane.customerId,
    hold: holdOf(lane),
    binding: { ...binding }
  }
  binding.stored = binding.conversationId
  return work
}

/** The event waits; it is not looked at again before so long. */
export function laterWork(
  lane: ClaimedLane,
  event: LaneEvent,
  afterMs: number,
  more: { code?: string; facts?: object; voidAttempt?: boolean } = {}
): Work {
  return {
    op: 'later',
    event: { day: event.day, numberId: event.numberId, key: event.key },
    hold: holdOf(lane),
    afterMs,
    voidAttempt: false,
    ...more
  }
}

export function doneWork(lane: ClaimedLane, event: LaneEvent, state: 1 | 2 | 3, code?: string, facts?: object): Work {
  return {
    op: 'done',
    event: { day: event.day, numberId: event.numberId, key: event.key },
    hold: holdOf(lane),
    state,
    code,
    facts
  }
}
