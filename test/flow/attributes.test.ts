/**
 * Attributes of conversations in the desk: set at creation for nothing, kept in step later by few writes, never at the
 * expense of what others keep there.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, deskOf, lastEntry, query, type Talk } from './talk.ts'

const FACTOR = 0.05
/** Ten minutes, much shorter than the other times: those of the network must stay long enough for a busy machine. */
const EVERY_MS = 1_800

async function startAttributes(t: Parameters<typeof startFlow>[0]): Promise<Flow> {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  Object.assign(flow.runtime.bridge.times, { deskAttributesMs: EVERY_MS })
  return flow
}

const attributesOf = (talk: Talk): Loose => talk.conversation().customAttributes
const writesSince = (flow: Flow, mark: number, talk: Talk): Loose[] =>
  flow
    .ledger({ side: 'desk', what: 'call', name: 'POST /conversations/:id/custom_attributes', after: mark })
    .filter(entry => entry.ids['conversationId'] === talk.conversationId)

/** WhatsApp tells whole seconds: within one, the window does not move. */
const nextSecond = (): Promise<void> => sleep(1_050)

async function setByOther(flow: Flow, talk: Talk, attributes: Loose): Promise<void> {
  const { account, token } = deskOf(flow)
  const url = `${flow.sandbox.deskUrl}/api/v1/accounts/${account}/conversations/${talk.conversationId}/custom_attributes`
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', api_access_token: token },
    body: JSON.stringify({ custom_attributes: attributes })
  })
  if (!answer.ok) throw new Error(`attributes: ${answer.status}`)
}

