/** Messages of a conversation: write, read, tick, delete (contract/chatwoot §4; CW-STATUS). */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess, DeskMessage, HelpDesk } from '../../plugin/core/ports/help-desk.ts'
import { type DeskCall, type DeskCaller, requireId, requireList } from './call.ts'
import { readDeskMessage } from './read-message.ts'
import { rowToForm, rowToWire } from './row-to-wire.ts'
import { recordOf } from './safe-read.ts'
import type { PatchStatusRequestWire } from './wire.ts'

type MessageCalls = Pick<
  HelpDesk,
  'createMessage' | 'listMessagesAfter' | 'readMessage' | 'setStatus' | 'deleteMessage'
>

/** Up to 100 messages (CW-AFTER) of up to 150,000 characters each, in up to six bytes of JSON per character. */
const MAX_LIST_BYTES = 96 * 1024 * 1024

export function createMessageCalls(caller: DeskCaller): MessageCalls {
  async function listMessages(access: DeskAccess, conversationId: number, query: string): Promise<DeskMessage[]> {
    const path = `/conversations/${conversationId}/messages?${query}`
    const call: DeskCall = { method: 'GET', path, subject: 'conversation', reads: true, maxAnswerBytes: MAX_LIST_BYTES }
    const rows = requireList(recordOf(await caller.json(access, call)).payload, call)
    return rows.flatMap(row => readDeskMessage(row, { conversationId }) ?? []).sort((a, b) => a.id - b.id)
  }

  return {
    async createMessage(access, conversationId, row, options) {
      const call: DeskCall = {
        method: 'POST',
        path: `/conversations/${conversationId}/messages`,
        subject: 'conversation',
        ...(row.files?.length ? { form: rowToForm(row) } : { json: rowToWire(row) }),
        options
      }
      return { messageId: requireId(recordOf(await caller.json(access, call)), call) }
    },

    async listMessagesAfter(access, conversationId, messageId) {
      const messages = await listMessages(access, conversationId, `after=${messageId}`)
      return messages.filter(message => message.id > messageId)
    },

    async readMessage(access, conversationId, messageId) {
      try {
        // With both bounds the lower one is included (CW-AROUND).
        const found = await listMessages(access, conversationId, `after=${messageId}&before=${messageId + 1}`)
        return found.find(message => message.id === messageId) ?? null
      } catch (error) {
        if (isGone(error)) return null
        throw error
      }
    },

    async setStatus(access, conversationId, messageId, status, reason) {
      const body: PatchStatusRequestWire = { status }
      if (status === 'failed' && reason !== undefined) body.external_error = reason
      await caller.plain(access, {
        method: 'PATCH',
        path: `/conversations/${conversationId}/messages/${messageId}`,
        subject: 'message',
        json: body
      })
    },

    async deleteMessage(access, conversationId, messageId) {
      try {
        const path = `/conversations/${conversationId}/messages/${messageId}`
        await caller.plain(access, { method: 'DELETE', path, subject: 'message' })
      } catch (error) {
        // What is gone need not be deleted; what is deleted leaves its row (CW-DELETE, CW-DELETE-NOTE).
        if (!isGone(error)) throw error
      }
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof PuenteError && error.code === 'desk_not_found'
}
