import fc from 'fast-check'
import t from 'tap'
import {
  placeholderForMedia,
  placeholderForUnrenderable,
  type RenderContext,
  renderInbound
} from '../../plugin/core/inbound/render.ts'
import { addDecimals, multiplyDecimals, readDecimal, writeDecimal } from '../../plugin/core/inbound/render-order.ts'
import type {
  CallFact,
  DeskDraft,
  GroupFact,
  InboundContent,
  InboundFact,
  InboundMessage,
  MediaFact
} from '../../plugin/core/model.ts'

const at = new Date('2026-11-01T10:00:00Z')
const mara = { userId: 'US.1', waId: '15550100301', name: 'Mara Ibsen' }

function message(content: InboundContent, rest: Partial<InboundMessage> = {}): InboundMessage {
  return { wamid: 'wamid.1', at, customer: mara, content, failures: [], ...rest }
}

const keep: RenderContext = { locale: 'en', deletionPolicy: 'keep' }

function rows(content: InboundContent, rest: Partial<InboundMessage> = {}, context: Partial<RenderContext> = {}) {
  return renderInbound({ kind: 'message', message: message(content, rest) }, { ...keep, ...context })
}

function row(content: InboundContent, rest: Partial<InboundMessage> = {}, context: Partial<RenderContext> = {}) {
  const drafts = rows(content, rest, context)
  if (drafts.length !== 1) throw new Error(`one row expected, not ${drafts.length}`)
  return drafts[0]!
}

const echo = (content: InboundContent, context: Partial<RenderContext> = {}): DeskDraft =>
  renderInbound({ kind: 'echo', message: message(content) }, { ...keep, ...context })[0]!

const plain = (shown: string) => shown.replace(/[\u00a0\u202f]/g, ' ')
const media = (rest: Partial<MediaFact> = {}): MediaFact => ({ id: 'm1', mimeType: 'image/jpeg', ...rest })
const known = { quotedText: () => 'Where is my order?' }

t.test("S80: the customer's formatting is translated, and everything else is literal", async t => {
  t.equal(row({ kind: 'text', body: '*bold* and 2*3*4' }).content, '**bold** and 2\\*3\\*4')
  t.equal(row({ kind: 'media', type: 'image', media: media({ caption: '# 1' }) }).content, '\\# 1')
})

t.test('S68: a voice note says that it is one, an audio file does not', async t => {
  const voice = row({ kind: 'media', type: 'audio', media: media({ voice: true }) })
  t.equal(voice.content, '🎤 Voice message')
  t.equal(voice.marker.voice, true)
  const audio = row({ kind: 'media', type: 'audio', media: media() })
  t.equal(audio.content, '')
  t.equal(audio.files.length, 1)
})

t.test('S67: a GIF keeps its mark beside the video', async t => {
  const gif = row({ kind: 'media', type: 'video', media: media({ gif: true, caption: 'haha' }) })
  t.equal(gif.content, '🎞️ GIF\n\nhaha')
  t.equal(gif.marker.gif, true)
})

t.test('S69: a document shows its name, so that search and notifications know it', async t => {
  t.equal(row({ kind: 'media', type: 'document', media: media({ filename: 'a_b*.pdf' }) }).content, '📄 a_b\\*.pdf')
})

t.test('S71: an animated sticker is an image attachment that is marked', async t => {
  const sticker = row({ kind: 'media', type: 'sticker', media: media({ animated: true }) })
  t.match(sticker, { content: '', marker: { media: 'sticker', animated: true } })
})

t.test('S70: an address that is no web address is shown, not linked', async t => {
  const place = row({ kind: 'location', latitude: 1, longitude: 2, name: 'X', url: 'javascript:alert(1)' })
  t.match(place.content, /\njavascript:alert\(1\)$/)
  t.notMatch(place.content, /\]\(javascript/)
})

t.test('S72: a card shows all phones with their labels, and who is on WhatsApp', async t => {
  const { content } = row({
    kind: 'contacts',
    cards: [
      {
        name: 'Ana',
        phones: [
          { number: '+1 555', type: 'WORK' },
          { number: '+1 556', type: 'Boat', waId: '1556' },
          { number: '+1 557' }
        ],
        emails: [],
        addresses: [],
        urls: [],
        birthday: '1990-01-23'
      }
    ]
  })
  t.equal(
    content,
    '👤 **Ana**\n📞 +1 555 \\(work)\n📞 +1 556 \\(boat, on WhatsApp)\n📞 +1 557\n🎂 Birthday: January 23, 1990'
  )
})

