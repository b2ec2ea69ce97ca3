/**
 * The serialisers of messages and conversations: key sets and order as recorded on 4.16.2
 * (contract §5.2 and the recordings). People, inboxes and settings are elsewhere.
 */
import { epoch, iso } from './json.ts'
import type { Seen } from './people-shapes.ts'
import { createPeopleShapes } from './people-shapes.ts'
import type { Contact, ContactInbox, Conversation, Hash, Inbox, Message, User } from './records.ts'
import { MESSAGE_TYPES } from './records.ts'
import type { Store } from './store.ts'

export interface Shapes {
  accountRef(): Hash
  inboxSlim(inbox: Inbox): Hash
  agent(user: User): Hash
  /** The contact of contact endpoints and of an API conversation's `meta.sender`. */
  contact(contact: Contact, withInboxes?: boolean): Hash
  contactPush(contact: Contact): Hash
  contactWebhook(contact: Contact): Hash
  messagePush(message: Message, seen: Seen): Hash
  /** `_message.json.jbuilder` */
  message(message: Message, echoId?: unknown): Hash
  messageWebhook(message: Message): Hash
  conversation(conversation: Conversation): Hash
  /** What conversation hooks carry, and what message hooks carry under `conversation`. */
  conversationWebhook(conversation: Conversation): Hash
  userWebhook(user: User): Hash
  userPush(user: User, seen: Seen): Hash
  attachments(message: Message): Hash[]
  canReply(conversation: Conversation): boolean
  unreadCount(conversation: Conversation): number
}

