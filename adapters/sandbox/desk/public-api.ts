/**
 * `/public/api/v1/inboxes/:identifier/…`: no token, the identifier and the source id are the credential (contract §4.4).
 * Here for the customer's typing and for the leak it is: anybody who knows both may read and write.
 */
import { createHmac } from 'node:crypto'
import type { Answer, Ask } from './ask.ts'
import { asHash, asPresent, asText, broken, empty, notFound, ok } from './ask.ts'
import { readContact } from './contacts-api.ts'
import type { Context } from './context.ts'
import { WORKING_HOURS } from './inbox-shapes.ts'
import { epoch, iso } from './json.ts'
import type { Contact, ContactInbox, Conversation, Hash, Inbox, Message } from './records.ts'

/** `ask.at` begins after `inboxes`. */
export function handlePublic(ctx: Context, ask: Ask): Answer {
  const [identifier, area, sourceId, inner, conversationId, action] = ask.at
  const inbox = ctx.store.inboxesByIdentifier.get(identifier ?? '')
  if (!inbox) throw notFound()
  if (area === undefined && ask.method === 'GET') return ok(inboxShape(inbox))
  if (area !== 'contacts') throw notFound()
  if (sourceId === undefined) {
    if (ask.method !== 'POST') throw notFound()
    return ok(contactShape(ctx, createContact(ctx, ask, inbox)))
  }
  const link = ctx.store.bySource.get(`${inbox.id}:${sourceId}`)
  const contact = link && ctx.store.contacts.get(link.contactId)
  if (!link || !contact) throw notFound()
  if (inner === undefined) {
    if (ask.method === 'PATCH' || ask.method === 'PUT') ctx.contacts.update(contact, readContact(ask.body))
    else if (ask.method !== 'GET') throw notFound()
    return ok(contactShape(ctx, link))
  }
  if (inner !== 'conversations') throw notFound()
  if (conversationId === undefined) {
    if (ask.method === 'GET') {
      const rows = link.conversationIds.flatMap(id => ctx.store.conversations.get(id) ?? [])
      return ok(rows.map(row => conversationShape(ctx, row, contact)))
    }
    const row = ctx.conversations.create(link, { custom: asHash(ask.body['custom_attributes']), additional: {} })
    return ok(conversationShape(ctx, row, contact))
  }
  const row = ctx.store.conversations.get(Number(conversationId))
  if (row?.contactInboxId !== link.id) throw notFound()
  ask.ids['conversationId'] = row.id
  switch (action) {
    case undefined:
      return ok(conversationShape(ctx, row, contact))
    case 'toggle_status':
      ctx.conversations.setStatus(row, 'resolved', contact.name)
      return ok(conversationShape(ctx, row, contact))
    case 'toggle_typing': {
      const on = asText(ask.body['typing_status']) === 'on'
      ctx.emit({
        event: on ? 'conversation_typing_on' : 'conversation_typing_off',
        conversation: row,
        user: ctx.shapes.contactWebhook(contact),
        isPrivate: false
      })
      return empty()
    }
    case 'update_last_seen':
      row.contactLastSeenAt = ctx.parts.clock.now()
      for (const message of row.messages) if (message.type !== 0) ctx.messages.setStatus(message, 'read', null)
      return empty()
    case 'messages':
      return handlePublicMessages(ctx, ask, row, contact)
    default:
      throw notFound()
  }
}

function handlePublicMessages(ctx: Context, ask: Ask, row: Conversation, contact: Contact): Answer {
  if (ask.method === 'GET') return ok(seenByCustomer(row).map(message => messageShape(ctx, message)))
  if (ask.method !== 'POST') throw notFound()
  const message = ctx.messages.create(row, {
    type: 0,
    content: asText(ask.body['content']),
    sender: { type: 'Contact', id: contact.id },
    blobs: ask.files.map(file => file.blob)
  })
  ask.ids['messageId'] = message.id
  return ok({ ...messageShape(ctx, message), ...(ask.body['echo_id'] ? { echo_id: ask.body['echo_id'] } : {}) })
}

const seenByCustomer = (row: Conversation) => row.messages.filter(message => message.type !== 2 && !message.private)

function createContact(ctx: Context, ask: Ask, inbox: Inbox): ContactInbox {
  const identifier = asPresent(ask.body['identifier'])
  if (inbox.hmacMandatory) {
    const expected = createHmac('sha256', inbox.hmacToken)
      .update(identifier ?? '')
      .digest('hex')
    if (ask.body['identifier_hash'] !== expected) throw broken()
  }
  const sourceId = asPresent(ask.body['source_id'])
  const owned = sourceId === null ? undefined : ctx.store.bySource.get(`${inbox.id}:${sourceId}`)
  if (owned) return owned
  const input = readContact(ask.body)
  const known =
    (identifier === null ? undefined : ctx.store.byIdentifier.get(identifier.toLowerCase())) ??
    (input.email ? ctx.store.byEmail.get(input.email) : undefined) ??
    (input.phone ? ctx.store.byPhone.get(input.phone)?.[0] : undefined)
  if (known) return ctx.contacts.link(known, inbox, sourceId)
  const { link } = ctx.contacts.create(input, { inbox, sourceId }, ask.startedAtMs)
  if (!link) throw broken()
  return link
}

function inboxShape(inbox: Inbox): Hash {
  return {
    identifier: inbox.identifier,
    identity_validation_enabled: inbox.hmacMandatory,
    name: inbox.name,
    timezone: inbox.timezone,
    working_hours: WORKING_HOURS,
    working_hours_enabled: inbox.workingHoursEnabled,
    csat_survey_enabled: inbox.csatSurveyEnabled,
    greeting_enabled: inbox.greetingEnabled
  }
}

function contactShape(ctx: Context, link: ContactInbox): Hash {
  const contact = ctx.store.contacts.get(link.contactId)!
  return {
    source_id: link.sourceId,
    pubsub_token: link.pubsubToken,
    id: contact.id,
    name: contact.name,
    email: contact.email,
    phone_number: contact.phone
  }
}

function messageShape(ctx: Context, message: Message): Hash {
  const {
    id,
    content,
    message_type,
    content_type,
    content_attributes,
    created_at,
    conversation_id,
    attachments,
    sender
  } = ctx.shapes.message(message)
  return {
    id,
    content,
    message_type,
    content_type,
    content_attributes,
    created_at,
    conversation_id,
    ...(attachments ? { attachments } : {}),
    ...(sender ? { sender } : {})
  }
}

function conversationShape(ctx: Context, row: Conversation, contact: Contact): Hash {
  return {
    id: row.id,
    uuid: row.uuid,
    inbox_id: row.inboxId,
    contact_last_seen_at: epoch(row.contactLastSeenAt),
    status: row.status,
    agent_last_seen_at: epoch(row.agentLastSeenAt),
    messages: seenByCustomer(row).map(message => messageShape(ctx, message)),
    contact: {
      id: contact.id,
      name: contact.name,
      email: contact.email,
      phone_number: contact.phone,
      account_id: ctx.store.account.id,
      created_at: iso(contact.createdAt),
      updated_at: iso(contact.updatedAt),
      additional_attributes: contact.additional,
      identifier: contact.identifier,
      custom_attributes: contact.custom,
      last_activity_at: iso(contact.lastActivityAt),
      contact_type: contact.email || contact.phone || contact.identifier ? 'lead' : 'visitor',
      middle_name: '',
      last_name: '',
      location: null,
      country_code: null,
      blocked: contact.blocked,
      company_id: null
    }
  }
}
