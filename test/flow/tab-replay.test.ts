// The same Idempotency-Key again, when the world has moved on meanwhile; and what is replaced goes together with what
// replaces it.
import t from 'tap'
import type { Instruction } from '../../plugin/core/talk/instruction.ts'
import type { Loose } from '../support/puente.ts'
import { openTab, type TabAgent } from './tab-lab.ts'

const HOUR_MS = 3_600_000

t.test('S46: a replay is answered from what was kept, though template, contact and number are gone', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { contactId } = await tab.begin()
  const ada = await tab.signIn('ada')
  const made = await tab.call('POST', '/api-keys', { as: ada, body: { name: 'CRM' } })
  const crm = { token: made.body.key } as TabAgent
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const listed = await flow.until('the templates', async () => {
    const answer = await tab.call('GET', `/templates?numberId=${numberId}`, { as: ada })
    return answer.body.templates?.find((each: Loose) => each.name === 'hello_world')
  })
  const byKey = {
    as: crm,
    key: 'crm-key-0001',
    body: { contactId, message: { kind: 'template', name: 'hello_world', language: listed.language } }
  }
  const byAgent = {
    as: ada,
    withDesk: true,
    key: 'agent-key-0001',
    body: {
      numberId,
      contactId,
      ifOpen: 'use',
      message: { kind: 'template', templateId: listed.id, values: {} }
    }
  }
  const scripted = await tab.call('POST', '/messages', byKey)
  t.equal(scripted.status, 202, JSON.stringify(scripted.body))
  const started = await tab.call('POST', '/conversations', byAgent)
  t.equal(started.status, 202, JSON.stringify(started.body))
  await flow.until('both', () => flow.sent().length === 2)
  await flow.settle()

  await flow.runtime.database.people.query('delete from templates')
  await tab.deskCall('DELETE', `/contacts/${contactId}`)
  const again = await tab.call('POST', '/messages', byKey)
  t.match(again, { status: 202, body: { sendId: scripted.body.sendId } }, JSON.stringify(again.body))
  const restarted = await tab.call('POST', '/conversations', byAgent)
  t.match(restarted, { status: 202, body: { sendId: started.body.sendId } }, JSON.stringify(restarted.body))
  t.match(
    await tab.call('POST', '/messages', { ...byKey, key: 'crm-key-0002' }),
    { status: /404|422/ },
    'a new one fails'
  )
  await flow.settle()
  t.equal(flow.sent().length, 2)
})

t.test('S49: a parked answer is recalled together with what is sent instead, or not at all', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const { bridge } = flow.runtime
  const number = bridge.registry.numbers()[0]!
  await flow.door('clock', { jumpMs: 25 * HOUR_MS })
  const { messageId } = flow.reply({ conversationId, content: 'too late' })
  const parked = async (): Promise<Loose[]> =>
    (await tab.call('GET', `/conversations/${conversationId}`, { as: bea })).body.parked
  await flow.until('parked', async () => (await parked()).length === 1)

  const id = bridge.newId()
  const instruction: Instruction = {
    id,
    origin: 'tab',
    agent: { id: bea.id, name: bea.name },
    row: { type: 'outgoing', content: 'instead' },
    parts: [{ kind: 'text', body: 'instead' }]
  }
  const kept = {
    id,
    deskId: number.deskId,
    numberId: number.id,
    origin: 'tab' as const,
    caller: 'agent 1 9',
    key: 'first-key',
    bodyHash: Buffer.from('x'),
    agentId: bea.id,
    externalRef: null,
    conversationId,
    sourceId: null,
    opens: null,
    instruction
  }
  await bridge.instructions.add(kept, 60_000)
  await t.rejects(
    bridge.instructions.add({ ...kept, key: 'second-key', recalls: messageId }, 60_000),
    'the store fails to keep the second one'
  )
  t.equal((await parked()).length, 1, 'still parked')

  const template = await flow.until('the templates', async () => {
    const answer = await tab.call('GET', `/templates?numberId=${number.id}`, { as: bea })
    return answer.body.templates?.find((each: Loose) => each.name === 'hello_world')
  })
  const send = (key: string) =>
    tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: bea,
      key,
      body: { message: { kind: 'template', templateId: template.id, values: {}, insteadOf: messageId } }
    })
  const [one, two] = await Promise.all([send('press-key-1'), send('press-key-1')])
  t.same([one.status, two.status], [202, 202], JSON.stringify([one.body, two.body]))
  t.equal(one.body.sendId, two.body.sendId)
  t.same(await parked(), [])
  // Until the message that goes instead has left, the answer would be that it is just leaving.
  await flow.settle()
  t.match(await send('press-key-2'), { status: 409, body: { code: 'not_parked' } })
  await flow.settle()
  t.equal(flow.sent().filter(each => each.template?.name === 'hello_world').length, 1)
  const notes = flow.messages().filter((each: Loose) => each.private === true)
  t.equal(notes.filter((each: Loose) => /recall|taken back/i.test(each.content)).length, 1, JSON.stringify(notes))
})
