// What somebody may not see is not told, asked or streamed: other conversations' messages, teams, roles of their own,
// other desks, and what was taken away while a stream was open.
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { addDesk, listenTo, openTab, type Tab, type TabAgent } from './tab-lab.ts'

const fast = { injected: { timeFactor: 0.1 } }

const textOf = (event: { data: Loose }): string => JSON.stringify(event.data)

/** The line is up once the first status came. */
const begun = (tab: Tab, line: { events: unknown[] }) => tab.flow.until('the line', () => line.events.length > 0)

t.test('what is taken away while a stream is open ends the stream', async t => {
  const tab = await openTab(t, fast)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const { ada, bea, cem } = tab.people
  const refusedSoon = (as: TabAgent, status: number) =>
    flow.until('the next request to be refused', async () => {
      return (await tab.call('GET', `/conversations/${conversationId}`, { as })).status === status
    })

  await t.test('an administrator who is one no more', async t => {
    const as = await tab.signIn('ada')
    const line = await listenTo(t, tab, as, conversationId)
    await begun(tab, line)
    flow.act({ act: 'role', userId: ada.id, role: 'agent' })
    await line.ended
    const told = line.events.length
    await flow.say({ text: 'a secret for members only' })
    await flow.settle()
    t.notOk(line.events.slice(told).length, 'nothing more is told')
    t.notOk(line.events.some(event => textOf(event).includes('members only')))
    t.notOk(
      line.events.some(event => event.event === 'expired'),
      'signed in, but not allowed'
    )
    await refusedSoon(as, 403)
    flow.act({ act: 'role', userId: ada.id, role: 'administrator' })
  })

  await t.test('a member of the inbox who is one no more, also with their own session of the desk', async t => {
    const as = await tab.signIn('bea')
    const lines = [await listenTo(t, tab, as, conversationId), await listenTo(t, tab, as, conversationId, true)]
    for (const line of lines) await begun(tab, line)
    await tab.deskCall('PATCH', '/inbox_members', { inbox_id: tab.inboxId, user_ids: [] })
    for (const line of lines) await line.ended
    await refusedSoon(as, 403)
    await tab.deskCall('PATCH', '/inbox_members', { inbox_id: tab.inboxId, user_ids: [bea.id] })
  })

  await t.test('somebody of the team that the conversation is given to, until it is taken from it', async t => {
    const team = (await tab.deskCall('POST', '/teams', { team: { name: 'night' } })).body
    await tab.deskCall('POST', `/teams/${team.id}/team_members`, { user_ids: [cem.id] })
    const as = await tab.signIn('cem')
    t.equal((await tab.call('GET', `/conversations/${conversationId}`, { as })).status, 403, 'not theirs yet')
    await tab.deskCall('POST', `/conversations/${conversationId}/assignments`, { team_id: team.id })
    await flow.until('Cem to see it', async () => {
      return (await tab.call('GET', `/conversations/${conversationId}`, { as })).status === 200
    })
    t.equal((await tab.call('GET', `/conversations/${conversationId}`, { as, withDesk: true })).status, 200)
    const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
    t.same((await tab.call('GET', '/numbers', { as })).body.numbers, [], 'the inbox is not theirs for all that')
    t.not((await tab.call('GET', `/templates?numberId=${numberId}`, { as })).status, 200)
    const line = await listenTo(t, tab, as, conversationId)
    await begun(tab, line)
    await new Promise(resolve => setTimeout(resolve, 2_500))
    t.notOk(line.isOver(), 'the right is looked at again, and still there')
    await tab.deskCall('POST', `/conversations/${conversationId}/assignments`, { team_id: null })
    await line.ended
    await refusedSoon(as, 403)
    const other = await tab.begin({ customer: 'emma', text: 'Hi' })
    t.equal((await tab.call('GET', `/conversations/${other.conversationId}`, { as })).status, 403)
  })

  await t.test('somebody who was taken out of the account is signed out', async t => {
    const as = await tab.signIn('bea')
    const line = await listenTo(t, tab, as, conversationId)
    await begun(tab, line)
    flow.act({ act: 'role', userId: bea.id, role: null })
    await line.ended
    t.equal(line.events.at(-1)?.event, 'expired')
    t.equal((await tab.call('GET', '/sessions/current', { as })).status, 401)
    flow.act({ act: 'role', userId: bea.id, role: 'agent' })
    await new Promise(resolve => setTimeout(resolve, 1_200))
    t.equal((await tab.call('GET', '/sessions/current', { as })).status, 401, 'for good')
  })
})

