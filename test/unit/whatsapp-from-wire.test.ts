/** What every recorded message, status, call, group event and piece of news means. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { readFact } from '../../adapters/whatsapp-cloud/from-wire.ts'
import { readFailures } from '../../adapters/whatsapp-cloud/from-wire-status.ts'

const read = (name: string) => readFact(readFileSync(new URL(`../fixtures/whatsapp/${name}.json`, import.meta.url)))
const message = (name: string) => {
  const fact = read(name)
  if (fact.kind !== 'message' && fact.kind !== 'echo') throw new Error(`${name} is ${fact.kind}`)
  return fact.message
}
const status = (name: string) => {
  const fact = read(name)
  if (fact.kind !== 'status') throw new Error(`${name} is ${fact.kind}`)
  return fact.status
}
/** A message made up for one test. */
const say = (own: object, value: object = {}) => {
  const messages = [{ id: 'wamid.1', from: '15550100301', timestamp: '1793880000', ...own }]
  const fact = readFact({ entry: [{ id: '1', changes: [{ field: 'messages', value: { ...value, messages } }] }] })
  if (fact.kind !== 'message') throw new Error(fact.kind)
  return fact.message
}

const MARA = { userId: 'US.8t3Qk1Zp0Lx7Va2Nd5Rw', waId: '15550100301', name: 'Mara Ibsen' }
const SENT = 'wamid.HBgLMTU1NTAxMDAzMDEVAgARGBJPVVQwMDAwMDAwMDAwMDAwMDE='
const HEARD = 'wamid.HBgLMTU1NTAxMDAzMDEVAgASGBRJTjAwMDAwMDAwMDAwMDAwMDAwMQ=='
const SHA = 'abc3349f4a57f66f27e64ab4655436cb4d2ce261384fbadb26de9d53d7f65c3d'
const hex = Buffer.from('q8M0n3pX9m8n5kq0ZVQ2yY0s4mE4r7bJ1t6dU2fLw3A=', 'base64').toString('hex')

/** Fixture → content, each compared whole. */
const CONTENTS: Record<string, unknown> = {
  'inbound-text': { kind: 'text', body: 'Where is my order? éß 😀 https://example.org/a?b=1&c=<d>' },
  'inbound-text-bsuid-only': { kind: 'text', body: 'Hi, I use a username' },
  'inbound-text-conversation-context': { kind: 'text', body: 'I want a person' },
  'inbound-location-place': {
    kind: 'location',
    latitude: 37.442215,
    longitude: -122.161659,
    name: 'Example Cafe',
    address: '1 Example Street, Springfield',
    url: 'https://example.org/cafe'
  },
  'inbound-location-pin': { kind: 'location', latitude: 12.25089, longitude: 43.90539 },
  'inbound-interactive-button-reply': { kind: 'choice', via: 'button', title: 'Cancel', id: 'cancel-button' },
  'inbound-interactive-list-reply': {
    kind: 'choice',
    via: 'list',
    title: 'Priority Express',
    id: 'priority_express',
    description: 'Next day'
  },
  'inbound-interactive-list-reply-no-description': { kind: 'choice', via: 'list', title: 'Standard', id: 'row-2' },
  'inbound-button': { kind: 'choice', via: 'template', title: 'Unsubscribe', id: 'STOP_PROMO' },
  'inbound-button-otp-not-requested': {
    kind: 'choice',
    via: 'template',
    title: "I didn't request a code",
    id: 'DID_NOT_REQUEST_CODE'
  },
  'inbound-interactive-nfm-reply-flow': {
    kind: 'form',
    name: 'flow',
    body: 'Sent',
    answers: { flow_token: 'ft-0001', rating: '4', comment: 'ok' }
  },
  'inbound-interactive-call-permission-reject': { kind: 'call_permission', accepted: false },
  'inbound-interactive-product': { kind: 'unknown', type: 'interactive/product' },
  'inbound-reaction-remove': { kind: 'reaction', target: SENT, emoji: null },
  'inbound-reaction-remove-empty': { kind: 'reaction', target: SENT, emoji: null },
  'inbound-order': {
    kind: 'order',
    catalogId: '700000000000001',
    text: 'Love these!',
    lines: [
      { productId: 'sku-001', quantity: 2, price: 30, currency: 'USD' },
      { productId: 'sku-002', quantity: 1, price: 7.99, currency: 'USD' }
    ]
  },
  'inbound-edit-text': { kind: 'edit', target: HEARD, content: { kind: 'text', body: 'Corrected text' } },
  'inbound-revoke': { kind: 'revoke', target: HEARD },
  'inbound-system-identity-changed': { kind: 'identity_changed', body: 'User identity changed' },
  'inbound-system-user-changed-user-id': {
    kind: 'number_changed',
    body: 'User changed their user ID',
    from: { waId: '15550100301' },
    to: { userId: 'US.2b7Xf4Kc9Qm1Sv6Ea3Td', parentUserId: 'US.ENT.9q1Zr5Lw8Px3Vk7Nb2Yc', waId: '15550100301' }
  },
  'inbound-system-user-changed-user-id-no-phone': {
    kind: 'number_changed',
    body: 'User changed their user ID',
    from: { userId: 'US.8t3Qk1Zp0Lx7Va2Nd5Rw', parentUserId: 'US.ENT.4k9Yb6Hs2Jm8Tc1Ge7Uf' },
    to: { userId: 'US.2b7Xf4Kc9Qm1Sv6Ea3Td', parentUserId: 'US.ENT.9q1Zr5Lw8Px3Vk7Nb2Yc' }
  },
  'inbound-request-welcome-removed': { kind: 'system', type: 'request_welcome' },
  'unknown-message-type': { kind: 'unknown', type: 'poll' },
  'smb-message-echoes-text': { kind: 'text', body: 'Sent from the phone app' },
  'smb-message-echoes-edit': { kind: 'edit', target: SENT, content: { kind: 'text', body: 'Text was edited' } },
  'smb-message-echoes-revoke': { kind: 'revoke', target: SENT },
  'message-echoes': { kind: 'text', body: 'sent by another app' },
  'standby-message': { kind: 'text', body: 'hello bot' },
  'standby-echo': { kind: 'text', body: 'Hi from the bot' }
}

