/** Contacts and their source ids: uniqueness, races, merging, deletion (contract §2, §13). */
import { randomUUID } from 'node:crypto'
import type { SandboxParts } from '../parts.ts'
import { broken, RecordInvalid, Refusal } from './ask.ts'
import type { ConversationRules } from './conversation-rules.ts'
import type { DeskEvent } from './hooks.ts'
import { iso } from './json.ts'
import type { Contact, ContactInbox, Hash, Inbox } from './records.ts'
import type { Store } from './store.ts'
import { indexContact, makeToken, unindexContact } from './store.ts'

export interface ContactInput {
  name?: string
  phone?: string | null
  identifier?: string | null
  email?: string | null
  blocked?: boolean
  additional?: Hash
  custom?: Hash
}

export interface ContactRules {
  /** `startedAtMs`: when the request arrived; contacts made after it raced with it. Rolls back when the source id is taken. */
  create(
    input: ContactInput,
    link: { inbox: Inbox; sourceId: string | null } | null,
    startedAtMs: number
  ): { contact: Contact; link: ContactInbox | null }
  /** Attributes are merged, one level deep. */
  update(contact: Contact, input: ContactInput): void
  removeCustom(contact: Contact, keys: string[]): void
  /** Finds or makes it; throws `SourceTaken` when another contact owns the source id. */
  link(contact: Contact, inbox: Inbox, sourceId: string | null): ContactInbox
  /** The mergee's conversations and source ids move; no hook of the inbox tells it. */
  merge(base: Contact, mergee: Contact): void
  /** Its conversations go with it. */
  remove(contact: Contact): void
}

export class SourceTaken extends Error {}

