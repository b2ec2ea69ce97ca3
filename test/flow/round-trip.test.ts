/** The main road, both ways: what a person sees who tries it for the first time. */
import t from 'tap'
import { startFlow } from '../support/puente.ts'

t.test(
  'S3, S56: a new customer costs two desk calls, a known one one; the answer arrives as the agent saw it',
  async t => {
    const flow = await startFlow(t)
    const before = flow.ledger({ side: 'desk', what: 'call' }).length
    await flow.say({ text: 'Hola *mundo* 2*3*4' })
    await flow.until('the row', () => flow.messages()[0])
    t.equal(flow.messages()[0].content, 'Hola **mundo** 2\\*3\\*4')
    const writes = flow
      .ledger({ side: 'desk', what: 'call' })
      .slice(before)
      .filter(call => !call.name.startsWith('GET'))
    t.same(
      writes.map(call => call.name),
      ['POST /contacts', 'POST /conversations']
    )

    await flow.settle()
    const known = flow.ledger({ side: 'desk', what: 'call' }).length
    await flow.say({ text: 'otra vez' })
    await flow.until('the second row', () => flow.messages()[1])
    t.same(
      flow
        .ledger({ side: 'desk', what: 'call' })
        .slice(known)
        .filter(call => !call.name.startsWith('GET'))
        .map(call => call.name),
      ['POST /conversations/:id/messages']
    )

    const { messageId } = flow.reply({ conversationId: flow.conversations()[0].id, content: 'Hola **Lucía**, 2*3 = 6' })
    await flow.until('the answer at WhatsApp', () => flow.sent()[0])
    t.match(flow.sent()[0], { type: 'text', text: { body: 'Hola *Lucía*, 2*3 = 6' } })
    await flow.until(
      'the blue ticks',
      () => flow.messages().find(message => message.id === messageId).status === 'read'
    )
    await flow.settle()
    const ticks = flow.ledger({ side: 'desk', what: 'call' }).filter(call => /^PATCH .*messages/.test(call.name))
    t.equal(ticks.length, 1, 'S79: delivered and read cost one call, sent none')
  }
)

t.test(
  'S49, S55: an answer outside the window is parked, explained, and sent the moment the customer answers',
  async t => {
    const flow = await startFlow(t)
    await flow.say({ text: 'one' })
    const conversation = await flow.until('the conversation', () => flow.conversations()[0])
    await flow.settle()
    await flow.door('clock', { jumpMs: 25 * 3_600_000 })
    const { messageId } = flow.reply({ conversationId: conversation.id, content: 'Too late?' })
    const row = () => flow.messages().find(message => message.id === messageId)
    await flow.until('the reason in the desk', () => row().status === 'failed')
    t.match(row().contentAttributes.external_error, /24 h/)
    t.equal(flow.sent().length, 0, 'nothing has left')
    await flow.say({ text: 'I am back' })
    await flow.until('the parked answer at WhatsApp', () => flow.sent()[0])
    t.match(flow.sent()[0], { text: { body: 'Too late?' } })
    await flow.until('the desk no longer shows it failed', () => row().status !== 'failed')
  }
)

t.test("the desk's Retry really sends again, with its quote, once per click", async t => {
  const flow = await startFlow(t)
  await flow.say({ text: 'question' })
  const conversation = await flow.until('the conversation', () => flow.conversations()[0])
  const question = conversation.messages[0]
  await flow.settle()
  await flow.door('graph', { failNext: { code: 131026, as: 'status' } })
  const { messageId } = flow.reply({ conversationId: conversation.id, content: 'answer', inReplyTo: question.id })
  const row = () => flow.messages().find(message => message.id === messageId)
  await flow.until('failed in the desk', () => row().status === 'failed')
  t.ok(row().contentAttributes.external_error.length <= 120)
  await flow.settle()
  flow.act({ act: 'retry', conversationId: conversation.id, messageId })
  await flow.until('sent again', () => flow.sent().length === 2)
  t.equal(flow.sent()[1].context.message_id, question.sourceId, 'the quote that the desk has wiped goes along')
  await flow.until('read', () => row().status === 'read')
  await flow.settle()
  t.equal(flow.sent().length, 2)
})
