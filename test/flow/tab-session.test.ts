// Signing in, and what a stranger gets: nothing. The frame is a locator, never an identity (design law 7).
import { readFileSync } from 'node:fs'
import t from 'tap'
import { openTab } from './tab-lab.ts'

t.test('on the desk’s own host the desk itself says who is there', async t => {
  const tab = await openTab(t)
  const { conversationId } = await tab.begin()
  const ways = await tab.call('GET', `/sign-in?accountId=${tab.accountId}&inboxId=${tab.inboxId}`)
  t.match(ways.body, { known: true, served: true, ways: ['desk', 'pairing'] })

  const bea = await tab.signIn('bea')
  const session = await tab.call('GET', '/sessions/current', { as: bea })
  t.equal(session.status, 200)
  t.match(session.body, { mode: 'desk', accountId: tab.accountId, role: 'agent', agent: { name: 'Bea Agent' } })
  t.equal(session.body.adminUrl, null, 'no link to pages that are not there')

  for (const withDesk of [true, false]) {
    const status = await tab.call('GET', `/conversations/${conversationId}`, { as: bea, withDesk })
    t.equal(status.status, 200, JSON.stringify(status.body))
    t.match(status.body, { served: true, conversationId, window: { open: true }, deskStatus: 'open' })
    t.ok(status.body.allowed.includes('text'))
    t.equal(status.body.customer.phone?.[0], '+')
  }
  const ada = await tab.signIn('ada')
  t.match((await tab.call('GET', '/sessions/current', { as: ada })).body, { role: 'administrator' })

  const ended = await tab.call('DELETE', '/sessions/current', { as: bea })
  t.equal(ended.status, 200)
  t.equal(
    (await tab.call('GET', '/sessions/current', { as: bea })).status,
    401,
    'a session that has ended is no session'
  )
  t.notOk(
    tab.flow.logs.some(line => line.includes(bea.desk['access-token']) || line.includes(bea.token)),
    'no token is ever logged'
  )
})

t.test('a forged context, a foreign agent, another account, a stolen id get nothing', async t => {
  const tab = await openTab(t)
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const cem = await tab.signIn('cem')

  const none = await tab.call('GET', `/conversations/${conversationId}`)
  t.equal(none.status, 401)
  t.match(none.headers.get('content-type'), 'application/problem+json')
  t.match(none.body, { code: 'session_invalid' })
  t.ok(none.body.title.length > 20, 'says what to do')
  t.match(
    (await tab.call('GET', `/conversations/${conversationId}`, { headers: { cookie: `token=${bea.token}` } })).status,
    401,
    'a cookie alone can do nothing'
  )

  const forged = { 'access-token': 'x'.repeat(22), client: bea.desk.client, uid: bea.desk.uid }
  const signIn = await tab.call('POST', '/sessions/desk', { body: { accountId: tab.accountId, session: forged } })
  t.match(signIn, { status: 401, body: { code: 'sign_in_refused' } }, 'claiming to be Bea is not being Bea')
  const elsewhere = await tab.call('POST', '/sessions/desk', { body: { accountId: 4711, session: bea.desk } })
  t.match(elsewhere, { status: 401, body: { code: 'sign_in_refused' } }, 'an account that is not connected here')

  for (const withDesk of [true, false]) {
    for (const path of ['', '/messages', '/messages/1', '/events']) {
      const answer = await tab.call('GET', `/conversations/${conversationId}${path}`, { as: cem, withDesk })
      t.equal(answer.status, 403, `Cem is no member of the inbox: ${path} ${withDesk}`)
      t.match(answer.body, { code: 'not_allowed' })
    }
    const sent = await tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: cem,
      withDesk,
      body: { message: { kind: 'text', text: 'Hello' } }
    })
    t.equal(sent.status, 403)
  }
  t.equal((await tab.call('GET', '/conversations/999999', { as: bea })).status, 404, 'an id that does not exist')
  const borrowed = await tab.call('GET', `/conversations/${conversationId}`, { as: cem, desk: bea.desk })
  t.match(
    borrowed,
    { status: 401, body: { code: 'sign_in_refused' } },
    'a session may bring nobody else’s desk session'
  )
  t.equal((await tab.call('GET', '/api-keys', { as: bea })).status, 403, 'agents are no administrators')
  const stale = { ...bea.desk, 'access-token': 'ended-in-the-desk-meanwhile' }
  const again = await tab.call('GET', `/conversations/${conversationId}`, { as: bea, desk: stale })
  t.match(again, { status: 401, body: { code: 'sign_in_refused' } }, 'signed out of the desk: sign in again')

  await tab.deskCall('PATCH', '/inbox_members', { inbox_id: tab.inboxId, user_ids: [] })
  await tab.flow.until(
    'Bea to lose what was taken from her',
    async () => (await tab.call('GET', `/conversations/${conversationId}`, { as: bea, withDesk: true })).status === 403,
    6_000
  )
  t.equal(tab.flow.sent().length, 0, 'nothing was sent')
})

