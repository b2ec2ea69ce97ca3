/** Delivery holds back while a crowd of webhooks waits long for its commits, and only then. */
import t from 'tap'
import { type Crowd, createCrowd } from '../../plugin/core/inbound/crowd.ts'

const SECOND = 1_000
/** Of so many as a pump has. */
const lanes = (crowd: Crowd): number => Math.ceil(128 * crowd.part())

function stage() {
  let nowMs = 0
  const crowd = createCrowd(() => nowMs)
  /** So many webhooks a second for so long, each stored after so long; null = none is stored. */
  const pass = (perSecond: number, forMs: number, tookMs: number | null): void => {
    for (let n = 0; n < (perSecond * forMs) / SECOND; n++) {
      nowMs += SECOND / perSecond
      crowd.came()
      if (tookMs !== null) crowd.stored(tookMs)
    }
  }
  return { crowd, pass, wait: (ms: number) => void (nowMs += ms) }
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

t.test('it comes back little by little, whether the crowd goes or is quickly served', async t => {
  for (const calmer of [
    { perSecond: 4_000, tookMs: 2 },
    { perSecond: 50, tookMs: 20 }
  ]) {
    const { crowd, pass } = stage()
    pass(4_000, 3 * SECOND, 20)
    pass(calmer.perSecond, 1.5 * SECOND, calmer.tookMs)
    t.ok(lanes(crowd) > 2 && lanes(crowd) < 64, `${lanes(crowd)} after a second and a half`)
    pass(calmer.perSecond, 6 * SECOND, calmer.tookMs)
    t.equal(lanes(crowd), 128)
  }
})

t.test('when nobody comes any more, all is free again', async t => {
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