for (const [name, content] of Object.entries(CONTENTS)) {
  t.test(`${name} means ${(content as { kind: string }).kind}`, async t => t.strictSame(message(name).content, content))
}

t.test('S66 S67 S68 S69 S71: images, videos, voice, files and stickers keep what Meta tells about them', async t => {
  const media = (name: string) => message(name).content
  const url = (id: string) =>
    `https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=${id}&source=webhook&ext=1793880300&hash=EXAMPLEHASH`
  const fact = (id: string, mimeType: string) => ({ id, mimeType, sha256: hex, url: url(id) })
  t.strictSame(media('inbound-image'), {
    kind: 'media',
    type: 'image',
    media: { ...fact('600000000000002', 'image/jpeg'), caption: 'Broken item' }
  })
  t.strictSame(media('inbound-image-no-url-no-caption'), {
    kind: 'media',
    type: 'image',
    media: { id: '600000000000003', mimeType: 'image/png', sha256: hex }
  })
  t.match(media('inbound-video'), { type: 'video', media: { mimeType: 'video/mp4', caption: 'See this' } })
  t.match(media('inbound-document'), { type: 'document', media: { filename: 'receipt.pdf', caption: 'my receipt' } })
  t.notOk(Object.hasOwn((media('inbound-audio-file') as { media: object }).media, 'voice'))
  t.match(say({ type: 'audio', audio: { id: '1', mime_type: 'audio/ogg; codecs=opus', voice: true } }).content, {
    type: 'audio',
    media: { voice: true, mimeType: 'audio/ogg; codecs=opus' }
  })
  t.match(media('inbound-sticker-animated'), { type: 'sticker', media: { animated: true } })
  t.notOk(Object.hasOwn((media('inbound-sticker-static') as { media: object }).media, 'animated'))
  t.match(say({ type: 'video', video: { id: '1', mime_type: 'video/mp4', gif: true } }).content, {
    media: { gif: true }
  })
  t.match(message('inbound-edit-image').content, {
    kind: 'edit',
    content: { kind: 'media', type: 'image', media: { caption: 'New caption' } }
  })
  t.match(message('smb-message-echoes-image').content, { kind: 'media', type: 'image', media: { caption: 'photo' } })
})

t.test('sha256 comes in base64 or hex, and both become lower-case hex', async t => {
  const sha = (sha256: unknown) =>
    (
      say({ type: 'image', image: { id: '1', mime_type: 'image/png', sha256 } }).content as {
        media: { sha256?: string }
      }
    ).media.sha256
  t.equal(sha(Buffer.from(SHA, 'hex').toString('base64')), SHA)
  t.equal(sha(SHA.toUpperCase()), SHA)
  for (const bad of ['', 'PHOTOHASH=', 5, null, 'z'.repeat(64)]) t.equal(sha(bad), undefined)
})

