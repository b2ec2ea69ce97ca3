/** `POST /{PHONE}/messages`: messages, read marks and typing, judged by Meta's rules and put on the customer's phone. */
import { announce } from './announce.ts'
import { type CheckedMessage, checkMessage } from './check-message.ts'
import { GraphError } from './errors.ts'
import type { Chat, ChatMessage, Customer, FailNext, GraphNumber, Json, PhoneButton } from './model.ts'
import type { AcceptedMessage } from './statuses.ts'
import type { World } from './world.ts'

const TYPING_MS = 25_000
const REACTION_LIFE_MS = 30 * 24 * 3_600_000

export interface SendAnswer {
  body: Json
  /** For the ledger. */
  ids: Record<string, string | number | null>
}

export function handleMessages(world: World, number: GraphNumber, body: Json): SendAnswer {
  if (body['status'] !== undefined) return handleReadMark(world, number, body)
  return handleSend(world, number, body)
}

function handleReadMark(world: World, number: GraphNumber, body: Json): SendAnswer {
  if (body['messaging_product'] !== 'whatsapp')
    throw new GraphError(100, undefined, { message: '(#100) The parameter messaging_product is required.' })
  if (body['status'] !== 'read') throw new GraphError(100, "Param status must be 'read'.")
  const wamid = body['message_id']
  if (typeof wamid !== 'string') throw new GraphError(131008, 'The parameter message_id is required.')
  if (!wamid.startsWith('wamid.')) throw new GraphError(131009, 'message_id is not valid.')
  const typing = body['typing_indicator'] !== undefined
  const found = world.chats.message(wamid)
  const blue = world.chats.markRead(wamid)
  if (typing && found) {
    found.chat.typingUntil = world.parts.clock.now() + TYPING_MS
    // Announces the change to the page.
    world.chats.touch(found.chat)
  }
  const ids = {
    kind: typing ? 'typing' : 'read',
    wamid,
    number: number.phoneNumberId,
    customer: found?.chat.customerId ?? null,
    blue
  }
  world.parts.ledger.add({ side: 'graph', what: 'effect', name: typing ? 'typing' : 'read', ids })
  return { body: { success: true }, ids }
}

function handleSend(world: World, number: GraphNumber, body: Json): SendAnswer {
  const { knobs, parts } = world
  if (!number.registered) throw new GraphError(133010)
  const checked = checkMessage(body, {
    findMedia: id => {
      const record = world.media.find(id)
      return record?.phoneNumberId === number.phoneNumberId ? record : undefined
    },
    templates: world.templates,
    knobs
  })
  const target = resolveTarget(world, number, checked)
  const { customer } = target
  if (checked.template?.category === 'AUTHENTICATION' && target.addressedBy === 'userId') throw new GraphError(131062)
  if (checked.identityHash !== null && checked.identityHash !== customer.identityHash) throw new GraphError(137000)

  const planned = takeFailNext(knobs.failNext, customer)
  if (planned?.as === 'sync') throw new GraphError(planned.code, planned.details)
  const chat = world.chats.get(number.phoneNumberId, customer.id)
  const now = parts.clock.now()
  const closed = checked.type !== 'template' && target.addressedBy !== 'group' && !world.chats.isWindowOpen(chat)
  if (closed && knobs.windowAs === 'sync') throw new GraphError(131047)
  const limit = world.pace.take(number.phoneNumberId, customer.id, now, knobs)
  if (limit) throw new GraphError(limit)

  const wamid = world.ids.wamid(customer.waId ?? customer.userId, 'outbound')
  const held = knobs.holdMarketing !== 'off' && checked.template?.category === 'MARKETING'
  const accepted: AcceptedMessage = {
    wamid,
    type: checked.type,
    number,
    customer,
    chat,
    addressedBy: target.addressedBy,
    groupId: target.addressedBy === 'group' ? checked.to : null,
    callback: checked.callback,
    category: checked.template?.category ?? null,
    isVoice: checked.type === 'audio' && (checked.content as Json)['voice'] === true,
    identityHash: checked.identityHash,
    failure: planned
      ? { code: planned.code, ...(planned.details ? { details: planned.details } : {}) }
      : findFailure(world, checked, customer, closed && knobs.windowAs === 'status', held, now)
  }
  const ids = {
    kind: 'send',
    wamid,
    customer: customer.id,
    waId: customer.waId,
    userId: customer.userId,
    number: number.phoneNumberId,
    callback: checked.callback,
    type: checked.type,
    contextId: checked.contextId,
    sha256: checked.media[0]?.sha256Hex ?? null
  }
  parts.ledger.add({ side: 'graph', what: 'effect', name: 'sent', ids, body })
  showOnPhone(world, checked, accepted, now)
  announce(world, accepted, held ? 2000 : 0)
  return { body: answerSend(checked, accepted, held), ids }
}

function answerSend(checked: CheckedMessage, accepted: AcceptedMessage, held: boolean): Json {
  const { customer, wamid } = accepted
  const contact: Json =
    accepted.addressedBy === 'userId'
      ? { input: checked.recipient, user_id: customer.userId }
      : { input: checked.to, wa_id: accepted.groupId ?? customer.waId }
  return {
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [
      {
        id: wamid,
        ...(accepted.groupId ? { group_id: accepted.groupId } : {}),
        ...(checked.type === 'template' ? { message_status: held ? 'held_for_quality_assessment' : 'accepted' } : {})
      }
    ]
  }
}

