/** The inside of an inbound message, by kind: the object named after its type, and siblings (contract §3). */
import type { GraphIdentity } from './identity.ts'
import type { Customer, GraphNumber, Json } from './model.ts'
import type { SayInput } from './say-input.ts'
import { sampleCard, sampleItems, sharedCard } from './say-samples.ts'

export interface SayContext {
  customer: Customer
  number: GraphNumber
  identity: GraphIdentity
  wamid: string
  wacid: string
  atMs: number
  /** The media object of the webhook, when the kind carries one. */
  media: Json | null
  /** Filled for number_change and user_id_change, whose new ids the customer already has. */
  previous: { waId: string | null; userId: string } | null
}

const UNSUPPORTED_ERROR = {
  code: 131051,
  title: 'Message type unknown',
  message: 'Message type unknown',
  error_data: { details: 'Message type is currently not supported.' }
}

/** `type` and the object of that name (and siblings), without the common fields. */
export function buildBody(input: SayInput, at: SayContext): Json {
  const text = input.text
  const media = at.media ?? {}
  const caption = text !== undefined ? { caption: text } : {}
  switch (input.type) {
    case 'text':
    case 'forwarded':
    case 'product_enquiry':
      return { type: 'text', text: { body: text ?? 'Hello' } }
    case 'referral':
      return { type: 'text', text: { body: text ?? 'Can I get more info?' } }
    case 'group':
      return { type: 'text', text: { body: text ?? 'What does everyone think?' } }
    case 'image':
      return { type: 'image', image: { ...caption, ...media } }
    case 'video':
    case 'gif':
      return { type: 'video', video: { ...caption, ...media } }
    case 'audio':
      return { type: 'audio', audio: { ...media, voice: false } }
    case 'voice':
      return { type: 'audio', audio: { ...media, voice: true } }
    case 'document':
      return { type: 'document', document: { ...caption, filename: input.filename ?? 'receipt.pdf', ...media } }
    case 'sticker':
      return { type: 'sticker', sticker: { ...media, animated: false } }
    case 'sticker_animated':
      return { type: 'sticker', sticker: { ...media, animated: true } }
    case 'location':
      return { type: 'location', location: buildLocation(input) }
    case 'contacts':
      return { type: 'contacts', contacts: input.contacts ?? [sampleCard()] }
    case 'contact_share':
      return { type: 'contacts', contacts: [sharedCard(at.customer)] }
    case 'order':
      return {
        type: 'order',
        order: {
          catalog_id: at.identity.catalogId,
          ...(text !== undefined ? { text } : {}),
          product_items: input.items ?? sampleItems()
        }
      }
    case 'reaction':
      return {
        type: 'reaction',
        reaction: { message_id: input.context ?? '', ...(input.emoji !== undefined ? { emoji: input.emoji } : {}) }
      }
    case 'edit': {
      const inner = at.media
        ? { type: 'image', image: { ...caption, ...media } }
        : { type: 'text', text: { body: text ?? '' } }
      return {
        type: 'edit',
        edit: { original_message_id: input.context ?? '', message: { context: { id: 'M0' }, ...inner } }
      }
    }
    case 'revoke':
      return { type: 'revoke', revoke: { original_message_id: input.context ?? '' } }
    case 'unsupported':
      return {
        type: 'unsupported',
        errors: [UNSUPPORTED_ERROR],
        ...(input.subtype === 'none' ? {} : { unsupported: { type: input.subtype ?? 'poll_creation' } })
      }
    case 'media_too_large':
      return {
        type: 'unsupported',
        errors: [
          {
            code: 131052,
            title: 'Media download error',
            message: 'Media download error',
            error_data: { details: 'Failed to download the media from the sender: file exceeds the 100MB limit.' }
          }
        ]
      }
    case 'identity_change':
      return {
        type: 'system',
        identity: {
          acknowledged: true,
          created_timestamp: String(Math.floor(at.atMs / 1000)),
          hash: at.customer.identityHash
        },
        system: { body: text ?? 'User identity changed', type: 'customer_identity_changed' }
      }
    case 'request_welcome':
      return { type: 'request_welcome' }
    case 'button':
      return {
        type: 'button',
        button: { payload: String(input.payload ?? input.id ?? text ?? 'Yes'), text: text ?? input.title ?? 'Yes' }
      }
    case 'unknown': {
      const type = input.subtype ?? 'poll'
      return { type, [type]: input.payload ?? { question: '?' } }
    }
    case 'interactive_empty':
      return { type: 'interactive' }
    default:
      return { type: 'interactive', interactive: buildInteractive(input, at) }
  }
}

function buildInteractive(input: SayInput, at: SayContext): Json {
  const title = input.title ?? input.text ?? 'Yes'
  const id = input.id ?? title.toLowerCase().replace(/\W+/g, '-')
  switch (input.type) {
    case 'list_reply':
      return {
        type: 'list_reply',
        list_reply: { id, title, ...(input.description !== undefined ? { description: input.description } : {}) }
      }
    case 'flow':
      return {
        type: 'nfm_reply',
        nfm_reply: {
          response_json: JSON.stringify(input.flow ?? { flow_token: 'ft-0001', rating: '4', comment: 'ok' }),
          body: 'Sent',
          name: 'flow'
        }
      }
    case 'address':
      return {
        type: 'nfm_reply',
        nfm_reply: {
          response_json: JSON.stringify({ values: input.flow ?? { name: at.customer.name, city: 'Springfield' } }),
          body: input.text ?? 'Address',
          name: 'address_message'
        }
      }
    case 'call_permission':
      return {
        type: 'call_permission_reply',
        call_permission_reply:
          input.payload === 'accept'
            ? {
                response: 'accept',
                is_permanent: false,
                expiration_timestamp: Math.floor(at.atMs / 1000) + 604_800,
                response_source: 'user_action'
              }
            : { response: 'reject', response_source: 'user_action' }
      }
    case 'product':
      return {
        type: 'product',
        product: { catalog_id: at.identity.catalogId, product_retailer_id: input.id ?? 'sku-001' }
      }
    default:
      return { type: 'button_reply', button_reply: { id, title } }
  }
}

function buildLocation(input: SayInput): Json {
  return {
    ...(input.address !== undefined ? { address: input.address } : {}),
    latitude: input.latitude ?? 37.442215,
    longitude: input.longitude ?? -122.161659,
    ...(input.place !== undefined ? { name: input.place } : {}),
    ...(input.url !== undefined ? { url: input.url } : {})
  }
}
