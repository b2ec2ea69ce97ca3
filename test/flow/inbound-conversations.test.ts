/**
 * Where a customer's words land: new or last conversation, what the desk has deleted meanwhile, and what customers do
 * to earlier messages (quote, react, edit, delete). Also what the business wrote elsewhere, which only shows.
 */
import pg from 'pg'
import t from 'tap'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import {
  callsSince,
  conversationsOf,
  count,
  deliver,
  ledgerMark,
  newWamid,
  nowSeconds,
  other,
  rowsIn,
  setPolicy,
  sql,
  webhook
} from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const CONTACT = 'POST /contacts'
const CONVERSATION = 'POST /conversations'
const MESSAGE = 'POST /conversations/:id/messages'

async function hear(flow: Flow, said: Loose): Promise<string[]> {
  const mark = ledgerMark(flow)
  if ((await deliver(flow, webhook(flow, said))) !== 200) throw new Error('not taken')
  await flow.until(`the row ${said.text}`, () => count(flow, said.text) === 1, 30_000)
  await flow.settle(30_000)
  return callsSince(flow, mark)
}

function holding(flow: Flow, content: string): Loose {
  return flow.conversations().find(each => each.messages.some((row: Loose) => row.content === content))
}

function row(flow: Flow, content: string): Loose {
  return flow.messages().find(each => each.content === content)
}

/** The desk's own hook about a status change must have reached Puente. */
async function knownAs(flow: Flow, conversationId: number, status: string): Promise<void> {
  await flow.until(
    `Puente knows ${status}`,
    async () =>
      (await sql(flow, 'select conversation_status as s from bindings where conversation_id = $1', [conversationId]))[0]
        ?.s === status,
    30_000
  )
}

t.test('after a conversation was resolved', async t => {
  const flow = await startFlow(t)
  const waId = '15550109001'
  await hear(flow, { text: 'first', waId })
  const first = holding(flow, 'first')
  t.match(first.customAttributes, { channel: 'whatsapp', wa_origin: 'customer', wa_window_expires_at: /^2\d{3}-/ })
  flow.act({ act: 'resolve', conversationId: first.id })
  await knownAs(flow, first.id, 'resolved')
  t.same(await hear(flow, { text: 'a new matter', waId }), [CONVERSATION], 'a new conversation, by one call')
  const second = holding(flow, 'a new matter')
  t.not(second.id, first.id)
  t.equal(holding(flow, 'first').status, 'resolved', 'the old one stays as it is')
  t.equal(second.sourceId, first.sourceId, 'of the same contact, under the same source id')
  t.same(await hear(flow, { text: 'more of it', waId }), [MESSAGE])
  t.equal(holding(flow, 'more of it').id, second.id)

  flow.act({ act: 'resolve', conversationId: second.id })
  await knownAs(flow, second.id, 'resolved')
  flow.act({ act: 'open', conversationId: second.id })
  await knownAs(flow, second.id, 'open')
  await hear(flow, { text: 'opened by hand', waId })
  t.equal(holding(flow, 'opened by hand').id, second.id)

  await t.test('what the business writes elsewhere opens no new one', async t => {
    flow.act({ act: 'resolve', conversationId: second.id })
    await knownAs(flow, second.id, 'resolved')
    const echo = { from: '1', to: waId, id: newWamid(), timestamp: String(nowSeconds()), type: 'text' }
    const body = other(flow, 'smb_message_echoes', 'message_echoes', [{ ...echo, text: { body: 'from the phone' } }])
    t.equal(await deliver(flow, body), 200)
    await flow.until('the echo', () => count(flow, 'from the phone') === 1, 30_000)
    t.equal(holding(flow, 'from the phone').id, second.id)
  })

  await t.test('with the policy always_last everything goes on in the last one', async t => {
    await setPolicy(flow, { conversations: 'always_last' })
    t.same(await hear(flow, { text: 'and again', waId }), [MESSAGE])
    t.equal(holding(flow, 'and again').id, second.id)
    t.equal(holding(flow, 'and again').status, 'open', 'the desk opens it again')
  })
})