t.test('S93: conversation attributes in the desk', async t => {
  const flow = await startAttributes(t)
  const number = flow.runtime.bridge.registry.numbers()[0]!

  await t.test('S41, S77: at creation they cost no call of their own', async t => {
    const mark = lastEntry(flow)
    const talk = await beginTalk(flow)
    t.match(attributesOf(talk), { channel: 'whatsapp', wa_number: number.displayPhoneNumber, wa_origin: 'customer' })
    const expires = Date.parse(attributesOf(talk).wa_window_expires_at)
    t.ok(Math.abs(expires - Date.now() - 24 * 3_600_000) < 60_000, 'a day from now')
    await flow.settle()
    await flow.runtime.attributes.flush()
    await flow.runtime.attributes.run()
    t.equal(writesSince(flow, mark, talk).length, 0)
  })

  await t.test('what changes is written together, at most once in ten minutes', async t => {
    const talk = await beginTalk(flow)
    const bornAt = performance.now()
    const mark = lastEntry(flow)
    const before = attributesOf(talk).wa_window_expires_at
    await flow.door('graph', { failNext: { code: 131026, as: 'status', customer: talk.customer } })
    const failing = talk.reply('this fails')
    await flow.until('failed', () => talk.row(failing).status === 'failed')
    talk.reply(null, {
      content: 'Hello World',
      templateParams: { name: 'hello_world', category: 'UTILITY', language: 'en_US', processed_params: {} }
    })
    await flow.until('sent', () => talk.sent().some(message => message.type === 'template'))
    await nextSecond()
    await talk.say('still there')
    await flow.until('written', () => writesSince(flow, mark, talk).length > 0, 10_000)
    t.ok(performance.now() - bornAt >= EVERY_MS - 300, 'not before the creation is ten minutes old')
    await flow.until('all of it', () => {
      const { wa_last_error, wa_window_expires_at } = attributesOf(talk)
      return wa_last_error === 'wa_undeliverable' && wa_window_expires_at > before
    })
    t.match(attributesOf(talk), { channel: 'whatsapp', wa_last_template: 'hello_world', wa_origin: 'customer' })
    const soFar = writesSince(flow, mark, talk).length
    await nextSecond()
    await talk.say('and again')
    await talk.say('and once more')
    await flow.until('written again', () => writesSince(flow, mark, talk).length > soFar, 10_000)
    const times = writesSince(flow, mark, talk).map(entry => entry.at as number)
    for (const [nth, at] of times.entries())
      if (nth > 0) t.ok(at - times[nth - 1]! >= EVERY_MS - 50, 'ten minutes between two writes')
    await flow.settle()
    await sleep(EVERY_MS + 500)
    const last = writesSince(flow, mark, talk).length
    await sleep(EVERY_MS + 500)
    t.equal(writesSince(flow, mark, talk).length, last, 'nothing new, nothing written')
  })

  await t.test('what others keep there stays, also what they change while we write', async t => {
    const talk = await beginTalk(flow)
    const others = (): Loose =>
      Object.fromEntries(Object.entries(attributesOf(talk)).filter(([key]) => /^(plan|vip|tier)$/.test(key)))
    flow.act({ act: 'attributes', conversationId: talk.conversationId, attributes: { plan: 'gold', vip: true } })
    await nextSecond()
    await talk.say('hello again')
    const mark = lastEntry(flow)
    await flow.until('written', () => writesSince(flow, mark, talk).length > 0, 10_000)
    t.same(others(), { plan: 'gold', vip: true })

    // A change whose hook comes late: our write is built on the picture before it, and undoes it. Nothing else may be
    // due meanwhile.
    const { times } = flow.runtime.bridge
    Object.assign(times, { deskAttributesMs: 3_600_000 })
    await flow.settle()
    await flow.door('faults', [{ on: 'hook:desk', kind: 'delay', match: 'conversation_updated', delayMs: 3_000 }])
    await nextSecond()
    await talk.say('another one')
    await flow.settle()
    await flow.runtime.attributes.flush()
    flow.act({ act: 'attributes', conversationId: talk.conversationId, attributes: { tier: 'changed unheard' } })
    const before = lastEntry(flow)
    await query(flow, 'update conversation_attributes set due_at = now(), wrote_at = null where conversation_id = $1', [
      talk.conversationId
    ])
    await flow.until('our write', () => writesSince(flow, before, talk).length > 0, 10_000)
    await flow.until('put back', () => others().tier === 'changed unheard', 10_000)
    Object.assign(times, { deskAttributesMs: EVERY_MS })
    await flow.door('faults', [])
    t.same(others(), { plan: 'gold', vip: true, tier: 'changed unheard' })
    t.match(attributesOf(talk), { channel: 'whatsapp' })
    t.equal(flow.runtime.metrics.total('attributes_restored'), 1)
  })

  await t.test('somebody who writes the whole hash without our keys gets them back later', async t => {
    const talk = await beginTalk(flow)
    await setByOther(flow, talk, { order: '77' })
    t.same(attributesOf(talk), { order: '77' })
    await flow.until('ours again', () => attributesOf(talk).channel === 'whatsapp', 10_000)
    t.match(attributesOf(talk), { order: '77', wa_origin: 'customer' })
  })

  await t.test('a conversation that an agent began gets them too', async t => {
    const made: Loose = flow.act({ act: 'start', phone: '+34611000733', content: 'hello from us' })
    const conversation = (): Loose => flow.conversations().find(one => one.id === made.conversationId)
    await flow.until('written', () => conversation().customAttributes.channel === 'whatsapp', 10_000)
    t.match(conversation().customAttributes, { wa_origin: 'business', wa_number: number.displayPhoneNumber })
  })

  await t.test('nothing is written while something else waits for the desk', async t => {
    const talk = await beginTalk(flow)
    await nextSecond()
    await talk.say('moves the window')
    await flow.settle()
    await flow.door('faults', [{ on: 'call:desk', kind: 'delay', match: 'POST', delayMs: 1_500 }])
    const mark = lastEntry(flow)
    const busy = await beginBusy(flow)
    await query(flow, 'update conversation_attributes set due_at = now(), wrote_at = null')
    await flow.runtime.attributes.flush()
    await flow.runtime.attributes.run()
    t.equal(writesSince(flow, mark, talk).length, 0)
    await flow.door('faults', [])
    await busy
    await flow.until('then', () => writesSince(flow, mark, talk).length === 1, 10_000)
  })

  await t.test('the hash of others is sealed in the database', async t => {
    const rows = await query(
      flow,
      'select state_sealed, ours from conversation_attributes where state_sealed is not null'
    )
    t.ok(rows.length > 0)
    t.notMatch(JSON.stringify(rows), /gold|changed unheard/)
  })
})

/** A message whose desk call takes a while. */
async function beginBusy(flow: Flow): Promise<unknown> {
  const inFlight = flow.say({ customer: '34611000799', text: 'slow' })
  const deskId = flow.runtime.bridge.registry.desks()[0]!.id
  await flow.until('a call in flight', () => flow.runtime.bridge.permits(deskId).inFlight() > 0)
  return inFlight
}

t.test('S93: a desk that merges attributes is only told ours', async t => {
  const flow = await startAttributes(t)
  await flow.door('desk', { version: '4.18.0' })
  // Asked once an hour otherwise, and perhaps just before.
  flow.runtime.bridge.registry.desks()[0]!.role = null
  await flow.runtime.deskWatch.run()
  t.equal(flow.runtime.bridge.registry.desks()[0]!.version, '4.18.0')
  const talk = await beginTalk(flow)
  flow.act({ act: 'attributes', conversationId: talk.conversationId, attributes: { plan: 'gold' } })
  const mark = lastEntry(flow)
  await nextSecond()
  await talk.say('moves the window')
  await flow.until('written', () => writesSince(flow, mark, talk).length > 0, 10_000)
  const body = writesSince(flow, mark, talk)[0].body
  t.match(body, { merge: true })
  t.notOk('plan' in body.custom_attributes)
  t.match(attributesOf(talk), { plan: 'gold', channel: 'whatsapp' })
})
