/**
 * SIGKILL at every breakpoint of the source, one direction at a time: a chain of processes, each armed with the next
 * breakpoint and fed with traffic of that direction until it dies; each takes up what its predecessor left. At the end
 * a clean process finishes and every episode is judged by its own messages.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TIMES } from '../../plugin/core/rules.ts'
import { type ApiSends, createApiSends } from './api-sends.ts'
import { type Direction, isBeforeAttempt, isOnlyAlone, listMoments, type Moment } from './breakpoints.ts'
import type { FaultDatabase } from './database.ts'
import type { Chat } from './load.ts'
import { describeOpen, gatherEvidence, judge, type Verdict } from './oracle.ts'
import { emptyVerdict, type Row, slow, toRow } from './report.ts'
import { eventually } from './scenario.ts'
import { findLeaks } from './secrecy.ts'
import { printShares, watchWorld } from './watch.ts'
import { makeWorld, type World } from './world.ts'

export interface KillOptions {
  seed: number
  timeFactor: number
  /** Kills per breakpoint and direction. */
  runs: number
  /** Processes at work at the same time; one of them is armed. */
  processes: number
  patienceMs: number
  /** Breakpoints to stop at. */
  names: ReadonlySet<string>
}

/** How long traffic may run before the breakpoint must have been hit. */
const HIT_MS = 20_000
const CHATS_EACH = 3
/** So long a process may take until it has delivered something. */
const SHARE_MS = 20_000

interface Episode {
  moment: Moment
  tags: string[]
  failures: string[]
  tookMs: number
}

export async function runKillChain(
  database: FaultDatabase,
  direction: Direction,
  options: KillOptions
): Promise<Row[]> {
  const isPlayed = (each: Moment): boolean =>
    each.direction === direction && options.names.has(each.name) && (options.processes === 1 || !isOnlyAlone(each))
  const all = listMoments().filter(isPlayed)
  // What one death leaves in the middle another one must not catch: all that want it quiet come first, each settled.
  const moments = [...all.filter(each => isQuiet(each, options)), ...all.filter(each => !isQuiet(each, options))]
  // A few webhooks are a crowd here, so that the way by the journal is walked as well.
  const world = await makeWorld(database, { seed: options.seed, timeFactor: options.timeFactor, fewRows: 1 })
  const watch = watchWorld(world)
  try {
    const count = moments.length * options.runs
    const chats = direction === 'out' ? await world.load.openChats('setup', count * CHATS_EACH) : []
    const talkers = direction === 'out' && options.processes > 1 ? await world.load.openChats('setup', 8) : []
    await world.settle(options.patienceMs)
    const play: Play = {
      world,
      sends: createApiSends(world),
      options,
      run: 0,
      talkers,
      shares: new Map(),
      settleFirst: false,
      settledMs: performance.now()
    }
    const episodes: Episode[] = moments.map(moment => ({ moment, tags: [], failures: [], tookMs: 0 }))
    let serial = 0
    for (let run = 0; run < options.runs; run++) {
      for (const episode of episodes) {
        const own = chats.slice(serial * CHATS_EACH, (serial + 1) * CHATS_EACH)
        play.run = run
        await playEpisode(play, episode, `${direction}${++serial}`, own)
      }
    }
    while (world.puentes.filter(each => each.isUp()).length < options.processes) await world.start()
    const unanswered = await play.sends.answered()
    const settled = await world.settle(options.patienceMs)
    const open = settled ? [] : [slow(`not settled within ${options.patienceMs} ms: ${await describeOpen(world)}`)]
    const unbounded = await watch.stop()
    if (options.processes > 1) printShares(watch.shares().map(each => ({ ...each, ...play.shares.get(each.pid) })))
    const evidence = await gatherEvidence(world)
    const common = [...unanswered, ...open, ...unbounded, ...world.crashes, ...(await findLeaks(world))]
    return episodes.map(episode => {
      const verdict = joinVerdicts(episode.tags.map(tag => judge(world, evidence, { tag })))
      const head = {
        id: episode.moment.row,
        fault: 'SIGKILL',
        moment: `${episode.moment.name}, ${direction === 'in' ? 'inbound' : 'outbound'}${options.processes > 1 ? `, ${options.processes} processes` : ''}`
      }
      const failures = [...episode.failures, ...common]
      // Before the first attempt nothing of a message can have left: nothing about it may be unknown.
      const allows = { uncertain: isQuiet(episode.moment, options) ? 0 : ('dead' as const) }
      return toRow(head, episode.tags.length, verdict, episode.tookMs, failures, allows)
    })
  } finally {
    await watch.stop()
    await world.close()
  }
}

