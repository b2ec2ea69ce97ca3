/** Splitting of webhooks: every recorded shape, batches, keys, lanes, and bodies that nobody should send. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { type ExplodedItem, explodeWebhook } from '../../adapters/whatsapp-cloud/explode.ts'
import { readFact } from '../../adapters/whatsapp-cloud/from-wire.ts'

const DIR = new URL('../fixtures/whatsapp/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, DIR))
const explode = (raw: Buffer) => explodeWebhook(JSON.parse(raw.toString()), raw)
const of = (body: unknown) => explode(Buffer.from(JSON.stringify(body)))

const NUMBER = '300000000000001'
const MARA = { userId: 'US.8t3Qk1Zp0Lx7Va2Nd5Rw', waId: '15550100301', name: 'Mara Ibsen' }

/** What every fixture of a webhook is, by the start of its name; the first that fits counts. */
const KINDS: [RegExp, string[]][] = [
  [
    /^inbound-user-actions|^inbound-value-errors|^history-declined|^messaging-handovers|^tracking|^automatic/,
    ['notice']
  ],
  [/^inbound-|^unknown-message-type|^standby-message/, ['message']],
  [/^status-group-delivered-aggregated/, ['status', 'status']],
  [/^status-|^standby-status/, ['status']],
  [/^smb-message-echoes|^message-echoes|^standby-echo/, ['echo']],
  [/^calls-/, ['call']],
  [/^group-/, ['group']],
  [/^user-preferences/, ['preference']],
  [/^history-/, ['history']],
  [/^unknown-field/, ['unknown']],
  [/^batch-mixed/, ['message', 'message', 'status', 'status', 'management']],
  [/^(template|account|business|phone-number|security|partner|flows|smb-app)-/, ['management']]
]
const NOT_WEBHOOKS = /^(send|api|error|embedded|verification|signature)-/

t.test('every recorded webhook has its kind, key, number and an envelope that reads back the same', async t => {
  const names = readdirSync(DIR).filter(name => name.endsWith('.json') && !NOT_WEBHOOKS.test(name))
  t.ok(names.length > 180, `${names.length} webhooks`)
  for (const name of names) {
    const raw = read(name)
    const items = explode(raw)
    const expected = KINDS.find(([pattern]) => pattern.test(name))?.[1]
    t.same(
      items.map(item => item.kind),
      expected,
      name
    )
    for (const item of items) {
      t.match(item.key, /^[mseclx]:.{8,}/, `${name} key`)
      t.ok(item.wabaId, `${name} account`)
      const fact = readFact(item.payload)
      t.equal(fact.kind, item.kind, `${name} reads back`)
      t.equal(item.kind === 'status', item.status !== undefined, `${name} status parsed`)
      if (['message', 'echo', 'status', 'call', 'group', 'preference'].includes(item.kind)) {
        t.equal(item.phoneNumberId, NUMBER, `${name} number`)
        t.ok(item.at.getTime() > 1_700_000_000_000, `${name} time`)
      }
    }
    if (items.length === 1) t.equal(items[0]!.payload, raw, `${name} keeps its bytes`)
  }
})

t.test('a batch is split: each item has its own envelope, contact and number', async t => {
  const items = explode(read('batch-mixed.json'))
  t.equal(new Set(items.map(item => item.key)).size, 5)
  t.same(items[0]!.customer, MARA)
  const first = JSON.parse(items[0]!.payload.toString())
  t.equal(first.entry[0].changes[0].value.messages.length, 1)
  t.equal(first.entry[0].changes[0].value.contacts[0].profile.name, 'Mara Ibsen')
  const second = readFact(items[1]!.payload)
  t.match(second, { kind: 'message', message: { content: { kind: 'text', body: 'two' }, customer: MARA } })
  t.match(items[2], { kind: 'status', status: { status: 'delivered' }, customer: MARA })
  t.match(items[3]!.key, /:read$/)
  t.match(items[4], {
    kind: 'management',
    phoneNumberId: null,
    wabaId: '200000000000002',
    field: 'account_review_update'
  })
  t.equal(items[4]!.at.getTime(), 1793880000_000)
})

