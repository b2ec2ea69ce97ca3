/** `/conversations` without their messages (contract §3, §13). */
import type { Answer, Ask } from './ask.ts'
import { asFlag, asHash, asId, asPresent, asText, empty, notFound, ok, Refusal } from './ask.ts'
import { SourceTaken } from './contact-rules.ts'
import type { Context } from './context.ts'
import { findContact, findConversation, findInbox, maySeeInbox, requireAdmin } from './context.ts'
import { countConversations, findConversations } from './conversation-finder.ts'
import { handleMessages, readMessage } from './messages-api.ts'
import type { ContactInbox, ConversationStatus } from './records.ts'

const STATUSES = new Set(['open', 'resolved', 'pending', 'snoozed'])

export function handleConversations(ctx: Context, ask: Ask): Answer {
  const [, second, third] = ask.at
  if (second === undefined) {
    if (ask.method === 'POST') return createConversation(ctx, ask)
    if (ask.method === 'GET') {
      const { rows, counts } = findConversations(ctx, ask)
      return ok({ data: { meta: counts, payload: rows.map(row => ctx.shapes.conversation(row)) } })
    }
    throw notFound()
  }
  if (second === 'meta' && ask.method === 'GET') return ok({ meta: countConversations(ctx, ask) })
  if (second === 'filter' && ask.method === 'POST') {
    const { rows, counts } = findConversations(ctx, ask)
    const { mine_count, unassigned_count, all_count } = counts
    return ok({
      meta: { mine_count, unassigned_count, all_count },
      payload: rows.map(row => ctx.shapes.conversation(row))
    })
  }
  if (third === 'messages') return handleMessages(ctx, ask)
  const row = findConversation(ctx, ask, second)
  const by = ask.user.name
  if (third === undefined) {
    if (ask.method === 'GET') return ok(ctx.shapes.conversation(row))
    if (ask.method === 'PATCH' || ask.method === 'PUT') {
      const priority = asPresent(ask.body['priority'])
      if (priority !== row.priority) {
        ctx.conversations.update(row, { priority: [row.priority, priority] }, () => {
          row.priority = priority
        })
      }
      return ok(ctx.shapes.conversation(row))
    }
    if (ask.method === 'DELETE') {
      requireAdmin(ask)
      ctx.conversations.queueDeletion(row, ctx.deletionDelayMs)
      return empty()
    }
    throw notFound()
  }
  if (ask.method === 'GET' && third === 'labels') return ok({ payload: row.labels })
  if (ask.method !== 'POST') throw notFound()
  switch (third) {
    case 'toggle_status': {
      const wanted = asPresent(ask.body['status']) ?? (row.status === 'open' ? 'resolved' : 'open')
      if (!STATUSES.has(wanted)) throw new Refusal(422, { error: `'${wanted}' is not a valid status` })
      const until = asPresent(ask.body['snoozed_until'])
      ctx.conversations.setStatus(row, wanted as ConversationStatus, by, until === null ? null : readTime(until))
      // handle_human_open: an agent who opens a conversation gets it.
      if (wanted === 'open' && ask.user.role === 'agent') ctx.conversations.assign(row, ask.user, by)
      return ok({
        payload: {
          success: true,
          conversation_id: row.id,
          current_status: row.status,
          snoozed_until: row.snoozedUntil === null ? null : Math.floor(row.snoozedUntil / 1000)
        }
      })
    }
    case 'custom_attributes': {
      const given = asHash(ask.body['custom_attributes'])
      const merges = ctx.dialect().mergesAttributes && asFlag(ask.body['merge'])
      ctx.conversations.setCustom(row, merges ? { ...row.custom, ...given } : given)
      return ok({ custom_attributes: row.custom })
    }
    case 'labels': {
      const labels = Array.isArray(ask.body['labels']) ? ask.body['labels'].map(String) : []
      ctx.conversations.setLabels(row, labels, by)
      return ok({ payload: row.labels })
    }
    case 'assignments': {
      if ('team_id' in ask.body) {
        const team = ctx.store.settings.teams.get(Number(ask.body['team_id']))
        row.teamId = team?.id ?? null
        return ok(team?.row ?? null)
      }
      const id = asPresent(ask.body['assignee_id'])
      const user = id === null ? null : (ctx.store.users.find(candidate => candidate.id === Number(id)) ?? null)
      ctx.conversations.assign(row, user, by)
      return ok(user ? ctx.shapes.agent(user) : null)
    }
    case 'toggle_typing_status': {
      const on = asText(ask.body['typing_status']) === 'on'
      ctx.emit({
        event: on ? 'conversation_typing_on' : 'conversation_typing_off',
        conversation: row,
        user: ctx.shapes.userWebhook(ask.user),
        isPrivate: asFlag(ask.body['is_private'])
      })
      return empty()
    }
    case 'toggle_priority':
      return empty()
    case 'update_last_seen':
      row.agentLastSeenAt = ctx.parts.clock.now()
      if (row.assigneeId === ask.user.id) row.assigneeLastSeenAt = row.agentLastSeenAt
      return ok(ctx.shapes.conversation(row))
    case 'unread':
      row.agentLastSeenAt = (row.incomingAt.at(-1) ?? row.createdAt) - 1
      return ok(ctx.shapes.conversation(row))
    case 'direct_uploads':
      throw notFound()
    default:
      throw notFound()
  }
}

