/** Places and contact cards as text with links (S70, S72): the desk's API cannot create its own location or contact. */
import type { ContactCard, InboundContent } from '../model.ts'
import { formatDay } from '../texts/format.ts'
import { findText, type Locale, text } from '../texts/text.ts'
import { blocks, type RenderContext, type Rendered } from './render-context.ts'
import { bold, clip, hasVisible, inline, lines, link, mark } from './render-words.ts'

type Location = InboundContent & { kind: 'location' }

/**
 * Google's documented, keyless address form: it opens the agent's own map app on a phone and goes on to directions,
 * which a plain OpenStreetMap link does not. Only the coordinates go there, and only when the agent clicks.
 */
export function mapUrl(latitude: number, longitude: number): string {
  return `https://www.google.com/maps/search/?api=1&query=${latitude}%2C${longitude}`
}

export function renderLocation(location: Location, { locale }: RenderContext): Rendered {
  const { latitude, longitude, name, address, url } = location
  const rows = [`📍 ${hasVisible(name) ? bold(name) : text(locale, 'render.location')}`]
  if (hasVisible(address)) rows.push(lines(address))
  if (!hasVisible(name) && !hasVisible(address)) rows.push(`${latitude}, ${longitude}`)
  rows.push(link(text(locale, 'render.open_map'), mapUrl(latitude, longitude)))
  if (hasVisible(url)) rows.push(inline(url))
  return blocks(rows.join('\n'))
}

export function renderContacts(cards: readonly ContactCard[], { locale }: RenderContext): Rendered {
  const rendered = blocks(...cards.map(card => renderCard(locale, card)))
  if (cards.some(card => card.origin === 'contact_request')) {
    rendered.blocks.unshift(mark('🤝', text(locale, 'render.contact.requested')))
    rendered.marker.requested = true
  }
  return rendered
}

function renderCard(locale: Locale, card: ContactCard): string {
  const rows = [`👤 ${hasVisible(card.name) ? bold(card.name) : text(locale, 'render.contact.unnamed')}`]
  if (hasVisible(card.organisation)) rows.push(`🏢 ${inline(card.organisation)}`)
  for (const { number, type, waId } of card.phones) {
    const onWhatsApp = waId === undefined ? undefined : text(locale, 'render.contact.whatsapp')
    rows.push(`📞 ${inline(number)}${aside(nameLabel(locale, type), onWhatsApp)}`)
  }
  for (const { address, type } of card.emails) rows.push(`✉️ ${inline(address)}${aside(nameLabel(locale, type))}`)
  for (const address of card.addresses) rows.push(`🏠 ${inline(address)}`)
  for (const url of card.urls) rows.push(`🔗 ${inline(url)}`)
  if (hasVisible(card.birthday)) {
    rows.push(`🎂 ${text(locale, 'render.contact.birthday', { date: inline(formatDay(locale, card.birthday)) })}`)
  }
  return rows.join('\n')
}

/** ` (mobile, on WhatsApp)`, or nothing. Escaped, since the desk draws `(c)` as a sign. */
function aside(...words: (string | undefined)[]): string {
  const said = words.filter(hasVisible)
  return said.length === 0 ? '' : ` \\(${said.join(', ')})`
}

const SAME_LABEL: Record<string, string> = { cell: 'mobile', iphone: 'mobile' }

function nameLabel(locale: Locale, type: string | undefined): string | undefined {
  if (!hasVisible(type)) return undefined
  const word = type.trim().toLowerCase()
  return findText(locale, `render.label.${SAME_LABEL[word] ?? word}`) ?? inline(clip(word, 40))
}
