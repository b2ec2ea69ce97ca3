/** The desk port on Chatwoot's API: what it asks for, what it understands, and what it says about failures. */
import { readFileSync } from 'node:fs'
import nock from 'nock'
import t, { type Test } from 'tap'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import { createHttpClient } from '../../adapters/http/client.ts'
import { PuenteError } from '../../plugin/core/errors.ts'

const ORIGIN = 'https://desk.example.test'
const BASE = '/api/v1/accounts/3'
const SOURCE = '0b8f5b0e-5a7e-4d36-9a55-2f6a4a1c7e90'
const access = { url: ORIGIN, accountId: 3, token: 'service-token' }
const desk = createChatwootDesk({ http: createHttpClient(), timeoutMs: 400 })

nock.disableNetConnect()
t.teardown(() => {
  desk.close()
  nock.enableNetConnect()
  nock.restore()
})

/** A test in which every expected call is made, and no other. */
function scenario(name: string, play: (t: Test) => Promise<void>): void {
  t.test(name, async t => {
    await play(t)
    t.same(nock.pendingMocks(), [], 'every expected call was made')
    nock.cleanAll()
  })
}

function example(name: string) {
  return JSON.parse(readFileSync(new URL(`../fixtures/chatwoot/${name}.json`, import.meta.url), 'utf8'))
}

function api() {
  return nock(ORIGIN, { reqheaders: { 'api-access-token': 'service-token', accept: 'application/json' } })
}

async function failure(promise: Promise<unknown>): Promise<PuenteError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof PuenteError) return error
    throw error
  }
  throw new Error('it did not fail')
}

const marta = {
  inboxId: 12,
  sourceId: SOURCE,
  name: 'Marta Quiroga',
  phone: '+5491155550123',
  identifier: 'wa:AR.1204987711',
  username: 'marta.q'
}

scenario('creates a contact with its source id, and tells who it is', async t => {
  const sent = example('api.contacts.create.request')
  api()
    .post(`${BASE}/contacts`, {
      inbox_id: sent.inbox_id,
      source_id: sent.source_id,
      name: sent.name,
      phone_number: sent.phone_number,
      identifier: sent.identifier,
      additional_attributes: { social_profiles: { whatsapp: 'marta.q' }, social_whatsapp_user_name: 'marta.q' }
    })
    .reply(200, example('api.contacts.create.response'))
  t.same(await desk.createContact(access, marta), { contactId: 418 })
  api()
    .post(`${BASE}/contacts`, { inbox_id: 12, source_id: 'x', name: '' })
    .reply(200, example('recorded-4.16.2/contact.create'))
  t.same(await desk.createContact(access, { inboxId: 12, sourceId: 'x', name: '' }), { contactId: 1 })
})

scenario('a contact that exists already is told by the attribute that clashes', async t => {
  const cases: [number, object, string][] = [
    [422, example('api.contacts.error-duplicate.response'), 'phone_number'],
    [422, { message: 'El teléfono ya está en uso', attributes: ['phone_number'] }, 'phone_number'],
    [422, example('errors')['422 record invalid'], 'identifier'],
    [500, { error: 'Identifier has already been taken', attributes: ['identifier'] }, 'identifier']
  ]
  for (const [status, body, attribute] of cases) {
    api().post(`${BASE}/contacts`).reply(status, body)
    const error = await failure(desk.createContact(access, marta))
    t.equal(error.code, 'desk_taken')
    t.equal(error.certainty, 'did_not_happen')
    t.equal(error.facts.attribute, attribute)
  }
  api()
    .patch(`${BASE}/contacts/418`, { phone_number: '+5491155550123' })
    .reply(422, example('api.contacts.error-duplicate.response'))
  t.equal((await failure(desk.updateContact(access, 418, { phone: '+5491155550123' }))).code, 'desk_taken')
})

scenario('a phone that Chatwoot cannot take is invalid, not taken', async t => {
  api().post(`${BASE}/contacts`).reply(422, example('api.contacts.error-phone-format.response'))
  const error = await failure(desk.createContact(access, { ...marta, phone: '5491155550123' }))
  t.equal(error.code, 'desk_invalid')
  t.equal(error.facts.detail, 'Phone number should be in e164 format')
})