function createConversation(ctx: Context, ask: Ask): Answer {
  const link = findLink(ctx, ask)
  const inbox = ctx.store.inboxes.get(link.inboxId)!
  ask.ids['contactId'] = link.contactId
  ask.ids['contactSource'] = link.sourceId
  const embedded = ask.body['message'] === undefined ? undefined : asHash(ask.body['message'])
  const first = embedded === undefined ? undefined : readMessage(ctx, ask, link.contactId, embedded, [])
  // One transaction: what would fail later must leave nothing behind.
  if (first) ctx.messages.check(null, first)
  const locked = inbox.lockToSingleConversation
    ? ctx.store.conversations.get(link.conversationIds.at(-1) ?? -1)
    : undefined
  const status = asPresent(ask.body['status'])
  const until = asPresent(ask.body['snoozed_until'])
  const row =
    locked ??
    ctx.conversations.create(link, {
      ...(status !== null && STATUSES.has(status) ? { status: status as ConversationStatus } : {}),
      custom: asHash(ask.body['custom_attributes']),
      additional: asHash(ask.body['additional_attributes']),
      snoozedUntil: until === null ? null : readTime(until),
      assigneeId: asPresent(ask.body['assignee_id']) === null ? null : asId(ask.body['assignee_id'])
    })
  ask.ids['conversationId'] = row.id
  if (first) {
    const message = ctx.messages.create(row, { ...first, fresh: locked === undefined })
    ask.ids['messageId'] = message.id
    ask.ids['sourceId'] = message.sourceId
  }
  return ok(ctx.shapes.conversation(row))
}

function findLink(ctx: Context, ask: Ask): ContactInbox {
  const { body } = ask
  const sourceId = asPresent(body['source_id'])
  const inbox = asPresent(body['inbox_id']) === null ? null : findInbox(ctx, ask, body['inbox_id'])
  const contact = asPresent(body['contact_id']) === null ? null : findContact(ctx, body['contact_id'])
  if (inbox && contact) {
    try {
      return ctx.contacts.link(contact, inbox, sourceId)
    } catch (error) {
      if (error instanceof SourceTaken) throw new Refusal(422, { error: 'source_id should be unique' })
      throw error
    }
  }
  // By source id alone the look-up goes over every inbox and only then asks for permission.
  for (const link of ctx.store.contactInboxes.values()) {
    if (link.sourceId !== sourceId) continue
    if (!maySeeInbox(ask.user, ctx.store.inboxes.get(link.inboxId))) {
      throw new Refusal(401, { error: 'You are not authorized to do this action' })
    }
    return link
  }
  throw notFound()
}

/** Epoch seconds or an ISO string. */
function readTime(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) || 0
}
