/**
 * Ports to what messages cost: where Meta tells it (`RateSource`) and our copy (`RateStore`), read anew once a day by
 * one process at a time. Meta has no price list to ask for; what an account really paid lately is all there is.
 */
import type { NumberAccess } from './channel.ts'

/** What charged messages of one kind cost on average. */
export interface PaidRate {
  /** ISO 3166, two letters: where the recipients' numbers are from. */
  country: string
  /** Meta's, in lower case: marketing, utility, authentication, authentication_international, service … */
  category: string
  /** Meta's volume tier, for example `0:MAX`; null where it tells none. */
  tier: string | null
  /** How many charged messages the average is of; at least 1. */
  volume: number
  amountPerMessage: number
  /** ISO 4217. */
  currency: string
  /** The days that were counted, from the first to behind the last. */
  from: Date
  to: Date
}

export interface RateSource {
  /** What the WABA paid between two moments; empty when nothing was charged. Harmless when repeated; fails with `wa_…`. */
  read(access: NumberAccess, wabaId: string, period: { from: Date; to: Date }): Promise<PaidRate[]>
}

/** How far the copy of a WABA's rates is. */
export interface RateState {
  wabaId: string
  /** When they were last read from Meta; null: never. */
  readAt: Date | null
  rates: number
  /** Why the last reading failed; null when it did not. */
  code: string | null
}

export interface RateStore {
  list(wabaId: string): Promise<PaidRate[]>
  /** Those of the given WABAs that are due, now leased to this process for `leaseMs`; nobody else gets them. */
  claim(wabaIds: readonly string[], owner: string, leaseMs: number): Promise<string[]>
  /** Takes the place of what was read before, and ends the lease. */
  keep(wabaId: string, owner: string, rates: readonly PaidRate[], nextInMs: number): Promise<void>
  /** Ends the lease of a reading that failed; what was read before stays. */
  fail(wabaId: string, owner: string, code: string, nextInMs: number): Promise<void>
  readState(): Promise<RateState[]>
}
