/**
 * Fills a template: what the phone shows, and what leaves for it, from the same cleaned values, so that both are the
 * same. Pure. What keeps it from being sent comes back as problems; texts for people are made by `describeProblem`.
 */

import { RULES } from '../rules.ts'
import { toComponents } from './components.ts'
import { deskTextOf } from './desk-text.ts'
import type {
  CleanValues,
  Filled,
  FillRules,
  LocationValue,
  MediaValue,
  Preview,
  PreviewButton,
  PreviewCard,
  PreviewHeader,
  PreviewPiece,
  PreviewText,
  ProblemCode,
  ProductValue,
  Slot,
  SlotValue,
  Template,
  TemplateButton,
  TemplateCard,
  TemplateProblem,
  Values
} from './model.ts'
import { splitSlots } from './slot-text.ts'
import { listSlots } from './slots.ts'
import { checkValue } from './values.ts'

export function fillTemplate(template: Template, values: Values, rules: FillRules): Filled {
  const problems = rules.checkStatus === false ? [] : checkTemplate(template, rules)
  const { clean, problems: wrong } = checkValues(template, values, rules)
  problems.push(...wrong)
  const preview = previewTemplate(template, clean)
  problems.push(...checkParts(preview, problems))
  const deskText = deskTextOf(preview)
  if (problems.length > 0) return { ok: false, problems, preview, deskText }
  return { ok: true, problems, preview, deskText, components: toComponents(template, clean) }
}

/** What keeps the template itself from being sent, whatever the values. */
export function checkTemplate(template: Template, rules: Pick<FillRules, 'hasPhone'>): TemplateProblem[] {
  const problems: TemplateProblem[] = []
  const add = (code: ProblemCode, facts: TemplateProblem['facts'] = {}) =>
    problems.push({ code, slot: null, label: null, facts })
  if (template.status === 'PAUSED') add('status_paused')
  else if (template.status === 'DISABLED') add('status_disabled')
  else if (template.status !== 'APPROVED') add('status_not_approved', { status: template.status })
  if (template.unsupported.length > 0) add('unsupported', { part: template.unsupported.join(', ') })
  if (template.category === 'AUTHENTICATION' && !rules.hasPhone) add('phone_needed')
  return problems
}

function checkValues(
  template: Template,
  values: Values,
  rules: FillRules
): { clean: CleanValues; problems: TemplateProblem[] } {
  const clean = new Map<string, SlotValue>()
  const problems: TemplateProblem[] = []
  const slots = listSlots(template)
  for (const slot of slots) {
    const given = Object.hasOwn(values, slot.id) ? values[slot.id] : undefined
    const checked = checkValue(slot, given, rules, urlOf(template, slot))
    if ('problem' in checked) {
      problems.push({ code: checked.problem, slot: slot.id, label: slot.label, facts: checked.facts ?? {} })
    } else if (checked.value !== null) clean.set(slot.id, checked.value)
  }
  for (const id of Object.keys(values)) {
    if (values[id] === undefined || slots.some(slot => slot.id === id)) continue
    problems.push({ code: 'unknown_slot', slot: id, label: id.slice(id.lastIndexOf('.') + 1), facts: {} })
  }
  return { clean, problems }
}

function urlOf(template: Template, slot: Slot): string | undefined {
  const { card, button } = slot.where
  const buttons = card === undefined ? template.buttons : template.cards[card]?.buttons
  const found = button === undefined ? undefined : buttons?.[button]
  return found?.kind === 'url' ? found.url : undefined
}

// ── What the phone shows ─────────────────────────────────────────────────────────────────────────────────────────

/** Also while slots are empty: those show as `{{key}}`, marked unfilled. */
export function previewTemplate(template: Template, clean: CleanValues): Preview {
  const parts = previewCard(template, '', clean, template.category === 'AUTHENTICATION')
  const endsAt = clean.get('offer')
  return {
    ...parts,
    offer:
      template.offer === null
        ? null
        : { text: template.offer.text, endsAt: typeof endsAt === 'string' ? endsAt : null },
    footer: template.footer,
    cards: template.cards.map((card, index) => previewCard(card, `card.${index}.`, clean, false))
  }
}

