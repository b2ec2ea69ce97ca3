/** What Meta thinks of a number: read on a slow beat and soon after Meta says so, shown where a person looks, obeyed. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createNumberWatchStore } from '../../adapters/postgres/number-watch.ts'
import { findStandings, type Standing } from '../../plugin/core/standing.ts'
import { readStatus } from '../../plugin/status.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { query } from './talk.ts'

const PLAIN = { sealText: (text: string) => text, openText: (text: string) => text }

t.test('what Meta holds against a number, the worst of it first', async t => {
  const well = { status: 'CONNECTED', canSend: 'AVAILABLE', healthCodes: [], quality: 'GREEN' }
  const of = (change: object) => findStandings({ ...well, ...change })
  t.same(of({}), [])
  t.same(of({ status: null, canSend: null, quality: null }), [], 'nothing is known')
  t.same(of({ status: 'RATE_LIMITED', canSend: 'LIMITED' }), [], 'passes by itself')
  t.same(of({ status: 'BANNED', canSend: 'BLOCKED', quality: 'RED' }), ['banned'])
  t.same(of({ status: 'DISCONNECTED', canSend: 'BLOCKED' }), ['unregistered'])
  t.same(of({ status: 'RESTRICTED', quality: 'RED' }), ['restricted', 'low_quality'])
  t.same(of({ status: 'RESTRICTED', canSend: 'BLOCKED' }), ['blocked'])
  t.same(of({ status: 'FLAGGED', quality: 'RED' }), ['flagged'])
  t.same(of({ canSend: 'BLOCKED', healthCodes: [141006] }), ['payment'])
  t.same(of({ canSend: 'BLOCKED', healthCodes: [141006, 141014] }), ['blocked'])
  t.same(of({ canSend: 'BLOCKED' }), ['blocked'], 'no reason is told')
})

t.test('each has a sentence in every language of the admin page', async t => {
  const all = {
    banned: true,
    unregistered: true,
    blocked: true,
    payment: true,
    restricted: true,
    flagged: true,
    low_quality: true
  } satisfies Record<Standing, true>
  for (const locale of ['en', 'es', 'pt-BR']) {
    const file = new URL(`../../ui-extension/src/i18n/admin-${locale}.json`, import.meta.url)
    const sentences = JSON.parse(readFileSync(file, 'utf8')).admin.standing as Record<string, string>
    t.same(Object.keys(sentences).sort(), Object.keys(all).sort(), locale)
    for (const sentence of Object.values(sentences)) t.match(sentence, /\.$/)
  }
})

t.test('the watch over the numbers', async t => {
  const flow = await startFlow(t, { numbers: 2 })
  const { runtime } = flow
  const { bridge } = runtime
  const number = bridge.registry.numbers()[0]!
  const store = createNumberWatchStore(runtime.database.work)
  const state = async () => (await store.readState()).find(each => each.wabaId === number.wabaId)
  const due = () => query(flow, "update number_accounts set due_at = clock_timestamp() - interval '1 s'")
  const stored = async (): Promise<Loose> =>
    (
      await query(
        flow,
        `select throughput_per_second as pace, quality, messaging_limit as limit, on_business_app as phone, status,
           can_send, health_codes from numbers where id = $1`,
        [number.id]
      )
    )[0]
  const reads = (after: number) =>
    flow.ledger({ side: 'graph', what: 'call', after }).filter(entry => entry.name === 'GET /phone').length
  const mark = () => flow.ledger().at(-1)?.n ?? 0
  const told = async (): Promise<string[]> =>
    (await readStatus(runtime.database, bridge.numbers, new Date(), PLAIN)).needsPerson
  const announce = (field: string, value: object = {}): Promise<Loose> => {
    const entry = [{ id: number.wabaId, time: Math.floor(Date.now() / 1000), changes: [{ field, value }] }]
    return flow.door('deliver', { to: 'whatsapp', body: { object: 'whatsapp_business_account', entry } })
  }

  await t.test('what was just connected is not read again at once', async t => {
    const before = mark()
    t.equal(await runtime.numberWatch.run(), 0)
    t.equal(reads(before), 0)
    t.match(await state(), { code: null, readAt: null })
  })

  await t.test('the beat reads every number of the account, one process at a time', async t => {
    await due()
    const before = mark()
    t.equal(await runtime.numberWatch.run(), 1)
    t.equal(reads(before), bridge.registry.numbers().length, 'one call for each')
    t.match(await state(), { code: null, readAt: Date })
    t.match(await stored(), { pace: 80, quality: 'GREEN', limit: 'TIER_2K', phone: false, status: 'CONNECTED' })
    t.equal(await runtime.numberWatch.run(), 0, 'then not before the next beat')
    const [next] = await query(
      flow,
      'select extract(epoch from due_at - read_at)::float8 as seconds from number_accounts'
    )
    t.ok(Math.abs(next.seconds - 900) < 5)
    const [a, b] = [randomUUID(), randomUUID()]
    await due()
    t.same(await store.claim([number.wabaId], a, 60_000), [number.wabaId])
    t.same(await store.claim([number.wabaId], b, 60_000), [], 'one of several processes')
    await store.want(number.wabaId)
    await store.settle(number.wabaId, b, { nextInMs: 60_000, code: 'wa_unreachable' })
    t.match(await state(), { code: null }, 'who holds no lease changes nothing')
    await store.settle(number.wabaId, a, { nextInMs: 60_000, code: null })
    t.equal(await runtime.numberWatch.run(), 1, 'a change announced amid a reading is read after it')
  })

  await t.test(
    'a restriction is noticed without any webhook, told to a person, and forgotten when it ends',
    async t => {
      t.same(await told(), [])
      const standings: [Loose, RegExp][] = [
        [{ numberStatus: 'RESTRICTED' }, /WhatsApp restricts it; see Business Support Home/],
        [{ numberStatus: 'BANNED', health: 'BLOCKED' }, /banned/],
        [{ numberStatus: 'FLAGGED', quality: 'RED' }, /flagged it for its low quality/],
        [{ quality: 'RED' }, /quality low: customers block or report/],
        [{ health: 'BLOCKED', healthErrors: [{ code: 141014, description: 'Locked.' }] }, /does not let it send/],
        [
          { health: 'BLOCKED', healthErrors: [{ code: 141006, description: 'No payment method.' }] },
          /payment method.*customers still come in/
        ]
      ]
      for (const [knobs, sentence] of standings) {
        await flow.door('graph', { numberStatus: null, health: null, healthErrors: [], quality: 'GREEN', ...knobs })
        await due()
        await runtime.numberWatch.run()
        const needs = await told()
        t.equal(needs.length, bridge.registry.numbers().length, JSON.stringify(knobs))
        for (const need of needs) t.match(need, sentence)
      }
      const overseen = await runtime.oversight.numbers(null)
      t.match(overseen[0]!.needs, [{ kind: 'standing', what: 'payment' }])
      await bridge.numbers.pauseNumber(number.id, 'wa_payment')
      t.equal(
        (await told()).filter(need => /add one in WhatsApp Manager/.test(need)).length,
        1,
        'a pause says the same'
      )
      await bridge.numbers.pauseNumber(number.id, null)
      await flow.door('graph', { health: null, healthErrors: [] })
      await due()
      await runtime.numberWatch.run()
      t.same(await told(), [])
      t.match(await stored(), { status: 'CONNECTED', can_send: 'AVAILABLE', health_codes: [] })
    }
  )

  const soon = async (t: Test, field: string, knobs: Loose, wanted: Loose): Promise<void> => {
    await flow.door('graph', knobs)
    const answer = await announce(field, { event: 'ANYTHING' })
    t.equal(answer.status ?? answer.http ?? 200, 200)
    await flow.until(`${field} read`, async () => {
      const row = await stored()
      return Object.entries(wanted).every(([key, value]) => row[key] === value)
    })
    t.pass(`${field}: ${JSON.stringify(wanted)}`)
  }

  await t.test('what Meta announces is read at once: pace, coexistence, limit, quality, standing', async t => {
    await soon(t, 'phone_number_quality_update', { throughput: 'HIGH' }, { pace: 1000 })
    await runtime.refresh()
    t.equal(bridge.registry.numbers()[0]!.throughputPerSecond, 1000, 'and sent by')
    await soon(t, 'account_update', { onBizApp: true }, { pace: 20, phone: true })
    await soon(t, 'business_capability_update', { messagingLimit: 'TIER_10K' }, { limit: 'TIER_10K' })
    await soon(t, 'account_alerts', { quality: 'RED' }, { quality: 'RED' })
    await soon(t, 'account_review_update', { numberStatus: 'RESTRICTED' }, { status: 'RESTRICTED' })
    const reset = { throughput: 'STANDARD', onBizApp: false, quality: 'GREEN', numberStatus: null }
    await soon(t, 'phone_number_name_update', reset, { pace: 80, status: 'CONNECTED' })
  })

  await t.test('what Meta announces while a number is being read is read right afterwards', async t => {
    const { channel } = bridge
    const readNumber = channel.readNumber.bind(channel)
    let reads = 0
    channel.readNumber = async access => {
      const facts = await readNumber(access)
      if (++reads === 1) {
        await flow.door('graph', { messagingLimit: 'TIER_2K' })
        await announce('business_capability_update', { event: 'ANYTHING' })
      }
      return facts
    }
    await announce('account_update', { event: 'ANYTHING' })
    await flow.until('both are read', async () => (await stored())['limit'] === 'TIER_2K')
    channel.readNumber = readNumber
    t.ok(reads > 1, `${reads} reads`)
  })

  await t.test('messages, templates and what is about a stranger’s account read no number', async t => {
    const before = mark()
    const [{ started_at: started }] = await query(flow, 'select started_at from number_accounts')
    await flow.say({ text: 'hello' })
    await announce('message_template_status_update', { event: 'APPROVED' })
    const entry = [{ id: '4711', time: 1, changes: [{ field: 'account_update', value: { event: 'X' } }] }]
    await flow.door('deliver', { to: 'whatsapp', body: { object: 'whatsapp_business_account', entry } })
    await flow.settle()
    t.equal(reads(before), 0)
    t.same(await query(flow, 'select started_at from number_accounts'), [{ started_at: started }])
  })

  await t.test('a failure is kept for the doctor, forgets nothing, and hinders no other number', async t => {
    await flow.door('faults', [{ on: 'call:graph', match: 'GET /phone', kind: 'status', status: 500, count: 1 }])
    await flow.door('graph', { quality: 'YELLOW' })
    await due()
    await runtime.numberWatch.run()
    t.match(await state(), { code: 'wa_temporary', readAt: Date })
    const rows = await query(flow, 'select quality, status from numbers order by quality')
    t.same(rows.map((row: Loose) => row.quality).sort(), ['GREEN', 'YELLOW'].slice(0, rows.length))
    await due()
    await runtime.numberWatch.run()
    t.match(await state(), { code: null })
    t.match(await stored(), { quality: 'YELLOW' })
  })
})
