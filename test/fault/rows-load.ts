/** L-rows, small: a backlog after an outage, and one customer who writes much more than all others. */
import type { Scenario } from './scenario.ts'
import type { World } from './world.ts'

async function ackP99(world: World, from: number): Promise<number> {
  const hooks = (await world.doors.ledger('&side=graph&what=hook&name=message')).filter(entry => entry.n > from)
  const took = hooks.map(entry => entry.tookMs ?? 0).sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.99)] ?? 0
}

export const LOAD_ROWS: Scenario[] = [
  {
    id: 'L1',
    fault: 'a backlog of 2,000 messages, Puente killed on it',
    moment: 'the desk comes back, customers go on writing',
    patienceMs: 240_000,
    async play(world) {
      await world.doors.faults([{ on: 'call:desk', kind: 'status', status: 503 }])
      const phones = Array.from({ length: 400 }, () => world.load.newPhone())
      for (let round = 0; round < 5; round++) {
        for (let at = 0; at < phones.length; at += 50)
          await Promise.all(phones.slice(at, at + 50).map(phone => world.load.say('backlog', phone)))
      }
      await world.kill(world.puentes.at(-1)!)
      await world.start()
      await world.doors.faults([])
      const from = (await world.doors.ledger()).at(-1)!.n
      for (let i = 0; i < 100; i++) await world.load.say('newest', phones[i]!)
      const p99 = await ackP99(world, from)
      return p99 > 250 ? [`99 % of acknowledgements took ${Math.round(p99)} ms on the backlog`] : []
    }
  },
  {
    id: 'L3',
    fault: 'one customer sends 120 messages at once',
    moment: 'among 60 others',
    patienceMs: 240_000,
    async play(world) {
      const hot = world.load.newPhone()
      const flood = (async () => {
        for (let i = 0; i < 12; i++) await Promise.all(Array.from({ length: 10 }, () => world.load.say('hot', hot)))
      })()
      const others = Array.from({ length: 60 }, () => world.load.newPhone())
      const startedMs = Date.now()
      for (let at = 0; at < others.length; at += 10)
        await Promise.all(others.slice(at, at + 10).map(phone => world.load.say('calm', phone)))
      await flood
      const until = Date.now() + 60_000
      for (;;) {
        const { conversations } = await world.doors.view()
        const arrived = new Set(conversations.flatMap(each => each.messages.map(message => message.sourceId)))
        const waiting = world.load.said.filter(said => said.tag.startsWith('calm') && !arrived.has(said.wamid))
        if (waiting.length === 0) break
        if (Date.now() > until) return [`${waiting.length} of the others waited for more than a minute`]
        await new Promise(resolve => setTimeout(resolve, 200))
      }
      const tookMs = Date.now() - startedMs
      return tookMs > 45_000 ? [`the others took ${tookMs} ms`] : []
    }
  }
]
