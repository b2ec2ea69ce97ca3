/**
 * Conversations of the desk: create (with a first row), find, describe (contract/chatwoot §3, §13; CW-EMBED,
 * CW-EMBED-NOTE, CW-EMBED-ROLLBACK, CW-ATTRIBUTES-BORN).
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskConversation, HelpDesk } from '../../plugin/core/ports/help-desk.ts'
import { type DeskCall, type DeskCaller, requireId, requireList } from './call.ts'
import { errorOfAnswer, parseJson, unreadableAnswer } from './desk-error.ts'
import { failWhenInboxGone } from './inbox-gone.ts'
import { rowToWire } from './row-to-wire.ts'
import { countOf, idOf, isRecord, listOf, recordOf, textOf, timeOf } from './safe-read.ts'
import type { ConversationAttributesWire, CreateConversationRequestWire } from './wire.ts'

type ConversationCalls = Pick<
  HelpDesk,
  | 'createConversation'
  | 'findConversations'
  | 'listChangedConversations'
  | 'listConversations'
  | 'readConversation'
  | 'setConversationAttributes'
  | 'setTyping'
>

const STATUSES = ['open', 'resolved', 'pending', 'snoozed'] as const
/** A list of changed conversations comes in one piece, at about 4 KB each (CW-CHANGED, CW-CHANGED-WHOLE). */
const MAX_LIST_BYTES = 64 * 1024 * 1024

export function createConversationCalls(caller: DeskCaller): ConversationCalls {
  return {
    async createConversation(access, input, options) {
      const { row } = input
      if (row?.files?.length) throw new PuenteError('internal', { facts: { detail: 'a first row cannot carry files' } })
      const body: CreateConversationRequestWire = {
        inbox_id: input.inboxId,
        contact_id: input.contactId,
        source_id: input.sourceId,
        ...(input.attributes ? { custom_attributes: input.attributes } : {}),
        ...(input.additionalAttributes ? { additional_attributes: input.additionalAttributes } : {}),
        ...(row ? { message: rowToWire(row) } : {})
      }
      const call: DeskCall = { method: 'POST', path: '/conversations', subject: 'contact', json: body, options }
      try {
        const answer = recordOf(await caller.json(access, call))
        return { conversationId: requireId(answer, call), messageId: row ? embeddedId(answer, row.sourceId) : null }
      } catch (error) {
        await failWhenInboxGone(caller, access, input.inboxId, error)
        throw error
      }
    },

    async findConversations(access, inboxId, sourceId) {
      const query = new URLSearchParams({ inbox_id: String(inboxId), status: 'all', source_id: sourceId })
      const call: DeskCall = { method: 'GET', path: `/conversations?${query}`, subject: 'inbox', reads: true }
      const rows = listedRows(await caller.json(access, call), call)
      // Each source id has conversations of its own (CW-SOURCE-SECOND); every creation makes another (CW-NEW-EACH).
      return rows.flatMap(row => readConversation(row, sourceId)).sort((a, b) => b.id - a.id)
    },

    async listConversations(access, inboxId, page) {
      const query = new URLSearchParams({ inbox_id: String(inboxId), status: 'all', page: String(page) })
      const call: DeskCall = { method: 'GET', path: `/conversations?${query}`, subject: 'inbox', reads: true }
      return listedRows(await caller.json(access, call), call).flatMap(row => readConversation(row))
    },

    async listChangedConversations(access, inboxId, withinSeconds) {
      const query = new URLSearchParams({
        inbox_id: String(inboxId),
        status: 'all',
        updated_within: String(Math.max(1, Math.ceil(withinSeconds)))
      })
      const path = `/conversations?${query}`
      const call: DeskCall = { method: 'GET', path, subject: 'inbox', reads: true, maxAnswerBytes: MAX_LIST_BYTES }
      return listedRows(await caller.json(access, call), call).flatMap(row => readConversation(row))
    },

    async readConversation(access, conversationId) {
      const path = `/conversations/${conversationId}`
      const call: DeskCall = { method: 'GET', path, subject: 'conversation', reads: true }
      const answer = await caller.json(access, call)
      const [conversation] = readConversation(answer)
      if (conversation === undefined) throw unreadableAnswer({ status: 200, headers: {}, body: Buffer.alloc(0) }, call)
      return conversation
    },

    async setTyping(access, conversationId, on, options) {
      await caller.plain(access, {
        method: 'POST',
        path: `/conversations/${conversationId}/toggle_typing_status`,
        subject: 'conversation',
        json: { typing_status: on ? 'on' : 'off', is_private: options?.private === true }
      })
    },

    async setConversationAttributes(access, conversationId, attributes, options) {
      const merge = options?.merge === true
      const body: ConversationAttributesWire = { custom_attributes: attributes, ...(merge ? { merge } : {}) }
      const call: DeskCall = {
        method: 'POST',
        path: `/conversations/${conversationId}/custom_attributes`,
        subject: 'conversation',
        json: body
      }
      const answer = await caller.raw(access, call)
      if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer, call)
      // Replaced whole (CW-ATTRIBUTES), merged by later versions (CW-ATTRIBUTES-MERGE); told in the answer
      // (CW-ATTRIBUTES-ANSWER).
      const whole = recordOf(parseJson(answer.body)).custom_attributes
      return isRecord(whole) ? { ...whole } : null
    }
  }
}

/**
 * The answer shows one message. It is ours unless a source id says otherwise: a greeting may have come after it
 * (CW-GREETED).
 */
function embeddedId(answer: unknown, sourceId: string | undefined): number | null {
  const shown = listOf(recordOf(answer).messages).map(recordOf)
  const ours = sourceId === undefined ? shown[0] : shown.find(message => message.source_id === sourceId)
  return ours ? idOf(ours.id) : null
}

function listedRows(answer: unknown, call: DeskCall): readonly unknown[] {
  return requireList(recordOf(recordOf(answer).data).payload, call)
}

function readConversation(value: unknown, sourceId?: string): DeskConversation[] {
  const wire = recordOf(value)
  const id = idOf(wire.id)
  const inboxId = idOf(wire.inbox_id)
  const status = STATUSES.find(name => name === wire.status)
  if (id === null || inboxId === null || status === undefined) return []
  const shown = [...listOf(wire.messages), wire.last_non_activity_message].map(recordOf)
  const ids = shown.flatMap(message => idOf(message.id) ?? [])
  const contact = recordOf(recordOf(wire.meta).sender)
  const told = shown.map(message => textOf(recordOf(recordOf(message.conversation).contact_inbox).source_id))
  return [
    {
      id,
      inboxId,
      contactId: idOf(contact.id),
      contactPhone: textOf(contact.phone_number),
      contactName: textOf(contact.name),
      status,
      sourceId: sourceId ?? told.find(source => source !== null) ?? null,
      shown: shown.flatMap(message => {
        const messageId = idOf(message.id)
        return messageId === null
          ? []
          : [{ id: messageId, additionalAttributes: { ...recordOf(message.additional_attributes) } }]
      }),
      lastMessageId: ids.length > 0 ? Math.max(...ids) : null,
      lastActivityAt: timeOf(wire.last_activity_at),
      updatedAt: countOf(wire.updated_at) ?? 0,
      attributes: { ...recordOf(wire.custom_attributes) }
    }
  ]
}