scenario('a source id of another contact is an unexplained 500: may have happened', async t => {
  api().post(`${BASE}/contacts`).reply(500, { status: 500, error: 'Internal Server Error' })
  const error = await failure(desk.createContact(access, marta))
  t.equal(error.code, 'desk_unavailable')
  t.equal(error.certainty, 'may_have_happened')
})

scenario('a deleted inbox is told apart from a deleted contact', async t => {
  const gone = example('errors')['404']
  const conversation = { inboxId: 12, contactId: 418, sourceId: SOURCE }
  api().post(`${BASE}/conversations`).reply(404, gone).get(`${BASE}/inboxes/12`).reply(404, gone)
  const inbox = await failure(desk.createConversation(access, conversation))
  t.equal(inbox.code, 'desk_inbox_gone')
  api()
    .post(`${BASE}/conversations`)
    .reply(404, gone)
    .get(`${BASE}/inboxes/12`)
    .reply(200, example('api.inboxes.show.agent-token.response'))
  const contact = await failure(desk.createConversation(access, conversation))
  t.equal(contact.code, 'desk_not_found')
  t.equal(contact.facts.what, 'contact')
  api().post(`${BASE}/contacts`).reply(404, gone).get(`${BASE}/inboxes/12`).reply(404, gone)
  t.equal((await failure(desk.createContact(access, marta))).code, 'desk_inbox_gone')
})

scenario('filters contacts exactly, one condition per value', async t => {
  api()
    .post(`${BASE}/contacts/filter`, example('api.contacts.filter.request'))
    .reply(200, example('api.contacts.filter.response'))
  const found = await desk.filterContacts(access, [{ key: 'phone_number', values: ['+5491155550123'] }])
  t.same(found, [
    {
      id: 418,
      name: 'Marta Quiroga',
      phone: '+5491155550123',
      identifier: 'wa:AR.1204987711',
      attributes: { wa_opt_in: true },
      additionalAttributes: {
        country_code: 'AR',
        social_profiles: { whatsapp: 'marta.q' },
        social_whatsapp_user_name: 'marta.q'
      }
    }
  ])
  const condition = (attribute_key: string, value: string, query_operator: string | null, more = {}) => ({
    attribute_key,
    filter_operator: 'equal_to',
    values: [value],
    query_operator,
    ...more
  })
  api()
    .post(`${BASE}/contacts/filter`, {
      payload: [
        condition('phone_number', '+551187654321', 'or'),
        condition('phone_number', '+5511987654321', 'or'),
        condition('identifier', 'wa:BR.1', 'or'),
        condition('wa_user_id', 'BR.1', null, { custom_attribute_type: 'contact_attribute' })
      ]
    })
    .reply(200, {
      meta: { count: 4, current_page: 1 },
      payload: [
        { id: 1, phone_number: '+551187654321', custom_attributes: {} },
        { id: 2, identifier: 'WA:br.1', custom_attributes: {} },
        { id: 3, identifier: 'wa:BR.1' },
        { id: 4, custom_attributes: { wa_user_id: 'BR.1' } },
        { nonsense: true }
      ]
    })
  const variants = await desk.filterContacts(access, [
    { key: 'phone_number', values: ['+551187654321', '+5511987654321', '+551187654321'] },
    { key: 'identifier', values: ['wa:BR.1'] },
    { key: 'wa_user_id', values: ['BR.1'] }
  ])
  t.same(
    variants.map(contact => contact.id),
    [1, 3, 4],
    'Chatwoot ignores case, we do not'
  )
  t.same(await desk.filterContacts(access, []), [], 'nothing asked, nothing sent')
})

scenario('pages through more than fifteen matches', async t => {
  const rows = (from: number, count: number) => ({
    meta: { count: 20, current_page: 1 },
    payload: Array.from({ length: count }, (_, nth) => ({ id: from + nth, identifier: 'x' }))
  })
  api()
    .post(`${BASE}/contacts/filter`)
    .reply(200, rows(1, 15))
    .post(`${BASE}/contacts/filter?page=2`)
    .reply(200, rows(16, 5))
  t.equal((await desk.filterContacts(access, [{ key: 'identifier', values: ['x'] }])).length, 20)
})