t.test('S72: shared contacts keep every phone, and say when a number was asked for', async t => {
  t.strictSame(message('inbound-contacts').content, {
    kind: 'contacts',
    cards: [
      {
        name: 'Dr. Barbara J. Johnson Jr.',
        organisation: 'Example Ltd',
        phones: [{ number: '+1 (555) 010-0444', type: 'MOBILE', waId: '15550100444' }],
        emails: [{ address: 'barb@example.org', type: 'WORK' }],
        addresses: ['1 Example Street, 90000 Springfield, CA, United States'],
        urls: ['https://example.org'],
        birthday: '1990-01-23'
      },
      { name: 'Monica', phones: [{ number: '+1 555 010 0445', type: 'HOME' }], emails: [], addresses: [], urls: [] }
    ]
  })
  t.match(message('inbound-contacts-request-share').content, {
    cards: [{ name: 'Mara Ibsen', origin: 'contact_request' }]
  })
})

t.test('S87 S91: what WhatsApp does not deliver says what it was', async t => {
  for (const subtype of [
    'poll-creation',
    'poll-update',
    'list',
    'link-preview',
    'pin',
    'keep-in-chat',
    'gif',
    'group-invite',
    'media-placeholder'
  ]) {
    t.match(message(`inbound-unsupported-${subtype}`).content, {
      kind: 'unsupported',
      subtype: subtype.replaceAll('-', '_'),
      failures: [{ code: 131051, details: 'Message type is currently not supported.' }]
    })
  }
  const plain = message('inbound-unsupported').content
  t.match(plain, { kind: 'unsupported', failures: [{ code: 131051 }] })
  t.notOk('subtype' in plain)
  t.match(message('inbound-unsupported-media-too-large').content, { failures: [{ code: 131052 }] })
  t.match(message('inbound-interactive-empty-131000'), {
    quoted: { wamid: SENT },
    content: { kind: 'unsupported', subtype: 'interactive' },
    failures: [{ code: 131000, details: 'Unsupported webhook payload' }]
  })
})

t.test('around the content: author, time, quote, forwarding, group, ad', async t => {
  t.match(message('inbound-text'), { at: new Date(1793880000_000), customer: MARA })
  t.match(message('inbound-text-bsuid-only').customer, { userId: MARA.userId, username: 'mara.ibsen' })
  t.equal(message('inbound-text-frequently-forwarded').forwarded, 'often')
  t.equal(say({ type: 'text', text: { body: 'x' }, context: { forwarded: true } }).forwarded, 'once')
  t.match(message('inbound-text-group').groupId, /^Y2Fw/)
  t.strictSame(message('inbound-text-referral-ctwa').referral, {
    sourceUrl: 'https://fb.me/EXAMPLE1',
    sourceId: '120200000000000001',
    sourceType: 'ad',
    headline: 'Chat with us',
    body: 'Spring catalogue is here',
    imageUrl: 'https://scontent.xx.fbcdn.net/v/example.jpg',
    clickId: 'ARAexampleclickid0001',
    welcomeText: 'Hi! How can we help?',
    mediaType: 'image'
  })
  t.match(message('inbound-image-referral-video-ad').referral, {
    mediaType: 'video',
    imageUrl: 'https://scontent.xx.fbcdn.net/v/thumb.jpg'
  })
  const product = { from: '1', id: 'wamid.q', referred_product: { catalog_id: 'c', product_retailer_id: 'p' } }
  t.strictSame(say({ type: 'text', text: { body: 'x' }, context: product }).quoted, {
    wamid: 'wamid.q',
    product: { catalogId: 'c', productId: 'p' }
  })
  t.equal(message('inbound-system-identity-changed').customer.identityHash, 'DF2lS5v2W6x=')
  t.equal(message('standby-message').standby, true)
  t.equal(message('standby-echo').standby, true)
  t.notOk('standby' in message('inbound-text'))
})

t.test('a number change names the old and the new one', async t => {
  const system = {
    type: 'user_changed_number',
    body: 'Mara changed',
    wa_id: '15550100999',
    user_id: 'US.new000000',
    previous_user_id: 'US.old000000'
  }
  t.strictSame(say({ type: 'system', system }).content, {
    kind: 'number_changed',
    body: 'Mara changed',
    from: { userId: 'US.old000000', waId: '15550100301' },
    to: { userId: 'US.new000000', waId: '15550100999' }
  })
  t.match(
    say({ type: 'system', from_user_id: 'US.new000000', system: { ...system, previous_user_id: undefined } }).content,
    {
      from: { userId: undefined, waId: '15550100301' }
    }
  )
  t.strictSame(say({ type: 'system', system: { type: 'group_renamed', body: 'x' } }).content, {
    kind: 'system',
    type: 'group_renamed',
    body: 'x'
  })
})

