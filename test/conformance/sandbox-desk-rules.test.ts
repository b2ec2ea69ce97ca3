/** Accounts, inboxes, contacts and settings of the desk stand-in: what a running Chatwoot 4.16.2 was seen to do. */
import t from 'tap'
import type { Loose } from './sandbox-desk-lab.ts'
import { differences, fixture, openLab, openTalk, pause } from './sandbox-desk-lab.ts'

t.test('the comparison of recordings notices keys, order, types, null and values', s => {
  const expected = { a: 1, b: null, id: 3, list: [{ c: 'x' }] }
  s.strictSame(differences({ a: 1, b: null, id: 9, list: [{ c: 'x' }] }, expected), [])
  s.equal(differences({ b: null, a: 1, id: 3, list: [{ c: 'x' }] }, expected).length, 1, 'order')
  s.equal(differences({ a: '1', b: null, id: 3, list: [{ c: 'x' }] }, expected).length, 1, 'type')
  s.equal(differences({ a: 1, b: 0, id: 3, list: [{ c: 'x' }] }, expected).length, 1, 'null')
  s.equal(differences({ a: 1, b: null, id: 3, list: [{ c: 'y' }] }, expected).length, 1, 'value')
  s.equal(differences({ a: 1, b: null, id: 3, list: [] }, expected).length, 1, 'length')
  s.equal(differences({ a: 1, b: null, id: 3 }, expected).length, 1, 'key')
  s.end()
})

t.test('tokens: both spellings, sessions, and the words of a refusal', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const version = await lab.call('GET', '/api', undefined, { bare: true, token: null })
  s.match(version.json, { version: '4.16.2', queue_services: 'ok', data_services: 'ok' })
  const dashed = await lab.call('GET', 'agents', undefined, { token: null, headers: { 'api-access-token': lab.admin } })
  s.equal(dashed.status, 200)
  const wrong = await lab.call('GET', 'agents', undefined, { token: 'nobody' })
  s.equal(wrong.status, 401)
  s.strictSame(wrong.json, fixture('errors')['401 bad token'])
  s.equal((await lab.call('GET', 'agents', undefined, { token: null })).status, 401)
  const bea = lab.desk.config().agents[1]!.session
  const headers = { 'access-token': bea.accessToken, client: bea.client, uid: bea.uid }
  s.equal((await lab.call('GET', 'conversations', undefined, { token: null, headers })).status, 200)
  const byToken = await lab.call('GET', '/auth/validate_token', undefined, { bare: true })
  s.equal(byToken.status, 401, 'validate_token knows only sessions')
  const elsewhere = await lab.call('GET', '/api/v1/accounts/2/agents', undefined, { bare: true })
  s.strictSame([elsewhere.status, elsewhere.json], [404, fixture('errors')['404']])
  s.equal((await lab.call('GET', 'nonsense')).status, 404)
})

t.test('inboxes: only administrators write, see secrets and rotate them; attributes are replaced whole', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const path = `inboxes/${lab.inbox.id}`
  const agent = { token: lab.agent }
  const refused = await lab.call('PATCH', path, { name: 'x' }, agent)
  s.strictSame([refused.status, refused.json], [401, fixture('errors')['401 no permission (Pundit)']])
  s.equal((await lab.call('POST', 'inboxes', { name: 'x', channel: { type: 'api' } }, agent)).status, 401)
  s.notOk('secret' in (await lab.call('GET', path, undefined, agent)).json)
  await lab.call('PATCH', path, { channel: { additional_attributes: { a: 1, b: 2 } } })
  const second = await lab.call('PATCH', path, { channel: { additional_attributes: { c: 3 } } })
  s.strictSame(second.json.additional_attributes, { c: 3 })
  s.equal(second.json.webhook_url, lab.inbox.webhook_url, 'what is not sent stays')
  const rotated = await lab.call('POST', `${path}/reset_secret`)
  s.not(rotated.json.secret, lab.inbox.secret)
  const members = await lab.call('GET', `inbox_members/${lab.inbox.id}`)
  s.strictSame(
    members.json.payload.map((row: Loose) => row.id),
    [2, 3]
  )
  await lab.call('PATCH', 'inbox_members', { inbox_id: lab.inbox.id, user_ids: [3] })
  s.equal((await lab.call('GET', path, undefined, agent)).status, 401, 'no longer a member')
  s.equal((await lab.call('POST', 'inboxes', { name: 'x', channel: { type: 'web_widget' } })).status, 422)
  s.equal((await lab.call('DELETE', path)).status, 200)
  s.equal((await lab.call('GET', path)).status, 404)
})

