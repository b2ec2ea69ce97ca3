/**
 * Every webhook of the contract goes the whole way, signature to desk row, each for a customer of its own. What the
 * desk then shows is written out here; the wording of each kind and language is proved in the renderer's unit tests.
 */
import t from 'tap'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import {
  conversationsOf,
  deliver,
  type Moved,
  moveFixture,
  newWamid,
  nowSeconds,
  rowsIn,
  serveMedia,
  sql,
  value,
  webhook,
  webhookFixtures
} from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const GONE = 'no longer at WhatsApp. Ask the customer to send it again.'

/** Rows that the desk shows; `$phone` stands for the customer's number. All media of these are gone at WhatsApp. */
const ROWS: Record<string, string[]> = {
  'batch-mixed': ['incoming: one', 'incoming: two'],
  'calls-connect-business-initiated': ['activity: Outgoing call: Mara Ibsen'],
  'calls-connect-user-initiated': ['activity: Mara Ibsen is calling'],
  'calls-status': ['activity: Ringing: Mara Ibsen'],
  'calls-terminate-error': ['activity: Call not established: Mara Ibsen'],
  'calls-terminate': ['activity: Call ended after 2:00: Mara Ibsen'],
  'group-lifecycle-create-failed': ['activity: The group “Order 42” could not be created'],
  'group-lifecycle-create': ['activity: The group “Order 42” was created'],
  'group-lifecycle-delete': ['activity: The group was deleted'],
  'group-participants-add': ['activity: $phone joined the group'],
  'group-participants-join-request-created': ['activity: @mara.ibsen would like to join the group'],
  'group-participants-leave': ['activity: $phone left the group'],
  'group-participants-remove-by-business': ['activity: $phone left the group'],
  'group-settings-update': ['activity: The group is now called “New subject”'],
  'group-status-suspend-cleared': ['activity: WhatsApp has lifted the suspension of the group'],
  'group-status-suspend': ['activity: WhatsApp has suspended the group: nothing can be sent to it for now'],
  'inbound-audio-file': [`incoming: ⚠️ Audio: ${GONE}`],
  'inbound-button-otp-not-requested': [
    "incoming quoting: **I didn't request a code**\n\n↩️ Answer to: “Where is my order?”"
  ],
  'inbound-button': ['incoming quoting: **Unsubscribe**\n\n↩️ Answer to: “Where is my order?”'],
  'inbound-contacts-request-share': [
    'incoming quoting: *🤝 Shares the number that you asked for*\n\n👤 **Mara Ibsen**\n📞 $phone \\(mobile, on WhatsApp)'
  ],
  'inbound-contacts': [
    'incoming: 👤 **Dr. Barbara J. Johnson Jr.**\n🏢 Example Ltd\n📞 +1 (555) 010-0444 \\(mobile, on WhatsApp)\n✉️ barb@example.org \\(work)\n🏠 1 Example Street, 90000 Springfield, CA, United States\n🔗 <https://example.org>\n🎂 Birthday: January 23, 1990\n\n👤 **Monica**\n📞 +1 555 010 0445 \\(home)'
  ],
  'inbound-document': [`incoming: 📄 receipt.pdf\n\nmy receipt\n\n⚠️ Document “receipt.pdf”: ${GONE}`],
  'inbound-edit-image': ['incoming quoting: *✏️ Edited*\n\nNew caption'],
  'inbound-edit-text': ['incoming quoting: *✏️ Edited*\n\nCorrected text'],
  'inbound-image-no-url-no-caption': [`incoming: ⚠️ Picture: ${GONE}`],
  'inbound-image-referral-video-ad': [
    'incoming: 📣 From a post\n**New**\nWatch\n[Open the post](https://fb.me/EXAMPLE2)',
    `incoming: this?\n\n⚠️ Picture: ${GONE}`
  ],
  'inbound-image': [`incoming: Broken item\n\n⚠️ Picture: ${GONE}`],
  'inbound-interactive-button-reply': ['incoming quoting: **Cancel**\n\n↩️ Answer to: “Where is my order?”'],
  'inbound-interactive-call-permission-reject': [
    'incoming quoting: 🚫 Does not allow calls. Please do not call; write instead.'
  ],
  'inbound-interactive-empty-131000': [
    'incoming quoting: ⚠️ An interactive answer whose content WhatsApp did not pass on. Ask the customer what they chose.'
  ],
  'inbound-interactive-list-reply-no-description': [
    'incoming quoting: **Standard**\n\n↩️ Answer to: “Where is my order?”'
  ],
  'inbound-interactive-list-reply': [
    'incoming quoting: **Priority Express**\nNext day\n\n↩️ Answer to: “Where is my order?”'
  ],
  'inbound-interactive-nfm-reply-flow': [
    'incoming quoting: 📋 **Form answers**\n\n| Question | Answer |\n| --- | --- |\n| Rating | 4 |\n| Comment | ok |'
  ],
  'inbound-interactive-product': [
    'incoming: ⚠️ A message of the kind “interactive/product”, which this version of Puente does not know. Ask the customer to send it as text; the original is kept.'
  ],
  'inbound-location-pin': [
    'incoming: 📍 Location\n12.25089, 43.90539\n[Open map](https://www.google.com/maps/search/?api=1&query=12.25089%2C43.90539)'
  ],
  'inbound-location-place': [
    'incoming: 📍 **Example Cafe**\n1 Example Street, Springfield\n[Open map](https://www.google.com/maps/search/?api=1&query=37.442215%2C-122.161659)\n<https://example.org/cafe>'
  ],
  'inbound-order': [
    'incoming: 🛒 **Order**\n\nLove these!\n\n| Product | Quantity | Price | Sum |\n| --- | ---: | ---: | ---: |\n| sku-001 | 2 | $30.00 | $60.00 |\n| sku-002 | 1 | $7.99 | $7.99 |\n\n**Total: $67.99**\n\nCatalogue 700000000000001'
  ],
  'inbound-reaction-remove-empty': ['activity: Mara Ibsen took back the reaction to “Where is my order?”'],
  'inbound-reaction-remove': ['activity: Mara Ibsen took back the reaction to “Where is my order?”'],
  'inbound-request-welcome-removed': ['activity: WhatsApp reports an event: request_welcome'],
  'inbound-revoke': ['activity: Mara Ibsen deleted a message: “Where is my order?”'],
  'inbound-sticker-animated': [`incoming: ⚠️ Sticker: ${GONE}`],
  'inbound-sticker-static': [`incoming: ⚠️ Sticker: ${GONE}`],
  'inbound-system-identity-changed': [
    'activity: Mara Ibsen has a new security code, perhaps with a new phone. Confirm who it is before you share anything private.'
  ],
  'inbound-system-user-changed-user-id-no-phone': [
    'activity: The customer has a new WhatsApp user id. The conversation goes on here.'
  ],
  'inbound-system-user-changed-user-id': [
    'activity: $phone has a new WhatsApp user id. The conversation goes on here.'
  ],
  'inbound-text-bsuid-only': ['incoming: Hi, I use a username'],
  'inbound-text-conversation-context': ['incoming: I want a person'],
  'inbound-text-frequently-forwarded': ['incoming: *↪️↪️ Forwarded many times*\n\nfwd many'],
  'inbound-text-group': ['incoming: **Mara Ibsen**\n\nWhat does everyone think?'],
  'inbound-text-identity-hash': ['incoming: Hello'],
  'inbound-text-legacy-no-bsuid': ['incoming: hello'],
  'inbound-text-referral-ctwa': [
    'incoming: 📣 From an ad\n**Chat with us**\nSpring catalogue is here\n[Open the ad](https://fb.me/EXAMPLE1)\nThey were greeted with: “Hi! How can we help?”\n\nCan I get more info?'
  ],
  'inbound-text': ['incoming: Where is my order? éß 😀 <https://example.org/a?b=1&c=>\\<d>'],
  'inbound-unsupported-gif': [
    'incoming: ⚠️ A GIF that WhatsApp did not pass on. Ask the customer to describe it, or to send a video.'
  ],
  'inbound-unsupported-group-invite': [
    'incoming: ⚠️ An invitation to a group. Businesses cannot join by it; ask what the customer needs.'
  ],
  'inbound-unsupported-keep-in-chat': ['incoming: ⚠️ The customer kept a disappearing message. There is nothing to do.'],
  'inbound-unsupported-link-preview': [
    'incoming: ⚠️ A link with a preview that WhatsApp did not pass on. Ask for the plain link.'
  ],
  'inbound-unsupported-list': [
    'incoming: ⚠️ A list that WhatsApp did not pass on. Ask the customer to write it as text.'
  ],
  'inbound-unsupported-media-placeholder': [
    'incoming: ⚠️ A file that WhatsApp has not passed on yet. If it does not come, ask for it again.'
  ],
  'inbound-unsupported-media-too-large': [
    'incoming: ⚠️ A file that WhatsApp could not fetch, perhaps over 100 MB. Ask for a smaller one.'
  ],
  'inbound-unsupported-pin': ['incoming: ⚠️ The customer pinned a message in the chat. There is nothing to do.'],
  'inbound-unsupported-poll-creation': [
    'incoming: ⚠️ A poll, which WhatsApp does not pass on. Ask the customer to write the question as text.'
  ],
  'inbound-unsupported-poll-update': [
    'incoming: ⚠️ A vote in a poll, which WhatsApp does not pass on. Ask the customer for the choice.'
  ],
  'inbound-unsupported': [
    'incoming: ⚠️ A message that WhatsApp does not pass on, such as a poll or a picture to be seen once. Ask for a text or a normal picture.'
  ],
  'inbound-video': [`incoming: See this\n\n⚠️ Video: ${GONE}`],
  'message-echoes': ['outgoing echo: sent by another app'],
  'smb-message-echoes-edit': ['outgoing echo quoting: *✏️ Edited*\n\nText was edited'],
  'smb-message-echoes-image': [`outgoing echo: photo\n\n⚠️ Picture: ${GONE}`],
  'smb-message-echoes-revoke': ['activity: The business deleted a message: “Where is my order?”'],
  'smb-message-echoes-text': ['outgoing echo: Sent from the phone app'],
  'standby-echo': ['outgoing echo: Hi from the bot\n\n*👀 Another app answers this chat at the moment.*'],
  'standby-message': ['incoming: hello bot\n\n*👀 Another app answers this chat at the moment.*'],
  'unknown-message-type': [
    'incoming: ⚠️ A message of the kind “poll”, which this version of Puente does not know. Ask the customer to send it as text; the original is kept.'
  ],
  'user-preferences-resume': ['activity: Mara Ibsen wants marketing messages again'],
  'user-preferences-signup': ['activity: Mara Ibsen signed up for marketing messages'],
  'user-preferences-stop': ['activity: Mara Ibsen stopped marketing messages. Please send no more of them.']
}

