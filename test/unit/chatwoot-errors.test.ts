/** What the desk port says about failures: code, certainty, scope, facts. */
import nock from 'nock'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { access, api, BASE, example, failure, http, SOURCE, scenario } from './chatwoot-lab.ts'

const desk = createChatwootDesk({ http, timeoutMs: 400 })

const marta = {
  inboxId: 12,
  sourceId: SOURCE,
  name: 'Marta Quiroga',
  phone: '+5491155550123',
  identifier: 'wa:AR.1204987711',
  username: 'marta.q'
}

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

scenario('a first row with files is a mistake of ours, and is not sent', async t => {
  const files = [{ path: '/nowhere', name: 'a.png', mimeType: 'image/png', sizeBytes: 1 }]
  const row = { type: 'incoming' as const, content: '', files }
  const error = await failure(desk.createConversation(access, { inboxId: 1, contactId: 1, sourceId: 's', row }))
  t.equal(error.code, 'internal')
})