interface Play {
  world: World
  sends: ApiSends
  options: KillOptions
  run: number
  /** What the last death left must be over before the next one. */
  settleFirst: boolean
  /** When nothing was open the last time. */
  settledMs: number
  /** Chats in which agents write until each process has its part. */
  talkers: Chat[]
  /** What each process had delivered when it was armed. */
  shares: Map<number, { in: number; out: number }>
}

/** One process, first hit, nothing on its way: what stops there has left no message in the middle of a send. */
const isQuiet = (moment: Moment, options: KillOptions): boolean => options.processes === 1 && isBeforeAttempt(moment)

async function playEpisode(play: Play, episode: Episode, tag: string, chats: Chat[]): Promise<void> {
  const { world, options, run } = play
  const startedMs = performance.now()
  const { moment } = episode
  while (world.puentes.filter(each => each.isUp()).length < options.processes) await world.start()
  if (options.processes > 1) episode.failures.push(...(await waitForShares(play, moment.direction)))
  const quiet = isQuiet(moment, options)
  // An answer whose hook a death has swallowed is sent by itself only while it is young; so short may that be here that
  // deaths in quick succession would outlast it.
  const outlasted = performance.now() - play.settledMs > (TIMES.reconcileYoungMs * options.timeFactor) / 3
  if (quiet || play.settleFirst || outlasted) {
    if (!(await world.settle(options.patienceMs))) episode.failures.push(slow('what went before did not settle'))
    play.settledMs = performance.now()
  }
  play.settleFirst = quiet
  // The oldest dies, so that each process has its turn.
  const victim = world.puentes.find(each => each.isUp())!
  episode.tags.push(tag)
  await victim.arm({ name: moment.name, nth: quiet ? 1 : 1 + Math.floor(world.load.random() * (run + 1)) })
  const until = performance.now() + HIT_MS
  let ended: { signal: NodeJS.Signals | null } | null = null
  void victim.ended.then(end => {
    ended = end
  })
  do {
    // Where a conversation is opened, nothing that has one already may be on its way meanwhile.
    if (moment.name.startsWith('talk.conversation_')) await play.sends.burst(tag, [], CHATS_EACH)
    else if (moment.name.startsWith('talk.')) await play.sends.burst(tag, chats)
    // Where several work, so many at once that their connections lead to all of them.
    else if (moment.direction === 'in')
      await world.load.burstIn(tag, { customers: options.processes > 1 ? 6 : 2, each: 2 })
    else if (quiet && moment.name.includes('media'))
      await Promise.all(chats.map(chat => world.load.reply(tag, chat, { files: 1 })))
    else await world.load.burstOut(tag, chats, { each: 2, deletes: moment.name.startsWith('desk.') })
    for (let waited = 0; waited < 2_000 && ended === null; waited += 50) await sleep(50)
  } while (ended === null && performance.now() < until)
  if (ended === null) {
    episode.failures.push('no process ended by signal 9 here')
    await victim.kill('SIGKILL')
  } else if ((ended as { signal: NodeJS.Signals | null }).signal !== 'SIGKILL') {
    episode.failures.push(`the process did not end by signal 9: ${JSON.stringify(ended)}`)
  }
  episode.tookMs += performance.now() - startedMs
}

/** Before one of several dies, each has delivered something in this direction, or the kill proves nothing of two. */
async function waitForShares(play: Play, direction: Direction): Promise<string[]> {
  const { world, shares, talkers } = play
  const up = world.puentes.filter(each => each.isUp())
  const name = direction === 'in' ? 'puente_inbound_delivered_total' : 'puente_outbound_total'
  const look = async (): Promise<void> => {
    for (const each of up) {
      const figures = await each.figures()
      const of = (metric: string): number => figures.get(metric) ?? 0
      shares.set(each.pid, { in: of('puente_inbound_delivered_total'), out: of('puente_outbound_total') })
    }
  }
  const isIdle = (each: { pid: number }): boolean => (shares.get(each.pid)?.[direction] ?? 0) === 0
  await eventually(async () => {
    await look()
    if (!up.some(isIdle)) return true
    world.front.closeQuiet()
    if (direction === 'in') await world.load.burstIn('share', { customers: 4, each: 1 })
    else for (const chat of talkers) await world.load.reply('share', chat)
    await sleep(300)
    return false
  }, SHARE_MS)
  return up.filter(isIdle).map(each => `process ${each.pid} delivered nothing (${name}) before the kill`)
}

export function joinVerdicts(verdicts: Verdict[]): Verdict {
  const joined = emptyVerdict()
  for (const each of verdicts) {
    joined.judged += each.judged
    for (const [key, list] of Object.entries(each))
      if (Array.isArray(list)) (joined[key as 'lost'] as string[]).push(...list)
  }
  return joined
}
