/**
 * A message of the desk that nobody told us about, in the shape of the hook that should have come; stored in our own
 * words, since there is no hook to keep.
 */
import type { DeskConversation, DeskHook, DeskMessage } from './ports/help-desk.ts'

export type MessageHook = Extract<DeskHook, { kind: 'message' }>

export function asHook(
  conversation: Pick<DeskConversation, 'id' | 'sourceId' | 'contactId' | 'status'> &
    Partial<Pick<DeskConversation, 'contactPhone' | 'contactName' | 'shown'>>,
  message: DeskMessage
): MessageHook {
  const quoted = message.attributes['in_reply_to']
  const shown = conversation.shown?.find(candidate => candidate.id === message.id)
  const template = message.additionalAttributes['template_params'] ?? shown?.additionalAttributes['template_params']
  return {
    kind: 'message',
    created: true,
    message,
    contactSource: conversation.sourceId,
    conversationStatus: conversation.status,
    contact: {
      id: conversation.contactId,
      phone: conversation.contactPhone ?? null,
      name: conversation.contactName ?? null,
      identifier: null
    },
    deleted: message.attributes['deleted'] === true,
    marked: message.sourceId !== null || typeof message.attributes['puente'] === 'object',
    quotesMessageId: typeof quoted === 'number' ? quoted : null,
    quotesSourceId: null,
    templateParams: (template as Record<string, unknown> | undefined) ?? null
  }
}

/** `readStoredHook` reads it. */
export function payloadOf(hook: MessageHook): Buffer {
  return Buffer.from(JSON.stringify({ puente_hook: hook }))
}

/** Reads a stored payload of either kind: the desk's own hook, or one made by reconciliation. */
export function readStoredHook(payload: Buffer, readHook: (body: unknown) => DeskHook): DeskHook {
  const body = JSON.parse(payload.toString('utf8')) as { puente_hook?: MessageHook }
  if (body.puente_hook === undefined) return readHook(body)
  const hook = body.puente_hook
  return { ...hook, message: { ...hook.message, createdAt: new Date(hook.message.createdAt) } }
}
