/**
 * Whether a failed attempt is tried again, when, and when to stop. Pure: random numbers and times are handed in.
 * Deliberately without the lookup that law 5 asks for before anything uncertain is repeated at the desk: the caller
 * looks first, and only what is known not to be there comes here to be repeated.
 */
import { type ErrorCode, needsPerson, type PuenteError, type Scope } from './errors.ts'
import { RULES } from './rules.ts'

export type FailedAttempt = Pick<PuenteError, 'code' | 'certainty' | 'remedy' | 'scope' | 'retryAfterSeconds'>

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Delays and ages, each with its reason. */
export const RETRY_RULES = {
  /** First step of the full-jitter back-off. */
  baseMs: SECOND_MS,
  /** Longest pause between two tries of the same item. */
  capMs: 5 * MINUTE_MS,
  /** The same for what is shared, where one item probes for all: agents wait for the end of an outage to be noticed. */
  sharedCapMs: 30 * SECOND_MS,
  /** Never at once, or many lanes that fail together would spin. */
  floorMs: 100,
  /** Of Meta's 4^X seconds: 45 borrowed messages take 270 s to repay, so more than 4^5 is never needed. */
  pairCapMs: 1024 * SECOND_MS,
  /** A `Retry-After` is obeyed up to here; a longer one is a mistake of the other side, and we ask again. */
  retryAfterCapMs: HOUR_MS,
  /** Added on top of a told delay, so that all who were told the same do not come back together. */
  retryAfterJitter: 0.1,
  /** How often a paused number or desk is probed when nobody told when it will be well again. */
  probeMs: MINUTE_MS,
  /** Desk outages never set anything aside before this age. */
  deskAgeMs: 7 * DAY_MS,
  /** An answer that could not leave for a day would surprise the customer; by then a person has to decide. */
  whatsappAgeMs: DAY_MS,
  /** A defect of ours does not heal by repetition; five tries survive a restart or a bad moment. */
  internalTries: 5,
  /** Media: enough for a fresh URL and a bad network, short enough not to hold up the customer's next words. */
  mediaTries: 5
} as const

/** Full jitter (between the floor and the doubling cap). */
function fullJitter(attempt: number, scope: Scope, random: () => number): number {
  const capMs = SHARED.includes(scope) ? RETRY_RULES.sharedCapMs : RETRY_RULES.capMs
  const ceiling = Math.min(capMs, RETRY_RULES.baseMs * 2 ** Math.min(attempt - 1, 30))
  return Math.max(RETRY_RULES.floorMs, Math.round(random() * ceiling))
}

function toldDelay(seconds: number, random: () => number): number {
  const toldMs = Math.min(RETRY_RULES.retryAfterCapMs, Math.max(0, seconds) * SECOND_MS)
  return Math.max(RETRY_RULES.floorMs, Math.round(toldMs * (1 + random() * RETRY_RULES.retryAfterJitter)))
}

/** A message that may be at WhatsApp already: only a status or a person may decide, never time (law 5). */
function mayBeSent(error: FailedAttempt): boolean {
  return error.certainty === 'may_have_happened' && (error.code.startsWith('wa_') || error.code === 'outcome_unknown')
}

/**
 * Milliseconds until the item is tried again, or null when time alone must not repeat it.
 * `attempt` counts the failures so far, from 1. `random` gives numbers in [0, 1).
 */
export function nextDelayMs(input: { attempt: number; error: FailedAttempt; random: () => number }): number | null {
  const { error, random } = input
  const attempt = Math.max(1, Math.floor(input.attempt))
  if (error.certainty === 'happened' || mayBeSent(error)) return null
  if (error.remedy === 'fix_message' || error.remedy === 'never') return null

  // What concerns only this message and has no due time waits for the customer or for a person.
  const pauses = error.scope !== 'message'
  if (error.remedy !== 'retry' && !pauses) return null

  if (error.code === 'wa_throttled_pair') {
    const steps = RULES.pairBackoffBase.value ** Math.min(attempt - 1, 10) * SECOND_MS
    const delayMs = Math.min(RETRY_RULES.pairCapMs, steps) * (1 + random() * RETRY_RULES.retryAfterJitter)
    const toldMs = error.retryAfterSeconds === undefined ? 0 : toldDelay(error.retryAfterSeconds, random)
    return Math.max(Math.round(delayMs), toldMs)
  }
  if (error.retryAfterSeconds !== undefined) return toldDelay(error.retryAfterSeconds, random)
  if (error.remedy === 'retry') return fullJitter(attempt, error.scope, random)
  return Math.round(RETRY_RULES.probeMs * (1 + random()))
}

/** When an item may be given up, although trying again would be allowed. Null: never by itself. */
export function patienceFor(code: ErrorCode): { maxAgeMs?: number; maxTries?: number } | null {
  // A clash that the lookup does not resolve is a defect too, and must not hold its lane for a week.
  if (code === 'internal' || code === 'desk_taken') return { maxTries: RETRY_RULES.internalTries }
  if (code.startsWith('media_')) return { maxTries: RETRY_RULES.mediaTries }
  if (code.startsWith('desk_') || code === 'disk_full') return { maxAgeMs: RETRY_RULES.deskAgeMs }
  if (code.startsWith('wa_')) return { maxAgeMs: RETRY_RULES.whatsappAgeMs }
  return null
}

export type RetryDecision =
  /** Try this item again; its lane waits, others do not. */
  | { do: 'retry'; delayMs: number }
  /** Everything of this scope pauses, and one item probes after the delay. Nothing is set aside. */
  | { do: 'pause'; scope: Scope; delayMs: number }
  /** Stop trying: inbound items are set aside, outbound messages are shown failed (or parked, or uncertain). */
  | { do: 'stop'; because: 'refused' | 'uncertain' | 'waits' | 'too_many_tries' | 'too_old' }

/** Scopes whose trouble is not this item's: the item must not use up its own patience on them for less than their age. */
const SHARED: readonly Scope[] = ['number', 'waba', 'portfolio', 'desk', 'installation']

/**
 * What to do after a failure. `firstTriedAt` is when the item's first attempt began; times are our clock.
 * Pauses for a token or a setting never end in a stop: they last until somebody acts (H4, G4).
 */
export function decideAfterFailure(input: {
  error: FailedAttempt
  attempt: number
  firstTriedAt: Date
  now: Date
  random: () => number
}): RetryDecision {
  const { error, attempt } = input
  const delayMs = nextDelayMs(input)
  if (delayMs === null) {
    if (mayBeSent(error)) return { do: 'stop', because: 'uncertain' }
    return { do: 'stop', because: error.remedy === 'wait' ? 'waits' : 'refused' }
  }
  const patience = needsPerson(error) ? null : patienceFor(error.code)
  if (patience?.maxTries !== undefined && attempt >= patience.maxTries) return { do: 'stop', because: 'too_many_tries' }
  const ageMs = input.now.getTime() - input.firstTriedAt.getTime()
  if (patience?.maxAgeMs !== undefined && ageMs >= patience.maxAgeMs) return { do: 'stop', because: 'too_old' }
  return SHARED.includes(error.scope) ? { do: 'pause', scope: error.scope, delayMs } : { do: 'retry', delayMs }
}
