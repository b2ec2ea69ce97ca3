/**
 * What a message says: every inbound type of contract §3 as `InboundContent`. What is missing or unknown becomes
 * `unsupported` (with Meta's reason) or `unknown` (with Meta's word for the type), never nothing.
 */
import type {
  ContactCard,
  CustomerIds,
  InboundContent,
  MediaFact,
  MediaKind,
  MetaFailure,
  OrderLine
} from '../../plugin/core/model.ts'
import {
  asList,
  asObject,
  type Loose,
  ownValue,
  readDigits,
  readFlag,
  readId,
  readNumber,
  readSha256,
  readText,
  readTime
} from './safe-read.ts'

const MEDIA_KINDS: ReadonlySet<string> = new Set<MediaKind>(['image', 'video', 'audio', 'document', 'sticker'])
const NUMBER_CHANGES: ReadonlySet<string> = new Set([
  'user_changed_number',
  'customer_changed_number',
  'user_changed_user_id'
])
/** Keys to go by when a message has no `type`. */
const BODY_KEYS = [
  'text',
  'image',
  'video',
  'audio',
  'document',
  'sticker',
  'location',
  'contacts',
  'interactive',
  'button',
  'reaction',
  'order',
  'system',
  'edit',
  'revoke',
  'unsupported'
]

export function readContent(message: Loose, failures: MetaFailure[], nested = false): InboundContent {
  const type = readId(message.type) ?? BODY_KEYS.find(key => ownValue(message, key) !== undefined) ?? ''
  // An edit of an edit is nothing that WhatsApp does; following it would let a body choose our depth.
  const known = nested && type === 'edit' ? undefined : readKnown(type, ownValue(message, type), message)
  if (known !== undefined) return known
  if (type === 'unsupported' || type === 'unknown' || failures.length > 0) {
    const subtype =
      readId(asObject(message.unsupported)?.type) ?? (type === 'unsupported' || type === 'unknown' ? undefined : type)
    return subtype === undefined ? { kind: 'unsupported', failures } : { kind: 'unsupported', subtype, failures }
  }
  return { kind: 'unknown', type: type === '' ? 'none' : type }
}

function readKnown(type: string, body: unknown, message: Loose): InboundContent | undefined {
  if (type === 'contacts') return readCards(body)
  if (type === 'request_welcome') return { kind: 'system', type }
  const object = asObject(body)
  if (object === undefined) return undefined
  if (MEDIA_KINDS.has(type)) return readMedia(type as MediaKind, object)
  switch (type) {
    case 'text': {
      const text = readText(object.body)
      return text === undefined ? undefined : { kind: 'text', body: text }
    }
    case 'location':
      return readLocation(object)
    case 'interactive':
      return readInteractive(object)
    case 'button': {
      const title = readText(object.text) ?? readText(object.payload)
      const id = readText(object.payload)
      return title === undefined
        ? undefined
        : { kind: 'choice', via: 'template', title, ...(id === undefined ? {} : { id }) }
    }
    case 'reaction': {
      const target = readId(object.message_id)
      return target === undefined ? undefined : { kind: 'reaction', target, emoji: readText(object.emoji) ?? null }
    }
    case 'order':
      return readOrder(object)
    case 'system':
      return readSystem(object, message)
    case 'edit': {
      const target = readId(object.original_message_id)
      const inner = asObject(object.message)
      return target === undefined || inner === undefined
        ? undefined
        : { kind: 'edit', target, content: readContent(inner, [], true) }
    }
    case 'revoke': {
      const target = readId(object.original_message_id)
      return target === undefined ? undefined : { kind: 'revoke', target }
    }
    default:
      return undefined
  }
}

function readMedia(type: MediaKind, object: Loose): InboundContent | undefined {
  const id = readId(object.id)
  if (id === undefined) return undefined
  const media: MediaFact = { id, mimeType: (readId(object.mime_type) ?? 'application/octet-stream').toLowerCase() }
  const sha256 = readSha256(object.sha256)
  const url = readText(object.url)
  const caption = readText(object.caption)
  const filename = readText(object.filename)
  if (sha256 !== undefined) media.sha256 = sha256
  if (url !== undefined) media.url = url
  if (caption !== undefined) media.caption = caption
  if (filename !== undefined) media.filename = filename.slice(0, 255)
  if (object.voice === true) media.voice = true
  if (object.animated === true) media.animated = true
  if (object.gif === true || object.gif_playback === true || media.mimeType === 'image/gif') media.gif = true
  return { kind: 'media', type, media }
}

function readLocation(object: Loose): InboundContent | undefined {
  const latitude = readNumber(object.latitude)
  const longitude = readNumber(object.longitude)
  if (latitude === undefined || longitude === undefined) return undefined
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 360) return undefined
  return { kind: 'location', latitude, longitude, ...pickText(object, 'name', 'address', 'url') }
}

function pickText(object: Loose, ...keys: string[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const key of keys) {
    const text = readText(object[key])
    if (text !== undefined) picked[key] = text
  }
  return picked
}

