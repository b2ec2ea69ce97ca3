/**
 * The pump: claims due lanes, has them worked, releases them, keeps their leases alive. One per process; wake-ups
 * coalesce, and a sweep finds what a lost wake-up left lying. Leaves out what a lane's work is.
 */
import type { Bridge } from '../bridge.ts'
import type { Permit } from '../desk/permits.ts'
import { pauseOf } from '../gates.ts'
import type { ClaimedLane } from '../ports/store.ts'
import { dropPermit, EVENTS_PER_LANE, type HeldLane, holdOf, LaneLost, type Leaving, RESERVED_MS } from './hold.ts'

export interface PumpOptions {
  bridge: Bridge
  workInbound: (lane: HeldLane) => Promise<Leaving>
  workOutbound: (lane: HeldLane) => Promise<Leaving>
  /** False while this process may not work on lanes at all (others have all the calls that the desk may get). */
  mayClaim?: () => boolean
  /**
   * Most inbound lanes of a desk that this process should hold (default: any number). What it holds beyond what the desk's
   * permits can work on soon would wait here while another desk, or another process, has nothing to do.
   */
  mostHeld?: (deskId: number) => number
  /** What part of its places for inbound lanes it may use now, 0 to 1 (default 1); the smaller, the longer it rests. */
  part?: () => number
}

/** Places for lanes of a desk, each with the permit for its first call. */
export interface Reservation {
  size: number
  /** Works on these, held since `claimedMs` by the monotonic clock, and gives the other places back. */
  begin(lanes: ClaimedLane[], claimedMs: number): void
}

export interface Pump {
  /** Of at most so many inbound lanes of a desk, those that this process can work on at once when it is given them. */
  reserve(deskId: number, most: number): Reservation
  /** Look soon; cheap, coalesced. */
  kick(): void
  /** Look again after so long. */
  lookIn(ms: number): void
  /** Claims nothing more and waits for what is in work, at most so long; what remains is given up to its lease. */
  stop(patienceMs: number): Promise<void>
  held(): number
  pause(paused: boolean): void
}

/** Inbound lanes held at a time. */
const CAPACITY = 128
/** Places of their own, so that no answer waits behind a crowd of customers. */
const ANSWERS = 64
/** A claim for one free place would cost as much as one for many. */
const WORTH_CLAIMING = 32
const WORTH_ANSWERS = 8
/**
 * A desk that answers at once makes few lanes as busy as many: where delivery holds back, it also rests between two claims,
 * so long for each further share that it leaves to others.
 */
const REST_MS = 16
/** For so long at a time, then it looks whether the crowd has gone. */
const REST_AT_MOST_MS = 100
/**
 * While a crowd has all its places, whether others have something due is asked no more often than this; each look in vain
 * doubles the time, so often at most. A due time that this process knows of (an answer always has one) starts it anew.
 */
const GUESS_EVERY_MS = 15
const MOST_VAIN_GUESSES = 3
const SECOND_LOOK_MS = 5
/** Due times that are kept in memory. */
const MOST_DUES = 1_000
/** Where several are due one after the other, one claim takes them; half of this is what an answer waits for it. */
const COMMON_GRAIN_MS = 12

