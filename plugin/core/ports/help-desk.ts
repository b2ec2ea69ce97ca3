/**
 * Port to the help desk (Chatwoot): contacts, conversations, rows, ticks. One instance serves every desk; the access is
 * handed in. Failures are PuenteErrors with honest `certainty`: `may_have_happened` once request bytes have left and
 * no full answer came back; 4xx and refused connections `did_not_happen`.
 */

import type { Instruction } from '../talk/instruction.ts'

export interface DeskAccess {
  /** Base URL without trailing slash. */
  url: string
  accountId: number
  token: string
  /** An agent's own session instead of the token: the call is then made as that agent, and shown under their name. */
  session?: AgentDeskSession
}

/** What the desk's dashboard keeps in its cookie (contract §7). Never stored, never logged. */
export interface AgentDeskSession {
  accessToken: string
  client: string
  uid: string
}

export interface DeskContact {
  id: number
  name?: string
  /** With `+`. */
  phone?: string
  email?: string
  identifier?: string
  attributes: Record<string, unknown>
  additionalAttributes: Record<string, unknown>
}

export interface NewContact {
  inboxId: number
  sourceId: string
  name: string
  phone?: string
  identifier?: string
  username?: string
  /** Custom attributes of the contact. */
  attributes?: Record<string, string>
}

/** A row ready to be written: files are on disk, quotes are desk message ids. */
export interface DeskRow {
  type: 'incoming' | 'outgoing' | 'activity'
  content: string
  private?: boolean
  sourceId?: string
  quotesMessageId?: number
  /** `content_attributes` besides the quote. */
  attributes?: Record<string, unknown>
  files?: { path: string; name: string; mimeType: string; sizeBytes: number; voice?: boolean }[]
}

export interface DeskMessage {
  id: number
  conversationId: number
  type: 'incoming' | 'outgoing' | 'activity' | 'template'
  content: string | null
  private: boolean
  sourceId: string | null
  status: string
  contentType: string
  attributes: Record<string, unknown>
  additionalAttributes: Record<string, unknown>
  createdAt: Date
  senderType: 'user' | 'contact' | 'bot' | null
  senderId: number | null
  senderName: string | null
  files: DeskFile[]
}

export interface DeskFile {
  id: number
  /** image, audio, video, file, location, contact … */
  type: string
  url: string
  name: string
  sizeBytes?: number
  mimeType?: string
}

export interface DeskConversation {
  /** The display id, as in URLs. */
  id: number
  inboxId: number
  contactId: number | null
  /** Of the contact, for a conversation that an agent began unheard. */
  contactPhone: string | null
  contactName: string | null
  /** What is told of its newest messages beyond what reading them tells: only here the desk shows a template's values. */
  shown: { id: number; additionalAttributes: Record<string, unknown> }[]
  status: 'open' | 'resolved' | 'pending' | 'snoozed'
  sourceId: string | null
  lastMessageId: number | null
  lastActivityAt: Date
  /** Seconds; moves with every change of the conversation itself. 0 when it is not told. */
  updatedAt: number
  attributes: Record<string, unknown>
}

export type VisibleStatus = 'sent' | 'delivered' | 'read' | 'failed'

/** One condition of a contact filter; conditions are joined by OR. */
export interface ContactMatch {
  /** `phone_number`, `identifier`, or the key of a custom attribute. */
  key: string
  values: string[]
}

export interface DeskCallOptions {
  /** Called right before the first byte leaves, with no queue behind it; throwing keeps the request from leaving. */
  beforeBytes?: () => void
}