t.test('an expired session is none', async t => {
  const tab = await openTab(t)
  const bea = await tab.signIn('bea')
  const { database } = tab.flow.runtime
  await database.knex('agent_sessions').update({ expires_at: new Date(Date.now() - 1000) })
  t.match(await tab.call('GET', '/sessions/current', { as: bea }), { status: 401, body: { code: 'session_invalid' } })
  const rows = await database.knex('agent_sessions').select('*')
  const kept = JSON.stringify(rows) + rows.map(row => row.facts_sealed.toString('latin1')).join()
  for (const secret of [bea.token, bea.desk['access-token'], bea.desk.uid, 'Bea']) {
    t.notOk(kept.includes(secret), 'nothing in the table tells a token or a name')
  }
})

t.test('elsewhere a private note proves who is there', async t => {
  const tab = await openTab(t)
  const { conversationId } = await tab.begin()
  const start = async (agentId: number, at = conversationId) => {
    const body = { accountId: tab.accountId, conversationId: at, agentId }
    const answer = await tab.call('POST', '/sessions/pairing', { body })
    t.equal(answer.status, 201)
    return answer.body as { pairingId: string; code: string; secret: string }
  }
  const ask = (pairing: { pairingId: string; secret: string }, secret = pairing.secret) =>
    tab.call('POST', `/sessions/pairing/${pairing.pairingId}`, { body: { secret } })
  const note = (content: string, as: 'ada' | 'bea' | 'cem', at = conversationId) =>
    tab.deskCall('POST', `/conversations/${at}/messages`, { content, private: true }, as)

  const pairing = await start(tab.people.bea.id)
  t.match((await ask(pairing)).body, { state: 'waiting' })
  t.equal((await ask(pairing, 'y'.repeat(43))).status, 401, 'another page cannot ask for the outcome')
  const written = await note(`my code: ${pairing.code.toLowerCase()}`, 'bea')
  const paired = await tab.flow.until('the pairing', async () => {
    const answer = await ask(pairing)
    return answer.body.state === 'paired' ? answer.body : null
  })
  t.match(paired.signedIn.session, { mode: 'paired', agent: { id: tab.people.bea.id }, role: 'agent' })
  t.equal((await ask(pairing)).status, 401, 'handed out once')
  const bea = { id: 0, name: '', token: paired.signedIn.token, desk: tab.people.bea.desk }
  t.equal((await tab.call('GET', `/conversations/${conversationId}`, { as: bea })).status, 200)
  await tab.flow.until('the note to be deleted', () =>
    tab.flow
      .messages()
      .some(message => message.id === written.body.id && message.content !== `my code: ${pairing.code.toLowerCase()}`)
  )

  const stolen = await start(tab.people.bea.id)
  await note(stolen.code, 'ada')
  await tab.flow.until('the cancelled pairing', async () => (await ask(stolen)).status === 401)
  await note(stolen.code, 'bea')
  await tab.flow.settle()
  t.equal((await ask(stolen)).status, 401, 'a code that somebody else wrote first is dead')

  const other = await tab.begin({ customer: 'emma', text: 'Hi' })
  t.not(other.conversationId, conversationId)
  const moved = await start(tab.people.bea.id)
  await note(moved.code, 'bea', other.conversationId)
  await tab.flow.until('the pairing to be cancelled', async () => (await ask(moved)).status === 401)

  const replayed = await start(tab.people.bea.id)
  const recorded = JSON.parse(readFileSync('test/fixtures/chatwoot/webhook.message_created.private-note.json', 'utf8'))
  const hook = { ...recorded, content: replayed.code, sender: { ...recorded.sender, id: tab.people.bea.id } }
  hook.conversation = { ...recorded.conversation, id: conversationId }
  for (const sign of ['wrong', 'old'] as const) {
    const answer = await tab.flow.sandbox.desk.deliverHook({ inboxId: tab.inboxId, body: hook, sign })
    t.equal(answer.status, sign === 'wrong' ? 401 : 200)
    t.match((await ask(replayed)).body, { state: 'waiting' }, `a hook with a ${sign} signature proves nothing`)
  }
  const answered = { ...hook, private: false }
  await tab.flow.sandbox.desk.deliverHook({ inboxId: tab.inboxId, body: { ...answered, message_type: 'incoming' } })
  t.match((await ask(replayed)).body, { state: 'waiting' }, 'what a customer writes is no note')
  await tab.flow.sandbox.desk.deliverHook({ inboxId: tab.inboxId, body: hook })
  t.match((await ask(replayed)).body, { state: 'paired' }, 'the same, signed and fresh, does')
})