scenario('finds the owner of a source id, or nobody', async t => {
  const path = `${BASE}/contact_inboxes/filter`
  api()
    .post(path, example('api.contact_inboxes.filter.request'))
    .reply(200, example('api.contact_inboxes.filter.response'))
  t.equal((await desk.findContactBySource(access, 12, SOURCE))?.id, 418)
  api().post(path).reply(404)
  t.equal(await desk.findContactBySource(access, 12, SOURCE), null)
  api().post(path).reply(404, example('errors')['404']).get(`${BASE}/inboxes/12`).reply(404, example('errors')['404'])
  t.equal((await failure(desk.findContactBySource(access, 12, SOURCE))).code, 'desk_inbox_gone')
  api().post(path).reply(200, '{"no":"contact"}')
  t.equal((await failure(desk.findContactBySource(access, 12, SOURCE))).code, 'desk_no_answer')
})

scenario('changes of a contact keep what others wrote beside them', async () => {
  api()
    .patch(`${BASE}/contacts/418`, { name: 'Marta Q.', identifier: 'wa:AR.2' })
    .reply(200, example('api.contacts.show.response'))
  await desk.updateContact(access, 418, { name: 'Marta Q.', identifier: 'wa:AR.2' })
  const known = example('api.contacts.show.response')
  known.payload.additional_attributes.social_profiles = { facebook: 'marta', whatsapp: 'old' }
  api()
    .get(`${BASE}/contacts/418`)
    .reply(200, known)
    .patch(`${BASE}/contacts/418`, {
      additional_attributes: {
        social_profiles: { facebook: 'marta', whatsapp: 'marta.new' },
        social_whatsapp_user_name: 'marta.new'
      }
    })
    .reply(200, known)
  await desk.updateContact(access, 418, { username: 'marta.new' })
})

scenario('creates a conversation with its first row in one call (CW-EMBED)', async t => {
  api()
    .post(`${BASE}/conversations`, {
      inbox_id: 1,
      contact_id: 1,
      source_id: 'src-1',
      custom_attributes: { wa_number: '+34 600' },
      additional_attributes: { referral: { x: 1 } },
      message: {
        content: 'Hola **x** <b>',
        message_type: 'incoming',
        private: false,
        source_id: 'wamid.AAA',
        content_attributes: { puente: { wamid: 'wamid.AAA' } }
      }
    })
    .reply(200, example('recorded-4.16.2/conversation.create.embedded'))
  const created = await desk.createConversation(access, {
    inboxId: 1,
    contactId: 1,
    sourceId: 'src-1',
    attributes: { wa_number: '+34 600' },
    additionalAttributes: { referral: { x: 1 } },
    row: {
      type: 'incoming',
      content: 'Hola **x** <b>',
      sourceId: 'wamid.AAA',
      attributes: { puente: { wamid: 'wamid.AAA' } }
    }
  })
  t.same(created, { conversationId: 1, messageId: 1 })
  const { status, custom_attributes, additional_attributes, ...bare } = example('api.conversations.create.request')
  api().post(`${BASE}/conversations`, bare).reply(200, example('api.conversations.create.response'))
  const empty = await desk.createConversation(access, { inboxId: 12, contactId: 418, sourceId: SOURCE })
  t.same(empty, { conversationId: 57, messageId: null })
  api().post(`${BASE}/conversations`).reply(200, example('recorded-4.16.2/conversation.create.embedded'))
  const greeted = await desk.createConversation(access, {
    inboxId: 1,
    contactId: 1,
    sourceId: 'src-1',
    row: { type: 'incoming', content: 'x', sourceId: 'wamid.OTHER' }
  })
  t.same(greeted, { conversationId: 1, messageId: null }, 'a row of another source id is not taken for ours')
})

scenario('finds the conversations of a source id, newest first', async t => {
  const list = example('recorded-4.16.2/conversations.list')
  const older = structuredClone(list.data.payload[0])
  list.data.payload[0].id = 9
  list.data.payload.unshift({ ...older, id: 4, messages: [], last_non_activity_message: null })
  api().get(`${BASE}/conversations`).query({ inbox_id: '1', status: 'all', source_id: 'src 1+&' }).reply(200, list)
  const found = await desk.findConversations(access, 1, 'src 1+&')
  t.same(found, [
    {
      id: 9,
      inboxId: 1,
      contactId: 1,
      status: 'open',
      sourceId: 'src 1+&',
      lastMessageId: 7,
      lastActivityAt: new Date(1795341922000),
      attributes: { wa_number: '+34 600' }
    },
    {
      id: 4,
      inboxId: 1,
      contactId: 1,
      status: 'open',
      sourceId: 'src 1+&',
      lastMessageId: null,
      lastActivityAt: new Date(1795341922000),
      attributes: { wa_number: '+34 600' }
    }
  ])
})

