/** What every implementation of the port `Jobs` must do. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Jobs } from '../../plugin/core/ports/jobs.ts'

export interface JobsUnderTest {
  /** A new alarm clock of the same installation; the suite closes it. */
  open(t: Test): Promise<{ make(): Jobs }>
}

/** Waits until the condition holds. @throws after 10 s */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`did not happen within 10 s: ${what}`)
    await sleep(2)
  }
}

export function runJobsSuite(t: Test, underTest: JobsUnderTest): void {
  t.test('a wake-up runs the handler', async t => {
    const { make } = await underTest.open(t)
    const jobs = make()
    let runs = 0
    await jobs.start(() => void runs++)
    await until(() => jobs.state().healthy, 'healthy')
    await sleep(100)
    t.equal(runs, 0, 'nothing runs unasked')
    jobs.wake()
    t.equal(runs, 0, 'not inside the call')
    await until(() => runs > 0, 'a run')
    jobs.wake()
    await until(() => runs > 1, 'a second run')
    await sleep(100)
    t.equal(runs, 2, 'one run for each')
    await jobs.close()
  })

  t.test('a burst becomes few runs, and the last of it is never forgotten', async t => {
    const { make } = await underTest.open(t)
    const jobs = make()
    let asked = 0
    let runs = 0
    let heard = 0
    await jobs.start(() => {
      runs++
      heard = asked
    })
    await until(() => jobs.state().healthy, 'healthy')
    for (let turn = 0; turn < 20; turn++) {
      for (let call = 0; call < 100; call++) {
        asked++
        jobs.wake()
      }
      if (turn % 4 === 0) await sleep(1)
    }
    await until(() => heard === asked, 'a run after the last call')
    t.ok(runs <= 10, `2000 calls became ${runs} runs`)
    for (let round = 0; round < 30; round++) {
      await sleep(Math.random() * 20)
      asked++
      jobs.wake()
    }
    await until(() => heard === asked, 'a run after the last of scattered calls')
    await jobs.close()
  })

  t.test('what was asked for before the start is done at the start', async t => {
    const { make } = await underTest.open(t)
    const jobs = make()
    let runs = 0
    jobs.wake()
    jobs.wake()
    await sleep(20)
    await jobs.start(() => void runs++)
    await until(() => runs > 0, 'a run')
    await jobs.close()
  })

  t.test('a handler that throws is called again next time', async t => {
    const { make } = await underTest.open(t)
    const jobs = make()
    let runs = 0
    await jobs.start(() => {
      runs++
      throw new Error('out of order')
    })
    jobs.wake()
    await until(() => runs > 0, 'a run')
    await sleep(50)
    const before = runs
    jobs.wake()
    await until(() => runs > before, 'another run')
    t.match(jobs.state(), { kind: String, lastError: String })
    await jobs.close()
  })

  t.test('after close nothing runs, and closing again does no harm', async t => {
    const { make } = await underTest.open(t)
    const jobs = make()
    let runs = 0
    await jobs.start(() => void runs++)
    jobs.wake()
    await Promise.all([jobs.close(), jobs.close()])
    const before = runs
    jobs.wake()
    await sleep(100)
    t.equal(runs, before)
    t.equal(jobs.state().healthy, false)
    await jobs.close()
    const unused = make()
    const begun = performance.now()
    await unused.close()
    t.ok(performance.now() - begun < 3000, 'one that never started closes too')
  })
}
