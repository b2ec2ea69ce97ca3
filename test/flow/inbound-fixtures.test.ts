/**
 * Every webhook of the contract goes the whole way, signature to desk row, each for a customer of its own. What the
 * desk then shows is written out here; the wording of each kind and language is proved in the renderer's unit tests.
 */
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import { deliver, moveFixture, rowsOf, sql, webhook, webhookFixtures } from './inbound-lab.ts'

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

/** Which rule a fixture proves here; that files arrive whole is proved in inbound-media.test.ts. */
const PROVES: [fixture: RegExp, rule: string][] = [
  [/^inbound-location/, 'S70: a location'],
  [/^inbound-contacts/, 'S72: shared contacts'],
  [/reaction/, 'S88: a reaction'],
  [/revoke/, 'S89: a deletion'],
  [/^(?:inbound-(?:image|video|audio|document|sticker)|smb-message-echoes-image)/, 'S90: a file that is gone'],
  [/unsupported|131000|unknown-message/, 'S87, S91: what WhatsApp does not pass on']
]

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
    const [, rule = 'a webhook'] = PROVES.find(([fixture]) => fixture.test(name)) ?? []
    await t.test(`${rule}: ${name}`, async t => {
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
