/**
 * Chatwoot's own template picker (chatwoot contract §13): which templates it can express, how they must be written into
 * the inbox so that its form works, and what its answer (`template_params`) means. Pure.
 */
import type { ListedTemplate, SlotValue, Template, Values } from './model.ts'
import { listSlots } from './slots.ts'

/** What Chatwoot keeps per template in the inbox's `additional_attributes.message_templates`. */
export interface PickerTemplate {
  id: string
  name: string
  status: string
  category: string
  language: string
  parameter_format: 'NAMED' | 'POSITIONAL'
  components: Record<string, unknown>[]
}

/** Names that the picker hides (§1: `isSendableTemplate`). */
const HIDDEN = /^customer_satisfaction_survey/

const BUTTONS = new Set(['quick_reply', 'url', 'phone', 'copy_code'])

/** True for what the picker can fill completely and Puente can send from its answer. */
export function isPickable(template: Template): boolean {
  const { header, body } = template
  if (template.status !== 'APPROVED' || template.category === 'AUTHENTICATION' || HIDDEN.test(template.name))
    return false
  if (template.unsupported.length > 0 || body === null) return false
  if (template.cards.length > 0 || template.offer !== null || template.asksToCall) return false
  // A text header with a slot cannot be filled there; its send button stays locked.
  if (header?.kind === 'text' && listSlots(template).some(slot => slot.where.part === 'header')) return false
  if (header?.kind === 'location' || header?.kind === 'product') return false
  return template.buttons.every(button => BUTTONS.has(button.kind))
}

/** All that the picker is offered, in a steady order, so that the same templates are always written the same. */
export function pickerTemplates(
  templates: readonly { listed: ListedTemplate; template: Template }[]
): PickerTemplate[] {
  return templates
    .filter(({ template }) => isPickable(template))
    .sort((a, b) => order(a.listed, b.listed))
    .map(({ listed, template }) => ({
      id: listed.id,
      name: listed.name,
      status: 'APPROVED',
      category: template.category,
      language: listed.language,
      parameter_format: template.named ? 'NAMED' : 'POSITIONAL',
      components: componentsFor(template)
    }))
}

function order(a: ListedTemplate, b: ListedTemplate): number {
  const [left, right] = [`${a.name} ${a.language}`, `${b.name} ${b.language}`]
  return left < right ? -1 : left > right ? 1 : 0
}

/** Written anew rather than copied: Meta's samples hold addresses that change with every reading. */
function componentsFor(template: Template): Record<string, unknown>[] {
  const components: Record<string, unknown>[] = []
  const { header, body, footer } = template
  if (header?.kind === 'text') components.push({ type: 'HEADER', format: 'TEXT', text: header.text })
  else if (header !== null) components.push({ type: 'HEADER', format: header.kind.toUpperCase() })
  components.push({ type: 'BODY', text: body?.text ?? '' })
  if (footer !== null) components.push({ type: 'FOOTER', text: footer })
  if (template.buttons.length > 0) {
    const open = openButtons(template)
    const rest = template.buttons.map((_, index) => index).filter(index => !open.includes(index))
    // Its form crashes when a button without a value stands before one with.
    components.push({ type: 'BUTTONS', buttons: [...open, ...rest].map(index => buttonFor(template, index)) })
  }
  return components
}

/** Positions of the buttons that want a value, in the template's own order. */
function openButtons(template: Template): number[] {
  return listSlots(template)
    .filter(slot => (slot.kind === 'url_suffix' || slot.kind === 'coupon') && slot.where.card === undefined)
    .map(slot => slot.where.button!)
}

function buttonFor(template: Template, index: number): Record<string, unknown> {
  const button = template.buttons[index]!
  switch (button.kind) {
    case 'url':
      return { type: 'URL', text: button.label, url: button.url }
    case 'phone':
      return { type: 'PHONE_NUMBER', text: button.label, phone_number: button.phone }
    case 'copy_code':
      return { type: 'COPY_CODE', text: button.label }
    default:
      return { type: 'QUICK_REPLY', text: button.label }
  }
}

// ── What the picker answers ──────────────────────────────────────────────────────────────────────────────────────

export interface PickerAnswer {
  name: string
  language: string
  processed: Record<string, unknown>
}

/** Null when it names no template. */
export function readPickerAnswer(params: Record<string, unknown>): PickerAnswer | null {
  const { name, language } = params
  if (typeof name !== 'string' || name === '' || typeof language !== 'string' || language === '') return null
  const processed = params['processed_params']
  return { name, language, processed: isRecord(processed) ? processed : {} }
}

/** The answer's values by slot; what the template has no place for is kept, so that filling refuses it. */
export function valuesFromPicker(template: Template, processed: Record<string, unknown>): Values {
  const values: Values = {}
  // Older desks put the body's slots at the top.
  const body = isRecord(processed['body']) ? processed['body'] : flatSlots(processed)
  const code = template.category === 'AUTHENTICATION'
  for (const [key, value] of Object.entries(body)) set(values, code ? 'code' : `body.${slotKey(key)}`, value)
  if (isRecord(processed['header'])) readHeader(values, processed['header'])
  if (Array.isArray(processed['buttons']) && !code) readButtons(values, template, processed['buttons'])
  return values
}

/** `{{ 1 }}` and `1` are the same place. */
function slotKey(key: string): string {
  return key.replace(/[{}\s]/g, '')
}

function set(values: Values, slot: string, value: unknown): void {
  if (value === undefined || value === null || value === '') return
  values[slot] = (typeof value === 'object' ? value : String(value)) as SlotValue
}

function readHeader(values: Values, header: Record<string, unknown>): void {
  const { media_url: link, media_type: _, media_name: filename, ...texts } = header
  if (typeof link === 'string' && link !== '') {
    values['header'] = { link, ...(typeof filename === 'string' && filename !== '' ? { filename } : {}) }
  }
  for (const [key, value] of Object.entries(texts)) set(values, `header.${slotKey(key)}`, value)
}

/** By kind and order: the mirrored copy has other positions than the template, but keeps the order of each kind. */
function readButtons(values: Values, template: Template, buttons: unknown[]): void {
  const given = buttons.filter(isRecord)
  const kindOf = (button: Record<string, unknown>) => (button['type'] === 'copy_code' ? 'copy_code' : 'url')
  for (const kind of ['url', 'copy_code'] as const) {
    const open = openButtons(template).filter(index => template.buttons[index]!.kind === kind)
    for (const [at, button] of given.filter(each => kindOf(each) === kind).entries()) {
      set(values, open[at] === undefined ? `button.${kind}.${at}` : `button.${open[at]}`, button['parameter'])
    }
  }
}

function flatSlots(processed: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(processed).filter(([, value]) => typeof value === 'string'))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
