/**
 * All state of the desk in memory, with an index for every lookup of the hot path, and its snapshot.
 * Knows no rules: those are in contacts, conversations and messages.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Blob, Contact, ContactInbox, Conversation, Inbox, Message, Role, Setting, User } from './records.ts'

export type SettingKind =
  | 'labels'
  | 'dashboard_apps'
  | 'custom_attribute_definitions'
  | 'custom_filters'
  | 'automation_rules'
  | 'webhooks'
  | 'macros'
  | 'canned_responses'
  | 'teams'

export const SETTING_KINDS: SettingKind[] = [
  'labels',
  'dashboard_apps',
  'custom_attribute_definitions',
  'custom_filters',
  'automation_rules',
  'webhooks',
  'macros',
  'canned_responses',
  'teams'
]

const COUNTERS = [
  'inbox',
  'contact',
  'contactInbox',
  'conversation',
  'message',
  'attachment',
  'blob',
  'setting'
] as const
export type Counter = (typeof COUNTERS)[number]

export interface Store {
  account: { id: number; name: string; createdAt: number; locale?: string }
  users: User[]
  bot: { id: number; name: string }
  usersByToken: Map<string, User>
  usersBySession: Map<string, User>
  inboxes: Map<number, Inbox>
  inboxesByIdentifier: Map<string, Inbox>
  contacts: Map<number, Contact>
  /** Several contacts can share a phone: it has no unique index in the desk's database. */
  byPhone: Map<string, Contact[]>
  byIdentifier: Map<string, Contact>
  byEmail: Map<string, Contact>
  contactInboxes: Map<number, ContactInbox>
  /** Key `inboxId:sourceId`. */
  bySource: Map<string, ContactInbox>
  conversations: Map<number, Conversation>
  messages: Map<number, Message>
  blobs: Map<number, Blob>
  blobsBySignedId: Map<string, Blob>
  settings: Record<SettingKind, Map<number, Setting>>
  next(counter: Counter): number
  snapshot(): unknown
  restore(snapshot: unknown): void
  clear(): void
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** 24 characters like Rails' `has_secure_token`; with a seed always the same ones. */
export function makeToken(seed?: string): string {
  const bytes = seed === undefined ? randomBytes(24) : createHmac('sha256', 'puente-desk').update(seed).digest()
  let token = ''
  for (let i = 0; i < 24; i++) token += ALPHABET[bytes[i]! % ALPHABET.length]
  return token
}

/** Largest file whose bytes go into a snapshot. */
const KEPT_BLOB_BYTES = 1024 * 1024

