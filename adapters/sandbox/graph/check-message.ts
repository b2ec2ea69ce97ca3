/**
 * Reads and checks the body of `POST /{PHONE}/messages` (contract §5). Pure: nothing is stored; media and templates
 * are asked through the given look-ups. Refusals are GraphErrors with Meta's codes.
 */
import { asRecord } from '../wire.ts'
import { checkInteractive } from './check-interactive.ts'
import { checkTemplate, type FilledTemplate, findTemplate } from './check-template.ts'
import { GraphError } from './errors.ts'
import type { MediaRecord } from './media.ts'
import { findMediaFault } from './media.ts'
import type { Json, Knobs, TemplateRecord } from './model.ts'
import {
  needCount,
  needList,
  needNumberish,
  needOneOf,
  needRecord,
  needText,
  needWebAddress,
  optionalText
} from './require-field.ts'

const TYPES = [
  'text',
  'image',
  'audio',
  'video',
  'document',
  'sticker',
  'location',
  'contacts',
  'interactive',
  'template',
  'reaction'
]

export interface CheckedMessage {
  type: string
  recipientType: 'individual' | 'group'
  to: string | null
  /** A user id; only used when `to` is absent. */
  recipient: string | null
  content: Json | Json[]
  contextId: string | null
  callback: string | null
  identityHash: string | null
  template: FilledTemplate | null
  templateName: string | null
  /** Media referenced by id, in order. */
  media: MediaRecord[]
  /** What will make the message fail after it was accepted. */
  lateFault: { code: number; details: string } | null
}

export interface MessageLookups {
  findMedia(id: string): MediaRecord | undefined
  templates: Iterable<TemplateRecord>
  knobs: Knobs
}

