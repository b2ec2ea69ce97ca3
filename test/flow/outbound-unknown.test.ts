/** Sends whose outcome nobody knows: settled by a status, or called uncertain; repeated by a person, never by time. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startFlow } from '../support/puente.ts'
import { beginTalk, query, textsOf } from './talk.ts'

const FACTOR = 0.1

t.test('outcomes that nobody knows', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: FACTOR } })
  const fault = (kind: string, more: object = {}): Promise<unknown> =>
    flow.door('faults', [{ on: 'call:graph', kind, match: 'POST /messages', count: 1, ...more }])
  const statuses = (mode: string): Promise<unknown> => flow.door('graph', { statuses: { mode } })

  await t.test('accepted, but never answered: the status’s reference settles it, one send', async t => {
    const talk = await beginTalk(flow)
    await fault('timeout_after_accept')
    const messageId = talk.reply('once')
    const next = talk.reply('and the next')
    await flow.until('blue', () => talk.row(messageId).status === 'read', 20_000)
    await flow.until('the next', () => talk.row(next).status === 'read', 20_000)
    await flow.settle()
    t.same(textsOf(talk.sent()), ['once', 'and the next'])
    const [part] = await query(flow, 'select state, wamid from parts where message_id = $1', [messageId])
    t.match(part, { state: 1, wamid: talk.sent()[0].wamid })
  })

  await t.test('an answer of 5xx after it was accepted: settled the same way', async t => {
    const talk = await beginTalk(flow)
    await fault('garbage')
    const messageId = talk.reply('half an answer')
    await flow.until('blue', () => talk.row(messageId).status === 'read', 20_000)
    await flow.settle()
    t.equal(talk.sent().length, 1)
  })

  await t.test('no answer, no status: the lane waits, goes on, says so later, and only Retry sends again', async t => {
    const talk = await beginTalk(flow)
    const other = await beginTalk(flow)
    await fault('reset')
    const messageId = talk.reply('lost on the way')
    const after = talk.reply('the next one')
    await flow.until('tried', () => flow.ledger({ side: 'graph', what: 'call' }).some(call => call.fault === 'reset'))
    other.reply('other customers do not wait')
    await flow.until('the other customer', () => other.sent()[0], 3_000)
    t.equal(talk.sent().length, 0, 'the lane waits for a status')
    await flow.until('the lane goes on', () => talk.sent()[0], 60_000 * FACTOR + 8_000)
    t.same(textsOf(talk.sent()), ['the next one'])
    await flow.settle()
    t.match((await query(flow, 'select state from deliveries where message_id = $1', [messageId]))[0], {
      state: 'uncertain'
    })
    t.not(talk.row(messageId).status, 'failed', 'not yet said')
    // A quarter of an hour, by the same factor.
    await query(
      flow,
      "update deliveries set uncertain_at = uncertain_at - make_interval(secs => $1) where state = 'uncertain'",
      [900 * FACTOR]
    )
    await flow.until('said in the desk', () => talk.row(messageId).status === 'failed', 15_000)
    t.match(talk.row(messageId).contentAttributes.external_error, /may have been sent/)
    await flow.settle()
    await sleep(300)
    t.equal(talk.sent().length, 1, 'never repeated by time')
    talk.act('retry', { messageId })
    await flow.until('sent again by a person', () => talk.sent().length === 2, 15_000)
    await flow.until('blue', () => talk.row(messageId).status === 'read', 15_000)
    t.equal(talk.row(after).status, 'read')
  })

  await t.test('a status that comes after it was said: the desk is put right, nothing is sent twice', async t => {
    const talk = await beginTalk(flow)
    await statuses('manual')
    await fault('timeout_after_accept')
    const messageId = talk.reply('heard of late')
    await flow.until('accepted', () => talk.sent()[0])
    await flow.until(
      'uncertain',
      async () =>
        (await query(flow, 'select state from deliveries where message_id = $1', [messageId]))[0]?.state ===
        'uncertain',
      20_000
    )
    await query(
      flow,
      "update deliveries set uncertain_at = uncertain_at - make_interval(secs => $1) where state = 'uncertain'",
      [900 * FACTOR]
    )
    await flow.until('said in the desk', () => talk.row(messageId).status === 'failed', 15_000)
    await flow.settle()
    await flow.door('status', { wamid: talk.sent()[0].wamid, status: 'delivered' })
    await flow.until('put right', () => talk.row(messageId).status === 'delivered')
    await statuses('instant')
    await flow.settle()
    t.equal(talk.sent().length, 1)
    t.match((await query(flow, 'select state, code from deliveries where message_id = $1', [messageId]))[0], {
      state: 'sent',
      code: null
    })
  })

  await t.test('refused before anything was done: tried again by itself', async t => {
    const talk = await beginTalk(flow)
    await flow.door('graph', { failNext: { code: 133004, as: 'sync', count: 2, customer: talk.customer } })
    const messageId = talk.reply('a moment')
    await flow.until('sent', () => talk.sent()[0], 20_000)
    await flow.until('blue', () => talk.row(messageId).status === 'read')
    t.equal(talk.sent().length, 1)
  })
})
