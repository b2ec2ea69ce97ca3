/**
 * Meta's two send limits: one message in 6 s to one customer with 45 borrowed (131056), and messages a second of a
 * number, in and out together (130429). Contract §6.
 */
import type { Knobs } from './model.ts'

const PAIR_EVERY_MS = 6000
const PAIR_BURST = 45
const PER_SECOND: Record<Knobs['throughput'], number> = { STANDARD: 80, HIGH: 1000, off: Number.POSITIVE_INFINITY }
const MAX_PAIRS = 200_000

export interface Pace {
  /** Counts an inbound message into the number's second. */
  noteInbound(phoneNumberId: string, nowMs: number): void
  /** The code to refuse with, or undefined; an allowed send is counted. */
  take(phoneNumberId: string, customerId: string, nowMs: number, knobs: Knobs): 131056 | 130429 | undefined
  clear(): void
}

export function createPace(): Pace {
  // Generic cell rate algorithm: the time at which the pair would be even again.
  const evenAt = new Map<string, number>()
  const seconds = new Map<string, { second: number; count: number }>()

  function current(phoneNumberId: string, nowMs: number) {
    const second = Math.floor(nowMs / 1000)
    let slot = seconds.get(phoneNumberId)
    if (!slot || slot.second !== second) {
      slot = { second, count: 0 }
      seconds.set(phoneNumberId, slot)
    }
    return slot
  }

  return {
    noteInbound(phoneNumberId, nowMs) {
      current(phoneNumberId, nowMs).count++
    },
    take(phoneNumberId, customerId, nowMs, knobs) {
      const slot = current(phoneNumberId, nowMs)
      if (slot.count >= PER_SECOND[knobs.throughput]) return 130429
      if (knobs.pairLimit === 'on') {
        const key = `${phoneNumberId} ${customerId}`
        const even = Math.max(evenAt.get(key) ?? 0, nowMs)
        if (even - nowMs >= PAIR_BURST * PAIR_EVERY_MS) return 131056
        if (evenAt.size >= MAX_PAIRS) for (const [old, at] of evenAt) if (at <= nowMs) evenAt.delete(old)
        evenAt.set(key, even + PAIR_EVERY_MS)
      }
      slot.count++
      return undefined
    },
    clear() {
      evenAt.clear()
      seconds.clear()
    }
  }
}