export function createShapes(store: Store, baseUrl: () => string, now: () => number): Shapes {
  const people = createPeopleShapes(store, baseUrl)
  const { accountRef, inboxSlim, agent, findUser, userWebhook, userPush, contact, contactCache, attachments } = people

  function contactOf(conversation: Conversation): Contact {
    const contact = store.contacts.get(conversation.contactId)
    if (!contact) throw new Error(`conversation ${conversation.id} lost its contact`)
    return contact
  }

  function senderPush(message: Message, seen: Seen): Hash | undefined {
    if (message.senderType === 'Contact') {
      const row = store.contacts.get(message.senderId ?? -1)
      return row && contactCache(row).push
    }
    if (message.senderType === 'User') {
      const user = findUser(message.senderId)
      return user && userPush(user, seen)
    }
    if (message.senderType === 'AgentBot')
      return { id: store.bot.id, name: store.bot.name, avatar_url: '', type: 'agent_bot' }
    return undefined
  }

  function unreadCount(conversation: Conversation): number {
    const seenAt = conversation.agentLastSeenAt
    if (seenAt === null) return conversation.incomingAt.length
    let count = 0
    for (let i = conversation.incomingAt.length - 1; i >= 0 && conversation.incomingAt[i]! > seenAt; i--) count++
    return count
  }

  function canReply(conversation: Conversation): boolean {
    const hours = Number(store.inboxes.get(conversation.inboxId)?.additionalAttributes['agent_reply_time_window'] ?? 0)
    if (!(hours > 0)) return true
    const last = conversation.incomingAt.at(-1)
    return last !== undefined && now() < last + hours * 3_600_000
  }

  function messagePush(message: Message, seen: Seen): Hash {
    const conversation = store.conversations.get(message.conversationId)
    const link = conversation && store.contactInboxes.get(conversation.contactInboxId)
    const shape: Hash = {
      id: message.id,
      content: message.content,
      account_id: store.account.id,
      inbox_id: conversation?.inboxId ?? null,
      conversation_id: message.conversationId,
      message_type: message.type,
      created_at: epoch(message.createdAt),
      updated_at: iso(message.updatedAt),
      private: message.private,
      status: message.status,
      source_id: message.sourceId,
      content_type: message.contentType,
      content_attributes: message.contentAttributes,
      sender_type: message.senderType,
      sender_id: message.senderId,
      external_source_ids: {},
      additional_attributes: message.additional,
      processed_message_content: message.processed,
      sentiment: {},
      conversation: {
        assignee_id: conversation?.assigneeId ?? null,
        unread_count: conversation ? unreadCount(conversation) : 0,
        last_activity_at: epoch(conversation?.lastActivityAt ?? null),
        contact_inbox: { source_id: link?.sourceId ?? null }
      }
    }
    if (message.attachments) shape['attachments'] = attachments(message)
    const sender = senderPush(message, seen)
    if (sender) shape['sender'] = sender
    return shape
  }

  function message(row: Message, echoId?: unknown): Hash {
    const shape: Hash = {
      id: row.id,
      content: row.content,
      inbox_id: store.conversations.get(row.conversationId)?.inboxId ?? null
    }
    if (echoId !== undefined && echoId !== null) shape['echo_id'] = echoId
    shape['conversation_id'] = row.conversationId
    shape['message_type'] = row.type
    shape['content_type'] = row.contentType
    shape['status'] = row.status
    shape['content_attributes'] = row.contentAttributes
    shape['created_at'] = epoch(row.createdAt)
    shape['private'] = row.private
    shape['source_id'] = row.sourceId
    const sender = senderPush(row, 'web')
    if (sender) shape['sender'] = sender
    if (row.attachments) shape['attachments'] = attachments(row)
    return shape
  }

  function senderWebhook(row: Message): Hash | null {
    if (row.senderType === 'Contact') {
      const sender = store.contacts.get(row.senderId ?? -1)
      return sender ? contactCache(sender).webhook : null
    }
    if (row.senderType === 'User') {
      const user = findUser(row.senderId)
      return user ? userWebhook(user) : null
    }
    if (row.senderType === 'AgentBot') return { id: store.bot.id, name: store.bot.name, type: 'agent_bot' }
    return null
  }

  function webhookContent(row: Message): string | null {
    if (row.contentType === 'input_csat') {
      const uuid = store.conversations.get(row.conversationId)?.uuid
      return `Please rate this conversation, ${baseUrl()}/survey/responses/${uuid}`
    }
    // The normaliser of 4.13+: hard breaks become newlines, trailing newlines are cut.
    return row.content === null ? null : row.content.replaceAll('\\\n', '\n').replace(/\n+$/, '')
  }

  function messageWebhook(row: Message): Hash {
    const conversation = store.conversations.get(row.conversationId)!
    const inbox = store.inboxes.get(conversation.inboxId)!
    const shape: Hash = {
      account: accountRef,
      additional_attributes: row.additional,
      content_attributes: row.contentAttributes,
      content_type: row.contentType,
      content: webhookContent(row),
      conversation: conversationWebhook(conversation),
      created_at: iso(row.createdAt),
      id: row.id,
      inbox: { id: inbox.id, name: inbox.name },
      message_type: MESSAGE_TYPES[row.type],
      private: row.private,
      sender: senderWebhook(row),
      source_id: row.sourceId
    }
    if (row.attachments) shape['attachments'] = attachments(row)
    return shape
  }

  function contactInboxShape(row: ContactInbox): Hash {
    const createdAt = iso(row.createdAt)
    return {
      id: row.id,
      contact_id: row.contactId,
      inbox_id: row.inboxId,
      source_id: row.sourceId,
      created_at: createdAt,
      updated_at: createdAt,
      hmac_verified: false,
      pubsub_token: row.pubsubToken
    }
  }

  function conversationWebhook(row: Conversation): Hash {
    const assignee = findUser(row.assigneeId)
    return {
      additional_attributes: row.additional,
      can_reply: canReply(row),
      channel: 'Channel::Api',
      contact_inbox: contactInboxShape(store.contactInboxes.get(row.contactInboxId)!),
      id: row.id,
      inbox_id: row.inboxId,
      messages: row.lastChat ? [messagePush(row.lastChat, 'background')] : [],
      labels: row.labels,
      meta: {
        sender: contactCache(contactOf(row)).push,
        assignee: assignee ? userPush(assignee, 'background') : null,
        assignee_type: assignee ? 'User' : null,
        team: null,
        hmac_verified: false
      },
      status: row.status,
      custom_attributes: row.custom,
      snoozed_until: iso(row.snoozedUntil),
      unread_count: unreadCount(row),
      first_reply_created_at: iso(row.firstReplyCreatedAt),
      priority: row.priority,
      waiting_since: epoch(row.waitingSince),
      agent_last_seen_at: epoch(row.agentLastSeenAt),
      contact_last_seen_at: epoch(row.contactLastSeenAt),
      last_activity_at: epoch(row.lastActivityAt),
      timestamp: epoch(row.lastActivityAt),
      created_at: epoch(row.createdAt),
      updated_at: row.updatedAt / 1000,
      account: accountRef
    }
  }

  function conversation(row: Conversation): Hash {
    const assignee = findUser(row.assigneeId)
    const last = row.messages.at(-1)
    const meta: Hash = { sender: contact(contactOf(row)), channel: 'Channel::Api' }
    if (assignee) {
      meta['assignee'] = agent(assignee)
      meta['assignee_type'] = 'User'
    }
    const team = row.teamId === null ? undefined : store.settings.teams.get(row.teamId)
    if (team) meta['team'] = team.row
    meta['hmac_verified'] = false
    return {
      meta,
      id: row.id,
      messages: last ? [messagePush(last, 'web')] : [],
      account_id: store.account.id,
      uuid: row.uuid,
      additional_attributes: row.additional,
      agent_last_seen_at: epoch(row.agentLastSeenAt),
      assignee_last_seen_at: epoch(row.assigneeLastSeenAt),
      can_reply: canReply(row),
      contact_last_seen_at: epoch(row.contactLastSeenAt),
      custom_attributes: row.custom,
      inbox_id: row.inboxId,
      labels: row.labels,
      muted: contactOf(row).blocked,
      snoozed_until: row.snoozedUntil === null ? null : epoch(row.snoozedUntil),
      status: row.status,
      created_at: epoch(row.createdAt),
      updated_at: row.updatedAt / 1000,
      timestamp: epoch(row.lastActivityAt),
      first_reply_created_at: epoch(row.firstReplyCreatedAt),
      unread_count: unreadCount(row),
      last_non_activity_message: row.lastNonActivity ? messagePush(row.lastNonActivity, 'web') : null,
      last_activity_at: epoch(row.lastActivityAt),
      priority: row.priority,
      waiting_since: epoch(row.waitingSince),
      sla_policy_id: null
    }
  }

  return {
    accountRef: () => accountRef,
    inboxSlim,
    agent,
    contact,
    contactPush: row => contactCache(row).push,
    contactWebhook: row => contactCache(row).webhook,
    messagePush,
    message,
    messageWebhook,
    conversation,
    conversationWebhook,
    userWebhook,
    userPush,
    attachments,
    canReply,
    unreadCount
  }
}