export function checkMessage(body: Json, lookups: MessageLookups): CheckedMessage {
  if (body['messaging_product'] !== 'whatsapp') {
    throw new GraphError(100, "Param messaging_product must be 'whatsapp'.", {
      message: '(#100) The parameter messaging_product is required.'
    })
  }
  const recipientType =
    body['recipient_type'] === undefined
      ? 'individual'
      : needOneOf(body, 'recipient_type', 'recipient_type', ['individual', 'group'])
  const to = readId(body, 'to')
  const recipient = readId(body, 'recipient')
  if (to === null && recipient === null)
    throw new GraphError(100, undefined, { message: '(#100) The parameter to is required.' })
  const type = body['type'] === undefined ? 'text' : needOneOf(body, 'type', 'type', TYPES)
  const callback = optionalText(body, 'biz_opaque_callback_data', 'biz_opaque_callback_data', 512) ?? null
  const context = body['context'] === undefined ? undefined : needRecord(body, 'context')
  const checked: CheckedMessage = {
    type,
    recipientType: recipientType as 'individual' | 'group',
    to,
    recipient: to === null ? recipient : null,
    content: {},
    contextId: context ? needText(context, 'message_id', 'context.message_id', 512) : null,
    callback,
    identityHash: optionalText(body, 'recipient_identity_key_hash', 'recipient_identity_key_hash', 128) ?? null,
    template: null,
    templateName: null,
    media: [],
    lateFault: null
  }
  const onMedia = (mediaType: string, media: Json) => checkMedia(mediaType, media, checked, lookups)

  if (type === 'contacts') {
    const cards = needList(body, 'contacts')
    needCount(cards.length, 1, 257, 'Contacts')
    cards.forEach(checkCard)
    checked.content = cards
    return checked
  }
  const content = needRecord(body, type)
  checked.content = content
  if (type === 'text') needText(content, 'body', "text['body']", 4096)
  else if (type === 'reaction') {
    needText(content, 'message_id', 'reaction.message_id', 512)
    if (typeof content['emoji'] !== 'string') throw new GraphError(131008, 'The parameter reaction.emoji is required.')
    if (
      content['emoji'] !== '' &&
      !/\p{Extended_Pictographic}|\p{Regional_Indicator}|[0-9#*]\ufe0f?\u20e3/u.test(content['emoji'])
    ) {
      throw new GraphError(131009, 'Reaction emoji is not valid.')
    }
    checked.contextId = null
  } else if (type === 'location') {
    needNumberish(content, 'latitude', 'location.latitude', -90, 90)
    needNumberish(content, 'longitude', 'location.longitude', -180, 180)
    for (const key of ['name', 'address'])
      if (content[key] !== undefined && typeof content[key] !== 'string')
        throw new GraphError(100, `Param location.${key} must be a string.`)
  } else if (type === 'interactive') checkInteractive(content, onMedia)
  else if (type === 'template') {
    const name = needText(content, 'name', 'template.name', 512)
    const language = needText(
      needRecord(content, 'language', 'template.language'),
      'code',
      'template.language.code',
      20
    )
    const template = findTemplate(lookups.templates, name, language)
    checked.templateName = name
    checked.template = checkTemplate(
      template,
      content['components'] === undefined ? [] : needList(content, 'components'),
      onMedia
    )
  } else checkMediaMessage(type, content, checked, onMedia)
  return checked
}

function readId(body: Json, key: string): string | null {
  const value = body[key]
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new GraphError(100, `Param ${key} must be a string.`)
  return String(value)
}

function checkMediaMessage(
  type: string,
  content: Json,
  checked: CheckedMessage,
  onMedia: (type: string, media: Json) => void
) {
  onMedia(type, content)
  if (type === 'image' || type === 'video' || type === 'document') {
    if (content['caption'] !== '') optionalText(content, 'caption', `${type}['caption']`, 1024)
  } else if (content['caption'] !== undefined) {
    throw new GraphError(100, `Unexpected key "caption" on param "${type}".`)
  }
  if (content['filename'] !== undefined && type !== 'document')
    throw new GraphError(100, `Unexpected key "filename" on param "${type}".`)
  if (type === 'audio' && content['voice'] === true) {
    const record = checked.media[0]
    if (record && !/^audio\/ogg/.test(record.mime)) {
      checked.lateFault = {
        code: 131053,
        details: `Voice messages must be audio/ogg with the opus codec, received ${record.mime}.`
      }
    }
  }
}

function checkMedia(type: string, media: Json, checked: CheckedMessage, lookups: MessageLookups) {
  if (media['id'] === undefined && media['link'] === undefined)
    throw new GraphError(131008, `The parameter ${type}.id or ${type}.link is required.`)
  if (media['id'] === undefined) {
    needWebAddress(media['link'], `${type}.link`)
    return
  }
  const record = lookups.findMedia(String(media['id']))
  if (!record) throw new GraphError(131009, `Media ID ${String(media['id'])} does not exist or has expired.`)
  checked.media.push(record)
  // Meta takes the message and tells about wrong files afterwards, as a failed status.
  const fault = lookups.knobs.mediaLimits === 'on' ? findMediaFault(type, record) : undefined
  if (fault) checked.lateFault = { code: 131053, details: fault }
}

function checkCard(card: Json) {
  const name = needRecord(card, 'name', 'contacts.name')
  needText(name, 'formatted_name', 'contacts.name.formatted_name', 1024)
  const parts = ['first_name', 'last_name', 'middle_name', 'suffix', 'prefix']
  if (!parts.some(part => typeof name[part] === 'string' && name[part] !== '')) {
    throw new GraphError(
      131008,
      'contacts.name needs at least one of first_name, last_name, middle_name, suffix, prefix.'
    )
  }
  for (const key of ['phones', 'emails', 'urls', 'addresses'])
    if (card[key] !== undefined) needList(card, key, `contacts.${key}`)
  if (card['birthday'] !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(String(card['birthday']))) {
    throw new GraphError(131009, 'contacts.birthday must be YYYY-MM-DD.')
  }
  if (card['org'] !== undefined) asRecord(card['org'])
}