t.test('forms: the answer is a string of JSON, and may be anything', async t => {
  const form = (response_json: unknown) =>
    say({
      type: 'interactive',
      interactive: { type: 'nfm_reply', nfm_reply: { name: 'address_message', response_json } }
    }).content
  t.strictSame(form('{"a":1}'), { kind: 'form', name: 'address_message', answers: { a: 1 } })
  t.strictSame(form('not json'), { kind: 'form', name: 'address_message', answers: {}, raw: 'not json' })
  t.strictSame(form('[1]'), { kind: 'form', name: 'address_message', answers: {}, raw: '[1]' })
  t.strictSame(form('{"__proto__":{"x":1},"b":2}'), { kind: 'form', name: 'address_message', answers: { b: 2 } })
  t.strictSame(form(undefined), { kind: 'form', name: 'address_message', answers: {} })
})

t.test('calls may be permitted for a time', async t => {
  const reply = {
    response: 'accept',
    is_permanent: false,
    expiration_timestamp: 1793890000,
    response_source: 'automatic'
  }
  t.strictSame(
    say({ type: 'interactive', interactive: { type: 'call_permission_reply', call_permission_reply: reply } }).content,
    {
      kind: 'call_permission',
      accepted: true,
      permanent: false,
      expiresAt: new Date(1793890000_000),
      automatic: true
    }
  )
})

t.test('a message without its content is unknown by its type, or unsupported when Meta gives a reason', async t => {
  t.strictSame(say({ type: 'text' }).content, { kind: 'unknown', type: 'text' })
  t.strictSame(say({ type: 'text', text: { body: '' } }).content, { kind: 'unknown', type: 'text' })
  t.strictSame(say({ type: 'image', image: {} }).content, { kind: 'unknown', type: 'image' })
  t.strictSame(say({}).content, { kind: 'unknown', type: 'none' })
  t.strictSame(say({ text: { body: 'typeless' } }).content, { kind: 'text', body: 'typeless' })
  t.match(say({ type: 'hologram', errors: [{ code: 131051 }] }).content, { kind: 'unsupported', subtype: 'hologram' })
  t.match(say({ type: 'unknown', errors: [{ code: 131051 }] }).content, { kind: 'unsupported', subtype: undefined })
  const edit = { original_message_id: 'wamid.a', message: { type: 'text', text: { body: 'deep' } } }
  t.strictSame(
    say({ type: 'edit', edit: { original_message_id: 'wamid.b', message: { type: 'edit', edit } } }).content,
    {
      kind: 'edit',
      target: 'wamid.b',
      content: { kind: 'unknown', type: 'edit' }
    }
  )
})

t.test('S79: statuses carry name, time, recipient, our reference, price and failure', async t => {
  t.strictSame(status('status-sent-callback-data'), {
    wamid: SENT,
    status: 'sent',
    at: new Date(1793880000_000),
    recipient: MARA,
    reference: 'cw:conv=42;msg=1007',
    pricing: { billable: false, model: 'PMP', type: 'free_customer_service', category: 'service' }
  })
  for (const name of ['sent-service-free', 'delivered', 'read', 'played', 'failed-131026'] as const) {
    t.equal(status(`status-${name}`).status, name.split('-')[0])
  }
  t.match(status('status-failed-131047'), {
    recipient: { waId: MARA.waId },
    failure: { code: 131047, details: /24 hours/ }
  })
  t.match(status('status-delivered-bsuid-only').recipient, { userId: MARA.userId })
  t.match(status('status-delivered-parent-bsuid').recipient, {
    parentUserId: 'US.ENT.4k9Yb6Hs2Jm8Tc1Ge7Uf',
    username: 'mara.ibsen'
  })
  t.match(status('status-sent-free-entry-point').conversation, {
    id: '9ac3e4f0b1d24c8e9e21f0a1b2c3d4e5',
    expiresAt: new Date(1794139200_000),
    origin: 'referral_conversion'
  })
  t.match(status('status-sent-identity-hash').recipient.identityHash, /./)
  t.match(status('status-group-delivered-aggregated'), {
    groupId: /^Y2Fw/,
    participant: '15550100301',
    pricing: { category: 'group_utility' }
  })
  t.equal(status('status-group-delivered-alt-key').participant, '15550100301')
  const odd = readFact({
    entry: [
      { id: '1', changes: [{ field: 'messages', value: { statuses: [{ id: 'wamid.1', status: 'teleported' }] } }] }
    ]
  })
  t.match(odd, { kind: 'status', status: { status: 'other', recipient: {}, at: new Date(0) } })
})

