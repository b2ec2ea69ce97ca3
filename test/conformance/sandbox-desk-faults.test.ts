/** What the desk stand-in does wrong on demand, what its ledger tells, and how its hooks behave. */
import t from 'tap'
import type { Fault } from '../../adapters/sandbox/parts.ts'
import type { Lab } from './sandbox-desk-lab.ts'
import { openLab, pause } from './sandbox-desk-lab.ts'

async function openTalk(): Promise<Lab & { path: string; id: number }> {
  const lab = await openLab()
  const contact = await lab.call('POST', 'contacts', { name: 'Ana', inbox_id: lab.inbox.id, source_id: 'src-1' })
  const made = await lab.call('POST', 'conversations', {
    inbox_id: lab.inbox.id,
    contact_id: contact.json.payload.contact.id,
    source_id: 'src-1',
    message: { message_type: 'incoming', content: 'hola' }
  })
  await lab.settle()
  lab.parts.ledger.clear()
  return { ...lab, path: `conversations/${made.json.id}`, id: made.json.id }
}

const INCOMING = { message_type: 'incoming', content: 'x', source_id: 'wamid.1' }

function set(lab: Lab, ...faults: Omit<Fault, 'on'>[]): void {
  lab.parts.faults.set(faults.map(fault => ({ on: 'call:desk', match: '/messages', count: 1, ...fault })))
}

const rows = (lab: Lab) => lab.parts.ledger.list({ what: 'effect', name: 'message' })

t.test('status before acting, with body, headers and the plain text of a rate limit', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  set(lab, { kind: 'status', status: 429, headers: { 'Retry-After': '7' } })
  const limited = await lab.call('POST', `${lab.path}/messages`, INCOMING)
  s.strictSame([limited.status, limited.text, limited.headers.get('retry-after')], [429, 'Retry later\n', '7'])
  set(lab, { kind: 'status', status: 503, body: { error: 'down' } })
  const down = await lab.call('POST', `${lab.path}/messages`, INCOMING)
  s.strictSame([down.status, down.json], [503, { error: 'down' }])
  s.equal(rows(lab).length, 0)
  s.equal((await lab.call('POST', `${lab.path}/messages`, INCOMING)).status, 200, 'the count is used up')
  const calls = lab.parts.ledger.list({ what: 'call' })
  s.strictSame(
    calls.map(entry => [entry.status, entry.fault]),
    [
      [429, 'status'],
      [503, 'status'],
      [200, undefined]
    ]
  )
})

t.test('reset before acting, time-out after it, commit after the client gave up, garbage, delay', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  const post = (signal?: AbortSignal) => lab.call('POST', `${lab.path}/messages`, INCOMING, signal ? { signal } : {})
  set(lab, { kind: 'reset' })
  await s.rejects(post())
  s.equal(rows(lab).length, 0)
  set(lab, { kind: 'timeout_after_accept' })
  await s.rejects(post(AbortSignal.timeout(100)))
  s.equal(rows(lab).length, 1)
  set(lab, { kind: 'commit_after_timeout', delayMs: 150 })
  await s.rejects(post(AbortSignal.timeout(50)))
  s.equal(rows(lab).length, 1, 'not yet')
  await pause(180)
  s.equal(rows(lab).length, 2, 'only after the client was gone')
  set(lab, { kind: 'garbage' })
  const garbage = await post()
  s.strictSame([garbage.status, garbage.json, rows(lab).length], [200, null, 3])
  set(lab, { kind: 'cut_body' })
  await s.rejects(post())
  s.equal(rows(lab).length, 4, 'it acted, the answer was cut')
  set(lab, { kind: 'slow_body', delayMs: 5_000 })
  await s.rejects(post(AbortSignal.timeout(150)), 'half of the answer is none')
  set(lab, { kind: 'slow_body', delayMs: 60 })
  const slow = await post()
  s.strictSame([slow.status, slow.json.source_id, rows(lab).length], [200, 'wamid.1', 6], 'in the end it comes whole')
  set(lab, { kind: 'delay', delayMs: 80 })
  const startedAt = performance.now()
  s.equal((await post()).status, 200)
  s.ok(performance.now() - startedAt >= 79)
  const last = lab.parts.ledger.list({ what: 'call' }).at(-1)
  s.equal(last?.ids['inFlight'], 1, 'nothing still counts as in flight')
})

