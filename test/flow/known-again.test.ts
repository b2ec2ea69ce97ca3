/** D4: two messages under one id. The first wins; that the second said something else is counted, nothing more. */
import t from 'tap'
import { startFlow } from '../support/puente.ts'
import { count, deliver, envelope, newWamid, nowSeconds, value, webhook } from './inbound-lab.ts'

t.test('the same id with other content: the first stays, and the difference is counted', async t => {
  const flow = await startFlow(t)
  const differing = (): number => flow.runtime.metrics.total('duplicates_differ')
  const at = nowSeconds()
  const first = { wamid: newWamid(), text: 'as it was said first', at }
  const other = { wamid: newWamid(), text: 'another', at }
  await deliver(flow, webhook(flow, first))
  await deliver(flow, webhook(flow, other))
  await flow.until('both', () => count(flow, first.text) + count(flow, other.text) === 2)
  await flow.settle()

  await deliver(flow, webhook(flow, first))
  // The same two facts in one webhook: other bytes, the same words.
  await deliver(flow, envelope(value(flow, [first, other])))
  await flow.settle()
  t.equal(differing(), 0, 'a repetition is no difference')

  await deliver(flow, webhook(flow, { ...first, text: 'as nobody said it' }))
  await flow.until('counted', () => differing() === 1)
  await flow.settle()
  t.equal(count(flow, first.text), 1)
  t.equal(count(flow, 'as nobody said it'), 0)
  t.ok(flow.logs.some(line => /under its id with other content/.test(line)))
  t.notOk(
    flow.logs.some(line => line.includes('as nobody said it')),
    'the words are not in the log'
  )
})
