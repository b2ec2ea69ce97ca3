/** `/conversations/:id/messages` (contract §4, §13). */
import type { Answer, Ask } from './ask.ts'
import { asFlag, asHash, asPresent, asText, notFound, ok, RecordInvalid, Refusal } from './ask.ts'
import type { Context } from './context.ts'
import { findConversation, findMessage } from './context.ts'
import { iso } from './json.ts'
import type { MessageInput } from './message-input.ts'
import { CONTENT_TYPES } from './message-input.ts'
import type { Blob, Conversation, Hash, Message, MessageType } from './records.ts'
import { MESSAGE_TYPES } from './records.ts'

export function handleMessages(ctx: Context, ask: Ask): Answer {
  const row = findConversation(ctx, ask, ask.at[1])
  const [, , , id, action] = ask.at
  if (id === undefined) {
    if (ask.method === 'GET') return ok(listMessages(ctx, ask, row))
    if (ask.method === 'POST') return createMessage(ctx, ask, row)
    throw notFound()
  }
  const message = findMessage(ctx, ask, row, id)
  ask.ids['sourceId'] = message.sourceId
  if (action === undefined && (ask.method === 'PATCH' || ask.method === 'PUT')) {
    ctx.messages.setStatus(message, asText(ask.body['status']) ?? '', asPresent(ask.body['external_error']))
    return ok(ctx.shapes.message(message))
  }
  if (action === undefined && ask.method === 'DELETE') {
    ctx.messages.remove(message)
    return ok(ctx.shapes.message(message))
  }
  if (action === 'retry' && ask.method === 'POST') {
    return saidAs422(() => {
      ctx.messages.retry(message)
      return ok(ctx.shapes.message(message))
    })
  }
  throw notFound()
}

/** Whatever goes wrong while creating is worded as one `error` (render_could_not_create_error). */
function saidAs422(act: () => Answer): Answer {
  try {
    return act()
  } catch (error) {
    if (error instanceof RecordInvalid) return { status: 422, json: { error: `Validation failed: ${error.message}` } }
    if (error instanceof BadValue) return { status: 422, json: { error: error.message } }
    throw error
  }
}

/** An argument that the desk's builders throw at: 422 on messages, 500 inside a conversation. */
class BadValue extends Refusal {
  constructor(message: string) {
    super(500, { status: 500, error: 'Internal Server Error' })
    this.message = message
  }
}

function createMessage(ctx: Context, ask: Ask, row: Conversation): Answer {
  return saidAs422(() => {
    const blobs = ask.files.filter(file => /^attachments(\[\])?$/.test(file.field)).map(file => file.blob)
    const message = ctx.messages.create(row, readMessage(ctx, ask, row.contactId, ask.body, blobs))
    ask.ids['messageId'] = message.id
    ask.ids['sourceId'] = message.sourceId
    return ok(ctx.shapes.message(message, ask.body['echo_id']))
  })
}

/** MessageBuilder: what a request's fields become (contract §4.1). */
export function readMessage(ctx: Context, ask: Ask, contactId: number, body: Hash, blobs: Blob[]): MessageInput {
  const typeName = asPresent(body['message_type']) ?? 'outgoing'
  const type = MESSAGE_TYPES.indexOf(typeName as (typeof MESSAGE_TYPES)[number])
  if (type === -1) throw new BadValue(`'${typeName}' is not a valid message_type`)
  const contentType = asPresent(body['content_type']) ?? 'text'
  if (!CONTENT_TYPES.has(contentType)) throw new BadValue(`'${contentType}' is not a valid content_type`)
  const contentAttributes = readAttributes(body['content_attributes'])
  const external = asPresent(body['external_created_at'])
  if (external !== null) contentAttributes['external_created_at'] = body['external_created_at']
  const additional: Hash = {}
  if (body['template_params'] !== undefined && body['template_params'] !== null) {
    additional['template_params'] = readAttributes(body['template_params'])
  }
  if (asPresent(body['campaign_id']) !== null) additional['campaign_id'] = body['campaign_id']
  return {
    type: type as MessageType,
    content: asText(body['content']),
    contentType,
    contentAttributes,
    additional,
    private: asFlag(body['private']),
    sourceId: asPresent(body['source_id']),
    sender: senderOf(ctx, ask, contactId, type as MessageType, body),
    blobs: [...blobs, ...signedBlobs(ctx, body['attachments'])]
  }
}

function senderOf(ctx: Context, ask: Ask, contactId: number, type: MessageType, body: Hash): MessageInput['sender'] {
  if (type !== 1) return { type: 'Contact', id: contactId }
  if (asText(body['sender_type']) === 'AgentBot' && Number(body['sender_id']) === ctx.store.bot.id) {
    return { type: 'AgentBot', id: ctx.store.bot.id }
  }
  return { type: 'User', id: ask.user.id }
}

function readAttributes(value: unknown): Hash {
  if (typeof value !== 'string') return { ...asHash(value) }
  try {
    return asHash(JSON.parse(value))
  } catch {
    return {}
  }
}

function signedBlobs(ctx: Context, value: unknown): Blob[] {
  if (!Array.isArray(value)) return []
  return value.map(signedId => {
    const blob = ctx.store.blobsBySignedId.get(String(signedId))
    if (!blob) throw new BadValue('ActiveSupport::MessageVerifier::InvalidSignature')
    return blob
  })
}

/** `after`: up to 100 newer, ascending; `before`: 20 older; both: a range of up to 1000; none: the latest 20 (§4.3). */
function listMessages(ctx: Context, ask: Ask, row: Conversation): Hash {
  const before = asPresent(ask.query.get('before'))
  const after = asPresent(ask.query.get('after'))
  const internal = asFlag(ask.query.get('filter_internal_messages'))
  const all = internal ? row.messages.filter(message => !message.private && message.type !== 2) : row.messages
  let rows: Message[]
  if (after !== null && before !== null) {
    rows = all.slice(firstFrom(all, Number(after)), firstFrom(all, Number(before))).slice(0, 1000)
  } else if (after !== null) {
    const from = firstFrom(all, Number(after) + 1)
    rows = all.slice(from, from + 100)
  } else {
    const to = before === null ? all.length : firstFrom(all, Number(before))
    rows = all.slice(Math.max(0, to - 20), to)
  }
  const contact = ctx.store.contacts.get(row.contactId)!
  const assignee = ctx.store.users.find(user => user.id === row.assigneeId)
  return {
    meta: {
      labels: row.labels,
      additional_attributes: row.additional,
      contact: ctx.shapes.contactPush(contact),
      ...(assignee ? { assignee: ctx.shapes.userPush(assignee, 'web') } : {}),
      agent_last_seen_at: iso(row.agentLastSeenAt),
      assignee_last_seen_at: iso(row.assigneeLastSeenAt)
    },
    payload: rows.map(message => ctx.shapes.message(message))
  }
}

/** Index of the first message whose id is at least `id`; ids ascend. */
function firstFrom(rows: Message[], id: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.id < id) low = middle + 1
    else high = middle
  }
  return low
}
