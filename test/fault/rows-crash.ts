/** C-rows that need more than a breakpoint: kills from outside, half-answered commits, torn files, signals, two processes. */
import { TIMES } from '../../plugin/core/rules.ts'
import type { Said } from './load.ts'
import { slow } from './report.ts'
import { tornFiles } from './rows-files.ts'
import { eventually, keepTalking, pause, type Scenario, talkUntilShared } from './scenario.ts'
import type { World } from './world.ts'

export const CRASH_ROWS: Scenario[] = [
  {
    id: 'C2',
    alone: true,
    fault: 'SIGKILL',
    moment: 'INSERT sent, COMMIT result not yet here',
    quick: true,
    async play(world) {
      const wrong: string[] = []
      const { relay } = world.database
      relay.holdAnswers = true
      const saying = Promise.all([1, 2, 3].map(() => world.load.say('held', world.load.newPhone())))
      await pause(400)
      await world.kill(world.puentes.at(-1)!)
      relay.holdAnswers = false
      relay.cut()
      await saying
      await world.start()
      const stored = await world.query<{ n: number }>(`select count(*)::int as n from events where key like 'm:%'`)
      if (stored[0]!.n > 3) wrong.push(`${stored[0]!.n} rows for 3 messages`)
      return wrong
    }
  },
  afterAnswer(false),
  afterAnswer(true),
  claimed(false),
  claimed(true),
  takenAlong(),
  {
    id: 'C4',
    alone: true,
    fault: 'SIGKILL and PostgreSQL stopped at once',
    moment: 'right after the 200',
    async play(world) {
      for (let run = 0; run < 3; run++) {
        await Promise.all([1, 2, 3].map(() => world.load.say('cut', world.load.newPhone())))
        const dying = world.puentes.at(-1)!
        await Promise.all([world.kill(dying), world.database.stopAtOnce()])
        await world.database.startAgain()
        await world.start()
      }
      return []
    }
  },
  tornFiles(),
  {
    id: 'C10',
    fault: 'SIGTERM',
    moment: 'under load in both directions',
    quick: true,
    async play(world) {
      const chats = await world.load.openChats('setup', 3)
      const stopTalking = keepTalking(world, chats)
      await pause(1_200)
      const startedMs = performance.now()
      const old = world.puentes.at(-1)!
      const end = await old.kill('SIGTERM')
      const tookMs = performance.now() - startedMs
      const wrong = end.code === 0 ? [] : [`ended with ${end.code ?? end.signal}, not 0`]
      if (tookMs > 12_000) wrong.push(`took ${Math.round(tookMs)} ms to end`)
      const [held] = await world.query<{ n: number }>('select count(*)::int as n from lanes where owner is not null')
      if (held!.n > 0) wrong.push(`${held!.n} lanes were not released`)
      await world.start()
      await pause(800)
      await stopTalking()
      const [uncertain] = await world.query<{ n: number }>(
        `select count(*)::int as n from deliveries where state = 'uncertain'`
      )
      if (uncertain!.n > 0) wrong.push(`${uncertain!.n} sends uncertain after an orderly stop`)
      return wrong
    }
  },
  randomKills(),
  stopped({ trueTimes: false }),
  stopped({ trueTimes: true })
]

/** From the boot of the next process: the sweep of an idle installation, and what a start costs on a busy machine. */
const swept = (world: World): number => TIMES.sweepIdleMs * world.timeFactor + (world.timeFactor === 1 ? 1_000 : 5_000)

/** After how many milliseconds all of these stood in the desk; undefined when that took longer. */
async function arrived(world: World, said: Said[], mostMs: number): Promise<number | undefined> {
  const startedMs = performance.now()
  const there = await eventually(async () => {
    const rows = await world.doors.ledger('&side=desk&what=effect&name=message')
    const shown = new Set(rows.map(entry => entry.ids['sourceId']))
    return said.every(each => shown.has(each.wamid))
  }, mostMs)
  return there ? performance.now() - startedMs : undefined
}

function afterAnswer(trueTimes: boolean): Scenario {
  return {
    id: 'C4',
    fault: 'SIGKILL',
    moment: `right after the 200; in the desk 5 s after the next boot${trueTimes ? ', true times' : ''}`,
    quick: !trueTimes,
    trueTimes,
    allows: { uncertain: 'dead' },
    async play(world, { quick }) {
      const wrong: string[] = []
      for (let run = 0; run < (quick ? 2 : trueTimes ? 3 : 8); run++) {
        const said = await Promise.all([1, 2, 3].map(() => world.load.say('after', world.load.newPhone())))
        await pause(world.load.random() * 8)
        await world.kill(world.puentes.at(-1)!)
        // What it had claimed waits for the lease (C5), what was on its way to the desk also until that has settled (C6).
        const [left] = await world.query<{ held: number; attempted: number }>(`select
          (select count(*)::int from lanes where owner is not null) as held,
          (select count(*)::int from events where state = 0 and attempt is not null) as attempted`)
        const settleMs = TIMES.attemptDeadlineMs + TIMES.deskCallMs + TIMES.deskSettleMs
        const waitMs = (left!.held > 0 ? TIMES.laneLeaseMs : 0) + (left!.attempted > 0 ? settleMs : 0)
        await world.start()
        const mostMs = swept(world) + waitMs * world.timeFactor
        if ((await arrived(world, said, mostMs)) === undefined)
          wrong.push(slow(`not in the desk ${Math.round(mostMs)} ms after the boot`))
      }
      return wrong
    }
  }
}

