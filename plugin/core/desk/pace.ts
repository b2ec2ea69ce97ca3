/**
 * How many calls may be in flight at a desk. Follows two signals, as TCP does: the lag of the hooks that echo our own
 * rows (the desk's background workers are behind), and the latency of calls (its web servers are). On a real small desk
 * four calls in flight hold up every agent's answer by seconds and gain a third in rate (contract §13), so the limit
 * starts at the floor, grows only while both signals are quiet, and stays where they are neither quiet nor bad.
 */
export interface PaceOptions {
  ceiling: number
  floor?: number
  start?: number
  monotonicMs: () => number
}

export interface DeskPace {
  limit(): number
  setCeiling(ceiling: number): void
  /** A call was answered. `full` = the limit was in use, so growing would help. */
  onCall(tookMs: number, full: boolean): void
  /** The hook of one of our own rows came back so long after the desk's answer. */
  onLag(lagMs: number): void
  /** 429, time-out, 5xx. */
  onTrouble(): void
  facts(): { limit: number; lagMs: number | null; latencyMs: number | null; bestLatencyMs: number | null }
}

/** A verdict needs so much time and so many calls, or it would be about chance. */
const WINDOW_MS = 100
const MIN_CALLS = 6
/** Lag of echoes beyond the best: below the first the limit may grow, above the second it is cut, milliseconds. */
const LAG = { quietMs: 50, badMs: 120 }
/** Latency of calls beyond this factor of the best, and a few milliseconds of jitter, is bad. */
const LATENCY = { bad: 1.5, jitterMs: 10 }
/** Nobody at a screen notices this: a desk that answers within it has room, whatever its best was. */
const UNNOTICED_MS = 50
/** Echoes so much beyond the best need no whole window: the desk has become smaller, or somebody else loads it. */
const MUCH_TOO_LATE = { ms: 300, echoes: 2 }
const CUT = { forLag: 0.7, forLatency: 0.75, forTrouble: 0.5, firstTime: 0.5 }
/** After a cut, what is in flight must drain before the next verdict means anything. */
const COOL_MS = 400
/** What a change of the limit does shows only in calls that begin after it, and in their echoes. */
const SETTLE_MOST_MS = 1_000
const STEP = { first: 2, least: 0.5, part: 0.1 }
/** Rounds up from here: 3.75 calls are nearer to four than to three. */
const ROUNDING = 0.25
/** The best values hold so long; then half of the limit for a moment shows what the desk does without our load. */
const FRESH_MS = 60_000
const FRESH_AT_FLOOR_MS = 10_000

export function createDeskPace(options: PaceOptions): DeskPace {
  const { monotonicMs } = options
  const floor = options.floor ?? 1
  let ceiling = options.ceiling
  // A newcomer among several processes begins with no part of the ceiling, and works at the floor all the same.
  let limit = Math.max(floor, Math.min(ceiling, options.start ?? floor))
  let doubling = true
  /** The limit to come back to after a look at the desk with half of the load. */
  let lookingFrom: number | null = null
  let calls = 0
  let sumMs = 0
  let lags: number[] = []
  let late = 0
  let wasFull = false
  let windowStart = monotonicMs()
  let bestLatency: number | null = null
  let bestLag: number | null = null
  let bestAt = 0
  let lastLatency: number | null = null
  let lastLag: number | null = null

  const watchAfter = (waitMs: number): void => {
    calls = 0
    sumMs = 0
    lags = []
    late = 0
    wasFull = false
    windowStart = monotonicMs() + waitMs
  }

  const cut = (factor: number): void => {
    limit = Math.max(floor, limit * (doubling ? Math.min(factor, CUT.firstTime) : factor))
    doubling = false
    lookingFrom = null
    watchAfter(COOL_MS)
  }

  const judge = (): void => {
    const now = monotonicMs()
    if (now - windowStart < WINDOW_MS || calls < Math.max(MIN_CALLS, Math.floor(limit))) return
    const latency = sumMs / calls
    const lag = lags.length === 0 ? null : lags.sort((a, b) => a - b)[lags.length >> 1]!
    lastLatency = latency
    lastLag = lag ?? lastLag
    const settleMs = Math.min(SETTLE_MOST_MS, latency + (lag ?? 0))
    if (lookingFrom !== null) {
      bestLatency = latency
      bestLag = lag ?? bestLag
      bestAt = now
      limit = Math.max(floor, Math.min(ceiling, lookingFrom))
      lookingFrom = null
      watchAfter(settleMs)
      return
    }
    const isOld = now - bestAt > FRESH_MS
    // At the floor there is nothing to halve: what the desk does now is its best.
    const nothingToHalve = limit < floor + 1 && now - bestAt > FRESH_AT_FLOOR_MS
    if (bestLatency === null || latency <= bestLatency || nothingToHalve) {
      bestLatency = latency
      bestAt = now
    }
    if (lag !== null && (bestLag === null || lag < bestLag || nothingToHalve)) bestLag = lag
    const behindMs = lag === null || bestLag === null ? 0 : lag - bestLag
    if (behindMs > LAG.badMs) cut(CUT.forLag)
    else if (latency > Math.max(UNNOTICED_MS, bestLatency * LATENCY.bad + LATENCY.jitterMs)) cut(CUT.forLatency)
    else if (isOld && limit >= floor + 1) {
      lookingFrom = limit
      limit = Math.max(floor, limit / 2)
      watchAfter(settleMs)
    } else if (wasFull && limit < ceiling && behindMs < LAG.quietMs) {
      const grown = doubling ? limit * STEP.first : limit + Math.max(STEP.least, limit * STEP.part)
      limit = Math.max(floor, Math.min(ceiling, grown))
      watchAfter(settleMs)
    } else watchAfter(0)
  }

  return {
    limit: () => Math.max(floor, Math.floor(Math.min(limit + ROUNDING, ceiling))),
    setCeiling(value) {
      ceiling = value
    },
    onCall(tookMs, full) {
      if (monotonicMs() < windowStart) return
      calls++
      sumMs += tookMs
      wasFull ||= full
      judge()
    },
    onLag(lagMs) {
      if (monotonicMs() < windowStart) return
      lags.push(lagMs)
      if (lagMs - (bestLag ?? lagMs) > MUCH_TOO_LATE.ms && ++late >= MUCH_TOO_LATE.echoes) {
        lastLag = lagMs
        cut(CUT.forTrouble)
      } else judge()
    },
    onTrouble() {
      if (monotonicMs() >= windowStart) cut(CUT.forTrouble)
    },
    facts: () => ({ limit, lagMs: lastLag, latencyMs: lastLatency, bestLatencyMs: bestLatency })
  }
}