scenario('lists what changed lately, with the source id that the desk tells in passing', async t => {
  api()
    .get(`${BASE}/conversations`)
    .query({ inbox_id: '12', status: 'all', updated_within: '91' })
    .reply(200, example('api.conversations.list.response'))
  const [conversation] = await desk.listChangedConversations(access, 12, 90.2)
  t.equal(conversation?.id, 57)
  t.equal(conversation?.sourceId, SOURCE)
  t.equal(conversation?.lastMessageId, 9120)
})

scenario('writes a row as JSON, quoting by the id of the desk', async t => {
  const { content_type, echo_id, external_created_at, ...sent } = example('api.messages.create-incoming.request')
  api().post(`${BASE}/conversations/57/messages`, sent).reply(200, example('api.messages.create-incoming.response'))
  const row = {
    type: 'incoming' as const,
    content: sent.content,
    sourceId: sent.source_id,
    quotesMessageId: 9101,
    attributes: { puente: sent.content_attributes.puente }
  }
  t.same(await desk.createMessage(access, 57, row), { messageId: 9118 })
  api()
    .post(`${BASE}/conversations/57/messages`, { content: 'nota', message_type: 'outgoing', private: true })
    .reply(200, example('recorded-4.16.2/message.create.agent'))
  t.same(await desk.createMessage(access, 57, { type: 'outgoing', content: 'nota', private: true }), { messageId: 3 })
})

scenario('reads messages in ascending order, with files and senders', async t => {
  const list = example('api.messages.list.response')
  list.payload.reverse()
  list.payload[0].attachments = example('recorded-4.16.2/message.create.attachments').attachments
  api().get(`${BASE}/conversations/57/messages?after=9118`).reply(200, list)
  const messages = await desk.listMessagesAfter(access, 57, 9118)
  t.same(
    messages.map(m => [m.id, m.type, m.status, m.senderType]),
    [
      [9119, 'activity', 'sent', null],
      [9120, 'outgoing', 'delivered', 'user']
    ]
  )
  t.same(messages[1]!.createdAt, new Date(1785146740000))
  t.same(
    messages[1]!.files.map(file => [file.id, file.type, file.name, file.mimeType]),
    [
      [1, 'image', 'foto ñ.png', 'image/png'],
      [2, 'file', 'doc.pdf', 'application/pdf']
    ]
  )
})

scenario('reads one message as it is now, or null', async t => {
  const list = example('api.messages.list.response')
  const path = `${BASE}/conversations/57/messages?after=9120&before=9121`
  api()
    .get(path)
    .reply(200, { ...list, payload: [list.payload[2]] })
  t.match(await desk.readMessage(access, 57, 9120), { id: 9120, conversationId: 57, status: 'delivered' })
  api()
    .get(path)
    .reply(200, { ...list, payload: [] })
  t.equal(await desk.readMessage(access, 57, 9120), null)
  api().get(path).reply(404, example('errors')['404'])
  t.equal(await desk.readMessage(access, 57, 9120), null)
})

scenario('sets what the desk shows, with a reason only for failures', async t => {
  const path = `${BASE}/conversations/57/messages/9120`
  api()
    .patch(path, example('api.messages.patch-status.request'))
    .reply(200, example('api.messages.patch-status.response'))
  await desk.setStatus(access, 57, 9120, 'failed', '131047: Re-engagement message')
  api().patch(path, { status: 'read' }).reply(200, example('api.messages.patch-status.response'))
  await desk.setStatus(access, 57, 9120, 'read', 'ignored')
  api().patch(path).reply(403, example('api.messages.error-patch-not-api.response'))
  const refused = await failure(desk.setStatus(access, 57, 9120, 'read'))
  t.equal(refused.code, 'desk_forbidden')
  t.equal(refused.scope, 'message', 'the desk as a whole goes on')
})