t.test('calls say who called whom, what happened and how long', async t => {
  t.match(read('calls-connect-user-initiated'), { call: { customer: MARA, event: 'connect', direction: 'customer' } })
  t.match(read('calls-terminate'), {
    call: { customer: MARA, event: 'terminate', status: 'completed', durationSeconds: 120 }
  })
  t.match(read('calls-terminate-error'), { call: { customer: MARA, direction: 'business', status: 'failed' } })
  t.match(read('calls-status'), { call: { customer: MARA, event: 'ringing', direction: 'business' } })
})

t.test('group events name the people and the subject', async t => {
  t.match(read('group-lifecycle-create'), { group: { type: 'group_create', subject: 'Order 42', participants: [] } })
  t.match(read('group-participants-add'), {
    group: { type: 'group_participants_add', participants: [{ waId: MARA.waId, userId: MARA.userId }] }
  })
  const removed = read('group-participants-remove-by-business')
  t.match(removed, { group: { participants: [{ waId: '15550100301' }] } })
  t.equal(removed.kind === 'group' && removed.group.participants.length, 1, 'not the one where it failed')
  t.match(read('group-participants-join-request-created'), {
    group: {
      type: 'group_join_request_created',
      at: new Date(1793880000_000),
      participants: [{ username: 'mara.ibsen' }]
    }
  })
  t.match(read('group-settings-update'), { group: { subject: 'New subject' } })
})

t.test('preferences, news, history and notices', async t => {
  t.strictSame(read('user-preferences-stop'), {
    kind: 'preference',
    customer: MARA,
    category: 'marketing_messages',
    value: 'stop',
    at: new Date(1793880000_000)
  })
  const events: Record<string, [string, string]> = {
    'template-quality-update-doc-field': ['message_template_quality_update', 'YELLOW'],
    'template-status-paused': ['message_template_status_update', 'PAUSED'],
    'template-category-update-completed': ['template_category_update', 'MARKETING'],
    'account-review-update-approved': ['account_review_update', 'APPROVED'],
    'account-alerts-profile-picture-lost': ['account_alerts', 'PROFILE_PICTURE_LOST'],
    'business-username-updates-approved': ['business_username_updates', 'approved'],
    'security-pin-changed': ['security', 'PIN_CHANGED'],
    'account-update-partner-added': ['account_update', 'PARTNER_ADDED']
  }
  for (const [name, [field, event]] of Object.entries(events))
    t.strictSame(read(name), { kind: 'management', field, event }, name)
  t.strictSame(read('history-threads-bsuid'), { kind: 'history', messages: 2 })
  t.strictSame(read('history-media'), { kind: 'history', messages: 1 })
  t.match(read('history-declined'), { kind: 'notice', field: 'history', failures: [{ code: 2593109 }] })
  t.match(read('inbound-value-errors'), {
    kind: 'notice',
    field: 'messages',
    failures: [{ code: 130429, title: 'Rate limit hit' }]
  })
  t.match(read('inbound-user-actions-link-click'), { kind: 'notice', field: 'user_actions' })
  t.match(read('messaging-handovers-taken'), { kind: 'notice', field: 'messaging_handovers' })
  t.match(read('unknown-field'), { kind: 'unknown', field: 'some_future_field' })
})

t.test('bytes that are no JSON are unknown; a byte order mark does no harm', async t => {
  t.strictSame(readFact(Buffer.from('<html>')), { kind: 'unknown', field: '' })
  const raw = readFileSync(new URL('../fixtures/whatsapp/inbound-text.json', import.meta.url))
  t.equal(readFact(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), raw])).kind, 'message')
})

t.test('property: any message of any type with any content is a message, with content that can be shown', async t => {
  const types = [
    'text',
    'image',
    'location',
    'contacts',
    'interactive',
    'button',
    'reaction',
    'order',
    'system',
    'edit',
    'revoke',
    'unsupported',
    'x'
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.jsonValue(),
      fc.jsonValue(),
      fc.jsonValue(),
      (type, body, errors, context) => {
        const heard = say({ type, [type]: body, errors, context, referral: body, from: body })
        return typeof heard.content.kind === 'string' && (heard.content.kind !== 'text' || heard.content.body !== '')
      }
    ),
    { numRuns: 2000 }
  )
  fc.assert(fc.property(fc.jsonValue(), errors => readFailures(errors).every(failure => Number.isFinite(failure.code))))
  t.pass()
})
