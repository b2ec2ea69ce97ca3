/** `/inboxes` and `/inbox_members` (contract §1, §8). Only API inboxes exist here. */
import type { Answer, Ask } from './ask.ts'
import { asFlag, asHash, asId, asPresent, asText, empty, notFound, ok, RecordInvalid } from './ask.ts'
import type { Context } from './context.ts'
import { findInbox, maySeeInbox, requireAdmin } from './context.ts'
import { dropBlob } from './conversation-rules.ts'
import { inboxShape } from './inbox-shapes.ts'
import { asJsonb } from './json.ts'
import type { Inbox } from './records.ts'
import { makeToken } from './store.ts'

export function handleInboxes(ctx: Context, ask: Ask): Answer {
  const [, id, action] = ask.at
  const isAdmin = ask.user.role === 'administrator'
  if (id === undefined) {
    if (ask.method === 'GET') {
      const seen = [...ctx.store.inboxes.values()].filter(inbox => maySeeInbox(ask.user, inbox))
      seen.sort((a, b) => a.name.toLowerCase().localeCompare(b.name.toLowerCase()))
      return ok({ payload: seen.map(inbox => inboxShape(inbox, isAdmin, ctx.baseUrl())) })
    }
    if (ask.method === 'POST') return createInbox(ctx, ask)
    throw notFound()
  }
  const inbox = findInbox(ctx, ask, id)
  if (action === undefined) {
    if (ask.method === 'GET') return ok(inboxShape(inbox, isAdmin, ctx.baseUrl()))
    requireAdmin(ask)
    if (ask.method === 'PATCH' || ask.method === 'PUT') {
      applyInbox(ctx, inbox, ask.body)
      takePicture(ctx, inbox, ask)
      return ok(inboxShape(inbox, true, ctx.baseUrl()))
    }
    if (ask.method === 'DELETE') {
      removeInbox(ctx, inbox)
      return ok({ message: 'Your inbox deletion request will be processed in some time.' })
    }
  }
  if (action === 'reset_secret' && ask.method === 'POST') {
    requireAdmin(ask)
    inbox.secret = makeToken()
    return ok(inboxShape(inbox, true, ctx.baseUrl()))
  }
  if (action === 'avatar' && ask.method === 'DELETE') {
    requireAdmin(ask)
    dropPicture(ctx, inbox)
    return empty()
  }
  if (action === 'sync_templates' && ask.method === 'POST') {
    requireAdmin(ask)
    return { status: 422, json: { error: 'Template sync is only available for WhatsApp channels' } }
  }
  if (action === 'assignable_agents' && ask.method === 'GET') {
    const agents = ctx.store.users.filter(user => maySeeInbox(user, inbox))
    return ok({ payload: agents.map(user => ctx.shapes.agent(user)) })
  }
  if (action === 'agent_bot' && ask.method === 'GET') return ok({ agent_bot: {} })
  throw notFound()
}

function createInbox(ctx: Context, ask: Ask): Answer {
  requireAdmin(ask)
  const channel = asHash(ask.body['channel'])
  if (channel['type'] !== 'api') return { status: 422, json: { error: 'Invalid channel type' } }
  const name = asPresent(ask.body['name'])
  if (name === null) throw new RecordInvalid("Name can't be blank", ['name'])
  const now = ctx.parts.clock.now()
  const id = ctx.store.next('inbox')
  const inbox: Inbox = {
    id,
    channelId: id,
    name,
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
    createdAt: now,
    updatedAt: now
  }
  applyInbox(ctx, inbox, ask.body)
  ctx.store.inboxes.set(id, inbox)
  ctx.store.inboxesByIdentifier.set(inbox.identifier, inbox)
  ask.ids['inboxId'] = id
  return ok(inboxShape(inbox, true, ctx.baseUrl()))
}

function takePicture(ctx: Context, inbox: Inbox, ask: Ask): void {
  const file = ask.files.find(candidate => candidate.field === 'avatar')
  if (!file) return
  dropPicture(ctx, inbox)
  const path = `${file.blob.signedId}/${encodeURIComponent(file.blob.filename)}`
  inbox.avatarPath = `/rails/active_storage/blobs/redirect/${path}`
}

