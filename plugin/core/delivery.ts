/**
 * What became of a message. Statuses commute: they are joined by rank per wamid, in any order and any number of times,
 * and the desk is told only when what it shows would grow (S79; D2, I6). Deliberately without storage and times of
 * coalescing; a new attempt is a new wamid and starts with an empty receipt.
 */
import type { MetaFailure, StatusFact, StatusName } from './model.ts'
import type { VisibleStatus } from './ports/help-desk.ts'

/** Higher wins. Delivered beats failed: a message that arrived did not fail, whatever was said in between. */
export const RANK = { none: 0, sent: 1, failed: 2, delivered: 3, read: 4, played: 5 } as const satisfies Record<
  StatusName | 'none',
  number
>

export type ReceiptState = keyof typeof RANK

export interface Pricing {
  billable?: boolean
  model?: string
  type?: string
  category?: string
}

/** All that is known of one wamid. Times are Meta's, the earliest that was told of each status. */
export interface Receipt {
  state: ReceiptState
  sentAt?: Date
  deliveredAt?: Date
  readAt?: Date
  playedAt?: Date
  failedAt?: Date
  failure?: MetaFailure
  pricing?: Pricing
}

export const EMPTY_RECEIPT: Receipt = { state: 'none' }

const TIME_FIELD = {
  sent: 'sentAt',
  delivered: 'deliveredAt',
  read: 'readAt',
  played: 'playedAt',
  failed: 'failedAt'
} as const satisfies Record<StatusName, keyof Receipt>

const TIMES = Object.values(TIME_FIELD)

/** One status event as a receipt of its own. A status that this version does not know adds only its price. */
export function receiptOf(event: Pick<StatusFact, 'status' | 'at' | 'failure' | 'pricing'>): Receipt {
  const receipt: Receipt = { state: event.status === 'other' ? 'none' : event.status }
  if (event.status !== 'other') receipt[TIME_FIELD[event.status]] = event.at
  if (event.status === 'failed' && event.failure) receipt.failure = event.failure
  if (event.pricing) receipt.pricing = event.pricing
  return receipt
}

/** Joins an event into what is known. Commutative, associative and idempotent over events. */
export function joinStatus(
  current: Receipt | null,
  event: Pick<StatusFact, 'status' | 'at' | 'failure' | 'pricing'>
): Receipt {
  return joinReceipts(current ?? EMPTY_RECEIPT, receiptOf(event))
}

export function joinReceipts(a: Receipt, b: Receipt): Receipt {
  const joined: Receipt = { state: RANK[a.state] >= RANK[b.state] ? a.state : b.state }
  for (const field of TIMES) {
    const time = earlier(a[field], b[field])
    if (time) joined[field] = time
  }
  const failure = joinFailures(a, b)
  if (failure) joined.failure = failure
  const pricing = joinPricing(a.pricing, b.pricing)
  if (pricing) joined.pricing = pricing
  return joined
}

function earlier(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (!a || !b) return a ?? b
  return a <= b ? a : b
}

/** Which of two stories of a failure is kept must not depend on which came first: the smaller in a fixed order. */
function joinFailures(a: Receipt, b: Receipt): MetaFailure | undefined {
  if (!a.failure || !b.failure) return a.failure ?? b.failure
  return failureKey(a.failure) <= failureKey(b.failure) ? a.failure : b.failure
}

function failureKey(failure: MetaFailure): string {
  const { code, title = '', message = '', details = '' } = failure
  return JSON.stringify([String(code).padStart(12, '0'), title, message, details])
}

/** Field by field: known beats unknown, and of two different words the later in the alphabet, whoever came first. */
function joinPricing(a: Pricing | undefined, b: Pricing | undefined): Pricing | undefined {
  if (!a || !b) return a ?? b
  const joined: Pricing = {}
  const billable = a.billable || b.billable || (a.billable ?? b.billable)
  if (billable !== undefined) joined.billable = billable
  for (const field of ['model', 'type', 'category'] as const) {
    const word = largerWord(a[field], b[field])
    if (word !== undefined) joined[field] = word
  }
  return joined
}

function largerWord(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a >= b ? a : b
}

const SHOWN_AS = {
  none: 'sent',
  sent: 'sent',
  failed: 'failed',
  delivered: 'delivered',
  read: 'read',
  played: 'read'
} as const satisfies Record<ReceiptState, VisibleStatus>

/**
 * What the desk shows for a message of several parts: failed if any part failed (or was refused before it left), else
 * the lowest part; `played` shows as read. A message without any receipt shows sent, as its row was born.
 */
export function visibleStatus(parts: readonly Receipt[], options: { refused?: boolean } = {}): VisibleStatus {
  if (options.refused || parts.some(part => part.state === 'failed')) return 'failed'
  let lowest: ReceiptState = parts.length === 0 ? 'none' : 'played'
  for (const part of parts) if (RANK[part.state] < RANK[lowest]) lowest = part.state
  return SHOWN_AS[lowest]
}

/** The failure to tell of, when `visibleStatus` is failed: the first failed part's. */
export function visibleFailure(parts: readonly Receipt[]): MetaFailure | undefined {
  return parts.find(part => part.state === 'failed')?.failure
}

const SHOWN_RANK: Record<VisibleStatus, number> = { sent: 0, failed: 1, delivered: 2, read: 3 }

/**
 * Whether the desk must be called. `told` is what the desk last confirmed to show (null: nothing yet, the row was born
 * sent). Only growth is told; `sent` costs a call only where the desk shows failed and a new attempt is on its way.
 */
export function tickNeeded(visible: VisibleStatus, told: VisibleStatus | null): boolean {
  if (visible === 'sent') return told === 'failed'
  return SHOWN_RANK[visible] > SHOWN_RANK[told ?? 'sent']
}
