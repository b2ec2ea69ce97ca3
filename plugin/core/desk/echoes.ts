/**
 * The lag of our own echo hooks: from the desk's answer to our call until its hook about that row arrives. The best
 * congestion signal there is (contract §13). A hook that does not come at all counts while it is missing, not for ever.
 * Where several processes work, a hook may come to another one than the one that wrote: it is passed on.
 */
import type { DeskPace } from './pace.ts'

export interface Echoes {
  expect(deskId: number, messageId: number): void
  /** The hook of one of our rows came to this process. */
  arrived(deskId: number, messageId: number): void
  /** It came to another process, so long ago. */
  heard(deskId: number, messageId: number, agoMs: number): void
}

export interface EchoesOptions {
  monotonicMs: () => number
  pace: (deskId: number) => DeskPace
  /** Living processes, this one included (default 1). */
  processes?: () => number
  /** Tells the other processes of a hook about a row that this one did not write. */
  pass?: (deskId: number, messageId: number) => void
}

/** Hooks get lost; after this one of them no longer says anything about the desk. */
const FORGET_MS = 6_000
const LATE_MS = 700
const REMEMBERED = 20_000
/** With several processes a missing hook may only have come to another; silence after so many rows is the desk's doing. */
const SILENT_ROWS = 8
/** So long after a hook came here, those that came to others add nothing. */
const DIRECT_MS = 2_000

interface Waiting {
  /** When each row was written, by its id, oldest first. */
  rows: Map<number, number>
  /** Hooks that beat the answer of the call that caused them. */
  early: Set<number>
  /** Rows written since a hook of ours was last heard, and when the first of them was. */
  unheard: number
  unheardSince: number
  /** When a hook last came to this very process. */
  directAt: number
}

export function createEchoes(options: EchoesOptions): Echoes {
  const desks = new Map<number, Waiting>()
  const areMany = (): boolean => (options.processes?.() ?? 1) > 1

  const of = (deskId: number): Waiting => {
    let known = desks.get(deskId)
    if (known === undefined) {
      known = { rows: new Map(), early: new Set(), unheard: 0, unheardSince: 0, directAt: Number.NEGATIVE_INFINITY }
      desks.set(deskId, known)
    }
    return known
  }

  /** True when the row is one of this process. What others heard is inexact: it counts where nothing is heard directly. */
  const settle = (deskId: number, messageId: number, passedAgoMs: number | null): boolean => {
    const waiting = of(deskId)
    const at = waiting.rows.get(messageId)
    if (at === undefined) return false
    const now = options.monotonicMs()
    waiting.rows.delete(messageId)
    waiting.unheard = 0
    if (passedAgoMs === null) waiting.directAt = now
    else if (now - waiting.directAt < DIRECT_MS) return true
    options.pace(deskId).onLag(Math.max(0, now - at - (passedAgoMs ?? 0)))
    return true
  }
  /** When the oldest row that may still be heard of was written. */
  const forgetOld = (rows: Map<number, number>, now: number): number => {
    for (const [oldest, at] of rows) {
      if (now - at <= FORGET_MS && rows.size <= REMEMBERED) return at
      rows.delete(oldest)
    }
    return now
  }
  const remember = (deskId: number, messageId: number): void => {
    const { early } = of(deskId)
    early.add(messageId)
    if (early.size > 1_000) early.delete(early.values().next().value as number)
  }

  return {
    expect(deskId, messageId) {
      const waiting = of(deskId)
      if (waiting.early.delete(messageId)) {
        waiting.unheard = 0
        options.pace(deskId).onLag(0)
        return
      }
      const now = options.monotonicMs()
      if (waiting.unheard++ === 0) waiting.unheardSince = now
      waiting.rows.set(messageId, now)
      const oldestAt = forgetOld(waiting.rows, now)
      const lateMs = now - (areMany() ? waiting.unheardSince : oldestAt)
      if (lateMs > LATE_MS && (!areMany() || waiting.unheard >= SILENT_ROWS)) options.pace(deskId).onLag(lateMs)
    },
    arrived(deskId, messageId) {
      if (settle(deskId, messageId, null)) return
      remember(deskId, messageId)
      if (areMany()) options.pass?.(deskId, messageId)
    },
    heard(deskId, messageId, agoMs) {
      if (!settle(deskId, messageId, agoMs)) remember(deskId, messageId)
    }
  }
}
