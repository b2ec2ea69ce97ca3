/** The places of a template that somebody has to fill, in the order in which the phone shows them. */
import { RULES } from '../rules.ts'
import type { Slot, Template, TemplateButton, TemplateCard, TemplateHeader, TemplateText } from './model.ts'
import { slotKeys, splitSlots } from './slot-text.ts'

export function listSlots(template: Template): Slot[] {
  // A one-time password stands in the body and in the button: one slot fills both.
  if (template.category === 'AUTHENTICATION') return [codeSlot(template)]
  const slots = [...cardSlots(template, '', undefined)]
  if (template.offer?.expires) {
    const offer: Slot = { ...empty('offer', 'moment'), where: { part: 'offer' }, label: template.offer.text }
    const firstButton = slots.findIndex(slot => slot.where.part === 'button')
    slots.splice(firstButton === -1 ? slots.length : firstButton, 0, offer)
  }
  for (const [card, parts] of template.cards.entries()) slots.push(...cardSlots(parts, `card.${card}.`, card))
  return slots
}

function cardSlots(parts: TemplateCard, prefix: string, card: number | undefined): Slot[] {
  const where = card === undefined ? {} : { card }
  const slots: Slot[] = []
  if (parts.header !== null) slots.push(...headerSlots(parts.header, prefix).map(slot => placed(slot, where)))
  if (parts.body !== null) {
    slots.push(...textSlots(parts.body, `${prefix}body`, 'body').map(slot => placed(slot, where)))
  }
  for (const [index, button] of parts.buttons.entries()) {
    const slot = buttonSlot(button, `${prefix}button.${index}`)
    if (slot !== null) slots.push(placed({ ...slot, where: { part: 'button', button: index } }, where))
  }
  return slots
}

function placed(slot: Slot, where: { card?: number }): Slot {
  return { ...slot, where: { ...slot.where, ...where } }
}

function empty(id: string, kind: Slot['kind']): Slot {
  return {
    id,
    kind,
    where: { part: 'body' },
    label: '',
    example: null,
    required: true,
    maxLength: null,
    context: null
  }
}

function headerSlots(header: TemplateHeader, prefix: string): Slot[] {
  if (header.kind === 'text') return textSlots(header, `${prefix}header`, 'header')
  const slot: Slot = { ...empty(`${prefix}header`, header.kind), where: { part: 'header' }, label: header.kind }
  return [header.kind === 'location' || header.kind === 'product' ? slot : { ...slot, example: header.example }]
}

const CONTEXT = 40

function textSlots(part: TemplateText, prefix: string, where: 'header' | 'body'): Slot[] {
  const pieces = splitSlots(part.text)
  return slotKeys(part.text).map(key => {
    const at = pieces.findIndex(piece => 'key' in piece && piece.key === key)
    const near = (index: number) => {
      const piece = pieces[index]
      return piece !== undefined && 'words' in piece ? piece.words : ''
    }
    return {
      ...empty(`${prefix}.${key}`, 'text'),
      where: { part: where },
      label: key.replaceAll('_', ' '),
      example: part.examples[key] ?? null,
      context: { before: near(at - 1).slice(-CONTEXT), after: near(at + 1).slice(0, CONTEXT) }
    }
  })
}

function buttonSlot(button: TemplateButton, id: string): Slot | null {
  const slot = (kind: Slot['kind'], more: Partial<Slot> = {}): Slot => ({
    ...empty(id, kind),
    label: button.label,
    ...more
  })
  switch (button.kind) {
    case 'quick_reply':
      return slot('payload', { required: false, maxLength: RULES.templateLimits.value.payload })
    case 'url':
      return slotKeys(button.url).length === 0 ? null : slot('url_suffix', { example: suffixOf(button) })
    case 'copy_code':
      return slot('coupon', { example: button.example, maxLength: RULES.couponLimit.value })
    case 'flow':
      return slot('flow', { required: false })
    case 'catalog':
      return slot('thumbnail', { required: false })
    case 'products':
      return slot('products')
    default:
      return null
  }
}

/** Meta's sample shows the whole address. */
function suffixOf(button: { url: string; example: string | null }): string | null {
  const [first] = splitSlots(button.url)
  const prefix = first !== undefined && 'words' in first ? first.words : ''
  return button.example?.startsWith(prefix) ? button.example.slice(prefix.length) : button.example
}

function codeSlot(template: Template): Slot {
  return {
    ...empty('code', 'code'),
    label: template.buttons[0]?.label ?? 'code',
    example: template.body?.examples['1'] ?? null,
    maxLength: RULES.templateLimits.value.code
  }
}
