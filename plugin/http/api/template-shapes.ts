/** Templates of the model in the words of the contract. Pure. */
import type {
  PreviewCard as ModelCard,
  TemplateProblem as ModelProblem,
  Preview,
  PreviewHeader,
  Slot,
  Template
} from '../../core/templates/model.ts'
import { describeProblem } from '../../core/templates/problems.ts'
import type { Locale } from '../../core/texts/text.ts'
import type {
  MessagePreview,
  PreviewCard,
  TemplateProblem,
  TemplateSlot,
  TemplateSummary
} from '../contract/template.ts'

const RTL = /^(ar|he|fa|ur)([-_]|$)/i
const CATEGORIES = ['marketing', 'utility', 'authentication'] as const
const STATUSES = ['approved', 'pending', 'rejected', 'paused', 'disabled'] as const
const QUALITIES = ['green', 'yellow', 'red'] as const

export function categoryOf(template: Template): TemplateSummary['category'] {
  return CATEGORIES.find(name => name === template.category.toLowerCase()) ?? 'unknown'
}

export function statusOf(template: Template): TemplateSummary['status'] {
  return STATUSES.find(name => name === template.status.toLowerCase()) ?? 'other'
}

export function toSummary(
  template: Template,
  more: Pick<TemplateSummary, 'languages' | 'favourite' | 'lastUsedAt' | 'problem'>
): TemplateSummary {
  const { header } = template
  return {
    id: template.id,
    name: template.name,
    language: template.language,
    category: categoryOf(template),
    status: statusOf(template),
    quality: QUALITIES.find(name => name === template.qualityScore?.toLowerCase()) ?? 'unknown',
    body: template.body?.text ?? '',
    headerKind: header === null ? 'none' : header.kind,
    headerText: header?.kind === 'text' ? header.text : null,
    footer: template.footer,
    offer: template.offer?.text ?? null,
    buttonTexts: template.buttons.map(button => button.label),
    cards: template.cards.map(card => ({
      headerKind: card.header === null ? ('none' as const) : card.header.kind,
      body: card.body?.text ?? null,
      buttonTexts: card.buttons.map(button => button.label)
    })),
    direction: directionOf(template.language),
    ...more
  }
}

export function directionOf(language: string): 'ltr' | 'rtl' {
  return RTL.test(language) ? 'rtl' : 'ltr'
}

export function toSlot(slot: Slot): TemplateSlot {
  const { id, kind, where, label, example, required, maxLength, context } = slot
  return {
    key: id,
    in: where.part,
    card: where.card ?? null,
    button: where.button ?? null,
    kind,
    label,
    example,
    required,
    maxLength,
    context
  }
}

export function toProblem(locale: Locale, problem: ModelProblem): TemplateProblem {
  const ofTemplate = problem.code.startsWith('status_') || problem.code === 'unsupported'
  return {
    where: problem.slot ?? (ofTemplate ? 'template' : 'customer'),
    code: problem.code,
    sentence: describeProblem(locale, problem),
    blocking: true
  }
}

export function toPreview(preview: Preview, language: string, fileNames: ReadonlyMap<string, string>): MessagePreview {
  return {
    ...toCard(preview, fileNames),
    footer: preview.footer,
    offer: preview.offer,
    cards: preview.cards.map(card => toCard(card, fileNames)),
    direction: directionOf(language)
  }
}

function toCard(card: ModelCard, fileNames: ReadonlyMap<string, string>): PreviewCard {
  return {
    header: card.header === null ? null : toHeader(card.header, fileNames),
    body: card.body === null ? null : { text: card.body.text, pieces: card.body.pieces },
    buttons: card.buttons.map(({ kind, label, target }) => ({ kind, label, target }))
  }
}

function toHeader(header: PreviewHeader, fileNames: ReadonlyMap<string, string>): PreviewCard['header'] {
  switch (header.kind) {
    case 'text':
      return { kind: 'text', text: header.text, pieces: header.pieces }
    case 'location': {
      const { slot, value } = header
      return { kind: 'location', slot, name: value?.name ?? null, address: value?.address ?? null }
    }
    case 'product':
      return { kind: 'product', slot: header.slot, name: header.value?.productId ?? null }
    default: {
      const { kind, slot } = header
      // The page draws the file itself: it may ask no other host, and an address alone opens none of ours.
      return { kind, slot, name: fileNames.get(slot) ?? null, url: null }
    }
  }
}