/** The wamid that a fixture answers, reacts to, edits or deletes. */
function targetOf(body: Loose): string | undefined {
  const { value } = body.entry[0].changes[0]
  const list = value?.messages ?? value?.message_echoes ?? value?.standby?.messages
  const message = list?.[0]
  return (
    message?.context?.id ??
    message?.reaction?.message_id ??
    message?.edit?.original_message_id ??
    message?.revoke?.original_message_id
  )
}

function wamidsOf(body: Loose): string[] {
  const items = body.entry.flatMap((entry: Loose) =>
    (entry.changes ?? []).flatMap((change: Loose) => {
      const value = change.value?.standby ?? change.value
      return [...(value?.messages ?? []), ...(value?.message_echoes ?? [])]
    })
  )
  return items.map((item: Loose) => item.id)
}

function show(row: Loose): string {
  const { external_echo: echo, in_reply_to: quoted } = row.contentAttributes
  return `${row.type}${echo ? ' echo' : ''}${quoted ? ' quoting' : ''}: ${row.content ?? ''}`
}

/** All rows of a fixture's customer (or its group), without the question that was put there before. */
function rowsOf(flow: Flow, moved: Moved, group: string | undefined): Loose[] {
  const isTheirs = (each: Loose): boolean =>
    group !== undefined
      ? each.contact.identifier === `wa:group:${group}`
      : each.contact.phone === `+${moved.waId}` ||
        // The end of the user id is this fixture's own, also when the fixture changes the id.
        new RegExp(`^wa:US\\.[A-Za-z0-9]{17}${moved.userId.slice(-3)}$`).test(each.contact.identifier)
  const found = flow.conversations().filter(isTheirs)
  return found.flatMap(rowsIn).filter((row: Loose) => row.content !== 'Where is my order?')
}

