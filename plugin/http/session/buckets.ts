/** How often somebody may ask: buckets in memory, each process for itself. Strict only where guessing is possible. */
import { PuenteError } from '../../core/errors.ts'

export interface Buckets {
  /** Fails with `too_many_requests` when the bucket of this key is empty. */
  take(key: string, rule: BucketRule, cost?: number): void
}

export interface BucketRule {
  perSecond: number
  most: number
}

export const BUCKETS = {
  /** Signing in and pairing, by address: a whole office may come from one. Secrets are too long to be guessed. */
  signIn: { perSecond: 5, most: 100 },
  /** Unknown or ended tokens, by address. */
  refused: { perSecond: 1, most: 60 },
  /** A person who types and clicks, with previews. */
  agent: { perSecond: 30, most: 200 },
  key: { perSecond: 50, most: 200 },
  /** The doctor asks Chatwoot and Meta a dozen things. */
  checks: { perSecond: 1 / 20, most: 2 },
  hook: { perSecond: 20, most: 100 }
} as const satisfies Record<string, BucketRule>

const MOST_KEYS = 20_000

export function createBuckets(monotonicMs: () => number): Buckets {
  const buckets = new Map<string, { left: number; atMs: number }>()
  return {
    take(key, rule, cost = 1) {
      const nowMs = monotonicMs()
      const known = buckets.get(key) ?? { left: rule.most, atMs: nowMs }
      const left = Math.min(rule.most, known.left + ((nowMs - known.atMs) / 1000) * rule.perSecond)
      buckets.delete(key)
      buckets.set(key, { left: Math.max(0, left - cost), atMs: nowMs })
      if (buckets.size > MOST_KEYS) buckets.delete(buckets.keys().next().value as string)
      if (left < cost) {
        throw new PuenteError('too_many_requests', {
          retryAfterSeconds: Math.max(1, Math.ceil((cost - left) / rule.perSecond))
        })
      }
    }
  }
}
