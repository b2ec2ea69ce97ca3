/**
 * The desk's contact for a customer. Created first and looked up only when the desk says that it exists, except where
 * another spelling of the phone or an extra phone attribute could match: then one filter call goes first (S44).
 */
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import { displayName, identifierFor, needsVariantLookup, variantsOf } from '../identity.ts'
import { bindingWork } from '../lanes/hold.ts'
import type { CustomerIds } from '../model.ts'
import type { ContactMatch, DeskContact } from '../ports/help-desk.ts'
import type { LaneEvent } from '../ports/store.ts'
import { contactLink } from '../talk/contact-link.ts'
import type { InboundRun } from './work-lane.ts'
import { attemptWork } from './write.ts'

/** Fills `binding.contactId` and `binding.sourceId`. */
export async function findOrCreateContact(run: InboundRun, event: LaneEvent, step: number): Promise<void> {
  const { bridge, number, binding, lane } = run
  binding.sourceId ??= bridge.newId()
  const { ids } = lane
  const extra = number.rules.extraPhoneAttributes
  if (needsVariantLookup(ids.waId) || (extra.length > 0 && ids.waId !== undefined)) {
    const known = await lookUp(run, ids, extra)
    if (known !== null) {
      binding.contactId = known.id
      return
    }
  }
  const contact = {
    inboxId: number.inboxId,
    sourceId: binding.sourceId,
    name: displayName(ids),
    phone: ids.waId === undefined ? undefined : `+${ids.waId}`,
    identifier: identifierFor(ids),
    username: ids.username,
    attributes: contactLink(bridge, number, binding.sourceId)
  }
  const create = (without: { phone?: true; identifier?: true }): Promise<{ contactId: number }> =>
    callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      lane,
      attempt: () =>
        attemptWork(run, event, { kind: 'contact', step, sourceId: binding.sourceId }, () => [
          bindingWork(lane, binding)
        ]),
      run: (access, options) =>
        bridge.desk.createContact(
          access,
          {
            ...contact,
            phone: without.phone ? undefined : contact.phone,
            identifier: without.identifier ? undefined : contact.identifier
          },
          options
        )
    })
  try {
    binding.contactId = (await create({})).contactId
  } catch (error) {
    if (!(error instanceof PuenteError && error.code === 'desk_taken')) throw error
    const known = await lookUp(run, ids, extra)
    if (known !== null) {
      binding.contactId = known.id
      bridge.count('contacts_adopted')
    } else {
      // Taken, but invisible to the filter: the part that clashes is left out, the customer is served.
      const attribute = String(error.facts['attribute'] ?? '')
      binding.contactId = (await create(attribute === 'identifier' ? { identifier: true } : { phone: true })).contactId
    }
  }
  bridge.breakpoint('inbound.contact_created')
}

async function lookUp(run: InboundRun, ids: CustomerIds, extra: string[]): Promise<DeskContact | null> {
  const { bridge, number } = run
  const identifier = identifierFor(ids)
  const phones = ids.waId === undefined ? [] : variantsOf(ids.waId)
  const matches: ContactMatch[] = []
  if (identifier !== undefined) matches.push({ key: 'identifier', values: [identifier] })
  if (phones.length > 0) {
    matches.push({ key: 'phone_number', values: phones })
    for (const key of extra) matches.push({ key, values: phones })
  }
  if (matches.length === 0) return null
  const filter = (asked: ContactMatch[]): Promise<DeskContact[]> =>
    callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      run: access => bridge.desk.filterContacts(access, asked)
    })
  const found = await filter(matches).catch(error => {
    // The desk refuses a question about an attribute that nobody defined (any more): the customer is served without it.
    const known = matches.filter(({ key }) => !extra.includes(key))
    if (!(error instanceof PuenteError && error.code === 'desk_invalid') || known.length === matches.length) throw error
    bridge.log.warn({ number: number.id, keys: extra }, 'the desk does not know a phone attribute of the policy')
    return known.length === 0 ? [] : filter(known)
  })
  return bestContact(found, identifier, phones, extra)
}

/** Our own identifier first, then the phone itself, then the extra attributes; among equals the oldest. */
export function bestContact(
  found: DeskContact[],
  identifier: string | undefined,
  phones: string[],
  extra: string[]
): DeskContact | null {
  const rank = (contact: DeskContact): number => {
    if (identifier !== undefined && contact.identifier?.toLowerCase() === identifier.toLowerCase()) return 0
    if (contact.phone !== undefined && phones.includes(contact.phone)) return 1
    if (extra.some(key => phones.includes(asPhone(contact.attributes[key])))) return 2
    return 3
  }
  const ranked = found.map(contact => ({ contact, rank: rank(contact) })).filter(entry => entry.rank < 3)
  ranked.sort((a, b) => a.rank - b.rank || a.contact.id - b.contact.id)
  return ranked[0]?.contact ?? null
}

function asPhone(value: unknown): string {
  const digits = String(value ?? '').replace(/\D/g, '')
  return digits === '' ? '' : `+${digits}`
}
