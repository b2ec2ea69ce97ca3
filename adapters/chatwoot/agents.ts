/**
 * The desk's people on Chatwoot's API: sessions, members, what somebody may see (contract/chatwoot §6, §7). With an
 * agent's own session, what the desk refuses is an answer, never an error of the desk (CW-SESSION, CW-SESSION-NONE,
 * CW-LOOK, CW-LOOK-REFUSED).
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAgents, DeskPerson } from '../../plugin/core/ports/desk-agents.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import type { HttpAnswer, HttpClient } from '../http/types.ts'
import { createCaller, type DeskCall, type DeskCaller } from './call.ts'
import { readContact } from './contacts.ts'
import { errorOfAnswer, parseJson } from './desk-error.ts'
import { readDeskMessage } from './read-message.ts'
import { idOf, type JsonRecord, listOf, recordOf, textOf, timeOf } from './safe-read.ts'

const STATUSES = ['open', 'resolved', 'pending', 'snoozed'] as const
const ATTRIBUTE_MODELS: Record<string, 'contact' | 'conversation'> = {
  contact_attribute: 'contact',
  conversation_attribute: 'conversation'
}
const MAX_LIST_BYTES = 32 * 1024 * 1024

export function createDeskAgents(options: { http: HttpClient; timeoutMs: number }): DeskAgents {
  const caller = createCaller(options.http, options.timeoutMs)

  /** `refused` and null only where a single record or an agent's session is meant. */
  const ask = async (access: DeskAccess, call: DeskCall): Promise<JsonRecord | unknown[] | 'refused' | null> => {
    const answer = await caller.raw(access, { ...call, reads: call.reads ?? call.method === 'GET' })
    return judge(access, call, answer)
  }

  return {
    async validate(desk, session) {
      const access: DeskAccess = { ...desk, token: '', session }
      const call: DeskCall = { method: 'GET', path: '/auth/validate_token', subject: 'account', reads: true }
      const answer = await caller.raw(access, call)
      if (answer.status === 401 || answer.status === 403) return null
      if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer, call)
      const payload = recordOf(recordOf(parseJson(answer.body)).payload)
      const user = recordOf(payload.data)
      const id = idOf(user.id)
      if (payload.success !== true || id === null) return null
      const account = listOf(user.accounts)
        .map(recordOf)
        .find(candidate => idOf(candidate.id) === desk.accountId)
      return {
        id,
        name: nameOf(user, id),
        role: account === undefined || account.status === 'suspended' ? null : roleOf(account),
        customRoleId: account === undefined ? null : idOf(account.custom_role_id),
        locale: textOf(recordOf(user.ui_settings).locale)
      }
    },

    async listPeople(access) {
      const rows = await list(caller, access, '/agents')
      return rows.flatMap((row): DeskPerson[] => {
        const id = idOf(row.id)
        if (id === null) return []
        return [{ id, name: nameOf(row, id), role: roleOf(row), customRoleId: idOf(row.custom_role_id), locale: null }]
      })
    },

    async listInboxMembers(access, inboxId) {
      return (await list(caller, access, `/inbox_members/${inboxId}`)).flatMap(row => idOf(row.id) ?? [])
    },

    // CW-TEAM
    async listTeamMembers(access, teamId) {
      return (await list(caller, access, `/teams/${teamId}/team_members`)).flatMap(row => idOf(row.id) ?? [])
    },

    async lookAtConversation(access, conversationId) {
      const path = `/conversations/${conversationId}`
      const answer = await ask(access, { method: 'GET', path, subject: 'conversation' })
      if (answer === 'refused' || answer === null) return answer
      const wire = recordOf(answer)
      const id = idOf(wire.id)
      const inboxId = idOf(wire.inbox_id)
      const status = STATUSES.find(name => name === wire.status)
      if (id !== conversationId || inboxId === null || status === undefined) return null
      const meta = recordOf(wire.meta)
      const contact = recordOf(meta.sender)
      const shown = [...listOf(wire.messages), wire.last_non_activity_message].map(recordOf)
      const sources = shown.map(row => textOf(recordOf(recordOf(row.conversation).contact_inbox).source_id))
      return {
        id,
        inboxId,
        status,
        contactId: idOf(contact.id),
        contactName: textOf(contact.name),
        contactPhone: textOf(contact.phone_number),
        contactEmail: textOf(contact.email),
        assigneeId: meta.assignee_type === 'AgentBot' ? null : idOf(recordOf(meta.assignee).id),
        teamId: idOf(recordOf(meta.team).id),
        sourceId: sources.find(source => source !== null) ?? null,
        canReply: wire.can_reply !== false,
        attributes: { ...recordOf(wire.custom_attributes) },
        contactAttributes: { ...recordOf(contact.custom_attributes) },
        contactAdditional: { ...recordOf(contact.additional_attributes) },
        lastMessageId: Math.max(0, ...shown.flatMap(row => idOf(row.id) ?? []))
      }
    },

    async lookAtInbox(access, inboxId) {
      const answer = await ask(access, { method: 'GET', path: `/inboxes/${inboxId}`, subject: 'inbox' })
      return answer === 'refused' || answer === null ? answer : 'seen'
    },

    // CW-CONTACT-SEARCH
    async searchContacts(access, query) {
      const path = `/contacts/search?q=${encodeURIComponent(query)}&page=1`
      const answer = await ask(access, { method: 'GET', path, subject: 'account', maxAnswerBytes: MAX_LIST_BYTES })
      if (answer === 'refused' || answer === null) return []
      return listOf(recordOf(answer).payload).flatMap(row => withEmail(row))
    },

    async lookAtContact(access, contactId) {
      const answer = await ask(access, { method: 'GET', path: `/contacts/${contactId}`, subject: 'contact' })
      if (answer === 'refused' || answer === null) return null
      return withEmail(recordOf(answer).payload)[0] ?? null
    },

    // CW-CONTACT-CONVERSATIONS
    async listConversationsOf(access, contactId) {
      const path = `/contacts/${contactId}/conversations`
      const answer = await ask(access, { method: 'GET', path, subject: 'contact', maxAnswerBytes: MAX_LIST_BYTES })
      if (answer === 'refused' || answer === null) return []
      return listOf(recordOf(answer).payload).flatMap(row => {
        const wire = recordOf(row)
        const id = idOf(wire.id)
        const inboxId = idOf(wire.inbox_id)
        if (id === null || inboxId === null) return []
        return [
          {
            id,
            inboxId,
            channel: textOf(recordOf(wire.meta).channel) ?? '',
            status: textOf(wire.status) ?? '',
            lastActivityAt: timeOf(wire.last_activity_at)
          }
        ]
      })
    },

    async listInboxes(access) {
      const answer = await ask(access, { method: 'GET', path: '/inboxes', subject: 'account' })
      if (answer === 'refused' || answer === null) return []
      return listOf(recordOf(answer).payload).flatMap(row => {
        const wire = recordOf(row)
        const id = idOf(wire.id)
        return id === null ? [] : [{ id, name: textOf(wire.name) ?? '', channel: textOf(wire.channel_type) ?? '' }]
      })
    },

    async listAttributes(access) {
      const rows = await list(caller, access, '/custom_attribute_definitions')
      return rows.flatMap(row => {
        const key = textOf(row.attribute_key)
        const of = ATTRIBUTE_MODELS[textOf(row.attribute_model) ?? '']
        return key === null || of === undefined ? [] : [{ of, key, name: textOf(row.attribute_display_name) || key }]
      })
    },

    // CW-BEFORE
    async latestMessages(access, conversationId, before) {
      const path = `/conversations/${conversationId}/messages${before === undefined ? '' : `?before=${before}`}`
      const call: DeskCall = { method: 'GET', path, subject: 'conversation', maxAnswerBytes: MAX_LIST_BYTES }
      const answer = await ask(access, call)
      if (answer === 'refused' || answer === null) return answer
      const rows = listOf(recordOf(answer).payload)
      return rows.flatMap(row => readDeskMessage(row, { conversationId }) ?? []).sort((a, b) => a.id - b.id)
    },

    // CW-REOPEN
    async reopen(access, conversationId) {
      const path = `/conversations/${conversationId}/toggle_status`
      const call: DeskCall = { method: 'POST', path, subject: 'conversation', json: { status: 'open' } }
      const answer = await ask(access, call)
      return answer === 'refused' || answer === null ? answer : 'done'
    },

    // CW-RETRY-ASKED
    async retryMessage(access, conversationId, messageId) {
      const path = `/conversations/${conversationId}/messages/${messageId}/retry`
      const answer = await ask(access, { method: 'POST', path, subject: 'message', json: {} })
      return answer === 'refused' || answer === null ? answer : 'done'
    }
  }
}

