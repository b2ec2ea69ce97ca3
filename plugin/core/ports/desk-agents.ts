/**
 * Port to the desk's people: who somebody is, what they may see. Calls with an agent's own session answer `refused`
 * where the desk refuses that person; only trouble of the desk itself is an error.
 */
import type { AgentDeskSession, DeskAccess, DeskContact, DeskMessage } from './help-desk.ts'

export interface DeskPerson {
  id: number
  name: string
  /** administrator, agent, or null where the person is not in this account. */
  role: 'administrator' | 'agent' | null
  /** Enterprise: rights are those of a role that the administrators made. */
  customRoleId: number | null
  locale: string | null
}

export interface ConversationPicture {
  id: number
  inboxId: number
  status: 'open' | 'resolved' | 'pending' | 'snoozed'
  contactId: number | null
  contactName: string | null
  contactPhone: string | null
  contactEmail: string | null
  assigneeId: number | null
  teamId: number | null
  sourceId: string | null
  canReply: boolean
  attributes: Record<string, unknown>
  contactAttributes: Record<string, unknown>
  contactAdditional: Record<string, unknown>
  lastMessageId: number
}

export interface OtherConversation {
  id: number
  inboxId: number
  channel: string
  status: string
  lastActivityAt: Date
}

export interface DeskAgents {
  /** Who a dashboard session belongs to, by the desk's own word; null when the desk does not take it. */
  validate(desk: Pick<DeskAccess, 'url' | 'accountId'>, session: AgentDeskSession): Promise<DeskPerson | null>
  /** Everybody in the account. */
  listPeople(access: DeskAccess): Promise<DeskPerson[]>
  listInboxMembers(access: DeskAccess, inboxId: number): Promise<number[]>
  listTeamMembers(access: DeskAccess, teamId: number): Promise<number[]>
  /** With the access of an agent or of the service user. */
  lookAtConversation(access: DeskAccess, conversationId: number): Promise<ConversationPicture | 'refused' | null>
  lookAtInbox(access: DeskAccess, inboxId: number): Promise<'seen' | 'refused' | null>
  searchContacts(access: DeskAccess, query: string): Promise<DeskContact[]>
  lookAtContact(access: DeskAccess, contactId: number): Promise<DeskContact | null>
  listConversationsOf(access: DeskAccess, contactId: number): Promise<OtherConversation[]>
  listInboxes(access: DeskAccess): Promise<{ id: number; name: string; channel: string }[]>
  /** Custom attributes that the account defines, of contacts and conversations. */
  listAttributes(access: DeskAccess): Promise<{ of: 'contact' | 'conversation'; key: string; name: string }[]>
  /** The newest 20 messages, or the 20 before one; ascending. */
  latestMessages(access: DeskAccess, conversationId: number, before?: number): Promise<DeskMessage[] | 'refused' | null>
  reopen(access: DeskAccess, conversationId: number): Promise<'done' | 'refused' | null>
  /** The desk's own Retry: its hook then takes the usual way. */
  retryMessage(access: DeskAccess, conversationId: number, messageId: number): Promise<'done' | 'refused' | null>
}