t.test('several pictures at once wait for a row that is being changed, and keep no other meanwhile', async t => {
  const flow = await startFlow(t)
  const ids: number[] = []
  for (const index of [0, 1, 2]) {
    await hear(flow, { text: `word ${index}`, waId: `1555010920${index}` })
    ids.push(holding(flow, `word ${index}`).id)
  }
  const statuses = async (): Promise<string[]> =>
    (await sql(flow, 'select conversation_status as s from bindings order by conversation_id')).map(row => row.s)
  const busy = new pg.Client({ connectionString: flow.databaseUrl })
  await busy.connect()
  t.teardown(() => busy.end())
  await busy.query('begin')
  const change = (id: number): Promise<unknown> =>
    busy.query('update bindings set version = version + 1 where conversation_id = $1', [id])
  await change(ids[1]!)
  const { intake, registry } = flow.runtime.bridge
  const at = nowSeconds() + 10
  const noted = intake.accept({
    rows: [],
    statuses: [],
    conversations: ids.map(conversationId => ({
      numberId: registry.numbers()[0]!.id,
      conversationId,
      status: 'resolved',
      at
    }))
  })
  await flow.until('the free ones', async () => (await statuses()).join() === 'resolved,open,resolved', 10_000)
  // Whoever holds the one and now needs another would wait for ever, if that one were kept.
  await change(ids[2]!)
  await busy.query('commit')
  await noted
  t.same(await statuses(), ['resolved', 'resolved', 'resolved'])
})

