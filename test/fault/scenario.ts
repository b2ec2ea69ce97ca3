/** A row as data (what breaks, when, what must hold beside the common laws), and the runner that gives it a world. */
import type { Direction } from './breakpoints.ts'
import type { FaultDatabase } from './database.ts'
import type { Chat } from './load.ts'
import { type JudgeOptions, judgeWorld } from './oracle.ts'
import { type Allowance, failedRow, type Head, NotRun, notRunRow, type Row, TooSlow, toRow } from './report.ts'
import { BOUNDS, type Bounds, judgeShares, printShares, watchWorld } from './watch.ts'
import { makeWorld, type World } from './world.ts'

export interface Scenario extends Head {
  /** Also in the short run. */
  quick?: boolean
  /** Runs at the times of the design instead of shortened ones, in the full run only. */
  trueTimes?: boolean
  /** How many Puente processes are running at the beginning (default 1). */
  processes?: number
  /** Business numbers that the stand-in has, all connected (default 1). */
  numbers?: number
  judge?: JudgeOptions
  /** What may become of messages beside being delivered once. */
  allows?: Allowance
  /** Where the common bounds of I7 do not fit, and why is said there. */
  bounds?: Partial<Bounds>
  /** Directions in which each of several processes must have delivered something (default: both). */
  loads?: readonly Direction[]
  /** The least share of several processes, of what would be fair (default: anything above nothing). */
  leastShare?: number
  /** A share is asked of processes that ran beside others for so long (default 3 s). */
  shareAfterMs?: number
  /** How long recovery may take, milliseconds (default 60 s). */
  patienceMs?: number
  /** Touches what all worlds share (PostgreSQL's server, its relay): nothing else may run meanwhile. */
  alone?: boolean
  /** Breaks things under load; gives what else went wrong, in words. Everything must be whole again at the end. */
  play(world: World, options: PlayOptions): Promise<string[]>
}

export interface PlayOptions {
  seed: number
  quick: boolean
}

/** True times have outages of minutes in them. */
const PLAY_MS = 560_000

export async function runScenario(
  database: FaultDatabase,
  scenario: Scenario,
  options: PlayOptions & { timeFactor: number }
): Promise<Row> {
  const startedMs = performance.now()
  const took = (): number => performance.now() - startedMs
  let world: World | null = null
  try {
    const timeFactor = scenario.trueTimes === true ? 1 : options.timeFactor
    const made = await makeWorld(database, {
      seed: options.seed,
      timeFactor,
      start: scenario.processes !== 0,
      numbers: scenario.numbers
    })
    world = made
    for (let more = 1; more < (scenario.processes ?? 1); more++) await made.start()
    const watch = watchWorld(made, { ...BOUNDS, ...scenario.bounds })
    let unbounded: string[] = []
    let failures: string[]
    try {
      failures = await bounded(scenario.play(made, options), PLAY_MS)
    } finally {
      unbounded = await watch.stop()
    }
    const shares = watch.shares()
    if (shares.some(each => each.togetherMs > 0)) printShares(shares)
    const idle = judgeShares(shares, scenario.loads ?? ['in', 'out'], scenario)
    if (!made.puentes.some(puente => puente.isUp())) await made.start()
    const verdict = await judgeWorld(made, { ...scenario.judge, patienceMs: scenario.patienceMs ?? 60_000 })
    return toRow(scenario, 1, verdict, took(), [...failures, ...idle, ...unbounded], scenario.allows)
  } catch (error) {
    if (error instanceof NotRun) return notRunRow(scenario, error.message)
    return failedRow(scenario, error, took())
  } finally {
    await world?.close().catch(() => {})
  }
}

async function bounded<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooSlow(`not over within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits until the check holds; false when the time is over. */
export async function eventually(check: () => Promise<boolean>, ms: number): Promise<boolean> {
  const until = performance.now() + ms
  for (;;) {
    if (await check().catch(() => false)) return true
    if (performance.now() > until) return false
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** Far beyond what any row waits for, also where processes take long to boot. */
const MOST_ROUNDS = 2_000

/** Traffic in both directions until the returned function is called. */
export function keepTalking(world: World, chats: Awaited<ReturnType<World['load']['openChats']>>): () => Promise<void> {
  let going = true
  const { load } = world
  const customers = (async () => {
    for (let round = 0; going && round < MOST_ROUNDS; round++) {
      // A conversation takes 150 rows a minute: more than that would only wait for its pace.
      const known = round % 3 === 0 ? [chats[(round / 3) % chats.length]!.phone] : []
      await load.burstIn('talk', { customers: 1, each: 2, known })
      await pause(100)
    }
  })()
  const agents = (async () => {
    for (let round = 0; going && round < MOST_ROUNDS; round++) {
      const chat = chats[round % chats.length]!
      await load.reply(
        'talk',
        chat,
        round % 7 === 3 ? { files: 1 } : round % 5 === 2 ? { quotes: chat.firstMessageId } : {}
      )
      await pause(120)
    }
  })()
  const both = Promise.all([customers, agents])
  both.catch(() => {})
  return async () => {
    going = false
    await both
  }
}

/** Waits until each running process has its part of the traffic both ways; the sentences name who has none. */
export async function untilShared(world: World, patienceMs = 20_000): Promise<string[]> {
  const idle = async (): Promise<string[]> => {
    const up = world.puentes.filter(each => each.isUp())
    const shares = await Promise.all(
      up.map(async each => {
        const figures = await each.figures()
        return [figures.get('puente_inbound_delivered_total') ?? 0, figures.get('puente_outbound_total') ?? 0]
      })
    )
    return up.flatMap((each, i) =>
      shares[i]!.some(share => share === 0) ? [`process ${each.pid}: ${shares[i]!.join(' in, ')} out`] : []
    )
  }
  const shared = await eventually(async () => (await idle()).length === 0, patienceMs)
  return shared ? [] : await idle()
}

/** Traffic both ways until each running process has its part of both. */
export async function talkUntilShared(world: World, chats: Chat[], patienceMs = 20_000): Promise<string[]> {
  const stopTalking = keepTalking(world, chats)
  const idle = await untilShared(world, patienceMs)
  await stopTalking()
  return idle
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
