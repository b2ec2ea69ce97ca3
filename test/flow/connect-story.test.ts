/** Connecting from nothing to a proven number, as a person does it; and once more, which changes nothing. */
import t from 'tap'
import { readManifest } from '../../plugin/manifest.ts'
import type { Loose } from '../support/puente.ts'
import { openLab } from './connect-lab.ts'

t.test('S2, S36, S40: from nothing to a number that serves, with everything that the desk shows of it', async t => {
  const lab = await openLab(t)
  lab.sandbox.desk.configure({ locale: 'es' })
  const { code, json } = await lab.connect()
  t.equal(code, 0)
  t.match(json, { ok: true, state: 'connected but unproven', accountEvents: 'webhook', proof: { proven: false } })
  t.ok(json.proof.hook, 'S36: the private note came back through the signed hook')
  t.same(
    json.checks.filter((check: Loose) => check.state !== 'ok'),
    [],
    'every check is well'
  )

  const held = lab.held()
  const [inbox] = held.inboxes
  t.equal(held.inboxes.length, 1)
  t.match(inbox.webhookUrl, new RegExp(`^${lab.url}/webhooks/chatwoot/[\\w-]{20,}$`))
  t.match(inbox.additionalAttributes, {
    agent_reply_time_window: 24,
    agent_reply_time_window_message: /plantilla/,
    puente: { phoneNumberId: json.phoneNumberId, installation: lab.runtime.installation }
  })
  t.ok(inbox.avatarPath, 'the inbox has a picture')
  t.equal(held.files, 1, 'which is the only file: that Chatwoot reaches Puente was seen without one')
  t.equal(held.members[0]!.length, 4, 'all agents are members')
  t.same(held.apps, [`${lab.url}/app/tab`])
  t.same(held.labels, ['whatsapp'])
  const { attributes, contactLink } = readManifest().offers
  t.same(held.attributes.sort(), [...attributes, contactLink].map(each => each.key).sort())
  const { url, accountId, adminToken } = lab.sandbox.desk.config()
  const defined = await fetch(`${url}/api/v1/accounts/${accountId}/custom_attribute_definitions`, {
    headers: { 'api-access-token': adminToken }
  })
  t.match(
    ((await defined.json()) as Loose[]).find(each => each.attribute_key === contactLink.key),
    { attribute_model: 'contact_attribute', attribute_display_type: 'link' },
    'a link on the contact’s page'
  )
  t.match(held.folders, [{ name: 'whatsapp', query: { payload: [{ attribute_key: 'inbox_id', values: [inbox.id] }] } }])
  t.equal(held.override, `${lab.url}/webhooks/whatsapp`)
  t.equal(held.subscribed, true)
  t.match(held.appCallback, { url: `${lab.url}/webhooks/whatsapp` })
  t.ok(held.appCallback.fields.includes('message_template_status_update'), 'what overrides never carry')

  const [row] = await lab.query('select * from numbers')
  t.match(row, { time_zone_id: '25', time_zone: 'America/Sao_Paulo' })
  t.match(row, { quality: 'GREEN', messaging_limit: 'TIER_2K' }, 'S4: read, not assumed')
  t.equal(row.throughput_per_second, 80)
  t.notMatch(row.hook_secret_sealed, inbox.secret, 'the hook secret is sealed')
  const [accepted] = await lab.query('select * from acceptances')
  t.match(accepted, { how: '--yes', phone_number_id: json.phoneNumberId, desk_user_id: 4 })
  t.ok(
    accepted.links.some((link: string) => link.includes('business-solution-terms')),
    'S22: which terms'
  )

  const view = lab.sandbox.desk.view() as Loose
  await lab.until('the note is gone', () => (lab.sandbox.desk.view() as Loose).conversations.length === 0)
  t.equal(view.inboxes.length, 1)
})

t.test('S36, S39: a code from a phone proves the other direction; every conversation is labelled', async t => {
  const lab = await openLab(t, { seed: 12 })
  t.equal((await lab.connect()).code, 0)
  const ran = lab.connect(undefined, { yes: true, wait: 30 })
  const shown = await lab.until('the code', () => lab.shown().match(/Puente \d{4}/)?.[0], 20_000)
  // As a phone would write it.
  await lab.sandbox.graph.say({ customer: 'lucia', type: 'text', text: `${shown.toLowerCase()}!` } as Loose)
  const { code, text } = await ran
  t.equal(code, 0)
  t.match(text, /both directions proven/)
  const [proof] = await lab.query('select hook_proven_at, inbound_proven_at, answer_proven_at from numbers')
  t.ok(proof.hook_proven_at && proof.inbound_proven_at && proof.answer_proven_at)
  const conversation = (lab.sandbox.desk.view() as Loose).conversations.find((one: Loose) => one.contact?.phone)
  await lab.until('the label', () =>
    (lab.sandbox.desk.view() as Loose).conversations
      .find((one: Loose) => one.id === conversation.id)
      .labels.includes('whatsapp')
  )
  t.equal(
    lab.sandbox.ledger.list({ side: 'graph', what: 'effect', name: 'sent' }).length,
    1,
    'the answer went the whole way'
  )
})

t.test('S28: connecting twice changes nothing', async t => {
  const lab = await openLab(t, { seed: 13 })
  await lab.connect()
  await lab.until('the note is gone', () => (lab.sandbox.desk.view() as Loose).conversations.length === 0)
  const before = lab.held()
  const mark = lab.mark()
  const { code, json } = await lab.connect()
  t.equal(code, 0)
  t.same(lab.changes(mark), [], 'no call that could change anything')
  t.same(lab.sandbox.ledger.list({ side: 'desk', what: 'call', name: 'POST /upload', after: mark }), [])
  t.same(lab.held(), before)
  t.ok(json.steps.every((step: Loose) => step.did === null))
  t.match(json.changes, [/connected already/])
})
