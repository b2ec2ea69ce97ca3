/**
 * Opens the conversation that an instruction needs: the customer's own one where it is open, otherwise a new one with
 * the instruction's row as its first message. The contact is looked for under every spelling of the phone.
 */
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import { canonicalPhone, identifierFor, variantsOf } from '../identity.ts'
import { attributesOfBegun } from '../inbound/attributes.ts'
import { bestContact } from '../inbound/contact.ts'
import type { DeskContact } from '../ports/help-desk.ts'
import type { CustomerView } from '../ports/talk-store.ts'
import { type Carrying, keep, lookFor, priorityOf, writeInDesk } from './carry.ts'
import { contactLink } from './contact-link.ts'
import { findRow } from './earlier.ts'

/** The id of the row when it was written together with the conversation; null when it has still to be written. */
export async function openConversation(run: Carrying): Promise<number | null> {
  const { bridge, number, record } = run
  const { to } = record.instruction
  if (to === undefined) throw new PuenteError('no_recipient')
  const customer = await findCustomer(run)
  if (customer?.conversationId != null && customer.conversationStatus !== 'resolved') {
    await keep(run, { conversationId: customer.conversationId, contactId: customer.contactId ?? undefined })
    return null
  }
  const sourceId = record.sourceId ?? customer?.sourceId ?? bridge.newId()
  if (record.sourceId === null) await keep(run, { sourceId })
  if (record.contactId === null) {
    await keep(run, { contactId: customer?.contactId ?? to.contactId ?? (await findOrCreate(run, sourceId)) })
  }
  const contactId = record.contactId!
  const withFile = record.instruction.row.file !== undefined
  const previous = customer?.conversationId ?? 0
  const created = await writeInDesk(run, { step: 'conversation', after: previous }, (access, row, options) =>
    bridge.desk.createConversation(
      access,
      {
        inboxId: number.inboxId,
        contactId,
        sourceId,
        row: withFile ? undefined : { ...row, quotesMessageId: undefined },
        attributes: attributesOfBegun(number, customer?.windowFrom ?? null)
      },
      options
    )
  )
  bridge.breakpoint('talk.conversation_created')
  // With its row in it, the attempt stays until the row is kept, too: whoever takes over meanwhile must look for it.
  await keep(run, { conversationId: created.conversationId, ...(withFile ? { attempt: null } : {}) })
  bridge.breakpoint('talk.conversation_kept')
  if (withFile) return null
  // The row that came with it is the first of its minute.
  bridge.rowPace(number.deskId, created.conversationId)
  // A greeting may have come after it, then the answer shows another row.
  return created.messageId ?? (await lookFor(() => findRow(run, created.conversationId, 0)))
}

/** Who is meant, as far as Puente knows them on this number. */
export async function findCustomer(run: Pick<Carrying, 'talk' | 'number' | 'record'>): Promise<CustomerView | null> {
  const { talk, number, record } = run
  const { to } = record.instruction
  if (to?.phone !== undefined) {
    const known = await talk.customerBy(number.id, number.deskId, `w:${canonicalPhone(to.phone)}`)
    if (known !== null) return known
  }
  if (to?.contactId === undefined) return null
  const [bound] = await talk.customersOfContact(number.id, to.contactId)
  return bound ?? null
}

async function findOrCreate(run: Carrying, sourceId: string): Promise<number> {
  const { bridge, number, record } = run
  const { to } = record.instruction
  const phone = to?.phone
  if (phone === undefined) throw new PuenteError('no_recipient')
  const known = await lookUp(run, phone)
  if (known !== null) return known.id
  const create = (identifier: string | undefined): Promise<{ contactId: number }> =>
    writeInDesk(run, { step: 'contact', after: 0 }, (access, _row, options) =>
      bridge.desk.createContact(
        access,
        {
          inboxId: number.inboxId,
          sourceId,
          name: to?.name ?? `+${phone}`,
          phone: `+${phone}`,
          identifier,
          attributes: contactLink(bridge, number, sourceId)
        },
        options
      )
    )
  try {
    const { contactId } = await create(identifierFor({ waId: phone }))
    await keep(run, { contactId, attempt: null })
    return contactId
  } catch (error) {
    if (!(error instanceof PuenteError && error.code === 'desk_taken')) throw error
    const taken = await lookUp(run, phone)
    if (taken !== null) return taken.id
    // Taken, but invisible to the filter: without the part that clashes.
    const { contactId } = await create(undefined)
    await keep(run, { contactId, attempt: null })
    return contactId
  }
}

async function lookUp(run: Carrying, phone: string): Promise<DeskContact | null> {
  const { bridge, number } = run
  const identifier = identifierFor({ waId: phone })
  const phones = variantsOf(phone)
  const extra = number.rules.extraPhoneAttributes
  const matches = [
    { key: 'phone_number', values: phones },
    ...(identifier === undefined ? [] : [{ key: 'identifier', values: [identifier] }]),
    ...extra.map(key => ({ key, values: phones }))
  ]
  const found = await callDesk(bridge, {
    deskId: number.deskId,
    access: number.deskAccess,
    priority: priorityOf(run),
    run: access => bridge.desk.filterContacts(access, matches)
  })
  return bestContact(found, identifier, phones, extra)
}
