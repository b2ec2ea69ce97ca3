/** Every hook example, hand-made and recorded, read into Puente's words. */
import fc from 'fast-check'
import t from 'tap'
import { isOwnEcho, readHook } from '../../adapters/chatwoot/from-wire.ts'
import type { DeskHook } from '../../plugin/core/ports/help-desk.ts'
import { listExamples, readExample } from '../types/chatwoot-examples.ts'

const MADE = '0b8f5b0e-5a7e-4d36-9a55-2f6a4a1c7e90'
const GREETED = 'greet-1795342792567'
const STARTED = '951ab558-09a4-4d7c-94b6-af92d02881a1'
const WAMID = 'wamid.HBgNNTQ5MTE1NTU1MDEyMxUCABIYFDNBMkQ3'

/** created/updated #id@conversation type [status] by sender, files, flags → source of the contact. */
function describe(hook: DeskHook): string {
  switch (hook.kind) {
    case 'message': {
      const { message: m } = hook
      const parts = [
        `${hook.created ? 'created' : 'updated'} #${m.id}@${m.conversationId} ${m.type} [${m.status}]`,
        `by ${m.senderType === null ? 'nobody' : `${m.senderType} ${m.senderId}`}`
      ]
      if (m.private) parts.push('private')
      if (m.contentType !== 'text') parts.push(m.contentType)
      if (m.sourceId !== null) parts.push(`source ${m.sourceId}`)
      for (const file of m.files) parts.push(`${file.type} ${file.name} ${file.sizeBytes} ${file.mimeType}`)
      if (hook.deleted) parts.push('deleted')
      if (hook.marked) parts.push('marked')
      if (hook.quotesMessageId !== null) parts.push(`quotes #${hook.quotesMessageId} ${hook.quotesSourceId}`)
      if (hook.templateParams) parts.push(`template ${hook.templateParams.name}`)
      return `${parts.join(', ')} → ${hook.contactSource}`
    }
    case 'conversation':
      return `conversation ${hook.event} @${hook.conversationId} ${hook.status} to ${hook.assigneeId} → ${hook.contactSource}`
    case 'typing':
      return `typing ${hook.on} @${hook.conversationId} private ${hook.private} user ${hook.byUser} → ${hook.contactSource}`
    default:
      return `other ${hook.event}`
  }
}

