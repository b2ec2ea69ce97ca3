/**
 * Who is this: one person stays one contact with one conversation, under whatever names and spellings WhatsApp and the
 * desk know them, and however many first messages race.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import t from 'tap'
import { puente } from '../../plugin/index.ts'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import {
  callsSince,
  conversationsOf,
  count,
  deliver,
  ledgerMark,
  nowSeconds,
  rowsIn,
  setPolicy,
  sql,
  webhook
} from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const FILTER = 'POST /contacts/filter'
const CONTACT = 'POST /contacts'
const CONVERSATION = 'POST /conversations'
const MESSAGE = 'POST /conversations/:id/messages'

/** Delivers one webhook, waits until the text stands in the desk, and tells what that cost. */
async function hear(flow: Flow, said: Loose): Promise<string[]> {
  const mark = ledgerMark(flow)
  if ((await deliver(flow, webhook(flow, said))) !== 200) throw new Error('not taken')
  await flow.until(`the row ${said.text}`, () => count(flow, said.text) === 1, 30_000)
  await flow.settle(30_000)
  return callsSince(flow, mark)
}

/** The conversation in which a text stands. */
function holding(flow: Flow, content: string): Loose {
  return flow.conversations().find(each => each.messages.some((row: Loose) => row.content === content))
}

/** An agent enters a contact; attributes go the way of the desk's API. */
async function enterContact(flow: Flow, fields: Loose): Promise<number> {
  const { accountId, adminToken } = flow.sandbox.desk.config() as Loose
  const answer = await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${accountId}/contacts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', api_access_token: adminToken },
    body: JSON.stringify(fields)
  })
  return ((await answer.json()) as Loose).payload.contact.id
}

t.test('known by user id, with and without a phone', async t => {
  const flow = await startFlow(t)
  const userId = 'US.4n8Xc2Vb6Mq0Wz5Lk9Jh'
  const [first] = [await hear(flow, { text: 'no phone', waId: null, userId, name: 'Mara', username: 'mara.ibsen' })]
  t.same(first, [CONTACT, CONVERSATION], 'two calls for a new customer')
  const conversation = holding(flow, 'no phone')
  t.match(conversation.contact, { name: 'Mara', phone: null, identifier: `wa:${userId}` })
  t.match(conversation.contact.additionalAttributes, { social_profiles: { whatsapp: 'mara.ibsen' } })

  await hear(flow, { text: 'now with a phone', waId: '15550106001', userId })
  await hear(flow, { text: 'now with the phone alone', waId: '15550106001' })
  await hear(flow, { text: 'another user name', waId: null, userId, username: 'mara.new' })
  for (const text of ['now with a phone', 'now with the phone alone', 'another user name']) {
    t.equal(holding(flow, text).id, conversation.id, text)
  }
  t.equal(flow.conversations().length, 1)

  await t.test('a user name alone never makes two people one', async t => {
    await hear(flow, {
      text: 'somebody else took the name',
      waId: null,
      userId: 'US.other0000000000001',
      username: 'mara.ibsen'
    })
    t.not(holding(flow, 'somebody else took the name').id, conversation.id)
  })

  await t.test('a new user id keeps the conversation', async t => {
    const next = 'US.9newid000000000000x'
    const system = { type: 'user_changed_user_id', body: 'changed', user_id: next, previous_user_id: userId }
    const more = { type: 'system', text: undefined, system }
    t.equal(await deliver(flow, webhook(flow, { waId: null, userId, more })), 200)
    await flow.settle(30_000)
    await hear(flow, { text: 'under the new id', waId: null, userId: next })
    t.equal(holding(flow, 'under the new id').id, conversation.id)
  })

  await t.test('a changed number keeps the conversation, and the old number still finds it', async t => {
    await hear(flow, { text: 'from the old number', waId: '15550106002' })
    const system = { type: 'user_changed_number', body: 'changed', wa_id: '15550106003' }
    const more = { type: 'system', text: undefined, system }
    t.equal(await deliver(flow, webhook(flow, { waId: '15550106002', more })), 200)
    await flow.settle(30_000)
    const { id } = holding(flow, 'from the old number')
    const calls = await hear(flow, { text: 'from the new number', waId: '15550106003' })
    t.same(calls, [MESSAGE])
    t.equal(holding(flow, 'from the new number').id, id)
    t.match(
      rowsIn(holding(flow, 'from the new number')).map((row: Loose) => row.content)[1],
      /changed the WhatsApp number from \+15550106002 to \+15550106003/
    )
    const { messageId } = flow.reply({ conversationId: id, content: 'to the new one' })
    const sent = await flow.until('the answer', () => flow.sent()[0], 30_000)
    t.equal(String(sent.to).replace('+', ''), '15550106003', 'answers go to the new number')
    t.ok(messageId)
  })
})

