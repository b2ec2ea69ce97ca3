/** The few Liquid variables that agents use in text (contract §4.1); anything unknown becomes empty, as in Liquid. */
import type { Conversation, User } from './records.ts'
import type { Store } from './store.ts'

export function renderLiquid(text: string, store: Store, row: Conversation, sender: User | undefined): string {
  if (!text.includes('{{')) return text
  const contact = store.contacts.get(row.contactId)
  const values: Record<string, string | number | null | undefined> = {
    'contact.name': capitalise(contact?.name ?? ''),
    'contact.first_name': capitalise(contact?.name ?? '').split(' ')[0],
    'contact.last_name': capitalise(contact?.name ?? '')
      .split(' ')
      .slice(1)
      .at(-1),
    'contact.email': contact?.email,
    'contact.phone_number': contact?.phone,
    'agent.name': sender?.name,
    'agent.first_name': sender?.name.split(' ')[0],
    'agent.last_name': sender?.name.split(' ').slice(1).at(-1),
    'agent.email': sender?.email,
    'conversation.display_id': row.id,
    'inbox.name': store.inboxes.get(row.inboxId)?.name,
    'account.name': store.account.name
  }
  // Inside backticks it is shown as written.
  return text.replace(/`[^`]*`|\{\{\s*([\w.]+)\s*\}\}/g, (whole, name: string | undefined) =>
    name === undefined ? whole : String(values[name] ?? '')
  )
}

function capitalise(name: string): string {
  return name
    .split(/\s+/)
    .map(word => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join(' ')
}
