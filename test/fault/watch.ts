/**
 * Looks at the processes of a world while a row plays: memory, open files and sockets, connections to PostgreSQL, what
 * waits in memory (I7), and what each process has delivered in each direction. Judges all of it against stated bounds.
 */
import { readdirSync } from 'node:fs'
import type { Direction } from './breakpoints.ts'
import type { Puente } from './puente.ts'
import type { World } from './world.ts'

export interface Bounds {
  /** Memory that a process may take on above what it had when it was ready. */
  growthMiB: number
  /** Open files and sockets of a process. */
  descriptors: number
  /** Connections to PostgreSQL, for each process: the pools (3 + 5 + 4 + 4) and two besides. */
  connections: number
  /** Rows that wait in memory for their commit. */
  waiting: number
  /** Lanes that a process holds. */
  lanes: number
}

export const BOUNDS: Bounds = { growthMiB: 128, descriptors: 400, connections: 18, waiting: 20_000, lanes: 256 }

export interface Share {
  pid: number
  in: number
  out: number
  /** How long it ran beside another process while something was delivered. */
  togetherMs: number
}

export interface Watch {
  shares(): Share[]
  /** Looks once more and ends; the sentences name what went beyond its bound. */
  stop(): Promise<string[]>
}

/** Of a process that ran beside another one for so long, a share is asked. */
const SHARE_AFTER_MS = 3_000
const MIB = 1024 * 1024
const EVERY_MS = 500
const ANSWER_MS = 1_500

interface Seen {
  puente: Puente
  firstBytes: number
  mostBytes: number
  descriptors: number
  waiting: number
  lanes: number
  share: Share
}

export function watchWorld(world: World, bounds: Bounds = BOUNDS): Watch {
  const seen = new Map<Puente, Seen>()
  let connections = 0
  let mostUp = 0
  let delivered = 0
  let lastMs = performance.now()
  let looking: Promise<unknown> | null = null
  let stopping: Promise<string[]> | null = null

  const look = async (): Promise<void> => {
    const up = world.puentes.filter(each => each.isUp())
    const tookMs = performance.now() - lastMs
    lastMs = performance.now()
    mostUp = Math.max(mostUp, up.length)
    for (const puente of up) {
      const bytes = puente.memory()
      const share = { pid: puente.pid, in: 0, out: 0, togetherMs: 0 }
      const each = seen.get(puente) ?? {
        puente,
        firstBytes: bytes,
        mostBytes: bytes,
        descriptors: 0,
        waiting: 0,
        lanes: 0,
        share
      }
      seen.set(puente, each)
      each.mostBytes = Math.max(each.mostBytes, bytes)
      each.descriptors = Math.max(each.descriptors, countDescriptors(puente.pid))
    }
    await Promise.all([...up.map(puente => ask(seen.get(puente)!)), countConnections()])
    const sum = [...seen.values()].reduce((total, each) => total + each.share.in + each.share.out, 0)
    if (up.length > 1 && sum > delivered) for (const puente of up) seen.get(puente)!.share.togetherMs += tookMs
    delivered = sum
  }

  const ask = async (each: Seen): Promise<void> => {
    const figures = await each.puente.figures(ANSWER_MS).catch(() => null)
    if (figures === null) return
    const sum = (name: string): number => figures.get(name) ?? 0
    each.waiting = Math.max(each.waiting, sum('puente_intake_waiting'))
    each.lanes = Math.max(each.lanes, sum('puente_lanes_held'))
    each.share.in = sum('puente_inbound_delivered_total')
    each.share.out = sum('puente_outbound_total')
  }

  const countConnections = async (): Promise<void> => {
    const [row] = await world
      .query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and application_name like 'puente%'`
      )
      .catch(() => [])
    connections = Math.max(connections, row?.n ?? 0)
  }

  const timer = setInterval(() => {
    looking ??= look()
      .catch(() => {})
      .finally(() => {
        looking = null
      })
  }, EVERY_MS)

  return {
    shares: () => [...seen.values()].map(each => ({ ...each.share })),
    stop() {
      stopping ??= conclude()
      return stopping
    }
  }

  async function conclude(): Promise<string[]> {
    clearInterval(timer)
    await looking
    await look().catch(() => {})
    const wrong: string[] = []
    const over = (what: string, found: number, most: number): void => {
      if (found > most) wrong.push(`${what}: ${Math.round(found)}, at most ${most} (I7)`)
    }
    for (const each of seen.values()) {
      const of = `process ${each.puente.pid}`
      over(`${of}, MiB above its start`, (each.mostBytes - each.firstBytes) / MIB, bounds.growthMiB)
      over(`${of}, open files and sockets`, each.descriptors, bounds.descriptors)
      over(`${of}, rows that waited in memory`, each.waiting, bounds.waiting)
      over(`${of}, lanes held`, each.lanes, bounds.lanes)
    }
    // One that was just killed may still be seen by PostgreSQL when its successor is up.
    over('connections to PostgreSQL', connections, bounds.connections * (mostUp + 1))
    if (process.env['FAULT_FIGURES'] !== undefined)
      process.stdout.write(
        `          ${connections} connections; ${[...seen.values()].map(each => `${each.puente.pid}: ${Math.round(each.firstBytes / MIB)}+${Math.round((each.mostBytes - each.firstBytes) / MIB)} MiB, ${each.descriptors} open, ${each.waiting} waiting, ${each.lanes} lanes`).join('; ')}\n`
      )
    return wrong
  }
}

function countDescriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}

/** Each process that ran beside another must have delivered something in each direction that the row loads. */
export function judgeShares(
  shares: Share[],
  directions: readonly Direction[],
  { leastShare: least = 0, shareAfterMs = SHARE_AFTER_MS }: { leastShare?: number; shareAfterMs?: number }
): string[] {
  const asked = shares.filter(each => each.togetherMs >= shareAfterMs)
  const wrong: string[] = []
  for (const direction of directions) {
    const total = asked.reduce((sum, each) => sum + each[direction], 0)
    for (const each of asked) {
      const fair = (total / asked.length) * least
      if (each[direction] === 0 || each[direction] < fair)
        wrong.push(`process ${each.pid} delivered ${each[direction]} of ${total} ${direction}bound`)
    }
  }
  return wrong
}

export const printShares = (shares: Share[]): void =>
  void process.stdout.write(
    `          ${shares.map(each => `process ${each.pid}: ${each.in} in, ${each.out} out`).join('; ')}\n`
  )
