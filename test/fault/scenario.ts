/** A row as data (what breaks, when, what must hold beside the common laws), and the runner that gives it a world. */
import type { FaultDatabase } from './database.ts'
import { type JudgeOptions, judgeWorld } from './oracle.ts'
import { failedRow, type Head, NotRun, notRunRow, type Row, toRow } from './report.ts'
import { makeWorld, type World } from './world.ts'

export interface Scenario extends Head {
  /** Also in the short run. */
  quick?: boolean
  /** Runs at the times of the design instead of shortened ones, in the full run only. */
  trueTimes?: boolean
  /** How many Puente processes are running at the beginning (default 1). */
  processes?: number
  judge?: JudgeOptions
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

const PLAY_MS = 400_000

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
    const made = await makeWorld(database, { seed: options.seed, timeFactor, start: scenario.processes !== 0 })
    world = made
    for (let more = 1; more < (scenario.processes ?? 1); more++) await made.start()
    const failures = await bounded(scenario.play(made, options), PLAY_MS)
    if (!made.puentes.some(puente => puente.isUp())) await made.start()
    const verdict = await judgeWorld(made, { ...scenario.judge, patienceMs: scenario.patienceMs ?? 60_000 })
    return toRow(scenario, 1, verdict, took(), failures)
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
    timer = setTimeout(() => reject(new Error(`not over within ${ms} ms`)), ms)
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

/** Traffic in both directions until the returned function is called. */
export function keepTalking(world: World, chats: Awaited<ReturnType<World['load']['openChats']>>): () => Promise<void> {
  let going = true
  const { load } = world
  const customers = (async () => {
    for (let round = 0; going && round < 400; round++) {
      // A conversation takes 150 rows a minute: more than that would only wait for its pace.
      const known = round % 3 === 0 ? [chats[(round / 3) % chats.length]!.phone] : []
      await load.burstIn('talk', { customers: 1, each: 2, known })
      await pause(100)
    }
  })()
  const agents = (async () => {
    for (let round = 0; going && round < 400; round++) {
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

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
