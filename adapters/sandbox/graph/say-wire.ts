/**
 * Builds the webhook value for everything a customer can do, exactly as the fixtures show (contract §3).
 * Pure apart from the ids and media that it is handed; chats and windows are changed in `say.ts`.
 */
import type { Json } from './model.ts'
import { buildBody, type SayContext } from './say-body.ts'
import type { SayInput } from './say-input.ts'
import { sampleReferral } from './say-samples.ts'
import { contactWire } from './statuses.ts'

export interface SaidWire {
  field: string
  value: Json
  /** The message entry, when there is one. */
  message: Json | null
}

export function buildSaid(input: SayInput, at: SayContext): SaidWire {
  const { customer, number } = at
  const stamp = String(Math.floor(at.atMs / 1000))
  const head = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: number.displayDigits, phone_number_id: number.phoneNumberId }
  }
  const contacts = [contactWire(customer, input.withIdentityHash)]
  if (input.type === 'call') return buildCall(input, at, head, contacts, stamp)
  if (input.type === 'echo') {
    const message = {
      from: number.displayDigits,
      ...(customer.waId ? { to: customer.waId } : {}),
      to_user_id: customer.userId,
      id: at.wamid,
      timestamp: stamp,
      type: 'text',
      text: { body: input.text ?? '' }
    }
    return { field: 'smb_message_echoes', value: { ...head, contacts, message_echoes: [message] }, message }
  }
  if (input.type === 'link_click') {
    const click = {
      click_component: 'cta',
      ...(input.id ? { product_id: input.id } : {}),
      click_id: `clk-${at.wamid.slice(-8)}`,
      tracking_token: `trk-${at.wamid.slice(-8)}`
    }
    const action = {
      action_type: 'marketing_messages_link_click',
      timestamp: stamp,
      marketing_messages_link_click_data: click
    }
    return { field: 'messages', value: { ...head, user_actions: [action] }, message: null }
  }
  if (input.type === 'number_change' || input.type === 'user_id_change') {
    const message = buildIdChange(input, at, stamp)
    return { field: 'messages', value: { ...head, messages: [message] }, message }
  }

  const body = buildBody(input, at)
  const context = buildContext(input, at, body)
  const referral =
    input.referral === true || input.type === 'referral' ? sampleReferral(input) : input.referral || undefined
  const message: Json = {
    ...(referral ? { referral } : {}),
    ...(context ? { context } : {}),
    ...(customer.waId ? { from: customer.waId } : {}),
    from_user_id: customer.userId,
    id: at.wamid,
    timestamp: stamp,
    type: body['type'],
    ...(input.group !== undefined && input.group !== false
      ? { group_id: groupOf(input, at) }
      : input.type === 'group'
        ? { group_id: groupOf(input, at) }
        : {}),
    ...body
  }
  const value: Json = { ...head, contacts, messages: [message] }
  if (input.type === 'interactive_empty') {
    value['errors'] = [
      {
        code: 131000,
        title: 'Something went wrong',
        message: 'Something went wrong',
        error_data: { details: 'Unsupported webhook payload' }
      }
    ]
  }
  if (input.conversationContext !== undefined) {
    value['conversation_context'] = { type: 'summary', summary: { text: input.conversationContext } }
  }
  return { field: 'messages', value, message }
}

function groupOf(input: SayInput, at: SayContext): string {
  return typeof input.group === 'string' ? input.group : at.identity.groupId
}

function buildContext(input: SayInput, at: SayContext, body: Json): Json | undefined {
  if (input.forwarded === 'frequently') return { frequently_forwarded: true }
  if (input.forwarded === true || input.type === 'forwarded') return { forwarded: true }
  if (input.type === 'reaction' || input.type === 'edit' || input.type === 'revoke' || body['type'] === 'system')
    return undefined
  if (input.type === 'product_enquiry') {
    const product = { catalog_id: at.identity.catalogId, product_retailer_id: input.id ?? 'sku-001' }
    return { from: at.number.displayDigits, id: input.context ?? at.wamid, referred_product: product }
  }
  return input.context !== undefined ? { from: at.number.displayDigits, id: input.context } : undefined
}

function buildIdChange(input: SayInput, at: SayContext, stamp: string): Json {
  const { customer, previous } = at
  const before = previous ?? { waId: customer.waId, userId: customer.userId }
  const changed = input.type === 'number_change'
  const system: Json = changed
    ? {
        body: `User ${customer.name} changed from ${before.waId ?? ''} to ${customer.waId ?? ''}`,
        wa_id: customer.waId,
        user_id: customer.userId,
        previous_user_id: before.userId,
        type: 'user_changed_number'
      }
    : {
        body: 'User changed their user ID',
        ...(customer.waId ? { wa_id: customer.waId } : {}),
        user_id: customer.userId,
        previous_user_id: before.userId,
        type: 'user_changed_user_id'
      }
  return {
    ...(before.waId ? { from: before.waId } : {}),
    ...(changed || !before.waId ? { from_user_id: before.userId } : {}),
    id: at.wamid,
    timestamp: stamp,
    type: 'system',
    system
  }
}

function buildCall(input: SayInput, at: SayContext, head: Json, contacts: Json[], stamp: string): SaidWire {
  const { customer, number } = at
  const ended = input.subtype === 'terminate'
  const call: Json = {
    id: input.id ?? at.wacid,
    ...(customer.waId ? { from: customer.waId } : {}),
    ...(ended ? {} : { from_user_id: customer.userId }),
    to: number.displayDigits,
    event: ended ? 'terminate' : 'connect',
    timestamp: stamp,
    direction: 'USER_INITIATED',
    ...(ended
      ? {
          status: 'COMPLETED',
          start_time: String(Number(stamp) - (input.duration ?? 120)),
          end_time: stamp,
          duration: input.duration ?? 120
        }
      : { session: { sdp_type: 'offer', sdp: 'v=0\r\n...' } })
  }
  return { field: 'calls', value: { ...head, contacts, calls: [call] }, message: call }
}
