/** A signed body that is no JSON: kept for a person to look at. Repeating it heals nothing, so it is answered 200. */
import { createHash } from 'node:crypto'
import type { IntakeRow } from '../ports/store.ts'

/** @param numberId 0 when the body does not say whose it is */
export function malformedRow(numberId: number, raw: Buffer, at: Date): IntakeRow {
  return {
    numberId,
    // The same body twice is kept once.
    key: `bad:${createHash('sha256').update(raw).digest('base64url').slice(0, 22)}`,
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
