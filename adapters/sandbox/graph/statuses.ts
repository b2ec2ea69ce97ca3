/**
 * What becomes of a message after Meta accepted it: sent, delivered, read, played or failed, when, and with which
 * pricing (contract §4, §7; payload as of Graph v25: no `conversation` except in a free entry point window).
 */
import { statusError } from './errors.ts'
import type { Chat, Customer, GraphNumber, Json, Knobs, StatusName, TemplateRecord } from './model.ts'

/** Prices that Meta dated: free utility in the window ended, and service messages cost beyond a monthly quota. */
export const PRICING_RULES = {
  /** Source: contract §7, Meta pricing, in force since. */
  chargedFrom: Date.parse('2026-10-01T00:00:00Z'),
  freeServicePerNumberAndMonth: 1000
}

export interface AcceptedMessage {
  wamid: string
  type: string
  number: GraphNumber
  customer: Customer
  chat: Chat
  /** How it was addressed; failed statuses name only that id. */
  addressedBy: 'phone' | 'userId' | 'group'
  groupId: string | null
  callback: string | null
  category: TemplateRecord['category'] | null
  isVoice: boolean
  identityHash: string | null
  /** Makes it fail instead. */
  failure: { code: number; details?: string } | null
}

export interface StatusStep {
  status: StatusName
  afterMs: number
}

/** Which statuses follow, and when (what is more than `sent` once the phone is in reach). */
export function planStatuses(message: AcceptedMessage, knobs: Knobs): StatusStep[] {
  const timed = knobs.statuses.mode === 'timed'
  const at = (ms: number) => (timed ? ms : 0)
  const { sentMs, deliveredMs, readMs, playedMs } = knobs.statuses
  if (message.failure) return [{ status: 'failed', afterMs: at(sentMs) }]
  const steps: StatusStep[] = [{ status: 'sent', afterMs: at(sentMs) }]
  // Reactions only ever give `sent`.
  if (message.type === 'reaction') return steps
  steps.push({ status: 'delivered', afterMs: at(deliveredMs) })
  if (message.customer.receipts === 'off') return steps
  steps.push({ status: 'read', afterMs: at(readMs) })
  if (message.isVoice) steps.push({ status: 'played', afterMs: at(Math.max(readMs, playedMs)) })
  return steps
}

/** `free` tells whether this service message is still within the month's quota. */
export function priceMessage(message: AcceptedMessage, atMs: number, windowOpen: boolean, free: boolean): Json {
  if (message.chat.freeEntryUntil > atMs) {
    return { billable: false, pricing_model: 'PMP', type: 'free_entry_point', category: 'referral_conversion' }
  }
  const charged = atMs >= PRICING_RULES.chargedFrom
  if (message.category === null) {
    const category = message.addressedBy === 'group' ? 'group_service' : 'service'
    return !charged || free
      ? { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category }
      : { billable: true, pricing_model: 'PMP', type: 'regular', category }
  }
  const category = message.category.toLowerCase()
  if (category === 'utility' && windowOpen && !charged) {
    return { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category }
  }
  return { billable: true, pricing_model: 'PMP', type: 'regular', category }
}

/** The `contacts[]` entry of webhooks. */
export function contactWire(customer: Customer, identityHash = false): Json {
  return {
    profile: { name: customer.name, ...(customer.username ? { username: customer.username } : {}) },
    ...(customer.waId ? { wa_id: customer.waId } : {}),
    user_id: customer.userId,
    ...(identityHash ? { identity_key_hash: customer.identityHash } : {})
  }
}

/** The webhook value that tells one status. */
export function statusValue(
  message: AcceptedMessage,
  status: StatusName,
  atMs: number,
  pricing: Json | undefined
): Json {
  const { customer, number } = message
  const failed = status === 'failed'
  const recipient: Json = {}
  if (message.groupId) {
    recipient['recipient_id'] = message.groupId
    recipient['recipient_type'] = 'group'
    if (!failed && status !== 'sent') {
      if (customer.waId) recipient['recipient_participant_id'] = customer.waId
      recipient['recipient_participant_user_id'] = customer.userId
    }
  } else {
    if (customer.waId && !(failed && message.addressedBy === 'userId')) recipient['recipient_id'] = customer.waId
    if (!failed || message.addressedBy === 'userId') recipient['recipient_user_id'] = customer.userId
  }
  const priced = pricing !== undefined && (status === 'sent' || status === 'delivered') && message.type !== 'reaction'
  const entry: Json = {
    id: message.wamid,
    status,
    timestamp: String(Math.floor(atMs / 1000)),
    ...recipient,
    ...(message.identityHash ? { recipient_identity_key_hash: message.identityHash } : {}),
    ...(message.callback !== null ? { biz_opaque_callback_data: message.callback } : {}),
    ...(priced && message.chat.freeEntryUntil > atMs ? { conversation: entryPoint(message, status) } : {}),
    ...(priced ? { pricing } : {}),
    ...(failed ? { errors: [statusError(message.failure?.code ?? 131000, message.failure?.details)] } : {})
  }
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: number.displayDigits, phone_number_id: number.phoneNumberId },
    ...(failed ? {} : { contacts: [contactWire(customer)] }),
    statuses: [entry]
  }
}

function entryPoint(message: AcceptedMessage, status: StatusName): Json {
  return {
    id: Buffer.from(`${message.chat.phoneNumberId}${message.chat.freeEntryUntil}`).toString('hex').slice(0, 32),
    ...(status === 'sent' ? { expiration_timestamp: String(Math.floor(message.chat.freeEntryUntil / 1000)) } : {}),
    origin: { type: 'referral_conversion' }
  }
}
