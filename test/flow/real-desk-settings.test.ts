/**
 * What people change in the desk's settings sends no hook: it is found by looking, put back where an administrator's
 * token may, said otherwise, and costs a call per desk and look.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readStatus } from '../../plugin/status.ts'
import { type Flow, type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, deskOf, lastEntry, query } from './talk.ts'

const FACTOR = 0.05
const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }

const numberOf = (flow: Flow) => flow.runtime.bridge.registry.numbers()[0]!

async function askDesk(flow: Flow, method: string, path: string, body?: Loose): Promise<Loose> {
  const { account, token } = deskOf(flow)
  const answer = await fetch(`${flow.sandbox.deskUrl}/api/v1/accounts/${account}${path}`, {
    method,
    headers: { 'content-type': 'application/json', api_access_token: token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
const readInbox = (flow: Flow): Promise<Loose> => askDesk(flow, 'GET', `/inboxes/${numberOf(flow).inboxId}`)
const editInbox = (flow: Flow, channel: Loose): Promise<Loose> =>
  askDesk(flow, 'PATCH', `/inboxes/${numberOf(flow).inboxId}`, { channel })
/** Without what the mirror of templates asks and writes, which has a beat of its own. */
const calls = (flow: Flow, mark: number): string[] =>
  flow
    .ledger({ side: 'desk', what: 'call', after: mark })
    .filter(({ name, body }) => {
      const ofMirror = (body as Loose)?.channel?.additional_attributes?.message_templates !== undefined
      return name !== 'GET /inboxes/:id' && !ofMirror
    })
    .map(entry => entry.name)
const mendedCount = async (flow: Flow, what: string): Promise<number> =>
  Number((await query(flow, `select coalesce(sum(n), 0) as n from counters where name = $1`, [`mended_${what}`]))[0].n)

t.test('settings of an inbox that people change', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  // Looks of the background would come amid what is counted here.
  const look = flow.runtime.deskWatch.run
  flow.runtime.deskWatch.run = async () => ({ mended: 0 })
  flow.runtime.reconcile.look = async () => 0
  await look()
  const hookUrl = (await readInbox(flow)).webhook_url as string

  await t.test('a look at a desk that is well costs one call', async t => {
    const mark = lastEntry(flow)
    t.match(await look(), { mended: 0 })
    t.same(calls(flow, mark), ['GET /inboxes'])
    t.equal(numberOf(flow).hookUrl, hookUrl)
    t.match(numberOf(flow).desk, { version: '4.16.2', role: 'administrator' })
  })

  await t.test('a hook address that was changed or removed is put back, and said', async t => {
    for (const webhook_url of ['https://elsewhere.example.com/hook', null]) {
      await editInbox(flow, { webhook_url })
      t.match(await look(), { mended: 1 })
      t.equal((await readInbox(flow)).webhook_url, hookUrl)
    }
    t.equal(await mendedCount(flow, 'hook_url'), 2)
    t.equal(flow.logs.filter(line => /inbox setting mended/.test(line) && /hook_url/.test(line)).length, 2)
    const talk = await beginTalk(flow)
    talk.reply('heard again')
    await flow.until('sent', () => talk.sent()[0])
  })

  await t.test('reply window, its banner and mark are put back; what others keep in the inbox stays', async t => {
    const { additional_attributes: before } = await readInbox(flow)
    await editInbox(flow, {
      additional_attributes: {
        agent_reply_time_window: 12,
        agent_reply_time_window_message: 'Too late',
        theirs: 'kept'
      }
    })
    t.match(await look(), { mended: 3 })
    t.equal(await mendedCount(flow, 'banner'), 1)
    t.same((await readInbox(flow)).additional_attributes, {
      agent_reply_time_window: 24,
      agent_reply_time_window_message: before.agent_reply_time_window_message,
      theirs: 'kept',
      puente: before.puente
    })
    t.match(await look(), { mended: 0 })
  })

  await t.test('a new signing secret is taken over; what was refused meanwhile leaves once', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await askDesk(flow, 'POST', `/inboxes/${numberOf(flow).inboxId}/reset_secret`)
    const refused = talk.reply('signed with the new secret')
    await flow.until('taken over', async () => (await mendedCount(flow, 'hook_secret')) === 1)
    await sleep(30_000 * FACTOR + 1_100)
    await flow.until('sent', async () => {
      await flow.runtime.reconcile.run(false)
      return talk.sent()[0]
    })
    await flow.until('shown as sent', () => talk.row(refused).status !== 'failed')
    talk.reply('and the next')
    await flow.until('heard at once', () => talk.sent().length === 2)
    t.equal(talk.sent().length, 2)
    const refusals = await query(flow, `select n from counters where name = 'hook_refused'`)
    t.equal(Number(refusals[0].n), 1)
  })

  await t.test('an inbox that another Puente took is left alone, and a person is told', async t => {
    const { additional_attributes: own } = await readInbox(flow)
    const puente = { ...own.puente, installation: 'another' }
    await editInbox(flow, { webhook_url: 'https://other.example.com/x', additional_attributes: { ...own, puente } })
    const mark = lastEntry(flow)
    t.match(await look(), { mended: 0 })
    t.same(calls(flow, mark), ['GET /inboxes'])
    await flow.runtime.refresh()
    t.same(numberOf(flow).inboxTrouble, ['taken'])
    const status = await readStatus(flow.runtime.database, flow.runtime.bridge.numbers, new Date(), PLAIN)
    t.match(status.needsPerson.join('\n'), /another Puente took its inbox over/)
    await editInbox(flow, { webhook_url: hookUrl, additional_attributes: own })
    await look()
    await flow.until('no trouble any more', () => numberOf(flow).inboxTrouble.length === 0)
  })

  await t.test("an agent's token mends nothing and tries nothing: it is said", async t => {
    const { desk } = flow.sandbox.config() as Loose
    const { bridge } = flow.runtime
    const { url, accountId, sandbox } = bridge.registry.desks()[0]!
    await bridge.numbers.saveDesk({ url, accountId, sandbox, token: desk.agentToken })
    await flow.runtime.refresh()
    await editInbox(flow, { webhook_url: 'https://elsewhere.example.com/hook' })
    const mark = lastEntry(flow)
    t.match(await look(), { mended: 0 })
    t.notOk(calls(flow, mark).some(name => name.startsWith('PATCH /inboxes')))
    await flow.runtime.refresh()
    t.same(numberOf(flow).inboxTrouble, ['hook_url'])
    t.equal(numberOf(flow).desk.role, 'agent')
    await bridge.numbers.saveDesk({ url, accountId, sandbox, token: desk.adminToken })
    await flow.runtime.refresh()
    t.match(await look(), { mended: 1 })
    await flow.runtime.refresh()
    t.same(numberOf(flow).inboxTrouble, [])
  })

  await t.test('a deleted inbox is noticed without a message, and said once', async t => {
    await askDesk(flow, 'DELETE', `/inboxes/${numberOf(flow).inboxId}`)
    await look()
    await flow.runtime.refresh()
    await look()
    t.equal(numberOf(flow).pausedCode, 'desk_inbox_gone')
    t.equal(flow.logs.filter(line => /the inbox was deleted in the desk/.test(line)).length, 1)
    const status = await readStatus(flow.runtime.database, flow.runtime.bridge.numbers, new Date(), PLAIN)
    t.match(status.numbers[0], { state: 'paused', pausedCode: 'desk_inbox_gone' })
    t.match(status.needsPerson.join('\n'), /inbox was deleted/)
  })
})
