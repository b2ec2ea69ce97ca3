/** C-rows that need more than a breakpoint: kills from outside, half-answered commits, torn files, signals, two processes. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, keepTalking, pause, type Scenario } from './scenario.ts'
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
  {
    id: 'C4',
    fault: 'SIGKILL',
    moment: 'right after the 200',
    quick: true,
    async play(world, { quick }) {
      for (let run = 0; run < (quick ? 2 : 8); run++) {
        await Promise.all([1, 2, 3].map(() => world.load.say('after', world.load.newPhone())))
        await pause(world.load.random() * 8)
        await world.kill(world.puentes.at(-1)!)
        await world.start()
      }
      return []
    }
  },
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
  tornFiles({ trueTimes: false }),
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

function tornFiles(options: { trueTimes: boolean }): Scenario {
  return {
    id: 'C9',
    fault: 'SIGKILL',
    moment: 'in the middle of a file, both directions',
    trueTimes: options.trueTimes,
    async play(world) {
      const [chat] = await world.load.openChats('setup', 1)
      for (let run = 0; run < 3; run++) {
        const media = { sample: 'pdf', bytes: 60_000_000 }
        await world.load.say('file', world.load.newPhone(), { type: 'document', text: undefined, media })
        await world.load.reply('file', chat!, {
          from: { attachments: [{ name: `file-big-${run}.pdf`, type: 'application/pdf', size: 40_000_000 }] }
        })
        world.load.replies.at(-1)!.units = [`file-big-${run}.pdf`]
        await eventually(async () => spooledBytes(world) > 0, 4_000)
        await pause(world.load.random() * 60)
        await world.kill(world.puentes.at(-1)!)
        await world.start()
      }
      await world.settle(60_000)
      const left = spooledBytes(world)
      return left > 0 ? [`${left} bytes of temporary files are left`] : []
    }
  }
}

function spooledBytes(world: World): number {
  try {
    const names = readdirSync(join(world.dataDir, 'tmp'), { recursive: true, encoding: 'utf8' })
    return names.reduce((sum, name) => {
      const found = statSync(join(world.dataDir, 'tmp', name), { throwIfNoEntry: false })
      return sum + (found?.isFile() ? found.size : 0)
    }, 0)
  } catch {
    return 0
  }
}

function randomKills(): Scenario {
  return {
    id: 'C11',
    fault: 'SIGKILL at random moments',
    moment: 'three processes, one dies every 500 ms, both directions',
    processes: 3,
    async play(world, { quick }) {
      // One message in 6 s to one customer is WhatsApp's pace: many customers, or the rest waits for that alone.
      const chats = await world.load.openChats('setup', 30)
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
      return kills === 0 ? ['nothing was killed'] : []
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
      const chats = await world.load.openChats('setup', 4)
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
      return []
    }
  }
}

/** Both processes must have carried a part of the traffic, or the row proves nothing. */
export const SHARED_ROW: Scenario = {
  id: 'C11',
  fault: 'none',
  moment: 'two processes share both directions',
  quick: true,
  processes: 2,
  async play(world) {
    const chats = await world.load.openChats('setup', 4)
    const stopTalking = keepTalking(world, chats)
    // A newcomer takes its share only when the others have surely noticed it.
    await pause(8_000)
    await stopTalking()
    await world.settle(30_000)
    const shares = await Promise.all(
      world.puentes.map(async each => ({
        pid: each.pid,
        inbound: await each.total('inbound_delivered'),
        outbound: await each.total('puente_outbound_total')
      }))
    )
    process.stdout.write(
      `          ${shares.map(each => `process ${each.pid}: ${each.inbound} in, ${each.outbound} out`).join('; ')}\n`
    )
    return shares
      .filter(each => each.inbound + each.outbound === 0)
      .map(each => `process ${each.pid} delivered nothing`)
  }
}
