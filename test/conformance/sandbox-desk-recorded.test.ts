/** The stand-in is made to cause what a running Chatwoot 4.16.2 was recorded with, and compared key by key. */
import t from 'tap'
import { signHook } from '../../adapters/sandbox/desk/hook-poster.ts'
import { railsJson } from '../../adapters/sandbox/desk/json.ts'
import type { Hook, Lab, Loose } from './sandbox-desk-lab.ts'
import { differences, openLab, recorded } from './sandbox-desk-lab.ts'

const ANA = {
  name: 'Ana',
  phone_number: '+34600111222',
  identifier: 'wa:ES.123',
  additional_attributes: { social_profiles: { whatsapp: 'ana' } },
  custom_attributes: { wa_user_id: 'ES.123' }
}

const TEMPLATES = recorded('inbox.create.admin').additional_attributes

/** The state in which most of the recordings were made. */
async function openWithAna(): Promise<Lab & { contact: Loose; conversation: Loose; created: Hook[] }> {
  const lab = await openLab({ inbox: {} })
  const { webhook_url } = lab.inbox
  await lab.call('PATCH', `inboxes/${lab.inbox.id}`, { channel: { webhook_url, additional_attributes: TEMPLATES } })
  const contact = await lab.call('POST', 'contacts', { ...ANA, inbox_id: lab.inbox.id, source_id: 'src-1' })
  const conversation = await lab.call('POST', 'conversations', {
    inbox_id: lab.inbox.id,
    contact_id: contact.json.payload.contact.id,
    source_id: 'src-1',
    custom_attributes: { wa_number: '+34 600' },
    additional_attributes: { referral: { x: 1 } },
    message: {
      message_type: 'incoming',
      content: 'Hola **x** <b>',
      source_id: 'wamid.AAA',
      content_attributes: { wa: { id: 'wamid.AAA' } },
      external_created_at: 1700000000
    }
  })
  const created = [...(await lab.waitHooks(2))]
  await lab.settle()
  return { ...lab, contact: contact.json, conversation: conversation.json, created }
}

const HEADERS = [
  'content-type',
  'accept',
  'x-chatwoot-delivery',
  'x-chatwoot-timestamp',
  'x-chatwoot-signature',
  'user-agent'
]

/** A hook is compared with its headers; `skip` is about the body. */
function compareHook(s: Tap, hook: Hook | undefined, expected: Loose, skip: RegExp[] = []): void {
  if (!hook) {
    s.fail('the hook did not come')
    return
  }
  s.strictSame(differences(hook.body, expected.body, skip), [], 'body')
  const signed = HEADERS.filter(name => name in expected.headers)
  for (const name of signed) s.equal(typeof hook.headers[name], 'string', name)
  s.equal('x-chatwoot-signature' in hook.headers, 'x-chatwoot-signature' in expected.headers, 'signed or not')
  for (const name of ['content-type', 'accept', 'user-agent']) s.equal(hook.headers[name], expected.headers[name], name)
}

type Tap = Pick<typeof t, 'strictSame' | 'equal' | 'fail'>

// Contract §5.2: the payload shows the state of the moment its job runs; the recording's jobs ran a little earlier.
const LATER_STATE = [/first_reply_created_at$/, /waiting_since$/]
const isEvent = (event: string) => (hook: Hook) => hook.body?.event === event

t.test('signature and raw bytes are those of the recorded vector', s => {
  const vector = recorded('signature-vector')
  const timestamp = Number(vector.headers['x-chatwoot-timestamp'])
  s.equal(signHook(vector.secret, timestamp, vector.raw_body_utf8), vector.headers['x-chatwoot-signature'])
  s.equal(railsJson(JSON.parse(vector.raw_body_utf8)), vector.raw_body_utf8, 'escaped as Rails escapes')
  s.equal(railsJson('a\u2028b\u2029<&>'), '"a\\u2028b\\u2029\\u003c\\u0026\\u003e"')
  s.end()
})

