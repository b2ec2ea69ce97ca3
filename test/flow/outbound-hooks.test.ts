/** Hooks of the desk: which are believed, which leave, and that order, number and lateness of hooks decide nothing. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { signHook } from '../../adapters/chatwoot/signature.ts'
import { PICTURE_MS } from '../../plugin/core/lanes/hold.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, query, sampleFile, type Talk, textsOf } from './talk.ts'

const fixture = (name: string): Loose => {
  const read = JSON.parse(readFileSync(new URL(`../fixtures/chatwoot/${name}.json`, import.meta.url), 'utf8'))
  return read
}

t.test('hooks of the desk', async t => {
  const flow = await startFlow(t)
  const talk = await beginTalk(flow)
  let nextId = 5_000_000
  /** A recorded hook as if it were about this talk. */
  const mapped = (body: Loose, to: Talk, more: Loose = {}): Loose => {
    const copy = structuredClone(body)
    const id = more.id ?? ++nextId
    copy.id = id
    copy.conversation.id = to.conversationId
    copy.conversation.contact_inbox.source_id = to.contactSource
    copy.conversation.meta.sender.phone_number = `+${to.customer}`
    for (const shown of copy.conversation.messages ?? []) shown.id = id
    return { ...copy, ...more, id }
  }
  const deliver = (body: Loose, more: Loose = {}): Promise<Loose> =>
    flow.door('deliver', { to: 'chatwoot', body, ...more })
  const quiet = async (): Promise<void> => {
    await flow.settle()
    await sleep(50)
    await flow.settle()
  }

  await t.test('a wrong signature is refused with 401 and stores nothing; an unknown key is 404', async t => {
    const before = (await flow.runtime.database.work.query('select count(*)::int as n from events')).rows[0]
    const body = mapped(fixture('webhook.message_created.outgoing-text'), talk)
    t.equal((await deliver(body, { sign: 'wrong' })).status, 401)
    t.equal((await deliver(body, { sign: false })).status, 401)
    const stranger = await fetch(`${flow.url}/webhooks/chatwoot/nobody`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    t.equal(stranger.status, 404)
    const after = (await flow.runtime.database.work.query('select count(*)::int as n from events')).rows[0]
    t.same(after, before)
    t.equal(talk.sent().length, 0)
  })

  await t.test('a signed body that is no JSON is answered 200 and changes nothing', async t => {
    t.equal((await deliver('{"event":"message_created", oops' as Loose)).status, 200)
    t.equal((await deliver('[]' as Loose)).status, 200)
    t.equal((await deliver({ event: 'message_created', __proto__: null, id: 'x' })).status, 200)
    await quiet()
    t.equal(talk.sent().length, 0)
  })

  await t.test('a valid but old hook is answered 200 and its message is read again from the desk', async t => {
    const old = await beginTalk(flow)
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'message_created', count: 1 }])
    const messageId = old.reply('said in the desk')
    await flow.until('the hook is lost', () => flow.ledger({ what: 'hook' }).some(entry => entry.fault === 'drop'))
    t.equal(old.sent().length, 0)
    const body = mapped(fixture('webhook.message_created.outgoing-text'), old, { id: messageId })
    const mark = flow.ledger().at(-1)!.n
    t.equal((await deliver(body, { sign: 'old' })).status, 200)
    await flow.until('sent', () => old.sent()[0])
    const reads = flow.ledger({ side: 'desk', what: 'call', after: mark }).filter(call => call.name.startsWith('GET'))
    t.ok(reads.length > 0, 'the message was read again')
    t.same(textsOf(old.sent()), ['said in the desk'], 'as the desk has it, not as the old hook says')
    t.equal((await deliver(mapped(fixture('webhook.message_created.outgoing-text'), old), { sign: 'old' })).status, 200)
    await quiet()
    t.equal(old.sent().length, 1, 'a message that the desk does not know is not sent')
  })

  await t.test('a signature is believed for 300 seconds to the past and to the future, and no longer', async t => {
    const number = flow.runtime.bridge.registry.numbers()[0]!
    const signed = await beginTalk(flow)
    const send = async (content: string, ageSeconds: number): Promise<number> => {
      const raw = Buffer.from(
        JSON.stringify(mapped(fixture('webhook.message_created.outgoing-text'), signed, { content }))
      )
      const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds)
      const { status } = await fetch(`${flow.url}/webhooks/chatwoot/${number.inboxKey}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-chatwoot-timestamp': timestamp,
          'x-chatwoot-signature': signHook(raw, timestamp, number.hookSecret!),
          'x-chatwoot-delivery': `0b5bc1d4-0002-4000-8000-${String(nextId).padStart(12, '0')}`
        },
        body: raw
      })
      return status
    }
    t.equal(await send('295 s old', 295), 200)
    t.equal(await send('295 s ahead', -295), 200)
    t.equal(await send('305 s old', 305), 200, 'the desk would paint the answer failed')
    t.equal(await send('305 s ahead', -305), 200)
    await flow.until('sent', () => signed.sent().length === 2)
    await quiet()
    t.same(textsOf(signed.sent()), ['295 s old', '295 s ahead'], 'of the others the desk knows nothing')
  })

  await t.test('a body beyond 3 MiB is refused with 413', async t => {
    const number = flow.runtime.bridge.registry.numbers()[0]!
    const refused = await fetch(`${flow.url}/webhooks/chatwoot/${number.inboxKey}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.alloc(3 * 1024 * 1024 + 1, 0x20)
    })
    t.equal(refused.status, 413)
    t.match(await refused.json(), { code: 'body_too_large' })
  })

  await t.test('what an old hook tells leaves also when WhatsApp makes it wait on its way', async t => {
    const slow = await beginTalk(flow)
    await flow.door('faults', [{ on: 'hook:desk', kind: 'drop', match: 'message_created', count: 1 }])
    const messageId = slow.reply('not yet')
    await flow.until('the hook is lost', () => flow.ledger({ what: 'hook' }).some(entry => entry.fault === 'drop'))
    await flow.door('graph', { failNext: { code: 131056, as: 'sync', customer: slow.customer } })
    const body = mapped(fixture('webhook.message_created.outgoing-text'), slow, { id: messageId })
    t.equal((await deliver(body, { sign: 'old' })).status, 200)
    await flow.until('sent', () => slow.sent()[0])
    await quiet()
    t.same(textsOf(slow.sent()), ['not yet'], 'once, although the first attempt was refused for the pace')
  })

  await t.test('what is ours, private, deleted or an activity never leaves, and is answered 2xx', async t => {
    const mine = await beginTalk(flow)
    const silent = [
      fixture('webhook.message_created.incoming-echo'),
      fixture('webhook.message_created.outgoing-api-created'),
      fixture('webhook.message_created.private-note'),
      fixture('recorded-4.16.2/hook.message_created.incoming').body,
      fixture('recorded-4.16.2/hook.message_created.attachments').body,
      fixture('recorded-4.16.2/hook.message_created.private').body,
      fixture('webhook.conversation_created'),
      fixture('webhook.conversation_updated.assignee'),
      fixture('webhook.conversation_typing_off'),
      fixture('webhook.contact_created'),
      fixture('webhook.contact_updated'),
      fixture('webhook.automation_event'),
      fixture('webhook.macro_executed'),
      fixture('webhook.webwidget_triggered')
    ]
    for (const body of silent) {
      const given = body.conversation?.contact_inbox ? mapped(body, mine) : body
      t.match(await deliver(given), { status: 200 }, String(body.event))
    }
    // Marked by us, although the desk has lost the source id.
    const marked = mapped(fixture('webhook.message_created.outgoing-text'), mine)
    marked.content_attributes = { puente: { kind: 'text' } }
    t.match(await deliver(marked), { status: 200 })
    const activity = mapped(fixture('webhook.message_created.outgoing-text'), mine, { message_type: 'activity' })
    t.match(await deliver(activity), { status: 200 })
    const deleted = mapped(fixture('webhook.message_updated.deleted'), mine)
    t.match(await deliver(deleted), { status: 200 })
    mine.reply('a note among us', { private: true })
    await quiet()
    t.equal(mine.sent().length, 0)
  })

  await t.test('recorded and hand-made hooks of answers leave as the agent saw them', async t => {
    const many = await beginTalk(flow)
    const leave: [Loose, Loose][] = [
      [fixture('webhook.message_created.outgoing-text'), { text: { body: 'Sí, tenemos stock. ¿Lo enviamos hoy?' } }],
      [fixture('webhook.message_created.outgoing-markdown'), { text: { body: /\*Precio:\* \$ 89\.900/ } }],
      [fixture('webhook.message_created.outgoing-automation'), { text: { body: 'Gracias por escribirnos' } }],
      [fixture('webhook.message_created.template-greeting'), { text: { body: '¡Hola! En breve te atendemos.' } }],
      [fixture('webhook.message_created.template-csat'), { text: { body: /survey\/responses/, preview_url: true } }],
      [fixture('recorded-4.16.2/hook.message_created.automation').body, { type: 'text' }],
      [fixture('recorded-4.16.2/hook.message_created.greeting').body, { type: 'text' }],
      [fixture('recorded-4.16.2/hooks.macro')[0].body, { type: 'text' }],
      [fixture('recorded-4.16.2/hooks.resolve_csat')[2].body, { type: 'text' }],
      [fixture('recorded-4.16.2/hooks.on500')[0].body, { type: 'text' }]
    ]
    for (const [index, [body, wanted]] of leave.entries()) {
      const given = mapped(body, many)
      t.match(await deliver(given), { status: 200 })
      const sent = await flow.until(`hook ${index} at WhatsApp`, () => many.sent()[index])
      t.match(sent, { to: `+${many.customer}`, ...wanted })
      t.ok(sent.text.body.length > 0)
    }
    const quoting = mapped(fixture('webhook.message_created.outgoing-reply'), many)
    quoting.content_attributes = { in_reply_to: many.question.id, in_reply_to_external_id: 'wamid.of.another.world' }
    await deliver(quoting)
    const quoted = await flow.until('the quote', () => many.sent()[leave.length])
    t.equal(quoted.context.message_id, many.question.sourceId, 'from our own map, not from the hook')
    await quiet()
    t.equal(many.sent().length, leave.length + 1)
  })

  await t.test('hooks with files leave with the files of the desk', async t => {
    const pictures = await beginTalk(flow)
    // A private note holds the files, so that their addresses exist.
    const note = pictures.reply('files', {
      private: true,
      attachments: [
        sampleFile('jpeg', 'presupuesto.jpg'),
        sampleFile('pdf', 'lista-precios.pdf'),
        sampleFile('mp3', '0c4b0a52-93f3-4d43-a4f5-5d2f6b3d8f0a.mp3')
      ]
    })
    const [image, pdf, voice] = pictures.row(note).attachments.map((one: Loose) => one.url)
    const at = (body: Loose, ...urls: string[]): Loose => {
      const given = mapped(body, pictures)
      given.attachments = given.attachments.map((one: Loose, index: number) => ({
        ...one,
        data_url: urls[index],
        file_size: undefined
      }))
      return given
    }
    await deliver(at(fixture('webhook.message_created.outgoing-image'), image))
    await flow.until('the picture', () => pictures.sent()[0])
    t.match(pictures.sent()[0], { type: 'image', image: { caption: 'Te paso el presupuesto' } })
    await deliver(at(fixture('webhook.message_created.outgoing-multiple-attachments'), image, pdf))
    await flow.until('picture and list', () => pictures.sent().length === 3)
    t.match(pictures.sent()[1], { type: 'image', image: { caption: 'Fotos y lista' } })
    t.match(pictures.sent()[2], { type: 'document', document: { filename: 'lista-precios.pdf' } })
    t.notOk(pictures.sent()[2].document.caption)
    await deliver(at(fixture('webhook.message_created.outgoing-voice'), voice))
    await flow.until('the voice note', () => pictures.sent()[3], 15_000)
    t.match(pictures.sent()[3], { type: 'audio', audio: { voice: true } })
  })

  await t.test('doubled, reordered and delayed hooks: each answer once, in the order of the desk', async t => {
    const order = await beginTalk(flow)
    await flow.door('faults', [{ on: 'hook:desk', kind: 'duplicate', match: 'message_created', count: 2 }])
    order.reply('one')
    order.reply('two')
    await flow.until('both', () => order.sent().length === 2)
    // The older hook is overtaken by the younger, within the patience for the order of hooks.
    await flow.door('faults', [{ on: 'hook:desk', kind: 'delay', match: 'message_created', count: 1, delayMs: 60 }])
    order.reply('three')
    order.reply('four')
    await flow.until('four of them', () => order.sent().length === 4)
    await flow.door('faults', [{ on: 'hook:desk', kind: 'delay', match: 'message_created', count: 1, delayMs: 900 }])
    order.reply('five, whose hook comes late')
    await flow.until('the late one', () => order.sent().length === 5)
    await quiet()
    t.same(textsOf(order.sent()), ['one', 'two', 'three', 'four', 'five, whose hook comes late'])
  })

  await t.test('greeting, automation, macro, bot and survey of the desk itself reach the customer', async t => {
    const itself = await beginTalk(flow)
    itself.act('automation', { content: 'from a rule' })
    itself.act('macro', { content: 'from a macro' })
    itself.reply('from a bot', { sender: 'bot' })
    itself.reply('out of office', { messageType: 'template', sender: 'none' })
    await flow.until('all four', () => itself.sent().length === 4)
    flow.act({ act: 'csat', on: true })
    itself.act('resolve')
    await flow.until('the survey', () => itself.sent().length === 5)
    flow.act({ act: 'csat', on: false })
    t.same(textsOf(itself.sent()).slice(0, 4), ['from a rule', 'from a macro', 'from a bot', 'out of office'])
    t.match(itself.sent()[4].text.body, /survey/)
    await quiet()
    const rows = await flow.runtime.database.work.query(
      'select origin from usage where outbound and message_id = any ($1) order by message_id',
      [itself.conversation().messages.map((message: Loose) => message.id)]
    )
    t.same(
      rows.rows.map((row: Loose) => row.origin),
      ['automation', 'agent', 'bot', 'system', 'system']
    )
  })

  await t.test('more answers than one claim holds all leave, in order', async t => {
    const long = await beginTalk(flow)
    const wanted = Array.from({ length: 43 }, (_, index) => `answer ${index}`)
    const { bridge } = flow.runtime
    const { numberPace } = bridge
    let begin = (): void => {}
    const begun = new Promise<void>(resolve => {
      begin = resolve
    })
    bridge.numberPace = async numberId => {
      await begun
      return numberPace(numberId)
    }
    const written = wanted.map(content => long.reply(content))
    const stored = (count: number): Promise<unknown> =>
      flow.until('all stored', async () => {
        const waits = await query(flow, 'select count(*)::int as n from events where state = 0')
        return waits[0].n === count
      })
    await stored(wanted.length)
    // Among the deleted ones are last ones of what a claim reads: that they were deleted stands behind that.
    const deleted = written.filter((_, index) => index % 2 === 1)
    for (const messageId of deleted) long.act('delete', { messageId })
    const left = wanted.filter((_, index) => index % 2 === 0)
    await stored(wanted.length + deleted.length)
    // What was claimed before may be worked from its picture for so long.
    await bridge.sleep(PICTURE_MS + 50)
    bridge.numberPace = numberPace
    begin()
    await flow.until('all', () => long.sent().length === left.length, 15_000)
    await quiet()
    t.same(textsOf(long.sent()), left)
  })
})