const EXPECTED: Record<string, string[]> = {
  'webhook.automation_event.json': ['other automation_event.message_created'],
  'webhook.contact_created.json': ['other contact_created'],
  'webhook.contact_updated.json': ['other contact_updated'],
  'webhook.conversation_created.json': [`conversation created @57 open to null → ${MADE}`],
  'webhook.conversation_status_changed.json': [`conversation status_changed @57 resolved to 9 → ${MADE}`],
  'webhook.conversation_typing_off.json': [`typing false @57 private false user true → ${MADE}`],
  'webhook.conversation_typing_on.contact.json': [`typing true @57 private false user false → ${MADE}`],
  'webhook.conversation_typing_on.json': [`typing true @57 private false user true → ${MADE}`],
  'webhook.conversation_updated.assignee.json': [`conversation updated @57 open to 9 → ${MADE}`],
  'webhook.conversation_updated.custom-attributes.json': [`conversation updated @57 open to 9 → ${MADE}`],
  'webhook.inbox_created.json': ['other inbox_created'],
  'webhook.inbox_updated.json': ['other inbox_updated'],
  'webhook.macro_executed.json': ['other macro.executed'],
  'webhook.webwidget_triggered.json': ['other webwidget_triggered'],
  'webhook.message_created.incoming-echo.json': [
    `created #9118@57 incoming [sent], by contact 418, source ${WAMID}, marked → ${MADE}`
  ],
  'webhook.message_created.integration-video-call.json': [
    `created #9134@57 outgoing [sent], by user 9, integrations → ${MADE}`
  ],
  'webhook.message_created.outgoing-api-created.json': [
    `created #9133@57 outgoing [sent], by bot 4, source wamid.HBgNNTQ5MTE1NTU1MDEyMxUCABEYEkE5, marked → ${MADE}`
  ],
  'webhook.message_created.outgoing-automation.json': [`created #9129@57 outgoing [sent], by nobody → ${MADE}`],
  'webhook.message_created.outgoing-image.json': [
    `created #9123@57 outgoing [sent], by user 9, image presupuesto.jpg 184233 image/jpeg → ${MADE}`
  ],
  'webhook.message_created.outgoing-input-select.json': [
    `created #9128@57 outgoing [sent], by bot 4, input_select → ${MADE}`
  ],
  'webhook.message_created.outgoing-markdown.json': [`created #9121@57 outgoing [sent], by user 9 → ${MADE}`],
  'webhook.message_created.outgoing-multiple-attachments.json': [
    'created #9124@57 outgoing [sent], by user 9, image presupuesto.jpg 184233 image/jpeg, ' +
      `file lista-precios.pdf 902114 application/pdf → ${MADE}`
  ],
  'webhook.message_created.outgoing-reply.json': [
    `created #9122@57 outgoing [sent], by user 9, quotes #9118 ${WAMID} → ${MADE}`
  ],
  'webhook.message_created.outgoing-template-media-buttons.json': [
    `created #9127@57 outgoing [sent], by user 9, template factura → ${MADE}`
  ],
  'webhook.message_created.outgoing-template.json': [
    `created #9126@57 outgoing [sent], by user 9, template pedido_listo → ${MADE}`
  ],
  'webhook.message_created.outgoing-text.json': [`created #9120@57 outgoing [sent], by user 9 → ${MADE}`],
  'webhook.message_created.outgoing-voice.json': [
    'created #9125@57 outgoing [sent], by user 9, ' +
      `audio 0c4b0a52-93f3-4d43-a4f5-5d2f6b3d8f0a.mp3 48711 audio/mpeg → ${MADE}`
  ],
  'webhook.message_created.private-note.json': [`created #9130@57 outgoing [], by user 9, private → ${MADE}`],
  'webhook.message_created.template-csat.json': [`created #9132@57 template [sent], by nobody, input_csat → ${MADE}`],
  'webhook.message_created.template-greeting.json': [`created #9131@57 template [sent], by nobody → ${MADE}`],
  'webhook.message_updated.deleted.json': [`updated #9120@57 outgoing [sent], by user 9, deleted → ${MADE}`],
  'webhook.message_updated.retry-4.16.json': [`updated #9120@57 outgoing [sent], by user 9 → ${MADE}`],
  'webhook.message_updated.retry-first-update.json': [`updated #9120@57 outgoing [sent], by user 9 → ${MADE}`],
  'webhook.message_updated.status-delivered.json': [`updated #9120@57 outgoing [delivered], by user 9 → ${MADE}`],
  'webhook.message_updated.status-failed.json': [`updated #9120@57 outgoing [failed], by user 9 → ${MADE}`],
  'recorded-4.16.2/hook.conversation_created.first.json': ['conversation created @1 open to null → src-1'],
  'recorded-4.16.2/hook.conversation_typing_on.json': ['typing true @1 private false user true → src-1'],
  'recorded-4.16.2/hook.message_created.attachments.json': [
    'created #25@1 incoming [sent], by contact 1, source wamid.PIC, image foto ñ.png 70 image/png, ' +
      'file doc.pdf 8 application/pdf, marked → src-1'
  ],
  'recorded-4.16.2/hook.message_created.automation.json': [`created #1204@54 outgoing [sent], by nobody → ${GREETED}`],
  'recorded-4.16.2/hook.message_created.greeting.json': [`created #1199@54 template [sent], by nobody → ${GREETED}`],
  'recorded-4.16.2/hook.message_created.incoming.json': [
    'created #1@1 incoming [sent], by contact 1, source wamid.AAA, marked → src-1'
  ],
  'recorded-4.16.2/hook.message_created.private.json': ['created #1196@1 outgoing [], by user 2, private → src-1'],
  'recorded-4.16.2/hook.message_created.quote.json': [
    'created #4@1 outgoing [sent], by user 2, quotes #1 wamid.AAA → src-1'
  ],
  'recorded-4.16.2/hook.message_created.template_params.copy_code.json': [
    'created #765@1 outgoing [sent], by user 2, template copy_code → src-1'
  ],
  'recorded-4.16.2/hook.message_created.template_params.order_update.json': [
    'created #762@1 outgoing [sent], by user 2, template order_update → src-1'
  ],
  'recorded-4.16.2/hook.message_created.template_params.plain_text.json': [
    'created #764@1 outgoing [sent], by user 2, template plain_text → src-1'
  ],
  'recorded-4.16.2/hook.message_created.template_params.promo_img.json': [
    'created #763@1 outgoing [sent], by user 2, template promo_img → src-1'
  ],
  'recorded-4.16.2/hook.message_updated.failed.json': ['updated #3@1 outgoing [failed], by user 2 → src-1'],
  'recorded-4.16.2/hooks.agent_start.json': [
    `conversation created @55 open to null → ${STARTED}`,
    `created #1206@55 outgoing [sent], by user 2 → ${STARTED}`,
    `conversation updated @55 open to null → ${STARTED}`
  ],
  'recorded-4.16.2/hooks.macro.json': [
    `created #1205@54 outgoing [sent], by user 2 → ${GREETED}`,
    'other macro.executed',
    `conversation updated @54 open to null → ${GREETED}`
  ],
  'recorded-4.16.2/hooks.on500.json': [
    'created #6@1 outgoing [sent], by user 2 → src-1',
    'updated #6@1 outgoing [failed], by user 2 → src-1'
  ],
  'recorded-4.16.2/hooks.resolve_csat.json': [
    `conversation updated @54 resolved to null → ${GREETED}`,
    `conversation status_changed @54 resolved to null → ${GREETED}`,
    `created #1201@54 template [sent], by nobody, input_csat → ${GREETED}`
  ],
  'recorded-4.16.2/hooks.retry.json': [
    'updated #3@1 outgoing [sent], by user 2 → src-1',
    'updated #3@1 outgoing [sent], by user 2 → src-1'
  ]
}

