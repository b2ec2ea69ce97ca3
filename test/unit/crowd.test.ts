/** Delivery holds back while a crowd of webhooks waits long for its commits, and only then. */
import t from 'tap'
import { type Crowd, createCrowd } from '../../plugin/core/inbound/crowd.ts'

const SECOND = 1_000
/** Of so many as a pump has. */
const lanes = (crowd: Crowd): number => Math.ceil(128 * crowd.part())

function stage() {
  let nowMs = 0
  let load = 0
  const crowd = createCrowd(
    () => nowMs,
    () => load
  )
  /** So many webhooks a second for so long, each stored after so long; null = none is stored. */
  const pass = (perSecond: number, forMs: number, tookMs: number | null): void => {
    for (let n = 0; n < (perSecond * forMs) / SECOND; n++) {
      nowMs += SECOND / perSecond
      crowd.came()
      if (tookMs !== null) crowd.stored(tookMs)
    }
  }
  return { crowd, pass, busy: (part: number) => void (load = part), wait: (ms: number) => void (nowMs += ms) }
}

t.test('a crowd that waits gets its way within a second or so, and delivery never stands still', async t => {
  const { crowd, pass } = stage()
  t.equal(lanes(crowd), 128)
  pass(4_000, 2 * SECOND, 20)
  t.equal(lanes(crowd), 2)
  pass(4_000, 60 * SECOND, 20)
  t.equal(lanes(crowd), 2)
})

t.test('one that waits very long gets it at once: what queues meanwhile would wait for seconds', async t => {
  const { crowd, pass } = stage()
  pass(4_000, 700, 100)
  t.equal(lanes(crowd), 2)
})

t.test('it comes back little by little while the crowd is there and quickly served', async t => {
  const { crowd, pass } = stage()
  pass(4_000, 3 * SECOND, 20)
  pass(4_000, 1.5 * SECOND, 2)
  t.ok(lanes(crowd) > 2 && lanes(crowd) < 64, `${lanes(crowd)} after a second and a half`)
  pass(4_000, 6 * SECOND, 2)
  t.equal(lanes(crowd), 128)
})

t.test('it comes back at once when the crowd has gone: what it left waits to be delivered', async t => {
  const fewer = stage()
  fewer.pass(4_000, 3 * SECOND, 20)
  fewer.pass(50, 0.5 * SECOND, 20)
  t.equal(lanes(fewer.crowd), 128, 'few come')
  const nobody = stage()
  nobody.pass(4_000, 3 * SECOND, 20)
  for (let looks = 0; looks < 3; looks++) {
    nobody.wait(100)
    nobody.crowd.part()
  }
  t.equal(lanes(nobody.crowd), 128, 'nobody comes')
  t.ok(nobody.crowd.perSecond() < 1)
})

t.test('a process that stood still has not been left by its crowd, and who still waits has not gone', async t => {
  const still = stage()
  still.pass(4_000, 3 * SECOND, 20)
  still.wait(250)
  t.ok(lanes(still.crowd) < 8)
  const waiting = stage()
  waiting.pass(4_000, 3 * SECOND, 20)
  waiting.crowd.came()
  waiting.wait(100)
  waiting.crowd.part()
  waiting.wait(100)
  t.ok(lanes(waiting.crowd) < 8)
})

t.test('when nobody has asked for long, all is free again', async t => {
  const { crowd, pass, wait } = stage()
  pass(4_000, 3 * SECOND, 20)
  wait(10 * SECOND)
  t.equal(lanes(crowd), 128)
  t.ok(crowd.perSecond() < 1)
})

t.test('nothing that was stored is as bad as slow', async t => {
  const { crowd, pass } = stage()
  pass(4_000, 2 * SECOND, null)
  t.equal(lanes(crowd), 2)
})

t.test('few webhooks on a slow disk hold back nothing', async t => {
  const { crowd, pass } = stage()
  pass(500, 10 * SECOND, 200)
  t.equal(lanes(crowd), 128)
  t.ok(Math.abs(crowd.perSecond() - 500) < 50, `${crowd.perSecond()}`)
})

t.test('what gathered in a moment of standing still is no crowd', async t => {
  const { crowd, pass, wait } = stage()
  pass(1_000, 2 * SECOND, 20)
  wait(200)
  pass(20_000, 15, 100)
  pass(1_000, SECOND, 20)
  t.equal(lanes(crowd), 128)
})

t.test('a process that has no moment to itself holds back for fewer: they wait where nobody counts', async t => {
  const { crowd, pass, busy } = stage()
  busy(1)
  pass(1_200, 3 * SECOND, 2)
  t.ok(lanes(crowd) < 8, `${lanes(crowd)} lanes`)
  busy(0.5)
  pass(1_200, SECOND, 2)
  t.ok(lanes(crowd) > 2 && lanes(crowd) < 64, `${lanes(crowd)} after a second: it is felt for what is left over`)
  pass(1_200, 6 * SECOND, 2)
  t.equal(lanes(crowd), 128)
  busy(1)
  pass(1_200, 3 * SECOND, 2)
  pass(50, SECOND, 2)
  t.equal(lanes(crowd), 128, 'they have gone: what waits is delivered, however busy that is')
})

t.test('a busy process without a crowd holds back nothing', async t => {
  const { crowd, pass, busy } = stage()
  busy(1)
  pass(800, 5 * SECOND, 20)
  t.equal(lanes(crowd), 128)
})
