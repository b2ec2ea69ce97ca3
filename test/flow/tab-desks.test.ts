// Which desk a page belongs to: public and inner addresses, two desks with the same account number, windows of their own.
import t from 'tap'
import { runApiKey } from '../../plugin/api-key.ts'
import { readOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { addDesk, openTab } from './tab-lab.ts'

const PUBLIC = 'http://chat.example:3000'

t.test('agents open the desk at another address than Puente: they sign in, pair, and every link is theirs', async t => {
  const tab = await openTab(t, { options: { chatwootOrigins: [PUBLIC] } })
  const { flow } = tab
  const { conversationId, contactId } = await tab.begin()
  const ways = (origin: string, host = 'chat.example') =>
    flow.app.inject({
      url: `/wa/api/v1/sign-in?accountId=${tab.accountId}&deskOrigin=${encodeURIComponent(origin)}`,
      headers: { host }
    })
  t.same((await ways(PUBLIC)).json().ways, ['desk', 'pairing'], 'the same host as the page that agents see')
  t.same((await ways(PUBLIC, 'puente.example')).json().ways, ['pairing'])
  t.match((await ways('http://evil.example')).json(), { known: false, ways: [] })

  const { ada, bea } = tab.people
  const signIn = (desk: object, deskOrigin: string) =>
    tab.call('POST', '/sessions/desk', { body: { accountId: tab.accountId, deskOrigin, session: desk } })
  t.equal((await signIn(bea.desk, 'http://evil.example')).status, 401, 'an origin that nobody configured')
  const signedIn = await signIn(ada.desk, PUBLIC)
  t.equal(signedIn.status, 200, JSON.stringify(signedIn.body))
  t.equal(signedIn.body.session.deskUrl, PUBLIC)
  t.match(new URL(signedIn.body.session.adminUrl).searchParams.get('desk'), PUBLIC)
  const link = `${PUBLIC}/app/accounts/${tab.accountId}/conversations/${conversationId}`
  const as = { ...ada, token: signedIn.body.token }
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  t.equal((await tab.call('GET', `/conversations/${conversationId}`, { as })).body.link, link)
  const open = await tab.call('GET', `/conversations?numberId=${numberId}&contactId=${contactId}`, { as })
  t.equal(open.body.open.link, link)
  const sent = await tab.call('POST', `/conversations/${conversationId}/messages`, {
    as,
    body: { message: { kind: 'text', text: 'Hello' } }
  })
  t.equal(sent.body.link, link)

  const written = await tab.call('POST', '/sessions/pairing', {
    body: { accountId: tab.accountId, deskOrigin: PUBLIC, conversationId, agentId: bea.id }
  })
  const { pairingId, secret, code } = written.body
  await tab.deskCall('POST', `/conversations/${conversationId}/messages`, { content: code, private: true }, 'bea')
  const paired = await flow.until('the pairing', async () => {
    const answer = await tab.call('POST', `/sessions/pairing/${pairingId}`, { body: { secret, deskOrigin: PUBLIC } })
    return answer.body.signedIn
  })
  t.equal(paired.session.deskUrl, PUBLIC)

  const options = readOptions({
    databaseUrl: flow.databaseUrl,
    masterKey: Buffer.alloc(32, 7).toString('base64')
  })
  let said = ''
  await runApiKey(options, 'create', undefined, { json: true, name: 'CRM' }, { write: text => void (said += text) })
  const crm = { ...ada, token: JSON.parse(said).key }
  const refused = await tab.call('POST', '/messages', {
    as: crm,
    body: { contactId, ifOpen: 'refuse', message: { kind: 'text', text: 'Hi' } }
  })
  t.match(
    refused,
    { status: 409, body: { code: 'conversation_open', link } },
    'a script has no frame, but the same link'
  )
})

t.test('two desks with the same account number: each page finds its own, none is guessed', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const other = await addDesk(t, flow)
  const config = other.desk.config()
  t.equal(config.accountId, tab.accountId)
  const there = config.agents.find(agent => agent.email.startsWith('ada@'))!
  const session = (who: typeof there) => ({
    'access-token': who.session.accessToken,
    client: who.session.client,
    uid: who.session.uid
  })
  const signIn = (desk: object, deskOrigin?: string) =>
    tab.call('POST', '/sessions/desk', { body: { accountId: tab.accountId, deskOrigin, session: desk } })
  const here = new URL(flow.sandbox.deskUrl).origin
  const away = new URL(other.deskUrl).origin
  t.equal((await signIn(tab.people.ada.desk)).status, 401, 'without an origin it could be either')
  t.equal((await signIn(tab.people.ada.desk, here)).body.session.deskUrl, here)
  t.equal((await signIn(session(there), away)).body.session.deskUrl, away)
  t.equal((await signIn(tab.people.ada.desk, away)).status, 401, 'a session of another desk')
})

t.test('a code that nothing can prove is not offered', async t => {
  const tab = await openTab(t)
  const { bridge, database } = tab.flow.runtime
  await database.knex('numbers').update({ hook_secret_sealed: null })
  await tab.flow.runtime.refresh()
  t.ok(bridge.registry.numbers().every(number => number.hookSecret === null))
  const ways = await tab.call('GET', `/sign-in?accountId=${tab.accountId}&inboxId=${tab.inboxId}`)
  t.same(ways.body, { known: true, served: true, ways: ['desk'] })
  const started = await tab.call('POST', '/sessions/pairing', { body: { accountId: tab.accountId } })
  t.match(started, { status: 401, body: { code: 'sign_in_refused' } })
})

