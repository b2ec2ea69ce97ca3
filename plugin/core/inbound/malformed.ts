/** A signed body that is no JSON: kept for a person to look at. Repeating it heals nothing, so it is answered 200. */
import type { IntakeRow } from '../ports/store.ts'

/** @param numberId 0 when the body does not say whose it is */
export function malformedRow(numberId: number, raw: Buffer, at: Date): IntakeRow {
  return {
    numberId,
    // The same body twice is kept once.
    key: `bad:${hashKey(raw)}`,
    kind: 'other',
    identity: null,
    outbound: false,
    ord: 0,
    occurredAt: at,
    payload: raw,
    state: 2,
    code: 'body_malformed',
    opensWindow: false,
    holdMs: 0
  }
}

/** FNV-1a twice over the bytes: only has to tell malformed bodies apart, not to resist anybody. */
export function hashKey(bytes: Buffer): string {
  let a = 0x811c9dc5
  let b = 0x1000193
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193) >>> 0
    b = Math.imul(b + byte, 0x85ebca6b) >>> 0
  }
  return `${a.toString(16)}${b.toString(16)}${bytes.length.toString(16)}`
}
