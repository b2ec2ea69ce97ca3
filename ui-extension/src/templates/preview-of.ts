// A first picture of a template from its line in the list, before the server has filled it.
import type { MessagePreview, TemplateSummary } from '../../../plugin/http/contract/template.ts'

export function previewOf(template: TemplateSummary): MessagePreview {
  const kind = template.headerKind
  return {
    header:
      kind === 'image' || kind === 'video' || kind === 'document'
        ? { kind, slot: '', name: null, url: null }
        : kind === 'location'
          ? { kind, slot: '', name: null, address: null }
          : kind === 'product'
            ? { kind, slot: '', name: null }
            : null,
    body: { text: template.body, pieces: [{ text: template.body, slot: null, filled: true }] },
    footer: null,
    buttons: template.buttonTexts.map(label => ({ kind: 'other', label, target: null })),
    cards: [],
    offer: null,
    direction: template.direction
  }
}
