/** Permits: never more in flight than the desk's limit, and who waits in which order. */
import t from 'tap'
import type { DeskPace } from '../../plugin/core/desk/pace.ts'
import { createPermits, type Permit, PRIORITY, type Priority } from '../../plugin/core/desk/permits.ts'

function stage(limit: number) {
  const calls: string[] = []
  const pace = {
    limit: () => limit,
    onCall: (tookMs: number, full: boolean) => calls.push(`${tookMs} ${full ? 'full' : 'free'}`),
    onTrouble: () => calls.push('trouble')
  } as unknown as DeskPace
  const permits = createPermits(pace)
  const take = async (priority: Priority): Promise<Permit> => (await permits.acquire(priority))!
  return { permits, take, calls, grow: (to: number) => void (limit = to) }
}

t.test('what an agent waits for goes before messages, these before ticks, backfill and comforts', async t => {
  const { permits, take } = stage(1)
  const first = await take(PRIORITY.message)
  const order: string[] = []
  const ask = async (name: string, priority: Priority): Promise<void> => {
    const permit = await take(priority)
    order.push(name)
    permit.release('unused')
  }
  const all = [
    ask('comfort', PRIORITY.comfort),
    ask('backfill', PRIORITY.backfill),
    ask('tick', PRIORITY.tick),
    ask('message 1', PRIORITY.message),
    ask('message 2', PRIORITY.message),
    ask('agent', PRIORITY.agent)
  ]
  t.equal(permits.waiting(PRIORITY.tick), 3, 'of a higher rank')
  t.equal(permits.inFlight(), 1)
  first.release({ tookMs: 5 })
  await Promise.all(all)
  t.same(order, ['agent', 'message 1', 'message 2', 'tick', 'backfill', 'comfort'])
  t.equal(permits.inFlight(), 0)
})

t.test(
  'what is free can be reserved, by nobody before those who wait, and shows no need of more until it is used',
  async t => {
    const { permits, take, calls, grow } = stage(3)
    const first = await take(PRIORITY.message)
    const [one, two, ...others] = permits.reserve(8)
    t.same([others.length, permits.inFlight()], [0, 3])
    t.same(permits.reserve(1), [])
    one!.use()
    first.release({ tookMs: 1 })
    t.same(calls, ['1 free'], 'one of three calls, one permit unused')
    two!.use()
    const third = await take(PRIORITY.message)
    one!.release({ tookMs: 2 })
    t.same(calls, ['1 free', '2 full'])
    const waiting: string[] = []
    const fourth = await take(PRIORITY.message)
    const agent = take(PRIORITY.agent).then(permit => {
      waiting.push('agent')
      permit.release('unused')
    })
    grow(9)
    t.same(permits.reserve(1), [], 'somebody waits')
    for (const permit of [two!, third, fourth]) permit.release('unused')
    await agent
    t.same(waiting, ['agent'])
    const [unused] = permits.reserve(1)
    unused!.release('unused')
    unused!.release('unused')
    t.equal(permits.inFlight(), 0)
  }
)

t.test('a permit is given back once, with what it told', async t => {
  const { permits, take, calls, grow } = stage(2)
  const [one, two] = [await take(PRIORITY.message), await take(PRIORITY.message)]
  one.release({ tookMs: 7 })
  one.release({ tookMs: 9 })
  two.release('trouble')
  t.same(calls, ['7 full', 'trouble'])
  grow(0)
  let given = false
  const waiting = take(PRIORITY.tick).then(permit => {
    given = true
    permit.release('unused')
  })
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(given, 'no room')
  grow(1)
  permits.poke()
  await waiting
  t.ok(given)
})

t.test('who yields gives up after a while and takes no place; who is given one in time has it', async t => {
  const { permits, take } = stage(1)
  const first = await take(PRIORITY.message)
  t.equal(await permits.acquire(PRIORITY.tick, 20), null)
  const patient = permits.acquire(PRIORITY.tick, 1_000)
  first.release('unused')
  const second = await patient
  t.ok(second)
  const third = take(PRIORITY.comfort)
  second!.release('unused')
  ;(await third).release('unused')
  t.equal(permits.inFlight(), 0, 'the one that gave up was not served')
})