t.test('every webhook of the contract, from signature to desk row', async t => {
  const flow = await startFlow(t)
  // Between the second of connecting and now lies nothing that would be too early.
  const moved = new Map(webhookFixtures.map((name, nth) => [name, moveFixture(flow, name, nth)]))
  const questions = [...moved.values()].flatMap(({ body, waId, userId }) => {
    const target = targetOf(body)
    if (target === undefined) return []
    return [{ wamid: target, text: 'Where is my order?', waId, userId, name: 'Mara Ibsen' }]
  })
  t.equal(await deliver(flow, webhook(flow, ...questions)), 200)
  await flow.until('all questions', () => flow.messages().length >= questions.length, 60_000)
  await flow.settle(60_000)
  const before = flow.sent().length
  for (const [name, { body }] of moved) t.equal(await deliver(flow, body), 200, `${name} is taken`)
  await flow.settle(120_000)
  const stored = await sql(flow, 'select key, state, code from events')

  for (const [name, each] of moved) {
    await t.test(`S66–S72, S87–S91: ${name}`, async t => {
      const group = each.text.includes('group_id') ? /"group_id": "([^"]+)"/.exec(each.text)?.[1] : undefined
      const rows = rowsOf(flow, each, group)
      const expected = (ROWS[name] ?? []).map(row => row.replaceAll('$phone', `+${each.waId}`))
      t.strictSame(rows.map(show), expected)
      const wamids = wamidsOf(each.body)
      for (const row of rows) {
        t.match(row.contentAttributes.puente, { kind: /^[a-z_]+$/, at: /^\d{4}-\d\d-\d\dT/ })
        t.equal(row.contentAttributes.is_unsupported, undefined, 'S87: that mark would hide the text')
        t.ok(row.content?.trim() || row.attachments.length > 0, 'never an empty bubble')
        t.equal(row.private, false)
        if (wamids.length > 0) {
          t.ok(
            wamids.some(wamid => row.sourceId === wamid || row.sourceId === `${wamid}#2`),
            'the source id is the wamid'
          )
        }
      }
      if (rows.length > 0 && wamids.length > 0) {
        const event = stored.find(row => row.key === `m:${wamids[0]}` || row.key === `e:${wamids[0]}`)
        t.equal(event?.state, 1)
        t.equal(event?.code ?? null, /no longer at WhatsApp/.test(expected.at(-1)!) ? 'media_gone' : null)
      }
    })
  }
  t.same(
    stored.filter(row => row.state === 0),
    [],
    'nothing waits'
  )
  t.same(
    Object.keys(ROWS).filter(name => !moved.has(name)),
    [],
    'every expected row has its fixture'
  )
  t.equal(flow.sent().length, before, 'echoes do not go back to WhatsApp')
})

