/** What a pump holds: no more of a desk than it can soon work on, no desk left out for good, and places apart for answers. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { Bridge } from '../../plugin/core/bridge.ts'
import type { DeskPace } from '../../plugin/core/desk/pace.ts'
import { createPermits } from '../../plugin/core/desk/permits.ts'
import { type HeldLane, type Leaving, RESERVED_MS } from '../../plugin/core/lanes/hold.ts'
import { createPump } from '../../plugin/core/lanes/pump.ts'
import type { ClaimedLane } from '../../plugin/core/ports/store.ts'
import { createDeskPaces } from '../../plugin/runtime/desk-paces.ts'

interface Claim {
  inbound: { deskId: number; room: number; attempts: number }[]
  outbound: number
}

function stage(
  t: { teardown(handler: () => unknown): unknown },
  mostHeld?: (deskId: number) => number,
  part?: () => number
) {
  const claims: { inbound: { deskId: number; room: number }[]; outbound: number }[] = []
  const asked: number[] = []
  const waiting: { id: number; deskId: number; outbound: boolean }[] = []
  const shut: string[] = []
  const pace = { limit: () => 40, onCall() {}, onTrouble() {} } as unknown as DeskPace
  const permits = createPermits(pace)
  const working = new Map<number, (leaving: Leaving) => void>()
  const bridge = {
    registry: { desks: () => [{ id: 1 }, { id: 2 }] },
    gates: { closed: (prefix: string) => shut.filter(key => key.startsWith(prefix)) },
    permits: () => permits,
    clock: { monotonicMs: () => performance.now() },
    times: { laneLeaseMs: 30_000, sweepIdleMs: 60_000, sweepBusyMs: 60_000 },
    breakpoint() {},
    recorder: { record: async () => true },
    log: { error() {}, warn() {} },
    lanes: {
      async claim({ inbound, outbound }: Claim) {
        claims.push({ inbound: inbound.map(({ deskId, room }) => ({ deskId, room })), outbound })
        asked.push(...inbound.map(each => each.attempts))
        const room = new Map<number | 'answers', number>(inbound.map(each => [each.deskId, each.room]))
        room.set('answers', outbound)
        const taken = waiting.filter(lane => {
          const side = lane.outbound ? 'answers' : lane.deskId
          const left = room.get(side) ?? 0
          room.set(side, left - 1)
          return left > 0
        })
        for (const lane of taken) waiting.splice(waiting.indexOf(lane), 1)
        const attempts = new Map(inbound.map(each => [each.deskId, each.attempts]))
        return taken.map(lane => ({
          ...lane,
          attempted: !lane.outbound && useOne(attempts, lane.deskId) ? { seq: 1, conversationId: 1 } : null,
          events: [],
          arrivals: 0,
          owner: 'me',
          sessionFrom: null,
          readWamid: null
        }))
      },
      preload: async () => {},
      renew: async () => new Set<number>(),
      nextDueInMs: async () => null
    }
  } as unknown as Bridge
  const work = (lane: HeldLane): Promise<Leaving> => new Promise(resolve => working.set(lane.id, resolve))
  const pump = createPump({ bridge, workInbound: work, workOutbound: work, mostHeld, part })
  t.teardown(() => pump.stop(0))
  const calm = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) await turn()
  }
  return {
    claims,
    asked,
    waiting,
    shut,
    permits,
    pump,
    calm,
    held: () => pump.held(),
    async kick() {
      pump.kick()
      await calm()
    },
    async finish(count: number) {
      for (const [id, done] of [...working].slice(0, count)) {
        working.delete(id)
        done({ work: [], dueInMs: null, strikes: 0 } as unknown as Leaving)
      }
      await calm()
    }
  }
}

/** Takes one off, while there is one. */
function useOne(rest: Map<number, number>, deskId: number): boolean {
  const left = rest.get(deskId) ?? 0
  rest.set(deskId, left - 1)
  return left > 0
}

const lanesOf = (deskId: number, count: number, outbound = false) =>
  Array.from({ length: count }, (_, n) => ({ id: deskId * 1_000 + n + (outbound ? 500 : 0), deskId, outbound }))

t.test('of one desk it takes what there is', async t => {
  const { waiting, claims, kick, held } = stage(t)
  waiting.push(...lanesOf(1, 100))
  await kick()
  t.equal(held(), 100)
  t.same(claims[0], {
    inbound: [
      { deskId: 1, room: 64 },
      { deskId: 2, room: 64 }
    ],
    outbound: 64
  })
})

t.test('it takes what it can soon work on, and goes on when half of that is done', async t => {
  const { waiting, claims, kick, held, finish } = stage(t, () => 16)
  waiting.push(...lanesOf(1, 40))
  await kick()
  t.equal(held(), 16)
  t.equal(claims.length, 1, 'nobody else has anything: nothing is asked again')
  await finish(7)
  t.equal(held(), 9, 'a claim for a few would cost as much as one for many')
  await finish(1)
  t.equal(held(), 16, 'as soon as there is room for half of them it asks by itself')
  await finish(100)
  await finish(100)
  t.equal(waiting.length, 0, 'nothing is left lying')
})

t.test('a desk of which it holds enough keeps no other desk, and no answer of an agent, waiting', async t => {
  const { waiting, kick, held } = stage(t, deskId => (deskId === 1 ? 16 : 64))
  waiting.push(...lanesOf(1, 30))
  await kick()
  t.equal(held(), 16)
  waiting.push(...lanesOf(2, 20), ...lanesOf(1, 5, true))
  await kick()
  await sleep(40)
  t.equal(held(), 41)
})

