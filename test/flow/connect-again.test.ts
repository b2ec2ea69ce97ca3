/** Connecting again: what the admin decided stays, what was proven counts only for the way on which it was proven. */
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { failed, type Lab, openLab } from './connect-lab.ts'

const view = (lab: Lab): Loose => lab.sandbox.desk.view()
const check = (ran: { json: Loose }, id: string): Loose => ran.json.checks.find((each: Loose) => each.id === id)
const contactsOf = (lab: Lab): number => (lab.sandbox.desk.snapshot() as Loose).contacts.length
const proofs = async (lab: Lab): Promise<Loose> => lab.runtime.connections.readProof(1)
const deskCalls = (lab: Lab, after: number, name: RegExp): string[] =>
  lab.sandbox.ledger
    .list({ side: 'desk', what: 'call', after })
    .map(entry => entry.name)
    .filter(each => name.test(each))
/** As if the hook had last been tried an hour ago. */
const age = (lab: Lab): Promise<unknown> =>
  lab.query(`update numbers set last_hook_at = now() - interval '1 hour' where last_hook_at is not null`)

async function talkOnce(lab: Lab): Promise<void> {
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: 'Hola' } as Loose)
  const talk = await lab.until('the conversation', () =>
    view(lab).conversations.find((one: Loose) => one.contact?.phone)
  )
  lab.sandbox.desk.reply({ conversationId: talk.id, content: 'Buenas' } as Loose)
  await lab.until('proven by what people wrote', async () => {
    const { inbound, answer } = await proofs(lab)
    return inbound !== null && answer !== null
  })
}

t.test('policy and language stay when the file names none, and go when it names others', async t => {
  const lab = await openLab(t, { seed: 41 })
  const read = async () => (await lab.query('select policy, locale from numbers'))[0]
  const first = { ...lab.file(), policy: { readMarks: false, parkedHours: 3 }, locale: 'pt_BR' }
  t.equal((await lab.connect(first)).code, 0)
  const decided = { policy: { readMarks: false, parkedHours: 3 }, locale: 'pt-BR' }
  t.match(await read(), decided)
  t.equal((await lab.connect()).code, 0)
  t.match(await read(), decided)
  t.match(lab.held().inboxes[0].additionalAttributes.agent_reply_time_window_message, /modelo/)
  t.equal((await lab.disconnect(lab.file().whatsapp.phoneNumberId)).code, 0)
  t.equal((await lab.connect()).code, 0)
  t.match(await read(), decided, 'after a disconnect, too')
  t.equal((await lab.connect({ ...lab.file(), policy: {}, locale: 'es' })).code, 0)
  t.match(await read(), { policy: { readMarks: true, parkedHours: 24 }, locale: 'es' })
})

t.test('S36: what was proven at one address is not proven at another, nor after a disconnect', async t => {
  const lab = await openLab(t, { seed: 42 })
  t.equal((await lab.connect()).code, 0)
  await talkOnce(lab)
  t.equal((await lab.connect()).json.state, 'proven', 'connecting again at the same address forgets nothing')
  const before = (await proofs(lab)).hook

  lab.options.publicUrl = lab.url.replace('127.0.0.1', 'localhost')
  const moved = await lab.connect()
  t.equal(moved.code, 0, moved.text)
  t.match(moved.json, { state: 'connected but unproven', proof: { inbound: null, answer: null } })
  t.ok(moved.json.proof.hook > before.toISOString(), 'the hook was tried at the new address')
  await talkOnce(lab)

  t.equal((await lab.disconnect(lab.file().whatsapp.phoneNumberId)).code, 0)
  t.same(await proofs(lab), { hook: null, inbound: null, answer: null, proven: false })
  t.match((await lab.connect()).json, { state: 'connected but unproven', proof: { inbound: null, answer: null } })
})

t.test(
  'a hook that has not been tried lately is tried again, without a trace where there is a conversation',
  async t => {
    const lab = await openLab(t, { seed: 43 })
    t.equal((await lab.connect()).code, 0)
    await lab.until('the note is gone', () => view(lab).conversations.length === 0)
    let mark = lab.mark()
    t.match(check(await lab.connect(), 'desk.reaches_puente'), { state: 'ok', says: /just now/ })
    t.same(deskCalls(lab, mark, /upload|typing|POST \/contacts/), [], 'nothing is asked minutes later')

    await age(lab)
    mark = lab.mark()
    t.match(check(await lab.connect(), 'proof.hook'), { state: 'ok', says: /private note came back/ })
    t.same(deskCalls(lab, mark, /upload/), ['POST /upload'])
    await lab.until('the note is gone', () => view(lab).conversations.length === 0)

    await talkOnce(lab)
    await age(lab)
    mark = lab.mark()
    t.match(check(await lab.connect(), 'proof.hook'), { state: 'ok', says: /arrived after \d+ ms/ })
    t.same(deskCalls(lab, mark, /POST \/(contacts|conversations)$/), [], 'no contact, no conversation')

    await age(lab)
    lab.sandbox.desk.configure({ refusePrivateHooks: true })
    const refused = await lab.connect()
    t.equal(refused.code, 1)
    t.ok(failed(refused, 'desk.reaches_puente'), 'an old proof does not stand for a desk that refuses today')
  }
)

