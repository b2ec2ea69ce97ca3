import { createHmac } from 'node:crypto'
import t from 'tap'
import { serialiseAsMeta, signHeaders } from '../../adapters/sandbox/graph/serialise.ts'
import { type Any, openRig, readFixture, shapeOf } from './sandbox-graph-rig.ts'

t.test('the signature vectors: serialisation and HMAC are Meta’s', async t => {
  const { app_secret, vectors } = readFixture('signature-test-vectors')
  const [escaped, plain] = vectors
  const object = JSON.parse(escaped.raw_body)
  t.equal(serialiseAsMeta(object), escaped.raw_body, 'escaped unicode and slashes')
  t.equal(JSON.stringify(object), plain.raw_body)
  for (const vector of vectors) {
    t.equal(signHeaders(Buffer.from(vector.raw_body), app_secret)['x-hub-signature-256'], vector.x_hub_signature_256)
  }
})

t.test('the handshake decides whether a callback is taken', async t => {
  const rig = await openRig({ connected: false })
  t.teardown(rig.close)
  const { wabaId, appId, phoneNumberId, verifyToken, appSecret } = rig.whatsapp()
  const wrong = await rig.call('POST', `/${wabaId}/subscribed_apps`, {
    override_callback_uri: rig.receiver.url,
    verify_token: 'no'
  })
  t.equal(wrong.status, 400)
  t.equal(wrong.json.error.code, 2200)
  t.same((await rig.call('GET', `/${wabaId}/subscribed_apps`)).json, { data: [] }, 'nothing was subscribed')
  t.same((await rig.say({ text: 'into the void' })).deliveries, [], 'without a subscription nothing is sent')

  const app = await rig.call(
    'POST',
    `/${appId}/subscriptions?access_token=${encodeURIComponent(`${appId}|${appSecret}`)}`,
    {
      object: 'whatsapp_business_account',
      callback_url: rig.receiver.url,
      verify_token: verifyToken,
      fields: ['messages']
    },
    { authorization: '' }
  )
  t.equal(app.status, 200, app.text)
  t.same((await rig.say({ text: 'still' })).deliveries, [], 'the account must be subscribed too')
  await rig.call('POST', `/${wabaId}/subscribed_apps`)
  t.same((await rig.say({ text: 'now' })).deliveries, [{ status: 200 }])

  const other = await rig.call('POST', `/${phoneNumberId}`, {
    webhook_configuration: { override_callback_uri: `${rig.receiver.url}/number`, verify_token: verifyToken }
  })
  t.same(other.json, { success: true })
  const read = await rig.call('GET', `/${phoneNumberId}?fields=webhook_configuration`)
  t.same(read.json, {
    webhook_configuration: { phone_number: `${rig.receiver.url}/number`, application: rig.receiver.url },
    id: phoneNumberId
  })
})

t.test('a webhook is signed over its exact bytes and carries the clock offset', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  rig.sandbox.clock.jump(3_600_000)
  await rig.say({ text: 'ñ 😀 https://example.org/a' })
  const got = rig.receiver.received[0]!
  const digest = (kind: string) => createHmac(kind, rig.whatsapp().appSecret).update(got.raw).digest('hex')
  t.equal(got.headers['x-hub-signature-256'], `sha256=${digest('sha256')}`)
  t.equal(got.headers['x-hub-signature'], `sha1=${digest('sha1')}`)
  t.equal(got.headers['x-puente-sandbox-offset-ms'], '3600000')
  t.notMatch(got.raw, /[^\x20-\x7e]/, 'nothing but ASCII on the wire')
  t.ok(got.raw.includes('\\u00f1 \\ud83d\\ude00 https:\\/\\/example.org\\/a'))
  t.ok(Math.abs(Number(got.body.entry[0].changes[0].value.messages[0].timestamp) - Date.now() / 1000 - 3600) < 5)

  rig.sandbox.graph.configure({ encoding: 'plain' })
  await rig.say({ text: 'ñ' })
  t.ok(rig.receiver.received[1]!.raw.includes('ñ'))
})

