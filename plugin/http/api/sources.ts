/** What slots can be filled from by themselves: attributes of contact, conversation, agent and number. Pure. */
import type { Agent } from '../../core/agents/access.ts'
import type { ConversationPicture } from '../../core/ports/desk-agents.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { CONTACT_LINK_KEY } from '../../core/talk/contact-link.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { SlotSource } from '../contract/template.ts'

export interface SourceContext {
  picture: Pick<
    ConversationPicture,
    'id' | 'contactName' | 'contactPhone' | 'contactEmail' | 'contactAttributes' | 'attributes'
  > | null
  agent: Pick<Agent, 'name'> | null
  number: ServedNumber
  locale: Locale
}

const MOST_ATTRIBUTES = 60

export function sourcesOf({ picture, agent, number, locale }: SourceContext): SlotSource[] {
  const sources: SlotSource[] = []
  const add = (key: string, label: string, value: unknown): void => {
    sources.push({ key, label, value: plainValue(value) })
  }
  const name = picture?.contactName ?? null
  add('contact.name', text(locale, 'tab.source.contact.name'), name)
  add('contact.first_name', text(locale, 'tab.source.contact.first_name'), firstName(name))
  add('contact.phone', text(locale, 'tab.source.contact.phone'), picture?.contactPhone)
  add('contact.email', text(locale, 'tab.source.contact.email'), picture?.contactEmail)
  for (const [key, value] of Object.entries(picture?.contactAttributes ?? {}).slice(0, MOST_ATTRIBUTES)) {
    if (key === CONTACT_LINK_KEY) continue
    add(`contact.custom.${key}`, text(locale, 'tab.source.contact.custom', { name: key }), value)
  }
  for (const [key, value] of Object.entries(picture?.attributes ?? {}).slice(0, MOST_ATTRIBUTES)) {
    // Our own attributes are no words for customers.
    if (!key.startsWith('wa_') && key !== 'channel')
      add(`conversation.custom.${key}`, text(locale, 'tab.source.conversation.custom', { name: key }), value)
  }
  add('conversation.id', text(locale, 'tab.source.conversation.id'), picture?.id)
  add('agent.name', text(locale, 'tab.source.agent.name'), agent?.name)
  add('agent.first_name', text(locale, 'tab.source.agent.first_name'), firstName(agent?.name ?? null))
  add('number.name', text(locale, 'tab.source.number.name'), number.verifiedName ?? number.displayPhoneNumber)
  return sources
}

/** A contact that is only known by its phone has no name to greet with. */
function firstName(name: string | null): string | null {
  const first = (name ?? '').trim().split(/\s+/)[0] ?? ''
  return first === '' || /^[+@\d]/.test(first) ? null : first
}

function plainValue(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') return null
  const tidy = value.replace(/\s+/g, ' ').trim()
  return tidy === '' ? null : tidy.slice(0, 1024)
}