t.test('contacts: uniqueness, merging of attributes, look-ups, resolved ones only in filter', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const ana = await lab.call('POST', 'contacts', {
    name: 'Ana',
    phone_number: '+34600111222',
    identifier: 'wa:ES.1',
    inbox_id: lab.inbox.id,
    source_id: 'a',
    custom_attributes: { one: 1 }
  })
  const { id } = ana.json.payload.contact
  const again = await lab.call('POST', 'contacts', { name: 'B', phone_number: '+34600111222' })
  s.strictSame([again.status, again.json], [422, fixture('api.contacts.error-duplicate.response')])
  const clash = await lab.call('POST', 'contacts', { name: 'B', identifier: 'WA:es.1' })
  s.strictSame([clash.status, clash.json], [422, fixture('errors')['422 record invalid']], 'regardless of case')
  const bad = await lab.call('POST', 'contacts', { name: 'B', phone_number: '34600' })
  s.strictSame([bad.status, bad.json], [422, fixture('api.contacts.error-phone-format.response')])
  const taken = await lab.call('POST', 'contacts', { name: 'B', inbox_id: lab.inbox.id, source_id: 'a' })
  s.equal(taken.status, 500, 'a source id of another contact')
  const count = lab.parts.ledger.list({ name: 'contact' }).length
  s.equal(count, 1, 'and nothing is left behind')
  const patched = await lab.call('PATCH', `contacts/${id}`, { custom_attributes: { two: 2 } })
  s.strictSame(patched.json.payload.custom_attributes, { one: 1, two: 2 })
  const ghost = await lab.call('POST', 'contacts', { name: 'Ghost', inbox_id: lab.inbox.id, source_id: 'g' })
  s.notOk('last_activity_at' in ghost.json.payload.contact)
  const filter = (attribute_key: string, values: string[]) =>
    lab.call('POST', 'contacts/filter', {
      payload: [{ attribute_key, filter_operator: 'equal_to', values, query_operator: null }]
    })
  const byPhone = await filter('phone_number', ['34600111222'])
  s.strictSame(
    byPhone.json.payload.map((row: Loose) => row.id),
    [id],
    'normalised to +digits'
  )
  s.strictSame(Object.keys(byPhone.json), ['meta', 'payload'])
  s.equal((await filter('identifier', ['WA:ES.1'])).json.payload.length, 1)
  s.equal((await filter('name', ['Ghost'])).json.payload.length, 0, 'without phone, email and identifier')
  s.equal((await lab.call('GET', 'contacts/search?q=ghos')).json.payload.length, 1)
  s.equal((await lab.call('GET', 'contacts/search?q=%2B34600')).json.payload[0].id, id)
  const bySource = await lab.call('POST', 'contact_inboxes/filter', { inbox_id: lab.inbox.id, source_id: 'a' })
  s.equal(bySource.json.id, id)
  const none = await lab.call('POST', 'contact_inboxes/filter', { inbox_id: lab.inbox.id, source_id: 'zz' })
  s.strictSame([none.status, none.text], [404, ''])
  const linked = await lab.call('POST', `contacts/${id}/contact_inboxes`, { inbox_id: lab.inbox.id, source_id: 'a2' })
  s.strictSame(
    differences(linked.json, fixture('api.contacts.contact_inboxes.create.response'), [/name$|source_id$/]),
    []
  )
  const reach = await lab.call('GET', `contacts/${id}/contactable_inboxes`)
  s.equal(reach.json.payload[0].source_id, 'a2', 'the last one')
  const ghostId = ghost.json.payload.contact.id
  await lab.call('DELETE', `contacts/${ghostId}`)
  const gone = await lab.call('POST', 'conversations', { inbox_id: lab.inbox.id, contact_id: ghostId, source_id: 'g' })
  s.equal(gone.status, 404)
})

t.test(
  'contacts made at the same moment: some clashes are 500 with a body that says so, some phones double',
  async s => {
    const lab = await openLab()
    s.teardown(() => lab.close())
    // With work to do in the web, all six are under way before the first is stored.
    lab.desk.configure({ costs: { webMs: 20 } })
    const seen = new Set<string>()
    for (let round = 0; round < 6; round++) {
      const body = { name: 'R', identifier: `wa:race-${round}` }
      const all = await Promise.all([1, 2, 3, 4, 5, 6].map(() => lab.call('POST', 'contacts', body)))
      s.equal(all.filter(answer => answer.status === 200).length, 1)
      for (const answer of all) if (answer.status !== 200) seen.add(`${answer.status} ${JSON.stringify(answer.json)}`)
    }
    s.ok(seen.has('500 {"error":"Identifier has already been taken","attributes":["identifier"]}'))
    s.ok(seen.has('422 {"message":"Identifier has already been taken","attributes":["identifier"]}'))
  }
)

