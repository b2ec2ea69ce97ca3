/** What people do with answers that exist: quote, retry, delete; and what the desk does to them when we are late. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { signHook } from '../../adapters/chatwoot/signature.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, paint, query, sampleFile, type Talk, textsOf } from './talk.ts'

t.test('answers that exist', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.4 } })
  const quiet = async (): Promise<void> => {
    await flow.settle()
    await sleep(250)
    await flow.settle()
  }
  const failNext = (talk: Talk, code: number, as: 'status' | 'sync', count = 1): Promise<unknown> =>
    flow.door('graph', { failNext: { code, as, count, customer: talk.customer } })
  const failed = async (talk: Talk, messageId: number): Promise<string> => {
    await flow.until('failed in the desk', () => talk.row(messageId).status === 'failed', 20_000)
    await quiet()
    return talk.row(messageId).contentAttributes.external_error
  }

  await t.test('quotes go both ways, from our own map', async t => {
    const talk = await beginTalk(flow, 'first question')
    const answer = talk.reply('answer to it', { inReplyTo: talk.question.id })
    await flow.until('sent', () => talk.sent()[0])
    t.equal(talk.sent()[0].context.message_id, talk.question.sourceId)
    const { wamid } = talk.sent()[0]
    await flow.say({ customer: talk.customer, text: 'about your answer', replyTo: wamid, context: wamid })
    const row = await flow.until('the customer’s quote', () =>
      talk.conversation().messages.find((message: Loose) => message.content === 'about your answer')
    )
    t.equal(row.contentAttributes.in_reply_to, answer)
    talk.reply('quoting myself', { inReplyTo: answer })
    await flow.until('sent too', () => talk.sent()[1])
    t.equal(talk.sent()[1].context.message_id, wamid)
  })

  await t.test('one delivery of the desk that comes twice is one click', async t => {
    const talk = await beginTalk(flow)
    await failNext(talk, 131026, 'status')
    const messageId = talk.reply('tried again, once')
    await failed(talk, messageId)
    flow.runtime.pump.pause(true)
    t.teardown(() => flow.runtime.pump.pause(false))
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'message_updated', count: 2 }])
    talk.act('retry', { messageId })
    await flow.until('its own hooks lost', () => flow.sandbox.faults.list()[0]?.count === 0)
    await flow.door('faults', [])
    const number = flow.runtime.bridge.registry.numbers()[0]!
    const hook = JSON.parse(
      readFileSync(new URL('../fixtures/chatwoot/webhook.message_updated.retry-4.16.json', import.meta.url), 'utf8')
    )
    Object.assign(hook, { id: messageId, content: 'tried again, once' })
    Object.assign(hook.conversation, { id: talk.conversationId })
    hook.conversation.contact_inbox.source_id = talk.contactSource
    const raw = Buffer.from(JSON.stringify(hook))
    const timestamp = String(Math.floor(Date.now() / 1000))
    const send = (id: string): Promise<Response> =>
      fetch(`${flow.url}/webhooks/chatwoot/${number.inboxKey}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-chatwoot-timestamp': timestamp,
          'x-chatwoot-signature': signHook(raw, timestamp, number.hookSecret!),
          'x-chatwoot-delivery': id
        },
        body: raw
      })
    const rows = async (): Promise<number> =>
      (await query(flow, 'select key from events where key like $1', [`r:${messageId}:%`])).length
    for (const id of ['0b5bc1d4-0001-4000-8000-000000000001', '0b5bc1d4-0001-4000-8000-000000000001']) {
      t.equal((await send(id)).status, 200)
    }
    t.equal(await rows(), 1)
    t.equal((await send('0b5bc1d4-0001-4000-8000-000000000002')).status, 200)
    t.equal(await rows(), 2, 'another one is looked at on its own')
    flow.runtime.pump.pause(false)
    await flow.until('sent again', () => talk.sent().length === 2)
    await quiet()
    t.equal(talk.sent().length, 2, 'and nothing is sent twice')
  })

  await t.test('Retry sends again with its quote, once per click; two updates or one', async t => {
    const talk = await beginTalk(flow)
    await failNext(talk, 131026, 'status')
    const messageId = talk.reply('answer', { inReplyTo: talk.question.id })
    t.match(await failed(talk, messageId), /\(131026\)$/)
    talk.act('retry', { messageId })
    await flow.until('sent again', () => talk.sent().length === 2)
    await flow.until('read', () => talk.row(messageId).status === 'read')
    t.equal(talk.sent()[1].context.message_id, talk.question.sourceId)

    await failNext(talk, 131026, 'status', 2)
    const other = talk.reply('one update', { inReplyTo: talk.question.id })
    await failed(talk, other)
    // As on develop: the second of the two updates is the only one.
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'message_updated', count: 1 }])
    talk.act('retry', { messageId: other })
    await flow.until('sent a second time', () => talk.sent().length === 4)
    await failed(talk, other)
    talk.act('retry', { messageId: other })
    await flow.until('sent a third time', () => talk.sent().length === 5)
    await flow.until('read', () => talk.row(other).status === 'read')
    await quiet()
    t.equal(talk.sent().length, 5)
    t.equal(talk.sent()[4].context.message_id, talk.question.sourceId)
  })

  await t.test('Retry of an answer that WhatsApp refused at once sends it then', async t => {
    const talk = await beginTalk(flow)
    await failNext(talk, 131026, 'sync')
    const messageId = talk.reply('refused at once')
    await failed(talk, messageId)
    t.equal(talk.sent().length, 0)
    talk.act('retry', { messageId })
    await flow.until('sent', () => talk.sent().length === 1)
    await flow.until('read', () => talk.row(messageId).status === 'read')
  })

  await t.test('of several parts only those that failed go again', async t => {
    const talk = await beginTalk(flow)
    await flow.door('graph', { statuses: { mode: 'manual' } })
    const messageId = talk.reply('two files', {
      attachments: [sampleFile('jpeg', 'a.jpg'), sampleFile('pdf', 'b.pdf')]
    })
    await flow.until('both', () => talk.sent().length === 2, 15_000)
    const [image, pdf] = talk.sent()
    await flow.door('status', { wamid: image.wamid, status: 'read' })
    await flow.door('status', { wamid: pdf.wamid, status: 'failed', code: 131026 })
    await failed(talk, messageId)
    talk.act('retry', { messageId })
    await flow.until('sent again', () => talk.sent().length === 3, 15_000)
    await flow.door('status', { wamid: talk.sent()[2].wamid, status: 'delivered' })
    await flow.until('the lower of the two', () => talk.row(messageId).status === 'delivered')
    await flow.door('graph', { statuses: { mode: 'instant' } })
    await quiet()
    t.same(
      talk.sent().map(message => message.type),
      ['image', 'document', 'document']
    )
  })

  await t.test('deleting in the desk sends nothing and says that WhatsApp cannot recall, once', async t => {
    const talk = await beginTalk(flow)
    const messageId = talk.reply('said too much')
    await flow.until('read', () => talk.row(messageId).status === 'read')
    await quiet()
    await flow.door('faults', [{ on: 'hook:desk', kind: 'duplicate', match: 'message_updated', count: 1 }])
    talk.act('delete', { messageId })
    const notes = (): Loose[] => talk.conversation().messages.filter((message: Loose) => message.private)
    await flow.until('the note', () => notes()[0])
    await quiet()
    t.equal(notes().length, 1)
    t.match(notes()[0].content, /cannot recall/)
    t.same(textsOf(talk.sent()), ['said too much'], 'neither the note nor "This message was deleted" is sent')
  })

  const notesIn = (talk: Talk): Loose[] => talk.conversation().messages.filter((message: Loose) => message.private)
  const statesOf = async (messageId: number): Promise<unknown[]> =>
    (await query(flow, 'select state from parts where message_id = $1 order by part', [messageId])).map(
      row => row.state
    )

  await t.test(
    'deleted half sent: the rest never leaves, and a note says that a part is with the customer',
    async t => {
      const talk = await beginTalk(flow)
      const throttled = { error: { code: 131056, message: 'Pair rate limit hit' } }
      await flow.door('faults', [
        { on: 'call:graph', kind: 'delay', match: 'POST /messages', count: 1, delayMs: 1 },
        { on: 'call:graph', kind: 'status', match: 'POST /messages', status: 400, body: throttled }
      ])
      const messageId = talk.reply('two files', {
        attachments: [sampleFile('jpeg', 'a.jpg'), sampleFile('pdf', 'b.pdf')]
      })
      await flow.until('half sent', async () => (await statesOf(messageId)).join() === '1,2', 15_000)
      talk.act('delete', { messageId })
      await flow.until('the note', () => notesIn(talk)[0], 15_000)
      await flow.door('faults', [])
      await quiet()
      t.equal(notesIn(talk).length, 1)
      t.match(notesIn(talk)[0].content, /A part of this message had left already/)
      t.equal(talk.sent().length, 1, 'the second file never leaves')
      const [delivery] = await query(flow, 'select state, parts from deliveries where message_id = $1', [messageId])
      t.same(delivery, { state: 'sent', parts: 1 })
    }
  )

  await t.test(
    'deleted while its outcome is unknown: nothing is repeated, and a note says that it may be there',
    async t => {
      const talk = await beginTalk(flow)
      await flow.door('faults', [{ on: 'call:graph', kind: 'reset', match: 'POST /messages', count: 1 }])
      const messageId = talk.reply('lost on the way')
      await flow.until('tried', async () => (await statesOf(messageId)).join() === '0', 15_000)
      await flow.until('the lane waits for a status', () => flow.runtime.pump.held() === 0)
      talk.act('delete', { messageId })
      await flow.until('the note', () => notesIn(talk)[0], 60_000 * 0.4 + 10_000)
      await quiet()
      t.match(notesIn(talk)[0].content, /it may have been sent/)
      t.same(await statesOf(messageId), [3], 'settled as unknown for good')
      const [delivery] = await query(flow, 'select state from deliveries where message_id = $1', [messageId])
      t.same(delivery, { state: 'recalled' }, 'nobody is asked to press Retry on what is deleted')
      t.equal(talk.sent().length, 0)
    }
  )

  await t.test(
    'deleted after its second part was refused: the first is with the customer, and that is said',
    async t => {
      const talk = await beginTalk(flow)
      await flow.door('faults', [
        { on: 'call:graph', kind: 'delay', match: 'POST /messages', count: 1, delayMs: 1 },
        {
          on: 'call:graph',
          kind: 'status',
          match: 'POST /messages',
          status: 400,
          body: { error: { code: 131026 } },
          count: 1
        }
      ])
      const messageId = talk.reply('two files', {
        attachments: [sampleFile('jpeg', 'a.jpg'), sampleFile('pdf', 'b.pdf')]
      })
      await failed(talk, messageId)
      talk.act('delete', { messageId })
      await flow.until('the note', () => notesIn(talk)[0], 15_000)
      t.match(notesIn(talk)[0].content, /A part of this message had left already/)

      const refused = await beginTalk(flow)
      await failNext(refused, 131026, 'sync')
      const whole = refused.reply('refused as a whole')
      await failed(refused, whole)
      refused.act('delete', { messageId: whole })
      await sleep(300)
      await quiet()
      t.same(notesIn(refused), [], 'what never left needs no note')
    }
  )

  await t.test('deleted before it could leave: it never does', async t => {
    const talk = await beginTalk(flow)
    await flow.door('faults', [{ on: 'hook:desk', kind: 'delay', match: 'message_created', count: 1, delayMs: 150 }])
    const messageId = talk.reply('never mind')
    talk.act('delete', { messageId })
    await sleep(500)
    await quiet()
    t.equal(talk.sent().length, 0)
    t.equal(talk.conversation().messages.filter((message: Loose) => message.private).length, 0)
  })

  await t.test(
    'painted failed because our answer came late: the truth is written back, nothing is sent twice',
    async t => {
      const talk = await beginTalk(flow)
      const messageId = talk.reply('the hook was slow')
      await flow.until('sent', () => talk.sent().length === 1)
      await paint(flow, talk, messageId, 'failed', 'Net::ReadTimeout with #<TCPSocket:(closed)>')
      await flow.until('the truth', () => talk.row(messageId).status === 'read', 15_000)
      t.notOk(talk.row(messageId).contentAttributes.external_error)
      await quiet()
      t.equal(talk.sent().length, 1)
    }
  )

  await t.test('painted failed while it is in work: sent once, and shown so', async t => {
    const talk = await beginTalk(flow)
    await flow.door('faults', [{ on: 'call:graph', kind: 'delay', match: 'POST /messages', count: 1, delayMs: 700 }])
    const messageId = talk.reply('slowly')
    await sleep(300)
    await paint(flow, talk, messageId, 'failed', 'Net::ReadTimeout with #<TCPSocket:(closed)>')
    await flow.until('sent', () => talk.sent().length === 1)
    await flow.until('the truth', () => talk.row(messageId).status === 'read', 15_000)
    await quiet()
    t.equal(talk.sent().length, 1)
  })
})