export function createPump(options: PumpOptions): Pump {
  const { bridge } = options
  const part = (): number => options.part?.() ?? 1
  const capacity = (): number => Math.ceil(CAPACITY * part())
  const held = new Map<number, HeldLane>()
  const heldInbound = new Map<number, number>()
  let heldOutbound = 0
  let wanted = false
  // The database's clock may be a moment behind the timer that went off for it: then one more look.
  let timed = false
  let secondLook = false
  let claiming = false
  let stopping = false
  let paused = false
  let claimedAtMs = Number.NEGATIVE_INFINITY
  let tookInboundMs = Number.NEGATIVE_INFINITY
  let vainGuesses = 0
  let guessing: NodeJS.Timeout | null = null
  /** Of these more may be due than the last claim had room for. */
  const crowded = new Set<number | 'answers'>()
  const idleWaiters: (() => void)[] = []

  const work = async (lane: HeldLane): Promise<void> => {
    const side = lane.outbound ? 'answers' : lane.deskId
    try {
      const leaving = lane.outbound ? await options.workOutbound(lane) : await options.workInbound(lane)
      // What did not fit into the claim is due now.
      const dueInMs = leaving.dueInMs ?? (lane.events.length >= EVENTS_PER_LANE ? 0 : null)
      bridge.breakpoint('lane.leaving')
      await bridge.recorder.record([
        ...leaving.work,
        {
          op: 'release',
          hold: holdOf(lane),
          arrivals: lane.arrivals,
          dueInMs,
          strikes: leaving.strikes,
          sessionFrom: lane.sessionFrom,
          readWamid: lane.readWamid
        }
      ])
      bridge.breakpoint('lane.released')
      if (dueInMs !== null) schedule(dueInMs)
    } catch (error) {
      if (!(error instanceof LaneLost))
        bridge.log.error({ lane: lane.id, err: error }, 'lane given up, its lease will end')
    } finally {
      dropPermit(lane)
      leave(lane)
      if (crowded.has(side) && roomOf(side) > 0) wanted = true
      if (held.size === 0) for (const resolve of idleWaiters.splice(0)) resolve()
      if (wanted && !claiming) queueMicrotask(() => void claim())
    }
  }

  const enter = (lane: HeldLane): void => {
    const before = held.get(lane.id)
    if (before !== undefined) {
      // Its lease ended while it was worked on here.
      before.lost = true
      leave(before)
    }
    held.set(lane.id, lane)
    if (lane.outbound) heldOutbound++
    else heldInbound.set(lane.deskId, (heldInbound.get(lane.deskId) ?? 0) + 1)
  }

  const leave = (lane: HeldLane): void => {
    if (held.get(lane.id) !== lane) return
    held.delete(lane.id)
    if (lane.outbound) heldOutbound--
    else heldInbound.set(lane.deskId, heldInbound.get(lane.deskId)! - 1)
  }

  const placesOf = (side: number | 'answers'): { mine: number; most: number; free: number } => {
    if (side === 'answers') return { mine: heldOutbound, most: ANSWERS, free: ANSWERS - heldOutbound }
    const mine = heldInbound.get(side) ?? 0
    const most = Math.min(capacity(), options.mostHeld?.(side) ?? CAPACITY)
    return { mine, most, free: Math.min(most - mine, capacity() - (held.size - heldOutbound)) }
  }

  /** Places for lanes of this desk, or for answers, that are worth a claim; otherwise 0. */
  const roomOf = (side: number | 'answers'): number => {
    const inbound = side !== 'answers'
    const { mine, most, free } = placesOf(side)
    const worth = mine === 0 ? 1 : Math.min(inbound ? WORTH_CLAIMING : WORTH_ANSWERS, Math.ceil(most / 2))
    return free >= worth ? free : 0
  }

  /** Those whose claim was an attempt get a permit; what is left of the permits, or not used at once, is given back. */
  const begin = (lanes: ClaimedLane[], claimedMs: number, permits: Map<number, Permit[]>): void => {
    bridge.breakpoint('lane.claimed')
    const ready: HeldLane[] = []
    for (const lane of lanes) {
      const permit = lane.attempted === null ? undefined : permits.get(lane.deskId)?.pop()
      const mine = { ...lane, lost: false, claimedMs, permit: permit ?? null }
      if (permit !== undefined) ready.push(mine)
      enter(mine)
      void work(mine)
    }
    giveBack(permits)
    if (ready.length > 0) setTimeout(() => ready.forEach(dropPermit), RESERVED_MS)
  }

  const giveBack = (permits: Map<number, Permit[]>): void => {
    for (const each of permits.values()) for (const permit of each.splice(0)) permit.release('unused')
  }

  /** What a claim would ask for. Desks share what is free, so that none takes all. */
  const rooms = (isResting: boolean): { inbound: { deskId: number; room: number }[]; outbound: number } => {
    const shut = new Set(idsOf('desk:'))
    const open = bridge.registry
      .desks()
      .flatMap(({ id }) => (shut.has(id) ? [] : [{ deskId: id, room: isResting ? 0 : roomOf(id) }]))
    for (const { deskId, room } of open) if (room === 0) crowded.add(deskId)
    const asking = open.filter(({ room }) => room > 0)
    const share = Math.ceil((capacity() - (held.size - heldOutbound)) / Math.max(1, asking.length))
    const outbound = roomOf('answers')
    if (outbound === 0) crowded.add('answers')
    return { inbound: asking.map(({ deskId, room }) => ({ deskId, room: Math.min(room, share) })), outbound }
  }

  const claim = async (): Promise<void> => {
    if (claiming || stopping || paused || options.mayClaim?.() === false) return
    const claimedMs = bridge.clock.monotonicMs()
    const restMs = tookInboundMs + REST_MS * (1 / part() - 1) - claimedMs
    if (restMs > 0) schedule(Math.min(restMs, REST_AT_MOST_MS))
    const { inbound, outbound } = rooms(restMs > 0)
    if (inbound.length === 0 && outbound === 0) return
    // Some have no room, and of the others nothing is known to wait: whether something does is not asked at each wake-up.
    const isGuess = !inbound.some(({ deskId }) => crowded.has(deskId)) && !(outbound > 0 && crowded.has('answers'))
    const everyMs = GUESS_EVERY_MS * 2 ** vainGuesses
    const waitMs = crowded.size > 0 && isGuess ? claimedAtMs + everyMs - claimedMs : 0
    if (waitMs > 0) return guessIn(waitMs)
    claiming = true
    claimedAtMs = claimedMs
    if (inbound.length > 0) tookInboundMs = claimedMs
    wanted = false
    const again = timed
    timed = false
    const permits = new Map(inbound.map(({ deskId, room }) => [deskId, bridge.permits(deskId).reserve(room)]))
    try {
      const lanes = await bridge.lanes.claim({
        inbound: inbound.map(each => ({ ...each, attempts: permits.get(each.deskId)!.length })),
        outbound,
        // Answers of a number that waits for a person are claimed all the same, to say so (outbound/paused.ts).
        blockedNumbers: idsOf('number:').filter(id => pauseOf(bridge, id) === null)
      })
      const sides = lanes.map(lane => (lane.outbound ? 'answers' : lane.deskId))
      const taken = (side: number | 'answers'): number => sides.filter(each => each === side).length
      const isNews = sides.some(side => !crowded.has(side))
      vainGuesses = isNews ? 0 : Math.min(vainGuesses + 1, MOST_VAIN_GUESSES)
      const note = (side: number | 'answers', room: number): void => {
        if (taken(side) < room) crowded.delete(side)
        else crowded.add(side)
      }
      for (const { deskId, room } of inbound) note(deskId, room)
      if (outbound > 0) note('answers', outbound)
      if (lanes.length > 0) {
        await bridge.lanes.preload(lanes.flatMap(lane => lane.events))
        begin(lanes, claimedMs, permits)
        if ([...crowded].some(side => roomOf(side) > 0)) wanted = true
      } else if (again) {
        secondLook = true
        schedule(SECOND_LOOK_MS)
      }
    } catch (error) {
      bridge.log.warn({ err: (error as Error).message }, 'claim failed, the sweep comes back')
    } finally {
      giveBack(permits)
      claiming = false
      if (wanted) queueMicrotask(() => void claim())
    }
  }

  const guessIn = (ms: number): void => {
    guessing ??= setTimeout(() => {
      guessing = null
      kick()
    }, ms)
  }

  const idsOf = (prefix: string): number[] => bridge.gates.closed(prefix).map(key => Number(key.slice(prefix.length)))

  // The due times that this process knows of, nearest first, and one timer for the nearest.
  const dues: number[] = []
  let timer: NodeJS.Timeout | null = null
  let timerAtMs = Number.POSITIVE_INFINITY
  const schedule = (inMs: number): void => {
    const grainMs = dues.length < 4 ? 1 : COMMON_GRAIN_MS
    const atMs = Math.ceil((bridge.clock.monotonicMs() + inMs) / grainMs) * grainMs
    let place = dues.length
    while (place > 0 && dues[place - 1]! > atMs) place--
    // What is left out at the far end is found by the sweep.
    if (dues[place - 1] === atMs || place >= MOST_DUES) return
    dues.splice(place, 0, atMs)
    if (dues.length > MOST_DUES) dues.pop()
    arm()
  }
  const arm = (): void => {
    const atMs = dues[0]
    if (stopping || atMs === undefined || atMs >= timerAtMs) return
    if (timer !== null) clearTimeout(timer)
    timerAtMs = atMs
    timer = setTimeout(goOff, Math.min(Math.max(0, atMs - bridge.clock.monotonicMs()) + 1, 60_000))
  }
  const goOff = (): void => {
    timer = null
    timerAtMs = Number.POSITIVE_INFINITY
    const now = bridge.clock.monotonicMs()
    const over = dues.findIndex(atMs => atMs > now)
    dues.splice(0, over === -1 ? dues.length : over)
    arm()
    timed = !secondLook
    secondLook = false
    vainGuesses = 0
    kick()
  }

  const kick = (): void => {
    if (stopping) return
    wanted = true
    if (!claiming) void claim()
  }

  const renewing = setInterval(
    () => {
      if (held.size === 0) return
      const lanes = [...held.values()]
      bridge.lanes
        .renew(lanes.map(lane => lane.id))
        .then(kept => {
          for (const lane of lanes) if (!kept.has(lane.id)) lane.lost = true
        })
        .catch(() => {})
    },
    Math.max(50, bridge.times.laneLeaseMs / 3)
  )

  let sweeping: NodeJS.Timeout | null = null
  const sweep = async (): Promise<void> => {
    let nextMs: number = bridge.times.sweepIdleMs
    try {
      const due = await bridge.lanes.nextDueInMs()
      if (due !== null) {
        nextMs = bridge.times.sweepBusyMs
        if (due <= 0) kick()
        else if (due < nextMs) schedule(due)
      }
    } catch {
      nextMs = bridge.times.sweepBusyMs
    }
    if (!stopping) sweeping = setTimeout(() => void sweep(), nextMs)
  }
  void sweep()

  return {
    reserve(deskId, most) {
      const mayWork = !stopping && !paused && options.mayClaim?.() !== false && part() === 1
      // Whoever has waited longer goes first.
      const isOpen = mayWork && !crowded.has(deskId) && !idsOf('desk:').includes(deskId)
      const permits = isOpen ? bridge.permits(deskId).reserve(Math.min(most, placesOf(deskId).free)) : []
      return {
        size: permits.length,
        begin: (lanes, claimedMs) => begin(lanes, claimedMs, new Map([[deskId, permits]]))
      }
    },
    kick,
    lookIn: schedule,
    held: () => held.size,
    pause(value) {
      paused = value
      if (!value) kick()
    },
    async stop(patienceMs) {
      stopping = true
      if (timer !== null) clearTimeout(timer)
      if (guessing !== null) clearTimeout(guessing)
      if (sweeping !== null) clearTimeout(sweeping)
      if (held.size > 0) {
        let patience: NodeJS.Timeout | undefined
        const over = new Promise<void>(resolve => {
          patience = setTimeout(resolve, patienceMs)
        })
        await Promise.race([new Promise<void>(resolve => idleWaiters.push(resolve)), over])
        clearTimeout(patience)
      }
      for (const lane of held.values()) lane.lost = true
      clearInterval(renewing)
      if (sweeping !== null) clearTimeout(sweeping)
    }
  }
}