/** The lease of the dead ends, then its lane is worked: 30 s by the design, and not a lease more. */
function claimed(trueTimes: boolean): Scenario {
  return {
    id: 'C5',
    fault: 'SIGKILL',
    moment: `after the claim; dispatched once when the lease has ended${trueTimes ? ', true times' : ''}`,
    quick: !trueTimes,
    trueTimes,
    async play(world, { quick }) {
      const wrong: string[] = []
      for (let run = 0; run < (quick || trueTimes ? 1 : 4); run++) {
        const dying = world.puentes.at(-1)!
        await dying.arm({ name: 'inbound.claimed', nth: 1 })
        const said = await world.load.say('claimed', world.load.newPhone())
        await dying.ended
        const [lane] = await world.query<{ held: number }>(
          'select count(*)::int as held from lanes where owner is not null'
        )
        if (lane!.held === 0) wrong.push('the dead process held no lane')
        const diedMs = performance.now()
        await world.start()
        // A machine that takes seconds to boot a process may well be past the end of the lease.
        const leaseMs = TIMES.laneLeaseMs * world.timeFactor
        const dueMs = Math.max(diedMs + leaseMs, performance.now())
        const mostMs = swept(world)
        await arrived(world, [said], leaseMs + mostMs + 10_000)
        const lateMs = Math.round(performance.now() - dueMs)
        if (lateMs > mostMs)
          wrong.push(slow(`dispatched ${lateMs} ms after the lease had ended and a process was up, at most ${mostMs}`))
      }
      return wrong
    }
  }
}

/** Known customers, one at a time: the commit that stores the message is the claim of its lane and the attempt. */
function takenAlong(): Scenario {
  const moments = ['lane.claimed', 'inbound.claimed', 'desk.attempted', 'desk.answered']
  return {
    id: 'C6',
    fault: 'SIGKILL',
    moment: `a known customer's message, its lane taken when it was stored; ${moments.join(', ')}`,
    quick: true,
    async play(world, { quick }) {
      const wrong: string[] = []
      const chats = await world.load.openChats('setup', moments.length)
      for (let run = 0; run < (quick ? 1 : 4); run++) {
        for (const [index, name] of moments.entries()) {
          if (!(await world.settle(60_000))) wrong.push(slow('what went before did not settle'))
          const dying = world.puentes.at(-1)!
          await dying.arm({ name, nth: 1 })
          await world.load.say('taken', chats[index]!.phone)
          await dying.ended
          const [event] = await world.query<{ attempted: boolean; held: boolean }>(
            `select e.attempt ->> 'kind' = 'message' as attempted, l.owner is not null as held
             from events e join lanes l on l.id = e.lane_id where e.key like 'm:%' order by e.seq desc limit 1`
          )
          if (event?.attempted !== true || !event.held) wrong.push(`at ${name} its attempt was not stored with it`)
          await world.start()
        }
      }
      return wrong
    }
  }
}

function randomKills(): Scenario {
  return {
    id: 'C11',
    fault: 'SIGKILL at random moments',
    moment: 'three processes, one dies every 500 ms, both directions',
    processes: 3,
    // Before the first kill all three have shown that they share; later ones die before their turn comes in both directions.
    shareAfterMs: 10_000,
    allows: { uncertain: 'dead' },
    async play(world, { quick }) {
      // One message in 6 s to one customer is WhatsApp's pace: many customers, or the rest waits for that alone.
      const chats = await world.load.openChats('setup', 30)
      const idle = await talkUntilShared(world, chats)
      const stopTalking = keepTalking(world, chats)
      const until = performance.now() + (quick ? 6_000 : 60_000)
      let kills = 0
      while (performance.now() < until) {
        await pause(500)
        const up = world.puentes.filter(each => each.isUp())
        if (up.length === 3) {
          await world.kill(up[Math.floor(world.load.random() * up.length)]!)
          kills++
        } else await world.start()
      }
      await stopTalking()
      process.stdout.write(`          ${kills} processes were killed\n`)
      return [...idle, ...(kills === 0 ? ['nothing was killed'] : [])]
    }
  }
}

function stopped(options: { trueTimes: boolean }): Scenario {
  return {
    id: 'C12',
    fault: 'SIGSTOP, later SIGCONT',
    moment: options.trueTimes ? 'two processes, one sleeps 60 s, true times' : 'two processes, one sleeps two leases',
    processes: 2,
    trueTimes: options.trueTimes,
    patienceMs: 120_000,
    async play(world) {
      const chats = await world.load.openChats('setup', 8)
      const idle = await talkUntilShared(world, chats)
      const sleepMs = options.trueTimes ? 60_000 : 60_000 * world.timeFactor * 1.2
      const stopTalking = keepTalking(world, chats)
      await pause(1_000)
      const sleeper = world.puentes[0]!
      sleeper.process.kill('SIGSTOP')
      // As a load balancer would: what does not answer gets nothing new.
      world.front.targets = [world.puentes[1]!.port]
      await pause(Math.min(3_000, sleepMs / 2))
      await stopTalking()
      await pause(sleepMs)
      sleeper.process.kill('SIGCONT')
      world.front.targets = [sleeper.port, world.puentes[1]!.port]
      await pause(1_000)
      return idle
    }
  }
}

/** Nothing breaks: each of both processes must carry a fair part of either direction, or rows of two prove nothing. */
export const SHARED_ROW: Scenario = {
  id: 'C11',
  fault: 'none',
  moment: 'two processes share both directions',
  quick: true,
  processes: 2,
  leastShare: 0.2,
  async play(world) {
    const chats = await world.load.openChats('setup', 4)
    const stopTalking = keepTalking(world, chats)
    // A newcomer takes its share only when the others have surely noticed it.
    await pause(8_000)
    await stopTalking()
    await world.settle(30_000)
    return []
  }
}