t.test('merging contacts moves everything, sends no hook, base wins', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const a = await openTalk(lab, 'a', { phone_number: '+34600111222' })
  const b = await openTalk(lab, 'b', { identifier: 'wa:b', name: 'Bea' })
  await lab.settle()
  const merged = await lab.call('POST', 'actions/contact_merge', {
    base_contact_id: a.contactId,
    mergee_contact_id: b.contactId
  })
  s.match(merged.json, { id: a.contactId, name: 'Ana', phone_number: '+34600111222', identifier: 'wa:b' })
  await pause(40)
  s.equal(lab.hooks.length, 0)
  s.equal((await lab.call('GET', `contacts/${b.contactId}`)).status, 404)
  const talks = await lab.call('GET', `contacts/${a.contactId}/conversations`)
  s.strictSame(talks.json.payload.map((row: Loose) => row.id).sort(), [a.id, b.id].sort())
  s.equal(
    (await lab.call('POST', 'contact_inboxes/filter', { inbox_id: lab.inbox.id, source_id: 'b' })).json.id,
    a.contactId
  )
  s.equal((await lab.call('POST', `${b.path}/messages`, { message_type: 'incoming', content: 'x' })).status, 200)
})

t.test('settings: keys and refusals as documented, folders are their maker’s own', async s => {
  const lab = await openLab({ bare: true })
  s.teardown(() => lab.close())
  for (const name of ['custom_attribute_definitions', 'custom_filters', 'webhooks', 'dashboard_apps', 'macros']) {
    const made = await lab.call('POST', name, fixture(`api.${name}.create.request`))
    s.equal(made.status, 200, name)
    const people = /(created_by|updated_by)/
    s.strictSame(differences(made.json, fixture(`api.${name}.create.response`), [people]), [], name)
  }
  const twice = await lab.call(
    'POST',
    'custom_attribute_definitions',
    fixture('api.custom_attribute_definitions.create.request')
  )
  s.strictSame(
    [twice.status, twice.json],
    [422, { message: 'Attribute key has already been taken', attributes: ['attribute_key'] }]
  )
  s.equal((await lab.call('POST', 'labels', { title: 'VIP', color: '#fff' }, { token: lab.agent })).status, 401)
  const label = await lab.call('POST', 'labels', {
    label: { title: 'VIP', description: '', color: '#1f93ff', show_on_sidebar: true }
  })
  s.equal(label.json.title, 'vip')
  s.strictSame(
    Object.keys((await lab.call('GET', 'labels')).json.payload[0]),
    Object.keys(fixture('api.labels.list.response').payload[0])
  )
  s.strictSame((await lab.call('GET', 'custom_filters', undefined, { token: lab.agent })).json, [])
  s.equal((await lab.call('GET', 'custom_filters')).json.length, 1)
  s.equal((await lab.call('GET', 'webhooks', undefined, { token: lab.agent })).status, 401)
  const [app] = (await lab.call('GET', 'dashboard_apps', undefined, { token: lab.agent })).json
  s.equal((await lab.call('DELETE', `dashboard_apps/${app.id}`)).status, 204)
})

t.test('the public API: typing of the customer, and reading without any token', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const { id } = await openTalk(lab, 'p1')
  await lab.settle()
  const base = `/public/api/v1/inboxes/${lab.inbox.inbox_identifier}`
  const free = { bare: true, token: null }
  await lab.call('POST', `${base}/contacts/p1/conversations/${id}/toggle_typing`, { typing_status: 'on' }, free)
  const [hook] = await lab.waitHooks(1)
  s.strictSame(Object.keys(hook?.body ?? {}), Object.keys(fixture('webhook.conversation_typing_on.contact')))
  s.equal(hook?.body.user.type, undefined)
  const talks = await lab.call('GET', `${base}/contacts/p1/conversations`, undefined, free)
  s.equal(talks.json[0].messages[0].content, 'hola')
  const made = await lab.call('POST', `${base}/contacts`, fixture('public-api.contacts.create.request'), free)
  s.strictSame(differences(made.json, fixture('public-api.contacts.create.response')), [])
  s.equal((await lab.call('GET', '/public/api/v1/inboxes/nobody', undefined, free)).status, 404)
})

t.test('a snapshot brings everything back, a reset forgets it, and no id recurs', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const { id, path, contactId } = await openTalk(lab)
  lab.desk.reply({
    conversationId: id,
    content: 'hi',
    attachments: [{ name: 'a.txt', type: 'text/plain', bytes: Buffer.from('abc') }]
  })
  const before = JSON.stringify(lab.desk.view())
  const kept = JSON.parse(JSON.stringify(lab.desk.snapshot()))
  lab.desk.reset()
  s.equal((await lab.call('GET', path)).status, 404)
  s.strictSame(lab.desk.config().inboxes, [])
  lab.desk.restore(kept)
  s.equal(JSON.stringify(lab.desk.view()), before)
  const next = await lab.call('POST', `${path}/messages`, {
    message_type: 'incoming',
    content: 'on',
    source_id: 'after'
  })
  const all = (await lab.call('GET', `${path}/messages`)).json.payload.map((row: Loose) => row.id)
  s.equal(new Set(all).size, all.length)
  s.equal(next.json.id, all.at(-1))
  s.equal((await lab.call('GET', `contacts/${contactId}`)).json.payload.id, contactId)
  const other = await openLab({ instance: 'another' })
  s.teardown(() => other.close())
  s.not(other.inbox.id, lab.inbox.id, 'another instance is another desk')
  s.not(other.admin, lab.admin)
})
