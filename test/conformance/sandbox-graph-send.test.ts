import { readdirSync } from 'node:fs'
import t from 'tap'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import { type Any, openRig, readFixture, shapeOf } from './sandbox-graph-rig.ts'

/** Which seeded template has the shape that the fixture fills. */
const TEMPLATES: Record<string, string> = {
  'send-template-button-catalog': 'catalog_teaser',
  'send-template-button-copy-code': 'coupon_code',
  'send-template-button-mpm': 'picked_products',
  'send-template-buttons-quick-reply-url': 'seasonal_promo',
  'send-template-carousel': 'carousel_products',
  'send-template-currency-datetime': 'payment_received',
  'send-template-header-image': 'promo_image',
  'send-template-header-location': 'store_location',
  'send-template-header-video': 'promo_video',
  'send-template-limited-time-offer': 'limited_offer',
  'send-template-named': 'welcome_offer',
  'send-template-tap-target': 'offer_link'
}

async function openWithMedia() {
  const rig = await openRig()
  const media: Record<string, string> = {}
  for (const [number, sample] of Object.entries({ 1: 'jpeg', 2: 'mp4', 3: 'mp3', 4: 'ogg', 5: 'pdf', 6: 'webp' })) {
    const { mime, bytes } = getSample(sample)!
    media[`61000000000000${number}`] = (await rig.upload(mime, bytes)).json.id
  }
  return { ...rig, media }
}

t.test('every send fixture is accepted and reaches the phone', async t => {
  const rig = await openWithMedia()
  t.teardown(rig.close)
  const { wamid } = await rig.say({ customer: '+15550100301', text: 'opens the window' })
  const userId = rig.sandbox.graph.config()['customers'] as Any[]
  const bsuid = userId.find(one => one.waId === '15550100301').userId
  const names = readdirSync(new URL('../fixtures/whatsapp/', import.meta.url))
    .filter(name => name.startsWith('send-'))
    .map(name => name.replace('.json', ''))
  t.ok(names.length > 35)
  for (const name of names) {
    let text = JSON.stringify(readFixture(name))
    for (const [from, to] of Object.entries(rig.media)) text = text.replaceAll(from, to)
    text = text.replaceAll('US.8t3Qk1Zp0Lx7Va2Nd5Rw', bsuid).replaceAll(/wamid\.[\w+/=]+/g, wamid)
    if (TEMPLATES[name]) text = text.replace('order_confirmation', TEMPLATES[name]!)
    if (name === 'send-template-buttons-quick-reply-url') t.ok(text.includes('seasonal_promo'))
    const answer = await rig.send(JSON.parse(text))
    t.equal(answer.status, 200, `${name}: ${answer.text}`)
  }
  const sent = rig.sandbox.ledger.list({ what: 'effect', name: 'sent' })
  t.equal(sent.length, names.length - 2, 'all but the read mark and the typing sign')
  await rig.receiver.until(
    () => sent.every(one => rig.receiver.statuses().some(s => s.id === one.ids['wamid'] && s.status === 'sent')),
    'all sent'
  )
  t.same(
    rig.receiver.statuses().filter(one => one.status === 'failed'),
    []
  )
})

t.test('the answer has the shape of its fixture, by phone, by user id and to a group', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ customer: 'mara', text: 'x' })
  const mara = (rig.sandbox.graph.config()['customers'] as Any[]).find(one => one.id === 'mara')
  const groupId = rig.sandbox.graph.config()['groupId']
  t.same(shapeOf((await rig.send(rig.text('+34611000101'))).json), shapeOf(readFixture('api-send-response')))
  const byId = await rig.send({
    messaging_product: 'whatsapp',
    recipient: mara.userId,
    type: 'text',
    text: { body: 'x' }
  })
  t.same(shapeOf(byId.json), shapeOf(readFixture('api-send-response-bsuid')))
  const toGroup = await rig.send(rig.text(String(groupId), { recipient_type: 'group' }))
  t.same(shapeOf(toGroup.json), shapeOf(readFixture('api-send-response-group')))
  const template = await rig.send({
    messaging_product: 'whatsapp',
    to: '+34611000101',
    type: 'template',
    template: { name: 'hello_world', language: { code: 'en_US' } }
  })
  t.same(shapeOf(template.json), shapeOf(readFixture('api-send-response-template-accepted')))
  t.same(
    (await rig.send(rig.text('+34611000101', { recipient: mara.userId }))).json.contacts[0].wa_id,
    '34611000101',
    '`to` wins'
  )
})