function judge(access: DeskAccess, call: DeskCall, answer: HttpAnswer): JsonRecord | unknown[] | 'refused' | null {
  if (answer.status >= 200 && answer.status <= 299) {
    const body = parseJson(answer.body)
    return Array.isArray(body) ? body : recordOf(body)
  }
  // 401 says both "who are you" and "not you"; with an agent's session neither is the desk's trouble.
  if (access.session !== undefined && (answer.status === 401 || answer.status === 403)) return 'refused'
  const error = errorOfAnswer(answer, call)
  if (error.code === 'desk_not_found') return null
  if (error.code === 'desk_forbidden' && error.scope === 'message') return 'refused'
  throw error
}

async function list(caller: DeskCaller, access: DeskAccess, path: string): Promise<JsonRecord[]> {
  const call: DeskCall = { method: 'GET', path, subject: 'account', reads: true, maxAnswerBytes: MAX_LIST_BYTES }
  const body = await caller.json(access, call)
  const rows = Array.isArray(body) ? body : listOf(recordOf(body).payload)
  if (!Array.isArray(rows)) throw new PuenteError('desk_no_answer', { certainty: 'did_not_happen' })
  return rows.map(recordOf)
}

function roleOf(account: JsonRecord): DeskPerson['role'] {
  return account.role === 'administrator' ? 'administrator' : account.role === 'agent' ? 'agent' : null
}

function nameOf(user: JsonRecord, id: number): string {
  return textOf(user.available_name) || textOf(user.name) || `#${id}`
}

function withEmail(row: unknown) {
  const contact = readContact(row)
  const email = textOf(recordOf(row).email)
  return contact === null ? [] : [{ ...contact, ...(email ? { email } : {}) }]
}