t.test('the ledger names what was asked, under which customer, and what it did', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  const made = await lab.call('POST', `${lab.path}/messages`, INCOMING)
  await lab.waitHooks(1)
  await pause(10)
  const [effect, call, hook] = lab.parts.ledger.list({ side: 'desk' })
  s.match(effect, { what: 'effect', name: 'message' })
  s.match(effect?.ids, {
    conversationId: lab.id,
    messageId: made.json.id,
    sourceId: 'wamid.1',
    contactSource: 'src-1',
    type: 'incoming'
  })
  s.match(call, { what: 'call', name: 'POST /conversations/:id/messages', status: 200, body: INCOMING })
  s.match(call?.ids, { conversationId: lab.id, messageId: made.json.id, sourceId: 'wamid.1', inFlight: 1 })
  s.match(hook, { what: 'hook', name: 'message_created', status: 200, ids: { messageId: made.json.id } })
  s.type(hook?.tookMs, 'number')
})

t.test('hooks: lost, doubled, late, overtaken', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  const one = (kind: Fault['kind'], more: Partial<Fault> = {}) =>
    lab.parts.faults.set([{ on: 'hook:desk', match: 'message_created', kind, count: 1, ...more }])
  const say = (content: string) => lab.call('POST', `${lab.path}/messages`, { message_type: 'incoming', content })
  const heard = () => lab.hooks.map(hook => hook.body?.content)
  one('drop')
  await say('lost')
  await say('kept')
  await lab.waitHooks(1)
  await pause(30)
  s.strictSame(heard(), ['kept'])
  lab.hooks.length = 0
  one('duplicate')
  await say('twice')
  await lab.waitHooks(2)
  s.strictSame(heard(), ['twice', 'twice'])
  s.not(lab.hooks[0]?.headers['x-chatwoot-delivery'], lab.hooks[1]?.headers['x-chatwoot-delivery'])
  lab.hooks.length = 0
  one('reorder')
  await say('first')
  await pause(20)
  await say('second')
  await lab.waitHooks(2)
  s.strictSame(heard(), ['second', 'first'])
  lab.hooks.length = 0
  one('delay', { delayMs: 120 })
  await say('late')
  await pause(60)
  s.equal(lab.hooks.length, 0)
  s.equal((await lab.waitHooks(1)).length, 1)
})

t.test('one attempt only; 5xx and a refused connection mark the message failed with the words of Ruby', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  lab.answerHooksWith(() => ({ status: 502 }))
  const { messageId } = lab.desk.reply({ conversationId: lab.id, content: 'hi' })
  await lab.waitHooks(1, hook => hook.body.event === 'message_updated')
  await pause(80)
  s.equal(lab.hooks.filter(hook => hook.body.event === 'message_created').length, 1)
  const shown = async () =>
    (await lab.call('GET', `${lab.path}/messages`)).json.payload.find((row: { id: number }) => row.id === messageId)
  s.match(await shown(), { status: 'failed', content_attributes: { external_error: '502 Bad Gateway' } })
  await lab.call('PATCH', `inboxes/${lab.inbox.id}`, { channel: { webhook_url: 'http://127.0.0.1:9/none' } })
  lab.desk.act({ act: 'retry', conversationId: lab.id, messageId })
  await pause(80)
  s.match(
    (await shown()).content_attributes.external_error,
    /^Failed to open TCP connection to 127\.0\.0\.1:9 \(Connection refused/
  )
})

t.test('any body can be delivered signed, unsigned, wrongly signed or old', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  lab.answerHooksWith(body => ({ status: body.status }))
  const deliver = (sign: boolean | 'wrong' | 'old', status: number) =>
    lab.desk.deliverHook({ inboxId: lab.inbox.id, body: { status }, event: 'message_created', sign })
  s.strictSame(await deliver(true, 200), { status: 200, body: 'ok' })
  s.equal((await deliver(false, 401)).status, 401)
  await deliver('wrong', 401)
  await deliver('old', 200)
  const [right, unsigned, wrong, old] = lab.hooks
  s.strictSame(right?.body, { status: 200, event: 'message_created' })
  s.notOk(unsigned?.headers['x-chatwoot-signature'])
  s.ok(wrong?.headers['x-chatwoot-signature'])
  s.ok(Number(old?.headers['x-chatwoot-timestamp']) < Date.now() / 1000 - 300)
})

t.test('account webhooks hear what they subscribed to, also of contacts', async s => {
  const lab = await openTalk()
  s.teardown(() => lab.close())
  const url = `${lab.inbox.webhook_url}/account`
  await lab.call('POST', 'webhooks', { webhook: { url, subscriptions: ['contact_created'] } })
  await lab.call('POST', 'contacts', { name: 'New' })
  const [hook] = await lab.waitHooks(1, found => found.body.event === 'contact_created')
  s.equal(hook?.body.name, 'New')
  await lab.call('POST', `${lab.path}/messages`, INCOMING)
  await lab.waitHooks(2)
  s.equal(lab.hooks.filter(found => found.body.event === 'message_created').length, 1, 'the inbox only')
})