t.test('keys: the same fact told alone or in a batch has one key, another fact another', async t => {
  const alone = explode(read('user-preferences-stop.json'))[0]!
  const body = JSON.parse(read('user-preferences-stop.json').toString())
  const value = body.entry[0].changes[0].value
  const resume = { ...value.user_preferences[0], value: 'resume' }
  value.user_preferences.push(resume)
  const batch = of(body)
  t.equal(batch[0]!.key, alone.key)
  t.not(batch[1]!.key, alone.key)
  t.match(alone.key, /^x:[\w-]{22}$/)
  const id = 'wamid.HBgLMTU1NTAxMDAzMDEVAgARGBJPVVQwMDAwMDAwMDAwMDAwMDE='
  t.equal(explode(read('status-read.json'))[0]!.key, `s:${id}:read`)
  t.equal(explode(read('status-group-read.json'))[0]!.key, `s:${id}:read:US.8t3Qk1Zp0Lx7Va2Nd5Rw`)
  t.same(
    explode(read('status-group-delivered-aggregated.json')).map(item => item.key),
    [`s:${id}:delivered:15550100301`, `s:${id}:delivered:15550100302`]
  )
  t.match(explode(read('calls-terminate.json'))[0]!.key, /^c:wacid\..+:terminate$/)
  t.match(explode(read('calls-status.json'))[0]!.key, /^c:wacid\..+:ringing$/)
  t.match(explode(read('smb-message-echoes-text.json'))[0]!.key, /^e:wamid\./)
})

t.test('lanes: who an item is about', async t => {
  const customer = (name: string) => explode(read(name))[0]!
  t.same(customer('inbound-text.json').customer, MARA)
  t.same(customer('inbound-text-bsuid-only.json').customer, {
    userId: MARA.userId,
    username: 'mara.ibsen',
    name: 'Mara Ibsen'
  })
  t.same(customer('inbound-text-legacy-no-bsuid.json').customer, { waId: MARA.waId, name: 'Mara Ibsen' })
  t.equal(customer('inbound-text-identity-hash.json').customer.identityHash, 'DF2lS5v2W6x=')
  t.same(customer('smb-message-echoes-text.json').customer, MARA, 'an echo belongs to the person written to')
  t.same(customer('standby-echo.json').customer, { waId: MARA.waId })
  t.same(customer('status-failed-bsuid.json').customer, { userId: MARA.userId })
  t.same(customer('calls-connect-business-initiated.json').customer, MARA)
  t.same(customer('messaging-handovers-passed.json').customer, { waId: MARA.waId })
  t.equal(customer('messaging-handovers-passed.json').phoneNumberId, NUMBER)
  t.equal(customer('account-settings-update.json').phoneNumberId, NUMBER)
  const group = customer('inbound-text-group.json')
  t.same(group.customer, MARA, 'in a group the author')
  t.match(group.groupId, /^Y2Fw/)
  const status = customer('status-group-read.json')
  t.match(status, { customer: { userId: MARA.userId }, groupId: /^Y2Fw/, status: { participant: MARA.userId } })
  t.equal(customer('account-update-partner-added.json').wabaId, '200000000000001', 'entry.id is a portfolio there')
})

t.test('contacts are matched by user id, then wa_id, never by their place', async t => {
  const contact = (n: number) => ({
    profile: { name: `Name ${n}` },
    wa_id: `1555010030${n}`,
    user_id: `US.person0${n}`
  })
  const message = (n: number, from: object) => ({
    id: `wamid.${n}`,
    timestamp: '1793880000',
    type: 'text',
    text: { body: 'x' },
    ...from
  })
  const value = (contacts: unknown[], messages: unknown[]) => ({
    object: 'whatsapp_business_account',
    entry: [
      { id: '1', changes: [{ field: 'messages', value: { metadata: { phone_number_id: '9' }, contacts, messages } }] }
    ]
  })
  const names = (items: ExplodedItem[]) => items.map(item => item.customer.name)
  const crossed = of(
    value([contact(2), contact(1)], [message(1, { from_user_id: 'US.person01' }), message(2, { from: '15550100302' })])
  )
  t.same(names(crossed), ['Name 1', 'Name 2'])
  for (const item of crossed) {
    const fact = readFact(item.payload)
    t.equal(fact.kind === 'message' && fact.message.customer.name, item.customer.name, 'the envelope keeps the contact')
  }
  t.same(
    names(of(value([contact(1)], [message(1, { from: '5215550100301' })]))),
    ['Name 1'],
    'one and one belong together'
  )
  t.same(
    names(of(value([contact(1)], [message(1, { from_user_id: 'US.other' })]))),
    [undefined],
    'unless they contradict'
  )
  t.same(names(of(value([contact(1)], [message(1, { from: '15550100301' }), message(2, { from: '15550100302' })]))), [
    'Name 1',
    undefined
  ])
})