t.test('H5: what agents deleted in the desk is made again, once', async t => {
  const flow = await startFlow(t)
  flow.sandbox.desk.configure({ deletionDelayMs: 5 } as Loose)
  const waId = '15550109101'
  await hear(flow, { text: 'first', waId })
  const first = holding(flow, 'first')
  flow.act({ act: 'deleteConversation', conversationId: first.id })
  await flow.until('it is gone', () => flow.conversations().length === 0)
  t.same(await hear(flow, { text: 'after the conversation went', waId }), [MESSAGE, CONVERSATION])
  const second = holding(flow, 'after the conversation went')
  t.equal(second.contact.id, first.contact.id)
  t.same(await hear(flow, { text: 'goes on', waId }), [MESSAGE])

  flow.act({ act: 'deleteContact', contactId: first.contact.id })
  await flow.until('it is gone', () => flow.conversations().length === 0)
  const calls = await hear(flow, { text: 'after the contact went', waId })
  t.same(
    calls.filter(name => name === CONTACT || name === CONVERSATION).slice(-2),
    [CONTACT, CONVERSATION],
    `contact and conversation are made again (${calls.join(', ')})`
  )
  t.equal(conversationsOf(flow, { waId }).length, 1)
  t.same(await hear(flow, { text: 'and goes on', waId }), [MESSAGE])

  await t.test('an answer in the new conversation reaches the customer', async t => {
    flow.reply({ conversationId: holding(flow, 'and goes on').id, content: 'welcome back' })
    const sent = await flow.until('the answer', () => flow.sent()[0], 30_000)
    t.match(sent, { text: { body: 'welcome back' } })
    t.match(String(sent.to), /15550109101/)
  })

  await t.test('contacts that an agent merged keep their conversation', async t => {
    await hear(flow, { text: 'to be merged', waId: '15550109102' })
    const mergee = holding(flow, 'to be merged')
    flow.act({ act: 'mergeContacts', base: holding(flow, 'and goes on').contact.id, mergee: mergee.contact.id })
    t.same(await hear(flow, { text: 'after the merge', waId: '15550109102' }), [MESSAGE])
    t.equal(holding(flow, 'after the merge').id, mergee.id)
  })

  await t.test('a deleted inbox: set aside with the reason, and nobody is asked again and again', async t => {
    const { accountId, adminToken } = flow.sandbox.desk.config() as Loose
    const [number] = flow.runtime.bridge.registry.numbers()
    const gone = await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${accountId}/inboxes/${number!.inboxId}`, {
      method: 'DELETE',
      headers: { api_access_token: adminToken }
    })
    t.equal(gone.status, 200)
    await flow.until('it is gone', () => (flow.sandbox.desk.view() as Loose).inboxes.length === 0)
    const [known, fresh] = [newWamid(), newWamid()]
    t.equal(await deliver(flow, webhook(flow, { wamid: known, text: 'known customer', waId })), 200)
    t.equal(await deliver(flow, webhook(flow, { wamid: fresh, text: 'new customer', waId: '15550109103' })), 200)
    await flow.settle(30_000)
    // What stood in the inbox may have been found to be gone and be there, too.
    const aside = await sql(flow, "select key from events where state = 2 and code = 'desk_inbox_gone'")
    const keys = aside.map(({ key }) => key)
    t.ok(keys.includes(`m:${known}`) && keys.includes(`m:${fresh}`), keys.join())
    t.equal(flow.messages().length, 0)
    const used = await sql(flow, 'select wamid, origin from usage where wamid = any ($1)', [[known, fresh]])
    t.equal(used.length, 2, 'S60: a customer has written, whether or not the desk shows it')
  })
})

t.test('what customers do to earlier messages', async t => {
  const flow = await startFlow(t)
  const waId = '15550109201'
  const wamid = newWamid()
  const say = (more: Loose): Promise<number> => deliver(flow, webhook(flow, { waId, name: 'Ana', more }))
  await hear(flow, { wamid, text: 'Where is my order?', waId })
  const conversation = holding(flow, 'Where is my order?')
  const question = row(flow, 'Where is my order?')
  const { messageId } = flow.reply({ conversationId: conversation.id, content: 'On its way' })
  const sent = await flow.until('the answer', () => flow.sent()[0], 30_000)
  await flow.settle(30_000)

  await t.test('S88: a reaction, and taking it back, are grey lines that name the message', async t => {
    const react = (target: string, emoji?: string): Promise<number> =>
      say({ type: 'reaction', text: undefined, reaction: { message_id: target, ...(emoji ? { emoji } : {}) } })
    const unread = holding(flow, 'Where is my order?').unread
    const hooks = flow.ledger({ side: 'desk', what: 'hook' }).length
    await react(sent.wamid, '❤️')
    await react(wamid, '👍')
    await react(sent.wamid)
    await react('wamid.of-nobody', '🎉')
    await flow.until('the lines', () => rowsIn(holding(flow, 'Where is my order?')).length >= 5, 30_000)
    await flow.settle(30_000)
    const lines = rowsIn(holding(flow, 'Where is my order?')).slice(-4)
    t.same(
      lines.map((each: Loose) => [each.type, each.content]),
      [
        ['activity', 'Ana reacted ❤️ to “On its way”'],
        ['activity', 'Ana reacted 👍 to “Where is my order?”'],
        ['activity', 'Ana took back the reaction to “On its way”'],
        ['activity', 'Ana reacted 🎉 to a message']
      ]
    )
    t.equal(holding(flow, 'Where is my order?').unread, unread, 'nothing becomes unread')
    t.ok(flow.ledger({ side: 'desk', what: 'hook' }).length - hooks <= 8)
  })

  await t.test('a quoted reply hangs on the row that it answers, on either side', async t => {
    await say({ text: { body: 'when?' }, context: { from: '1', id: sent.wamid } })
    await say({ text: { body: 'I mean my order' }, context: { from: waId, id: wamid } })
    await say({ text: { body: 'about something old' }, context: { from: waId, id: 'wamid.of-last-year' } })
    await flow.until('the rows', () => count(flow, 'about something old') === 1, 30_000)
    t.equal(row(flow, 'when?').contentAttributes.in_reply_to, messageId, "the agent's row")
    t.equal(row(flow, 'I mean my order').contentAttributes.in_reply_to, question.id, "the customer's row")
    t.notOk(row(flow, 'about something old').contentAttributes.in_reply_to, 'what is not known is not made up')
  })

  await t.test('the first message of a customer may quote what the business wrote elsewhere', async t => {
    const echoed = newWamid()
    const to = '15550109202'
    const at = String(nowSeconds())
    const echo = { from: '1', to, id: echoed, timestamp: at, type: 'text', text: { body: 'We have news for you' } }
    const contacts = [{ wa_id: to, profile: { name: 'Bea' } }]
    await deliver(flow, other(flow, 'smb_message_echoes', 'message_echoes', [echo], { contacts }))
    await flow.until('the echo', () => count(flow, 'We have news for you') === 1, 30_000)
    t.match(holding(flow, 'We have news for you').customAttributes, { wa_origin: 'business' })
    await hear(flow, { text: 'Which news?', waId: to, more: { context: { id: echoed } } })
    t.equal(row(flow, 'Which news?').contentAttributes.in_reply_to, row(flow, 'We have news for you').id)
  })

  await t.test('an edit comes as a new row that quotes the old one', async t => {
    const message = { type: 'text', text: { body: 'Where is my *parcel*?' } }
    await say({ type: 'edit', text: undefined, edit: { original_message_id: wamid, message } })
    const edited = await flow.until(
      'the edit',
      () => flow.messages().find(each => /my \*\*parcel\*\*/.test(each.content ?? '')),
      30_000
    )
    t.equal(edited.content, '*✏️ Edited*\n\nWhere is my **parcel**?')
    t.equal(edited.contentAttributes.in_reply_to, question.id)
    t.equal(row(flow, 'Where is my order?').id, question.id, 'the old one stays')
  })

  await t.test('S89: a deletion is told; the copy stays, or goes with the policy hide', async t => {
    const revoke = (target: string): Promise<number> =>
      say({ type: 'revoke', text: undefined, revoke: { original_message_id: target } })
    const regretted = newWamid()
    await hear(flow, { wamid: regretted, text: 'something I regret', waId })
    await revoke(regretted)
    await flow.until('the line', () => count(flow, 'Ana deleted a message: “something I regret”') === 1, 30_000)
    t.equal(count(flow, 'something I regret'), 1, 'kept')

    await setPolicy(flow, { deletedByCustomer: 'hide' })
    const secret = newWamid()
    await hear(flow, { wamid: secret, text: 'my secret words', waId })
    await revoke(secret)
    await flow.until('the line', () => count(flow, 'Ana deleted a message') === 1, 30_000)
    await flow.settle(30_000)
    t.equal(count(flow, 'my secret words'), 0, 'gone')
    t.notMatch(JSON.stringify(flow.messages()), /my secret words/, 'nowhere in the desk')
    await revoke('wamid.of-nobody')
    await flow.until('the second line', () => count(flow, 'Ana deleted a message') === 2, 30_000)
    await flow.settle(30_000)
    t.equal((await sql(flow, 'select 1 from events where state = 0')).length, 0)
  })
})

t.test('echoes show what the business wrote elsewhere and never go back to WhatsApp', async t => {
  const flow = await startFlow(t)
  const waId = '15550109301'
  const echo = (field: string, body: string, more: Loose = {}): Promise<number> => {
    const item = { from: '1', to: waId, id: newWamid(), timestamp: String(nowSeconds()), type: 'text', text: { body } }
    const contacts = [{ wa_id: waId, profile: { name: 'Eva' } }]
    return deliver(flow, other(flow, field, 'message_echoes', [{ ...item, ...more }], { contacts }))
  }
  t.equal(await echo('smb_message_echoes', 'from the *phone* {{contact.name}}'), 200)
  t.equal(await echo('message_echoes', 'from another app'), 200)
  await flow.until('both', () => count(flow, 'from another app') === 1, 30_000)
  await hear(flow, { text: 'an answer', waId })
  t.equal(await echo('smb_message_echoes', 'once more from the phone'), 200)
  await flow.until('the third', () => count(flow, 'once more from the phone') === 1, 30_000)
  await flow.settle(30_000)
  const [conversation] = conversationsOf(flow, { waId })
  t.equal(flow.conversations().length, 1)
  t.same(
    rowsIn(conversation).map((each: Loose) => [each.type, Boolean(each.contentAttributes.external_echo)]),
    [
      ['outgoing', true],
      ['outgoing', true],
      ['incoming', false],
      ['outgoing', true]
    ]
  )
  t.match(
    conversation.messages[0].content,
    /^from the \*\*phone\*\* \{.?\{contact\.name\}\}$/,
    'the desk fills nothing in'
  )
  t.same(flow.sent(), [])
  t.equal(
    flow.ledger({ side: 'graph', what: 'call' }).filter(call => call.name.endsWith('/messages')).length,
    0,
    'WhatsApp was not even asked'
  )
  t.same(await sql(flow, 'select 1 from deliveries'), [])

  await t.test('the window is opened by the customer, not by an echo', async t => {
    const to = '15550109302'
    const item = {
      from: '1',
      to,
      id: newWamid(),
      timestamp: String(nowSeconds()),
      type: 'text',
      text: { body: 'psst' }
    }
    await deliver(flow, other(flow, 'smb_message_echoes', 'message_echoes', [item]))
    await flow.until('the echo', () => count(flow, 'psst') === 1, 30_000)
    flow.reply({ conversationId: holding(flow, 'psst').id, content: 'may I?' })
    await flow.until('parked', () => row(flow, 'may I?').status === 'failed', 30_000)
    t.same(flow.sent(), [])
  })
})

t.test('S60: every message writes a usage row from the first day', async t => {
  const flow = await startFlow(t)
  await sql(flow, "update numbers set connected_at = now() - interval '9 days'")
  await flow.runtime.refresh()
  const waId = '15550109401'
  const at = nowSeconds()
  const wamids = Array.from({ length: 6 }, newWamid)
  const DAY = 86_400
  const said = [
    { wamid: wamids[0], text: 'begins', waId, at: at - 3 * DAY },
    { wamid: wamids[1], text: 'goes on', waId, at: at - 3 * DAY + 60 },
    { wamid: wamids[2], text: 'a day later', waId, at: at - DAY - 60 },
    {
      wamid: wamids[3],
      text: 'from an ad',
      waId: '15550109402',
      at: at - 60,
      more: { referral: { source_url: 'https://fb.me/x', source_type: 'ad', source_id: '1', ctwa_clid: 'c' } }
    }
  ]
  for (const one of said) {
    t.equal(await deliver(flow, webhook(flow, one)), 200)
    await flow.settle(30_000)
  }
  const echo = { from: '1', to: waId, id: wamids[4], timestamp: String(at - 30), type: 'text', text: { body: 'echo' } }
  await deliver(flow, other(flow, 'smb_message_echoes', 'message_echoes', [echo]))
  await hear(flow, { wamid: wamids[5], text: 'now', waId, at })
  flow.reply({ conversationId: holding(flow, 'now').id, content: 'an answer' })
  await flow.until('the answer', () => flow.sent()[0], 30_000)
  await flow.settle(30_000)
  const rows = await sql(
    flow,
    'select wamid, outbound, origin, in_session, extract(epoch from at)::int as at, agent_id, number_id from usage order by at, outbound'
  )
  const [number] = flow.runtime.bridge.registry.numbers()
  t.ok(rows.every(each => each.number_id === number!.id))
  const byId = new Map(rows.map(each => [each.wamid, each]))
  const seen = (nth: number): unknown[] => {
    const one = byId.get(wamids[nth]!)
    return [one?.origin, one?.outbound, one?.in_session, one?.at]
  }
  t.same(seen(0), ['customer', false, false, at - 3 * DAY])
  t.same(seen(1), ['customer', false, true, at - 3 * DAY + 60], 'the session was open')
  t.same(seen(2), ['customer', false, false, at - DAY - 60], 'and had ended')
  t.same(seen(3), ['advert', false, false, at - 60])
  t.same(seen(4), ['external', true, false, at - 30], 'written elsewhere, outside of the window')
  t.same(seen(5), ['customer', false, false, at])
  const answer = rows.find(each => each.wamid === flow.sent()[0].wamid)
  t.match(answer, { outbound: true, origin: 'agent', in_session: true })
  t.type(answer?.agent_id, 'number')
  t.equal(rows.length, 7, 'one row a message')
})