export function createStore(instance: string, now: () => number): Store {
  const bootedAt = now()
  // Another instance must not meet the rows that an earlier one left with its clients, so ids start elsewhere.
  const base = createHmac('sha256', 'puente-desk').update(`base:${instance}`).digest().readUInt32BE(0) % 1_000_000
  const counters: Record<Counter, number> = {
    inbox: base,
    contact: base,
    contactInbox: base,
    conversation: 0,
    message: base * 1000,
    attachment: base,
    blob: base,
    setting: 0
  }

  function makeUser(id: number, name: string, email: string, role: Role): User {
    const seed = `${instance}:${email}`
    return {
      id,
      name,
      email,
      role,
      token: makeToken(`token:${seed}`),
      pubsubToken: makeToken(`pubsub:${seed}`),
      session: { accessToken: makeToken(`session:${seed}`), client: makeToken(`client:${seed}`), uid: email },
      createdAt: bootedAt
    }
  }

  const users = [
    makeUser(1, 'Ada Admin', 'ada@lab.test', 'administrator'),
    makeUser(2, 'Bea Agent', 'bea@lab.test', 'agent'),
    makeUser(3, 'Cem Agent', 'cem@lab.test', 'agent'),
    makeUser(4, 'Puente Service', 'service@lab.test', 'administrator')
  ]

  const store: Store = {
    account: { id: 1, name: 'Puente Lab', createdAt: bootedAt },
    users,
    bot: { id: 1, name: 'Puente Bot' },
    usersByToken: new Map(users.map(user => [user.token, user])),
    usersBySession: new Map(users.map(user => [sessionKey(user.session), user])),
    inboxes: new Map(),
    inboxesByIdentifier: new Map(),
    contacts: new Map(),
    byPhone: new Map(),
    byIdentifier: new Map(),
    byEmail: new Map(),
    contactInboxes: new Map(),
    bySource: new Map(),
    conversations: new Map(),
    messages: new Map(),
    blobs: new Map(),
    blobsBySignedId: new Map(),
    settings: Object.fromEntries(SETTING_KINDS.map(kind => [kind, new Map()])) as Store['settings'],
    next: counter => ++counters[counter],
    clear,
    snapshot() {
      return {
        counters: { ...counters },
        inboxes: [...store.inboxes.values()],
        contacts: [...store.contacts.values()].map(contact => ({ ...contact, cache: undefined, madeAtMs: 0 })),
        contactInboxes: [...store.contactInboxes.values()],
        conversations: [...store.conversations.values()].map(conversation => ({
          ...conversation,
          lastChat: conversation.lastChat?.id ?? null,
          lastNonActivity: conversation.lastNonActivity?.id ?? null
        })),
        blobs: [...store.blobs.values()].map(blob => ({
          ...blob,
          bytes: blob.bytes && blob.size <= KEPT_BLOB_BYTES ? blob.bytes.toString('base64') : null
        })),
        settings: SETTING_KINDS.map(kind => [kind, [...store.settings[kind].values()]])
      }
    },
    restore(snapshot) {
      const kept = snapshot as Snapshot
      clear()
      Object.assign(counters, kept.counters)
      for (const inbox of kept.inboxes) {
        store.inboxes.set(inbox.id, inbox)
        store.inboxesByIdentifier.set(inbox.identifier, inbox)
      }
      for (const contact of kept.contacts) {
        store.contacts.set(contact.id, contact)
        indexContact(store, contact)
      }
      for (const row of kept.contactInboxes) {
        store.contactInboxes.set(row.id, row)
        store.bySource.set(`${row.inboxId}:${row.sourceId}`, row)
      }
      for (const row of kept.conversations) {
        for (const message of row.messages) store.messages.set(message.id, message)
        const conversation: Conversation = {
          ...row,
          lastChat: row.lastChat === null ? null : (store.messages.get(row.lastChat) ?? null),
          lastNonActivity: row.lastNonActivity === null ? null : (store.messages.get(row.lastNonActivity) ?? null)
        }
        store.conversations.set(conversation.id, conversation)
      }
      for (const row of kept.blobs) {
        const blob: Blob = { ...row, bytes: row.bytes === null ? null : Buffer.from(row.bytes, 'base64') }
        store.blobs.set(blob.id, blob)
        store.blobsBySignedId.set(blob.signedId, blob)
      }
      for (const [kind, rows] of kept.settings) for (const row of rows) store.settings[kind].set(row.id, row)
    }
  }

  function clear() {
    for (const map of [
      store.inboxes,
      store.inboxesByIdentifier,
      store.contacts,
      store.byPhone,
      store.byIdentifier,
      store.byEmail,
      store.contactInboxes,
      store.bySource,
      store.conversations,
      store.messages,
      store.blobs,
      store.blobsBySignedId,
      ...Object.values(store.settings)
    ]) {
      map.clear()
    }
  }

  return store
}

export function sessionKey(session: { accessToken: string; client: string; uid: string }): string {
  return `${session.uid}\n${session.client}\n${session.accessToken}`
}

export function indexContact(store: Store, contact: Contact): void {
  if (contact.phone) {
    const same = store.byPhone.get(contact.phone)
    if (same) same.push(contact)
    else store.byPhone.set(contact.phone, [contact])
  }
  if (contact.identifier) store.byIdentifier.set(contact.identifier.toLowerCase(), contact)
  if (contact.email) store.byEmail.set(contact.email.toLowerCase(), contact)
}

export function unindexContact(store: Store, contact: Contact): void {
  if (contact.phone) {
    const left = (store.byPhone.get(contact.phone) ?? []).filter(other => other !== contact)
    if (left.length > 0) store.byPhone.set(contact.phone, left)
    else store.byPhone.delete(contact.phone)
  }
  if (contact.identifier) store.byIdentifier.delete(contact.identifier.toLowerCase())
  if (contact.email) store.byEmail.delete(contact.email.toLowerCase())
}

interface Snapshot {
  counters: Record<Counter, number>
  inboxes: Inbox[]
  contacts: Contact[]
  contactInboxes: ContactInbox[]
  conversations: (Omit<Conversation, 'lastChat' | 'lastNonActivity'> & {
    lastChat: number | null
    lastNonActivity: number | null
  })[]
  blobs: (Omit<Blob, 'bytes'> & { bytes: string | null })[]
  settings: [SettingKind, Setting[]][]
}
