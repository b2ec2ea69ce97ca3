// The clock turns between two words of the server: at the end of the window, and of a free period.
import type { WindowInfo } from '../../../plugin/http/contract/conversation.ts'

/** The server's clock and ours differ by the way of its words; asked a moment late, it certainly knows. */
const slackMs = 250
/** Longest wait that a browser's timer takes. */
const longestMs = 2 ** 31 - 1

let timer = 0

/** Calls once, at the next end; `ended`: it is the window's. The next call replaces this one. */
export function untilTurn(told: WindowInfo, turn: (ended: boolean) => void): void {
  window.clearTimeout(timer)
  const now = Date.parse(told.now)
  const leftMs = (at: string | null): number => (at === null ? Number.POSITIVE_INFINITY : Date.parse(at) - now)
  const windowMs = told.open ? leftMs(told.expiresAt) : Number.POSITIVE_INFINITY
  const freeMs = leftMs(told.freeEntryPointUntil)
  const waitMs = Math.max(0, Math.min(windowMs, freeMs)) + slackMs
  if (waitMs > longestMs) return
  timer = window.setTimeout(() => turn(windowMs <= freeMs), waitMs)
}