t.test('media that WhatsApp has arrive as files, whole and of the right kind', async t => {
  const flow = await startFlow(t)
  let nth = 0
  const give = async (fixture: string, sample: string, more: Loose = {}): Promise<{ moved: Moved; hex: string }> => {
    const { bytes, mime } = getSample(sample)!
    const media = await serveMedia(flow, bytes, mime.split(';')[0]!)
    const moved = moveFixture(flow, fixture, 500 + nth++)
    const { value: held } = moved.body.entry[0].changes[0]
    const message = (held.messages ?? held.message_echoes)[0]
    Object.assign(message[message.type], { id: media.id, sha256: media.sha256, mime_type: mime }, more)
    t.equal(await deliver(flow, moved.body), 200)
    return { moved, hex: media.hex }
  }
  const cases: [name: string, fixture: string, sample: string, type: string, content: string, more?: Loose][] = [
    ['S66: a picture with its caption', 'inbound-image', 'jpeg', 'image', 'Broken item'],
    ['S66: a picture without URL and caption', 'inbound-image-no-url-no-caption', 'png', 'image', ''],
    ['S67: a video', 'inbound-video', 'mp4', 'video', 'See this'],
    ['S67: a GIF keeps its mark', 'inbound-video', 'mp4', 'video', '🎞️ GIF\n\nSee this', { gif: true }],
    ['S68: a voice message is marked', 'inbound-audio-file', 'ogg', 'audio', '🎤 Voice message', { voice: true }],
    ['S69: an audio file', 'inbound-audio-file', 'mp3', 'audio', ''],
    ['S69: a document keeps its name', 'inbound-document', 'pdf', 'file', '📄 receipt.pdf\n\nmy receipt'],
    ['S71: a sticker', 'inbound-sticker-static', 'webp', 'image', ''],
    ['S71: an animated sticker stays animated', 'inbound-sticker-animated', 'webp_animated', 'image', ''],
    ['an echo with a picture', 'smb-message-echoes-image', 'jpeg', 'image', 'photo']
  ]
  const given: Awaited<ReturnType<typeof give>>[] = []
  for (const [, fixture, sample, , , more] of cases) given.push(await give(fixture, sample, more))
  const image = getSample('png')!
  const picture = await serveMedia(flow, image.bytes, 'image/png')
  const { phoneNumberId, token } = flow.sandbox.graph.config() as Loose
  const located = await fetch(`${flow.sandbox.graphUrl}/v25.0/${picture.id}?phone_number_id=${phoneNumberId}`, {
    headers: { authorization: `Bearer ${token}` }
  })
  const advert = moveFixture(flow, 'inbound-text-referral-ctwa', 600)
  advert.body.entry[0].changes[0].value.messages[0].referral.image_url = ((await located.json()) as Loose).url
  await deliver(flow, advert.body)
  const wrong = moveFixture(flow, 'inbound-image', 601)
  const jpeg = await serveMedia(flow, getSample('jpeg')!.bytes, 'image/jpeg')
  wrong.body.entry[0].changes[0].value.messages[0].image.id = jpeg.id
  await deliver(flow, wrong.body)
  await flow.settle(60_000)

  for (const [index, [name, , , type, content]] of cases.entries()) {
    await t.test(name, async t => {
      const { moved, hex } = given[index]!
      const [row] = rowsOf(flow, moved, undefined)
      t.equal(row?.content ?? '', content)
      t.same(
        row?.attachments.map((file: Loose) => [file.type, file.sha256]),
        [[type, hex]],
        'byte for byte what the customer sent'
      )
      if (name.startsWith('S69: a document')) t.match(decodeURIComponent(row.attachments[0].url), /receipt\.pdf/)
      if (name.startsWith('S68')) t.equal(row.contentAttributes.puente.voice, true)
      if (name.startsWith('S67: a GIF')) t.equal(row.contentAttributes.puente.gif, true)
      if (name.startsWith('S71: an animated')) t.equal(row.contentAttributes.puente.animated, true)
      if (name.startsWith('an echo')) t.match(row, { type: 'outgoing', contentAttributes: { external_echo: true } })
    })
  }
  await t.test("an ad's picture comes along, and the conversation knows the click", async t => {
    const [conversation] = conversationsOf(flow, { waId: advert.waId })
    const [row] = rowsIn(conversation)
    t.match(row.content, /From an ad/)
    t.equal(row.attachments[0]?.sha256, picture.hex)
    t.match(conversation.customAttributes, { channel: 'whatsapp', wa_origin: 'advert', wa_ctwa_id: /.+/ })
  })
  await t.test('S90: a file that arrives other than promised becomes a sentence with the reason', async t => {
    const [row] = rowsOf(flow, wrong, undefined)
    t.match(row.content, /^Broken item\n\n⚠️ Picture: arrived damaged/)
    t.same(row.attachments, [])
    t.match(row.contentAttributes.puente, { placeholder: true, error: 'media_mismatch' })
    const [event] = await sql(flow, "select state, code from events where code = 'media_mismatch'")
    t.match(event, { state: 1, code: 'media_mismatch' }, 'kept, so that it can be fetched again')
  })
})

