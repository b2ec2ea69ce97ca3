import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createClock, readDurationMs } from '../../adapters/sandbox/clock.ts'
import { createLedger } from '../../adapters/sandbox/ledger.ts'
import { createRandom } from '../../adapters/sandbox/random.ts'
import { type Any, openRig, readFixture, shapeOf } from './sandbox-graph-rig.ts'

t.test('doors: say, ledger, phone, clock, faults, config, deliver', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const said = await rig.door('/__say', { customer: 'lucia', text: 'hi' })
  t.match(said.json, { wamid: /^wamid\./, deliveries: [{ status: 200 }] })
  t.match((await rig.door('/__say', { customer: 'lucia', type: 'nonsense' })).json.error, /type must be one of/)
  t.equal((await rig.door('/__say', { text: 'x' })).status, 400)

  const all = (await rig.door('/__ledger')).json as Any[]
  t.ok(all.every((one, i) => i === 0 || one.n === all[i - 1].n + 1))
  t.match(
    all.filter(one => one.what === 'hook' && one.name === 'message'),
    [{ side: 'graph', status: 200, ids: { wamid: said.json.wamid } }]
  )
  t.same((await rig.door(`/__ledger?after=${all[0].n}&limit=1`)).json, [all[1]])
  t.same((await rig.door('/__ledger?limit=1')).json[0].n, all.at(-1).n, 'without `after` the newest')
  t.ok(((await rig.door('/__ledger?side=graph&what=call')).json as Any[]).every(one => one.what === 'call'))

  t.match((await rig.door('/__phone')).json.customers[0], {
    id: 'lucia',
    phone: '+34611000101',
    chats: [{ windowOpen: true, messages: [{ text: 'hi', from: 'customer', ticks: 'grey' }] }]
  })
  t.ok((await rig.door('/__phone')).json.customers.length >= 5)
  t.same((await rig.door('/__clock', { jump: '24h' })).json.offsetMs, 86_400_000)
  t.equal((await rig.door('/__clock')).headers.get('x-puente-sandbox-offset-ms'), '86400000')
  t.equal((await rig.door('/__clock', { jump: 'soon' })).status, 400)
  t.equal((await rig.door('/__phone')).json.customers[0].chats[0].windowOpen, false)

  t.match((await rig.door('/__faults', [{ on: 'hook:graph', kind: 'delay', delayMs: 5 }])).json, [
    { id: String, kind: 'delay' }
  ])
  t.equal((await rig.door('/__faults')).json.length, 1)
  t.match((await rig.door('/__faults', [{ on: 'moon', kind: 'delay' }])).json.error, /faults\[0\]\.on/)
  await rig.door('/__faults', [])

  const config = (await rig.door('/__config')).json
  t.match(config.numbers[0], {
    chatwoot: { url: rig.sandbox.deskUrl, accountId: Number, token: String },
    whatsapp: {
      token: String,
      wabaId: /^\d+$/,
      phoneNumberId: /^\d+$/,
      appId: /^\d+$/,
      appSecret: /^[0-9a-f]{32}$/,
      verifyToken: String
    }
  })
  const delivered = await rig.door('/__deliver', { to: 'whatsapp', body: readFixture('inbound-text') })
  t.match(delivered.json, { status: 200, body: 'ok', headers: {}, tookMs: Number })
  const before = rig.receiver.received.length
  await rig.door('/__deliver', { to: 'whatsapp', raw: '{"a":"ñ"}', sign: false, headers: { 'x-extra': 'y' } })
  await rig.door('/__deliver', { to: 'whatsapp', raw: '{"a":1}', sign: 'wrong' })
  const [unsigned, wrong] = rig.receiver.received.slice(before)
  t.equal(unsigned!.headers['x-hub-signature-256'], undefined)
  t.equal(unsigned!.headers['x-extra'], 'y')
  t.equal(unsigned!.raw, '{"a":"ñ"}')
  t.match(wrong!.headers['x-hub-signature-256'], /^sha256=/)
  t.equal((await rig.door('/__deliver', { to: 'moon' })).status, 400)
  t.equal((await rig.door('/__nothing')).status, 404)
  t.equal((await rig.door('/__stop', {})).status, 400, 'nobody to stop')
  t.match((await rig.door('/__puente')).json, { state: 'unknown', canStop: false })
  t.match((await rig.door('/__desk-view')).json, {})
})

