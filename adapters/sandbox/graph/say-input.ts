/** What `POST /__say` takes: one thing that a customer does. Read here, turned into webhooks in `say-wire.ts`. */
import { asRecord } from '../wire.ts'
import type { Json } from './model.ts'

export const SAY_TYPES = [
  'text',
  'image',
  'video',
  'gif',
  'audio',
  'voice',
  'document',
  'sticker',
  'sticker_animated',
  'location',
  'contacts',
  'contact_share',
  'button_reply',
  'list_reply',
  'button',
  'flow',
  'address',
  'call_permission',
  'interactive_empty',
  'order',
  'product',
  'product_enquiry',
  'reaction',
  'edit',
  'revoke',
  'forwarded',
  'referral',
  'group',
  'unsupported',
  'media_too_large',
  'number_change',
  'user_id_change',
  'identity_change',
  'request_welcome',
  'call',
  'link_click',
  'echo',
  'unknown'
] as const

export type SayType = (typeof SAY_TYPES)[number]

export interface SayMedia {
  bytesBase64?: string
  /** jpeg, png, ogg, mp4, pdf, webp, webp_animated, mp3, text. */
  sample?: string
  /** With `sample`: total size; the rest is generated while it is read. */
  bytes?: number
  mime?: string
  /** Leave out the webhook's ready URL. */
  noUrl?: boolean
}

export interface SayInput {
  /** Handle (lucia), wa_id, phone, user id or @username; an unknown number becomes a new customer. */
  customer: string
  /** Profile name for a customer that is made now. */
  name?: string
  /** Phone number id; absent = the first number. */
  number?: string
  type: SayType
  text?: string
  /** wamid of the quoted message, or of the message reacted to, edited, revoked, answered. */
  context?: string
  media?: SayMedia
  filename?: string
  emoji?: string
  /** Id and title of a button or row; `payload` of a template button. */
  id?: string
  title?: string
  description?: string
  payload?: unknown
  /** Subtype of `unsupported`; wire type of `unknown`. */
  subtype?: string
  latitude?: number
  longitude?: number
  place?: string
  address?: string
  url?: string
  contacts?: Json[]
  items?: Json[]
  flow?: Json
  forwarded?: boolean | 'frequently'
  referral?: boolean | Json
  group?: string | boolean
  conversationContext?: string
  withIdentityHash?: boolean
  /** New phone number for `number_change`. */
  phone?: string
  /** Overrides the wamid (to write the same message twice) and the moment (milliseconds, sandbox time). */
  wamid?: string
  at?: number
  duration?: number
}

/** Checks the outline. Throws an Error that names the wrong field. */
export function readSayInput(value: unknown): SayInput {
  const input = asRecord(value)
  const customer = input['customer'] ?? input['from']
  if (typeof customer !== 'string' || customer === '') throw new Error('customer is required')
  const type = input['type'] ?? (input['media'] === undefined ? 'text' : 'image')
  if (!SAY_TYPES.includes(type as SayType)) throw new Error(`type must be one of ${SAY_TYPES.join(', ')}`)
  for (const key of ['text', 'context', 'number', 'filename', 'wamid', 'name', 'phone']) {
    if (input[key] !== undefined && input[key] !== null && typeof input[key] !== 'string')
      throw new Error(`${key} must be a string`)
  }
  if (input['at'] !== undefined && typeof input['at'] !== 'number') throw new Error('at must be milliseconds')
  const needed: Partial<Record<SayType, string>> = {
    reaction: 'context',
    edit: 'context',
    revoke: 'context',
    echo: 'text'
  }
  const missing = needed[type as SayType]
  if (missing && typeof input[missing] !== 'string') throw new Error(`${missing} is required for ${String(type)}`)
  const clean: Json = {}
  for (const [key, one] of Object.entries(input)) if (one !== null) clean[key] = one
  return { ...(clean as unknown as SayInput), customer, type: type as SayType }
}
