/**
 * Checks who sent a hook (contract/chatwoot §5.1): `X-Chatwoot-Signature: sha256=<hex HMAC of "{timestamp}.{raw body}">`
 * with the inbox's secret. Works on the raw bytes; reads no headers and no clock (CW-HOOK-SIGNED, CW-HOOK-HEADERS).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** `stale`: the signature is right, but the time is not: a late delivery or a replay. */
export type HookVerdict = 'valid' | 'stale' | 'invalid'

export interface HookProof {
  raw: Uint8Array
  /** Header `x-chatwoot-timestamp`: unix seconds. */
  timestamp: string | undefined
  /** Header `x-chatwoot-signature`. */
  signature: string | undefined
  secret: string
  now: Date
  toleranceSeconds?: number
}

const SIGNATURE = /^sha256=([0-9a-f]{64})$/i
const TIMESTAMP = /^\d{1,12}$/

/** Compares in constant time. The timestamp is believed only once the signature over it holds. */
export function verifyHookSignature(proof: HookProof): HookVerdict {
  const { raw, timestamp, signature, secret, now, toleranceSeconds = 300 } = proof
  if (timestamp === undefined || signature === undefined || secret === '') return 'invalid'
  const hex = SIGNATURE.exec(signature)?.[1]
  if (hex === undefined || !TIMESTAMP.test(timestamp)) return 'invalid'
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(raw).digest()
  if (!timingSafeEqual(expected, Buffer.from(hex, 'hex'))) return 'invalid'
  const distanceSeconds = Math.abs(now.getTime() / 1000 - Number(timestamp))
  return distanceSeconds <= toleranceSeconds ? 'valid' : 'stale'
}

/** Signs as Chatwoot does; for stand-ins and tests. */
export function signHook(raw: Uint8Array | string, timestamp: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(raw).digest('hex')}`
}
