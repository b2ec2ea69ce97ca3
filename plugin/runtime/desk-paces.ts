/** The congestion control of each desk, and the permits it hands out; the ceiling is shared among the processes that live. */
import { createDeskPace, type DeskPace } from '../core/desk/pace.ts'
import { createPermits, type Permits, PRIORITY } from '../core/desk/permits.ts'

export interface DeskPaces {
  pace(deskId: number): DeskPace
  permits(deskId: number): Permits
  all(): Iterable<[number, DeskPace]>
  /** Inbound lanes that this process can soon work on, alone or where others share the desk. */
  lanesWorthHolding(deskId: number, isAlone: boolean): number
  /** More than a few first-class calls wait for some desk. */
  busy(): boolean
  setCeiling(ceiling: number): void
}

/** So much work a process may take ahead of the desk: what it holds beyond that would wait while others are idle. */
const AHEAD_MS = 60
/** Some of them wait for their files: those must not hold up customers who wrote a word. */
const LEAST_LANES = { alone: 48, shared: 16 }
const LANES_A_CALL = 4

export interface DeskPacesDeps {
  ceiling(): number
  /** The limit never goes below this. */
  floor: number | undefined
  /** Where the desk's limit stood when it was last saved. */
  start(deskId: number): number | undefined
  monotonicMs(): number
}

export function createDeskPaces(deps: DeskPacesDeps): DeskPaces {
  const paces = new Map<number, DeskPace>()
  const permits = new Map<number, Permits>()
  const pace = (deskId: number): DeskPace => {
    let known = paces.get(deskId)
    if (known === undefined) {
      const { floor, monotonicMs } = deps
      known = createDeskPace({ ceiling: deps.ceiling(), floor, start: deps.start(deskId), monotonicMs })
      paces.set(deskId, known)
    }
    return known
  }
  return {
    pace,
    permits(deskId) {
      let known = permits.get(deskId)
      if (known === undefined) {
        known = createPermits(pace(deskId))
        permits.set(deskId, known)
      }
      return known
    },
    lanesWorthHolding(deskId, isAlone) {
      const { limit, facts } = pace(deskId)
      const { bestLatencyMs } = facts()
      const each = bestLatencyMs === null ? LANES_A_CALL : Math.max(LANES_A_CALL, AHEAD_MS / Math.max(1, bestLatencyMs))
      return Math.max(isAlone ? LEAST_LANES.alone : LEAST_LANES.shared, Math.floor(each * limit()))
    },
    all: () => paces.entries(),
    busy: () => [...permits.values()].some(each => each.waiting(PRIORITY.tick) > 4),
    setCeiling(ceiling) {
      for (const [deskId, each] of paces) {
        each.setCeiling(ceiling)
        permits.get(deskId)?.poke()
      }
    }
  }
}
