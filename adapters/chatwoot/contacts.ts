/** Contacts of the desk: create, find, change (contract/chatwoot §2; CW-CONTACT). */
import type { ContactMatch, DeskAccess, DeskContact, HelpDesk, NewContact } from '../../plugin/core/ports/help-desk.ts'
import { type DeskCall, type DeskCaller, requireId, requireList, requireRecord } from './call.ts'
import { type ContactAttribute, errorOfAnswer, parseJson, unreadableAnswer } from './desk-error.ts'
import { failWhenInboxGone } from './inbox-gone.ts'
import { idOf, isRecord, type JsonRecord, recordOf, textOf } from './safe-read.ts'
import type { CreateContactRequestWire, FilterConditionWire } from './wire.ts'

type ContactCalls = Pick<HelpDesk, 'createContact' | 'filterContacts' | 'findContactBySource' | 'updateContact'>

/** Chatwoot's own format rule; what fits it can be refused only because somebody has it (CW-TAKEN). */
const PHONE = /^\+[1-9]\d{1,14}$/
const STANDARD_KEYS = new Set(['phone_number', 'identifier', 'email', 'name'])
/** CW-FILTER-PAGES */
const CONTACTS_PER_PAGE = 15
const MAX_PAGES = 20

export function createContactCalls(caller: DeskCaller): ContactCalls {
  async function readContactWire(access: DeskAccess, contactId: number): Promise<JsonRecord> {
    const call: DeskCall = { method: 'GET', path: `/contacts/${contactId}`, subject: 'contact', reads: true }
    return requireRecord(recordOf(await caller.json(access, call)).payload, call)
  }

  return {
    async createContact(access, contact, options) {
      const call: DeskCall = {
        method: 'POST',
        path: '/contacts',
        subject: 'inbox',
        json: contactToWire(contact),
        mayBeTaken: takeable(contact),
        options
      }
      try {
        const answer = recordOf(await caller.json(access, call))
        return { contactId: requireId(recordOf(recordOf(answer.payload).contact), call) }
      } catch (error) {
        await failWhenInboxGone(caller, access, contact.inboxId, error)
        throw error
      }
    },

    async filterContacts(access, matches) {
      const conditions = toConditions(matches)
      const found = new Map<number, DeskContact>()
      for (let page = 1; conditions.length > 0 && page <= MAX_PAGES; page++) {
        const call: DeskCall = {
          method: 'POST',
          path: page === 1 ? '/contacts/filter' : `/contacts/filter?page=${page}`,
          subject: 'account',
          reads: true,
          json: { payload: conditions }
        }
        const rows = requireList(recordOf(await caller.json(access, call)).payload, call)
        for (const row of rows) {
          const contact = readContact(row)
          if (contact && isMatch(contact, matches)) found.set(contact.id, contact)
        }
        if (rows.length < CONTACTS_PER_PAGE) break
      }
      return [...found.values()]
    },

    async findContactBySource(access, inboxId, sourceId) {
      const call: DeskCall = {
        method: 'POST',
        path: '/contact_inboxes/filter',
        subject: 'inbox',
        reads: true,
        json: { inbox_id: inboxId, source_id: sourceId }
      }
      const answer = await caller.raw(access, call)
      if (answer.status === 404) {
        // Unknown source ids give an empty body (CW-404); anything else may mean that the inbox itself is gone. Also
        // finds contacts that the filter does not see (CW-CONTACT-INVISIBLE).
        const error = errorOfAnswer(answer, call)
        if (answer.body.length > 0) await failWhenInboxGone(caller, access, inboxId, error)
        return null
      }
      if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer, call)
      const contact = readContact(parseJson(answer.body))
      if (contact === null) throw unreadableAnswer(answer, call)
      return contact
    },

    async updateContact(access, contactId, change) {
      const { username, ...rest } = change
      const body: CreateContactRequestWire = contactFields(rest)
      if (username !== undefined) {
        // Merged only one level deep: without the others, profiles that an agent entered would be lost
        // (CW-CONTACT-MERGED).
        const known = recordOf((await readContactWire(access, contactId)).additional_attributes)
        body.additional_attributes = usernameAttributes(username, recordOf(known.social_profiles))
      }
      await caller.plain(access, {
        method: 'PATCH',
        path: `/contacts/${contactId}`,
        subject: 'contact',
        json: body,
        mayBeTaken: takeable(change)
      })
    }
  }
}

function contactToWire(contact: NewContact): CreateContactRequestWire {
  return {
    inbox_id: contact.inboxId,
    source_id: contact.sourceId,
    ...contactFields(contact),
    ...(contact.attributes === undefined ? {} : { custom_attributes: contact.attributes }),
    ...(contact.username === undefined ? {} : { additional_attributes: usernameAttributes(contact.username, {}) })
  }
}

function contactFields(fields: { name?: string; phone?: string; identifier?: string }): CreateContactRequestWire {
  return {
    ...(fields.name === undefined ? {} : { name: fields.name }),
    ...(fields.phone === undefined ? {} : { phone_number: fields.phone }),
    ...(fields.identifier === undefined ? {} : { identifier: fields.identifier })
  }
}

/** Where Chatwoot's own WhatsApp channel keeps the username (§2). */
function usernameAttributes(username: string, profiles: JsonRecord): JsonRecord {
  return { social_profiles: { ...profiles, whatsapp: username }, social_whatsapp_user_name: username }
}

function takeable(contact: { phone?: string; identifier?: string }): ContactAttribute[] {
  const attributes: ContactAttribute[] = []
  if (contact.phone !== undefined && PHONE.test(contact.phone)) attributes.push('phone_number')
  if (contact.identifier) attributes.push('identifier')
  return attributes
}

/**
 * Only the first value of a condition counts in Chatwoot's contact filter: one condition per value (CW-FILTER-LOOSE).
 * An attribute that the account does not define is refused (CW-FILTER-ATTRIBUTE).
 */
function toConditions(matches: ContactMatch[]): FilterConditionWire[] {
  const pairs = matches.flatMap(({ key, values }) => [...new Set(values)].map(value => ({ key, value })))
  return pairs.map(({ key, value }, nth) => ({
    attribute_key: key,
    filter_operator: 'equal_to',
    values: [value],
    query_operator: nth === pairs.length - 1 ? null : 'or',
    ...(STANDARD_KEYS.has(key) ? {} : { custom_attribute_type: 'contact_attribute' })
  }))
}

/** Chatwoot compares without regard to case; we do not. */
function isMatch(contact: DeskContact, matches: ContactMatch[]): boolean {
  return matches.some(({ key, values }) => values.some(value => fieldOf(contact, key) === canonical(key, value)))
}

function canonical(key: string, value: string): string {
  return key === 'phone_number' && !value.startsWith('+') ? `+${value}` : value
}

function fieldOf(contact: DeskContact, key: string): unknown {
  if (key === 'phone_number') return contact.phone
  if (key === 'identifier') return contact.identifier
  if (key === 'name') return contact.name
  const value = contact.attributes[key]
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
}

/** A contact of any API answer, or null when it has no id. */
export function readContact(value: unknown): DeskContact | null {
  if (!isRecord(value)) return null
  const id = idOf(value.id)
  if (id === null) return null
  const name = textOf(value.name)
  const phone = textOf(value.phone_number)
  const identifier = textOf(value.identifier)
  return {
    id,
    ...(name ? { name } : {}),
    ...(phone ? { phone } : {}),
    ...(identifier ? { identifier } : {}),
    attributes: { ...recordOf(value.custom_attributes) },
    additionalAttributes: { ...recordOf(value.additional_attributes) }
  }
}