t.test('profile, session and agents', async s => {
  const lab = await openLab()
  s.teardown(() => lab.close())
  const profile = await lab.call('GET', '/api/v1/profile', undefined, { bare: true, token: lab.agent })
  s.strictSame(differences(profile.json, recorded('profile')), [])
  const bea = lab.desk.config().agents.find(agent => agent.name === 'Bea Agent')!
  const session = { 'access-token': bea.session.accessToken, client: bea.session.client, uid: bea.session.uid }
  const valid = await lab.call('GET', '/auth/validate_token', undefined, { bare: true, token: null, headers: session })
  s.strictSame(differences(valid.json, recorded('auth.validate_token')), [])
  const agents = await lab.call('GET', 'agents')
  s.strictSame(differences(agents.json, recorded('agents')), [])
})

t.test('inbox as its administrator and as an agent sees it, contact, conversation with its first message', async s => {
  const lab = await openWithAna()
  s.teardown(() => lab.close())
  const admin = await lab.call('GET', `inboxes/${lab.inbox.id}`)
  // The recording is the answer to the creation, which shows the keys as they were sent; jsonb orders them by length.
  s.strictSame(differences(admin.json, recorded('inbox.create.admin'), [/additional_attributes.* keys$/]), [])
  const agent = await lab.call('GET', `inboxes/${lab.inbox.id}`, undefined, { token: lab.agent })
  s.strictSame(differences(agent.json, recorded('inbox.show.agent')), [])
  s.strictSame(differences(lab.contact, recorded('contact.create')), [])
  s.strictSame(differences(lab.conversation, recorded('conversation.create.embedded')), [])
  const [first, second] = lab.created
  compareHook(s, first, recorded('hook.conversation_created.first'))
  compareHook(s, second, recorded('hook.message_created.incoming'))
  const vector = recorded('signature-vector')
  s.strictSame(differences(second?.body, JSON.parse(vector.raw_body_utf8)), [], 'the body that was signed')
  const timestamp = Number(second?.headers['x-chatwoot-timestamp'])
  s.equal(second?.headers['x-chatwoot-signature'], signHook(lab.inbox.secret, timestamp, second?.raw ?? ''))
})

t.test('incoming, outgoing and quoting messages, a failed one, retry', async s => {
  const lab = await openWithAna()
  s.teardown(() => lab.close())
  const path = `conversations/${lab.conversation.id}/messages`
  const again = await lab.call('POST', path, { message_type: 'incoming', content: 'again', source_id: 'wamid.AAA' })
  s.strictSame(differences(again.json, recorded('message.create.incoming')), [])
  await lab.settle()
  const content = 'Hola **negrita** _c_ [l](https://a.b)\n1. uno\n2. dos\n\n`code` {{contact.name}} {{agent.name}}'
  const answer = await lab.call('POST', path, { content }, { token: lab.agent })
  s.strictSame(differences(answer.json, recorded('message.create.agent')), [])
  await lab.settle()
  const failed = { status: 'failed', external_error: '131047: window closed' }
  await lab.call('PATCH', `${path}/${answer.json.id}`, failed)
  compareHook(s, (await lab.waitHooks(1))[0], recorded('hook.message_updated.failed'))
  await lab.settle()
  lab.desk.act({ act: 'retry', conversationId: lab.conversation.id, messageId: answer.json.id })
  const retried = await lab.waitHooks(2)
  const expected = recorded('hooks.retry')
  compareHook(s, retried[0], expected[0])
  compareHook(s, retried[1], expected[1])
  await lab.settle()
  const quote = { content: 'quoted reply', content_attributes: { in_reply_to_external_id: 'wamid.AAA' } }
  const quoted = await lab.call('POST', path, quote, { token: lab.agent })
  s.strictSame(differences(quoted.json, recorded('message.create.quote')), [])
  compareHook(s, (await lab.waitHooks(1))[0], recorded('hook.message_created.quote'))
})