t.test('an answer finds a place although customers have taken all', async t => {
  const { waiting, claims, kick, held } = stage(t)
  waiting.push(...lanesOf(1, 400))
  await kick()
  t.equal(held(), 112, 'what is left is kept for the other desk')
  const asked = claims.length
  waiting.push(...lanesOf(1, 1, true))
  for (let n = 0; n < 20; n++) await kick()
  await sleep(150)
  t.equal(held(), 113, 'also where this process knew nothing of it')
  t.ok(claims.length - asked < 6, `asked ${claims.length - asked} times, not with every wake-up`)
})

t.test(
  'where nobody else has anything it asks ever less often, and at once when something is known to become due',
  async t => {
    const { waiting, claims, kick, held, pump } = stage(t)
    waiting.push(...lanesOf(1, 400))
    await kick()
    const asked = claims.length
    for (let n = 0; n < 60; n++) {
      await kick()
      await sleep(10)
    }
    t.ok(claims.length - asked < 14, `asked ${claims.length - asked} times in 600 ms`)
    waiting.push(...lanesOf(1, 1, true))
    const before = held()
    const beganMs = performance.now()
    pump.lookIn(5)
    while (held() === before) await sleep(1)
    const tookMs = performance.now() - beganMs
    t.ok(tookMs < 60, `the answer was taken after ${Math.round(tookMs)} ms`)
    waiting.push(...lanesOf(1, 1, true).map(lane => ({ ...lane, id: lane.id + 1 })))
    for (let n = 0; n < 6; n++) {
      await kick()
      await sleep(10)
    }
    t.equal(held(), before + 2, 'where one was found, it asks as often as at first')
  }
)

t.test('a desk with one customer is not kept waiting by one with thousands', async t => {
  const { waiting, kick, finish } = stage(t)
  waiting.push(...lanesOf(1, 400))
  await kick()
  waiting.push({ id: 9_999, deskId: 2, outbound: false })
  await finish(32)
  t.notOk(
    waiting.some(lane => lane.deskId === 2),
    'it is among the next that are taken'
  )
})

t.test('where delivery holds back it rests between two claims, and answers do not', async t => {
  let part = 1 / 16
  const { waiting, kick, held, finish } = stage(t, undefined, () => part)
  waiting.push(...lanesOf(1, 40))
  const began = performance.now()
  await kick()
  t.equal(held(), 4, 'a share for each desk')
  await finish(4)
  waiting.push(...lanesOf(1, 1, true))
  for (let n = 0; n < 20; n++) await kick()
  await sleep(40)
  t.equal(held(), 1, 'the answer alone')
  while (held() === 1) await sleep(5)
  const restedMs = performance.now() - began
  t.ok(restedMs > 230, `it took more after ${Math.round(restedMs)} ms`)
  part = 1
  await finish(100)
  t.equal(waiting.length, 0, 'nothing keeps it any more')
})

t.test('how many lanes are worth holding follows the limit and how quick the desk is at best', async t => {
  let nowMs = 0
  const paces = createDeskPaces({ ceiling: () => 8, floor: 8, start: () => 8, monotonicMs: () => nowMs })
  t.equal(paces.lanesWorthHolding(1, false), 32, 'four for each call as long as nothing is known')
  t.equal(paces.lanesWorthHolding(1, true), 48, 'alone some more: a few may be waiting for their files')
  const work = (deskId: number, tookMs: number): void => {
    for (let n = 0; n < 60; n++) {
      nowMs += 10
      paces.pace(deskId).onCall(tookMs, true)
    }
  }
  work(1, 30)
  t.equal(
    paces.lanesWorthHolding(1, false),
    32,
    'a slow desk: a lane more would wait here while another process is idle'
  )
  work(2, 3)
  t.equal(paces.lanesWorthHolding(2, false), 160, 'a quick desk is through with them soon')
})

t.test('what is claimed gets the permits that are free, and what is not used at once is given back', async t => {
  const { waiting, asked, permits, kick, held, finish } = stage(t)
  waiting.push(...lanesOf(1, 60))
  await kick()
  t.same(asked.slice(0, 2), [40, 0], 'two desks share one desk’s permits here: the first has them all')
  t.same([held(), permits.inFlight()], [60, 40])
  await sleep(RESERVED_MS + 50)
  t.same([held(), permits.inFlight()], [60, 0], 'who needed longer asks again')
  waiting.push(...lanesOf(2, 3))
  await kick()
  t.equal(permits.inFlight(), 3)
  await finish(100)
  t.equal(permits.inFlight(), 0, 'a lane that is left keeps no permit')
})

t.test('lanes are taken along only where nobody else waits, and nothing is closed', async t => {
  const { waiting, shut, pump, permits, kick, held, finish } = stage(t, () => 16)
  const first = pump.reserve(1, 5)
  t.same([first.size, permits.inFlight()], [5, 5])
  const lane = { ...lanesOf(1, 1)[0]!, attempted: { seq: 1, conversationId: 1 }, events: [], arrivals: 0 }
  first.begin([lane as unknown as ClaimedLane], performance.now())
  t.same([held(), permits.inFlight()], [1, 1], 'what was not taken is given back')
  await finish(1)
  t.equal(pump.reserve(1, 50).size, 16, 'not more than it can soon work on')
  shut.push('desk:2')
  t.equal(pump.reserve(2, 1).size, 0, 'the desk is paused')
  waiting.push(...lanesOf(1, 40))
  await kick()
  await finish(1)
  t.equal(pump.reserve(1, 1).size, 0, 'others have waited longer')
  pump.pause(true)
  t.equal(pump.reserve(2, 1).size, 0)
})

t.test('where delivery holds back, nothing is taken along', async t => {
  const { pump } = stage(t, undefined, () => 0.5)
  t.equal(pump.reserve(1, 5).size, 0)
})
