import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readFound } from '../../adapters/whatsapp-cloud/from-wire.ts'
import { walkWebhook } from '../../adapters/whatsapp-cloud/walk.ts'
import { type RenderContext, renderInbound } from '../../plugin/core/inbound/render.ts'
import type { DeskDraft, DraftFile } from '../../plugin/core/model.ts'
import { LOCALES } from '../../plugin/core/texts/text.ts'

const folder = join(import.meta.dirname, '../fixtures/whatsapp')
/** Fixtures of webhooks; the others are requests, answers and descriptions. */
const files = readdirSync(folder).filter(
  file => file.endsWith('.json') && !/^(?:api|send|error|embedded|signature|verification)-/.test(file)
)

function render(file: string, context: Partial<RenderContext> = {}): DeskDraft[] {
  const body = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  const known = { locale: 'en', deletionPolicy: 'keep', quotedText: () => 'Where is my order?' } as const
  return walkWebhook(body).flatMap(found => renderInbound(readFound(found), { ...known, ...context }))
}

function showFile(file: DraftFile): string {
  return file.from === 'url' ? `+ picture at ${file.url}` : `+ ${file.type} ${file.media.id} (${file.media.mimeType})`
}

/** A row as a person would describe it; every message that answers something answers "Where is my order?". */
function show(draft: DeskDraft): string {
  const kind = `${draft.type}${draft.externalEcho ? ' echo' : ''}${draft.quotes ? ' quoting' : ''}`
  return [`${kind}: ${draft.content}`, ...draft.files.map(showFile)].join('\n')
}

