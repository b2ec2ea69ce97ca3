/**
 * Matches a template send with the template's definition and fills it in, as Meta does before accepting it.
 * Codes: 132000 count, 132001 missing, 132005 too long, 132012 format, 132015 paused, 132016 disabled, 132018 text.
 */
import { asRecord } from '../wire.ts'
import type { MediaVisitor } from './check-interactive.ts'
import { GraphError } from './errors.ts'
import type { Json, PhoneButton, TemplateRecord } from './model.ts'
import { needCount, needList, needNumberish, needRecord, needText } from './require-field.ts'

/** What the phone shows. */
export interface FilledTemplate {
  text: string
  header?: string
  footer?: string
  headerMedia?: { type: string; media: Json }
  buttons: PhoneButton[]
  category: TemplateRecord['category']
}

export function findTemplate(templates: Iterable<TemplateRecord>, name: string, language: string): TemplateRecord {
  for (const template of templates) {
    if (template.name !== name || template.language !== language) continue
    if (template.status === 'PAUSED') throw new GraphError(132015)
    if (template.status === 'DISABLED') throw new GraphError(132016)
    if (template.status === 'APPROVED') return template
  }
  throw new GraphError(132001, `template name (${name}) does not exist in ${language}`)
}

export function checkTemplate(template: TemplateRecord, sent: Json[], onMedia: MediaVisitor): FilledTemplate {
  const named = template.parameter_format === 'NAMED'
  const pick = (type: string) => sent.find(part => String(part['type']).toLowerCase() === type)
  const filled: FilledTemplate = { text: '', buttons: [], category: template.category }
  for (const part of sent) {
    const type = String(part['type']).toLowerCase()
    if (
      ![
        'header',
        'body',
        'button',
        'carousel',
        'limited_time_offer',
        'tap_target_configuration',
        'order_status'
      ].includes(type)
    ) {
      throw new GraphError(100, `Param template.components type "${String(part['type'])}" is not valid.`)
    }
  }
  const defined = new Map(template.components.map(part => [String(part['type']).toUpperCase(), part]))

  const header = defined.get('HEADER')
  if (header) fillHeader(header, pick('header'), named, filled, onMedia)
  else if (pick('header'))
    throw new GraphError(
      132000,
      'header: number of localizable_params (1) does not match the expected number of params (0)'
    )

  const body = defined.get('BODY')
  filled.text = fillText('body', String(body?.['text'] ?? ''), pick('body'), named)
  if ([...filled.text].length > 1024) throw new GraphError(132005)
  const footer = defined.get('FOOTER')
  if (footer) filled.footer = String(footer['text'] ?? '')

  const offer = defined.get('LIMITED_TIME_OFFER')
  if (offer && asRecord(offer['limited_time_offer'])['has_expiration'] === true) {
    const parameters = needList(pick('limited_time_offer') ?? {}, 'parameters', 'limited_time_offer.parameters')
    needNumberish(
      needRecord(parameters[0] ?? {}, 'limited_time_offer'),
      'expiration_time_ms',
      'expiration_time_ms',
      0,
      Number.MAX_SAFE_INTEGER
    )
  }

  fillButtons(defined.get('BUTTONS'), sent, filled)
  const carousel = defined.get('CAROUSEL')
  if (carousel) fillCarousel(carousel, pick('carousel'), named, filled, onMedia)
  return filled
}

const PLACE = /\{\{\s*([\w]+)\s*\}\}/g

/** Each once; numbers ascending, since the n-th parameter fills `{{n}}` wherever it stands. */
function placesOf(text: string): string[] {
  const places = [...new Set([...text.matchAll(PLACE)].map(found => found[1]!))]
  return places.every(place => /^\d+$/.test(place)) ? places.sort((a, b) => Number(a) - Number(b)) : places
}

function readParameter(part: string, parameter: Json): string {
  const type = parameter['type']
  if (type === 'currency') return needText(needRecord(parameter, 'currency'), 'fallback_value', 'fallback_value', 1024)
  if (type === 'date_time')
    return needText(needRecord(parameter, 'date_time'), 'fallback_value', 'fallback_value', 1024)
  if (type !== 'text')
    throw new GraphError(
      132012,
      `${part}: Format mismatch, expected TEXT, received ${String(type ?? 'UNKNOWN').toUpperCase()}`
    )
  const text = parameter['text']
  if (typeof text !== 'string' || text === '')
    throw new GraphError(131008, `${part}: Parameter of type text is missing text value`)
  if (/[\n\r\t]| {5,}/.test(text)) {
    throw new GraphError(132018, 'Param text cannot have new-line/tab characters or more than 4 consecutive spaces')
  }
  return text
}

function fillText(part: string, text: string, sent: Json | undefined, named: boolean): string {
  const places = placesOf(text)
  const parameters = sent ? needList(sent, 'parameters', `${part}.parameters`) : []
  if (parameters.length !== places.length) {
    throw new GraphError(
      132000,
      `${part}: number of localizable_params (${parameters.length}) does not match the expected number of params (${places.length})`
    )
  }
  const values = new Map<string, string>()
  parameters.forEach((parameter, i) => {
    const value = readParameter(part, parameter)
    const name = named ? String(parameter['parameter_name'] ?? '') : places[i]!
    if (named && !places.includes(name)) throw new GraphError(100, `${part}: Parameter name is missing or empty`)
    values.set(name, value)
  })
  if (!named) return text.replace(PLACE, (_, key: string) => values.get(key) ?? '')
  for (const place of places) {
    if (!values.has(place)) throw new GraphError(132000, `${part}: no value for parameter ${place}`)
  }
  return text.replace(PLACE, (_, key: string) => values.get(key) ?? '')
}

