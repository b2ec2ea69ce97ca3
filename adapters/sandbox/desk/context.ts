/** What every group of handlers is built from, and the look-ups and permissions they share (contract §7). */
import type { SandboxParts } from '../parts.ts'
import type { Ask } from './ask.ts'
import { asId, notAllowed, notFound } from './ask.ts'
import type { ContactRules } from './contact-rules.ts'
import type { ConversationRules } from './conversation-rules.ts'
import type { DeskEvent, Hooks } from './hooks.ts'
import type { MessageRules } from './message-rules.ts'
import type { Contact, Conversation, Inbox, Message, User } from './records.ts'
import type { Shapes } from './shapes.ts'
import type { Store } from './store.ts'
import type { Dialect } from './versions.ts'

export interface Context {
  parts: SandboxParts
  store: Store
  shapes: Shapes
  contacts: ContactRules
  conversations: ConversationRules
  messages: MessageRules
  hooks: Hooks
  emit(event: DeskEvent): void
  baseUrl(): string
  dialect(): Dialect
  /** Whether private addresses may not be called. */
  refusesPrivate(): boolean
  /** How long a queued deletion waits. */
  deletionDelayMs: number
}

export function requireAdmin(ask: Ask): void {
  if (ask.user.role !== 'administrator') throw notAllowed()
}

export function maySeeInbox(user: User, inbox: Inbox | undefined): boolean {
  if (user.removed) return false
  return user.role === 'administrator' || (inbox?.memberIds.includes(user.id) ?? false)
}

export function findContact(ctx: Context, id: unknown): Contact {
  const contact = ctx.store.contacts.get(asId(id))
  if (!contact) throw notFound()
  return contact
}

export function findInbox(ctx: Context, ask: Ask, id: unknown): Inbox {
  const inbox = ctx.store.inboxes.get(asId(id))
  if (!inbox) throw notFound()
  if (!maySeeInbox(ask.user, inbox)) throw notAllowed()
  return inbox
}

/** Administrators see all, agents those of their inboxes and teams (community edition). */
export function findConversation(ctx: Context, ask: Ask, id: unknown): Conversation {
  const row = ctx.store.conversations.get(asId(id))
  if (!row) throw notFound()
  ask.ids['conversationId'] = row.id
  ask.ids['contactId'] = row.contactId
  const team = row.teamId === null ? undefined : ctx.store.settings.teams.get(row.teamId)
  const inTeam = team?.memberIds?.includes(ask.user.id) ?? false
  if (!inTeam && !maySeeInbox(ask.user, ctx.store.inboxes.get(row.inboxId))) throw notAllowed()
  return row
}

export function findMessage(ctx: Context, ask: Ask, row: Conversation, id: unknown): Message {
  const message = ctx.store.messages.get(asId(id))
  if (!message || message.conversationId !== row.id) throw notFound()
  ask.ids['messageId'] = message.id
  return message
}
