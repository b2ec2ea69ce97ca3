/** `puente status`: one screen that says whether anything needs a person, and what to do. */
import t from 'tap'
import { type NumberStatus, readStatus, type Status } from '../../plugin/status.ts'
import { printStatus } from '../../plugin/status-screen.ts'
import { startFlow } from '../support/puente.ts'
import { beginTalk, query } from './talk.ts'

const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }

t.test('status', async t => {
  const flow = await startFlow(t)
  const { bridge, database } = flow.runtime
  const read = (): Promise<Status> => readStatus(database, bridge.numbers, new Date(), PLAIN)
  const only = async (): Promise<NumberStatus> => (await read()).numbers[0]!
  const number = bridge.registry.numbers()[0]!

  await t.test('when all is well nobody has to do anything', async t => {
    const talk = await beginTalk(flow)
    talk.reply('an answer')
    await flow.until('ticked', () => talk.conversation().messages.at(-1)?.status === 'read')
    await flow.settle()
    await flow.runtime.deskWatch.run()
    await flow.runtime.reconcile.run(false)
    const status = await read()
    t.same(status.needsPerson, [])
    t.match(status, { processes: 1, sandbox: { whatsapp: flow.sandbox.graphUrl, chatwoot: flow.sandbox.deskUrl } })
    t.match(status.numbers[0], {
      state: 'working',
      pausedCode: null,
      waiting: { inbound: 0, outbound: 0, oldestSeconds: 0 },
      ticksWaiting: 0,
      setAside: 0,
      parked: 0,
      uncertain: 0,
      desk: { version: '4.16.2', role: 'administrator' },
      inboxTrouble: [],
      mended: []
    })
    t.ok(status.numbers[0]!.lastInboundSeconds! < 60)
    t.ok(status.numbers[0]!.reconciledSeconds! < 60)
    const screen = printStatus(status)
    t.match(screen, /Nothing needs a person\.\n$/)
    t.ok(screen.split('\n').length < 20, 'one screen')
    for (const secret of [number.token, number.desk.token, number.hookSecret!])
      t.notOk((screen + JSON.stringify(status)).includes(secret), 'no secret is told')
  })

  await t.test('parked, failed and mended are counted; they need nobody', async t => {
    const talk = await beginTalk(flow)
    await flow.settle()
    await flow.door('graph', { failNext: { code: 131026, as: 'sync', customer: talk.customer } })
    const failed = talk.reply('refused')
    await flow.until('failed', () => talk.row(failed).status === 'failed')
    await flow.door('clock', { jumpMs: 25 * 3_600_000 })
    const parked = talk.reply('too late')
    await flow.until('parked', () => talk.row(parked).status === 'failed')
    await flow.settle()
    await bridge.numbers.count(number.id, 'mended_hook_url', 2)
    const status = await read()
    t.match(status.numbers[0], { parked: 1, failedLastDay: 1, mended: [{ what: 'hook_url', count: 2 }] })
    t.match(
      status.numbers[0]!.lastErrors.find(each => each.code === 'wa_undeliverable'),
      { count: 1, means: /cannot be reached/ }
    )
    t.same(status.needsPerson, [])
    t.match(printStatus(status), /mended this week: hook_url ×2/)
  })

  await t.test('each thing that does not end by itself comes with what to do', async t => {
    await bridge.numbers.pauseNumber(number.id, 'wa_token_invalid')
    await bridge.numbers.saveInbox(number.id, { trouble: ['hook_url', 'hidden'] })
    await query(flow, `update deliveries set state = 'uncertain', uncertain_at = now() where state = 'parked'`)
    await query(
      flow,
      `update events set state = 2, code = 'desk_invalid' where key in (select key from events limit 1)`
    )
    await query(flow, `update numbers set reconciled_at = now() - interval '2 hours'`)
    const status = await read()
    const told = status.needsPerson.join('\n')
    for (const sentence of [
      /is paused \(wa_token_invalid\): The access to WhatsApp has expired/,
      /sends its hooks elsewhere; run puente connect again/,
      /no member of its inbox; add that person/,
      /set aside \(desk_invalid\); mend the cause, then puente replay/,
      /uncertain; ask the customers, then press Retry/,
      /last read 120 minutes ago; see puente doctor/
    ])
      t.match(told, sentence)
    t.match(await only(), { state: 'paused', pausedBecause: /expired/, uncertain: 1, setAside: 1 })
    t.match(printStatus(status), /Needs a person:\n {2}- /)
  })

  await t.test('a real number that nobody has proven is named; so is a Puente that does not run', async t => {
    await query(
      flow,
      `update numbers set sandbox = false, paused_code = null, inbox_trouble = '{}', reconciled_at = now(),
      hook_proven_at = null, inbound_proven_at = null, answer_proven_at = null`
    )
    await query(flow, 'delete from receipts')
    await query(flow, `update processes set seen_at = now() - interval '1 hour'`)
    const told = (await read()).needsPerson
    t.match(told.join('\n'), /connected but unproven: write to it from a phone/)
    t.match(told[0], /No Puente is running: start it/)
    t.equal((await read()).sandbox, undefined)
  })
})