function fillHeader(
  header: Json,
  sent: Json | undefined,
  named: boolean,
  filled: FilledTemplate,
  onMedia: MediaVisitor
) {
  const format = String(header['format'] ?? 'TEXT').toUpperCase()
  if (format === 'TEXT') {
    filled.header = fillText('header', String(header['text'] ?? ''), sent, named)
    if ([...filled.header].length > 60) throw new GraphError(132005)
    return
  }
  const parameter = (sent ? needList(sent, 'parameters', 'header.parameters') : [])[0]
  const type = String(parameter?.['type'] ?? 'UNKNOWN').toUpperCase()
  if (!parameter || type !== format) {
    throw new GraphError(132012, `header: Format mismatch, expected ${format}, received ${type}`)
  }
  const value = needRecord(parameter, format.toLowerCase())
  if (format === 'LOCATION') {
    needNumberish(value, 'latitude', 'location.latitude', -90, 90)
    needNumberish(value, 'longitude', 'location.longitude', -180, 180)
    filled.header = String(value['name'] ?? 'Location')
    return
  }
  onMedia(format.toLowerCase(), value)
  filled.headerMedia = { type: format.toLowerCase(), media: value }
}

function fillButtons(defined: Json | undefined, sent: Json[], filled: FilledTemplate) {
  const buttons = defined ? needList(defined, 'buttons') : []
  const given = new Map<number, Json>()
  for (const part of sent) {
    if (String(part['type']).toLowerCase() !== 'button') continue
    const index = Number(part['index'])
    const button = buttons[index]
    if (!Number.isInteger(index) || !button) {
      throw new GraphError(132000, `buttons: there is no button at index ${String(part['index'])} in the template`)
    }
    const subType = String(part['sub_type']).toLowerCase()
    const wanted = subTypeOf(button)
    if (subType !== wanted)
      throw new GraphError(132012, `buttons: Button at index ${index} expects sub_type ${wanted}, received ${subType}`)
    given.set(index, part)
  }
  buttons.forEach((button, index) => {
    filled.buttons.push(fillButton(button, index, given.get(index)))
  })
}

function subTypeOf(button: Json): string {
  const type = String(button['type']).toLowerCase()
  return type === 'otp' ? 'url' : type === 'phone_number' ? 'phone_number' : type
}

function fillButton(button: Json, index: number, sent: Json | undefined): PhoneButton {
  const label = String(button['text'] ?? '')
  const type = String(button['type']).toUpperCase()
  const parameter =
    sent?.['parameters'] !== undefined ? needList(sent, 'parameters', 'button.parameters')[0] : undefined
  const missing = () => new GraphError(131008, `buttons: Button at index ${index} of type ${type} requires a parameter`)
  if (type === 'QUICK_REPLY') return { id: String(parameter?.['payload'] ?? label), label, kind: 'quick' }
  if (type === 'URL') {
    const address = String(button['url'] ?? '')
    if (!/\{\{/.test(address)) return { id: address, label, kind: 'url', url: address }
    const suffix = parameter?.['text']
    if (typeof suffix !== 'string' || suffix === '') throw missing()
    const whole = address.replace(PLACE, suffix)
    if (whole.length > 2000) throw new GraphError(132005)
    return { id: whole, label, kind: 'url', url: whole }
  }
  if (type === 'COPY_CODE') {
    const code = parameter?.['coupon_code']
    if (typeof code !== 'string' || code === '') throw missing()
    if (code.length > 20) throw new GraphError(132018, 'coupon_code is longer than 20 characters')
    return { id: code, label, kind: 'copy' }
  }
  if (type === 'MPM') {
    const action = needRecord(parameter ?? {}, 'action', 'button.parameters[0].action')
    const sections = needList(action, 'sections', 'action.sections')
    needCount(sections.length, 1, 10, 'Sections')
    return { id: label, label, kind: 'other' }
  }
  if (type === 'PHONE_NUMBER') return { id: String(button['phone_number'] ?? ''), label, kind: 'phone' }
  return { id: label, label, kind: type === 'FLOW' ? 'flow' : 'other' }
}

function fillCarousel(
  defined: Json,
  sent: Json | undefined,
  named: boolean,
  filled: FilledTemplate,
  onMedia: MediaVisitor
) {
  const cards = needList(defined, 'cards')
  const given = needList(sent ?? {}, 'cards', 'carousel.cards')
  if (given.length !== cards.length) {
    throw new GraphError(
      132000,
      `carousel: number of cards (${given.length}) does not match the expected number of cards (${cards.length})`
    )
  }
  cards.forEach((card, i) => {
    const part: TemplateRecord = {
      id: '',
      name: '',
      language: '',
      status: 'APPROVED',
      category: filled.category,
      parameter_format: named ? 'NAMED' : 'POSITIONAL',
      components: needList(card, 'components')
    }
    const one = checkTemplate(part, needList(given[i]!, 'components', `carousel.cards[${i}].components`), onMedia)
    if (one.text) filled.text += `\n\n${one.text}`
    filled.buttons.push(...one.buttons)
  })
}