t.test('spellings of one line: Brazil, Argentina, Mexico', async t => {
  const flow = await startFlow(t)
  const lines: [country: string, asWritten: string, inDesk: string, other: string][] = [
    ['Brazil', '551187654321', '+5511987654321', '5511987654321'],
    ['Argentina', '5491123456789', '+541123456789', '541123456789'],
    ['Mexico', '5215512345678', '+525512345678', '525512345678']
  ]
  for (const [country, waId, phone, sibling] of lines) {
    const contactId = await enterContact(flow, { name: `Old ${country}`, phone_number: phone })
    const calls = await hear(flow, { text: `hello from ${country}`, waId, name: country })
    const conversation = holding(flow, `hello from ${country}`)
    t.equal(conversation.contact.id, contactId, `${country}: the contact under the other spelling is adopted`)
    t.equal(conversation.contact.name, `Old ${country}`, 'what agents wrote stays')
    t.ok(calls.length <= 5, `${calls.length} calls`)
    t.equal(calls.filter(name => name === FILTER).length, 1, 'the spellings cost one filter call')
    t.same(await hear(flow, { text: `again from ${country}`, waId: sibling }), [MESSAGE])
    t.equal(holding(flow, `again from ${country}`).id, conversation.id, 'both spellings are one person')
  }
  const fresh = await hear(flow, { text: 'nobody knew me', waId: '5511976543210' })
  t.same(fresh, [FILTER, CONTACT, CONVERSATION])
  t.same(await hear(flow, { text: 'without the nine', waId: '551176543210' }), [MESSAGE])
  const landline = await hear(flow, { text: 'a landline', waId: '551133334444' })
  t.equal(landline.includes(FILTER), false, 'a landline has one spelling')
})

t.test('S44: contacts that the desk has are adopted, never doubled', async t => {
  const flow = await startFlow(t)
  const byPhone = await enterContact(flow, { name: 'By phone', phone_number: '+15550105001' })
  const calls = await hear(flow, { text: 'found by phone', waId: '15550105001' })
  t.equal(holding(flow, 'found by phone').contact.id, byPhone)
  t.same(calls, [CONTACT, FILTER, CONVERSATION], 'made first, looked up only when the desk says that it exists')

  const byIdentifier = await enterContact(flow, { name: 'By identifier', identifier: 'wa:US.known0000000000001' })
  await hear(flow, { text: 'found by identifier', waId: null, userId: 'US.known0000000000001' })
  t.equal(holding(flow, 'found by identifier').contact.id, byIdentifier)
  await hear(flow, { text: 'phone comes later', waId: '15550105002', userId: 'US.known0000000000001' })
  t.equal(holding(flow, 'phone comes later').contact.id, byIdentifier)

  const both = await enterContact(flow, { name: 'Phone of one', phone_number: '+15550105003' })
  const one = await enterContact(flow, { name: 'Identifier of another', identifier: 'wa:US.known0000000000002' })
  await hear(flow, { text: 'who am I', waId: '15550105003', userId: 'US.known0000000000002' })
  t.equal(holding(flow, 'who am I').contact.id, one, "Puente's own identifier goes first")
  t.not(both, one)

  const { accountId, adminToken } = flow.sandbox.desk.config() as Loose
  await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${accountId}/custom_attribute_definitions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', api_access_token: adminToken },
    body: JSON.stringify({
      attribute_display_name: 'Second phone',
      attribute_key: 'second_phone',
      attribute_display_type: 0,
      attribute_model: 1
    })
  })
  await setPolicy(flow, { extraPhoneAttributes: ['second_phone'] })
  const extra = await enterContact(flow, {
    name: 'By a second phone',
    phone_number: '+15550105004',
    custom_attributes: { second_phone: '+15550105005' }
  })
  const found = await hear(flow, { text: 'from my second phone', waId: '15550105005' })
  t.equal(holding(flow, 'from my second phone').contact.id, extra)
  t.equal(found[0], FILTER, 'another contact could match, so the question goes first')
  t.ok(found.length <= 5)
  await hear(flow, { text: 'nobody has this', waId: '15550105006' })
  t.not(holding(flow, 'nobody has this').contact.id, extra)
  const phones = new Set(flow.conversations().map(each => each.contact.id))
  t.equal(phones.size, flow.conversations().length, 'no contact twice')
})

