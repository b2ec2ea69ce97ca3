/** What people do in the desk's own screens: answering, retrying, starting, merging, deleting. Not part of the API. */
import { notFound } from './ask.ts'
import { addBytes, addZeros } from './blobs.ts'
import type { ContactInput } from './contact-rules.ts'
import type { Context } from './context.ts'
import type { Blob, Conversation, Hash, User } from './records.ts'
import { makeToken } from './store.ts'

export interface ReplyAttachment {
  name: string
  type: string
  bytes?: Buffer
  /** Without bytes: a file of that many zeros, for load tests. */
  size?: number
}

export interface ReplyInput {
  conversationId: number
  content?: string
  attachments?: ReplyAttachment[]
  inReplyTo?: number
  private?: boolean
  agentId?: number
  templateParams?: unknown
  messageType?: 'outgoing' | 'template'
  contentType?: string
  sender?: 'agent' | 'automation' | 'bot' | 'none'
  contentAttributes?: object
}

export type AgentAct =
  | { act: 'retry'; conversationId: number; messageId: number }
  | { act: 'delete'; conversationId: number; messageId: number }
  | { act: 'resolve' | 'open'; conversationId: number; agentId?: number }
  | { act: 'snooze'; conversationId: number; agentId?: number; untilMs?: number }
  | { act: 'typing'; conversationId: number; on: boolean; private?: boolean; agentId?: number }
  | {
      act: 'start'
      phone?: string
      name?: string
      content: string
      inboxId?: number
      contactId?: number
      agentId?: number
    }
  | { act: 'mergeContacts'; base: number; mergee: number }
  | { act: 'deleteConversation'; conversationId: number }
  | { act: 'deleteContact'; contactId: number }
  | { act: 'editPhone'; contactId: number; phone: string | null }
  | { act: 'createContact'; name: string; phone?: string; identifier?: string; email?: string }
  | { act: 'greeting'; inboxId?: number; on: boolean; message?: string }
  | { act: 'csat'; inboxId?: number; on: boolean }
  | { act: 'automation'; conversationId: number; content: string; ruleId?: number }
  | { act: 'assign'; conversationId: number; agentId: number | null }
  | { act: 'macro'; conversationId: number; content?: string; webhookUrl?: string; agentId?: number }
  | { act: 'block'; contactId: number; on: boolean }
  | { act: 'label'; conversationId: number; labels: string[] }
  /** In the profile page: the old token is worth nothing any more. Answers the new one. */
  | { act: 'resetToken'; userId?: number; role?: 'administrator' | 'agent' }
  /** An administrator changes what somebody may do; `null`: takes them out of the account. */
  | { act: 'role'; userId: number; role: 'administrator' | 'agent' | null; customRoleId?: number }
  /** An administrator or another program edits the conversation's attributes. */
  /** An administrator connects a WhatsApp number to a channel of Chatwoot's own. */
  | { act: 'nativeInbox'; phone: string; name?: string }
  | { act: 'attributes'; conversationId: number; attributes: Hash }

export interface AgentActs {
  reply(input: ReplyInput): { messageId: number }
  act(input: AgentAct): unknown
}

