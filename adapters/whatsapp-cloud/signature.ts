/**
 * Proof that a webhook comes from Meta (`X-Hub-Signature-256` over the raw bytes, contract §1), the subscription
 * handshake, and `appsecret_proof` for calls. SHA-1 signatures are not looked at.
 */
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

const HEADER = /^sha256=[0-9a-f]{64}$/

/** Makes keys once per secret, so that a webhook costs one HMAC and no key set-up. Empty secrets are left out. */
export function prepareSecrets(secrets: readonly string[]): KeyObject[] {
  return secrets.filter(secret => secret !== '').map(secret => createSecretKey(secret, 'utf8'))
}

/**
 * True when the header is the HMAC of these bytes under one of the secrets (several during rotation). Every secret is
 * tried and compared in constant time; anything but `sha256=` and 64 lower-case hex digits is refused unseen.
 */
export function verifySignature(
  raw: Buffer,
  header: string | undefined,
  secrets: readonly (string | KeyObject)[]
): boolean {
  if (typeof header !== 'string' || !HEADER.test(header)) return false
  const given = Buffer.from(header.slice(7), 'hex')
  let matches = false
  for (const secret of secrets) {
    // An empty secret would let everybody sign.
    if (secret === '') continue
    const expected = createHmac('sha256', secret).update(raw).digest()
    if (timingSafeEqual(expected, given)) matches = true
  }
  return matches
}

/** The header that Meta would send for these bytes. */
export function signBody(raw: Buffer | string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`
}

/** `appsecret_proof`: shows Graph that the caller holds the app secret (contract §8, Tokens). */
export function proveAppSecret(token: string, appSecret: string): string {
  return createHmac('sha256', appSecret).update(token).digest('hex')
}

/**
 * Meta's GET when a callback is saved: gives the challenge to answer with as plain text, or null when mode or token
 * do not fit (then 403). Several tokens may be accepted at once.
 */
export function verifyHandshake(
  query: Readonly<Record<string, unknown>>,
  verifyToken: string | readonly string[]
): string | null {
  const token = query['hub.verify_token']
  const challenge = query['hub.challenge']
  if (query['hub.mode'] !== 'subscribe' || typeof token !== 'string' || typeof challenge !== 'string') return null
  if (challenge === '' || challenge.length > 1024) return null
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const given = digest(token)
  let matches = false
  for (const expected of typeof verifyToken === 'string' ? [verifyToken] : verifyToken) {
    if (expected !== '' && timingSafeEqual(digest(expected), given)) matches = true
  }
  return matches ? challenge : null
}
