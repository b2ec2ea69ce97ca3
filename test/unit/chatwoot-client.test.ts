/** The desk port on Chatwoot's API: what it asks for and what it understands. */
import nock from 'nock'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import { access, api, BASE, example, failure, http, ORIGIN, SOURCE, scenario } from './chatwoot-lab.ts'

const desk = createChatwootDesk({ http, timeoutMs: 5000 })

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
      contactPhone: '+34600111222',
      contactName: 'Ana',
      status: 'open',
      sourceId: 'src 1+&',
      shown: [
        { id: 7, additionalAttributes: {} },
        { id: 7, additionalAttributes: {} }
      ],
      lastMessageId: 7,
      lastActivityAt: new Date(1795341922000),
      updatedAt: 1795341922.0843909,
      attributes: { wa_number: '+34 600' }
    },
    {
      id: 4,
      inboxId: 1,
      contactId: 1,
      contactPhone: '+34600111222',
      contactName: 'Ana',
      status: 'open',
      sourceId: 'src 1+&',
      shown: [],
      lastMessageId: null,
      lastActivityAt: new Date(1795341922000),
      updatedAt: 1795341922.0843909,
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

scenario('lists conversations by pages', async t => {
  api()
    .get(`${BASE}/conversations`)
    .query({ inbox_id: '12', status: 'all', page: '3' })
    .reply(200, example('api.conversations.list.response'))
  t.same(
    (await desk.listConversations(access, 12, 3)).map(({ id }) => id),
    [57]
  )
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

scenario('a desk under a path, with a trailing slash, is addressed rightly', async t => {
  nock(ORIGIN).get('/chat/api/v1/accounts/3/conversations/57/messages?after=1').reply(200, { payload: [] })
  t.same(await desk.listMessagesAfter({ ...access, url: `${ORIGIN}/chat/` }, 57, 1), [])
})