function previewCard(parts: TemplateCard, prefix: string, clean: CleanValues, isCode: boolean): PreviewCard {
  const body = parts.body === null ? null : previewText(parts.body.text, `${prefix}body.`, clean, isCode)
  return {
    header: previewHeader(parts.header, prefix, clean),
    body,
    buttons: parts.buttons.map((button, index) => previewButton(button, `${prefix}button.${index}`, clean))
  }
}

function previewText(text: string, prefix: string, clean: CleanValues, isCode = false): PreviewText {
  const pieces = splitSlots(text).map((piece): PreviewPiece => {
    if ('words' in piece) return { text: piece.words, slot: null, filled: true }
    const slot = isCode ? 'code' : `${prefix}${piece.key}`
    const value = clean.get(slot)
    return typeof value === 'string'
      ? { text: value, slot, filled: true }
      : { text: `{{${piece.key}}}`, slot, filled: false }
  })
  return { text: pieces.map(piece => piece.text).join(''), pieces }
}

function previewHeader(header: TemplateCard['header'], prefix: string, clean: CleanValues): PreviewHeader | null {
  if (header === null) return null
  if (header.kind === 'text') return { kind: 'text', ...previewText(header.text, `${prefix}header.`, clean) }
  const slot = `${prefix}header`
  const value = clean.get(slot) ?? null
  if (header.kind === 'location') return { kind: 'location', slot, value: value as LocationValue | null }
  if (header.kind === 'product') return { kind: 'product', slot, value: value as ProductValue | null }
  return { kind: header.kind, slot, value: value as MediaValue | null, example: header.example }
}

function previewButton(button: TemplateButton, slot: string, clean: CleanValues): PreviewButton {
  const { kind, label } = button
  const value = clean.get(kind === 'otp' ? 'code' : slot)
  switch (button.kind) {
    case 'url': {
      const { text } = previewText(
        button.url.replace(/\{\{[^}]*\}\}/, '{{suffix}}'),
        '',
        new Map(value === undefined ? [] : [['suffix', value]])
      )
      const open = button.url.includes('{{')
      return { kind, label, target: open && value === undefined ? button.url : text, slot: open ? slot : null }
    }
    case 'phone':
      return { kind, label, target: button.phone, slot: null }
    case 'copy_code':
      return { kind, label, target: typeof value === 'string' ? value : null, slot }
    case 'otp':
      return { kind, label, target: typeof value === 'string' ? value : null, slot: 'code' }
    case 'flow':
    case 'catalog':
    case 'products':
    case 'quick_reply':
      return { kind, label, target: null, slot }
    default:
      return { kind, label, target: null, slot: null }
  }
}

/** Limits of whole parts, and braces that only the joined text has. */
function checkParts(preview: Preview, known: TemplateProblem[]): TemplateProblem[] {
  const limits = RULES.templateLimits.value
  const problems: TemplateProblem[] = []
  const check = (part: PreviewHeader | PreviewText | null, limit: number) => {
    if (part === null || !('pieces' in part)) return
    const slot = part.pieces.find(piece => piece.slot !== null)?.slot ?? null
    // While something is missing or wrong, the length says nothing yet.
    if (slot === null || part.pieces.some(piece => !piece.filled)) return
    const length = [...part.text].length
    const about = { slot, label: slot.slice(slot.lastIndexOf('.') + 1).replaceAll('_', ' ') }
    if (length > limit) problems.push({ ...about, code: 'part_too_long', facts: { limit, length } })
    const told = known.some(problem => problem.code === 'placeholder' || problem.code === 'unsupported')
    if (!told && part.text.includes('{{')) problems.push({ ...about, code: 'placeholder', facts: {} })
  }
  check(preview.header, limits.header)
  check(preview.body, limits.body)
  for (const card of preview.cards) {
    check(card.header, limits.header)
    check(card.body, limits.cardBody)
  }
  return problems
}