scenario('deletes a message, also one that is gone', async () => {
  const path = `${BASE}/conversations/57/messages/9120`
  api().delete(path).reply(200, example('api.messages.delete.response'))
  await desk.deleteMessage(access, 57, 9120)
  api().delete(path).reply(404, example('errors')['404'])
  await desk.deleteMessage(access, 57, 9120)
})

scenario('writes conversation attributes whole', async () => {
  api()
    .post(`${BASE}/conversations/57/custom_attributes`, example('api.conversations.custom_attributes.request'))
    .reply(200, example('api.conversations.custom_attributes.response'))
  await desk.setConversationAttributes(access, 57, { wa_window_expires_at: '2026-07-28T10:02:12Z' })
})

scenario('every error of the desk gets its code, certainty and scope', async t => {
  const errors = example('errors')
  const row = { type: 'incoming' as const, content: 'x' }
  const cases: [number, unknown, string, string, string][] = [
    [401, errors['401 bad token'], 'desk_unauthorized', 'did_not_happen', 'desk'],
    [401, errors['401 no permission (Pundit)'], 'desk_forbidden', 'did_not_happen', 'message'],
    [401, errors['401 bot token on a closed endpoint'], 'desk_forbidden', 'did_not_happen', 'desk'],
    [401, errors['401 suspended'], 'desk_forbidden', 'did_not_happen', 'desk'],
    [401, '', 'desk_unauthorized', 'did_not_happen', 'desk'],
    [403, errors['403 cloud plan without API'], 'desk_forbidden', 'did_not_happen', 'desk'],
    [404, errors['404'], 'desk_not_found', 'did_not_happen', 'message'],
    [404, '<html>nginx</html>', 'desk_unavailable', 'did_not_happen', 'desk'],
    [422, errors['422 record invalid'], 'desk_invalid', 'did_not_happen', 'message'],
    [422, errors['422 conversations create'], 'desk_taken', 'did_not_happen', 'message'],
    [422, example('api.messages.error-422.response'), 'desk_invalid', 'did_not_happen', 'message'],
    [422, example('api.messages.error-flood.response'), 'desk_flood', 'did_not_happen', 'pair'],
    [422, { message: 'Too many messages', attributes: ['base'] }, 'desk_flood', 'did_not_happen', 'pair'],
    [429, errors['429 rack-attack (plain text)'], 'desk_throttled', 'did_not_happen', 'desk'],
    [400, { error: 'bad' }, 'desk_invalid', 'did_not_happen', 'message'],
    [413, '<html>', 'media_too_large', 'did_not_happen', 'message'],
    [301, '', 'desk_unreachable', 'did_not_happen', 'desk'],
    [500, { status: 500, error: 'Internal Server Error' }, 'desk_unavailable', 'may_have_happened', 'desk'],
    [502, '<html>bad gateway</html>', 'desk_unavailable', 'may_have_happened', 'desk'],
    [503, '', 'desk_unavailable', 'may_have_happened', 'desk'],
    [504, '', 'desk_unavailable', 'may_have_happened', 'desk']
  ]
  t.same(
    Object.keys(errors).filter(name => !cases.some(([, body]) => body === errors[name])),
    [],
    'all of errors.json'
  )
  for (const [status, body, code, certainty, scope] of cases) {
    api()
      .post(`${BASE}/conversations/57/messages`)
      .reply(status, body as nock.Body)
    const error = await failure(desk.createMessage(access, 57, row))
    const label = `${status} ${JSON.stringify(body)}`
    t.equal(error.code, code, label)
    t.equal(error.certainty, certainty, label)
    t.equal(error.scope, scope, label)
    t.equal(error.stage, 'attempt', label)
  }
})

scenario('waits as long as the desk asks', async t => {
  const inTenMinutes = new Date(Date.now() + 600_000).toUTCString()
  for (const [header, seconds] of [
    ['7', 7],
    [inTenMinutes, 600],
    ['soon', undefined]
  ] as const) {
    api().get(`${BASE}/conversations/57/messages?after=1`).reply(429, 'Retry later\n', { 'retry-after': header })
    const error = await failure(desk.listMessagesAfter(access, 57, 1))
    t.equal(error.code, 'desk_throttled')
    if (seconds === undefined) t.equal(error.retryAfterSeconds, undefined)
    else t.ok(Math.abs((error.retryAfterSeconds ?? 0) - seconds) <= 2, `${error.retryAfterSeconds}`)
  }
  api().post(`${BASE}/conversations/57/messages`).reply(422, example('api.messages.error-flood.response'))
  t.equal((await failure(desk.createMessage(access, 57, { type: 'incoming', content: 'x' }))).retryAfterSeconds, 60)
})

