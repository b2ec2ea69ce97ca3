import t from 'tap'
import { createDeskPace, type DeskPace } from '../../plugin/core/desk/pace.ts'
import { type DeskModel, type ModelResult, type ModelRun, runDeskModel, SMALL_DESK } from '../support/desk-model.ts'

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9]
const middle = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

const adaptive =
  (ceiling: number) =>
  (monotonicMs: () => number): DeskPace =>
    createDeskPace({ ceiling, monotonicMs })
const fixed =
  (limit: number) =>
  (monotonicMs: () => number): DeskPace =>
    createDeskPace({ ceiling: limit, floor: limit, monotonicMs })

/** The medians over several seeds: one run of a minute has too few reads for a 95th percentile. */
function run(desk: DeskModel, pace: ModelRun['pace'], shrink?: ModelRun['shrink']): Omit<ModelResult, 'limits'> {
  const results = SEEDS.map(seed => runDeskModel({ desk, messages: 600, seed, pace, shrink }))
  return {
    perSecond: middle(results.map(result => result.perSecond)),
    readP95Ms: middle(results.map(result => result.readP95Ms)),
    hookP95Ms: middle(results.map(result => result.hookP95Ms))
  }
}

const desks = [
  { name: 'of 2 CPUs', desk: SMALL_DESK },
  { name: 'of 8 CPUs', desk: { ...SMALL_DESK, cpus: 8 } },
  {
    name: 'of 8 CPUs that become 2 midway',
    desk: { ...SMALL_DESK, cpus: 8 },
    shrink: { afterMessages: 300, cpus: 2 }
  }
]

for (const { name, desk, shrink } of desks) {
  t.test(`a desk ${name} is used nearly as well as by the best fixed limit, and its agents do not wait`, async t => {
    const known = [1, 2, 4, 8].map(limit => run(desk, fixed(limit), shrink))
    const best = Math.max(...known.filter(result => result.hookP95Ms <= 500).map(result => result.perSecond))
    for (const ceiling of [8, 64]) {
      const result = run(desk, adaptive(ceiling), shrink)
      t.ok(result.perSecond >= 0.85 * best, `rate ${result.perSecond.toFixed(1)} of ${best.toFixed(1)} a second`)
      t.ok(result.readP95Ms <= 1.5 * known[0]!.readP95Ms, `reads ${result.readP95Ms.toFixed(0)} ms`)
      t.ok(result.hookP95Ms <= 500, `hooks ${result.hookP95Ms.toFixed(0)} ms`)
    }
  })
}

t.test('a fast desk gets up to the ceiling within two seconds', async t => {
  const desk = { cpus: 16, webServers: 64, workers: 64, webMs: 1, backgroundMs: 0.5, readMs: 1, sigma: 0.5 }
  const { limits } = runDeskModel({ desk, messages: 5_000, seed: 1, pace: adaptive(64) })
  const reached = limits.find(({ limit }) => limit === 64)
  t.ok(reached !== undefined && reached.atMs <= 2_000, `reached after ${reached?.atMs} ms`)
})

t.test('the limit never leaves floor and ceiling, whatever is told', async t => {
  let now = 0
  const pace = createDeskPace({ ceiling: 6, floor: 2, monotonicMs: () => now })
  t.equal(pace.limit(), 2)
  const seen = new Set<number>()
  for (let i = 0; i < 3_000; i++) {
    now += 20
    pace.onCall(1, true)
    seen.add(pace.limit())
  }
  t.equal(Math.min(...seen), 2)
  t.equal(Math.max(...seen), 6)
  t.equal(pace.limit(), 6)
  pace.setCeiling(3)
  t.equal(pace.limit(), 3, 'a lower ceiling counts at once')
  for (let i = 0; i < 100; i++) {
    now += 1_000
    pace.onTrouble()
  }
  t.equal(pace.limit(), 2)
})

t.test('trouble halves the limit once per cooling time, not once per failed call', async t => {
  let now = 0
  const pace = createDeskPace({ ceiling: 64, start: 32, monotonicMs: () => now })
  now = 1_000
  for (let i = 0; i < 32; i++) pace.onTrouble()
  t.equal(pace.limit(), 16)
})

t.test('a limit that is not in use does not grow', async t => {
  let now = 0
  const pace = createDeskPace({ ceiling: 64, monotonicMs: () => now })
  for (let i = 0; i < 500; i++) {
    now += 20
    pace.onCall(5, false)
  }
  t.equal(pace.limit(), 1)
})

t.test('a desk that became slower for good is judged anew after a while', async t => {
  let now = 0
  const pace = createDeskPace({ ceiling: 8, monotonicMs: () => now })
  const work = (ms: number, seconds: number): void => {
    for (const end = now + seconds * 1_000; now < end; ) {
      now += ms / pace.limit()
      pace.onCall(ms, true)
    }
  }
  work(60, 10)
  t.equal(pace.limit(), 8)
  work(200, 8)
  t.ok(pace.limit() <= 2, `after the change: ${pace.limit()}`)
  work(200, 300)
  t.equal(pace.limit(), 8, 'latency that does not depend on the load is no congestion')
})

t.test('a newcomer without a part of the ceiling works at the floor, and grows as soon as it has one', t => {
  let nowMs = 0
  const pace = createDeskPace({ ceiling: 0, start: 6, monotonicMs: () => nowMs })
  t.equal(pace.limit(), 1)
  const work = (ms: number): void => {
    for (const until = nowMs + ms; nowMs < until; nowMs += 10) pace.onCall(8, true)
  }
  work(1_000)
  t.equal(pace.limit(), 1)
  pace.setCeiling(8)
  work(5_000)
  t.equal(pace.limit(), 8)
  pace.setCeiling(0)
  t.equal(pace.limit(), 1)
  t.end()
})