t.test('wa_id may differ from what was dialled (Brazil, Mexico, Argentina)', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  for (const [to, waId, customer] of [
    ['+5531980000102', '553180000102', 'joao'],
    ['+525580000103', '5215580000103', 'ximena'],
    ['+541180000104', '5491180000104', 'martin'],
    ['+5511987654321', '5511987654321', '5511987654321']
  ]) {
    const answer = await rig.send(rig.text(to!))
    t.same(answer.json.contacts, [{ input: to, wa_id: waId }])
    t.equal(rig.sandbox.ledger.list({ name: 'sent' }).at(-1)!.ids['customer'], customer)
  }
})

t.test('what breaks Meta’s rules is refused with Meta’s code', async t => {
  const rig = await openWithMedia()
  t.teardown(rig.close)
  await rig.say({ text: 'x' })
  const to = '+34611000101'
  const base = { messaging_product: 'whatsapp', to }
  const buttons = (list: object[]) => ({
    ...base,
    type: 'interactive',
    interactive: { type: 'button', body: { text: 'b' }, action: { buttons: list } }
  })
  const button = (id: string, title = id) => ({ type: 'reply', reply: { id, title } })
  const list = (rows: number) => ({
    ...base,
    type: 'interactive',
    interactive: {
      type: 'list',
      body: { text: 'b' },
      action: {
        button: 'Open',
        sections: [{ rows: Array.from({ length: rows }, (_, i) => ({ id: `r${i}`, title: `t${i}` })) }]
      }
    }
  })
  const template = (name: string, components?: object[], code = 'en_US') => ({
    ...base,
    type: 'template',
    template: { name, language: { code }, ...(components ? { components } : {}) }
  })
  const bodyText = (...values: string[]) => [{ type: 'body', parameters: values.map(text => ({ type: 'text', text })) }]
  const cases: [string, object, number, number][] = [
    ['no product', { to, type: 'text', text: { body: 'x' } }, 100, 400],
    ['no recipient', { messaging_product: 'whatsapp', type: 'text', text: { body: 'x' } }, 100, 400],
    ['unknown type', { ...base, type: 'poll', poll: {} }, 100, 400],
    ['no text object', { ...base, type: 'text' }, 131008, 400],
    ['empty text', { ...base, type: 'text', text: { body: '' } }, 100, 400],
    ['text of 4097', { ...base, type: 'text', text: { body: 'x'.repeat(4097) } }, 100, 400],
    [
      'caption of 1025',
      { ...base, type: 'image', image: { link: 'https://example.org/a.jpg', caption: 'x'.repeat(1025) } },
      100,
      400
    ],
    ['unknown media', { ...base, type: 'image', image: { id: '699999999999999' } }, 131009, 400],
    ['four buttons', buttons(['a', 'b', 'c', 'd'].map(id => button(id))), 131009, 400],
    ['button of 21', buttons([button('a', 'x'.repeat(21))]), 131009, 400],
    ['button twice', buttons([button('a'), button('a', 'b')]), 131009, 400],
    ['eleven rows', list(11), 131009, 400],
    [
      'card without name part',
      { ...base, type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }] },
      131008,
      400
    ],
    ['latitude of 91', { ...base, type: 'location', location: { latitude: 91, longitude: 0 } }, 100, 400],
    ['callback of 513', rig.text(to, { biz_opaque_callback_data: 'x'.repeat(513) }), 100, 400],
    ['to ourselves', rig.text(String(rig.sandbox.graph.config()['displayPhoneNumber'])), 131021, 400],
    [
      'unknown user id',
      { messaging_product: 'whatsapp', recipient: 'US.0000000000', type: 'text', text: { body: 'x' } },
      131009,
      400
    ],
    ['identity hash', rig.text(to, { recipient_identity_key_hash: 'nope' }), 137000, 400],
    ['template missing', template('order_confirmation', bodyText('a', 'b'), 'en_GB'), 132001, 404],
    ['template rejected', template('rejected_promo', bodyText('a'), 'pt_BR'), 132001, 404],
    ['template paused', template('paused_promo'), 132015, 400],
    ['template disabled', template('disabled_promo'), 132016, 400],
    ['too few parameters', template('order_confirmation', bodyText('a')), 132000, 400],
    ['too many parameters', template('hello_world', bodyText('a')), 132000, 400],
    [
      'header of the wrong kind',
      template('promo_image', [{ type: 'header', parameters: [{ type: 'text', text: 'x' }] }, ...bodyText('a')]),
      132012,
      400
    ],
    ['no header', template('promo_image', bodyText('a')), 132012, 400],
    ['line break in a parameter', template('order_confirmation', bodyText('a\nb', 'c')), 132018, 400],
    ['hydrated too long', template('order_confirmation', bodyText('a'.repeat(1020), 'b')), 132005, 400],
    ['no button parameter', template('rastreio_pedido', bodyText('a', 'b'), 'pt_BR'), 131008, 400],
    [
      'wrong parameter name',
      template('welcome_offer', [
        {
          type: 'body',
          parameters: [
            { type: 'text', parameter_name: 'nope', text: 'a' },
            { type: 'text', parameter_name: 'discount_code', text: 'b' }
          ]
        }
      ]),
      100,
      400
    ]
  ]
  for (const [what, body, code, status] of cases) {
    const answer = await rig.send(body)
    t.equal(answer.json.error?.code, code, `${what}: ${answer.text}`)
    t.equal(answer.status, status, what)
    t.match(answer.json.error, { message: String, type: String, fbtrace_id: String }, what)
  }
  t.same(rig.sandbox.ledger.list({ name: 'sent' }), [], 'nothing went out')
  const details = (await rig.send(template('order_confirmation', bodyText('a')))).json
  t.same(details.error.error_data, readFixture('error-132000-param-count').body.error.error_data)
  const otp = template('verification_code', [
    ...bodyText('123456'),
    { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: '123456' }] }
  ])
  const mara = (rig.sandbox.graph.config()['customers'] as Any[]).find(one => one.id === 'mara')
  t.equal((await rig.send({ ...otp, to: undefined, recipient: mara.userId })).json.error.code, 131062)
})