t.test('the page and its live stream; strangers are turned away', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'puente-page-'))
  writeFileSync(join(dir, 'index.html'), '<p>the page</p>')
  const rig = await openRig({ pageDir: dir })
  t.teardown(async () => {
    await rig.close()
    rmSync(dir, { recursive: true })
  })
  for (const url of [rig.sandbox.deskUrl, rig.sandbox.graphUrl])
    t.equal(await (await fetch(url)).text(), '<p>the page</p>')
  t.not((await fetch(`${rig.sandbox.deskUrl}/../package.json`)).status, 200)

  const stream = await fetch(`${rig.sandbox.deskUrl}/__stream`)
  const reader = stream.body!.getReader()
  await rig.say({ text: 'seen live' })
  let text = ''
  while (!text.includes('event: change')) text += Buffer.from((await reader.read()).value!).toString('utf8')
  t.match(text, /event: ledger\nid: \d+\ndata: \{.*seen live/)
  await reader.cancel()

  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      request(`${rig.sandbox.deskUrl}/__config`, { headers }, answer => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
        .on('error', reject)
        .end()
    })
  t.equal(await ask({ host: 'evil.example' }), 403, 'another name for this address')
  t.equal(await ask({ origin: 'https://evil.example' }), 403, 'a page from elsewhere')
  t.equal(await ask({ origin: 'http://localhost:5173' }), 200)
})

t.test('management: number, account, templates with paging, token, unknown objects', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const { wabaId, phoneNumberId, appId, appSecret, token } = rig.whatsapp()
  const number = await rig.call(
    'GET',
    `/${phoneNumberId}?fields=id,display_phone_number,verified_name,quality_rating,code_verification_status,name_status,new_name_status,status,platform_type,throughput,account_mode,is_official_business_account,is_pin_enabled,is_on_biz_app,whatsapp_business_manager_messaging_limit`
  )
  t.same(shapeOf(number.json), shapeOf(readFixture('api-phone-number'), ['webhook_configuration']))
  const health = await rig.call('GET', `/${phoneNumberId}?fields=health_status`)
  t.same(shapeOf(health.json), shapeOf(readFixture('api-health-available')))
  const list = await rig.call('GET', `/${wabaId}/phone_numbers`)
  const [listed, fixture] = [list.json, readFixture('api-phone-numbers-list')].map(one =>
    shapeOf(one, ['webhook_configuration'])
  )
  t.same(listed, fixture)
  t.same(
    shapeOf((await rig.call('GET', `/${wabaId}/subscribed_apps`)).json),
    shapeOf(readFixture('api-subscribed-apps'))
  )
  t.same(
    shapeOf((await rig.call('GET', `/${phoneNumberId}/whatsapp_business_profile`)).json, ['profile_picture_url']),
    shapeOf(readFixture('api-business-profile'), ['profile_picture_url'])
  )
  const debug = await rig.call(
    'GET',
    `/debug_token?input_token=${token}&access_token=${encodeURIComponent(`${appId}|${appSecret}`)}`,
    undefined,
    { authorization: '' }
  )
  t.same(shapeOf(debug.json), shapeOf(readFixture('api-debug-token')))

  const names: string[] = []
  let next: string | undefined = `${rig.sandbox.graphUrl}/v25.0/${wabaId}/message_templates?limit=10`
  let pages = 0
  while (next) {
    const page: Any = await (await fetch(next, { headers: { authorization: `Bearer ${token}` } })).json()
    for (const one of page.data) {
      t.match(one, { id: /^\d+$/, status: String, category: String, language: String, components: Array })
      names.push(`${one.name} ${one.language}`)
    }
    next = page.paging.next
    pages++
  }
  t.equal(pages, 3)
  t.ok(names.length >= 25)
  t.equal(new Set(names).size, names.length)
  const made = await rig.call('POST', `/${wabaId}/message_templates`, {
    name: 'brand_new',
    language: 'es',
    category: 'UTILITY',
    components: [{ type: 'BODY', text: 'Hola' }]
  })
  t.same(shapeOf(made.json), shapeOf(readFixture('api-template-create')))
  rig.sandbox.graph.configure({ templates: [{ name: 'brand_new', status: 'APPROVED' }] })
  t.equal((await rig.call('GET', `/${wabaId}/message_templates?name=brand_new&status=APPROVED`)).json.data.length, 1)
  t.same((await rig.call('DELETE', `/${wabaId}/message_templates?name=brand_new`)).json, { success: true })

  const missing = await rig.call('GET', '/999')
  t.equal(missing.status, 400)
  t.same(shapeOf(missing.json), shapeOf(readFixture('error-100-33-object-missing').body))
})