// biome-ignore lint/suspicious/noExplicitAny: examples are changed at will here
type Loose = Record<string, any>

type Recorded = { body: Loose }

function bodiesOf(name: string): Loose[] {
  const example = readExample(name)
  if (name.startsWith('webhook.')) return [example as Loose]
  const recorded = Array.isArray(example) ? (example as Recorded[]) : [example as Recorded]
  return recorded.map(hook => hook.body)
}

const hookNames = listExamples().filter(name => /^webhook\.|\/hooks?\./.test(name))

t.test('every hook example is read as what it is', async t => {
  t.same(hookNames.sort(), Object.keys(EXPECTED).sort(), 'each example is asserted')
  for (const name of hookNames)
    t.same(
      bodiesOf(name).map(body => describe(readHook(body))),
      EXPECTED[name],
      name
    )
})

function message(hook: DeskHook) {
  if (hook.kind !== 'message') throw new Error(`not a message: ${hook.kind}`)
  return hook
}

t.test('a message hook keeps content, times, contact, attributes and template values', async t => {
  const text = message(readHook(bodiesOf('webhook.message_created.outgoing-text.json')[0]))
  t.equal(text.message.content, 'Sí, tenemos stock. ¿Lo enviamos hoy?')
  t.equal(text.message.createdAt.toISOString(), '2026-07-27T10:05:40.118Z')
  t.equal(text.message.senderName, 'Lucía Ferrer')
  t.equal(text.conversationStatus, 'open')
  t.same(text.contact, {
    id: 418,
    phone: '+5491155550123',
    name: 'Marta Quiroga',
    identifier: 'wa:AR.1204987711'
  })
  const voice = message(readHook(bodiesOf('webhook.message_created.outgoing-voice.json')[0]))
  t.equal(voice.message.content, null)
  const template = message(readHook(bodiesOf('webhook.message_created.outgoing-template.json')[0]))
  t.same(template.templateParams?.processed_params, { body: { '1': 'Marta', '2': 'A-1007' } })
  const failed = message(readHook(bodiesOf('recorded-4.16.2/hook.message_updated.failed.json')[0]))
  t.equal(failed.message.attributes.external_error, '131047: window closed')
  const choices = message(readHook(bodiesOf('webhook.message_created.outgoing-input-select.json')[0]))
  t.same(choices.message.attributes.items, [
    { title: 'Ventas', value: 'ventas' },
    { title: 'Soporte', value: 'soporte' }
  ])
  const attributes = readHook(bodiesOf('webhook.conversation_updated.custom-attributes.json')[0])
  t.match(attributes, { kind: 'conversation', attributes: { wa_window_expires_at: '2026-07-28T10:02:12Z' } })
})

t.test('an older desk tells less, and is still understood', async t => {
  const body = bodiesOf('webhook.message_created.outgoing-image.json')[0]!
  delete body.conversation.account
  delete body.conversation.meta.assignee_type
  delete body.attachments[0].content_type
  const hook = message(readHook(body))
  t.equal(hook.message.files[0]!.mimeType, undefined)
  t.equal(hook.message.files[0]!.name, 'presupuesto.jpg')
  t.equal(hook.contactSource, MADE)
})

