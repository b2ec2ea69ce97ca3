/** The usage row of a message of the customer: written from the first day, since later counting stands on it (S60–S63). */
import type { InboundFact } from '../model.ts'
import type { UsageRow } from '../ports/store.ts'
import { windowState } from '../window.ts'

/** `sessionFrom` is when the customer last opened the window before this message: in session = it was still open. */
export function usageOf(
  numberId: number,
  fact: InboundFact,
  sessionFrom: Date | null,
  offsetMs: number
): UsageRow | null {
  if (fact.kind !== 'message' && fact.kind !== 'echo') return null
  const { message } = fact
  const echo = fact.kind === 'echo'
  const before = sessionFrom !== null && sessionFrom <= message.at ? sessionFrom : null
  return {
    // Counted in real months, also where a sandbox's clock has jumped.
    at: new Date(message.at.getTime() - offsetMs),
    numberId,
    wamid: message.wamid,
    outbound: echo,
    origin: echo ? 'external' : message.referral !== undefined ? 'advert' : 'customer',
    inSession: windowState({ lastInboundAt: before, now: message.at }).open
  }
}
