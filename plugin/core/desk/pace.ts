/**
 * How many calls may be in flight at a desk. Follows two signals, as TCP does: the lag of the hooks that echo our own
 * rows (the desk's background workers are behind), and the latency of calls (its web servers are). On a real small desk
 * four calls in flight hold up every agent's answer by seconds and gain a third in rate (contract §13), so the limit
 * starts at the floor and grows only while both signals are quiet.
 */
export interface PaceOptions {
  ceiling: number
  floor?: number
  start?: number
  monotonicMs: () => number
  /** A lag above this is congestion, milliseconds above the best lag seen (default 200). */
  lagTargetMs?: number
  /** Latency above best × this is congestion (default 2). */
  latencyFactor?: number
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

/** A best value is forgotten slowly, so that a desk that became slower for good is not punished for ever. */
const FORGET_MS = 60_000
const WINDOW_MS = 100
const MIN_CALLS = 4
/** After a cut, what is in flight must drain before the next verdict means anything. */
const COOL_MS = 500

export function createDeskPace(options: PaceOptions): DeskPace {
  const { monotonicMs } = options
  const floor = options.floor ?? 1
  const lagTargetMs = options.lagTargetMs ?? 200
  const latencyFactor = options.latencyFactor ?? 2
  let ceiling = options.ceiling
  let limit = Math.min(ceiling, Math.max(floor, options.start ?? floor))
  let slowStart = true
  let calls = 0
  let sumMs = 0
  let wasFull = false
  let lags: number[] = []
  let windowStart = monotonicMs()
  let coolUntil = 0
  let bestLatency: number | null = null
  let bestLatencyAt = 0
  let bestLag: number | null = null
  let bestLagAt = 0
  let lastLag: number | null = null
  let lastLatency: number | null = null

  const keepBest = (best: number | null, at: number, value: number, now: number): [number, number] =>
    best === null || value <= best || now - at > FORGET_MS ? [value, now] : [best, at]

  const cut = (factor: number, now: number): void => {
    slowStart = false
    limit = Math.max(floor, limit * factor)
    coolUntil = now + COOL_MS
    calls = 0
    sumMs = 0
    lags = []
    windowStart = now
  }

  const judge = (): void => {
    const now = monotonicMs()
    if (now < coolUntil || now - windowStart < WINDOW_MS || calls < Math.max(MIN_CALLS, Math.floor(limit))) return
    const latency = sumMs / calls
    lastLatency = latency
    ;[bestLatency, bestLatencyAt] = keepBest(bestLatency, bestLatencyAt, latency, now)
    const lag = lags.length === 0 ? null : lags.sort((a, b) => a - b)[Math.floor(lags.length * 0.8)]!
    if (lag !== null) {
      lastLag = lag
      ;[bestLag, bestLagAt] = keepBest(bestLag, bestLagAt, lag, now)
    }
    const lagBad = lag !== null && bestLag !== null && lag > bestLag + lagTargetMs
    // A few milliseconds of jitter on a fast desk are no congestion.
    const latencyBad = latency > bestLatency * latencyFactor + 10
    const full = wasFull
    calls = 0
    sumMs = 0
    lags = []
    wasFull = false
    windowStart = now
    if (lagBad || latencyBad) cut(lagBad ? 0.6 : 0.8, now)
    else if (full && limit < ceiling) limit = Math.min(ceiling, slowStart ? limit * 2 : limit + 0.5)
  }

  return {
    // Another process may hold the whole ceiling.
    limit: () => (ceiling < 1 ? 0 : Math.max(floor, Math.floor(Math.min(limit, ceiling)))),
    setCeiling(value) {
      ceiling = value
    },
    onCall(tookMs, full) {
      calls++
      sumMs += tookMs
      wasFull ||= full
      judge()
    },
    onLag(lagMs) {
      lags.push(lagMs)
      if (lagMs > 1_000 && monotonicMs() >= coolUntil) {
        lastLag = lagMs
        cut(0.5, monotonicMs())
      } else judge()
    },
    onTrouble() {
      const now = monotonicMs()
      if (now >= coolUntil) cut(0.5, now)
    },
    facts: () => ({ limit, lagMs: lastLag, latencyMs: lastLatency, bestLatencyMs: bestLatency })
  }
}
