// A window of its own: which desk it belongs to, and the one-time ticket that it may have come with.
import { readKept } from './kept.ts'
import { asOrigin } from './read-context.ts'
import type { SignInPlace } from './session.ts'

/** Told by its address (`?account=1&desk=https://…`), else the desk that was last used in this browser. */
export function readOwnPlace(search: string): SignInPlace {
  const query = new URLSearchParams(search)
  const last = readKept('account')
  const account = query.get('account') ?? last ?? '1'
  const desk = query.get('desk') ?? (account === last ? readKept('desk') : null)
  return { accountId: Number(account) || 1, inboxId: null, deskOrigin: asOrigin(desk) }
}

/** From the fragment, which browsers send nowhere; it is taken out of the address at once. */
export function takeTicketFromAddress(): string | null {
  const ticket = new URLSearchParams(window.location.hash.slice(1)).get('ticket')
  if (ticket !== null) window.history.replaceState(null, '', window.location.pathname + window.location.search)
  return ticket
}
