/**
 * What makes a message, and what follows from it (contract §4, §13): flood guard, quotes, reopening, waiting time, first
 * reply, greeting, survey. What changes one later is in message-changes.ts.
 */
import type { SandboxParts } from '../parts.ts'
import { RecordInvalid } from './ask.ts'
import type { ConversationRules } from './conversation-rules.ts'
import type { DeskEvent } from './hooks.ts'
import { iso } from './json.ts'
import { renderLiquid } from './liquid.ts'
import { createMessageChanges, type MessageChanges } from './message-changes.ts'
import type { MessageInput } from './message-input.ts'
import { FLOOD_LIMIT, FLOOD_WINDOW_MS, fileTypeOf, MAX_ATTACHMENTS, MAX_CONTENT_CHARS } from './message-input.ts'
import type { Conversation, Hash, Message, User } from './records.ts'
import { MESSAGE_TYPES } from './records.ts'
import type { Store } from './store.ts'
import type { Dialect } from './versions.ts'

export interface MessageRules extends MessageChanges {
  /** Throws RecordInvalid. */
  check(row: Conversation | null, input: MessageInput): void
  create(row: Conversation, input: MessageInput): Message
  addActivity(row: Conversation, content: string): void
  askForRating(row: Conversation): void
}

export interface MessageDeps {
  parts: SandboxParts
  store: Store
  emit(event: DeskEvent): void
  conversations: ConversationRules
  dialect(): Dialect
}

