/**
 * A filled template as Markdown for the desk's bubble, so that colleagues read what the customer read: text, then the
 * buttons by name. Signs instead of words: it needs no translation. Shows no pictures, those are files of the row.
 */
import { neutraliseLiquid } from '../inbound/render-words.ts'
import { escapeMarkdown, escapeText } from '../markup/escape.ts'
import { toDeskMarkdown } from '../markup/to-desk.ts'
import type { Preview, PreviewButton, PreviewCard, PreviewHeader, PreviewText } from './model.ts'

const BUTTON_SIGNS: Record<PreviewButton['kind'], string> = {
  quick_reply: '↩️',
  url: '🔗',
  phone: '📞',
  copy_code: '📋',
  otp: '📋',
  flow: '📝',
  catalog: '🛍️',
  products: '🛍️',
  product: '🛍️',
  voice_call: '📞',
  share_contact: '👤'
}

const CODE_MASK = '••••••'

const MEDIA_SIGNS = { image: '🖼️', video: '🎬', document: '📄' } as const

/** `fileShown`: the header's file stands in the row itself and needs no sign. */
export function deskTextOf(preview: Preview, { fileShown = false } = {}): string {
  const { offer, footer, header } = preview
  const isFile = header?.kind === 'image' || header?.kind === 'video' || header?.kind === 'document'
  const blocks = [
    isFile && fileShown ? '' : headerBlock(header),
    offer === null ? '' : `⏳ ${escapeMarkdown([offer.text, momentOf(offer.endsAt)].filter(Boolean).join(' · '))}`,
    preview.body === null ? '' : toDeskMarkdown(withoutCode(preview.body)),
    footer === null ? '' : `_${escapeText(footer.trim(), true)}_`,
    buttonBlock(preview.buttons),
    ...preview.cards.map(cardBlock)
  ]
  return neutraliseLiquid(blocks.filter(block => block !== '').join('\n\n'))
}

/** A one-time password is for the customer alone: colleagues see that there was one. */
function withoutCode({ pieces }: PreviewText): string {
  return pieces.map(piece => (piece.slot === 'code' && piece.filled ? CODE_MASK : piece.text)).join('')
}

function headerBlock(header: PreviewHeader | null): string {
  if (header === null) return ''
  if (header.kind === 'text') return `**${escapeText(header.text.trim(), true)}**`
  if (header.kind === 'location') {
    const { value } = header
    return value === null ? '📍' : `📍 ${escapeMarkdown(`${value.name}, ${value.address}`)}`
  }
  if (header.kind === 'product') return `🛍️ ${escapeMarkdown(header.value?.productId ?? '')}`.trimEnd()
  const name = header.value?.filename
  return name === undefined ? MEDIA_SIGNS[header.kind] : `${MEDIA_SIGNS[header.kind]} ${escapeMarkdown(name)}`
}

function buttonBlock(buttons: readonly PreviewButton[]): string {
  return buttons.map(button => `- ${BUTTON_SIGNS[button.kind]} ${buttonLine(button)}`).join('\n')
}

function buttonLine({ kind, label, target }: PreviewButton): string {
  const name = escapeText(label.replace(/\s+/g, ' ').trim(), true)
  if (target === null || kind === 'otp') return name
  return `${name}: ${escapeText(target)}`
}

function cardBlock(card: PreviewCard, index: number): string {
  const blocks = [
    headerBlock(card.header),
    card.body === null ? '' : toDeskMarkdown(card.body.text),
    buttonBlock(card.buttons)
  ]
  return [`**${index + 1}.**`, ...blocks.filter(block => block !== '')].join('\n\n')
}

function momentOf(iso: string | null): string {
  return iso === null ? '' : `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