t.test("an agent's token tries the hook without leaving what an agent may not delete", async t => {
  const lab = await openLab(t, { seed: 44 })
  t.equal((await lab.connect()).code, 0)
  await lab.until('the note is gone', () => view(lab).conversations.length === 0)
  const asMember = lab.file()
  asMember.chatwoot.token = (lab.sandbox.config()['desk'] as Loose).agentToken
  const forget = () => lab.query('update numbers set hook_proven_at = null, last_hook_at = null')

  await forget()
  const contacts = contactsOf(lab)
  const idle = await lab.connect(asMember)
  t.equal(idle.code, 0, idle.text)
  t.match(check(idle, 'proof.hook'), { state: 'warn', says: /nobody wrote today/ })
  t.match(idle.json, { state: 'connected but unproven', proof: { hook: null } })
  t.same([view(lab).conversations.length, contactsOf(lab)], [0, contacts], 'nothing is left behind')

  await talkOnce(lab)
  await forget()
  const mark = lab.mark()
  const tried = await lab.connect(asMember)
  t.match(check(tried, 'proof.hook'), { state: 'ok', says: /arrived after/ })
  t.ok(tried.json.proof.hook)
  t.same(deskCalls(lab, mark, /POST \/(contacts|conversations)$/), [])

  await forget()
  lab.sandbox.faults.set([{ on: 'hook:desk', kind: 'drop', match: 'typing' }])
  const silent = await lab.connect(asMember)
  lab.sandbox.faults.set([])
  t.equal(silent.code, 1)
  t.match(failed(silent, 'proof.hook'), { says: /No hook of Chatwoot arrived/ })
})

t.test("S8: an agent's token must be a member of every connected inbox, since it serves them all", async t => {
  const lab = await openLab(t, { seed: 45, numbers: 2 })
  t.equal((await lab.connect(lab.file(0))).code, 0)
  t.equal((await lab.connect(lab.file(1))).code, 0)
  const { adminToken, agentToken } = lab.sandbox.config()['desk'] as Loose
  const [, second] = lab.held().inboxes
  const headers = { 'content-type': 'application/json', api_access_token: adminToken }
  const answer = await fetch(`${lab.sandbox.deskUrl}/api/v1/accounts/1/agents`, { headers })
  const agents = (await answer.json()) as Loose[]
  const agent = agents.find(one => one.name === 'Bea Agent')!
  await fetch(`${lab.sandbox.deskUrl}/api/v1/accounts/1/inbox_members`, {
    method: 'DELETE',
    headers,
    body: JSON.stringify({ inbox_id: second.id, user_ids: [agent.id] })
  })
  const asMember = lab.file(0)
  asMember.chatwoot.token = agentToken
  const ran = await lab.connect(asMember)
  t.equal(ran.code, 1)
  t.match(failed(ran, 'desk.member'), { says: new RegExp(`no member of these inboxes: .*\\(${second.id}\\)`) })
  t.notMatch(failed(ran, 'desk.member').says, `(${lab.held().inboxes[0].id})`)
  const { desks } = await lab.runtime.bridge.numbers.list()
  t.equal(desks[0]!.token, adminToken, 'the token that works stays')
})

t.test('a Chatwoot with another address is the same desk: its numbers move along, with their history', async t => {
  const lab = await openLab(t, { seed: 46, numbers: 2 })
  t.equal((await lab.connect(lab.file(0))).code, 0)
  t.equal((await lab.connect(lab.file(1))).code, 0)
  await talkOnce(lab)
  const url = lab.sandbox.deskUrl.replace('127.0.0.1', 'localhost')
  const moved = lab.file(0)
  moved.chatwoot.url = url
  const before = lab.held()
  const mark = lab.mark()
  const ran = await lab.connect(moved)
  t.equal(ran.code, 0, ran.text)
  t.match(check(ran, 'elsewhere.account'), { state: 'warn', says: /all 2 numbers of the account move/, remedy: /copy/ })
  t.match(ran.json.changes, [/move along from http:\/\/127\.0\.0\.1/])
  t.same(lab.held(), before, 'nothing is made anew')
  t.notOk(lab.changes(mark).some(call => /POST \/(inboxes|labels|dashboard_apps)/.test(call)))
  t.same(await lab.query('select url, (select count(*)::int from numbers) as numbers from desks'), [
    { url, numbers: 2 }
  ])
  await lab.until('it is served there', () => lab.runtime.bridge.registry.numbers().every(one => one.desk.url === url))
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: 'Otra vez' } as Loose)
  await lab.until('the same conversation goes on', () =>
    view(lab).conversations.some((one: Loose) => {
      const texts = one.messages.map((message: Loose) => message.content)
      return texts.includes('Hola') && texts.includes('Otra vez')
    })
  )
  t.equal(view(lab).conversations.length, 1)

  const unmarked = lab.file(0)
  lab.held().inboxes[1].additionalAttributes.puente.installation = 'another'
  const refused = await lab.connect(unmarked)
  t.match(failed(refused, 'elsewhere.account'), { remedy: /puente disconnect/ }, 'not without the marks of all')
})