t.test('a choice names what it answers when that is known, and threads it', async t => {
  const choice = { kind: 'choice', via: 'button', title: 'Yes' } as const
  const quoted = { quoted: { wamid: 'wamid.0' } }
  t.match(row(choice, quoted, known), { content: '**Yes**\n\n↩️ Answer to: “Where is my order?”', quotes: 'wamid.0' })
  t.match(row(choice, quoted), { content: '**Yes**', quotes: 'wamid.0' })
})

t.test('a text that answers something is threaded without repeating it', async t => {
  const answer = row({ kind: 'text', body: 'here' }, { quoted: { wamid: 'wamid.0' } }, known)
  t.match(answer, { content: 'here', quotes: 'wamid.0' })
})

t.test('forwarded once and often are told apart', async t => {
  t.equal(row({ kind: 'text', body: 'x' }, { forwarded: 'once' }).content, '*↪️ Forwarded*\n\nx')
  t.equal(row({ kind: 'text', body: 'x' }, { forwarded: 'often' }).content, '*↪️↪️ Forwarded many times*\n\nx')
})

t.test('a form is a table: nested answers flattened, keys made readable, hidden keys left out', async t => {
  const { content, marker } = row({
    kind: 'form',
    name: 'flow',
    answers: {
      flow_token: 'secret',
      wa_flow_response_params: { title: 'x' },
      screen_0_Choose_one_0: '0_Yes',
      line_2: 'a|b\nc',
      pets: ['cat', 'dog'],
      terms: true,
      empty: '',
      address: { city: 'Lima', geo: { lat: 1 } },
      kids: [{ name: 'A' }, { name: 'B' }]
    }
  })
  t.strictSame(content.split('\n'), [
    '📋 **Form answers**',
    '',
    '| Question | Answer |',
    '| --- | --- |',
    '| Choose one | 0_Yes |',
    '| Line 2 | a\\|b c |',
    '| Pets | cat and dog |',
    '| Terms | yes |',
    '| Empty | — |',
    '| Address › City | Lima |',
    '| Address › Geo › Lat | 1 |',
    '| Kids 1 › Name | A |',
    '| Kids 2 › Name | B |'
  ])
  t.equal(marker.form, 'flow')
  t.notMatch(JSON.stringify(content), /secret/)
})

t.test('files that were picked in a form become files of the row', async t => {
  const { content, files } = row({
    kind: 'form',
    name: 'flow',
    answers: {
      photos: [{ id: 123, mime_type: 'image/jpeg', sha256: `${'A'.repeat(43)}=`, file_name: 'front.jpg' }],
      contract: { id: '9', mime_type: 'application/pdf', file_name: 'c.pdf' }
    }
  })
  t.match(content, /\| Photos \| front\.jpg \|\n\| Contract \| c\.pdf \|/)
  t.strictSame(files, [
    {
      from: 'channel',
      type: 'image',
      media: { id: '123', mimeType: 'image/jpeg', sha256: '0'.repeat(64), filename: 'front.jpg' }
    },
    { from: 'channel', type: 'document', media: { id: '9', mimeType: 'application/pdf', filename: 'c.pdf' } }
  ])
})

t.test('an address message shows the address, labelled in the language of the desk', async t => {
  const form: InboundContent = {
    kind: 'form',
    name: 'address_message',
    answers: {
      saved_address_id: '1',
      values: { name: 'Mara', in_pin_code: '400063', floor_number: '', city: 'Mumbai' }
    }
  }
  t.equal(
    row(form, {}, { locale: 'es' }).content,
    '🏠 **Dirección de entrega**\n\n| Pregunta | Respuesta |\n| --- | --- |\n| Nombre | Mara |\n| Código PIN | 400063 |\n| Ciudad | Mumbai |'
  )
})