function resolveTarget(
  world: World,
  number: GraphNumber,
  checked: CheckedMessage
): { customer: Customer; addressedBy: AcceptedMessage['addressedBy'] } {
  if (checked.recipientType === 'group') {
    const decoded = Buffer.from(checked.to ?? '', 'base64').toString('latin1')
    if (!decoded.startsWith('capi_group:')) throw new GraphError(131041)
    return { customer: world.customers.all()[0]!, addressedBy: 'group' }
  }
  if (checked.to === null) {
    const known = world.customers.find(checked.recipient ?? '')
    if (!known || known.userId !== checked.recipient)
      throw new GraphError(131009, 'The recipient user id does not exist in this business portfolio.')
    return { customer: known, addressedBy: 'userId' }
  }
  if (!/^\+?[\d\s().-]+$/.test(checked.to)) throw new GraphError(100, 'Param to must be a phone number.')
  if (checked.to.replace(/\D/g, '') === number.displayDigits) throw new GraphError(131021)
  const customer = world.customers.findOrMake(checked.to)
  if (!customer) throw new GraphError(100, 'Param to is not a valid phone number.')
  return { customer, addressedBy: 'phone' }
}

function takeFailNext(list: FailNext[], customer: Customer): FailNext | undefined {
  const at = list.findIndex(
    one => one.customer === undefined || [customer.id, customer.waId, customer.userId].includes(one.customer)
  )
  const found = list[at]
  if (!found) return undefined
  const left = (found.count ?? 1) - 1
  if (left <= 0) list.splice(at, 1)
  else list[at] = { ...found, count: left }
  return found
}

function findFailure(
  world: World,
  checked: CheckedMessage,
  customer: Customer,
  closed: boolean,
  held: boolean,
  now: number
): AcceptedMessage['failure'] {
  if (checked.lateFault) return checked.lateFault
  if (closed) return { code: 131047 }
  if (customer.blocked) return { code: 131026 }
  if (held && world.knobs.holdMarketing === 'drop') return { code: 132015 }
  if (checked.template?.category === 'MARKETING') {
    if (customer.optedOut) return { code: 131050 }
    if (world.knobs.usMarketing === 'refuse' && customer.waId?.startsWith('1')) return { code: 131049 }
  }
  if (checked.type === 'reaction') {
    const target = world.chats.message(String((checked.content as Json)['message_id']))
    if (target && now - target.message.at > REACTION_LIFE_MS)
      return { code: 131009, details: 'Reaction target message is older than 30 days.' }
  }
  return null
}

function showOnPhone(world: World, checked: CheckedMessage, accepted: AcceptedMessage, now: number) {
  accepted.chat.typingUntil = 0
  const content = checked.content as Json
  if (checked.type === 'reaction') {
    if (!accepted.failure) world.chats.react(String(content['message_id']), 'business', String(content['emoji'] ?? ''))
    return
  }
  const media = checked.media[0]
  const template = checked.template
  const inner = (key: string) => (content[key] ?? {}) as Json
  const message: ChatMessage = {
    wamid: accepted.wamid,
    at: now,
    from: 'business',
    type: checked.type,
    text: template?.text ?? String(inner('body')['text'] ?? content['body'] ?? content['caption'] ?? ''),
    ...(media
      ? {
          media: {
            url: `/__media/${media.id}`,
            id: media.id,
            mime: media.mime,
            ...(content['filename'] || media.name ? { name: String(content['filename'] ?? media.name) } : {}),
            bytes: media.bytes,
            voice: accepted.isVoice,
            animated: checked.type === 'sticker' && media.bytes > 5000,
            kept: media.source !== 'hash-only'
          }
        }
      : {}),
    ...(checked.type === 'text' || media ? {} : { content: checked.content }),
    ...(checked.contextId ? { context: checked.contextId } : {}),
    ...(accepted.groupId ? { groupId: accepted.groupId } : {}),
    ...(checked.templateName ? { templateName: checked.templateName } : {}),
    reactions: [],
    status: 'accepted'
  }
  if (template) {
    if (template.header !== undefined) message.header = template.header
    if (template.footer !== undefined) message.footer = template.footer
    message.buttons = template.buttons
  } else if (checked.type === 'interactive') {
    if (inner('header')['type'] === 'text') message.header = String(inner('header')['text'])
    if (inner('footer')['text']) message.footer = String(inner('footer')['text'])
    message.buttons = interactiveButtons(inner('action'), String(content['type']))
    if (content['type'] === 'list') message.sections = (inner('action')['sections'] ?? []) as ChatMessage['sections']
  }
  world.chats.add(accepted.chat as Chat, message)
}

function interactiveButtons(action: Json, kind: string): PhoneButton[] {
  const parameters = (action['parameters'] ?? {}) as Json
  if (kind === 'button') {
    return ((action['buttons'] ?? []) as { reply: { id: string; title: string } }[]).map(({ reply }) => ({
      id: reply.id,
      label: reply.title,
      kind: 'reply'
    }))
  }
  if (kind === 'list') return [{ id: 'list', label: String(action['button']), kind: 'list' }]
  if (kind === 'cta_url')
    return [{ id: 'url', label: String(parameters['display_text']), kind: 'url', url: String(parameters['url']) }]
  if (kind === 'flow') return [{ id: 'flow', label: String(parameters['flow_cta']), kind: 'flow' }]
  if (kind === 'location_request_message') return [{ id: 'location', label: 'Send location', kind: 'other' }]
  if (kind === 'request_contact_info') return [{ id: 'contact', label: 'Share contact info', kind: 'other' }]
  return []
}
