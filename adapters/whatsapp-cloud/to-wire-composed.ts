/**
 * What agents compose beyond text and files, as Meta wants it (contract §5): buttons, lists, a button with an address,
 * places, people, reactions. Limits were checked where it was composed.
 */
import type { ComposedPart, Framing, OutgoingCard } from '../../plugin/core/model.ts'
import type { ContactWire, SendBodyWire } from './wire.ts'

type ComposedWire = Pick<SendBodyWire, 'type' | 'interactive' | 'location' | 'contacts' | 'reaction'>

export function toComposed(part: ComposedPart): ComposedWire {
  switch (part.kind) {
    case 'buttons':
      return {
        type: 'interactive',
        interactive: {
          type: 'button',
          ...framed(part),
          action: { buttons: part.buttons.map(reply => ({ type: 'reply', reply })) }
        }
      }
    case 'list':
      return {
        type: 'interactive',
        interactive: { type: 'list', ...framed(part), action: { button: part.buttonText, sections: part.sections } }
      }
    case 'url_button':
      return {
        type: 'interactive',
        interactive: {
          type: 'cta_url',
          ...framed(part),
          action: { name: 'cta_url', parameters: { display_text: part.buttonText, url: part.url } }
        }
      }
    case 'location_request':
      return {
        type: 'interactive',
        interactive: {
          type: 'location_request_message',
          body: { text: part.body },
          action: { name: 'send_location' }
        }
      }
    case 'location': {
      const { latitude, longitude, name, address } = part
      return {
        type: 'location',
        location: { latitude, longitude, ...(name ? { name } : {}), ...(address ? { address } : {}) }
      }
    }
    case 'contacts':
      return { type: 'contacts', contacts: part.cards.map(toCard) }
    case 'reaction':
      return { type: 'reaction', reaction: { message_id: part.target, emoji: part.emoji } }
  }
}

function framed(part: Framing & { body: string }) {
  return {
    ...(part.header ? { header: { type: 'text' as const, text: part.header } } : {}),
    body: { text: part.body },
    ...(part.footer ? { footer: { text: part.footer } } : {})
  }
}

/** Meta wants one more name beside the full one. */
function toCard(card: OutgoingCard): ContactWire {
  return {
    name: { formatted_name: card.name, first_name: card.name },
    ...(card.organisation ? { org: { company: card.organisation } } : {}),
    ...(card.phones.length > 0
      ? { phones: card.phones.map(({ number, type }) => ({ phone: number, ...(type ? { type } : {}) })) }
      : {}),
    ...(card.emails.length > 0
      ? { emails: card.emails.map(({ address, type }) => ({ email: address, ...(type ? { type } : {}) })) }
      : {})
  }
}