t.test('tokens: wrong, expired, without permission, wrong proof', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const { phoneNumberId, token } = rig.whatsapp()
  const wrong = await rig.call('GET', `/${phoneNumberId}`, undefined, { authorization: 'Bearer nope' })
  t.equal(wrong.status, 401)
  t.same(shapeOf(wrong.json), shapeOf(readFixture('error-190-token-invalid').body))
  rig.sandbox.graph.configure({ token: 'expired' })
  const expired = await rig.send(rig.text('+34611000101'))
  t.equal(expired.status, 401)
  t.same(shapeOf(expired.json), shapeOf(readFixture('error-190-token-expired').body))
  rig.sandbox.graph.configure({ token: 'no_permission' })
  t.equal((await rig.send(rig.text('+34611000101'))).json.error.code, 200)
  rig.sandbox.graph.configure({ token: 'valid' })
  t.equal((await rig.call('GET', `/${phoneNumberId}?appsecret_proof=00`)).json.error.code, 100)
  t.equal(
    (await rig.call('GET', `/${phoneNumberId}?access_token=${token}`, undefined, { authorization: '' })).status,
    200
  )
})

t.test('what a phone out of reach cannot take is delivered when it is back', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ text: 'x' })
  const { graph } = rig.sandbox
  const phone = (state: 'on' | 'off') => graph.configure({ customers: [{ id: '34611000101', phone: state }] })
  phone('off')
  const { id } = (await rig.send(rig.text('+34611000101'))).json.messages[0]
  const told = () =>
    rig.receiver
      .statuses()
      .filter(one => one.id === id)
      .map(one => one.status)
  await rig.receiver.until(() => told().length === 1, 'sent')
  phone('off')
  await new Promise(resolve => setTimeout(resolve, 100))
  t.same(told(), ['sent'], 'it waits')
  phone('on')
  await rig.receiver.until(() => told().length === 3, 'delivered and read')
  t.same(told(), ['sent', 'delivered', 'read'])
})