t.test('a role of its own: by policy only what is assigned; a stream by the own session is a short one', async t => {
  const tab = await openTab(t, fast)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const { bea } = tab.people
  flow.act({ act: 'role', userId: bea.id, role: 'agent', customRoleId: 3 })
  const as = await tab.signIn('bea')
  const look = (withDesk: boolean) => tab.call('GET', `/conversations/${conversationId}`, { as, withDesk })
  t.match(await look(false), { status: 403, body: { code: 'not_allowed' } })
  t.match(await tab.call('GET', '/contacts?query=Luc', { as }), { status: 403 })
  t.equal((await look(true)).status, 200, 'the desk itself says more')
  t.equal(
    (
      await tab.call('POST', `/conversations/${conversationId}/messages`, {
        as,
        body: { message: { kind: 'text', text: 'Hello' } }
      })
    ).status,
    403
  )
  const line = await listenTo(t, tab, as, conversationId, true)
  await begun(tab, line)
  await line.ended
  t.equal(line.events.at(-1)?.event, 'again', 'the page comes back with the session that it has then')
  await tab.deskCall('POST', `/conversations/${conversationId}/assignments`, { assignee_id: bea.id })
  await flow.until('what is assigned to be seen', async () => (await look(false)).status === 200)
  t.equal(flow.sent().length, 0)
})

t.test('an open tab costs the desk nothing while nothing happens, and one read for all that look', async t => {
  const tab = await openTab(t, fast)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const [ada, bea] = [await tab.signIn('ada'), await tab.signIn('bea')]
  const lines: Awaited<ReturnType<typeof listenTo>>[] = []
  for (let n = 0; n < 6; n++) lines.push(await listenTo(t, tab, n % 2 ? ada : bea, conversationId, n % 3 === 0))
  for (const line of lines) await begun(tab, line)
  // What the beginning stirred up comes to rest.
  await flow.settle()
  await new Promise(resolve => setTimeout(resolve, 1_500))
  const reads = (after: number) =>
    flow.ledger({ side: 'desk', what: 'call', after }).filter(call => /^GET \/conversations\/:?\w+$/.test(call.name))
  const mark = flow.ledger().at(-1)!.n
  await new Promise(resolve => setTimeout(resolve, 3_000))
  t.equal(reads(mark).length, 0, 'three looks at the rights of six tabs, and no look at the conversation')
  const before = flow.ledger().at(-1)!.n
  await flow.say({ text: 'Are you there?' })
  await flow.until('all to hear of it', () => lines.every(line => line.events.length > 1))
  await new Promise(resolve => setTimeout(resolve, 1_000))
  const count = reads(before).length
  // A message is several events for a tab; on a slow machine they do not come together.
  t.ok(count >= 1 && count < lines.length, `${count} reads for six tabs`)
  t.notOk(lines.some(line => line.isOver()))
})

t.test('ids of another conversation’s messages get nothing, whatever is asked', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const mine = await tab.begin()
  const theirs = await tab.begin({ customer: 'emma', text: 'Something private' })
  const as = await tab.signIn('bea')
  const path = `/conversations/${mine.conversationId}`
  const foreign = flow.messages().find(row => row.content === 'Something private')
  const sent = await tab.call('POST', `/conversations/${theirs.conversationId}/messages`, {
    as,
    body: { message: { kind: 'text', text: 'Private answer' } }
  })
  await flow.until('sent', () => flow.sent().length === 1)
  await flow.settle()
  // Once the window is closed an answer is parked there.
  await flow.door('clock', { jumpMs: 25 * 3_600_000 })
  await flow.say({ customer: 'lucia', text: 'Still here' })
  await flow.settle()
  const { messageId: parked } = flow.reply({ conversationId: theirs.conversationId, content: 'Parked answer' })
  await flow.until('parked', async () => {
    const answer = await tab.call('GET', `/conversations/${theirs.conversationId}`, { as })
    return answer.body.parked.some((one: Loose) => one.messageId === parked)
  })
  const templates = await flow.until('the templates', async () => {
    const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
    const answer = await tab.call('GET', `/templates?numberId=${numberId}`, { as })
    return answer.body.templates?.length > 0 ? answer.body.templates : null
  })
  const hello = templates.find((each: Loose) => each.name === 'hello_world')
  const send = (message: object, withDesk: boolean) =>
    tab.call('POST', `${path}/messages`, { as, withDesk, body: { message } })
  for (const withDesk of [false, true]) {
    for (const id of [foreign.id, sent.body.messageId, parked]) {
      const answers = {
        details: await tab.call('GET', `${path}/messages/${id}`, { as, withDesk }),
        recall: await tab.call('POST', `${path}/messages/${id}/recall`, { as, withDesk }),
        retry: await tab.call('POST', `${path}/messages/${id}/retry`, { as, withDesk }),
        reaction: await send({ kind: 'reaction', messageId: id, emoji: '👍' }, withDesk),
        quote: await send({ kind: 'text', text: 'Quoting', quotesMessageId: id }, withDesk),
        insteadOf: await send({ kind: 'template', templateId: hello.id, values: {}, insteadOf: id }, withDesk),
        file: await send({ kind: 'media', file: { from: 'conversation', messageId: id, fileId: 1 } }, withDesk)
      }
      for (const [what, answer] of Object.entries(answers)) {
        t.match(answer, { status: 404, body: { code: /not_found|media_gone/ } }, `${what} of ${id}, ${withDesk}`)
        t.notMatch(JSON.stringify(answer.body), /[Pp]rivate|Parked/, 'nothing of it is told')
      }
    }
  }
  await flow.settle()
  t.equal(flow.sent().length, 1, 'nothing left for anybody')
  const still = await tab.call('GET', `/conversations/${theirs.conversationId}`, { as })
  t.match(still.body.parked, [{ messageId: parked }], 'and nothing was taken back')
})