const SAMPLE_MEDIA = { sample: 'jpeg' }
const CASES: [fixture: string, input: Any, without?: string[]][] = [
  ['inbound-text', { type: 'text', text: 'x' }],
  ['inbound-text-bsuid-only', { customer: 'mara', type: 'text', text: 'x' }],
  ['inbound-text-identity-hash', { type: 'text', text: 'x', withIdentityHash: true }],
  ['inbound-text-frequently-forwarded', { type: 'text', text: 'x', forwarded: 'frequently' }],
  ['inbound-text-referral-ctwa', { type: 'referral', text: 'x' }],
  ['inbound-text-group', { type: 'group', text: 'x' }],
  ['inbound-text-conversation-context', { type: 'text', text: 'x', conversationContext: 'y' }],
  ['inbound-image', { type: 'image', text: 'x' }],
  ['inbound-image-no-url-no-caption', { type: 'image', media: { sample: 'png', noUrl: true } }],
  ['inbound-image-referral-video-ad', { type: 'image', text: 'x', subtype: 'video', referral: true }],
  ['inbound-video', { type: 'video', text: 'x' }],
  ['inbound-audio-file', { type: 'audio' }],
  ['inbound-document', { type: 'document', text: 'x', filename: 'a.pdf' }],
  ['inbound-sticker-static', { type: 'sticker' }],
  ['inbound-sticker-animated', { type: 'sticker_animated' }],
  ['inbound-location-pin', { type: 'location' }],
  ['inbound-location-place', { type: 'location', place: 'a', address: 'b', url: 'https://example.org' }],
  ['inbound-contacts-request-share', { type: 'contact_share', context: 'wamid.X' }],
  ['inbound-interactive-button-reply', { type: 'button_reply', id: 'a', title: 'A', context: 'wamid.X' }],
  ['inbound-interactive-list-reply', { type: 'list_reply', id: 'a', title: 'A', description: 'd', context: 'wamid.X' }],
  ['inbound-interactive-list-reply-no-description', { type: 'list_reply', id: 'a', title: 'A', context: 'wamid.X' }],
  ['inbound-interactive-nfm-reply-flow', { type: 'flow', context: 'wamid.X' }],
  ['inbound-interactive-call-permission-reject', { type: 'call_permission', context: 'wamid.X' }],
  ['inbound-interactive-product', { type: 'product' }],
  ['inbound-interactive-empty-131000', { type: 'interactive_empty', context: 'wamid.X' }],
  ['inbound-button', { type: 'button', text: 'Unsubscribe', payload: 'STOP_PROMO', context: 'wamid.X' }],
  ['inbound-reaction-remove', { type: 'reaction', context: 'wamid.X' }],
  ['inbound-reaction-remove-empty', { type: 'reaction', context: 'wamid.X', emoji: '' }],
  ['inbound-order', { type: 'order', text: 'x' }],
  ['inbound-system-user-changed-user-id', { type: 'user_id_change' }, ['parent_user_id', 'previous_user_id']],
  [
    'inbound-system-user-changed-user-id-no-phone',
    { customer: 'mara', type: 'user_id_change' },
    ['parent_user_id', 'previous_parent_user_id']
  ],
  ['inbound-system-identity-changed', { type: 'identity_change' }],
  ['inbound-request-welcome-removed', { type: 'request_welcome' }],
  ['inbound-unsupported', { type: 'unsupported', subtype: 'none' }],
  ['inbound-unsupported-poll-creation', { type: 'unsupported' }],
  ['inbound-unsupported-gif', { type: 'unsupported', subtype: 'gif' }],
  ['inbound-unsupported-media-too-large', { type: 'media_too_large' }],
  ['inbound-edit-text', { type: 'edit', context: 'wamid.X', text: 'y' }],
  ['inbound-edit-image', { type: 'edit', context: 'wamid.X', text: 'y', media: SAMPLE_MEDIA }],
  ['inbound-revoke', { type: 'revoke', context: 'wamid.X' }],
  ['inbound-user-actions-link-click', { type: 'link_click', id: 'sku-001' }],
  ['unknown-message-type', { type: 'unknown' }],
  ['calls-connect-user-initiated', { type: 'call' }],
  ['calls-terminate', { type: 'call', subtype: 'terminate' }],
  ['smb-message-echoes-text', { type: 'echo', text: 'x' }]
]

t.test('everything that a customer says has the shape of its fixture', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  for (const [fixture, input, without] of CASES) {
    rig.receiver.received.length = 0
    const said = await rig.say(input)
    t.same(said.deliveries, [{ status: 200 }], fixture)
    t.same(shapeOf(rig.receiver.received[0]!.body, without), shapeOf(readFixture(fixture), without), fixture)
  }
  rig.receiver.received.length = 0
  await rig.say({ type: 'contacts' })
  const cards = readFixture('inbound-contacts').entry[0].changes[0].value.messages[0].contacts
  t.same(shapeOf(rig.receiver.received[0]!.body.entry[0].changes[0].value.messages[0].contacts[0]), shapeOf(cards[0]))
})

t.test('a changed number brings new ids, and the customer is found by them', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ text: 'before' })
  await rig.say({ type: 'number_change', phone: '34611999999' })
  await rig.say({ text: 'after' })
  const [before, change, after] = rig.receiver.received.map(one => one.body.entry[0].changes[0].value)
  t.equal(change.contacts, undefined)
  t.equal(change.messages[0].from, before.messages[0].from)
  t.equal(change.messages[0].system.wa_id, '34611999999')
  t.equal(change.messages[0].system.previous_user_id, before.messages[0].from_user_id)
  t.equal(after.messages[0].from, '34611999999')
  t.equal(after.messages[0].from_user_id, change.messages[0].system.user_id)
  t.not(after.messages[0].from_user_id, before.messages[0].from_user_id)
})

t.test('several messages can travel in one webhook', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const messages = Array.from({ length: 7 }, (_, i) => ({ customer: `+4477009002${10 + i}`, text: String(i) }))
  const results = (await rig.sandbox.graph.say({ messages, batch: 5 })) as Any[]
  t.equal(results.length, 7)
  t.same(
    rig.receiver.received.map(one => one.body.entry[0].changes.length),
    [5, 2]
  )
  t.equal(new Set(results.map(one => one.wamid)).size, 7)
})

t.test('what is not answered 200 comes again, the very same, until it is', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  rig.sandbox.graph.configure({ retry: { baseMs: 20 } })
  rig.receiver.state.status = 503
  t.same((await rig.say({ text: 'x' })).deliveries, [{ status: 503 }])
  await rig.receiver.until(() => rig.receiver.received.length >= 4, 'four attempts')
  rig.receiver.state.status = 201
  const before = rig.receiver.received.length
  await rig.receiver.until(() => rig.receiver.received.length > before, 'one more, for only 200 counts')
  rig.receiver.state.status = 200
  await rig.receiver.until(() => rig.sandbox.ledger.list({ what: 'hook' }).at(-1)?.status === 200, 'the last one')
  const count = rig.receiver.received.length
  await new Promise(resolve => setTimeout(resolve, 150))
  t.equal(rig.receiver.received.length, count, 'no more after 200')
  t.equal(new Set(rig.receiver.received.map(one => one.raw)).size, 1)
})
