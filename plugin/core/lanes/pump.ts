/**
 * The pump: claims due lanes, has them worked, releases them, keeps their leases alive. One per process; wake-ups
 * coalesce, and a sweep finds what a lost wake-up left lying. Leaves out what a lane's work is.
 */
import type { Bridge } from '../bridge.ts'
import { pauseOf } from '../gates.ts'
import { EVENTS_PER_LANE, type HeldLane, holdOf, LaneLost, type Leaving } from './hold.ts'

export interface PumpOptions {
  bridge: Bridge
  workInbound: (lane: HeldLane) => Promise<Leaving>
  workOutbound: (lane: HeldLane) => Promise<Leaving>
  /** False while this process may not work on lanes at all (others have all the calls that the desk may get). */
  mayClaim?: () => boolean
  /**
   * Most inbound lanes of a desk that this process should hold (default: any number). Where several processes share a desk,
   * what one holds beyond what its permits can work on soon would wait here while another has nothing to do.
   */
  mostHeld?: (deskId: number) => number
  /** Most lanes held at a time. */
  capacity?: number
}

export interface Pump {
  /** Look soon; cheap, coalesced. */
  kick(): void
  /** Look again after so long. */
  lookIn(ms: number): void
  /** Claims nothing more and waits for what is in work, at most so long; what remains is given up to its lease. */
  stop(patienceMs: number): Promise<void>
  held(): number
  pause(paused: boolean): void
}

/** A claim for one free place would cost as much as one for many. */
const WORTH_CLAIMING = 32
/** The same for the lanes of one desk, where several processes share it. */
const WORTH_ROOM = 8
const SECOND_LOOK_MS = 5
/** Due times that are kept in memory. */
const MOST_DUES = 1_000
const COMMON_GRAIN_MS = 25

export function createPump(options: PumpOptions): Pump {
  const { bridge } = options
  const capacity = options.capacity ?? 128
  const held = new Map<number, HeldLane>()
  let wanted = false
  // The database's clock may be a moment behind the timer that went off for it: then one more look.
  let timed = false
  let secondLook = false
  let claiming = false
  let stopping = false
  let paused = false
  /** At the last claim some desk was left out, since this process holds enough of its lanes. */
  let hadNoRoom = false
  const idleWaiters: (() => void)[] = []

  const work = async (lane: HeldLane): Promise<void> => {
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
      held.delete(lane.id)
      if (hadNoRoom && !lane.outbound && roomFor(lane.deskId) >= WORTH_ROOM) {
        hadNoRoom = false
        wanted = true
      }
      if (held.size === 0) for (const resolve of idleWaiters.splice(0)) resolve()
      if (wanted && !claiming) queueMicrotask(() => void claim())
    }
  }

  const roomFor = (deskId: number): number => {
    const most = options.mostHeld?.(deskId) ?? Number.POSITIVE_INFINITY
    if (most === Number.POSITIVE_INFINITY) return most
    let mine = 0
    for (const lane of held.values()) if (!lane.outbound && lane.deskId === deskId) mine++
    return most - mine
  }

  const claim = async (): Promise<void> => {
    if (claiming || stopping || paused || options.mayClaim?.() === false) return
    const free = capacity - held.size
    if (free < Math.min(WORTH_CLAIMING, capacity) && held.size > 0) return
    claiming = true
    wanted = false
    const again = timed
    timed = false
    const desks = bridge.registry.desks().map(desk => ({ id: desk.id, room: roomFor(desk.id) }))
    const crowded = desks.filter(desk => desk.room < WORTH_ROOM)
    hadNoRoom = crowded.length > 0
    const room = Math.min(...desks.filter(desk => !crowded.includes(desk)).map(desk => desk.room))
    const limit = Math.min(free, room)
    const claimedMs = bridge.clock.monotonicMs()
    try {
      const lanes = await bridge.lanes.claim({
        limit,
        blockedDesks: [...idsOf('desk:'), ...crowded.map(desk => desk.id)],
        // Answers of a number that waits for a person are claimed all the same, to say so (outbound/paused.ts).
        blockedNumbers: idsOf('number:').filter(id => pauseOf(bridge, id) === null)
      })
      if (lanes.length > 0) {
        await bridge.lanes.preload(lanes.flatMap(lane => lane.events))
        bridge.breakpoint('lane.claimed')
        for (const lane of lanes) {
          const mine = { ...lane, lost: false, claimedMs }
          held.set(lane.id, mine)
          void work(mine)
        }
        if (lanes.length >= limit) wanted = true
      } else if (again) {
        secondLook = true
        schedule(SECOND_LOOK_MS)
      }
    } catch (error) {
      bridge.log.warn({ err: (error as Error).message }, 'claim failed, the sweep comes back')
    } finally {
      claiming = false
      if (wanted && capacity - held.size >= WORTH_CLAIMING) queueMicrotask(() => void claim())
    }
  }

  const idsOf = (prefix: string): number[] => bridge.gates.closed(prefix).map(key => Number(key.slice(prefix.length)))

  // The due times that this process knows of, nearest first, and one timer for the nearest.
  const dues: number[] = []
  let timer: NodeJS.Timeout | null = null
  let timerAtMs = Number.POSITIVE_INFINITY
  const schedule = (inMs: number): void => {
    // Where many are due one after the other, one claim takes several.
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