t.test('errors of a value ride with the message that lost its content, or stand alone', async t => {
  const lone = readFact(explode(read('inbound-interactive-empty-131000.json'))[0]!.payload)
  t.match(lone, {
    kind: 'message',
    message: { content: { kind: 'unsupported', subtype: 'interactive' }, failures: [{ code: 131000 }] }
  })
  const body = JSON.parse(read('inbound-interactive-empty-131000.json').toString())
  const value = body.entry[0].changes[0].value
  value.messages.push({
    from: MARA.waId,
    id: 'wamid.second',
    timestamp: '1793880001',
    type: 'text',
    text: { body: 'fine' }
  })
  const items = of(body)
  t.same(
    items.map(item => item.kind),
    ['message', 'message']
  )
  const facts = items.map(item => readFact(item.payload))
  t.match(facts[0], { message: { failures: [{ code: 131000 }] } })
  t.match(facts[1], { message: { failures: [], content: { body: 'fine' } } })
  value.messages[0].interactive = { type: 'button_reply', button_reply: { id: 'a', title: 'A' } }
  t.same(
    of(body).map(item => item.kind),
    ['message', 'message', 'notice']
  )
})

t.test('odd shapes are kept, whole, as unknown', async t => {
  const bodies = [
    null,
    1,
    'text',
    [],
    {},
    { entry: null },
    { entry: [] },
    { entry: [null, 5, {}, { changes: 'x' }, { changes: [null] }, { changes: [{}] }] },
    { entry: [{ id: '1', changes: [{ field: 'messages', value: { messages: { a: 1 } } }] }] },
    {
      entry: [
        {
          id: '1',
          changes: [{ field: 'messages', value: { messages: [null, {}, { id: '' }, { id: 'x'.repeat(300) }] } }]
        }
      ]
    },
    { entry: [{ id: '1', changes: [{ field: 'messages', value: { polls: [{ id: 'p' }] } }] }] },
    { entry: [{ changes: [{ value: { messages: [{ type: 'text' }] } }] }] }
  ]
  for (const body of bodies) {
    const items = of(body)
    t.ok(items.length > 0)
    t.ok(
      items.every(item => item.kind === 'unknown' && item.key.startsWith('x:')),
      JSON.stringify(body)
    )
    for (const item of items) t.equal(readFact(item.payload).kind, 'unknown')
  }
  t.equal(of(bodies[7]).length, 6)
  const missing = of({
    entry: [{ changes: [{ value: { messages: [{ id: 'wamid.1', type: 'text', text: { body: 'x' } }] } }] }]
  })
  t.match(
    missing,
    [{ kind: 'message', at: new Date(0), phoneNumberId: null, wabaId: null }],
    'field and object may be missing'
  )
  t.match(of({ entry: [{ id: '1', changes: [{ value: { event: 'PARTNER_ADDED' } }] }] }), [{ kind: 'management' }])
  t.match(of({ entry: [{ id: '1', changes: [{ field: 'security' }] }] }), [{ kind: 'management', field: 'security' }])
})

t.test('a list of tomorrow beside messages is not lost', async t => {
  const body = JSON.parse(read('batch-mixed.json').toString())
  body.entry[0].changes[0].value.polls = [{ id: 'p1' }]
  const items = of(body)
  t.same(
    items.map(item => item.kind),
    ['message', 'message', 'unknown', 'status', 'status', 'management']
  )
  t.match(JSON.parse(items[2]!.payload.toString()).entry[0].changes[0].value.polls, [{ id: 'p1' }])
})

