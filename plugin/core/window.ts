/**
 * The customer service window and what waits for it. Pure: times are handed in, and they are Meta's (S53), never the
 * desk's own (which closes its editor only: CW-WINDOW). Prices (free entry point, 72 h or 7 days) are no longer windows
 * and are left out on purpose.
 */
import type { InboundFact } from './model.ts'
import { RULES, TIMES } from './rules.ts'

const HOUR_MS = 3_600_000

/** A parked reply waits at most this long, whatever the policy of a number says. */
export const MAX_PARKED_MS = TIMES.parkedMs

export interface WindowInput {
  /** Meta's time of the customer's last message or call. */
  lastInboundAt: Date | null
  /** When WhatsApp last refused a free-form message because of the window (131047); it knows better than we do. */
  refusedAt?: Date | null
  now: Date
  hours?: number
}

export interface WindowState {
  open: boolean
  /** When it closes or closed; null when the customer never wrote. */
  expiresAt: Date | null
  remainingMs: number
}

/** Open strictly before `expiresAt`: at exactly 24 h it is closed (S49, S53). */
export function windowState({
  lastInboundAt,
  refusedAt,
  now,
  hours = RULES.windowHours.value
}: WindowInput): WindowState {
  if (lastInboundAt === null) return { open: false, expiresAt: null, remainingMs: 0 }
  const byClock = new Date(lastInboundAt.getTime() + hours * HOUR_MS)
  // Meta's times are whole seconds: an answer within the second of the refusal counts as the later one.
  const refused = refusedAt != null && wholeSeconds(refusedAt) > lastInboundAt.getTime() && refusedAt < byClock
  if (refused) return { open: false, expiresAt: refusedAt, remainingMs: 0 }
  const remainingMs = Math.max(0, byClock.getTime() - now.getTime())
  return { open: remainingMs > 0, expiresAt: byClock, remainingMs }
}

function wholeSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000) * 1000
}

/** The later of two times; events come in any order, and the window never moves backwards. */
export function laterInbound(known: Date | null, seen: Date | null): Date | null {
  if (known === null || seen === null) return known ?? seen
  return seen > known ? seen : known
}

/** What a customer does without saying anything: it opens no window. Reactions do count (contract §7, inferred). */
const SILENT_KINDS = new Set(['edit', 'revoke', 'number_changed', 'identity_changed', 'system'])

/**
 * Meta's time at which this fact opened (or restarted) the window of its customer, or null. Customers' messages of any
 * kind and customers' calls do; what the business wrote, statuses and events about the customer do not.
 */
export function opensWindowAt(fact: InboundFact): Date | null {
  if (fact.kind === 'message') {
    const { content, at } = fact.message
    if (SILENT_KINDS.has(content.kind)) return null
    // A permission that WhatsApp gives by itself is nothing that the customer said.
    if (content.kind === 'call_permission' && content.automatic) return null
    return at
  }
  if (fact.kind === 'call') {
    const { direction, event, at } = fact.call
    return direction === 'customer' && event === 'connect' ? at : null
  }
  return null
}

/** Until when a parked reply waits. The policy may shorten the day, never lengthen it. */
export function parkedUntil(parkedAt: Date, maxAgeMs: number = MAX_PARKED_MS): Date {
  return new Date(parkedAt.getTime() + Math.min(Math.max(0, maxAgeMs), MAX_PARKED_MS))
}

/** What happens to a parked reply now: it is sent when the window is open, else it waits, else it has expired. */
export function decideParked(input: {
  parkedAt: Date
  window: WindowState
  now: Date
  maxAgeMs?: number
}): 'send' | 'wait' | 'expired' {
  // Age first: a reply that has waited its time out must not surprise the customer who comes back days later.
  if (input.now >= parkedUntil(input.parkedAt, input.maxAgeMs)) return 'expired'
  return input.window.open ? 'send' : 'wait'
}