scenario('details never carry numbers or addresses that were sent', async t => {
  api()
    .post(`${BASE}/contacts`)
    .reply(422, {
      message: `+54 9 11 5555-0123 and marta@example.com are wrong ${'x'.repeat(400)}`,
      attributes: ['email']
    })
  const error = await failure(desk.createContact(access, marta))
  t.equal(error.code, 'desk_invalid')
  const detail = String(error.facts.detail)
  t.notMatch(detail, /5555|marta@/)
  t.ok(detail.length <= 200)
  t.notMatch(JSON.stringify([error.facts, error.message]), /service-token/)
})

scenario('no answer to a write may have happened; to a read it did not', async t => {
  const row = { type: 'incoming' as const, content: 'x' }
  const writes = `${BASE}/conversations/57/messages`
  api().post(writes).delay(2000).reply(200, {})
  const late = await failure(desk.createMessage(access, 57, row))
  t.equal(late.code, 'desk_no_answer')
  t.equal(late.certainty, 'may_have_happened')
  api().get(`${writes}?after=1`).delay(2000).reply(200, {})
  const lateRead = await failure(desk.listMessagesAfter(access, 57, 1))
  t.equal(lateRead.code, 'desk_no_answer')
  t.equal(lateRead.certainty, 'did_not_happen')
  nock.abortPendingRequests()
  api()
    .post(writes)
    .replyWithError(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  t.equal((await failure(desk.createMessage(access, 57, row))).code, 'desk_no_answer')
  for (const garbage of ['', '{"id":', '<html></html>', 'null', '[]', '{"id":"x"}', '{}']) {
    api().post(writes).reply(200, garbage)
    const error = await failure(desk.createMessage(access, 57, row))
    t.equal(error.code, 'desk_no_answer', garbage)
    t.equal(error.certainty, 'may_have_happened', garbage)
  }
})

scenario('a desk that cannot be reached did nothing', async t => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND']) {
    api()
      .post(`${BASE}/conversations/57/messages`)
      .replyWithError(Object.assign(new Error('no'), { code }))
    const error = await failure(desk.createMessage(access, 57, { type: 'incoming', content: 'x' }))
    t.equal(error.code, 'desk_unreachable')
    t.equal(error.certainty, 'did_not_happen')
  }
})

scenario('beforeBytes runs once per write, and its own error comes back', async t => {
  let called = 0
  const options = { beforeBytes: () => void called++ }
  api()
    .post(`${BASE}/contacts`)
    .reply(200, example('api.contacts.create.response'))
    .post(`${BASE}/conversations`)
    .reply(200, example('api.conversations.create.response'))
    .post(`${BASE}/conversations/57/messages`)
    .reply(200, example('api.messages.create-incoming.response'))
  await desk.createContact(access, marta, options)
  await desk.createConversation(access, { inboxId: 12, contactId: 418, sourceId: SOURCE }, options)
  await desk.createMessage(access, 57, { type: 'incoming', content: 'x' }, options)
  t.equal(called, 3)
  const late = new PuenteError('internal', { facts: { detail: 'lease lost' } })
  const prevent = {
    beforeBytes: () => {
      throw late
    }
  }
  t.equal(await failure(desk.createMessage(access, 57, { type: 'incoming', content: 'x' }, prevent)), late)
})

scenario('a desk under a path, with a trailing slash, is addressed rightly', async t => {
  nock(ORIGIN).get('/chat/api/v1/accounts/3/conversations/57/messages?after=1').reply(200, { payload: [] })
  t.same(await desk.listMessagesAfter({ ...access, url: `${ORIGIN}/chat/` }, 57, 1), [])
})

scenario('a first row with files is a mistake of ours, and is not sent', async t => {
  const files = [{ path: '/nowhere', name: 'a.png', mimeType: 'image/png', sizeBytes: 1 }]
  const row = { type: 'incoming' as const, content: '', files }
  const error = await failure(desk.createConversation(access, { inboxId: 1, contactId: 1, sourceId: 's', row }))
  t.equal(error.code, 'internal')
})
