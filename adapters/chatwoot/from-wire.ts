/**
 * What a hook of Chatwoot says, in Puente's words (contract/chatwoot §5, §13). Total: nothing that arrives makes it
 * throw. Routes nothing and decides nothing; the order and number of hooks mean nothing either (CW-HOOK, CW-PRIVATE,
 * CW-QUOTE, CW-TYPING, CW-STATUS-HOOK).
 */
import type { DeskHook } from '../../plugin/core/ports/help-desk.ts'
import { isInstructionSource } from '../../plugin/core/talk/instruction.ts'
import { readDeskMessage, senderTypeOf } from './read-message.ts'
import { countOf, idOf, isRecord, type JsonRecord, listOf, recordOf, textOf } from './safe-read.ts'

/** Under this key of `content_attributes` we mark the rows that we write. */
export const MARKER_KEY = 'puente'

/** Reads a parsed hook body; what is not understood is `other`. */
export function readHook(body: unknown): DeskHook {
  const hook = recordOf(body)
  const event = textOf(hook.event)?.slice(0, 100) ?? ''
  switch (event) {
    case 'message_created':
    case 'message_updated':
      return readMessageHook(hook, event === 'message_created') ?? { kind: 'other', event }
    case 'conversation_created':
      return readConversationHook(hook, 'created') ?? { kind: 'other', event }
    case 'conversation_updated':
      return readConversationHook(hook, 'updated') ?? { kind: 'other', event }
    case 'conversation_status_changed':
      return readConversationHook(hook, 'status_changed') ?? { kind: 'other', event }
    case 'conversation_typing_on':
    case 'conversation_typing_off':
      return readTypingHook(hook, event === 'conversation_typing_on') ?? { kind: 'other', event }
    default:
      return { kind: 'other', event }
  }
}

export interface OwnEcho {
  conversationId: number
  messageId: number
  sourceId: string | null
  event: 'message_created' | 'message_updated'
}

/**
 * Recognises a hook that needs no work because it is about a row that we wrote (CW-ECHO): a customer's message, or a
 * row that carries our marker or any source id (an API inbox gives agents' messages none; §5.3). Cheap enough for every
 * hook; what it returns lets the caller measure how late our echoes come.
 */
export function isOwnEcho(body: unknown): OwnEcho | null {
  if (!isRecord(body)) return null
  const event = body.event
  if (event !== 'message_created' && event !== 'message_updated') return null
  if (body.message_type !== 'incoming' && !isMarked(body)) return null
  // A row that stands for what an agent asked us to send may be retried or deleted by a person.
  if (event === 'message_updated' && isInstructionSource(textOf(body.source_id))) return null
  const messageId = idOf(body.id)
  const conversationId = idOf(recordOf(body.conversation).id)
  if (messageId === null || conversationId === null) return null
  return { conversationId, messageId, sourceId: textOf(body.source_id), event }
}

/** True for rows that are never to be sent to WhatsApp because they come from there, or from us. */
function isMarked(message: JsonRecord): boolean {
  if (typeof message.source_id === 'string' && message.source_id !== '') return true
  return isRecord(message.content_attributes) && isRecord(message.content_attributes[MARKER_KEY])
}

function readMessageHook(hook: JsonRecord, created: boolean): DeskHook | null {
  const conversation = recordOf(hook.conversation)
  const conversationId = idOf(conversation.id)
  if (conversationId === null) return null
  const status = statusInPassing(conversation, idOf(hook.id))
  const message = readDeskMessage(hook, { conversationId, status })
  if (message === null) return null
  const customer = recordOf(recordOf(conversation.meta).sender)
  const contactInbox = recordOf(conversation.contact_inbox)
  const templateParams = message.additionalAttributes.template_params
  return {
    kind: 'message',
    created,
    message,
    contactSource: textOf(contactInbox.source_id),
    conversationStatus: textOf(conversation.status),
    contact: {
      id: idOf(customer.id) ?? idOf(contactInbox.contact_id),
      phone: textOf(customer.phone_number),
      name: textOf(customer.name),
      identifier: textOf(customer.identifier)
    },
    deleted: message.attributes.deleted === true,
    marked: isMarked(hook),
    quotesMessageId: idOf(message.attributes.in_reply_to),
    quotesSourceId: textOf(message.attributes.in_reply_to_external_id),
    templateParams: isRecord(templateParams) ? { ...templateParams } : null
  }
}

/**
 * `conversation.messages` holds the last public message, which may be another one than the hook is about (CW-RETRY).
 */
function statusInPassing(conversation: JsonRecord, messageId: number | null): string {
  for (const candidate of listOf(conversation.messages)) {
    const shown = recordOf(candidate)
    if (messageId !== null && idOf(shown.id) === messageId) return textOf(shown.status) ?? ''
  }
  return ''
}

function readConversationHook(hook: JsonRecord, event: 'created' | 'updated' | 'status_changed'): DeskHook | null {
  const conversationId = idOf(hook.id)
  if (conversationId === null) return null
  const assignee = recordOf(recordOf(hook.meta).assignee)
  return {
    kind: 'conversation',
    event,
    conversationId,
    contactSource: textOf(recordOf(hook.contact_inbox).source_id),
    status: textOf(hook.status),
    attributes: { ...recordOf(hook.custom_attributes) },
    attributesChanged: attributesChangedIn(hook),
    updatedAt: countOf(hook.updated_at) ?? 0,
    assigneeId: senderTypeOf(assignee) === 'user' ? idOf(assignee.id) : null
  }
}

/** A list of one-key objects, in the order of the columns (§5.2; CW-ATTRIBUTES-CHANGED). */
function attributesChangedIn(hook: JsonRecord): { from: Record<string, unknown>; to: Record<string, unknown> } | null {
  for (const each of listOf(hook.changed_attributes)) {
    const change = recordOf(each).custom_attributes
    if (isRecord(change))
      return { from: { ...recordOf(change.previous_value) }, to: { ...recordOf(change.current_value) } }
  }
  return null
}

function readTypingHook(hook: JsonRecord, on: boolean): DeskHook | null {
  const conversation = recordOf(hook.conversation)
  const conversationId = idOf(conversation.id)
  if (conversationId === null) return null
  return {
    kind: 'typing',
    on,
    conversationId,
    contactSource: textOf(recordOf(conversation.contact_inbox).source_id),
    private: hook.is_private === true,
    byUser: senderTypeOf(recordOf(hook.user)) === 'user'
  }
}