t.test('without a conversation the note may stand anywhere in the desk, and its author is the agent', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const start = async (body: object = {}) =>
    (await tab.call('POST', '/sessions/pairing', { body: { accountId: tab.accountId, ...body } })).body
  const ask = ({ pairingId, secret }: Loose) => tab.call('POST', `/sessions/pairing/${pairingId}`, { body: { secret } })
  const note = (content: string, as: 'ada' | 'bea' | 'cem') =>
    tab.deskCall('POST', `/conversations/${conversationId}/messages`, { content, private: true }, as)
  const pairing = await start()
  await note(pairing.code, 'bea')
  const paired = await flow.until('the pairing', async () => (await ask(pairing)).body.signedIn)
  t.match(paired.session, { mode: 'paired', role: 'agent', agent: { id: tab.people.bea.id } })

  const named = await start({ agentId: tab.people.ada.id })
  await note(named.code, 'bea')
  await flow.until('the pairing to be cancelled', async () => (await ask(named)).status === 401)

  const { database } = flow.runtime
  const expired = await start()
  await database.knex('pairings').update({ expires_at: new Date(Date.now() - 1000) })
  await note(expired.code, 'bea')
  await flow.settle()
  t.equal((await ask(expired)).status, 401, 'written too late')
})

t.test('a paired session goes along into another window once, and lasts no longer for it', async t => {
  const tab = await openTab(t)
  const { conversationId } = await tab.begin()
  const ada = await tab.signIn('ada')
  const { database } = tab.flow.runtime
  await database.knex('agent_sessions').update({ expires_at: new Date(Date.now() + 600_000) })
  const handed = await tab.call('POST', '/sessions/handovers', { as: ada })
  t.equal(handed.status, 201, JSON.stringify(handed.body))
  const { ticket } = handed.body
  const bare = { ...ada, token: ticket }
  t.equal((await tab.call('GET', `/conversations/${conversationId}`, { as: bare })).status, 401, 'it is no bearer')
  t.match(
    await tab.call('POST', '/sessions/ticket', { body: { ticket } }),
    { status: 401, body: { code: 'link_spent' } },
    'and opens no admin page'
  )
  const taken = await tab.call('POST', '/sessions/handed-over', { body: { ticket } })
  t.match(taken, { status: 200, body: { session: { mode: 'paired', agent: { id: ada.id } } } })
  t.ok(Date.parse(taken.body.session.expiresAt) <= Date.now() + 600_000, 'no longer than what it came from')
  const there = { ...ada, token: taken.body.token }
  t.equal((await tab.call('GET', `/conversations/${conversationId}`, { as: there })).status, 200)
  t.match(await tab.call('POST', '/sessions/handed-over', { body: { ticket } }), {
    status: 401,
    body: { code: 'link_spent' }
  })

  const admin = await tab.call('POST', '/admin/tickets', { as: ada })
  t.match(
    await tab.call('POST', '/sessions/handed-over', { body: { ticket: admin.body.ticket } }),
    { status: 401, body: { code: 'link_spent' } },
    'a ticket for the admin pages is none for conversations'
  )
  const late = await tab.call('POST', '/sessions/handovers', { as: ada })
  tab.flow.act({ act: 'role', userId: ada.id, role: null })
  await tab.flow.until(
    'Ada to be out of the account',
    async () => (await tab.call('GET', '/sessions/current', { as: ada })).status === 401,
    15_000
  )
  t.equal((await tab.call('POST', '/sessions/handed-over', { body: { ticket: late.body.ticket } })).status, 401)
})

t.test('sentences are in the language that the page speaks; the agent’s own only where it does not say', async t => {
  const tab = await openTab(t)
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const { database } = tab.flow.runtime
  const { agents } = tab.flow.runtime.talk
  const session = await agents.findSession(bea.token)
  const token = `pas_${'s'.repeat(43)}`
  await agents.openSession(token, { ...session!, uid: null, locale: 'es' }, 60_000)
  const spanish = { ...bea, token }
  const ask = (language?: string) =>
    tab.call('GET', '/conversations/999999', {
      as: spanish,
      headers: language === undefined ? {} : { 'accept-language': language }
    })
  const [chosen, other, none, anything] = await Promise.all([ask('pt-BR'), ask('en-GB,en;q=0.9'), ask(), ask('*')])
  t.match(chosen.body.title, /Recarregue|encontr|existe/)
  t.match(other.body.title, /^[A-Z][a-z ]+/)
  t.equal(none.body.title, anything.body.title)
  t.equal(new Set([chosen, other, none].map(answer => answer.body.title)).size, 3, 'three languages, three sentences')
  await database.knex('numbers').update({ paused_code: 'wa_payment' })
  await tab.flow.runtime.refresh()
  const notices = async (language: string) =>
    (
      await tab.call('GET', `/conversations/${conversationId}`, {
        as: spanish,
        headers: { 'accept-language': language }
      })
    ).body.notices.map((notice: Loose) => notice.sentence)
  t.not((await notices('en'))[0], (await notices('pt-BR'))[0])
})