/** What the desk shows for every webhook fixture that concerns a conversation. */
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
  'group-participants-add': ['activity: +15550100301 joined the group'],
  'group-participants-join-request-created': ['activity: @mara.ibsen would like to join the group'],
  'group-participants-leave': ['activity: +15550100301 left the group'],
  'group-participants-remove-by-business': ['activity: +15550100301 left the group'],
  'group-settings-update': ['activity: The group is now called “New subject”'],
  'group-status-suspend-cleared': ['activity: WhatsApp has lifted the suspension of the group'],
  'group-status-suspend': ['activity: WhatsApp has suspended the group: nothing can be sent to it for now'],
  'inbound-audio-file': ['incoming: \n+ audio 600000000000006 (audio/mpeg)'],
  'inbound-button-otp-not-requested': [
    "incoming quoting: **I didn't request a code**\n\n↩️ Answer to: “Where is my order?”"
  ],
  'inbound-button': ['incoming quoting: **Unsubscribe**\n\n↩️ Answer to: “Where is my order?”'],
  'inbound-contacts-request-share': [
    'incoming quoting: *🤝 Shares the number that you asked for*\n\n👤 **Mara Ibsen**\n📞 +15550100301 \\(mobile, on WhatsApp)'
  ],
  'inbound-contacts': [
    'incoming: 👤 **Dr. Barbara J. Johnson Jr.**\n🏢 Example Ltd\n📞 +1 (555) 010-0444 \\(mobile, on WhatsApp)\n✉️ barb@example.org \\(work)\n🏠 1 Example Street, 90000 Springfield, CA, United States\n🔗 <https://example.org>\n🎂 Birthday: January 23, 1990\n\n👤 **Monica**\n📞 +1 555 010 0445 \\(home)'
  ],
  'inbound-document': ['incoming: 📄 receipt.pdf\n\nmy receipt\n+ document 600000000000007 (application/pdf)'],
  'inbound-edit-image': ['incoming quoting: *✏️ Edited*\n\nNew caption'],
  'inbound-edit-text': ['incoming quoting: *✏️ Edited*\n\nCorrected text'],
  'inbound-image-no-url-no-caption': ['incoming: \n+ image 600000000000003 (image/png)'],
  'inbound-image-referral-video-ad': [
    'incoming: 📣 From a post\n**New**\nWatch\n[Open the post](https://fb.me/EXAMPLE2)\n+ picture at https://scontent.xx.fbcdn.net/v/thumb.jpg',
    'incoming: this?\n+ image 600000000000001 (image/jpeg)'
  ],
  'inbound-image': ['incoming: Broken item\n+ image 600000000000002 (image/jpeg)'],
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
  'inbound-sticker-animated': ['incoming: \n+ sticker 600000000000009 (image/webp)'],
  'inbound-sticker-static': ['incoming: \n+ sticker 600000000000008 (image/webp)'],
  'inbound-system-identity-changed': [
    'activity: Mara Ibsen has a new security code, perhaps with a new phone. Confirm who it is before you share anything private.'
  ],
  'inbound-system-user-changed-user-id-no-phone': [
    'activity: The customer has a new WhatsApp user id. The conversation goes on here.'
  ],
  'inbound-system-user-changed-user-id': [
    'activity: +15550100301 has a new WhatsApp user id. The conversation goes on here.'
  ],
  'inbound-text-bsuid-only': ['incoming: Hi, I use a username'],
  'inbound-text-conversation-context': ['incoming: I want a person'],
  'inbound-text-frequently-forwarded': ['incoming: *↪️↪️ Forwarded many times*\n\nfwd many'],
  'inbound-text-group': ['incoming: **Mara Ibsen**\n\nWhat does everyone think?'],
  'inbound-text-identity-hash': ['incoming: Hello'],
  'inbound-text-legacy-no-bsuid': ['incoming: hello'],
  'inbound-text-referral-ctwa': [
    'incoming: 📣 From an ad\n**Chat with us**\nSpring catalogue is here\n[Open the ad](https://fb.me/EXAMPLE1)\nThey were greeted with: “Hi! How can we help?”\n\nCan I get more info?\n+ picture at https://scontent.xx.fbcdn.net/v/example.jpg'
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
  'inbound-video': ['incoming: See this\n+ video 600000000000004 (video/mp4)'],
  'message-echoes': ['outgoing echo: sent by another app'],
  'smb-message-echoes-edit': ['outgoing echo quoting: *✏️ Edited*\n\nText was edited'],
  'smb-message-echoes-image': ['outgoing echo: photo\n+ image 6000000000000012 (image/jpeg)'],
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

/** Fixtures that say nothing to an agent: statuses become ticks, account and template news go to the admin. */
const SILENT =
  /^(?:account|automatic-events|business|flows|history|inbound-user-actions|inbound-value-errors|messaging-handovers|partner|phone-number|security|smb-app-state|standby-status|status|template|tracking|unknown-field)/

/** Which rule a fixture proves. */
const PROVES: [fixture: RegExp, rule: string][] = [
  [/^(?:inbound-image|smb-message-echoes-image)/, 'S66: a picture'],
  [/^inbound-video/, 'S67: a video'],
  [/^inbound-audio/, 'S69: an audio file'],
  [/^inbound-document/, 'S69: a document'],
  [/^inbound-location/, 'S70: a location'],
  [/^inbound-sticker/, 'S71: a sticker'],
  [/^inbound-contacts/, 'S72: shared contacts'],
  [/reaction/, 'S88: a reaction'],
  [/revoke/, 'S89: a deletion'],
  [/unsupported|131000|unknown-message/, 'S87, S91: what WhatsApp does not pass on']
]

for (const file of files) {
  const name = file.replace('.json', '')
  const [, rule = 'a webhook'] = PROVES.find(([fixture]) => fixture.test(name)) ?? []
  t.test(`${rule}: ${name} renders as expected`, async t => {
    t.strictSame(render(file).map(show), ROWS[name] ?? [])
    t.equal(ROWS[name] === undefined, SILENT.test(name), 'only what concerns no conversation is silent')
  })
}

t.test('every expected rendering has its fixture', async t => {
  const known = new Set(files.map(file => file.replace('.json', '')))
  for (const name of Object.keys(ROWS)) t.ok(known.has(name), name)
})

t.test('S87: every fixture renders in every language, and differently', async t => {
  for (const name of Object.keys(ROWS)) {
    const [en, es, ptBr] = LOCALES.map(locale => render(`${name}.json`, { locale }))
    t.equal(es!.length, en!.length, name)
    t.equal(ptBr!.length, en!.length, name)
    for (const [i, row] of en!.entries()) {
      t.strictSame(es![i]!.files, row.files, 'files and quotes do not depend on the language')
      t.equal(ptBr![i]!.quotes, row.quotes)
      t.strictSame(ptBr![i]!.marker, row.marker)
    }
  }
  const spanish = ['inbound-unsupported', 'inbound-order', 'inbound-revoke', 'calls-terminate', 'group-status-suspend']
  for (const name of spanish) {
    const [en, es, ptBr] = LOCALES.map(locale => render(`${name}.json`, { locale })[0]!.content)
    t.not(es, en, name)
    t.not(ptBr, en, name)
    t.not(ptBr, es, name)
  }
})

t.test('every row carries the wamid, its kind and the time of Meta in its marker', async t => {
  for (const name of Object.keys(ROWS)) {
    for (const { marker } of render(`${name}.json`)) {
      t.match(marker.kind, /^[a-z_]+$/, name)
      t.equal(marker.at, '2026-11-05T12:00:00.000Z', name)
      if (!/^(?:calls|group|user-preferences)/.test(name)) t.match(marker.wamid, /^wamid\./, name)
    }
  }
})
