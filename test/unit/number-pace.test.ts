/** A number's throughput: kept, used to the full, and without holding places that others need. */
import t from 'tap'
import { createNumberPaces } from '../../plugin/core/outbound/number-pace.ts'

interface Taker {
  atMs: number
  run(): Promise<void>
}

t.test('a burst of 500 on a number of 80 a second', async t => {
  let now = 10_000
  let inPlace = 0
  let mostInPlace = 0
  const due: Taker[] = []
  const left: number[] = []
  const pace = createNumberPaces({
    monotonicMs: () => now,
    sleep: ms =>
      new Promise(resolve => {
        inPlace++
        mostInPlace = Math.max(mostInPlace, inPlace)
        due.push({
          atMs: now + ms,
          run: async () => {
            inPlace--
            resolve(undefined)
          }
        })
      }),
    perSecond: () => 80
  })
  let told = 0
  const ask = async (): Promise<void> => {
    const waitMs = await pace.take(1)
    if (waitMs === 0) return void left.push(now)
    told++
    due.push({ atMs: now + waitMs, run: () => void ask() as never })
  }
  for (let i = 0; i < 500; i++) void ask()
  // A neighbour that is quick meanwhile is not held up by what was told to others.
  t.equal(await pace.take(2), 0)
  for (let steps = 0; steps < 5_000; steps++) {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    due.sort((a, b) => a.atMs - b.atMs)
    const next = due.shift()
    if (next === undefined) break
    now = Math.max(now, next.atMs)
    void next.run()
  }
  t.equal(left.length, 500, 'all have left')
  t.ok(mostInPlace <= 21, `${mostInPlace} waited in their places`)
  t.ok(told >= 380 && told < 900, `told to come back ${told} times`)
  const tookMs = left.at(-1)! - left[0]!
  t.ok(tookMs >= 5_200 && tookMs < 6_000, `took ${Math.round(tookMs)} ms`)
  for (const [index, at] of left.entries()) {
    const within = left.slice(index).filter(other => other < at + 1_000).length
    t.ok(within <= 161, `${within} within a second`)
    if (at > left[0]! + 1_000) t.ok(within <= 82, `${within} within a second, the burst over`)
  }
})