t.test('statuses rise in order, carry callback and pricing, and differ by customer', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ text: 'x' })
  await rig.say({ customer: 'noor', text: 'x' })
  const withTicks = (await rig.send(rig.text('+34611000101', { biz_opaque_callback_data: 'attempt-1' }))).json
    .messages[0].id
  const without = (await rig.send(rig.text('+4915550000107'))).json.messages[0].id
  const of = (wamid: string) => rig.receiver.statuses().filter(one => one.id === wamid)
  await rig.receiver.until(() => of(withTicks).length === 3 && of(without).length === 2, 'five statuses')
  t.same(
    of(withTicks).map(one => one.status),
    ['sent', 'delivered', 'read']
  )
  t.same(
    of(without).map(one => one.status),
    ['sent', 'delivered'],
    'read receipts off'
  )
  t.ok(of(withTicks).every(one => one.biz_opaque_callback_data === 'attempt-1'))
  t.same(
    of(withTicks)[0].pricing,
    readFixture('status-sent-service-free').entry[0].changes[0].value.statuses[0].pricing
  )
  t.equal(of(withTicks)[2].pricing, undefined)
  const value = rig.receiver.received.find(
    one => one.body.entry[0].changes[0].value.statuses?.[0]?.status === 'read'
  )!.body
  t.same(shapeOf(value, ['biz_opaque_callback_data']), shapeOf(readFixture('status-read')))

  const { mime, bytes } = getSample('ogg')!
  const voice = (await rig.upload(mime, bytes)).json.id
  const played = (
    await rig.send({
      messaging_product: 'whatsapp',
      to: '+34611000101',
      type: 'audio',
      audio: { id: voice, voice: true }
    })
  ).json.messages[0].id
  await rig.receiver.until(() => of(played).length === 4, 'played')
  t.equal(of(played)[3].status, 'played')
})

t.test('a closed window, a late error and an error by choice come as failed statuses', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const failedOf = async (wamid: string) => {
    await rig.receiver.until(() => rig.receiver.statuses().some(one => one.id === wamid), 'a status')
    return rig.receiver.received.find(one => one.body.entry[0].changes[0].value.statuses?.[0].id === wamid)!.body
  }
  const closed = await rig.send(rig.text('+34611000101'))
  t.equal(closed.status, 200)
  const told = await failedOf(closed.json.messages[0].id)
  t.same(shapeOf(told), shapeOf(readFixture('status-failed-131047')))
  t.same(
    told.entry[0].changes[0].value.statuses[0].errors,
    readFixture('status-failed-131047').entry[0].changes[0].value.statuses[0].errors
  )

  await rig.say({ text: 'opens' })
  rig.sandbox.graph.configure({ failNext: { code: 131049, as: 'status' } })
  const chosen = await failedOf((await rig.send(rig.text('+34611000101'))).json.messages[0].id)
  t.equal(chosen.entry[0].changes[0].value.statuses[0].errors[0].code, 131049)
  rig.sandbox.graph.configure({ failNext: [{ code: 131048, as: 'sync' }] })
  t.equal((await rig.send(rig.text('+34611000101'))).json.error.code, 131048)
  t.equal((await rig.send(rig.text('+34611000101'))).status, 200, 'only the next one')

  rig.sandbox.clock.jump(25 * 3_600_000)
  rig.sandbox.graph.configure({ windowAs: 'sync' })
  const sync = await rig.send(rig.text('+34611000101'))
  t.same([sync.status, sync.json.error.code], [400, 131047])
  t.same(sync.json.error.error_data, readFixture('error-131047-window-closed').body.error.error_data)
  await rig.say({ type: 'call' })
  t.equal((await rig.send(rig.text('+34611000101'))).status, 200, 'a call opens the window')

  const png = (await rig.upload('image/png', getSample('png')!.bytes)).json.id
  const wrongKind = await rig.send({
    messaging_product: 'whatsapp',
    to: '+34611000101',
    type: 'audio',
    audio: { id: png }
  })
  t.equal((await failedOf(wrongKind.json.messages[0].id)).entry[0].changes[0].value.statuses[0].errors[0].code, 131053)
})

