/**
 * How crowded the door for webhooks is: how many come, and how long they wait for their commit. What comes in a crowd is
 * acknowledged first and sorted afterwards, and delivery holds back as long as acknowledging is slow: WhatsApp waits for the
 * one and not for the other, and what is stored is not lost.
 */
export interface Crowd {
  /** A webhook came. */
  came(): void
  /** It was stored, so long after it came. */
  stored(tookMs: number): void
  /** Webhooks a second, of late. */
  perSecond(): number
  /** What part of its lanes delivery may work on, 0 to 1, never 0. */
  part(): number
}

const WINDOW_MS = 100
/** The rate is an average over about so long. */
const RATE_OVER_MS = 1_000
/** Fewer a second are no crowd: what is slow then has another reason. */
const CROWD_PER_SECOND = 2_000
/** Waiting so long for a commit, on average of a window, is slow. */
const SLOW_MS = 5
const STEP = { down: 0.5, up: 1.1 }
/** Delivery never stands still. */
const LEAST_PART = 1 / 16

export function createCrowd(monotonicMs: () => number): Crowd {
  let began = monotonicMs()
  let came = 0
  let stored = 0
  let waitedMs = 0
  let rate = 0
  let part = 1

  const roll = (): void => {
    const sinceMs = monotonicMs() - began
    if (sinceMs < WINDOW_MS) return
    const weight = Math.min(1, sinceMs / RATE_OVER_MS)
    rate += ((came * 1_000) / sinceMs - rate) * weight
    const isSlow = rate >= CROWD_PER_SECOND && (stored === 0 || waitedMs > SLOW_MS * stored)
    part = isSlow ? Math.max(LEAST_PART, part * STEP.down) : Math.min(1, part * STEP.up ** (sinceMs / WINDOW_MS))
    began += sinceMs
    came = 0
    stored = 0
    waitedMs = 0
  }

  return {
    came() {
      roll()
      came++
    },
    stored(tookMs) {
      stored++
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
