/**
 * Tokens and people: a member agent's token is enough at run time, and nothing is asked that needs more; a revoked token
 * pauses its number, is reported once, and work resumes where it stopped when it is replaced, without a restart.
 */
import t from 'tap'
import { readStatus } from '../../plugin/status.ts'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { addDesk } from './tab-lab.ts'
import { beginTalk, lastEntry, sampleFile, textsOf } from './talk.ts'

const FACTOR = 0.02
const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }

const numberOf = (flow: Flow) => flow.runtime.bridge.registry.numbers()[0]!
const logged = (flow: Flow, pattern: RegExp): number => flow.logs.filter(line => pattern.test(line)).length

/** As `puente connect` does in a process of its own; the running one reads its desks and numbers by itself. */
async function replaceDeskToken(flow: Flow, token: string): Promise<void> {
  const { url, accountId, sandbox } = flow.runtime.bridge.registry.desks()[0]!
  await flow.runtime.bridge.numbers.saveDesk({ url, accountId, sandbox, token })
}

async function replaceNumberToken(flow: Flow, token: string): Promise<void> {
  const number = numberOf(flow)
  const { id, tokenHint, connectedAt, pausedCode, changedCursor, hookUrl, inboxTrouble, ...kept } = number
  void [id, tokenHint, connectedAt, pausedCode, changedCursor, hookUrl, inboxTrouble]
  await flow.runtime.bridge.numbers.saveNumber({ ...kept, token })
}

t.test('with the token of a member agent', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const { desk } = flow.sandbox.config() as Loose
  await replaceDeskToken(flow, desk.agentToken)
  await flow.runtime.refresh()
  await flow.runtime.deskWatch.run()
  t.equal(numberOf(flow).desk.role, 'agent')
  const mark = lastEntry(flow)

  const talk = await beginTalk(flow)
  await flow.say({ customer: talk.customer, type: 'image' })
  await flow.say({ customer: talk.customer, type: 'text', text: 'and a quote' })
  talk.reply('**an answer**', { inReplyTo: talk.question.id })
  talk.reply(null, { content: 'a file', attachments: [sampleFile('jpeg', 'photo.jpg')] })
  await flow.until('sent', () => talk.sent().length === 2, 15_000)
  await flow.until('ticked', () => talk.conversation().messages.some((row: Loose) => row.status === 'read'), 15_000)

  await flow.door('graph', { failNext: { code: 131026, as: 'status', customer: talk.customer } })
  const failing = talk.reply('fails, then goes')
  await flow.until('failed', () => talk.row(failing).status === 'failed')
  await flow.settle()
  talk.act('retry', { messageId: failing })
  await flow.until('sent again', () => talk.sent().length === 4)
  talk.act('resolve')
  await talk.say('once more')
  await flow.until('written', () => flow.messages().some(row => row.content === 'once more'))
  const gone = talk.reply('deleted after it left')
  await flow.until('sent', () => talk.sent().length === 5)
  talk.act('delete', { messageId: gone })
  await flow.until('noted', () => talk.conversation().messages.some((row: Loose) => row.private === true))
  talk.act('deleteConversation')
  await flow.until('gone', () => talk.conversation() === undefined)
  await talk.say('a new conversation')
  await flow.until('mapped anew', () => flow.messages().some(row => row.content === 'a new conversation'))
  await flow.settle()
  await flow.runtime.reconcile.run(true)
  await flow.runtime.deskWatch.run()
  await flow.runtime.attributes.flush()
  await flow.runtime.attributes.run()

  const calls = flow.ledger({ side: 'desk', what: 'call', after: mark })
  t.same(
    calls.filter(entry => entry.status === 401 || entry.status === 403).map(entry => entry.name),
    [],
    'nothing was asked that needs more'
  )
  const administrators =
    /^(POST|PATCH|DELETE) \/(inboxes|inbox_members|dashboard_apps|custom_attribute|labels|webhooks|automation)|^DELETE \/conversations|toggle_status/
  t.same(
    calls.filter(entry => administrators.test(entry.name)).map(entry => entry.name),
    []
  )
  t.equal(talk.conversation(), undefined)
  const assigned = flow.conversations().filter(conversation => conversation.assigneeId !== null)
  t.same(assigned, [], 'no conversation fell to the owner of the token')
})