t.test('a restart keeps instance, chats, clock, subscriptions, media and ledger; ids do not recur', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'puente-sandbox-'))
  t.teardown(() => rmSync(dataDir, { recursive: true }))
  const first = await openRig({ dataDir })
  first.sandbox.graph.configure({ quality: 'YELLOW' })
  first.sandbox.clock.jump(7_200_000)
  const said = await first.say({ type: 'image', text: 'kept' })
  const media = first.receiver.received[0]!.body.entry[0].changes[0].value.messages[0].image.id
  const { instance } = first.sandbox
  const entries = first.sandbox.ledger.list().length
  const before = first.whatsapp()
  await first.sandbox.close()

  const second = await openRig({ dataDir, connected: false })
  t.equal(second.sandbox.instance, instance)
  t.same(second.whatsapp(), before)
  t.equal(second.sandbox.clock.offsetMs(), 7_200_000)
  t.equal(second.sandbox.ledger.list().length, entries)
  t.match(second.sandbox.graph.view().customers[0]!.chats[0]!.messages, [{ wamid: said.wamid, text: 'kept' }])
  t.match(second.sandbox.graph.config()['knobs'], { quality: 'YELLOW' })
  t.equal((await fetch(`${second.sandbox.deskUrl}/__media/${media}`)).status, 200)
  const again = await second.say({ text: 'after' })
  t.equal(again.deliveries.length, 1, 'still subscribed')
  await first.receiver.until(() => first.receiver.received.length === 2, 'the old callback')
  const oldIds = new Set(second.sandbox.ledger.list().map(one => one.ids['wamid']))
  t.ok(oldIds.has(said.wamid))
  t.not(again.wamid, said.wamid)

  const ids = new Set([said.wamid, again.wamid])
  await second.door('/__reset', {})
  t.equal(second.sandbox.instance, instance, 'a reset keeps the number')
  t.same(second.sandbox.ledger.list(), [])
  t.equal(second.sandbox.clock.offsetMs(), 0)
  const fresh = await second.say({ text: 'fresh' })
  t.notOk(ids.has(fresh.wamid))
  t.equal(fresh.deliveries.length, 1, 'and its callback')
  await second.door('/__reset', { instance: 'new' })
  t.not(second.sandbox.instance, instance)
  t.not(second.whatsapp().phoneNumberId, before.phoneNumberId)
  t.not(second.whatsapp().appSecret, before.appSecret)
  await second.close()
  await first.receiver.close()
})

t.test('bounded: the ledger forgets the oldest, a chat keeps its newest', async t => {
  const ledger = createLedger({ clock: createClock(), maxEntries: 1000, maxBodies: 10 })
  for (let i = 0; i < 5000; i++) ledger.add({ side: 'graph', what: 'call', name: 'x', ids: { i }, body: { i } })
  t.ok(ledger.size() <= 1000)
  t.equal(ledger.list().at(-1)!.n, 5000)
  t.equal(ledger.list().filter(one => one.body !== undefined).length, 10)
  t.same(
    ledger.list({ after: 4998 }).map(one => one.n),
    [4999, 5000]
  )
  await ledger.close()

  const rig = await openRig()
  t.teardown(rig.close)
  rig.sandbox.graph.configure({ statuses: 'manual' })
  await rig.sandbox.graph.say({
    messages: Array.from({ length: 400 }, (_, i) => ({ customer: 'lucia', text: String(i) })),
    batch: 200
  })
  const chat = (rig.sandbox.graph.snapshot() as Any).chats.find((one: Any) => one.customerId === 'lucia')
  t.equal(chat.messages.length, 300)
  t.equal(chat.messages.at(-1).text, '399')
})

t.test('statuses and account webhooks by hand', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  rig.sandbox.graph.configure({ statuses: 'manual' })
  await rig.say({ text: 'x' })
  const wamid = (await rig.send(rig.text('+34611000101'))).json.messages[0].id
  t.same((await rig.door('/__status', { wamid, status: 'read' })).json, { status: 200 })
  t.same((await rig.door('/__status', { wamid, status: 'failed', code: 131026 })).json, { status: 200 })
  t.same(
    rig.receiver.statuses().map(one => [one.status, one.errors?.[0].code]),
    [
      ['read', undefined],
      ['failed', 131026]
    ]
  )
  t.equal((await rig.door('/__status', { wamid: 'wamid.nope', status: 'read' })).status, 400)
  const field = readFixture('account-review-update-approved').entry[0].changes[0]
  t.equal((await rig.door('/__change', field)).json.status, null, 'an override does not reach account fields')
  const { appId, appSecret, verifyToken } = rig.whatsapp()
  await rig.call(
    'POST',
    `/${appId}/subscriptions?access_token=${encodeURIComponent(`${appId}|${appSecret}`)}`,
    { object: 'whatsapp_business_account', callback_url: rig.receiver.url, verify_token: verifyToken, fields: '' },
    { authorization: '' }
  )
  t.equal((await rig.door('/__change', field)).json.status, 200)
  t.same(rig.receiver.received.at(-1)!.body.entry[0].changes[0].value, field.value)
})

t.test('durations and random numbers', async t => {
  t.same(['24h', '-90 min', '7d', '1500', 12, 'x', '', null].map(readDurationMs), [
    86_400_000,
    -5_400_000,
    604_800_000,
    1500,
    12,
    undefined,
    undefined,
    undefined
  ])
  const [a, b] = [createRandom(5), createRandom(5)]
  t.same(Array.from({ length: 9 }, a.next), Array.from({ length: 9 }, b.next))
  const draws = Array.from({ length: 4001 }, () => a.logNormal(75, 0.3)).sort((x, y) => x - y)
  t.ok(Math.abs(draws[2000]! - 75) < 3, 'the median')
  t.match(a.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
