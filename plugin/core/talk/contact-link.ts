/**
 * The address that stands on a contact's page in the desk and opens a new conversation with that customer. It names the
 * contact by the random source id of its inbox, so neither phone nor name stands in an address. Opening it is no proof
 * of anything: whoever does signs in as everywhere.
 */
import type { Bridge } from '../bridge.ts'
import type { ServedNumber } from '../registry.ts'

/** Key of the contact attribute; its definition is in the manifest. */
export const CONTACT_LINK_KEY = 'wa_write'

/** As `attributes` of a new contact; empty while nobody has said how browsers reach Puente. */
export function contactLink(bridge: Bridge, number: ServedNumber, sourceId: string): Record<string, string> {
  const base = bridge.publicUrl()
  if (base === null) return {}
  const { accountId, url } = number.desk
  const query = new URLSearchParams({ account: String(accountId), desk: new URL(url).origin, customer: sourceId })
  return { [CONTACT_LINK_KEY]: `${base}/app/new?${query}` }
}
