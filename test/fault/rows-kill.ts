/**
 * SIGKILL at every breakpoint of the source, one direction at a time: a chain of processes, each armed with the next
 * breakpoint and fed with traffic of that direction until it dies; each takes up what its predecessor left. At the end
 * a clean process finishes and every episode is judged by its own messages.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiSends, createApiSends } from './api-sends.ts'
import { type Direction, listMoments, type Moment } from './breakpoints.ts'
import type { FaultDatabase } from './database.ts'
import type { Chat } from './load.ts'
import { describeOpen, gatherEvidence, judge, type Verdict } from './oracle.ts'
import { type Row, toRow } from './report.ts'
import { findLeaks } from './secrecy.ts'
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
  const moments = listMoments().filter(each => each.direction === direction && options.names.has(each.name))
  const world = await makeWorld(database, { seed: options.seed, timeFactor: options.timeFactor })
  try {
    const count = moments.length * options.runs
    const chats = direction === 'out' ? await world.load.openChats('setup', count * CHATS_EACH) : []
    await world.settle(options.patienceMs)
    const sends = createApiSends(world)
    const episodes: Episode[] = moments.map(moment => ({ moment, tags: [], failures: [], tookMs: 0 }))
    let serial = 0
    for (let run = 0; run < options.runs; run++) {
      for (const episode of episodes) {
        const own = chats.slice(serial * CHATS_EACH, (serial + 1) * CHATS_EACH)
        await playEpisode({ world, sends, options, run }, episode, `${direction}${++serial}`, own)
      }
    }
    while (world.puentes.filter(each => each.isUp()).length < options.processes) await world.start()
    const unanswered = await sends.answered()
    const settled = await world.settle(options.patienceMs)
    const open = settled ? [] : [`not settled within ${options.patienceMs} ms: ${await describeOpen(world)}`]
    const evidence = await gatherEvidence(world)
    const common = [...unanswered, ...open, ...world.crashes, ...(await findLeaks(world))]
    return episodes.map(episode => {
      const verdict = joinVerdicts(episode.tags.map(tag => judge(world, evidence, { tag })))
      const head = {
        id: episode.moment.row,
        fault: 'SIGKILL',
        moment: `${episode.moment.name}, ${direction === 'in' ? 'inbound' : 'outbound'}${options.processes > 1 ? `, ${options.processes} processes` : ''}`
      }
      return toRow(head, episode.tags.length, verdict, episode.tookMs, [...episode.failures, ...common])
    })
  } finally {
    await world.close()
  }
}

interface Play {
  world: World
  sends: ApiSends
  options: KillOptions
  run: number
}

async function playEpisode(play: Play, episode: Episode, tag: string, chats: Chat[]): Promise<void> {
  const { world, options, run } = play
  const startedMs = performance.now()
  const { moment } = episode
  while (world.puentes.filter(each => each.isUp()).length < options.processes) await world.start()
  // The oldest dies, so that each process has its turn.
  const victim = world.puentes.find(each => each.isUp())!
  episode.tags.push(tag)
  await victim.arm({ name: moment.name, nth: 1 + Math.floor(world.load.random() * (run + 1)) })
  const until = performance.now() + HIT_MS
  let ended: { signal: NodeJS.Signals | null } | null = null
  void victim.ended.then(end => {
    ended = end
  })
  do {
    if (moment.name.startsWith('talk.')) await play.sends.burst(tag, chats)
    else if (moment.direction === 'in') await world.load.burstIn(tag, { customers: 2, each: 2 })
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

export function joinVerdicts(verdicts: Verdict[]): Verdict {
  const joined: Verdict = {
    judged: 0,
    lost: [],
    doubled: [],
    reordered: [],
    misfiled: [],
    uncertain: [],
    shown: [],
    broken: []
  }
  for (const each of verdicts) {
    joined.judged += each.judged
    for (const key of ['lost', 'doubled', 'reordered', 'misfiled', 'uncertain', 'shown', 'broken'] as const)
      joined[key].push(...each[key])
  }
  return joined
}
