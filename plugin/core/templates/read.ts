/**
 * Reads a template from the components that Graph lists (contract §5, §8) and finds its slots. Tolerant: what this
 * version cannot fill is named in `unsupported`, so that the template is shown with its reason and never half sent.
 */
import type {
  ListedTemplate,
  Slot,
  Template,
  TemplateButton,
  TemplateCard,
  TemplateHeader,
  TemplateText
} from './model.ts'
import { hasBraces, slotKeys } from './slot-text.ts'
import { listSlots } from './slots.ts'

type Loose = Record<string, unknown>

export function readTemplate(listed: ListedTemplate): Template {
  const unsupported: string[] = []
  const parts = readParts(listed.components, unsupported)
  const template: Template = {
    id: listed.id,
    name: listed.name,
    language: listed.language,
    status: listed.status.toUpperCase(),
    category: listed.category.toUpperCase(),
    rejectedReason: listed.rejectedReason ?? null,
    qualityScore: listed.qualityScore ?? null,
    named: false,
    header: parts.header,
    body: parts.body,
    footer: null,
    offer: null,
    buttons: parts.buttons,
    cards: [],
    asksToCall: false,
    unsupported
  }
  for (const component of listed.components) readRest(component, template)
  if (template.category === 'AUTHENTICATION') readAuthentication(template)
  template.named =
    listed.parameterFormat === undefined
      ? listSlots(template).some(slot => slot.kind === 'text' && !/^\d+$/.test(keyOf(slot)))
      : listed.parameterFormat.toUpperCase() === 'NAMED'
  if (listSlots(template).length === 0 && template.body === null && parts.header === null && unsupported.length === 0) {
    unsupported.push('EMPTY')
  }
  return template
}

function keyOf(slot: Slot): string {
  return slot.id.slice(slot.id.lastIndexOf('.') + 1)
}

/** Header, body and buttons: what a template and a card of a carousel both have. */
function readParts(components: Loose[], unsupported: string[]): TemplateCard {
  const parts: TemplateCard = { header: null, body: null, buttons: [] }
  for (const component of components) {
    const type = word(component['type'])
    if (type === 'HEADER') parts.header = readHeader(component, unsupported)
    else if (type === 'BODY') parts.body = readText('BODY', component, 'body_text', unsupported)
    else if (type === 'BUTTONS') {
      parts.buttons = list(component['buttons']).map(button => readButton(record(button), unsupported))
    }
  }
  return parts
}

function readRest(component: Loose, template: Template): void {
  const type = word(component['type'])
  if (type === 'FOOTER') {
    template.footer = text(component['text']) ?? footerOf(component)
  } else if (type === 'LIMITED_TIME_OFFER') {
    const offer = record(component['limited_time_offer'])
    template.offer = { text: text(offer['text']) ?? '', expires: offer['has_expiration'] === true }
  } else if (type === 'CAROUSEL') {
    template.cards = list(component['cards']).map(card =>
      readParts(list(record(card)['components']).map(record), template.unsupported)
    )
    if (template.cards.length === 0) template.unsupported.push('CAROUSEL')
  } else if (type === 'CALL_PERMISSION_REQUEST') {
    template.asksToCall = true
  } else if (type !== 'HEADER' && type !== 'BODY' && type !== 'BUTTONS') {
    template.unsupported.push(type)
  }
}

function footerOf(component: Loose): string | null {
  const minutes = component['code_expiration_minutes']
  return typeof minutes === 'number' ? `${minutes} min` : null
}

/** Meta writes the text of one-time passwords by itself; some listings leave it out. */
function readAuthentication(template: Template): void {
  template.body ??= { text: '{{1}}', examples: {} }
  if (slotKeys(template.body.text).length > 1) template.unsupported.push('BODY AUTHENTICATION')
  if (template.header !== null) template.unsupported.push('HEADER AUTHENTICATION')
  template.buttons = template.buttons.map(button =>
    button.kind === 'url' && slotKeys(button.url).length > 0
      ? { kind: 'otp', label: button.label, otpType: /otp_type=(\w+)/.exec(button.url)?.[1] ?? 'COPY_CODE' }
      : button
  )
}

function readHeader(component: Loose, unsupported: string[]): TemplateHeader | null {
  const format = component['format'] === undefined ? 'TEXT' : word(component['format'])
  if (format === 'TEXT') {
    const header = readText('HEADER', component, 'header_text', unsupported)
    return header === null ? null : { kind: 'text', ...header }
  }
  if (format === 'IMAGE' || format === 'VIDEO' || format === 'DOCUMENT') {
    const handles = list(record(component['example'])['header_handle'])
    return { kind: format.toLowerCase() as 'image' | 'video' | 'document', example: text(handles[0]) }
  }
  if (format === 'LOCATION') return { kind: 'location' }
  if (format === 'PRODUCT') return { kind: 'product' }
  unsupported.push(`HEADER ${format}`)
  return null
}

function readText(
  part: string,
  component: Loose,
  example: 'header_text' | 'body_text',
  unsupported: string[]
): TemplateText | null {
  const content = text(component['text'])
  if (content === null) return null
  if (hasBraces(content)) unsupported.push(`${part} {{`)
  const examples: Record<string, string> = {}
  const given = record(component['example'])
  for (const each of list(given[`${example}_named_params`])) {
    const name = text(record(each)['param_name'])
    const sample = text(record(each)['example'])
    if (name !== null && sample !== null) examples[name] = sample
  }
  // The body's samples come as a list of lists, the header's as a list.
  const samples = list(given[example])
  const row = Array.isArray(samples[0]) ? samples[0] : samples
  for (const [index, sample] of row.entries()) {
    if (typeof sample === 'string') examples[String(index + 1)] = sample
  }
  return { text: content, examples }
}

function readButton(button: Loose, unsupported: string[]): TemplateButton {
  const type = word(button['type'])
  const label = text(button['text']) ?? ''
  switch (type) {
    case 'QUICK_REPLY':
      return { kind: 'quick_reply', label }
    case 'URL': {
      const url = text(button['url']) ?? ''
      if (slotKeys(url).length > 1 || hasBraces(url)) unsupported.push('BUTTON URL {{')
      return { kind: 'url', label, url, example: firstText(button['example']) }
    }
    case 'PHONE_NUMBER':
      return { kind: 'phone', label, phone: text(button['phone_number']) ?? '' }
    case 'COPY_CODE':
      return { kind: 'copy_code', label, example: firstText(button['example']) }
    case 'FLOW':
      return { kind: 'flow', label }
    case 'CATALOG':
      return { kind: 'catalog', label }
    case 'MPM':
      return { kind: 'products', label }
    case 'SPM':
      return { kind: 'product', label }
    case 'OTP':
      return { kind: 'otp', label, otpType: word(button['otp_type'] ?? 'COPY_CODE') }
    case 'VOICE_CALL':
      return { kind: 'voice_call', label }
    case 'REQUEST_CONTACT_INFO':
      return { kind: 'share_contact', label }
    default:
      unsupported.push(`BUTTON ${type}`)
      return { kind: 'quick_reply', label }
  }
}

function firstText(value: unknown): string | null {
  return text(Array.isArray(value) ? value[0] : value)
}

function word(value: unknown): string {
  return typeof value === 'string' ? value.toUpperCase() : 'UNKNOWN'
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function record(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {}
}