t.test('a revoked desk token', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const talk = await beginTalk(flow)
  talk.reply('before')
  await flow.until('sent', () => talk.sent().length === 1)
  await flow.settle()
  const { token } = flow.act({ act: 'resetToken' }) as { token: string }
  const { bridge } = flow.runtime
  const deskId = bridge.registry.desks()[0]!.id

  await talk.say('one')
  await flow.until('paused', async () => {
    const { desks } = await bridge.numbers.list()
    return desks[0]!.pausedCode === 'desk_unauthorized'
  })
  await talk.say('two')
  // Its pause ends again and again, and each probe fails: still said once.
  for (let probe = 0; probe < 3; probe++) {
    bridge.gates.close(`desk:${deskId}`, 'desk_unauthorized', 0)
    flow.runtime.pump.kick()
    await flow.runtime.deskWatch.run()
  }
  await talk.say('three')
  t.equal(logged(flow, /"desk paused"/), 1, 'reported once')
  talk.reply('answers still leave')
  await flow.until('sent', () => talk.sent().length === 2)

  await replaceDeskToken(flow, token)
  await flow.until('resumed', () => ['one', 'two', 'three'].every(text => rows(talk).includes(text)), 15_000)
  await flow.settle()
  t.same(rows(talk), ['Hola', 'one', 'two', 'three'], 'in order, each once')
  t.equal(logged(flow, /"new tokens; what waited for them goes on"/), 1)
  t.equal(flow.runtime.metrics.total('set_aside'), 0, 'nothing was set aside')
  t.equal((await bridge.numbers.list()).desks[0]!.pausedCode, null)
})

t.test('a revoked token of one desk: the customers of another do not notice', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const talk = await beginTalk(flow)
  await flow.settle()
  const other = await addDesk(t, flow)
  t.equal(flow.runtime.bridge.registry.desks().length, 2)
  flow.act({ act: 'resetToken' })
  await talk.say('waits')
  const pausedCodes = async () => (await flow.runtime.bridge.numbers.list()).desks.map(desk => desk.pausedCode)
  await flow.until('paused', async () => (await pausedCodes()).includes('desk_unauthorized'))
  const said = await fetch(`${other.deskUrl}/__say`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customer: '34611000999', text: 'goes through' })
  })
  t.equal(said.status, 200)
  const shown = () =>
    (other.desk.view().conversations as Loose[]).flatMap(one => one.messages.map((message: Loose) => message.content))
  await flow.until('shown by the other desk', () => shown().includes('goes through'), 3_000)
  t.same((await pausedCodes()).sort(), ['desk_unauthorized', null])
  t.notOk(rows(talk).includes('waits'))
})

t.test('a desk that says 403', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const talk = await beginTalk(flow)
  await flow.settle()
  const { bridge, database } = flow.runtime
  const status = () => readStatus(database, bridge.numbers, new Date(), PLAIN)
  await flow.door('faults', [{ on: 'call:desk', kind: 'status', status: 403 }])
  await talk.say('while it is forbidden')
  await flow.until('said by the status', async () => (await status()).numbers[0]!.pausedCode === 'desk_forbidden')
  t.match((await status()).needsPerson.join('\n'), /is paused \(desk_forbidden\)/)
  const deskId = bridge.registry.desks()[0]!.id
  for (let probe = 0; probe < 3; probe++) {
    bridge.gates.close(`desk:${deskId}`, 'desk_forbidden', 0)
    flow.runtime.pump.kick()
    await flow.runtime.deskWatch.run()
  }
  t.equal(logged(flow, /"desk paused"/), 1, 'reported once')
  await flow.door('faults', [])
  bridge.gates.close(`desk:${deskId}`, 'desk_forbidden', 0)
  await flow.runtime.deskWatch.run()
  await flow.until('the status is well', async () => (await status()).numbers[0]!.pausedCode === null)
  // What waits comes at its own time, or with the token of somebody who may.
  const { token } = flow.act({ act: 'resetToken' }) as { token: string }
  await replaceDeskToken(flow, token)
  await flow.until('resumed', () => rows(talk).includes('while it is forbidden'), 15_000)

  // A mark of before, with nothing shut in this process: the first answer takes it off.
  await bridge.numbers.pauseDesk(deskId, 'desk_forbidden')
  await flow.runtime.refresh()
  await talk.say('after a start')
  await flow.until('cleared', async () => (await status()).numbers[0]!.pausedCode === null)
})

t.test('a revoked WhatsApp token', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const talk = await beginTalk(flow)
  await flow.settle()
  await flow.door('graph', { validToken: 'EAAanother' })
  const messages = ['first', 'second', 'third'].map(text => talk.reply(text))
  await flow.until('said on the message', () => talk.row(messages[0]!).status === 'failed')
  t.match(talk.row(messages[0]!).contentAttributes.external_error, /access to WhatsApp has expired/)
  await flow.until('probed again', () => flow.runtime.metrics.total('number_paused') >= 3, 15_000)
  t.equal(logged(flow, /"number paused"/), 1, 'reported once')
  t.equal(numberOf(flow).pausedCode, 'wa_token_invalid')
  await talk.say('customers still come in')
  await flow.until('written', () => rows(talk).includes('customers still come in'))
  t.equal(talk.sent().length, 0)

  await replaceNumberToken(flow, 'EAAanother')
  await flow.until('resumed', () => talk.sent().length === 3, 15_000)
  await flow.settle()
  t.same(textsOf(talk.sent()), ['first', 'second', 'third'], 'in order, each once')
  t.not(talk.row(messages[0]!).status, 'failed', 'and the message is shown as it is')
  t.equal(numberOf(flow).pausedCode, null)
})

function rows(talk: { conversation(): Loose }): string[] {
  return talk
    .conversation()
    .messages.filter((row: Loose) => row.type === 'incoming')
    .map((row: Loose) => row.content)
}
