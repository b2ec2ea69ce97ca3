/** A crowd of customers waits for a slow desk; what an agent writes meanwhile must not wait behind it. */
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk } from './talk.ts'

/** More customers than a process holds lanes. */
const CROWD = 300
const CALL_MS = 250

t.test('an agent’s answer does not wait behind a backlog', async t => {
  const flow = await startFlow(t)
  const talk = await beginTalk(flow)
  await flow.door('faults', [{ on: 'call:desk', kind: 'delay', delayMs: CALL_MS }])
  await flow.door('say', {
    messages: Array.from({ length: CROWD }, (_, index) => ({
      customer: `3462200${String(index).padStart(4, '0')}`,
      type: 'text',
      text: 'Hola'
    })),
    batch: 50
  })
  await flow.until(
    'all are stored',
    () => flow.runtime.sorter.isIdle() && flow.runtime.bridge.intake.depth().rows === 0
  )
  t.ok(flow.conversations().length < CROWD / 2, 'the crowd waits')
  const began = performance.now()
  talk.reply('one moment')
  await flow.until('the answer has left', () => talk.sent().length === 1, 60_000)
  const tookMs = performance.now() - began
  t.ok(tookMs < 2_000, `${tookMs.toFixed(0)} ms`)
  flow.sandbox.graph.configure({ failNext: [{ code: 131026, as: 'status', count: 1 }] } as Loose)
  const lost = talk.reply('this one is lost')
  await flow.until('the failure is shown', () => talk.row(lost).status === 'failed', 5_000)
  t.ok(flow.conversations().length < CROWD / 2, 'and waits still')
})
