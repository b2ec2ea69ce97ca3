/** What a real desk does besides: it greets in the same answer (CW-GREETED), it refuses unknown attributes (CW-FILTER-ATTRIBUTE). */
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import { count, deliver, setPolicy, webhook } from './inbound-lab.ts'

t.setTimeout(120_000)

t.test("a customer's first message stands once where the desk greets at once", async t => {
  const flow = await startFlow(t)
  flow.sandbox.desk.act({ act: 'greeting', on: true, message: 'Bienvenido' })
  const text = 'the first of a greeted customer'
  t.equal(await deliver(flow, webhook(flow, { text, waId: '15550109001' })), 200)
  await flow.until('the row', () => count(flow, text) > 0, 30_000)
  await flow.settle(30_000)
  const holding = flow.conversations().find(each => each.messages.some((row: Loose) => row.content === text))
  t.same(
    holding?.messages.map((row: Loose) => [row.type, row.content]),
    [
      ['incoming', text],
      ['template', 'Bienvenido']
    ]
  )
  const second = 'and a second one'
  t.equal(await deliver(flow, webhook(flow, { text: second, waId: '15550109001' })), 200)
  await flow.until('the second row', () => count(flow, second) > 0, 30_000)
  await flow.settle(30_000)
  t.equal(count(flow, text), 1)
  t.equal(count(flow, second), 1)
})

t.test('a phone attribute of the policy that the desk does not know (any more) keeps nobody out', async t => {
  const flow = await startFlow(t)
  await setPolicy(flow, { extraPhoneAttributes: ['nobody_defined_this'] })
  const text = 'served all the same'
  t.equal(await deliver(flow, webhook(flow, { text, waId: '15550109002' })), 200)
  await flow.until('the row', () => count(flow, text) > 0, 30_000)
  await flow.settle(30_000)
  t.equal(count(flow, text), 1)
})