t.test('another desk on the same Puente is another world', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const mine = await tab.begin()
  const other = await addDesk(t, flow)
  await other.graph.say({ customer: 'emma', type: 'text', text: 'In the other desk' } as Loose)
  const [foreign] = await flow.until('its conversation', () => {
    const { conversations } = other.desk.view() as Loose
    return conversations.length > 0 ? conversations : null
  })
  await flow.settle()
  const { registry } = flow.runtime.bridge
  const away = registry.numbers().find(number => number.deskId !== registry.numbers()[0]!.deskId)!
  const home = registry.numbers()[0]!
  const theirs = other.desk.config().agents.find(agent => agent.email.startsWith('ada@'))!
  const signIn = async (session: object, deskOrigin: string) =>
    (await tab.call('POST', '/sessions/desk', { body: { accountId: tab.accountId, deskOrigin, session } })).body.token
  const here: TabAgent = {
    ...tab.people.ada,
    token: await signIn(tab.people.ada.desk, new URL(flow.sandbox.deskUrl).origin)
  }
  const { accessToken, client, uid } = theirs.session
  const desk = { 'access-token': accessToken, client, uid }
  const there: TabAgent = {
    id: theirs.id,
    name: theirs.name,
    desk,
    token: await signIn(desk, new URL(other.deskUrl).origin)
  }
  t.match(await tab.call('GET', '/sessions/current', { as: there }), { status: 200 })

  const borrowed = await tab.call('GET', `/conversations/${mine.conversationId}`, { as: there, desk: here.desk })
  t.match(borrowed, { status: 401, body: { code: 'sign_in_refused' } }, 'the session of one desk is none in the other')
  // The same number of an account, perhaps of a conversation: what is answered is one's own desk or nothing.
  for (const withDesk of [false, true]) {
    const seen = await tab.call('GET', `/conversations/${mine.conversationId}`, { as: there, withDesk })
    t.notMatch(JSON.stringify(seen.body), /Lucía/, 'an id of one desk means nothing in the other')
    const back = await tab.call('GET', `/conversations/${foreign.id}`, { as: here, withDesk })
    t.notMatch(JSON.stringify(back.body), /Emma|other desk/)
  }
  for (const [as, number] of [
    [there, home],
    [here, away]
  ] as const) {
    for (const path of [`/templates?numberId=${number.id}`, `/conversations?numberId=${number.id}&phone=34611000101`]) {
      t.match(await tab.call('GET', path, { as }), { status: 422, body: { code: 'number_unknown' } }, path)
    }
    const started = await tab.call('POST', '/conversations', {
      as,
      body: { numberId: number.id, phone: '+34611000101', message: { kind: 'text', text: 'Hi' } }
    })
    t.match(started, { status: 422, body: { code: 'number_unknown' } })
  }

  const link = await tab.call('POST', '/library', {
    as: here,
    body: { kind: 'link', title: 'Price list', url: 'https://shop.example/prices' }
  })
  t.equal(link.status, 201, JSON.stringify(link.body))
  t.same((await tab.call('GET', '/library', { as: there })).body.items, [])
  t.equal((await tab.call('DELETE', `/library/${link.body.itemId}`, { as: there })).status, 404)
  const insert = await tab.call('POST', `/conversations/${foreign.id}/messages`, {
    as: there,
    body: { message: { kind: 'media', file: { from: 'library', itemId: link.body.itemId } } }
  })
  t.equal(insert.status, 404, JSON.stringify(insert.body))
  const upload = await tab.call('POST', '/uploads?name=a.txt&purpose=media', {
    as: here,
    raw: Buffer.from('words'),
    headers: { 'content-type': 'text/plain' }
  })
  const taken = await tab.call('POST', `/conversations/${foreign.id}/messages`, {
    as: there,
    body: { message: { kind: 'media', file: { from: 'upload', uploadId: upload.body.uploadId } } }
  })
  t.equal(taken.status, 404, JSON.stringify(taken.body))

  const sent = await tab.call('POST', `/conversations/${mine.conversationId}/messages`, {
    as: here,
    body: { message: { kind: 'text', text: 'Mine' } }
  })
  t.equal((await tab.call('GET', `/sends/${sent.body.sendId}`, { as: there })).status, 404)
  await flow.settle()
  t.equal(flow.sent().length, 1)
})
