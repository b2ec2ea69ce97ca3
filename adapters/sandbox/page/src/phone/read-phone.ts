// Turns what `GET /__phone` answers into what the phone shows.
import type { ChatMessage, PhoneCustomerView, PhoneView } from '../../../graph/model.ts'
import type { BusinessNumber, Customer, PhoneChat, PhoneMessage } from '../model.ts'

type Json = Record<string, unknown>

const asRecord = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
const asList = (value: unknown): Json[] => (Array.isArray(value) ? value.map(asRecord) : [])
const asText = (value: unknown): string => (value === undefined || value === null ? '' : String(value))

/** The inner object may come as `{location: {...}}` or as the location itself. */
function readInner(message: ChatMessage, key: string): unknown {
  const content = message.content
  return asRecord(content)[key] ?? (message.type === key ? content : undefined)
}

function readPlace(message: ChatMessage): PhoneMessage['place'] {
  const place = asRecord(readInner(message, 'location'))
  if (place['latitude'] === undefined) return undefined
  return {
    name: asText(place['name']),
    address: asText(place['address']),
    latitude: Number(place['latitude']),
    longitude: Number(place['longitude'])
  }
}

function readCards(message: ChatMessage): PhoneMessage['cards'] {
  return asList(readInner(message, 'contacts')).map(card => ({
    name: asText(asRecord(card['name'])['formatted_name']),
    phones: asList(card['phones']).map(phone => asText(phone['phone']))
  }))
}

function readItems(message: ChatMessage): PhoneMessage['items'] {
  return asList(asRecord(readInner(message, 'order'))['product_items']).map(item => ({
    name: asText(item['product_retailer_id']),
    quantity: Number(item['quantity']),
    price: `${asText(item['item_price'])} ${asText(item['currency'])}`
  }))
}

const placeholders: Record<string, string> = {
  unsupported: '📊 A poll, as this phone shows it',
  order: 'Order sent',
  call: '📞 Call',
  system: 'Number changed'
}

function readState(message: ChatMessage): PhoneMessage['state'] {
  if (message.from === 'customer') return message.ticks === 'blue' ? 'read' : 'delivered'
  return message.status
}

function readMessage(message: ChatMessage): PhoneMessage {
  const referral = message.referral
  const error = message.error
  return {
    id: message.wamid,
    at: message.at,
    from: message.from,
    kind: message.type,
    text: message.text || (message.media ? '' : (placeholders[message.type] ?? '')),
    media: message.media
      ? {
          url: message.media.url,
          mime: message.media.mime,
          name: message.media.name,
          voice: message.media.voice,
          animated: message.media.animated,
          bytes: message.media.bytes
        }
      : undefined,
    place: readPlace(message),
    cards: readCards(message),
    items: readItems(message),
    header: message.header,
    footer: message.footer,
    buttons: (message.buttons ?? []).map(button => ({
      id: button.id,
      label: button.label,
      url: button.url,
      kind: ['reply', 'quick', 'list', 'flow'].includes(button.kind) ? (button.kind as 'reply') : 'other'
    })),
    choices: (message.sections ?? []).map(section => ({ title: section.title, rows: section.rows })),
    isNote: message.type === 'system' || message.type === 'call',
    quotedId: message.context,
    forwarded: message.forwarded ?? false,
    ad: referral
      ? { headline: asText(referral['headline']) || 'Advertisement', body: asText(referral['body']) }
      : undefined,
    group: message.groupId ? 'Sent in a group' : undefined,
    edited: message.edited ?? false,
    deleted: message.deleted ?? false,
    reactions: message.reactions,
    state: readState(message),
    error: error ? `Not delivered: ${error.title} (${error.code})` : undefined
  }
}

export function readNumbers(view: PhoneView): BusinessNumber[] {
  return view.numbers.map(number => ({
    id: number.phoneNumberId,
    name: number.verifiedName,
    phone: number.displayPhoneNumber
  }))
}

function readCustomer(view: PhoneCustomerView): Customer {
  return {
    id: view.id,
    name: view.name,
    username: view.username ?? undefined,
    phone: view.phone ?? (view.username ? `@${view.username} (number hidden)` : 'number hidden')
  }
}

export function readCustomers(view: PhoneView): Customer[] {
  return view.customers.map(readCustomer)
}

export function readChat(view: PhoneView, customerId: string, numberId: string): PhoneChat | undefined {
  const customer = view.customers.find(one => one.id === customerId)
  if (!customer) return undefined
  const chat = customer.chats.find(one => one.phoneNumberId === numberId)
  return {
    customer: readCustomer(customer),
    numberId,
    messages: (chat?.messages ?? []).map(readMessage),
    businessTyping: chat?.businessTyping ?? false,
    reachable: customer.reachable
  }
}
