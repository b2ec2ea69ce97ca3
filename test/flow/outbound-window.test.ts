/** The customer service window: what waits for it, what passes it, and when what waits is given up. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, sampleFile, type Talk, textsOf } from './talk.ts'

const HOUR_MS = 3_600_000

t.test('the customer service window', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.5 } })
  const failed = async (talk: Talk, messageId: number): Promise<string> => {
    await flow.until('failed in the desk', () => talk.row(messageId).status === 'failed', 15_000)
    return talk.row(messageId).contentAttributes.external_error
  }
  const parkOne = async (content: string): Promise<{ talk: Talk; messageId: number }> => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await jump(25 * HOUR_MS)
    const messageId = talk.reply(content)
    await failed(talk, messageId)
    return { talk, messageId }
  }
  const jump = (ms: number): Promise<unknown> => flow.door('clock', { jumpMs: ms })

  await t.test('S49, S55: several answers wait, are explained, and leave in order before newer ones', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await jump(25 * HOUR_MS)
    const first = talk.reply('first')
    const second = talk.reply('second', { attachments: [sampleFile('jpeg', 'a.jpg')] })
    t.match(await failed(talk, first), /24 h.*template/)
    await failed(talk, second)
    t.equal(talk.sent().length, 0)
    await flow.settle()
    await talk.say('I am back')
    talk.reply('third, written after the customer')
    await flow.until('all three', () => talk.sent().length === 3, 15_000)
    t.same(
      talk.sent().map(message => message.text?.body ?? message.image.caption),
      ['first', 'second', 'third, written after the customer']
    )
    await flow.until('no longer failed', () =>
      [first, second].every(messageId => talk.row(messageId).status === 'read')
    )
    await flow.settle()
    t.equal(talk.sent().length, 3)
  })

  await t.test("S49: a customer's call opens the window like a message", async t => {
    const { talk } = await parkOne('when you are there')
    await flow.say({ customer: talk.customer, type: 'call' })
    talk.reply('I saw your call')
    await flow.until('both', () => talk.sent().length === 2, 15_000)
    t.same(textsOf(talk.sent()), ['when you are there', 'I saw your call'])
  })

  await t.test('no longer shown failed although no status comes', async t => {
    const { talk, messageId } = await parkOne('parked')
    await flow.settle()
    await flow.door('graph', { statuses: { mode: 'manual' } })
    await talk.say('here I am')
    await flow.until('sent', () => talk.sent()[0])
    await flow.until('shown sent', () => talk.row(messageId).status === 'sent')
    t.notOk(talk.row(messageId).contentAttributes.external_error)
    await flow.door('graph', { statuses: { mode: 'instant' } })
  })

  await t.test('S49: a template passes the closed window, and what is parked behind it goes on waiting', async t => {
    const { talk, messageId: parked } = await parkOne('parked')
    talk.reply('Hello World', {
      templateParams: { name: 'hello_world', category: 'UTILITY', language: 'en_US', processed_params: {} }
    })
    await flow.until('the template', () => talk.sent()[0])
    t.match(talk.sent()[0], { type: 'template', template: { name: 'hello_world' } })
    await flow.settle()
    t.equal(talk.sent().length, 1)
    t.equal(talk.row(parked).status, 'failed')
  })

  await t.test('deleted while it waits: recalled, never sent, no note', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await jump(25 * HOUR_MS)
    const gone = talk.reply('recalled')
    const stays = talk.reply('stays')
    await failed(talk, gone)
    await failed(talk, stays)
    talk.act('delete', { messageId: gone })
    await flow.settle()
    await sleep(150)
    await flow.settle()
    await talk.say('back')
    await flow.until('the other', () => talk.sent()[0])
    await flow.settle()
    t.same(textsOf(talk.sent()), ['stays'])
    t.equal(talk.conversation().messages.filter((message: Loose) => message.private).length, 0)
  })

  await t.test('Retry while the window is closed parks it again, and once only it leaves', async t => {
    const { talk, messageId } = await parkOne('impatient')
    await flow.settle()
    talk.act('retry', { messageId })
    await flow.until('taken up', () => talk.row(messageId).status === 'sent')
    await failed(talk, messageId)
    t.equal(talk.sent().length, 0)
    await flow.settle()
    await talk.say('now')
    await flow.until('sent', () => talk.sent()[0])
    await flow.settle()
    t.equal(talk.sent().length, 1)
  })

  for (const as of ['sync', 'status'] as const) {
    await t.test(`S49: WhatsApp knows better (131047 as ${as}): parked, the window believed closed`, async t => {
      const talk = await beginTalk(flow)
      await flow.door('graph', { failNext: { code: 131047, as, customer: talk.customer } })
      const messageId = talk.reply('refused for the window')
      t.match(await failed(talk, messageId), /24 h/)
      await flow.settle()
      const before = talk.sent().length
      const other = talk.reply('behind it')
      await failed(talk, other)
      t.equal(talk.sent().length, before, 'nothing more is tried')
      await flow.settle()
      await sleep(1_100)
      await talk.say('I wrote again')
      await flow.until('both left', () => talk.sent().length === before + 2, 15_000)
      t.same(textsOf(talk.sent().slice(before)), ['refused for the window', 'behind it'])
      await flow.until('read', () => [messageId, other].every(id => talk.row(id).status === 'read'))
    })
  }

  await t.test('what has waited 24 h is given up: said in the desk, not sent when the customer comes', async t => {
    const { talk, messageId } = await parkOne('too late')
    await flow.settle()
    await jump(25 * HOUR_MS)
    const witness = await beginTalk(flow)
    await flow.until(
      'given up',
      () => /in time/.test(talk.row(messageId).contentAttributes.external_error ?? ''),
      20_000
    )
    await talk.say('hello?')
    witness.reply('meanwhile')
    await flow.until('the witness', () => witness.sent()[0])
    await flow.settle()
    t.equal(talk.sent().length, 0)
    t.equal(talk.row(messageId).status, 'failed')
  })
})