t.test('hostile JSON: NUL, surrogates, __proto__, duplicate keys, huge numbers, depth', async t => {
  const message = (inner: string) =>
    Buffer.from(
      `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"9"},"messages":[${inner}]}}]}]}`
    )
  const nul = explode(
    message(
      '{"id":"wamid.\\u0000a","from":"1555\\u0000","timestamp":"1","type":"text","text":{"body":"a\\u0000\\ud800b"}}'
    )
  )[0]!
  t.equal(nul.key, 'm:wamid.a')
  t.match(readFact(nul.payload), { message: { content: { body: 'a\ufffdb' }, customer: { waId: '1555' } } })
  const proto = explode(message('{"__proto__":{"id":"wamid.evil"},"type":"__proto__"}'))[0]!
  t.equal(proto.kind, 'unknown')
  t.match(readFact(message('{"id":"wamid.1","type":"constructor"}')), {
    message: { content: { kind: 'unknown', type: 'constructor' } }
  })
  t.match(explode(message('{"id":"wamid.1","id":"wamid.2","timestamp":1e999}')), [
    { key: 'm:wamid.2', at: new Date(0) }
  ])
  t.match(explode(message('{"id":"wamid.1","timestamp":1793880000123}')), [{ at: new Date(1793880000123) }])
  const deep = `{"id":"wamid.deep","type":"x","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`
  t.match(explode(message(deep)), [{ kind: 'message', key: 'm:wamid.deep' }])
  const fine = '{"id":"wamid.fine","timestamp":"1793880000","type":"text","text":{"body":"ok"}}'
  const mixed = explode(message(`${fine},${deep},${fine.replace('fine', 'also')}`))
  t.same(
    mixed.slice(0, 2).map(item => item.key),
    ['m:wamid.fine', 'm:wamid.also'],
    'its neighbours are delivered'
  )
  t.equal(mixed.length, 3, 'what is too deep to be written again is kept')
  t.ok(mixed[2]!.payload.includes('wamid.deep'))
})

t.test('a body of very many items is kept whole instead of split', async t => {
  const messages = Array.from({ length: 20_000 }, (_, n) => ({ id: `wamid.${n}` }))
  const raw = Buffer.from(
    JSON.stringify({ entry: [{ id: '1', changes: [{ field: 'messages', value: { messages } }] }] })
  )
  const items = explode(raw)
  t.equal(items.length, 1)
  t.equal(items[0]!.payload, raw)
})

t.test('property: any JSON at any place never throws, loses nothing, and every envelope reads back', async t => {
  const fixtures = readdirSync(DIR)
    .filter(name => name.endsWith('.json') && !NOT_WEBHOOKS.test(name))
    .map(name => read(name).toString())
  const arbitrary = fc.oneof(
    fc.jsonValue(),
    fc.record({
      object: fc.jsonValue(),
      entry: fc.array(fc.record({ id: fc.jsonValue(), time: fc.jsonValue(), changes: fc.jsonValue() }))
    }),
    fc
      .tuple(fc.constantFrom(...fixtures), fc.nat(), fc.jsonValue())
      .map(([text, at, value]) => graft(JSON.parse(text), at, value))
  )
  fc.assert(
    fc.property(arbitrary, body => {
      const raw = Buffer.from(JSON.stringify(body))
      const items = explodeWebhook(body, raw)
      if (items.length === 0) return false
      return items.every(item => {
        const size = Buffer.byteLength(item.key)
        return size > 2 && size < 1024 && !Number.isNaN(item.at.getTime()) && readFact(item.payload).kind === item.kind
      })
    }),
    { numRuns: 3000 }
  )
  t.pass()
})

/** Puts a value in the place of the n-th node of a body. */
function graft(body: unknown, at: number, value: unknown): unknown {
  const places: [Record<string, unknown>, string][] = []
  const collect = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, unknown>, key])
      collect((node as Record<string, unknown>)[key])
    }
  }
  collect(body)
  const place = places[at % places.length]
  if (place !== undefined) place[0][place[1]] = value
  return body
}

t.test('a webhook costs microseconds', async t => {
  const raw = read('status-delivered.json')
  const body = JSON.parse(raw.toString())
  for (let n = 0; n < 5000; n++) explodeWebhook(body, raw)
  const begin = process.hrtime.bigint()
  for (let n = 0; n < 20_000; n++) explodeWebhook(body, raw)
  const micros = Number(process.hrtime.bigint() - begin) / 20_000 / 1000
  t.ok(micros < 100, `${micros.toFixed(1)} µs`)
  t.comment(`${micros.toFixed(2)} µs per webhook`)
})
