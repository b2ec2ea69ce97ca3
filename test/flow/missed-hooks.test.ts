/** The desk calls once: what was not heard is found by reading, sent when it is young, flagged when it is old. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createReconcile } from '../../plugin/core/reconcile.ts'
import { hookRow, mayLeave } from '../../plugin/http/chatwoot-webhook.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, lastEntry, paint, query, sentTo, talkOf, textsOf } from './talk.ts'

const FACTOR = 0.05
const GRACE_MS = 30_000 * FACTOR + 1_100

t.test('a conversation of long ago that is nobody’s any more', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const talk = await beginTalk(flow)
  const answer = talk.reply('answered at the time')
  await flow.until('sent', () => talk.sent()[0])
  await flow.settle()
  talk.act('resolve')
  await flow.until('heard', async () =>
    (await query(flow, 'select conversation_status as status from bindings')).every(row => row.status === 'resolved')
  )
  await talk.say('another matter')
  await flow.until('its successor', () => flow.conversations().length === 2)
  await flow.settle()
  const { desk } = flow.runtime.bridge
  const asked: number[] = []
  const list = desk.listMessagesAfter
  desk.listMessagesAfter = (access, id, after, ...more) => {
    if (id === talk.conversationId) asked.push(after)
    return list(access, id, after, ...more)
  }
  t.teardown(() => {
    desk.listMessagesAfter = list
  })
  const note = async (content: string): Promise<void> => {
    talk.reply(content, { private: true })
    await sleep(GRACE_MS)
    await flow.until('read', async () => {
      const before = asked.length
      t.match(await flow.runtime.reconcile.run(false), { found: 0 })
      return asked.length > before
    })
  }

  await t.test('is read once from its start, then from where it was read', async t => {
    await note('seen')
    await note('seen too')
    t.equal(asked[0], 0)
    t.ok(asked.at(-1)! >= answer, asked.join())
  })

  await t.test('what was sent so long ago that we forgot it is not taken for unheard', async t => {
    await flow.door('clock', { jumpMs: 181 * 86_400_000 })
    await talk.say('half a year later')
    await flow.settle()
    // What retention and the passing of the days take away.
    for (const table of ['deliveries', 'parts', 'receipts'])
      await query(flow, `delete from ${table} where message_id = $1`, [answer])
    await query(flow, 'delete from events where key = $1', [`d:${answer}`])
    const fresh = createReconcile({
      bridge: flow.runtime.bridge,
      mayLeave,
      toRow: (number, hook, payload, kind, key) => hookRow(flow.runtime.bridge, number, hook, payload, kind, key)
    })
    talk.reply('a look back', { private: true })
    await sleep(GRACE_MS)
    asked.length = 0
    await flow.until('read', async () => {
      t.match(await fresh.run(false), { found: 0 })
      return asked.length > 0
    })
    t.equal(asked[0], 0, 'from its start, as after a restart')
    await flow.settle()
    t.not(talk.row(answer).status, 'failed')
  })
})

t.test('many conversations changed: they are read by pages, and nothing is missed', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const { desk, vanished } = flow.runtime.bridge
  const talk = await beginTalk(flow)
  for (let n = 0; n < 30; n++) await flow.say({ customer: `3461100170${n}`, text: `one of many ${n}` })
  await flow.until('all', () => flow.conversations().length === 31)
  await flow.settle()
  // Only the passes of this test count.
  const { run } = flow.runtime.reconcile
  flow.runtime.reconcile.run = async () => ({ found: 0, mended: 0, young: false })
  await sleep(300)
  const asked = { whole: 0, pages: 0 }
  const { listChangedConversations, listConversations } = desk
  let isTooMuch = true
  desk.listChangedConversations = async (...args) => {
    asked.whole++
    if (isTooMuch) throw new Error('the desk took too long')
    return listChangedConversations(...args)
  }
  desk.listConversations = (...args) => {
    asked.pages++
    return listConversations(...args)
  }
  await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'message_created', count: 1 }])
  talk.reply('unheard among many')
  await flow.until('lost', () => flow.ledger({ what: 'hook' }).some(entry => entry.fault === 'drop'))
  await sleep(GRACE_MS)

  await t.test('where all in one piece was too much for the desk', async t => {
    t.match(await run(false), { found: 0 })
    t.same(asked, { whole: 1, pages: 0 })
    t.match(await run(false), { found: 1 })
    t.ok(asked.whole === 1 && asked.pages >= 2, JSON.stringify(asked))
    await flow.until('sent', () => talk.sent().length === 1)
  })

  await t.test('few are asked for in one piece again', async t => {
    isTooMuch = false
    Object.assign(asked, { whole: 0, pages: 0 })
    await run(false)
    t.same(asked, { whole: 1, pages: 0 })
  })

  await t.test('after a long absence', async t => {
    const number = flow.runtime.bridge.registry.numbers()[0]!
    number.changedCursor = new Date(number.changedCursor.getTime() - 2 * 3_600_000)
    Object.assign(asked, { whole: 0, pages: 0 })
    t.match(await run(false), { found: 0 })
    t.ok(asked.whole === 0 && asked.pages >= 2, JSON.stringify(asked))
  })

  await t.test('where Puente itself wrote into many', async t => {
    const { writtenWithin } = vanished
    vanished.writtenWithin = async () => Array.from({ length: 101 }, () => talk.conversationId)
    t.teardown(() => {
      vanished.writtenWithin = writtenWithin
    })
    Object.assign(asked, { whole: 0, pages: 0 })
    t.match(await run(false), { found: 0 })
    t.ok(asked.whole === 0 && asked.pages >= 2, JSON.stringify(asked))
  })
})

t.test('missed hooks', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  // Only where a test means it: it would find what the others look for.
  const { look } = flow.runtime.reconcile
  flow.runtime.reconcile.look = async () => 0
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
  const read = (deep = false): Promise<{ found: number; young: boolean }> => flow.runtime.reconcile.run(deep)
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

  await t.test(
    'what was heard asks for no second look, and what the desk says of a conversation is not written twice',
    async t => {
      const talk = await beginTalk(flow)
      await flow.settle()
      await talk.say('a word')
      const answer = talk.reply('an answer')
      await flow.until('both', async () => talk.sent().length === 1 && talk.row(answer).status !== 'failed')
      await flow.settle()
      const { intake } = flow.runtime.bridge
      const { accept } = intake
      let written = 0
      intake.accept = batch => {
        written += batch.conversations.length
        return accept(batch)
      }
      t.teardown(() => {
        intake.accept = accept
      })
      t.match(await read(), { found: 0, young: false })
      t.match(await read(true), { young: true }, 'after a start something may be painted a moment later')
      t.equal(written, 0)
      await deaf('message_created', 1)
      const unheard = await lost(1, () => talk.reply('unheard'))
      t.match(await read(), { found: 0, young: true })
      await sleep(GRACE_MS)
      await flow.until('found', async () => (await read()) && talk.sent().length === 2)
      await flow.settle()
      t.not(talk.row(unheard as unknown as number).status, 'failed')
    }
  )

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

  await t.test('… and while Puente runs, a few at a time: what was deleted unheard is not sent either', async t => {
    const talk = await beginTalk(flow)
    await flow.door('graph', { failNext: { code: 131026, as: 'status', customer: talk.customer } })
    const failed = talk.reply('fails, and is tried again')
    await flow.until('failed', () => talk.row(failed).status === 'failed')
    const late = await beginTalk(flow)
    await flow.settle()
    await flow.door('clock', { jumpMs: 25 * 3_600_000 })
    const parked = ['stays', 'is taken back'].map(text => late.reply(text))
    await flow.until('parked', () => parked.every(id => late.row(id).status === 'failed'))
    await flow.settle()
    await deaf('message_updated', 3)
    await lost(3, () => {
      talk.act('retry', { messageId: failed })
      late.act('delete', { messageId: parked[1] })
    })
    const mark = lastEntry(flow)
    let looks = 0
    const heard = async (): Promise<string[]> =>
      (
        await query(flow, "select split_part(key, ':', 1) as k from events where ord = any ($1) and kind <> 'hook'", [
          [failed, ...parked]
        ])
      ).map(row => row.k)
    for (; (await heard()).length < 2 && looks < 40; looks++) await look()
    t.same((await heard()).sort(), ['r', 'x'])
    const reads = deskCalls(mark).filter(name => name === 'GET /conversations/:id/messages')
    t.ok(reads.length <= 3 * looks, `${reads.length} reads in ${looks} looks`)
    await flow.settle()
    await late.say('I am back')
    await flow.until('what stays', () => late.sent().length === 1)
    await flow.settle()
    for (let n = 0; n < 20; n++) await look()
    await flow.settle()
    t.same((await heard()).sort(), ['r', 'x'], 'each once, however often it is looked at')
    t.same(textsOf(late.sent()), ['stays'])
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

  await t.test('a conversation resolved unheard: the customer’s next words begin a new one', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'conversation_' }])
    talk.act('resolve')
    await sleep(300)
    await flow.door('faults', [])
    await read()
    await talk.say('something new')
    const next = await flow.until('the next conversation', () =>
      flow.conversations().find(one => one.contact?.phone === `+${talk.customer}` && one.id !== talk.conversationId)
    )
    t.match(next.messages[0], { content: 'something new' })
    t.equal(talk.conversation().status, 'resolved')
  })

  await t.test('resolved and opened again, heard the wrong way round: it stays one conversation', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await flow.door('faults', [
      { on: 'hook:desk', kind: 'delay', match: 'conversation_status_changed', delayMs: 900, count: 1 }
    ])
    talk.act('resolve')
    await flow.until('on its slow way', () => flow.sandbox.faults.list()[0]?.count === 0)
    talk.act('open')
    await sleep(1_500)
    await flow.settle()
    await talk.say('still me')
    await flow.until('it', () => talk.conversation().messages.some((message: Loose) => message.content === 'still me'))
    t.equal(flow.conversations().filter(one => one.contact?.phone === `+${talk.customer}`).length, 1)
  })

  await t.test('what is young and heard of is worth another pass after a start only', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await sleep(GRACE_MS)
    await read()
    talk.reply('a moment ago')
    await flow.until('sent', () => talk.sent().length === 1)
    // The desk may still paint it failed: what it sent while nobody listened is judged a moment later.
    t.match(await read(true), { young: true })
    t.match(await read(), { young: false })
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
