/**
 * The pump: claims due lanes, has them worked, releases them, keeps their leases alive. One per process; wake-ups
 * coalesce, and a sweep finds what a lost wake-up left lying. Leaves out what a lane's work is.
 */
import type { Bridge } from '../bridge.ts'
import { EVENTS_PER_LANE, type HeldLane, holdOf, LaneLost, type Leaving } from './hold.ts'

export interface PumpOptions {
  bridge: Bridge
  workInbound: (lane: HeldLane) => Promise<Leaving>
  workOutbound: (lane: HeldLane) => Promise<Leaving>
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
const WORTH_CLAIMING = 16

export function createPump(options: PumpOptions): Pump {
  const { bridge } = options
  const capacity = options.capacity ?? 256
  const held = new Map<number, HeldLane>()
  let wanted = false
  let claiming = false
  let stopping = false
  let paused = false
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
      if (held.size === 0) for (const resolve of idleWaiters.splice(0)) resolve()
      if (wanted && !claiming) queueMicrotask(() => void claim())
    }
  }

  const claim = async (): Promise<void> => {
    if (claiming || stopping || paused) return
    const free = capacity - held.size
    if (free < Math.min(WORTH_CLAIMING, capacity) && held.size > 0) return
    claiming = true
    wanted = false
    try {
      const lanes = await bridge.lanes.claim({
        limit: Math.min(free, 128),
        blockedDesks: idsOf('desk:'),
        blockedNumbers: idsOf('number:')
      })
      if (lanes.length > 0) {
        await bridge.lanes.preload(lanes.flatMap(lane => lane.events))
        bridge.breakpoint('lane.claimed')
        for (const lane of lanes) {
          const mine = { ...lane, lost: false }
          held.set(lane.id, mine)
          void work(mine)
        }
        if (lanes.length >= Math.min(free, 128)) wanted = true
      }
    } catch (error) {
      bridge.log.warn({ err: (error as Error).message }, 'claim failed, the sweep comes back')
    } finally {
      claiming = false
      if (wanted && capacity - held.size >= WORTH_CLAIMING) queueMicrotask(() => void claim())
    }
  }

  const idsOf = (prefix: string): number[] => bridge.gates.closed(prefix).map(key => Number(key.slice(prefix.length)))

  // One timer for the nearest due time that this process knows of.
  let timer: NodeJS.Timeout | null = null
  let timerAtMs = Number.POSITIVE_INFINITY
  const schedule = (inMs: number): void => {
    const atMs = bridge.clock.monotonicMs() + inMs
    if (stopping || atMs >= timerAtMs) return
    if (timer !== null) clearTimeout(timer)
    timerAtMs = atMs
    timer = setTimeout(
      () => {
        timer = null
        timerAtMs = Number.POSITIVE_INFINITY
        kick()
      },
      Math.min(inMs + 1, 60_000)
    )
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
