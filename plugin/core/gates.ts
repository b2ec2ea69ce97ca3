/**
 * Gates: what has to pause because something shared is in trouble (a desk, a number). While a gate is closed nothing of
 * its kind is claimed; when its time is over one item goes first as a probe, and success opens it.
 */
import { ERROR_TABLE, type ErrorCode, needsPerson } from './errors.ts'

export interface GateState {
  code: string
  untilMs: number
  strikes: number
  probing: boolean
}

export interface Gates {
  /** Closes for a while. `strikes` grow with each closing in a row. */
  close(key: string, code: string, delayMs: number): GateState
  open(key: string): boolean
  /** The probe ended without an outcome: the next may go. */
  release(key: string): void
  /** May work start now? A closed gate whose time is over lets one probe through. */
  enter(key: string): boolean
  /** Keys closed right now (time not over, or a probe under way). */
  closed(prefix: string): string[]
  state(key: string): GateState | undefined
  /** Closed right now: milliseconds until it may be probed (0 = a probe is under way); null = open, or its time is over. */
  shutForMs(key: string): number | null
  /** Milliseconds until the next closed gate may be probed; null = all open. */
  nextProbeInMs(): number | null
}

export function createGates(monotonicMs: () => number): Gates {
  const gates = new Map<string, GateState>()
  const isShut = (gate: GateState): boolean => gate.probing || gate.untilMs > monotonicMs()

  return {
    close(key, code, delayMs) {
      const strikes = (gates.get(key)?.strikes ?? 0) + 1
      const gate = { code, untilMs: monotonicMs() + delayMs, strikes, probing: false }
      gates.set(key, gate)
      return gate
    },
    open: key => gates.delete(key),
    enter(key) {
      const gate = gates.get(key)
      if (gate === undefined) return true
      if (isShut(gate)) return false
      gate.probing = true
      return true
    },
    release(key) {
      const gate = gates.get(key)
      if (gate !== undefined) gate.probing = false
    },
    closed(prefix) {
      return [...gates].filter(([key, gate]) => key.startsWith(prefix) && isShut(gate)).map(([key]) => key)
    },
    state: key => gates.get(key),
    shutForMs(key) {
      const gate = gates.get(key)
      return gate === undefined || !isShut(gate) ? null : Math.max(0, gate.untilMs - monotonicMs())
    },
    nextProbeInMs() {
      const waits = [...gates.values()].filter(gate => !gate.probing).map(gate => gate.untilMs - monotonicMs())
      return waits.length === 0 ? null : Math.max(0, Math.min(...waits))
    }
  }
}

/** Closed for what only a person can mend, unlike a moment's trouble. */
export function isPause(gate: GateState | undefined): boolean {
  const row = gate === undefined ? undefined : ERROR_TABLE[gate.code as ErrorCode]
  return row !== undefined && needsPerson(row)
}

/** Why nothing leaves from the number until a person has acted, and for how long nothing is tried; null = it works. */
export function pauseOf({ gates }: { gates: Gates }, numberId: number): { code: string; forMs: number } | null {
  const key = `number:${numberId}`
  const gate = gates.state(key)
  const forMs = gates.shutForMs(key)
  return gate === undefined || forMs === null || !isPause(gate) ? null : { code: gate.code, forMs }
}
