/** What Meta holds against a number, told apart by what a person can do about it. Pure; leaves out words. */

/** As Meta told them last; null where it never did. */
export interface StandingFacts {
  status: string | null
  canSend: string | null
  healthCodes: readonly number[]
  quality: string | null
}

export type Standing = 'banned' | 'unregistered' | 'blocked' | 'payment' | 'restricted' | 'flagged' | 'low_quality'

/** `status` of a number (contract/whatsapp §8, 2026-11-22); RATE_LIMITED passes by itself, PENDING is being set up. */
const STANDINGS: Readonly<Record<string, Standing>> = {
  BANNED: 'banned',
  DELETED: 'unregistered',
  DISCONNECTED: 'unregistered',
  MIGRATED: 'unregistered',
  OFFLINE: 'unregistered',
  UNVERIFIED: 'unregistered',
  RESTRICTED: 'restricted',
  FLAGGED: 'flagged'
}

/** `error_code` of a missing payment method in `health_status` (contract/whatsapp §6, inferred, 2026-11-22). */
const PAYMENT_CODE = 141006

/** Blocked for nothing but the bill: what customers write still comes in. */
export function lacksPaymentOnly(canSend: string | null | undefined, codes: readonly number[] | undefined): boolean {
  return canSend === 'BLOCKED' && codes !== undefined && codes.length > 0 && codes.every(code => code === PAYMENT_CODE)
}

/** The worst that stands against it, and a low quality beside that; empty when nothing does. */
export function findStandings({ status, canSend, healthCodes, quality }: StandingFacts): Standing[] {
  const named = STANDINGS[status ?? '']
  if (named === 'banned' || named === 'unregistered') return [named]
  const blocked: Standing = lacksPaymentOnly(canSend, healthCodes) ? 'payment' : 'blocked'
  const worst = canSend === 'BLOCKED' ? blocked : named
  const found: Standing[] = worst === undefined ? [] : [worst]
  // Flagged is what low quality leads to.
  return quality === 'RED' && worst !== 'flagged' ? [...found, 'low_quality'] : found
}
