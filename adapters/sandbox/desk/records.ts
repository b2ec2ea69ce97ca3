/**
 * The rows that the desk stand-in keeps, as plain objects. Times are milliseconds since the epoch (hot path, snapshot).
 * Only the columns that show on the wire of an API inbox are here. Source: Chatwoot contract §1–§4.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Hash = { [key: string]: unknown }

export type Role = 'administrator' | 'agent'
export type ConversationStatus = 'open' | 'resolved' | 'pending' | 'snoozed'
export type MessageStatus = 'sent' | 'delivered' | 'read' | 'failed'
/** incoming 0, outgoing 1, activity 2, template 3 */
export type MessageType = 0 | 1 | 2 | 3

export const MESSAGE_TYPES = ['incoming', 'outgoing', 'activity', 'template'] as const

export interface User {
  id: number
  name: string
  email: string
  role: Role
  /** Enterprise: rights are those of a role that the administrators made. */
  customRoleId?: number
  /** Taken out of the account. */
  removed?: boolean
  /** `api_access_token` */
  token: string
  pubsubToken: string
  /** The dashboard's session headers (devise_token_auth). */
  session: { accessToken: string; client: string; uid: string }
  createdAt: number
}

export interface Inbox {
  id: number
  channelId: number
  name: string
  webhookUrl: string | null
  identifier: string
  hmacToken: string
  secret: string
  hmacMandatory: boolean
  /** Of the channel: templates, reply window, Puente's mark. */
  additionalAttributes: Hash
  lockToSingleConversation: boolean
  enableAutoAssignment: boolean
  greetingEnabled: boolean
  greetingMessage: string | null
  csatSurveyEnabled: boolean
  workingHoursEnabled: boolean
  outOfOfficeMessage: string | null
  allowMessagesAfterResolved: boolean
  timezone: string
  memberIds: number[]
  /** Path of the picture below the desk's address. */
  avatarPath?: string
  /** Of a channel of Chatwoot's own, which the stand-in lists but does not serve. */
  native?: { channelType: string; phoneNumber: string; provider: string }
  createdAt: number
  updatedAt: number
}

export interface Contact {
  id: number
  name: string
  phone: string | null
  identifier: string | null
  email: string | null
  blocked: boolean
  additional: Hash
  custom: Hash
  createdAt: number
  updatedAt: number
  lastActivityAt: number | null
  contactInboxIds: number[]
  conversationIds: number[]
  /** Monotonic time of its creation: a create that began before it raced with it. Not kept. */
  madeAtMs: number
  /** Serialised shapes; dropped on every change. Not kept. */
  cache?: ContactCache | undefined
}

export interface ContactCache {
  push: Hash
  webhook: Hash
}

export interface ContactInbox {
  id: number
  contactId: number
  inboxId: number
  sourceId: string
  pubsubToken: string
  conversationIds: number[]
  createdAt: number
}

export interface Conversation {
  /** The display id, which is the only id on the wire. */
  id: number
  uuid: string
  inboxId: number
  contactId: number
  contactInboxId: number
  status: ConversationStatus
  assigneeId: number | null
  teamId: number | null
  additional: Hash
  custom: Hash
  labels: string[]
  priority: string | null
  snoozedUntil: number | null
  agentLastSeenAt: number | null
  assigneeLastSeenAt: number | null
  contactLastSeenAt: number | null
  firstReplyCreatedAt: number | null
  waitingSince: number | null
  lastActivityAt: number
  createdAt: number
  updatedAt: number
  /** Its deletion is queued: writes still answer 200 and vanish with it (contract §13). */
  deleting: boolean
  messages: Message[]
  /** Creation times of the last ten incoming messages: unread_count caps at 10. */
  incomingAt: number[]
  /** Last message that is neither private nor activity; the one that hooks carry. */
  lastChat: Message | null
  lastNonActivity: Message | null
}

export interface Attachment {
  id: number
  fileType: 'image' | 'audio' | 'video' | 'file'
  blobId: number
}

export interface Message {
  id: number
  conversationId: number
  type: MessageType
  content: string | null
  /** What Chatwoot calls processed_message_content: the text before Liquid until the next save. */
  processed: string | null
  contentType: string
  status: MessageStatus
  contentAttributes: Hash
  additional: Hash
  private: boolean
  sourceId: string | null
  senderType: 'User' | 'Contact' | 'AgentBot' | null
  senderId: number | null
  createdAt: number
  updatedAt: number
  attachments: Attachment[] | null
}

export interface Blob {
  id: number
  signedId: string
  filename: string
  contentType: string
  size: number
  sha256: string
  /** Null when too large to hold: then zeros of the same length are served. */
  bytes: Buffer | null
}

/** Rows of the settings pages, kept as they are shown. */
export interface Setting {
  id: number
  ownerId: number
  row: Hash
  /** Of a team. */
  memberIds?: number[]
}
