/** When a status that nobody touches becomes untrue by the clock alone: a window closes, or is about to. Pure. */
import type { ConversationStatus } from '../contract/conversation.ts'

/** So long before its end the tab says that the window closes soon. */
export const SOON_MS = 2 * 3_600_000

/** The next moment, by the number's clock, at which the status must be read again; null: never by time alone. */
export function nextTurn(status: ConversationStatus): Date | null {
  if (!status.served) return null
  const { window, parked } = status
  const now = Date.parse(window.now)
  const ends = [window.open ? window.expiresAt : null, window.freeEntryPointUntil, ...parked.map(one => one.until)]
    .flatMap(at => (at === null ? [] : Date.parse(at)))
    .concat(window.open && window.expiresAt !== null ? Date.parse(window.expiresAt) - SOON_MS : [])
    .filter(at => at > now)
  return ends.length === 0 ? null : new Date(Math.min(...ends))
}