t.test('a form that cannot be read is shown as it came, an empty one says so', async t => {
  const unreadable = row({ kind: 'form', name: 'flow', answers: {}, raw: '{"a": *' })
  t.match(unreadable.content, /could not be read.*\n\n\{"a": \\\*$/)
  t.match(row({ kind: 'form', name: 'flow', answers: {} }).content, /without answers/)
})

t.test('a permission to call says for how long', async t => {
  const permission = (rest: object) => row({ kind: 'call_permission', accepted: true, ...rest }).content
  t.equal(permission({}), '✅ Allows calls.')
  t.equal(permission({ permanent: true }), '✅ Allows calls from now on.')
  t.match(plain(permission({ expiresAt: at })), /^✅ Allows calls until Nov 1, 2026, 10:00 AM UTC\.$/)
  t.match(row({ kind: 'call_permission', accepted: true, automatic: true }), {
    type: 'activity',
    content: 'Mara Ibsen called, so WhatsApp allows you to call back'
  })
})

t.test('an order totals exactly, each currency for itself', async t => {
  const line = (price: number, quantity: number, currency: string) => ({ productId: 'p', price, quantity, currency })
  const { content } = row({
    kind: 'order',
    text: 'please _fast_',
    lines: [line(0.1, 3, 'EUR'), line(0.2, 1, 'eur'), line(19.99, 100, 'USD'), line(5, 2, 'points')]
  })
  t.match(plain(content), '**Total: €0.50, $1,999.00, and 10 POINTS**')
  t.match(content, /^🛒 \*\*Order\*\*\n\nplease \*fast\*\n/)
  t.match(plain(content), '| p | 3 | €0.10 | €0.30 |')
})

t.test('decimals: sums and products are those of whole numbers', async t => {
  const cents = fc.integer({ min: -1e9, max: 1e9 })
  fc.assert(
    fc.property(cents, cents, (a, b) => {
      const sum = writeDecimal(addDecimals(readDecimal(a / 100), readDecimal(b / 100)))
      const product = writeDecimal(multiplyDecimals(readDecimal(a / 100), readDecimal(b / 100)))
      return sum === scaled(BigInt(a) + BigInt(b), 2) && product === scaled(BigInt(a) * BigInt(b), 4)
    }),
    { numRuns: 2000 }
  )
  t.equal(writeDecimal(readDecimal(1e-7)), '0.0000001')
  t.equal(writeDecimal(readDecimal(1.5e21)), '1500000000000000000000')
  t.equal(writeDecimal(readDecimal(Number.NaN)), '0')
})

/** The independent spelling of `digits` / 10^`places`. */
function scaled(digits: bigint, places: number): string {
  const sign = digits < 0n ? '-' : ''
  const all = String(digits < 0n ? -digits : digits).padStart(places + 1, '0')
  return `${sign}${all.slice(0, -places)}.${all.slice(-places)}`.replace(/\.?0+$/, '')
}

t.test('an empty order says what to do, and a long one still counts every line', async t => {
  t.match(row({ kind: 'order', lines: [] }).content, /without products/)
  const lines = Array.from({ length: 150 }, () => ({ productId: 'p', quantity: 1, price: 1, currency: 'EUR' }))
  const { content } = row({ kind: 'order', lines })
  t.match(content, 'And 50 more lines; the total counts them.')
  t.match(content, '**Total: €150.00**')
})

t.test('a question about a product names the product and its catalogue', async t => {
  const quoted = { wamid: 'wamid.0', product: { productId: 'sku_1*', catalogId: '7' } }
  t.match(row({ kind: 'text', body: 'Is it blue?' }, { quoted }), {
    content: 'Is it blue?\n\n🛍️ Asks about product sku_1\\*\nCatalogue 7',
    quotes: 'wamid.0'
  })
  t.match(row({ kind: 'text', body: 'x' }, { quoted: { product: {} } }).content, /🛍️ Asks about a product$/)
})

t.test('an ad that brought the customer stands above the first message, with link, picture and click id', async t => {
  const referral = {
    headline: 'Sale',
    sourceUrl: 'https://fb.me/x?a=1&copy;=(2)',
    imageUrl: 'https://cdn.example/a.jpg',
    clickId: 'click-1',
    sourceType: 'ad'
  }
  const text = row({ kind: 'text', body: 'hi' }, { referral })
  t.equal(text.content, '📣 From an ad\n**Sale**\n[Open the ad](https://fb.me/x?a=1\\&copy;=%282%29)\n\nhi')
  t.strictSame(text.files, [{ from: 'url', url: 'https://cdn.example/a.jpg' }])
  t.equal(text.clickId, 'click-1')

  const [ad, picture] = rows({ kind: 'media', type: 'image', media: media({ caption: 'this?' }) }, { referral })
  t.match(ad, { files: [{ from: 'url' }], marker: { kind: 'referral', wamid: 'wamid.1' }, clickId: 'click-1' })
  t.match(picture, { content: 'this?', files: [{ from: 'channel' }], marker: { kind: 'media' }, clickId: 'click-1' })
})

t.test('a link of an ad is only ever a web address without a name before it', async t => {
  for (const sourceUrl of ['javascript:alert(1)', 'https://bank.example@evil.example/', 'data:text/html,x', 'no url'])
    t.notMatch(row({ kind: 'text', body: 'hi' }, { referral: { sourceUrl } }).content, /\]\(/, sourceUrl)
  const file = { imageUrl: 'file:///etc/passwd' }
  t.strictSame(row({ kind: 'text', body: 'hi' }, { referral: file }).files, [])
})

t.test('an edit is an incoming row with the new text that quotes the old', async t => {
  const edit: InboundContent = { kind: 'edit', target: 'wamid.0', content: { kind: 'text', body: 'new *text*' } }
  t.match(row(edit), { type: 'incoming', content: '*✏️ Edited*\n\nnew **text**', quotes: 'wamid.0' })
})

t.test('an edited caption does not bring the picture again, unless the desk never had it', async t => {
  const edit: InboundContent = {
    kind: 'edit',
    target: 'wamid.0',
    content: { kind: 'media', type: 'image', media: media({ caption: 'new' }) }
  }
  t.strictSame(row(edit, {}, known).files, [])
  t.equal(row(edit).files.length, 1)
  const bare: InboundContent = { ...edit, content: { kind: 'media', type: 'image', media: media() } }
  t.match(row(bare, {}, known).content, /The text was removed/)
})

t.test('S89: a deleted message stays or goes, as the policy says, and is never quoted when it goes', async t => {
  const revoke: InboundContent = { kind: 'revoke', target: 'wamid.0' }
  const kept = row(revoke, {}, known)
  t.match(kept, { type: 'activity', content: 'Mara Ibsen deleted a message: “Where is my order?”' })
  t.equal(kept.hides, undefined)
  t.equal(row(revoke).content, 'Mara Ibsen deleted a message')
  const hidden = row(revoke, {}, { ...known, deletionPolicy: 'hide' })
  t.match(hidden, { type: 'activity', content: 'Mara Ibsen deleted a message', hides: 'wamid.0' })
})

t.test('S88: reactions are grey lines that name the target when it is known', async t => {
  const reaction: InboundContent = { kind: 'reaction', target: 'wamid.0', emoji: '👍' }
  t.equal(row(reaction, {}, known).content, 'Mara Ibsen reacted 👍 to “Where is my order?”')
  t.equal(row(reaction).content, 'Mara Ibsen reacted 👍 to a message')
  t.equal(
    row({ ...reaction, emoji: null }, {}, known).content,
    'Mara Ibsen took back the reaction to “Where is my order?”'
  )
  t.equal(row({ ...reaction, emoji: null }).content, 'Mara Ibsen took back a reaction')
  t.equal(row(reaction, {}, { customerName: 'Mrs Ibsen' }).content, 'Mrs Ibsen reacted 👍 to a message')
  const long = row(reaction, {}, { quotedText: () => 'x'.repeat(500) })
  t.ok(long.content.length < 130, 'a long target is shortened')
})

t.test('a group message names its sender, other messages only when asked to', async t => {
  const text: InboundContent = { kind: 'text', body: 'hi' }
  t.equal(row(text, { groupId: 'G' }, { customerName: 'The group' }).content, '**Mara Ibsen**\n\nhi')
  t.equal(row(text).content, 'hi')
  t.equal(row(text, {}, { showCustomerName: true }).content, '**Mara Ibsen**\n\nhi')
  t.equal(row(text, { groupId: 'G', customer: {} }).content, '**The customer**\n\nhi')
})

t.test('group events are grey lines', async t => {
  const line = (group: Partial<GroupFact>) =>
    renderInbound({ kind: 'group', group: { groupId: 'G', at, type: 'x', participants: [], ...group } }, keep)[0]!
  t.match(line({ type: 'group_participants_add', participants: [mara, { waId: '1555' }] }), {
    type: 'activity',
    content: 'Mara Ibsen and +1555 joined the group'
  })
  t.equal(line({ type: 'group_participants_remove' }).content, 'The members of the group changed')
  t.equal(line({ type: 'group_join_request_revoked' }).content, 'Someone no longer asks to join the group')
  t.equal(line({ type: 'group_create', subject: '<b>x' }).content, 'The group “<\u2060b>x” was created')
  t.match(line({ type: 'group_create', failed: true }).content, /could not/)
  t.equal(line({ type: 'group_new_thing' }).content, 'Group event: group_new_thing')
})

t.test('S53: calls are grey lines', async t => {
  const line = (call: Partial<CallFact>) =>
    renderInbound({ kind: 'call', call: { id: 'c', at, customer: mara, event: 'connect', ...call } }, keep)[0]!.content
  t.equal(line({ direction: 'customer' }), 'Mara Ibsen is calling')
  t.equal(line({ direction: 'business' }), 'Outgoing call: Mara Ibsen')
  t.equal(line({ event: 'terminate', durationSeconds: 65 }), 'Call ended after 1:05: Mara Ibsen')
  t.match(line({ event: 'terminate', direction: 'customer', status: 'failed' }), /^Missed call: Mara Ibsen/)
  t.equal(line({ event: 'terminate', direction: 'business', status: 'failed' }), 'Call not established: Mara Ibsen')
  t.equal(line({ event: 'rejected' }), 'Mara Ibsen declined the call')
  t.equal(line({ event: 'recording_ready' }), 'Call: Mara Ibsen, recording_ready')
})

t.test('a changed number, user id or security code is a grey line', async t => {
  const changed = (from: object, to: object) => row({ kind: 'number_changed', from, to }).content
  t.match(changed({ waId: '1555' }, { waId: '1556' }), /from \+1555 to \+1556\. The conversation goes on here/)
  t.match(changed({}, { waId: '1556' }), /the WhatsApp number to \+1556/)
  t.match(changed({ userId: 'US.1' }, { userId: 'US.2' }), /^Mara Ibsen has a new WhatsApp user id/)
  t.match(row({ kind: 'identity_changed' }).content, /^Mara Ibsen has a new security code/)
  t.equal(row({ kind: 'system', type: 'x', body: 'Something <new>' }).content, 'WhatsApp: Something <\u2060new>')
})

t.test('preferences about marketing are grey lines', async t => {
  const line = (value: string, category = 'marketing_messages') =>
    renderInbound({ kind: 'preference', customer: mara, category, value, at }, keep)[0]!
  t.match(line('stop'), { type: 'activity', content: /^Mara Ibsen stopped marketing messages/ })
  t.match(line('resume').content, /again$/)
  t.equal(line('maybe', 'offers').content, 'Mara Ibsen changed a preference: offers, maybe')
})

t.test('S87, S91: what WhatsApp does not pass on is named, with what the agent can do', async t => {
  const failure = { code: 131051, title: 'Message type unknown' }
  const shown = (subtype?: string) => row({ kind: 'unsupported', subtype, failures: [failure] })
  t.match(shown('poll_creation'), { type: 'incoming', content: /^⚠️ A poll, .* Ask the customer/ })
  t.match(shown('brand_new').content, /kind “brand_new”/)
  t.match(shown('too_large').content, /kind “too_large”/, 'our own words are no subtypes of Meta')
  t.match(shown().content, /such as a poll/)
  const broken = row({ kind: 'unsupported', failures: [{ code: 131000 }] })
  t.match(broken.content, /Ask the customer to send it again/)
  const large = row({ kind: 'unsupported', subtype: 'image', failures: [{ code: 131052 }] })
  t.match(large.content, /over 100 MB/)
  const other = row({ kind: 'unsupported', failures: [{ code: 131060, details: 'Gone *for* now' }] })
  t.match(other.content, /\n\n⚠️ WhatsApp reports: Gone \\\*for\\\* now \(131060\)$/)
})

t.test("S90: a message that arrived with a failure shows both, in Meta's own words", async t => {
  const { content } = row({ kind: 'text', body: 'hi' }, { failures: [{ code: 7, title: 'Odd' }] })
  t.equal(content, 'hi\n\n⚠️ WhatsApp reports: Odd (7)')
})

t.test('S87: a text in which nothing can be seen says so', async t => {
  for (const body of ['', ' \n', '\u200b', '\u3164\u3164'])
    t.equal(row({ kind: 'text', body }).content, '(empty message)')
})

t.test('S15: what the business wrote elsewhere is an outgoing echo that the desk does not expand', async t => {
  const draft = echo({ kind: 'text', body: 'Hello {{contact.name}} {% if x %}' })
  t.match(draft, { type: 'outgoing', externalEcho: true, marker: { echo: true } })
  t.notMatch(draft.content, /\{\{|\{%/)
  t.equal(draft.content.replaceAll('\u2060', ''), 'Hello {{contact.name}} {% if x %}')
  t.match(echo({ kind: 'revoke', target: 'wamid.0' }), { type: 'activity', content: 'The business deleted a message' })
})

t.test('a chat that another app answers says so', async t => {
  const standby = row({ kind: 'text', body: 'hi' }, { standby: true })
  t.match(standby, { content: /^hi\n\n\*👀 Another app/, marker: { standby: true } })
})

t.test('what concerns no conversation gives no row', async t => {
  const silent: InboundFact[] = [
    { kind: 'management', field: 'account_update' },
    { kind: 'history', messages: 3 },
    { kind: 'notice', field: 'messages', failures: [] },
    { kind: 'unknown', field: 'x' },
    { kind: 'status', status: { wamid: 'w', status: 'read', at, recipient: {} } }
  ]
  for (const fact of silent) t.strictSame(renderInbound(fact, keep), [], fact.kind)
})

t.test('S90: a file that cannot be had leaves a sentence: which, why, and what to do', async t => {
  const draft = row({ kind: 'media', type: 'document', media: media({ filename: 'a*b.pdf', caption: 'mine' }) })
  const gone = placeholderForMedia('en', draft, 'media_gone')
  t.equal(
    gone.content,
    '📄 a\\*b.pdf\n\nmine\n\n⚠️ Document “a\\*b.pdf”: no longer at WhatsApp. Ask the customer to send it again.'
  )
  t.match(gone, { files: [], marker: { placeholder: true, error: 'media_gone', wamid: 'wamid.1' } })
  t.equal(draft.files.length, 1, 'the draft itself is not touched')

  const picture = row({ kind: 'media', type: 'image', media: media() })
  t.match(placeholderForMedia('es', picture, 'media_mismatch').content, /^⚠️ Imagen: llegó dañado/)
  t.match(placeholderForMedia('en', picture, 'media_unfetched').content, /^⚠️ Picture: could not be fetched/)
  t.match(
    plain(placeholderForMedia('en', picture, 'media_too_large', { sizeBytes: 104_857_601 }).content),
    /^⚠️ Picture: too large to show here \(104\.9 MB\)/
  )
  const voice = row({ kind: 'media', type: 'audio', media: media({ voice: true }) })
  t.match(placeholderForMedia('pt-BR', voice, 'media_gone').content, /⚠️ Mensagem de voz: não está mais/)
})

t.test("an ad's picture that cannot be had takes nothing else with it", async t => {
  const draft = row(
    { kind: 'text', body: 'hi' },
    { referral: { headline: 'Sale', imageUrl: 'https://c.example/a.jpg' } }
  )
  const without = placeholderForMedia('en', draft, 'media_unfetched', { file: draft.files[0] })
  t.match(without.content, /^📣 From an ad\n\*\*Sale\*\*\n\nhi\n\n⚠️ Picture of the ad: could not be fetched/)
  t.strictSame(without.files, [])
  t.equal(placeholderForMedia('en', without, 'media_gone'), without, 'no file, no sentence')
})

t.test('of several files only the lost one is replaced', async t => {
  const draft = row({
    kind: 'form',
    name: 'flow',
    answers: {
      a: { id: '1', mime_type: 'image/png', file_name: 'a.png' },
      b: { id: '2', mime_type: 'image/png', file_name: 'b.png' }
    }
  })
  const rest = placeholderForMedia('en', draft, 'media_gone', { file: draft.files[1] })
  t.strictSame(rest.files, [draft.files[0]])
  t.match(rest.content, /⚠️ Picture “b\.png”: no longer/)
  t.notMatch(rest.content, /⚠️ Picture “a\.png”/)
})

t.test('S87: an item that cannot be rendered at all is still a row', async t => {
  const draft = placeholderForUnrenderable('en', 'odd_*kind*', 'wamid.9')
  t.match(draft, { type: 'incoming', files: [], marker: { placeholder: true, wamid: 'wamid.9' } })
  t.match(draft.content, /“odd\\_\\\*kind\\\*”/)
  t.match(placeholderForUnrenderable('en', '').content, /“\?”/)
})
