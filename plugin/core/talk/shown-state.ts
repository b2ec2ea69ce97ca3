/** What a delivery shows as to people: one word, and the failure behind it. Pure. */
import type { DeliveryView } from '../ports/talk-store.ts'
import type { Locale } from '../texts/text.ts'
import { type MendableFailure, mendable } from './mend.ts'

export type ShownState =
  | 'stored'
  | 'queued'
  | 'sent'
  | 'delivered'
  | 'read'
  | 'played'
  | 'failed'
  | 'parked'
  | 'uncertain'
  | 'recalled'

/** Names what Meta told of a failure by our own code. */
export type NameFailure = (failure: { code: number; title?: string; details?: string }) => string

const BY_RANK: readonly ShownState[] = ['sent', 'sent', 'failed', 'delivered', 'read', 'played']

export function shownState(delivery: Pick<DeliveryView, 'state' | 'rank'>): ShownState {
  if (delivery.state !== 'sent') return delivery.state
  return BY_RANK[delivery.rank] ?? 'sent'
}

export function failureOf(
  delivery: Pick<DeliveryView, 'state' | 'rank' | 'code' | 'failure'>,
  locale: Locale,
  nameFailure: NameFailure
): MendableFailure | null {
  if (delivery.state === 'sent') {
    if (delivery.rank !== 2) return null
    const { failure } = delivery
    return failure === null ? mendable(locale, 'wa_refused') : mendable(locale, nameFailure(failure), failure.code)
  }
  return delivery.code === null ? null : mendable(locale, delivery.code)
}

/** Delivered again and again, and never read: the customer has probably switched receipts off (S79). */
export function receiptsPattern(seen: { delivered: number; read: number }): 'on' | 'probably_off' | 'unknown' {
  if (seen.read > 0) return 'on'
  return seen.delivered >= 5 ? 'probably_off' : 'unknown'
}
