/** The desk calls once and never again: with hooks dropped at random, every agent message still leaves exactly once. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startFlow } from '../support/puente.ts'
import { beginTalk, type Talk, textsOf } from './talk.ts'

const FACTOR = 0.05
const GRACE_MS = 30_000 * FACTOR + 1_100

for (const seed of [11, 12]) {
  t.test(`hooks dropped, doubled, delayed and reordered at random (seed ${seed})`, async t => {
    const flow = await startFlow(t, { seed, injected: { timeFactor: FACTOR } })
    const talks: Talk[] = []
    for (let nth = 0; nth < 4; nth++) talks.push(await beginTalk(flow))
    await flow.settle()
    await flow.door('faults', [
      { on: 'hook:desk', kind: 'drop', probability: 0.4 },
      { on: 'hook:desk', kind: 'duplicate', probability: 0.2 },
      { on: 'hook:desk', kind: 'delay', probability: 0.2, delayMs: 300 },
      { on: 'hook:desk', kind: 'reorder', probability: 0.2 }
    ])
    const wanted = new Map<Talk, string[]>(talks.map(talk => [talk, []]))
    for (let nth = 0; nth < 8; nth++) {
      for (const talk of talks) {
        const text = `answer ${nth}`
        wanted.get(talk)!.push(text)
        talk.reply(text)
      }
      // The reconciliation runs while hooks come and go.
      if (nth === 4) await flow.runtime.reconcile.run(false)
      await sleep(60)
    }
    await sleep(500)
    const dropped = flow
      .ledger({ what: 'hook', name: 'message_created' })
      .filter(entry => entry.fault === 'drop').length
    t.ok(dropped >= 3, `${dropped} hooks of answers were lost`)
    await flow.door('faults', [])
    await sleep(GRACE_MS)
    await flow.until(
      'all of them',
      async () => {
        await flow.runtime.reconcile.run(false)
        return talks.every(talk => talk.sent().length >= wanted.get(talk)!.length)
      },
      15_000
    )
    await flow.runtime.reconcile.run(true)
    await flow.settle()
    for (const talk of talks) {
      t.same(textsOf(talk.sent()).sort(), wanted.get(talk)!.sort(), 'each exactly once')
    }
    await flow.until('shown as they are', () =>
      talks.every(talk => talk.conversation().messages.every((row: { status: string }) => row.status !== 'failed'))
    )
  })
}