/** Only the keys that were sent; `channel.additional_attributes` is replaced whole. */
function applyInbox(ctx: Context, inbox: Inbox, body: Record<string, unknown>): void {
  const channel = asHash(body['channel'])
  const url = 'webhook_url' in channel ? asPresent(channel['webhook_url']) : inbox.webhookUrl
  if ((url?.length ?? 0) > 2048) {
    throw new RecordInvalid('Webhook url is too long (maximum is 2048 characters)', ['webhook_url'])
  }
  inbox.webhookUrl = url
  if ('hmac_mandatory' in channel) inbox.hmacMandatory = asFlag(channel['hmac_mandatory'])
  if ('additional_attributes' in channel) {
    const attributes = asHash(channel['additional_attributes'])
    const hours = attributes['agent_reply_time_window']
    if (hours !== undefined && hours !== null && hours !== '' && !(Number(hours) > 0)) {
      throw new RecordInvalid('Agent reply time window must be greater than 0', ['agent_reply_time_window'])
    }
    inbox.additionalAttributes = asJsonb(attributes)
  }
  if ('name' in body) inbox.name = asText(body['name']) ?? inbox.name
  if ('lock_to_single_conversation' in body)
    inbox.lockToSingleConversation = asFlag(body['lock_to_single_conversation'])
  if ('enable_auto_assignment' in body) inbox.enableAutoAssignment = asFlag(body['enable_auto_assignment'])
  if ('greeting_enabled' in body) inbox.greetingEnabled = asFlag(body['greeting_enabled'])
  if ('greeting_message' in body) inbox.greetingMessage = asPresent(body['greeting_message'])
  if ('csat_survey_enabled' in body) inbox.csatSurveyEnabled = asFlag(body['csat_survey_enabled'])
  if ('working_hours_enabled' in body) inbox.workingHoursEnabled = asFlag(body['working_hours_enabled'])
  if ('out_of_office_message' in body) inbox.outOfOfficeMessage = asPresent(body['out_of_office_message'])
  if ('allow_messages_after_resolved' in body) {
    inbox.allowMessagesAfterResolved = asFlag(body['allow_messages_after_resolved'])
  }
  if ('timezone' in body) inbox.timezone = asText(body['timezone']) ?? 'UTC'
  inbox.updatedAt = ctx.parts.clock.now()
}

/** Purged with the attachment. */
function dropPicture(ctx: Context, inbox: Inbox): void {
  const signedId = inbox.avatarPath?.split('/').at(-2)
  const blob = signedId === undefined ? undefined : ctx.store.blobsBySignedId.get(signedId)
  if (blob) dropBlob(ctx.store, blob.id)
  delete inbox.avatarPath
}

function removeInbox(ctx: Context, inbox: Inbox): void {
  dropPicture(ctx, inbox)
  ctx.store.inboxes.delete(inbox.id)
  ctx.store.inboxesByIdentifier.delete(inbox.identifier)
  for (const row of [...ctx.store.conversations.values()]) {
    if (row.inboxId === inbox.id) ctx.conversations.remove(row)
  }
  for (const link of [...ctx.store.contactInboxes.values()]) {
    if (link.inboxId !== inbox.id) continue
    ctx.store.contactInboxes.delete(link.id)
    ctx.store.bySource.delete(`${link.inboxId}:${link.sourceId}`)
    const contact = ctx.store.contacts.get(link.contactId)
    if (contact) contact.contactInboxIds = contact.contactInboxIds.filter(id => id !== link.id)
  }
}

export function handleInboxMembers(ctx: Context, ask: Ask): Answer {
  const inbox = findInbox(ctx, ask, ask.method === 'GET' ? ask.at[1] : ask.body['inbox_id'])
  const ids = Array.isArray(ask.body['user_ids']) ? ask.body['user_ids'].map(asId) : []
  const known = ids.filter(id => ctx.store.users.some(user => user.id === id))
  if (ask.method !== 'GET') requireAdmin(ask)
  switch (ask.method) {
    case 'GET':
      break
    case 'POST':
      inbox.memberIds = [...new Set([...inbox.memberIds, ...known])]
      break
    case 'PATCH':
    case 'PUT':
      inbox.memberIds = [...new Set(known)]
      break
    case 'DELETE':
      inbox.memberIds = inbox.memberIds.filter(id => !ids.includes(id))
      return empty()
    default:
      throw notFound()
  }
  const members = ctx.store.users.filter(user => inbox.memberIds.includes(user.id))
  return ok({ payload: members.map(user => ctx.shapes.agent(user)) })
}