function readInteractive(object: Loose): InboundContent | undefined {
  const type = readId(object.type) ?? ''
  const body = asObject(ownValue(object, type))
  if (type === 'button_reply' || type === 'list_reply') {
    const title = readText(body?.title) ?? readText(body?.id)
    if (body === undefined || title === undefined) return undefined
    return {
      kind: 'choice',
      via: type === 'button_reply' ? 'button' : 'list',
      title,
      ...pickText(body, 'id', 'description')
    }
  }
  if (type === 'nfm_reply' && body !== undefined) return readForm(body)
  if (type === 'call_permission_reply' && body !== undefined) {
    const permanent = readFlag(body.is_permanent)
    const expiresAt = readTime(body.expiration_timestamp)
    return {
      kind: 'call_permission',
      accepted: body.response === 'accept',
      ...(permanent === undefined ? {} : { permanent }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(body.response_source === 'automatic' ? { automatic: true } : {})
    }
  }
  // What another app sent with buttons comes back with its own text.
  const text = readText(asObject(object.body)?.text)
  if (text !== undefined) return { kind: 'text', body: text }
  return type === '' ? undefined : { kind: 'unknown', type: `interactive/${type}` }
}

function readForm(body: Loose): InboundContent {
  const form: InboundContent & { kind: 'form' } = { kind: 'form', name: readId(body.name) ?? 'flow', answers: {} }
  const text = readText(body.body)
  if (text !== undefined) form.body = text
  const raw = typeof body.response_json === 'string' ? body.response_json : undefined
  const answers = asObject(raw === undefined ? body.response_json : parse(raw))
  if (answers !== undefined) {
    // Own keys only, and never one that would set a prototype further on.
    for (const key of Object.keys(answers)) if (key !== '__proto__') form.answers[key] = answers[key]
  } else if (raw !== undefined) form.raw = readText(raw) ?? ''
  return form
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readOrder(object: Loose): InboundContent {
  const lines: OrderLine[] = []
  for (const each of asList(object.product_items)) {
    const item = asObject(each)
    if (item === undefined) continue
    lines.push({
      productId: readId(item.product_retailer_id) ?? '',
      quantity: readNumber(item.quantity) ?? 1,
      price: readNumber(item.item_price) ?? 0,
      currency: readId(item.currency) ?? ''
    })
  }
  const order: InboundContent & { kind: 'order' } = { kind: 'order', lines }
  const catalogId = readId(object.catalog_id)
  const text = readText(object.text)
  if (catalogId !== undefined) order.catalogId = catalogId
  if (text !== undefined) order.text = text
  return order
}

function readSystem(object: Loose, message: Loose): InboundContent {
  const type = readId(object.type) ?? 'system'
  const text = readText(object.body)
  const body = text === undefined ? {} : { body: text }
  if (type === 'customer_identity_changed') return { kind: 'identity_changed', ...body }
  if (!NUMBER_CHANGES.has(type)) return { kind: 'system', type, ...body }
  const to = ids(
    readId(object.user_id),
    readId(object.parent_user_id),
    readDigits(object.wa_id) ?? readDigits(object.new_wa_id)
  )
  // `previous_user_id` since 2026-08-11; before that the sender's id is the old one unless it is already the new one.
  const sender = readId(message.from_user_id)
  const previous = readId(object.previous_user_id) ?? (sender === to.userId ? undefined : sender)
  const from = ids(
    previous,
    readId(object.previous_parent_user_id),
    readDigits(message.from) ?? readDigits(object.customer)
  )
  return { kind: 'number_changed', ...body, from, to }
}

function ids(userId: string | undefined, parentUserId: string | undefined, waId: string | undefined): CustomerIds {
  return {
    ...(userId === undefined ? {} : { userId }),
    ...(parentUserId === undefined ? {} : { parentUserId }),
    ...(waId === undefined ? {} : { waId })
  }
}

function readCards(body: unknown): InboundContent | undefined {
  const cards: ContactCard[] = []
  for (const each of asList(body)) {
    const card = asObject(each)
    if (card !== undefined) cards.push(readCard(card))
    if (cards.length === 257) break
  }
  return cards.length === 0 ? undefined : { kind: 'contacts', cards }
}

function readCard(card: Loose): ContactCard {
  const name = asObject(card.name)
  const phones = objects(card.phones).flatMap(phone => {
    const waId = readDigits(phone.wa_id)
    const number = readText(phone.phone) ?? (waId === undefined ? undefined : `+${waId}`)
    return number === undefined ? [] : [{ number, ...pickText(phone, 'type'), ...(waId === undefined ? {} : { waId }) }]
  })
  const emails = objects(card.emails).flatMap(email => {
    const address = readText(email.email)
    return address === undefined ? [] : [{ address, ...pickText(email, 'type') }]
  })
  const addresses = objects(card.addresses).flatMap(address => {
    const parts = [address.street, [address.zip, address.city].map(readText).filter(Boolean).join(' '), address.state]
    const line = [...parts, readText(address.country) ?? address.country_code].map(readText).filter(Boolean).join(', ')
    return line === '' ? [] : [line]
  })
  const urls = objects(card.urls).flatMap(url => readText(url.url) ?? [])
  const organisation = readText(asObject(card.org)?.company)
  const parts = ['prefix', 'first_name', 'middle_name', 'last_name', 'suffix'].map(key => readText(name?.[key]))
  const birthday = readText(card.birthday)
  const origin = readId(card.origin)
  return {
    name:
      readText(name?.formatted_name) ?? (parts.filter(Boolean).join(' ') || organisation || phones[0]?.number || ''),
    ...(organisation === undefined ? {} : { organisation }),
    phones,
    emails,
    addresses,
    urls,
    ...(birthday === undefined ? {} : { birthday }),
    ...(origin === undefined ? {} : { origin })
  }
}

function objects(value: unknown): Loose[] {
  return asList(value).filter(each => asObject(each) !== undefined) as Loose[]
}