export interface HelpDesk {
  /** Creates contact and contact_inbox. Fails with `desk_taken` (facts.attribute: phone_number | identifier | source_id). */
  createContact(access: DeskAccess, contact: NewContact, options?: DeskCallOptions): Promise<{ contactId: number }>
  /** Contacts that match any condition (exact). Contacts without phone, e-mail and identifier are invisible to it. */
  filterContacts(access: DeskAccess, matches: ContactMatch[]): Promise<DeskContact[]>
  /** The contact that owns a source id in an inbox, or null. */
  findContactBySource(access: DeskAccess, inboxId: number, sourceId: string): Promise<DeskContact | null>
  updateContact(
    access: DeskAccess,
    contactId: number,
    change: { name?: string; phone?: string; identifier?: string; username?: string }
  ): Promise<void>
  /** Creates a conversation, atomically with its first row when one is given (rows without files only). */
  createConversation(
    access: DeskAccess,
    input: {
      inboxId: number
      contactId: number
      sourceId: string
      row?: DeskRow
      attributes?: Record<string, unknown>
      additionalAttributes?: Record<string, unknown>
    },
    options?: DeskCallOptions
  ): Promise<{ conversationId: number; messageId: number | null }>
  /** Conversations of one source id, newest first, any status. */
  findConversations(access: DeskAccess, inboxId: number, sourceId: string): Promise<DeskConversation[]>
  /** A page of an inbox's conversations, any status, newest activity first; after the last page comes an empty one (CW-PAGES). */
  listConversations(access: DeskAccess, inboxId: number, page: number): Promise<DeskConversation[]>
  /** Conversations of an inbox that changed within the last seconds, all in one piece: for few. */
  listChangedConversations(access: DeskAccess, inboxId: number, withinSeconds: number): Promise<DeskConversation[]>
  /** Writes a row; files are streamed from disk. */
  createMessage(
    access: DeskAccess,
    conversationId: number,
    row: DeskRow,
    options?: DeskCallOptions
  ): Promise<{ messageId: number }>
  /** Up to 100 messages after an id, ascending. */
  listMessagesAfter(access: DeskAccess, conversationId: number, messageId: number): Promise<DeskMessage[]>
  /** One message as it is now, or null when it is gone. */
  readMessage(access: DeskAccess, conversationId: number, messageId: number): Promise<DeskMessage | null>
  setStatus(
    access: DeskAccess,
    conversationId: number,
    messageId: number,
    status: VisibleStatus,
    reason?: string
  ): Promise<void>
  deleteMessage(access: DeskAccess, conversationId: number, messageId: number): Promise<void>
  /** One conversation as it is now. Fails with `desk_not_found`. */
  readConversation(access: DeskAccess, conversationId: number): Promise<DeskConversation>
  /**
   * Writes them whole: keys that are not named are lost. With `merge`, desks of later versions keep them; earlier ones
   * ignore it. Gives all attributes as they are then, where the desk says so.
   */
  setConversationAttributes(
    access: DeskAccess,
    conversationId: number,
    attributes: Record<string, unknown>,
    options?: { merge?: boolean }
  ): Promise<Record<string, unknown> | null>
  /** Shows (or no longer shows) the agents that somebody writes. The desk tells it by a hook. */
  setTyping(access: DeskAccess, conversationId: number, on: boolean, options?: { private?: boolean }): Promise<void>
  /** Opens an attachment's bytes, following the desk's redirects; gives the original name when the desk tells it. */
  openFile(
    access: DeskAccess,
    url: string
  ): Promise<{ stream: NodeJS.ReadableStream; name?: string; mimeType?: string; sizeBytes?: number }>
  close(): void
}

/** What a desk hook says, in Puente's words. */
export type DeskHook =
  | {
      kind: 'message'
      created: boolean
      message: DeskMessage
      /** The source id of the conversation's contact_inbox: the only thing that may route. */
      contactSource: string | null
      conversationStatus: string | null
      contact: { id: number | null; phone: string | null; name: string | null; identifier: string | null }
      deleted: boolean
      /** True when the row carries our marker or one of our source ids. */
      marked: boolean
      quotesMessageId: number | null
      quotesSourceId: string | null
      templateParams: Record<string, unknown> | null
      /** Asked for through Puente itself: it says what leaves, the row's content does not. */
      instruction?: Instruction
    }
  | {
      kind: 'conversation'
      event: 'created' | 'updated' | 'status_changed'
      conversationId: number
      contactSource: string | null
      status: string | null
      attributes: Record<string, unknown>
      /** The change of attributes that it tells, if it is about one. */
      attributesChanged: { from: Record<string, unknown>; to: Record<string, unknown> } | null
      /** Of the conversation when the hook was made, seconds; 0 when it is not told. */
      updatedAt: number
      assigneeId: number | null
    }
  | {
      kind: 'typing'
      on: boolean
      conversationId: number
      contactSource: string | null
      private: boolean
      byUser: boolean
    }
  | { kind: 'other'; event: string }