export function createAgentActs(ctx: Context): AgentActs {
  const { store } = ctx

  function agent(id: number | undefined): User {
    const user =
      id === undefined ? store.users.find(candidate => candidate.role === 'agent') : store.users.find(u => u.id === id)
    if (!user) throw notFound()
    return user
  }

  function conversation(id: number): Conversation {
    const row = store.conversations.get(id)
    if (!row) throw notFound()
    return row
  }

  function message(input: { conversationId: number; messageId: number }) {
    const found = store.messages.get(input.messageId)
    if (found?.conversationId !== input.conversationId) throw notFound()
    return found
  }

  function inbox(id: number | undefined) {
    const found = id === undefined ? [...store.inboxes.values()].at(-1) : store.inboxes.get(id)
    if (!found) throw notFound()
    return found
  }

  function contact(id: number) {
    const found = store.contacts.get(id)
    if (!found) throw notFound()
    return found
  }

  function blobOf(file: ReplyAttachment): Blob {
    if (file.bytes) return addBytes(store, file.name, file.type, file.bytes)
    return addZeros(store, file.name, file.type, file.size ?? 0)
  }

  function reply(input: ReplyInput): { messageId: number } {
    const row = conversation(input.conversationId)
    const from = input.sender ?? (input.messageType === 'template' ? 'none' : 'agent')
    const contentAttributes: Hash = { ...input.contentAttributes }
    if (input.inReplyTo !== undefined) contentAttributes['in_reply_to'] = input.inReplyTo
    if (from === 'automation') contentAttributes['automation_rule_id'] ??= 1
    const user = agent(input.agentId)
    const made = ctx.messages.create(row, {
      type: input.messageType === 'template' ? 3 : 1,
      content: input.content ?? null,
      contentType: input.contentType ?? 'text',
      contentAttributes,
      additional: input.templateParams === undefined ? {} : { template_params: input.templateParams },
      private: input.private ?? false,
      sender:
        from === 'agent'
          ? { type: 'User', id: user.id }
          : from === 'bot'
            ? { type: 'AgentBot', id: store.bot.id }
            : null,
      blobs: (input.attachments ?? []).map(blobOf)
    })
    // Whoever answers has the conversation open in front of them.
    if (from === 'agent') row.agentLastSeenAt = made.createdAt
    return { messageId: made.id }
  }

  function start(input: Extract<AgentAct, { act: 'start' }>): unknown {
    const where = inbox(input.inboxId)
    const known =
      input.contactId === undefined
        ? input.phone === undefined
          ? undefined
          : store.byPhone.get(input.phone)?.[0]
        : contact(input.contactId)
    const person =
      known ??
      ctx.contacts.create(
        { name: input.name ?? input.phone ?? '', ...(input.phone === undefined ? {} : { phone: input.phone }) },
        null,
        performance.now()
      ).contact
    // What contactable_inboxes offers: the last source id of the contact there, or a new random one.
    const last = person.contactInboxIds.findLast(id => store.contactInboxes.get(id)?.inboxId === where.id)
    const link =
      (last === undefined ? undefined : store.contactInboxes.get(last)) ?? ctx.contacts.link(person, where, null)
    const row = ctx.conversations.create(link, { custom: {}, additional: {} })
    const made = ctx.messages.create(row, {
      type: 1,
      content: input.content,
      sender: { type: 'User', id: agent(input.agentId).id },
      fresh: true
    })
    return { contactId: person.id, conversationId: row.id, messageId: made.id, sourceId: link.sourceId }
  }

  function resetToken(input: Extract<AgentAct, { act: 'resetToken' }>): { token: string; userId: number } {
    const service = store.users.find(user => user.email.startsWith('service@'))
    const user =
      input.userId !== undefined || input.role === 'agent' ? agent(input.userId) : (service ?? agent(undefined))
    store.usersByToken.delete(user.token)
    user.token = makeToken()
    store.usersByToken.set(user.token, user)
    return { token: user.token, userId: user.id }
  }

  function addNativeInbox(input: Extract<AgentAct, { act: 'nativeInbox' }>): { inboxId: number } {
    const id = store.next('inbox')
    const now = ctx.parts.clock.now()
    const native = { channelType: 'Channel::Whatsapp', phoneNumber: input.phone, provider: 'whatsapp_cloud' }
    store.inboxes.set(id, {
      id,
      channelId: id,
      name: input.name ?? 'WhatsApp',
      webhookUrl: null,
      identifier: makeToken(),
      hmacToken: makeToken(),
      secret: makeToken(),
      hmacMandatory: false,
      additionalAttributes: {},
      lockToSingleConversation: false,
      enableAutoAssignment: true,
      greetingEnabled: false,
      greetingMessage: null,
      csatSurveyEnabled: false,
      workingHoursEnabled: false,
      outOfOfficeMessage: null,
      allowMessagesAfterResolved: true,
      timezone: 'UTC',
      memberIds: [],
      native,
      createdAt: now,
      updatedAt: now
    })
    return { inboxId: id }
  }

  function runMacro(input: Extract<AgentAct, { act: 'macro' }>): unknown {
    const row = conversation(input.conversationId)
    const made = input.content === undefined ? null : reply({ ...input, content: input.content })
    if (input.webhookUrl !== undefined) ctx.hooks.postTo(input.webhookUrl, 'macro.executed', row)
    return made ?? {}
  }

  function act(input: AgentAct): unknown {
    switch (input.act) {
      case 'retry':
        ctx.messages.retry(message(input))
        return {}
      case 'delete':
        ctx.messages.remove(message(input))
        return {}
      case 'resolve':
      case 'open':
        ctx.conversations.setStatus(
          conversation(input.conversationId),
          input.act === 'open' ? 'open' : 'resolved',
          agent(input.agentId).name
        )
        return {}
      case 'snooze':
        ctx.conversations.setStatus(
          conversation(input.conversationId),
          'snoozed',
          agent(input.agentId).name,
          input.untilMs ?? null
        )
        return {}
      case 'typing':
        ctx.emit({
          event: input.on ? 'conversation_typing_on' : 'conversation_typing_off',
          conversation: conversation(input.conversationId),
          user: ctx.shapes.userWebhook(agent(input.agentId)),
          isPrivate: input.private ?? false
        })
        return {}
      case 'start':
        return start(input)
      case 'mergeContacts':
        ctx.contacts.merge(contact(input.base), contact(input.mergee))
        return { contactId: input.base }
      case 'deleteConversation':
        ctx.conversations.queueDeletion(conversation(input.conversationId), ctx.deletionDelayMs)
        return {}
      case 'deleteContact':
        ctx.contacts.remove(contact(input.contactId))
        return {}
      case 'editPhone':
        ctx.contacts.update(contact(input.contactId), { phone: input.phone })
        return {}
      case 'createContact': {
        const fields: ContactInput = { name: input.name }
        if (input.phone !== undefined) fields.phone = input.phone
        if (input.identifier !== undefined) fields.identifier = input.identifier
        if (input.email !== undefined) fields.email = input.email
        return { contactId: ctx.contacts.create(fields, null, performance.now()).contact.id }
      }
      case 'greeting': {
        const where = inbox(input.inboxId)
        where.greetingEnabled = input.on
        if (input.message !== undefined) where.greetingMessage = input.message
        return {}
      }
      case 'csat':
        inbox(input.inboxId).csatSurveyEnabled = input.on
        return {}
      case 'automation':
        return reply({
          conversationId: input.conversationId,
          content: input.content,
          sender: 'automation',
          contentAttributes: { automation_rule_id: input.ruleId ?? 1 }
        })
      case 'assign':
        ctx.conversations.assign(
          conversation(input.conversationId),
          input.agentId === null ? null : agent(input.agentId),
          agent(input.agentId ?? undefined).name
        )
        return {}
      case 'macro':
        return runMacro(input)
      case 'block':
        ctx.contacts.update(contact(input.contactId), { blocked: input.on })
        return {}
      case 'label':
        ctx.conversations.setLabels(conversation(input.conversationId), input.labels, agent(undefined).name)
        return {}
      case 'resetToken':
        return resetToken(input)
      case 'role': {
        const user = agent(input.userId)
        user.removed = input.role === null
        if (input.role !== null) user.role = input.role
        user.customRoleId = input.customRoleId
        return {}
      }
      case 'nativeInbox':
        return addNativeInbox(input)
      case 'attributes': {
        const row = conversation(input.conversationId)
        ctx.conversations.setCustom(row, { ...row.custom, ...input.attributes })
        return {}
      }
      default:
        throw new Error(`unknown act ${JSON.stringify((input as { act?: unknown }).act)}`)
    }
  }

  return { reply, act }
}
