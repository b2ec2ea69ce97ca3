// Previews of what is composed here; the shape is the one that templates use.
import type { MessagePreview, PreviewCard } from '../../../plugin/http/contract/template.ts'

type Button = PreviewCard['buttons'][number]

export interface Composed {
  header?: string
  body: string
  footer?: string
  buttons?: { kind: Button['kind']; text: string; target?: string }[]
}

const strong = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[A-Za-z\u00c0-\u024f\u0370-\u058f]/

/** By the first letter that has a direction. */
export const directionOf = (text: string): 'ltr' | 'rtl' => {
  const first = strong.exec(text)?.[0]
  return first !== undefined && first >= '\u0590' && !/[A-Za-z\u00c0-\u024f\u0370-\u058f]/.test(first) ? 'rtl' : 'ltr'
}

const whole = (text: string) => ({ text, pieces: [{ text, slot: null, filled: true }] })

export function previewComposed(composed: Composed): MessagePreview {
  return {
    header: composed.header ? { kind: 'text', ...whole(composed.header) } : null,
    body: composed.body ? whole(composed.body) : null,
    footer: composed.footer || null,
    buttons: (composed.buttons ?? []).map(({ kind, text, target }) => ({ kind, label: text, target: target ?? null })),
    cards: [],
    offer: null,
    direction: directionOf(composed.body)
  }
}
