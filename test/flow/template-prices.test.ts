/** What a template will cost: read once a day, shown where it was measured, silent where it was not, in nobody's way. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createRateStore } from '../../adapters/postgres/rates.ts'
import { createVault } from '../../adapters/vault/vault.ts'
import { examine } from '../../plugin/doctor/doctor.ts'
import { readOptions } from '../../plugin/options.ts'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'
import { query } from './talk.ts'

const vault = createVault({ keys: [{ id: 1, key: Buffer.alloc(32, 7) }], current: 1 })

t.test('category and price of a template', async t => {
  const tab = await openTab(t)
  const { flow } = tab
  const { runtime } = flow
  const number = runtime.bridge.registry.numbers()[0]!
  const store = createRateStore(runtime.database.work)
  const bea = await tab.signIn('bea')
  const { conversationId: spain } = await tab.begin({ customer: 'lucia' })
  const { conversationId: germany } = await tab.begin({ customer: 'noor', text: 'Hallo' })
  const state = async () => (await store.readState())[0]
  const due = () => query(flow, "update rate_accounts set due_at = clock_timestamp() - interval '1 s'")
  const calls = (after: number) =>
    flow.ledger({ side: 'graph', what: 'call', after }).filter(entry => entry.name === 'GET /waba').length
  const mark = () => flow.ledger().at(-1)?.n ?? 0
  const list = await tab.call('GET', `/templates?numberId=${number.id}&conversationId=${spain}`, { as: bea })
  const templateId = (name: string): string => list.body.templates.find((one: Loose) => one.name === name).id
  const price = async (name: string, where: string, language?: string): Promise<Loose> => {
    const path = `/templates/${templateId(name)}?numberId=${number.id}${where}`
    const headers: Record<string, string> = language === undefined ? {} : { 'accept-language': language }
    const answer = await tab.call('GET', path, { as: bea, headers })
    t.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body.price
  }
  const inSpain = `&conversationId=${spain}`
  const forget = () => query(flow, 'delete from paid_rates')

  await t.test('the beat reads what the account paid, once a day', async t => {
    await query(flow, 'delete from rate_accounts')
    await forget()
    const fresh = createRateStore(runtime.database.work)
    await fresh.claim([number.wabaId], randomUUID(), 0)
    await due()
    const before = mark()
    t.equal(await runtime.rateReading.run(), 1)
    t.equal(calls(before), 1, 'with one call')
    t.match(await state(), { wabaId: number.wabaId, code: null, readAt: Date, rates: 6 })
    t.match(
      (await store.list(number.wabaId)).find(rate => rate.country === 'ES' && rate.category === 'marketing'),
      { volume: 1200, currency: 'EUR', tier: '0:MAX' }
    )
    t.equal(await runtime.rateReading.run(), 0, 'then not before tomorrow')
    const [next] = await query(
      flow,
      'select extract(epoch from due_at - read_at)::float8 as seconds from rate_accounts'
    )
    t.ok(Math.abs(next.seconds - 86_400) < 5)
    const [a, b] = [randomUUID(), randomUUID()]
    await due()
    t.same(await store.claim([number.wabaId], a, 60_000), [number.wabaId])
    t.same(await store.claim([number.wabaId], b, 60_000), [], 'one of several processes')
    await store.keep(number.wabaId, b, [], 60_000)
    t.equal((await store.list(number.wabaId)).length, 6, 'who holds no lease changes nothing')
    await store.fail(number.wabaId, a, 'wa_unreachable', 0)
    t.match(await state(), { code: 'wa_unreachable', rates: 6 }, 'a failure forgets nothing')
    await runtime.rateReading.run()
    t.match(await state(), { code: null, rates: 6 })
  })

  await t.test('the answer tells the amount and what it is the average of', async t => {
    const marketing = await price('welcome_offer', inSpain)
    t.match(marketing, {
      category: 'marketing',
      free: false,
      amount: 0.0509,
      currency: 'EUR',
      sentence: /Meta charges for each message/,
      basis: { country: 'ES', messages: 1200, sentence: /^Average of what this account paid \(Spain, .+ 20\d\d\)\.$/ }
    })
    const { from, to } = marketing.basis
    t.equal((Date.parse(to) - Date.parse(from)) / 86_400_000, 30)
    t.match(await price('hello_world', inSpain), { category: 'utility', amount: 0.0166, free: false })
  })

  await t.test('in the language of the agent', async t => {
    t.match(
      (await price('welcome_offer', inSpain, 'es')).basis.sentence,
      /^Media de lo que pagó esta cuenta \(España, .+\)\.$/
    )
    t.match(
      (await price('welcome_offer', inSpain, 'pt-BR')).basis.sentence,
      /^Média do que esta conta pagou \(Espanha, .+\)\.$/
    )
    t.match((await price('hello_world', inSpain, 'es')).sentence, /Meta cobra por cada mensaje que llega/)
  })

  await t.test('nothing is shown where nothing was measured', async t => {
    const none = { free: false, amount: null, currency: null, basis: null, sentence: /Meta charges/ }
    t.match(await price('welcome_offer', `&conversationId=${germany}`), none, 'a country never written to')
    t.match(await price('welcome_offer', ''), none, 'nobody known')
    await query(
      flow,
      "update paid_rates set to_at = to_at - interval '100 days', from_at = from_at - interval '100 days'"
    )
    t.match(await price('welcome_offer', inSpain), none, 'too long ago')
    await due()
    await runtime.rateReading.run()
    t.match(await price('welcome_offer', inSpain), { amount: 0.0509 })
  })

  await t.test('a customer who came by an ad costs nothing for some days', async t => {
    const { conversationId } = await tab.begin({
      customer: 'joao',
      text: 'Oi',
      referral: { source_type: 'ad', source_id: '1', source_url: 'https://example.org/ad', headline: 'Ad' }
    })
    const where = `&conversationId=${conversationId}`
    t.match(await price('welcome_offer', where), { free: false, amount: 0.0536, basis: { country: 'BR' } })
    const sent = await tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: bea,
      body: { message: { kind: 'text', text: 'Olá!' } }
    })
    t.ok(sent.status < 300, JSON.stringify(sent.body))
    await flow.until('it is free', async () => (await price('welcome_offer', where)).free)
    t.match(await price('welcome_offer', where), { amount: null, currency: null, basis: null, sentence: /^Free: / })
  })

  await t.test('a refusal is kept for the doctor and holds up nothing', async t => {
    const options = readOptions({ dataDir: '/tmp' })
    const numbers = runtime.bridge.numbers
    const finding = async () => {
      const { checks } = await examine({
        database: runtime.database,
        numbers,
        vault,
        options,
        hookPatienceMs: 1
      })
      return checks.find(check => check.id === 'wa.prices')
    }
    t.match(await finding(), { state: 'ok', says: /is known/ })
    await flow.door('graph', { scopes: ['whatsapp_business_messaging'] })
    await due()
    const before = mark()
    t.equal(await runtime.rateReading.run(), 1)
    t.match(await state(), { code: 'wa_permission', rates: 6 })
    t.equal(await runtime.rateReading.run(), 0, 'asked again tomorrow')
    t.equal(calls(before), 1)
    t.match(await finding(), {
      state: 'warn',
      says: /wa_permission.*last ones known/,
      remedy: /whatsapp_business_management/
    })
    t.match(await price('welcome_offer', inSpain), { amount: 0.0509 }, 'what was known stays')
    t.equal(runtime.bridge.registry.numbers()[0]!.pausedCode, null, 'the number works on')
    await flow.say({ text: 'still there?' })
    await flow.until('the message', () => flow.messages().some((row: Loose) => row.content === 'still there?'))
    await forget()
    t.match(await finding(), { state: 'warn', says: /no prices/ })
    t.match(await price('welcome_offer', inSpain), { amount: null, sentence: /Meta charges/ })
    await flow.door('graph', { scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'] })
  })

  await t.test('a fault that passes is tried again within the hour', async t => {
    for (const fault of [
      { kind: 'status', status: 500 },
      { kind: 'reset' },
      { kind: 'garbage' },
      { kind: 'status', status: 200, body: { id: '1', currency: 'EUR', pricing_analytics: { data: 'odd' } } }
    ]) {
      await flow.door('faults', [{ on: 'call:graph', match: 'GET /waba', ...fault }])
      await due()
      await runtime.rateReading.run()
      const { code } = (await state())!
      const odd = 'body' in fault
      t.equal(code === null, odd, `${JSON.stringify(fault)}: ${code}`)
      const [next] = await query(
        flow,
        'select extract(epoch from due_at - clock_timestamp())::float8 as seconds from rate_accounts'
      )
      t.ok(next.seconds < (odd ? 86_401 : 3_601) && next.seconds > 3_500)
    }
    await flow.door('faults', [])
    await due()
    await runtime.rateReading.run()
    t.match(await price('welcome_offer', inSpain), { amount: 0.0509 })
  })
})