t.test('a hook answered 500 marks the message failed and says so', async s => {
  const lab = await openWithAna()
  s.teardown(() => lab.close())
  lab.answerHooksWith(body => ({ status: body.event === 'message_created' ? 500 : 200 }))
  const path = `conversations/${lab.conversation.id}/messages`
  await lab.call('POST', path, { content: 'will fail' }, { token: lab.agent })
  await lab.waitHooks(1, isEvent('message_updated'))
  const [made] = await lab.waitHooks(1, isEvent('message_created'))
  const [updated] = await lab.waitHooks(1, isEvent('message_updated'))
  const expected = recorded('hooks.on500')
  compareHook(s, made, expected[0], [/conversation\.unread_count$/])
  compareHook(s, updated, expected[1], [/conversation\.unread_count$/])
})

t.test('the list shows a message whose hook got no answer in time', { timeout: 20_000 }, async s => {
  const lab = await openWithAna()
  s.teardown(() => lab.close())
  lab.answerHooksWith(body => (body.event === 'message_created' ? 'never' : { status: 200 }))
  await lab.call('POST', `conversations/${lab.conversation.id}/messages`, { content: 'slow' }, { token: lab.agent })
  for (let i = 0; i < 130; i++) {
    if (lab.hooks.some(hook => hook.body.event === 'message_updated')) break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const query = `conversations?inbox_id=${lab.inbox.id}&status=all&source_id=src-1`
  const list = await lab.call('GET', query)
  s.strictSame(differences(list.json, recorded('conversations.list')), [])
})

t.test('files', async s => {
  const lab = await openWithAna()
  s.teardown(() => lab.close())
  const path = `conversations/${lab.conversation.id}`
  await lab.call('PATCH', `contacts/${lab.contact.payload.contact.id}`, {
    additional_attributes: { b: 2 },
    custom_attributes: { a: 1 }
  })
  await lab.call('POST', `${path}/messages`, { content: 'answer' }, { token: lab.agent })
  await lab.call('POST', `${path}/labels`, { labels: ['whatsapp'] })
  await lab.call('POST', `${path}/custom_attributes`, { custom_attributes: { three: 3 } })
  await lab.settle()
  const form = new FormData()
  form.set('content', 'pic')
  form.set('message_type', 'incoming')
  form.set('source_id', 'wamid.PIC')
  form.set('content_attributes', '{"k":1}')
  form.append('attachments[]', new Blob([new Uint8Array(70)], { type: 'image/png' }), 'foto ñ.png')
  form.append('attachments[]', new Blob([new Uint8Array(8)], { type: 'application/pdf' }), 'doc.pdf')
  const made = await lab.call('POST', `${path}/messages`, undefined, { form })
  // Key order of jsonb columns (by length) is not imitated.
  const jsonb = [/(additional|custom)_attributes keys$/]
  s.strictSame(differences(made.json, recorded('message.create.attachments'), jsonb), [])
  const [hook] = await lab.waitHooks(1, isEvent('message_created'))
  compareHook(s, hook, recorded('hook.message_created.attachments'), jsonb)
})

t.test('what agents do: note, typing, templates, automation, macro, start, greeting, survey', async s => {
  const lab = await openWithAna()
  s.teardown(() => lab.close())
  const conversationId = lab.conversation.id
  const path = `conversations/${conversationId}`
  await lab.call('PATCH', `contacts/${lab.contact.payload.contact.id}`, {
    additional_attributes: { b: 2 },
    custom_attributes: { a: 1 }
  })
  await lab.call('POST', `${path}/labels`, { labels: ['whatsapp'] })
  await lab.call('POST', `${path}/custom_attributes`, { custom_attributes: { three: 3 } })
  await lab.call('POST', `${path}/assignments`, { assignee_id: 2 })
  lab.desk.reply({ conversationId, content: 'first' })
  await lab.settle()
  const jsonb = [/(additional|custom)_attributes keys$/]

  for (const name of ['copy_code', 'order_update', 'plain_text', 'promo_img']) {
    const expected = recorded(`hook.message_created.template_params.${name}`)
    lab.desk.reply({
      conversationId,
      content: expected.body.content,
      templateParams: expected.body.additional_attributes.template_params
    })
    const [hook] = await lab.waitHooks(1, isEvent('message_created'))
    compareHook(s, hook, expected, [...jsonb, ...LATER_STATE])
    await lab.settle()
  }

  const lastTemplate = recorded('hook.message_created.template_params.copy_code')
  lab.desk.reply({
    conversationId,
    content: lastTemplate.body.content,
    templateParams: lastTemplate.body.additional_attributes.template_params
  })
  await lab.settle()
  lab.desk.reply({ conversationId, content: 'puente 4711-2290', private: true })
  compareHook(s, (await lab.waitHooks(1))[0], recorded('hook.message_created.private'), jsonb)
  await lab.settle()
  lab.desk.act({ act: 'typing', conversationId, on: true })
  compareHook(s, (await lab.waitHooks(1))[0], recorded('hook.conversation_typing_on'), jsonb)
  await lab.settle()

  lab.desk.act({ act: 'greeting', on: true, message: 'Hola, te respondemos en breve {{contact.name}}' })
  const greta = await lab.call('POST', 'contacts', {
    name: 'Greta',
    inbox_id: lab.inbox.id,
    source_id: 'greet-1795342792567'
  })
  const talk = await lab.call('POST', 'conversations', {
    inbox_id: lab.inbox.id,
    contact_id: greta.json.payload.contact.id,
    source_id: 'greet-1795342792567',
    message: { message_type: 'incoming', content: 'hola' }
  })
  const [greeting] = await lab.waitHooks(1, hook => hook.body.message_type === 'template')
  compareHook(s, greeting, recorded('hook.message_created.greeting'))
  await lab.settle()

  lab.desk.act({ act: 'csat', on: true })
  lab.desk.act({ act: 'resolve', conversationId: talk.json.id })
  const resolved = recorded('hooks.resolve_csat')
  await lab.waitHooks(3)
  const surveyText = (text: string) => text.replace(/http:.*$/, 'URL')
  for (const expected of resolved) {
    const hook = lab.hooks.find(isEvent(expected.body.event))
    if (hook?.body.content) hook.body.content = surveyText(hook.body.content)
    if (expected.body.content) expected.body.content = surveyText(expected.body.content)
    compareHook(s, hook, expected)
  }
  await lab.settle()

  lab.desk.act({ act: 'open', conversationId: talk.json.id })
  await lab.settle()
  lab.desk.act({ act: 'automation', conversationId: talk.json.id, content: 'auto hello', ruleId: 1 })
  compareHook(s, (await lab.waitHooks(1))[0], recorded('hook.message_created.automation'), LATER_STATE)
  await lab.settle()
  lab.desk.act({
    act: 'macro',
    conversationId: talk.json.id,
    content: 'macro hello',
    webhookUrl: lab.inbox.webhook_url
  })
  await lab.waitHooks(3)
  for (const expected of recorded('hooks.macro')) {
    compareHook(s, lab.hooks.find(isEvent(expected.body.event)), expected, [
      ...LATER_STATE,
      /agent_last_seen_at$/,
      /unread_count$/
    ])
  }
  await lab.settle()

  lab.desk.act({ act: 'start', phone: '+34612798452', name: 'Cold Lead', content: 'Buenas, le escribo por su pedido' })
  await lab.waitHooks(3)
  const started = recorded('hooks.agent_start')
  for (const expected of started) {
    const skip = expected.body.event === 'conversation_updated' ? [] : LATER_STATE
    compareHook(s, lab.hooks.find(isEvent(expected.body.event)), expected, skip)
  }
  s.match(lab.hooks[0]?.body.contact_inbox.source_id, /^[0-9a-f-]{36}$/, 'a random source id')
})

t.test('a dashboard app', async s => {
  const lab = await openLab({ bare: true })
  s.teardown(() => lab.close())
  const made = await lab.call('POST', 'dashboard_apps', {
    dashboard_app: { title: 'WhatsApp', content: [{ type: 'frame', url: 'http://127.0.0.1:4100/tab' }] }
  })
  s.strictSame(differences(made.json, recorded('dashboard_app.create')), [])
})