export function createContactRules(deps: {
  parts: SandboxParts
  store: Store
  emit(event: DeskEvent): void
  conversations: ConversationRules
}): ContactRules {
  const { parts, store, emit } = deps

  function checkFormat(input: ContactInput): void {
    // Not anchored at the start in 4.16.2.
    if (input.phone && !/\+[1-9]\d{1,14}$/.test(input.phone)) {
      throw new RecordInvalid('Phone number should be in e164 format', ['phone_number'])
    }
    if (input.email && !/^[^@\s]+@[^@\s]+$/.test(input.email)) throw new RecordInvalid('Invalid email', ['email'])
  }

  /** Validation sees only what was committed before it; the database's indexes see the rest (races, contract §2). */
  function checkUnique(input: ContactInput, self: Contact | null, startedAtMs: number): void {
    const messages: string[] = []
    const attributes: string[] = []
    const clash = (column: string, label: string, other: Contact | undefined) => {
      if (!other || other === self) return
      const raced = other.madeAtMs > startedAtMs && parts.random.next() < 0.5
      if (raced && column === 'phone_number') return
      if (raced && column === 'identifier') {
        throw new Refusal(500, { error: 'Identifier has already been taken', attributes: ['identifier'] })
      }
      messages.push(`${label} has already been taken`)
      attributes.push(column)
    }
    if (input.email) clash('email', 'Email', store.byEmail.get(input.email.toLowerCase()))
    if (input.identifier) clash('identifier', 'Identifier', store.byIdentifier.get(input.identifier.toLowerCase()))
    if (input.phone)
      clash(
        'phone_number',
        'Phone number',
        store.byPhone.get(input.phone)?.find(other => other !== self)
      )
    if (messages.length > 0) throw new RecordInvalid(messages.join(', '), attributes)
  }

  function link(contact: Contact, inbox: Inbox, sourceId: string | null): ContactInbox {
    const source = sourceId ?? randomUUID()
    const key = `${inbox.id}:${source}`
    const existing = store.bySource.get(key)
    if (existing) {
      if (existing.contactId !== contact.id) throw new SourceTaken()
      return existing
    }
    const row: ContactInbox = {
      id: store.next('contactInbox'),
      contactId: contact.id,
      inboxId: inbox.id,
      sourceId: source,
      pubsubToken: makeToken(),
      conversationIds: [],
      createdAt: parts.clock.now()
    }
    store.contactInboxes.set(row.id, row)
    store.bySource.set(key, row)
    contact.contactInboxIds.push(row.id)
    return row
  }

  return {
    create(input, wanted, startedAtMs) {
      checkFormat(input)
      checkUnique(input, null, startedAtMs)
      if (wanted?.sourceId && store.bySource.has(`${wanted.inbox.id}:${wanted.sourceId}`)) throw broken()
      const now = parts.clock.now()
      const contact: Contact = {
        id: store.next('contact'),
        name: input.name ?? '',
        phone: input.phone ?? null,
        identifier: input.identifier ?? null,
        email: input.email ?? null,
        blocked: input.blocked ?? false,
        additional: input.additional ?? {},
        custom: input.custom ?? {},
        createdAt: now,
        updatedAt: now,
        lastActivityAt: null,
        contactInboxIds: [],
        conversationIds: [],
        madeAtMs: performance.now()
      }
      store.contacts.set(contact.id, contact)
      indexContact(store, contact)
      const row = wanted ? link(contact, wanted.inbox, wanted.sourceId) : null
      parts.ledger.add({
        side: 'desk',
        what: 'effect',
        name: 'contact',
        ids: { contactId: contact.id, identifier: contact.identifier, contactSource: row?.sourceId ?? null }
      })
      emit({ event: 'contact_created', contact })
      return { contact, link: row }
    },
    update(contact, input) {
      checkFormat(input)
      checkUnique(input, contact, Number.POSITIVE_INFINITY)
      unindexContact(store, contact)
      if (input.name !== undefined) contact.name = input.name
      if (input.phone !== undefined) contact.phone = input.phone
      if (input.identifier !== undefined) contact.identifier = input.identifier
      if (input.email !== undefined) contact.email = input.email
      if (input.blocked !== undefined) contact.blocked = input.blocked
      if (input.additional) contact.additional = { ...contact.additional, ...input.additional }
      if (input.custom) contact.custom = { ...contact.custom, ...input.custom }
      const previous = contact.updatedAt
      contact.updatedAt = parts.clock.now()
      contact.cache = undefined
      indexContact(store, contact)
      emit({ event: 'contact_updated', contact, changes: { updated_at: [iso(previous), iso(contact.updatedAt)] } })
    },
    removeCustom(contact, keys) {
      contact.custom = Object.fromEntries(Object.entries(contact.custom).filter(([key]) => !keys.includes(key)))
      contact.cache = undefined
    },
    link,
    merge(base, mergee) {
      for (const id of mergee.contactInboxIds) {
        const row = store.contactInboxes.get(id)
        if (row) row.contactId = base.id
      }
      for (const id of mergee.conversationIds) {
        const row = store.conversations.get(id)
        if (!row) continue
        row.contactId = base.id
        for (const message of row.messages) if (message.senderType === 'Contact') message.senderId = base.id
      }
      base.contactInboxIds.push(...mergee.contactInboxIds)
      base.conversationIds.push(...mergee.conversationIds)
      unindexContact(store, mergee)
      store.contacts.delete(mergee.id)
      unindexContact(store, base)
      base.name ||= mergee.name
      base.phone ??= mergee.phone
      base.identifier ??= mergee.identifier
      base.email ??= mergee.email
      base.additional = { ...mergee.additional, ...base.additional }
      base.custom = { ...mergee.custom, ...base.custom }
      base.updatedAt = parts.clock.now()
      base.cache = undefined
      indexContact(store, base)
      parts.ledger.add({
        side: 'desk',
        what: 'effect',
        name: 'contact_merged',
        ids: { contactId: base.id, mergeeId: mergee.id }
      })
    },
    remove(contact) {
      unindexContact(store, contact)
      store.contacts.delete(contact.id)
      for (const id of [...contact.conversationIds]) {
        const row = store.conversations.get(id)
        if (row) deps.conversations.remove(row)
      }
      for (const id of contact.contactInboxIds) {
        const row = store.contactInboxes.get(id)
        if (!row) continue
        store.contactInboxes.delete(id)
        store.bySource.delete(`${row.inboxId}:${row.sourceId}`)
      }
      parts.ledger.add({ side: 'desk', what: 'effect', name: 'contact_deleted', ids: { contactId: contact.id } })
    }
  }
}
