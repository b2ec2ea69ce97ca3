/**
 * One part as the body of `POST /{PHONE_NUMBER_ID}/messages` (contract §5). Lengths that Meta refuses are cut only in
 * titles, where the id carries the meaning; splitting of long texts is decided before.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { OutboundPart, PartToSend, Recipient, TemplateMessage } from '../../plugin/core/model.ts'
import { RULES } from '../../plugin/core/rules.ts'
import { toComposed } from './to-wire-composed.ts'
import type { InteractiveWire, MediaWire, SendBodyWire, TemplateSendWire } from './wire.ts'

type ContentWire = Pick<
  SendBodyWire,
  | 'type'
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'document'
  | 'sticker'
  | 'interactive'
  | 'template'
  | 'location'
  | 'contacts'
  | 'reaction'
>

/** Fails with `no_recipient` or `wa_invalid`; nothing has left then. */
export function toSendBody(message: PartToSend): SendBodyWire {
  return {
    messaging_product: 'whatsapp',
    ...addressTo(message.to),
    ...toContent(message.part),
    ...(message.quotes === undefined ? {} : { context: { message_id: message.quotes } }),
    biz_opaque_callback_data: message.reference.slice(0, RULES.referenceLimit.value)
  }
}

/** `to` wins at Meta when both are given, so only one is; phones carry `+`, or Meta may prefix our own country. */
function addressTo(to: Recipient): Pick<SendBodyWire, 'recipient_type' | 'to' | 'recipient'> {
  if (to.groupId) return { recipient_type: 'group', to: to.groupId }
  if (to.phone) return { recipient_type: 'individual', to: to.phone.startsWith('+') ? to.phone : `+${to.phone}` }
  if (to.userId) return { recipient_type: 'individual', recipient: to.userId }
  throw new PuenteError('no_recipient')
}

function toContent(part: OutboundPart): ContentWire {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: { body: part.body, ...(part.previewUrl ? { preview_url: true } : {}) } }
    case 'media':
      return { type: part.type, [part.type]: toMedia(part) }
    case 'choices':
      if (part.choices.length === 0) return { type: 'text', text: { body: part.body } }
      return { type: 'interactive', interactive: toInteractive(part) }
    case 'template':
      return { type: 'template', template: toTemplate(part.template) }
    default:
      return toComposed(part)
  }
}

function toMedia(part: OutboundPart & { kind: 'media' }): MediaWire {
  const captioned = part.type === 'image' || part.type === 'video' || part.type === 'document'
  return {
    ...(part.link === undefined ? { id: part.mediaId } : { link: part.link }),
    ...(captioned && part.caption ? { caption: part.caption } : {}),
    ...(part.type === 'document' && part.filename ? { filename: part.filename } : {}),
    ...(part.type === 'audio' && part.voice ? { voice: true } : {})
  }
}

/** Buttons up to three; a list for more, and for a question that is longer than buttons allow. */
function toInteractive(part: OutboundPart & { kind: 'choices' }): InteractiveWire {
  const buttons = RULES.replyButtons.value
  const rows = RULES.listRows.value
  const body = { text: part.body || part.listLabel }
  if (part.choices.length <= buttons.most && body.text.length <= buttons.bodyLimit) {
    const titles = fitTitles(part.choices, buttons.titleLimit)
    return {
      type: 'button',
      body,
      action: { buttons: part.choices.map(({ id }, n) => ({ type: 'reply', reply: { id, title: titles[n]! } })) }
    }
  }
  if (part.choices.length > rows.most) {
    throw new PuenteError('wa_invalid', { stage: 'decide', facts: { choices: part.choices.length, limit: rows.most } })
  }
  const titles = fitTitles(part.choices, rows.titleLimit)
  return {
    type: 'list',
    body,
    action: {
      button: cut(part.listLabel, rows.labelLimit),
      sections: [
        {
          rows: part.choices.map(({ id, title }, n) => ({
            id,
            title: titles[n]!,
            // What the title could not hold stays readable below it.
            ...(titles[n] === title ? {} : { description: cut(title, rows.descriptionLimit) })
          }))
        }
      ]
    }
  }
}

/** Meta refuses equal titles (131009), which cutting may make: they are numbered then. */
function fitTitles(choices: readonly { id: string; title: string }[], limit: number): string[] {
  const taken = new Set<string>()
  return choices.map(({ id, title }, n) => {
    let fitted = cut(title.trim() || id, limit)
    if (taken.has(fitted)) fitted = `${cut(fitted, limit - 3)} ${n + 1}`
    taken.add(fitted)
    return fitted
  })
}

/** At most `limit` UTF-16 units, never half a character; an ellipsis tells that something is missing. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text.slice(0, limit + 16))) {
    if (kept.length + segment.length > limit - 1) break
    kept += segment
  }
  return `${kept}…`
}

function toTemplate({ name, language, components }: TemplateMessage): TemplateSendWire {
  return { name, language: { code: language }, ...(components.length === 0 ? {} : { components }) }
}