t.test('media: a fault that passes is waited out, one that stays becomes a sentence', async t => {
  const flow = await startFlow(t)
  const { bytes } = getSample('jpeg')!
  const sayPicture = async (nth: number, match: string, status: number, count: number) => {
    const media = await serveMedia(flow, bytes, 'image/jpeg')
    const about = match.replace('$id', media.id)
    flow.sandbox.faults.set([{ on: 'call:graph', kind: 'status', match: about, status, count }])
    const moved = moveFixture(flow, 'inbound-image', 700 + nth)
    Object.assign(moved.body.entry[0].changes[0].value.messages[0].image, { id: media.id, sha256: media.sha256 })
    t.equal(await deliver(flow, moved.body), 200)
    await flow.settle(60_000)
    return { moved, hex: media.hex }
  }
  const cases: [name: string, match: string, status: number][] = [
    ['Graph has a fault when asked for the address', '$id', 500],
    ['the address has expired', 'GET /whatsapp_business', 404],
    ['the download has a fault', 'GET /whatsapp_business', 503]
  ]
  for (const [nth, [name, match, status]] of cases.entries()) {
    const { moved, hex } = await sayPicture(nth, match, status, 1)
    const [row] = rowsOf(flow, moved, undefined)
    t.equal(row?.attachments[0]?.sha256, hex, name)
    t.equal(row?.content, 'Broken item', name)
    t.equal(flow.sandbox.faults.list().filter(each => (each.count ?? 1) > 0).length, 0, 'the fault has happened')
  }
  const { moved } = await sayPicture(9, 'GET /whatsapp_business', 500, 50)
  const [row] = rowsOf(flow, moved, undefined)
  t.match(row.content, /^Broken item\n\n⚠️ Picture: could not be fetched\. Puente can fetch it again/)
  t.match(row.contentAttributes.puente, { placeholder: true, error: 'media_unfetched' })
  t.same(await sql(flow, "select state from events where code = 'media_unfetched'"), [{ state: 1 }])
  flow.sandbox.faults.set([])

  const large = { sample: 'pdf', bytes: 100 * 1024 * 1024 + 1 }
  await flow.say({ type: 'document', text: 'everything', filename: 'all.pdf', media: large })
  const told = await flow.until('the row', () => flow.messages().find(each => /all\.pdf/.test(each.content)), 30_000)
  t.match(told.content, /“all\.pdf”: too large to show here \(104\.9 MB\)/)
  t.equal(told.attachments.length, 0)
})