t.test('two customers that turn out to be one', async t => {
  const flow = await startFlow(t)
  const userId = 'US.merge000000000000001'
  await hear(flow, { text: 'as a user name', waId: null, userId, name: 'Uma' })
  await hear(flow, { text: 'as a phone', waId: '15550104001', name: 'Uma' })
  const loser = holding(flow, 'as a phone')
  const winner = holding(flow, 'as a user name')
  t.not(loser.id, winner.id, 'nothing tells yet that they are one')
  await hear(flow, { text: 'as both', waId: '15550104001', userId })
  t.equal(holding(flow, 'as both').id, winner.id, 'the older one stays')
  await flow.until('the merge', async () => (await sql(flow, 'select 1 from merges')).length === 0, 30_000)
  const burst = Array.from({ length: 6 }, (_, n) => ({
    text: `burst ${n}`,
    ...(n % 2 === 0 ? { waId: '15550104001' } : { waId: null, userId })
  }))
  t.equal(await deliver(flow, webhook(flow, ...burst)), 200)
  await flow.until('the burst', () => count(flow, 'burst 5') === 1, 30_000)
  await flow.settle(30_000)
  t.same(
    rowsIn(holding(flow, 'burst 0'))
      .map((row: Loose) => row.content)
      .slice(-6),
    burst.map(each => each.text),
    'one lane, in order'
  )
  t.equal(holding(flow, 'burst 5').id, winner.id)
  flow.reply({ conversationId: loser.id, content: 'answered in the old conversation' })
  const sent = await flow.until('the answer', () => flow.sent()[0], 30_000)
  t.match(sent, { text: { body: 'answered in the old conversation' } })
  t.match(String(sent.to ?? sent.recipient), /15550104001|US\.merge/)
})

t.test('fifty first messages of one customer at once', async t => {
  const flow = await startFlow(t)
  await sql(flow, "update numbers set connected_at = now() - interval '1 day'")
  await flow.runtime.refresh()
  const dataDir = await mkdtemp(join(tmpdir(), 'puente-second-'))
  const second = Fastify()
  await second.register(puente, {
    prefix: '/wa',
    databaseUrl: flow.databaseUrl,
    dataDir,
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    injected: { allowUnsafeDatabase: true }
  })
  const address = await second.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    await second.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const pumps = [flow.runtime.pump, second.puente.runtime.pump]
  const urls = [`${flow.url}/webhooks/whatsapp`, `${address}/wa/webhooks/whatsapp`]

  /** Fifty webhooks, shuffled, by one door or by both in turn. */
  const rush = async (name: string, who: Loose, doors: string[]): Promise<void> => {
    const at = nowSeconds() - 60
    const said = Array.from({ length: 50 }, (_, n) => ({ ...who, text: `${name} ${n}`, at: at + n }))
    const shuffled = said.map((one, n) => ({ one, key: (n * 37) % 53 })).sort((a, b) => a.key - b.key)
    const answers = await Promise.all(
      shuffled.map(({ one }, n) => deliver(flow, webhook(flow, one), { url: doors[n % doors.length] }))
    )
    t.same(new Set(answers), new Set([200]))
  }
  const texts = (conversation: Loose): string[] => rowsIn(conversation).map((row: Loose) => row.content)
  const wanted = (name: string): string[] => Array.from({ length: 50 }, (_, n) => `${name} ${n}`)

  for (const [name, doors] of [
    ['waiting', urls.slice(0, 1)],
    ['waiting for two', urls]
  ] as const) {
    // What waits leaves in the order of Meta's times, whichever process takes it.
    for (const pump of pumps) pump.pause(true)
    const waId = name === 'waiting' ? '15550103001' : '15550103002'
    await rush(name, { waId, userId: `US.rush${waId}0000` }, [...doors])
    const sorters = [flow.runtime.sorter, second.puente.runtime.sorter]
    await flow.until('all sorted', () => sorters.every(sorter => sorter.isIdle()), 10_000)
    for (const pump of pumps) pump.pause(false)
    await flow.until(name, () => flow.messages().filter(row => row.content.startsWith(`${name} `)).length >= 50, 60_000)
    await flow.settle(30_000)
    const found = conversationsOf(flow, { waId })
    t.equal(found.length, 1, `${name}: one contact, one conversation`)
    t.same(texts(found[0]), wanted(name), `${name}: in order, each once`)
  }

  for (const [name, waId] of [
    ['racing', '15550103003'],
    ['racing too', '5511976543999']
  ] as const) {
    await rush(name, { waId }, urls)
    await flow.until(name, () => flow.messages().filter(row => row.content.startsWith(`${name} `)).length >= 50, 60_000)
    await flow.settle(30_000)
    const found = conversationsOf(flow, { waId })
    t.equal(found.length, 1, `${name}: one contact, one conversation`)
    t.same(texts(found[0]).sort(), wanted(name).sort(), `${name}: each once`)
  }
  const contacts = flow.ledger({ side: 'desk', what: 'effect', name: 'contact' })
  t.equal(contacts.length, 4, 'no contact was made twice')
})
