/**
 * At most 150 of our rows in one conversation and minute: at 200 Chatwoot refuses every save there, also the agent's
 * own answer and every tick (contract §13). What is over waits in its lane.
 */
import { RULES } from '../rules.ts'

const MINUTE_MS = 60_000
const REMEMBERED = 10_000

export interface RowPaces {
  /** 0 = write now (and counted); otherwise milliseconds until there is room again. */
  take(deskId: number, conversationId: number): number
}

/** @param processes living processes, this one included: a lane may go from one to another, so each has its part */
export function createRowPaces(monotonicMs: () => number, processes: () => number = () => 1): RowPaces {
  // Times of the last rows of a conversation, oldest first; never more than the limit.
  const written = new Map<string, number[]>()
  return {
    take(deskId, conversationId) {
      const key = `${deskId} ${conversationId}`
      const now = monotonicMs()
      const times = written.get(key) ?? []
      while (times.length > 0 && now - times[0]! >= MINUTE_MS) times.shift()
      const most = Math.max(1, Math.floor(RULES.deskRowsPerMinute.value / processes()))
      if (times.length >= most) return MINUTE_MS - (now - times[times.length - most]!) + 1
      times.push(now)
      // The conversation moves to the young end, so that the oldest is forgotten first.
      written.delete(key)
      written.set(key, times)
      if (written.size > REMEMBERED) written.delete(written.keys().next().value as string)
      return 0
    }
  }
}