t.test('a form with two files of which one is gone loses only that one', async t => {
  const flow = await startFlow(t)
  const media = await serveMedia(flow, getSample('jpeg')!.bytes, 'image/jpeg')
  const file = (id: string, name: string, sha256: string): Loose => ({
    id,
    file_name: name,
    mime_type: 'image/jpeg',
    sha256
  })
  const answers = {
    photos: [file(media.id, 'front.jpg', media.sha256), file('699999999999999', 'back.jpg', media.sha256)]
  }
  const interactive = { type: 'nfm_reply', nfm_reply: { name: 'flow', response_json: JSON.stringify(answers) } }
  const at = nowSeconds()
  const wamid = newWamid()
  const body = {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '1',
        changes: [
          {
            field: 'messages',
            value: value(flow, [{ wamid, at, more: { type: 'interactive', text: undefined, interactive } }])
          }
        ]
      }
    ]
  }
  t.equal(await deliver(flow, body), 200)
  const row = await flow.until('the row', () => flow.messages()[0], 30_000)
  t.equal(row.attachments.length, 1)
  t.equal(row.attachments[0].sha256, media.hex)
  t.match(row.content, /“back\.jpg”: no longer at WhatsApp/)
  t.notMatch(row.content, /“front\.jpg”: no longer/)
})