t.test('bots, captain and contacts are told apart by the sender', async t => {
  const body = bodiesOf('webhook.message_created.outgoing-text.json')[0]!
  const senders: [unknown, string | null][] = [
    [{ id: 4, name: 'Bot', type: 'agent_bot' }, 'bot'],
    [{ id: 5, name: 'Captain', type: 'captain_assistant' }, 'bot'],
    [{ id: 9, name: 'Lucía', type: 'user' }, 'user'],
    [{ id: 418, name: 'Marta', blocked: false }, 'contact'],
    [{ id: 418, name: 'Marta', type: 'contact' }, 'contact'],
    [null, null],
    [{}, null]
  ]
  for (const [sender, expected] of senders) {
    t.equal(message(readHook({ ...body, sender })).message.senderType, expected, JSON.stringify(sender))
  }
  const assigned = bodiesOf('webhook.conversation_updated.assignee.json')[0]!
  assigned.meta.assignee = { id: 4, name: 'Bot', type: 'agent_bot' }
  t.match(readHook(assigned), { assigneeId: null }, 'a bot is no agent')
})

t.test('file names come decoded and cannot leave a folder', async t => {
  const body = bodiesOf('webhook.message_created.outgoing-image.json')[0]!
  const name = (data_url: unknown, more = {}) =>
    message(readHook({ ...body, attachments: [{ ...body.attachments[0], data_url, ...more }] })).message.files[0]!.name
  const base = 'https://chat.example.com/rails/active_storage/blobs/redirect/x--y'
  t.equal(name(`${base}/foto%20%C3%B1.png?disposition=inline`), 'foto ñ.png')
  t.equal(name(`${base}/..%2F..%2Fetc%2Fpasswd`), '.._.._etc_passwd')
  t.equal(name(`${base}/a%5Cb%00c.txt`), 'a_b_c.txt')
  t.equal(name(`${base}/100%.png`), '100%.png', 'badly encoded: as it is')
  t.equal(name('nonsense'), 'file-3301.jpg')
  t.equal(name(null, { extension: null }), 'file-3301')
  t.equal(name(null, { fallback_title: 'Plaza Mayor', file_type: 'location' }), 'Plaza Mayor')
  t.equal(name(`${base}/${'a'.repeat(300)}.pdf`).length, 150)
  t.ok(name(`${base}/${'a'.repeat(300)}.pdf`).endsWith('.pdf'))
})

t.test('our own echoes are recognised, and nothing else is', async t => {
  const echoes = hookNames.flatMap(name => bodiesOf(name).map(body => [name, isOwnEcho(body)] as const))
  t.same(
    echoes.filter(([, echo]) => echo).map(([name]) => name),
    [
      'recorded-4.16.2/hook.message_created.attachments.json',
      'recorded-4.16.2/hook.message_created.incoming.json',
      'webhook.message_created.incoming-echo.json',
      'webhook.message_created.outgoing-api-created.json'
    ]
  )
  const incoming = bodiesOf('webhook.message_created.incoming-echo.json')[0]!
  t.same(isOwnEcho(incoming), { conversationId: 57, messageId: 9118, sourceId: WAMID, event: 'message_created' })
  const note = bodiesOf('webhook.message_created.private-note.json')[0]!
  t.equal(isOwnEcho(note), null)
  note.content_attributes = { puente: { kind: 'note' } }
  t.same(isOwnEcho(note), { conversationId: 57, messageId: 9130, sourceId: null, event: 'message_created' })
  t.equal(message(readHook(note)).marked, true)
  const agent = bodiesOf('webhook.message_created.outgoing-text.json')[0]!
  agent.content_attributes = { puente: null }
  t.equal(isOwnEcho(agent), null, 'an empty marker is none')
  const updated = { ...incoming, event: 'message_updated' }
  t.equal(isOwnEcho(updated)?.event, 'message_updated')
})

t.test('nothing makes the readers throw', async t => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      readHook(value)
      isOwnEcho(value)
      return true
    })
  )
  const examples = hookNames.flatMap(bodiesOf)
  // Any value of a genuine hook replaced by anything.
  fc.assert(
    fc.property(fc.constantFrom(...examples), fc.nat(), fc.jsonValue(), (example, nth, value) => {
      const copy = structuredClone(example)
      const places: [Record<string, unknown>, string][] = []
      const walk = (node: unknown): void => {
        if (typeof node !== 'object' || node === null) return
        for (const key of Object.keys(node)) {
          places.push([node as Record<string, unknown>, key])
          walk((node as Record<string, unknown>)[key])
        }
      }
      walk(copy)
      const [node, key] = places[nth % places.length]!
      node[key] = value
      const hook = readHook(copy)
      isOwnEcho(copy)
      if (hook.kind !== 'message') return true
      return Number.isInteger(hook.message.id) && !Number.isNaN(hook.message.createdAt.getTime())
    }),
    { numRuns: 2000 }
  )
  for (const body of [undefined, null, 1, 'x', [], { event: 'message_created' }, { event: 5 }]) {
    t.equal(readHook(body).kind, 'other')
    t.equal(isOwnEcho(body), null)
  }
})
