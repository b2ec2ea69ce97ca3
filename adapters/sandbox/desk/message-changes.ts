/** What changes a message that is there (contract §4, §13): its status, its deletion, a retry. Each save passes the flood guard. */
import type { SandboxParts } from '../parts.ts'
import { dropBlob } from './conversation-rules.ts'
import type { DeskEvent } from './hooks.ts'
import type { Conversation, Message, MessageStatus } from './records.ts'
import type { Store } from './store.ts'
import type { Dialect } from './versions.ts'

export interface MessageChanges {
  /** The caller may be a request or the desk itself after a failed hook. Refused transitions change nothing. */
  setStatus(message: Message, status: string, externalError: string | null): void
  remove(message: Message): void
  /** Two updates; the quote is lost (4.16.2). */
  retry(message: Message): void
}

export interface MessageChangeDeps {
  parts: SandboxParts
  store: Store
  emit(event: DeskEvent): void
  dialect(): Dialect
  /** Throws RecordInvalid. */
  checkFlood(row: Conversation): void
}

const STATUSES = new Set<string>(['sent', 'delivered', 'read', 'failed'])

export function createMessageChanges(deps: MessageChangeDeps): MessageChanges {
  const { parts, store, emit, checkFlood } = deps

  function touch(message: Message): void {
    message.updatedAt = parts.clock.now()
    message.processed = message.content
  }

  function recordStatus(message: Message, from: MessageStatus): void {
    parts.ledger.add({
      side: 'desk',
      what: 'effect',
      name: 'status',
      ids: {
        conversationId: message.conversationId,
        messageId: message.id,
        sourceId: message.sourceId,
        from,
        status: message.status
      }
    })
  }

  return {
    setStatus(message, status, externalError) {
      if (!STATUSES.has(status) || (message.status === 'read' && status === 'delivered')) return
      const row = store.conversations.get(message.conversationId)
      if (row) checkFlood(row)
      const from = message.status
      const before = message.contentAttributes['external_error'] ?? null
      const after = status === 'failed' ? externalError : null
      if (from === status && before === after) return
      message.status = status as MessageStatus
      if (before !== after) message.contentAttributes = { ...message.contentAttributes, external_error: after }
      touch(message)
      recordStatus(message, from)
      emit({ event: 'message_updated', message })
    },
    remove(message) {
      const row = store.conversations.get(message.conversationId)
      if (row) checkFlood(row)
      message.content = 'This message was deleted'
      message.contentType = 'text'
      message.contentAttributes = { deleted: true }
      for (const attachment of message.attachments ?? []) dropBlob(store, attachment.blobId)
      message.attachments = null
      touch(message)
      parts.ledger.add({
        side: 'desk',
        what: 'effect',
        name: 'deleted',
        ids: { conversationId: message.conversationId, messageId: message.id, sourceId: message.sourceId }
      })
      emit({ event: 'message_updated', message })
    },
    retry(message) {
      const row = store.conversations.get(message.conversationId)
      if (row) checkFlood(row)
      const from = message.status
      if (deps.dialect().retriesOnce) {
        message.status = 'sent'
        message.contentAttributes = {}
        touch(message)
        recordStatus(message, from)
        emit({ event: 'message_updated', message })
        return
      }
      const hadError = (message.contentAttributes['external_error'] ?? null) !== null
      if (from !== 'sent' || hadError) {
        message.status = 'sent'
        if (hadError) message.contentAttributes = { ...message.contentAttributes, external_error: null }
        touch(message)
        recordStatus(message, from)
        // Its job loads the row before the second update, the conversation's last message after it (recorded).
        emit({ event: 'message_updated', message, contentAttributes: message.contentAttributes })
      }
      if (Object.keys(message.contentAttributes).length === 0) return
      message.contentAttributes = {}
      touch(message)
      emit({ event: 'message_updated', message })
    }
  }
}