t.test('the pair limit lends 45 and the number has 80 a second', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ text: 'x' })
  rig.sandbox.graph.configure({ statuses: 'manual', pairLimit: 'on' })
  const codes: (number | undefined)[] = []
  for (let i = 0; i < 47; i++) codes.push((await rig.send(rig.text('+34611000101'))).json.error?.code)
  t.same(codes.slice(0, 45), Array(45).fill(undefined))
  t.same(codes.slice(46), [131056])
  rig.sandbox.clock.jump(6000)
  t.equal((await rig.send(rig.text('+34611000101'))).status, 200, 'one more after 6 s')

  rig.sandbox.graph.configure({ pairLimit: 'off', throughput: 'STANDARD' })
  // A second that nothing has been sent in yet.
  rig.sandbox.clock.jump(2000)
  const many = await Promise.all(
    Array.from({ length: 300 }, (_, i) => rig.send(rig.text(`+4477009${String(10000 + i)}`)))
  )
  t.ok(many.filter(one => one.json.error?.code === 130429).length >= 60, 'the second is full')
  t.ok(many.filter(one => one.status === 200).length >= 80)
})

t.test('reading, typing, reacting and quoting show on the phone', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const first = await rig.say({ text: 'one' })
  const second = await rig.say({ text: 'two' })
  const third = await rig.say({ text: 'three' })
  const chat = () => rig.sandbox.graph.view().customers.find(one => one.id === 'lucia')!.chats[0]!
  t.same(
    chat().messages.map(one => one.ticks),
    ['grey', 'grey', 'grey']
  )
  const mark = {
    messaging_product: 'whatsapp',
    status: 'read',
    message_id: second.wamid,
    typing_indicator: { type: 'text' }
  }
  t.same((await rig.send(mark)).json, { success: true })
  t.same(
    chat().messages.map(one => one.ticks),
    ['blue', 'blue', 'grey'],
    'earlier ones too'
  )
  t.equal(chat().businessTyping, true)
  await rig.send({
    messaging_product: 'whatsapp',
    to: '+34611000101',
    type: 'reaction',
    reaction: { message_id: first.wamid, emoji: '👍' }
  })
  t.same(chat().messages[0]!.reactions, [{ from: 'business', emoji: '👍' }])
  const reply = await rig.send(rig.text('+34611000101', { context: { message_id: third.wamid } }))
  t.equal(chat().businessTyping, false, 'a message ends the typing')
  t.match(chat().messages.at(-1), { from: 'business', text: 'Hello', context: third.wamid })
  const wamid = reply.json.messages[0].id
  await rig.receiver.until(() => chat().messages.at(-1)!.status === 'read', 'read')
  await rig.say({ type: 'reaction', context: wamid, emoji: '❤️' })
  t.same(chat().messages.at(-1)!.reactions, [{ from: 'customer', emoji: '❤️' }])
  await rig.say({ type: 'edit', context: first.wamid, text: 'one!' })
  await rig.say({ type: 'revoke', context: second.wamid })
  t.match(chat().messages.slice(0, 2), [
    { text: 'one!', edited: true },
    { text: '', deleted: true }
  ])
})
