/** The desk as the sandbox page and the oracles read it: who talks in which conversation, messages in id order. */
import type { Conversation, Hash, Message } from './records.ts'
import { MESSAGE_TYPES } from './records.ts'
import type { Shapes } from './shapes.ts'
import type { Store } from './store.ts'

export interface DeskView {
  account: Hash
  agents: Hash[]
  inboxes: Hash[]
  conversations: Hash[]
}

export function viewDesk(store: Store, shapes: Shapes): DeskView {
  return {
    account: shapes.accountRef(),
    agents: store.users.map(user => ({ id: user.id, name: user.name, role: user.role })),
    inboxes: [...store.inboxes.values()].map(inbox => ({
      id: inbox.id,
      name: inbox.name,
      greetingEnabled: inbox.greetingEnabled,
      csatSurveyEnabled: inbox.csatSurveyEnabled,
      additionalAttributes: inbox.additionalAttributes
    })),
    conversations: [...store.conversations.values()].map(row => viewConversation(store, shapes, row))
  }
}

function viewConversation(store: Store, shapes: Shapes, row: Conversation): Hash {
  const contact = store.contacts.get(row.contactId)
  return {
    id: row.id,
    inboxId: row.inboxId,
    sourceId: store.contactInboxes.get(row.contactInboxId)?.sourceId ?? null,
    status: row.status,
    assigneeId: row.assigneeId,
    labels: row.labels,
    customAttributes: row.custom,
    additionalAttributes: row.additional,
    canReply: shapes.canReply(row),
    unread: shapes.unreadCount(row),
    lastActivityAt: row.lastActivityAt,
    contact: contact
      ? {
          id: contact.id,
          name: contact.name,
          phone: contact.phone,
          identifier: contact.identifier,
          customAttributes: contact.custom,
          additionalAttributes: contact.additional
        }
      : null,
    messages: row.messages.map(message => viewMessage(store, shapes, message))
  }
}

function viewMessage(store: Store, shapes: Shapes, message: Message): Hash {
  const user =
    message.senderType === 'User' ? store.users.find(candidate => candidate.id === message.senderId) : undefined
  return {
    id: message.id,
    type: MESSAGE_TYPES[message.type],
    content: message.content,
    contentType: message.contentType,
    status: message.status,
    private: message.private,
    sourceId: message.sourceId,
    contentAttributes: message.contentAttributes,
    additionalAttributes: message.additional,
    senderType: message.senderType,
    senderName: user?.name ?? null,
    createdAt: message.createdAt,
    attachments: shapes.attachments(message).map(shape => ({
      type: shape['file_type'],
      contentType: shape['content_type'],
      url: shape['data_url'],
      size: shape['file_size'],
      sha256: store.blobs.get(message.attachments?.find(row => row.id === shape['id'])?.blobId ?? -1)?.sha256 ?? null
    }))
  }
}
