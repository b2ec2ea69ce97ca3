// What a request or a process left half done is carried on, once; and the keys that the command line makes.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createInstructions } from '../../adapters/postgres/instructions.ts'
import { runApiKey } from '../../plugin/api-key.ts'
import { type Instruction, instructionSource } from '../../plugin/core/talk/instruction.ts'
import { readOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'

t.test('an instruction whose process ended goes on in another', async t => {
  const tab = await openTab(t, { injected: { timeFactor: 0.1 } })
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const { bridge } = flow.runtime
  const number = bridge.registry.numbers()[0]!
  const instruct = (words: string): Instruction => ({
    id: bridge.newId(),
    origin: 'tab',
    agent: { id: tab.people.bea.id, name: '**Bea**' },
    row: { type: 'outgoing', content: words },
    parts: [{ kind: 'text', body: words }]
  })
  const add = (instruction: Instruction, leaseMs: number) =>
    bridge.instructions.add(
      {
        id: instruction.id,
        deskId: number.deskId,
        numberId: number.id,
        origin: 'tab',
        caller: 'agent 1 2',
        key: instruction.id,
        bodyHash: Buffer.from('x'),
        agentId: tab.people.bea.id,
        externalRef: null,
        conversationId,
        sourceId: null,
        opens: null,
        instruction
      },
      leaseMs
    )
  const rowsWith = (words: string) => flow.messages().filter((row: Loose) => row.content?.includes(words))

  await t.test('kept, and nothing done yet', async t => {
    await add(instruct('first words'), 50)
    await flow.until('sent', () => flow.sent().some(each => each.text?.body === 'first words'))
    await flow.settle()
    t.equal(rowsWith('first words').length, 1)
    t.match(rowsWith('first words')[0].content, /^\*Bea wrote/, 'named, and the name is no formatting')
    t.equal(flow.sent().length, 1)
  })

  await t.test('the row was written, but nobody noted that', async t => {
    const instruction = instruct('second words')
    const { record } = await add(instruction, 60_000)
    await bridge.instructions.change(record, { attempt: { step: 'message', after: 0 } })
    await tab.deskCall('POST', `/conversations/${conversationId}/messages`, {
      content: 'second words',
      source_id: instructionSource(instruction.id),
      content_attributes: { puente: { kind: 'sent' } }
    })
    await bridge.instructions.change(record, { dueInMs: 0 })
    await flow.until('sent', () => flow.sent().some(each => each.text?.body === 'second words'), 15_000)
    await flow.settle()
    t.equal(rowsWith('second words').length, 1, 'found, not written again')
    t.equal(flow.sent().length, 2)
  })

  await t.test('the row is known, but not the lane', async t => {
    const instruction = instruct('third words')
    const { record } = await add(instruction, 60_000)
    const row = await tab.deskCall('POST', `/conversations/${conversationId}/messages`, {
      content: 'third words',
      source_id: instructionSource(instruction.id),
      content_attributes: { puente: { kind: 'sent' } }
    })
    await bridge.instructions.change(record, { state: 'written', messageId: row.body.id, dueInMs: 0 })
    await flow.until('sent', () => flow.sent().some(each => each.text?.body === 'third words'))
    await flow.settle()
    t.equal(flow.sent().length, 3)
  })

  await t.test('who lost the lease changes nothing any more', async t => {
    const other = createInstructions(flow.runtime.database.people, {
      seal: plain => plain,
      open: sealed => sealed
    })
    const { record } = await add(instruct('fourth words'), 30)
    await flow.until('the beat to take it', async () => {
      const now = await bridge.instructions.find(record.id)
      return now?.state === 'queued'
    })
    t.equal(await other.change(record, { state: 'failed', code: 'internal' }), false)
    t.equal((await bridge.instructions.find(record.id))?.state, 'queued')
    await flow.until('sent', () => flow.sent().some(each => each.text?.body === 'fourth words'))
  })

  await t.test('a number that only a person can mend says so before sending', async t => {
    const bea = await tab.signIn('bea')
    await bridge.numbers.pauseNumber(number.id, 'wa_payment')
    await flow.runtime.refresh()
    const answer = await tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: bea,
      body: { message: { kind: 'text', text: 'Hello' } }
    })
    t.match(answer, { status: 422, body: { code: 'wa_payment', title: /admin/ } })
    const status = await tab.call('GET', `/conversations/${conversationId}`, { as: bea })
    t.match(status.body, {
      number: { paused: { code: 'wa_payment', whoCanMend: 'admin', action: 'ask_admin' } },
      notices: [{ code: 'wa_payment', severity: 'error' }]
    })
    t.same(status.body.allowed, [], 'nothing is offered that would be refused')
    t.equal(status.body.notices.filter((each: Loose) => each.code === 'wa_payment').length, 1, 'said once')
    t.equal(status.body.window.open, true, 'although the window is open')
  })
})

t.test('puente api-key: made, listed, ended', async t => {
  const tab = await openTab(t)
  const dataDir = await mkdtemp(path.join(tmpdir(), 'puente-key-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const options = readOptions({
    databaseUrl: tab.flow.databaseUrl,
    dataDir,
    masterKey: Buffer.alloc(32, 7).toString('base64')
  })
  const run = async (act: 'create' | 'list' | 'revoke', id?: string, given: object = {}): Promise<Loose> => {
    let said = ''
    const output = { write: (text: string) => void (said += text) }
    await runApiKey(options, act, id, { json: true, ...given }, output)
    return JSON.parse(said)
  }
  const made = await run('create', undefined, { name: 'CRM' })
  const crm = { token: made.key } as Parameters<typeof tab.call>[2] extends { as?: infer A } | undefined ? A : never
  t.equal((await tab.call('GET', '/messages?externalRef=none', { as: crm })).status, 200)
  t.match(await run('list'), [{ id: made.id, name: 'CRM', hint: made.key.slice(-4) }])
  await run('revoke', made.id)
  t.equal((await tab.call('GET', '/messages?externalRef=none', { as: crm })).status, 401)
  await t.rejects(run('revoke', made.id), { code: 'config_invalid' })
  await t.rejects(run('create', undefined, { name: 'x', account: '99' }), { code: 'config_invalid' })
})
