/**
 * What a message to somebody will cost, as far as anybody can know: whether Meta's rules make it free, and else what
 * this account paid lately for such messages to that country. Never a guess: no rate where nothing was measured.
 */
import type { PaidRate } from './ports/rates.ts'
import { RULES } from './rules.ts'

export interface PriceAsked {
  /** Meta's, in lower case. */
  category: string
  /** ISO 3166; null: not known who it goes to. */
  country: string | null
  windowOpen: boolean
  /** Until when everything is free, because the customer came by an ad or a button of a page. */
  freeEntryUntil: Date | null
  now: Date
  rates: readonly PaidRate[]
}

export interface MeasuredRate {
  country: string
  amountPerMessage: number
  currency: string
  /** How many messages the average is of. */
  messages: number
  from: Date
  to: Date
}

export interface Price {
  /** Why nothing is charged; null: it is charged. */
  free: 'entry_point' | 'window' | null
  /** Null where it is free, and where nothing was measured. */
  rate: MeasuredRate | null
}

/** Meta changes its prices with each quarter: what was paid before the last one says too little. */
const TOLD_FOR_MS = 92 * 86_400_000
/** Whether a code goes at the national or the international rate is Meta's to know: what was charged last, holds. */
const CHARGED_AS: Readonly<Record<string, readonly string[]>> = {
  authentication: ['authentication', 'authentication_international']
}

export function priceOf(asked: PriceAsked): Price {
  const free = whyFree(asked)
  return { free, rate: free === null ? findRate(asked) : null }
}

function whyFree({ category, windowOpen, freeEntryUntil, now }: PriceAsked): Price['free'] {
  if (freeEntryUntil !== null && now < freeEntryUntil) return 'entry_point'
  const isFree = windowOpen && category === 'utility' && now < new Date(RULES.freeUtilityUntil.value)
  return isFree ? 'window' : null
}

function findRate({ category, country, now, rates }: PriceAsked): MeasuredRate | null {
  const names = CHARGED_AS[category] ?? [category]
  const fitting = rates.filter(
    rate => rate.country === country && names.includes(rate.category) && now.getTime() - rate.to.getTime() < TOLD_FOR_MS
  )
  const newest = fitting.reduce<PaidRate | null>((a, b) => (a === null || b.to > a.to ? b : a), null)
  if (newest === null) return null
  // All volume tiers together: which one the next message falls into, only Meta counts.
  const alike = fitting.filter(rate => rate.category === newest.category && rate.currency === newest.currency)
  const messages = alike.reduce((sum, rate) => sum + rate.volume, 0)
  const paid = alike.reduce((sum, rate) => sum + rate.volume * rate.amountPerMessage, 0)
  return {
    country: newest.country,
    amountPerMessage: Math.round((paid / messages) * 1_000_000) / 1_000_000,
    currency: newest.currency,
    messages,
    from: new Date(Math.min(...alike.map(rate => rate.from.getTime()))),
    to: newest.to
  }
}
