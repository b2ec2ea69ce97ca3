/** The desk calls once: what was not heard is found by reading, sent when it is young, flagged when it is old. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, lastEntry, paint, sentTo, talkOf, textsOf } from './talk.ts'

const FACTOR = 0.05
const GRACE_MS = 30_000 * FACTOR + 1_100

t.test('missed hooks', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  /** Hooks of what was done before are let through first: one of them would be taken for one of the lost. */
  const deaf = async (match: string, count: number): Promise<unknown> => {
    const hooks = (): number => flow.ledger({ what: 'hook' }).length
    for (let seen = -1; seen !== hooks(); await sleep(250)) seen = hooks()
    return flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match, count }])
  }
  const dropped = (): number => flow.ledger({ what: 'hook' }).filter(entry => entry.fault === 'drop').length
  const lost = async (count: number, action: () => unknown): Promise<Loose> => {
    const before = dropped()
    const made = action()
    await flow.until(`${count} lost hooks`, () => dropped() - before === count)
    await flow.door('faults', [])
    return made
  }
  const read = (deep = false): Promise<{ found: number }> => flow.runtime.reconcile.run(deep)
  const deskCalls = (mark: number): string[] =>
    flow.ledger({ side: 'desk', what: 'call', after: mark }).map(entry => entry.name)

  await t.test('lost answers are found and sent once, in order', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await deaf('message_created', 2)
    await lost(2, () => {
      talk.reply('unheard one')
      talk.reply('unheard two')
    })
    await read()
    t.equal(talk.sent().length, 0, 'a hook may still be on its way')
    await sleep(GRACE_MS)
    await flow.until('found', async () => {
      await read()
      return talk.sent().length === 2
    })
    t.match(await read(), { found: 0 })
    t.match(await read(true), { found: 0 })
    await flow.settle()
    t.same(textsOf(talk.sent()), ['unheard one', 'unheard two'])
    talk.reply('heard')
    await flow.until('heard', () => talk.sent().length === 3)
  })

  await t.test('a conversation that an agent began unheard is found too, by the phone of its contact', async t => {
    const customer = '34611000701'
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop' }])
    const made: Loose = flow.act({ act: 'start', phone: `+${customer}`, content: 'begun unheard' })
    const talk = talkOf(
      flow,
      customer,
      flow.conversations().find(one => one.id === made.conversationId)
    )
    talk.reply('Hello World', {
      templateParams: { name: 'hello_world', category: 'UTILITY', language: 'en_US', processed_params: {} }
    })
    await sleep(300)
    await flow.door('faults', [])
    await sleep(GRACE_MS)
    await flow.until('the template', async () => {
      await read()
      return sentTo(flow, customer)[0]
    })
    await talk.say('I hear you')
    await flow.until('what was parked', () => talk.sent().length === 2)
    t.equal(talk.sent()[1].text.body, 'begun unheard')
    t.ok(talk.conversation().messages.some((message: Loose) => message.content === 'I hear you'))
  })

  await t.test('what is found late is flagged; a person’s Retry sends it', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await deaf('message_created', 1)
    const messageId = await lost(1, () => talk.reply('from long ago'))
    await flow.door('clock', { jumpMs: 60_000 })
    // Any hook or webhook tells Puente the sandbox's time.
    await talk.say('are you there?')
    await flow.settle()
    await flow.until(
      'flagged',
      async () => {
        await read()
        return talk.row(messageId).status === 'failed'
      },
      15_000
    )
    t.match(talk.row(messageId).contentAttributes.external_error, /too late/)
    t.equal(talk.sent().length, 0)
    await flow.settle()
    talk.act('retry', { messageId })
    await flow.until('sent', () => talk.sent()[0])
    await flow.settle()
    t.equal(talk.sent().length, 1)
  })

  await t.test('a Retry and a deletion that nobody heard are read again after a start', async t => {
    const talk = await beginTalk(flow)
    await flow.door('graph', { failNext: { code: 131026, as: 'status', customer: talk.customer } })
    const messageId = talk.reply('first it fails')
    await flow.until('failed', () => talk.row(messageId).status === 'failed')
    await flow.settle()
    await deaf('message_updated', 2)
    await lost(2, () => talk.act('retry', { messageId }))
    t.match(await read(true), { found: 1 })
    await flow.until('sent again', () => talk.sent().length === 2)
    await flow.settle()
    t.match(await read(true), { found: 0 })

    const late = await beginTalk(flow)
    await flow.settle()
    await flow.door('clock', { jumpMs: 25 * 3_600_000 })
    const parked = late.reply('parked and deleted')
    await flow.until('parked', () => late.row(parked).status === 'failed')
    await flow.settle()
    await deaf('message_updated', 1)
    await lost(1, () => late.act('delete', { messageId: parked }))
    t.match(await read(true), { found: 1 })
    await flow.settle()
    await late.say('I am back')
    await flow.until('the greeting of the customer', () => late.conversation().messages.length >= 3)
    await flow.settle()
    t.equal(late.sent().length, 0)
  })

  await t.test('painted failed, and nobody heard of it: the truth is written back, nothing is sent twice', async t => {
    await flow.door('graph', { statuses: { mode: 'manual' } })
    const talk = await beginTalk(flow)
    const heard = talk.reply('heard, painted unheard')
    await flow.until('sent', () => talk.sent()[0])
    await flow.settle()
    await deaf('message_updated', 1)
    await paint(flow, talk, heard, 'failed', '500 Internal Server Error')
    await flow.until('lost', () => flow.ledger().at(-1)!.fault === 'drop')
    // Nobody answered this one at all, so the desk painted it.
    await deaf('message_', 2)
    const unheard = await lost(2, async () => {
      const messageId = talk.reply('unheard and painted')
      await paint(flow, talk, messageId, 'failed', 'Connection refused')
      return messageId
    })
    t.same(
      [heard, await unheard].map(id => talk.row(id).status),
      ['failed', 'failed']
    )
    await sleep(GRACE_MS)
    await flow.until('sent too', async () => {
      await read()
      return talk.sent().length === 2
    })
    await flow.until('both shown as they are', async () =>
      [heard, await unheard].every(id => talk.row(id).status === 'sent')
    )
    await flow.settle()
    t.same(textsOf(talk.sent()), ['heard, painted unheard', 'unheard and painted'])
    await flow.door('graph', { statuses: { mode: 'instant' } })
  })

  await t.test('when nothing happened, a look costs one call', async t => {
    await flow.settle()
    await sleep(GRACE_MS)
    await read()
    await flow.settle()
    const mark = lastEntry(flow)
    t.match(await read(), { found: 0 })
    const calls = deskCalls(mark)
    t.ok(calls.length <= 2, calls.join())
  })
})
