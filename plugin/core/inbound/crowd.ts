/**
 * How crowded the door for webhooks is: how many come, and how long they wait for their commit. What comes in a crowd is
 * acknowledged first and sorted afterwards, and delivery holds back as long as acknowledging is slow: WhatsApp waits for the
 * one and not for the other, and what is stored is not lost.
 */
export interface Crowd {
  /** A webhook came. */
  came(): void
  /** It was stored (or was not, and will be sent again), so long after it came. */
  stored(tookMs: number): void
  /** Webhooks a second, of late. */
  perSecond(): number
  /** What part of its lanes delivery may work on, 0 to 1, never 0. */
  part(): number
}

const WINDOW_MS = 100
/** The rate is an average over about so long: what has gathered while this process was busy for a moment is no crowd. */
const RATE_OVER_MS = 500
/** Fewer a second are no crowd: when their commits are slow, that has another reason. */
const CROWD_PER_SECOND = 2_000
/**
 * Where the process has no moment to itself, fewer are one as well: on a slow machine the rest wait in front of the door,
 * where nobody counts them.
 */
const OVERWHELMED = { perSecond: 1_000, busy: 0.95, overMs: 200 }
/** Waiting so long for a commit, on average of a window, is slow. */
const SLOW_MS = 5
/** What queues meanwhile waits as long as the queue takes to go: then there is no time for small steps. */
const VERY_SLOW_MS = 40
const STEP = { down: 0.5, farDown: 0.125, downWhenBusy: 0.7, up: 1.1 }
/** Delivery never stands still. */
const LEAST_PART = 1 / 64

/** @param busy what part of the time since it was last asked this process had work to do, 0 to 1 */
export function createCrowd(monotonicMs: () => number, busy: () => number = () => 0): Crowd {
  let began = monotonicMs()
  let came = 0
  let stored = 0
  let waiting = 0
  let waitedMs = 0
  let rate = 0
  let load = 0
  let part = 1
  let overwhelmed = false

  const roll = (): void => {
    const sinceMs = monotonicMs() - began
    if (sinceMs < WINDOW_MS) return
    // Of a longer one nothing is known: this process may have stood still itself, and the crowd before its door.
    const isWindow = sinceMs < 2 * WINDOW_MS
    const isOver = isWindow && came === 0 && waiting === 0
    const weight = isOver ? 1 : Math.min(1, sinceMs / RATE_OVER_MS)
    rate += ((came * 1_000) / sinceMs - rate) * weight
    load += (busy() - load) * Math.min(1, sinceMs / OVERWHELMED.overMs)
    const wait = stored === 0 ? Number.POSITIVE_INFINITY : waitedMs / stored
    const hasNoMoment = rate >= OVERWHELMED.perSecond && load >= OVERWHELMED.busy
    overwhelmed = hasNoMoment || (overwhelmed && part < 1 && rate >= OVERWHELMED.perSecond)
    const isSlow = hasNoMoment || (rate >= CROWD_PER_SECOND && wait > SLOW_MS)
    const down = rate < CROWD_PER_SECOND ? STEP.downWhenBusy : wait > VERY_SLOW_MS ? STEP.farDown : STEP.down
    // When it has gone, nobody is waited for any more; while it is there, what it leaves over is felt for.
    if (isWindow && rate < CROWD_PER_SECOND && !overwhelmed) part = 1
    else part = isSlow ? Math.max(LEAST_PART, part * down) : Math.min(1, part * STEP.up ** (sinceMs / WINDOW_MS))
    began += sinceMs
    came = 0
    stored = 0
    waitedMs = 0
  }

  return {
    came() {
      roll()
      came++
      waiting++
    },
    stored(tookMs) {
      stored++
      waiting--
      waitedMs += tookMs
    },
    perSecond() {
      roll()
      return rate
    },
    part() {
      roll()
      return part
    }
  }
}
