// A first picture of a template from its line in the list, before the server has filled it.
import type { MessagePreview, PreviewCard, TemplateSummary } from '../../../plugin/http/contract/template.ts'

const whole = (text: string) => ({ text, pieces: [{ text, slot: null, filled: true }] })

const buttonsOf = (labels: readonly string[]): PreviewCard['buttons'] =>
  labels.map(label => ({ kind: 'other', label, target: null }))

function headerOf(kind: TemplateSummary['headerKind'], text: string | null): PreviewCard['header'] {
  switch (kind) {
    case 'image':
    case 'video':
    case 'document':
      return { kind, slot: '', name: null, url: null }
    case 'location':
      return { kind, slot: '', name: null, address: null }
    case 'product':
      return { kind, slot: '', name: null }
    case 'text':
      return text === null ? null : { kind, ...whole(text) }
    case 'none':
      return null
  }
}

export function previewOf(template: TemplateSummary): MessagePreview {
  const { headerKind, headerText, body, footer, offer, buttonTexts, cards, direction } = template
  return {
    header: headerOf(headerKind, headerText),
    body: body === '' ? null : whole(body),
    footer,
    buttons: buttonsOf(buttonTexts),
    cards: cards.map(card => ({
      header: headerOf(card.headerKind, null),
      body: card.body === null ? null : whole(card.body),
      buttons: buttonsOf(card.buttonTexts)
    })),
    offer: offer === null ? null : { text: offer, endsAt: null },
    direction
  }
}