export function createMessageRules(deps: MessageDeps): MessageRules {
  const { parts, store, emit, conversations } = deps

  /** The 201st message of a conversation within a minute, and with it every save of any of its messages, fails. */
  function checkFlood(row: Conversation): void {
    const oldest = row.messages[row.messages.length - FLOOD_LIMIT]
    if (oldest && oldest.createdAt >= parts.clock.now() - FLOOD_WINDOW_MS) {
      throw new RecordInvalid('Too many messages', ['base'])
    }
  }

  function check(row: Conversation | null, input: MessageInput): void {
    if (row) checkFlood(row)
    if ((input.content?.length ?? 0) > MAX_CONTENT_CHARS) {
      throw new RecordInvalid(`Content is too long (maximum is ${MAX_CONTENT_CHARS} characters)`, ['content'])
    }
    if ((input.blobs?.length ?? 0) > MAX_ATTACHMENTS) {
      throw new RecordInvalid('Attachments exceeded maximum allowed', ['attachments'])
    }
  }

  function resolveQuote(row: Conversation, attributes: Hash): void {
    const byId = attributes['in_reply_to']
    const byExternal = attributes['in_reply_to_external_id']
    if (!byId && !byExternal) return
    const quoted = byId
      ? row.messages.find(message => message.id === Number(byId))
      : row.messages.find(message => message.sourceId === byExternal)
    attributes['in_reply_to_external_id'] = quoted?.sourceId ?? null
    attributes['in_reply_to'] = quoted?.id ?? null
  }

  function create(row: Conversation, input: MessageInput): Message {
    check(row, input)
    const now = parts.clock.now()
    const contentAttributes = { ...input.contentAttributes }
    resolveQuote(row, contentAttributes)
    const sender = input.sender ?? null
    const raw = input.content ?? null
    const rendered =
      raw !== null && (input.type === 1 || input.type === 3) ? renderLiquid(raw, store, row, senderUser(sender)) : raw
    const last = row.messages.at(-1)
    const message: Message = {
      id: store.next('message'),
      conversationId: row.id,
      type: input.type,
      content: rendered,
      processed: raw,
      contentType: input.contentType ?? 'text',
      status: 'sent',
      contentAttributes,
      additional: input.additional ?? {},
      private: input.private ?? false,
      sourceId: input.sourceId ?? null,
      senderType: sender?.type ?? null,
      senderId: sender?.id ?? null,
      // Ids and times rise together even when a test turns the clock back.
      createdAt: Math.max(now, last?.createdAt ?? 0),
      updatedAt: now,
      attachments: null
    }
    if (input.blobs && input.blobs.length > 0) {
      message.attachments = input.blobs.map(blob => ({
        id: store.next('attachment'),
        fileType: fileTypeOf(blob.contentType),
        blobId: blob.id
      }))
    }
    row.messages.push(message)
    store.messages.set(message.id, message)
    if (message.type !== 2) {
      row.lastNonActivity = message
      if (!message.private) row.lastChat = message
    }
    if (message.type === 0) {
      row.incomingAt.push(message.createdAt)
      if (row.incomingAt.length > 10) row.incomingAt.shift()
    }
    record(row, message)
    follow(row, message, input.fresh ?? false)
    return message
  }

  function senderUser(sender: MessageInput['sender']): User | undefined {
    return sender?.type === 'User' ? store.users.find(user => user.id === sender.id) : undefined
  }

  function record(row: Conversation, message: Message): void {
    parts.ledger.add({
      side: 'desk',
      what: 'effect',
      name: 'message',
      ids: {
        conversationId: row.id,
        messageId: message.id,
        sourceId: message.sourceId,
        contactId: row.contactId,
        contactSource: store.contactInboxes.get(row.contactInboxId)?.sourceId ?? null,
        type: MESSAGE_TYPES[message.type],
        private: message.private ? 1 : 0,
        attachments: message.attachments?.length ?? 0
      }
    })
  }

  /** The after-create callbacks of Message, in their order. */
  function follow(row: Conversation, message: Message, fresh: boolean): void {
    const contact = store.contacts.get(row.contactId)
    if (message.type === 0 && (row.status === 'resolved' || row.status === 'snoozed') && !contact?.blocked) {
      conversations.setStatus(row, 'open', null)
    }
    row.lastActivityAt = message.createdAt
    row.updatedAt = Math.max(parts.clock.now(), row.updatedAt)
    if (message.type === 2) return
    emit({ event: 'message_created', message })
    if (isHumanAnswer(message)) {
      const changes = { waiting_since: [iso(row.waitingSince), null] as [unknown, unknown] }
      if (row.firstReplyCreatedAt === null) {
        const first = { first_reply_created_at: [null, iso(message.createdAt)] as [unknown, unknown] }
        conversations.update(
          row,
          row.waitingSince === null ? first : { ...first, ...changes },
          () => {
            row.firstReplyCreatedAt = message.createdAt
            row.waitingSince = null
          },
          fresh
        )
      } else if (row.waitingSince !== null) {
        conversations.update(row, changes, () => {
          row.waitingSince = null
        })
      }
    } else if (message.type === 0 && row.waitingSince === null) {
      conversations.update(row, { waiting_since: [null, iso(message.createdAt)] }, () => {
        row.waitingSince = message.createdAt
      })
    }
    if (message.type === 0) greet(row)
    if (message.senderType === 'Contact' && contact && message.type === 0) {
      const previous = contact.lastActivityAt
      contact.lastActivityAt = message.createdAt
      emit({
        event: 'contact_updated',
        contact,
        changes: { last_activity_at: [iso(previous), iso(message.createdAt)] }
      })
    }
  }

  function isHumanAnswer(message: Message): boolean {
    if (message.type !== 1 || message.private) return false
    if (message.contentAttributes['automation_rule_id'] || message.additional['campaign_id']) return false
    return message.senderType === 'User' || Boolean(message.contentAttributes['external_echo'])
  }

  function greet(row: Conversation): void {
    const inbox = store.inboxes.get(row.inboxId)
    if (!inbox?.greetingEnabled || !inbox.greetingMessage) return
    if (row.messages.some(message => message.type === 1 || message.type === 3)) return
    quietly(() => create(row, { type: 3, content: inbox.greetingMessage }))
  }

  /** The desk's own rows give way to the flood guard without a word. */
  function quietly(make: () => void): void {
    try {
      make()
    } catch (error) {
      if (!(error instanceof RecordInvalid)) throw error
    }
  }

  return {
    check,
    create,
    ...createMessageChanges({ parts, store, emit, dialect: deps.dialect, checkFlood }),
    addActivity(row, content) {
      quietly(() => create(row, { type: 2, content }))
    },
    askForRating(row) {
      const inbox = store.inboxes.get(row.inboxId)
      if (!inbox?.csatSurveyEnabled) return
      quietly(() =>
        create(row, {
          type: 3,
          content: 'Please rate the conversation',
          contentType: 'input_csat',
          contentAttributes: { display_type: 'emoji' }
        })
      )
    }
  }
}
