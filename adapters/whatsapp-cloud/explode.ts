/**
 * Splits a signed webhook into its items, each with the number it is for, its dedupe key, its customer and an envelope
 * of its own, ready to be stored. On the hot path: no schema, one pass, and for a webhook of one item no copy at all.
 */
import { createHash } from 'node:crypto'
import type { CustomerIds, FactKind, StatusFact } from '../../plugin/core/model.ts'
import { readCallEvent, readCaller } from './from-wire-events.ts'
import { readAddressee, readAuthor } from './from-wire-message.ts'
import { readParticipant, readStatus } from './from-wire-status.ts'
import { readPerson, slimContact } from './people.ts'
import { asList, asObject, type Loose, readDigits, readId, readTime } from './safe-read.ts'
import { type Found, walkWebhook } from './walk.ts'

export interface ExplodedItem {
  kind: FactKind
  /** Whose webhook it is; null for fields about the account, and for shapes that name no number. */
  phoneNumberId: string | null
  displayPhoneNumber?: string
  wabaId: string | null
  field: string
  /** Dedupe key within a number (or, without one, within a WABA): the same fact told twice has the same key. */
  key: string
  /** The item's own time at Meta; the epoch when it names none, then the caller's arrival time counts. */
  at: Date
  /** Empty when the item is about nobody in particular. For an echo the person written to, in a group the author. */
  customer: CustomerIds
  groupId?: string
  /** Envelope JSON of exactly this item; for a webhook of one item the received bytes themselves. */
  payload: Buffer
  /** A message's own type, as Meta names it. */
  type?: string
  /** Parsed for statuses only: they are applied when they come in. */
  status?: StatusFact
}

const EPOCH = new Date(0)
const PERSONAL: ReadonlySet<FactKind> = new Set(['message', 'echo', 'status', 'call', 'preference'])

/** At least one item for any body; never throws. `raw` are the bytes that `body` was parsed from. */
export function explodeWebhook(body: unknown, raw: Buffer): ExplodedItem[] {
  const found = walkWebhook(body)
  const object = asObject(body)?.object
  if (found.length === 1) return [toItem(found[0]!, object, raw, raw)]
  const items: ExplodedItem[] = []
  let buried: Found | undefined
  for (const each of found) {
    const payload = stringify(toEnvelope(each, object))
    if (payload === undefined) buried ??= each
    else items.push(toItem(each, object, payload, raw))
  }
  // Nested too deep to be written again: the whole body is kept once, as text, and set aside.
  if (buried !== undefined) items.push(buryWhole(buried, raw))
  return items
}

function toItem(found: Found, object: unknown, payload: Buffer, raw: Buffer): ExplodedItem {
  const item = asObject(found.item) ?? {}
  const { phoneNumberId, displayPhoneNumber } = readNumberIds(found)
  const exploded: ExplodedItem = {
    kind: found.kind,
    phoneNumberId,
    wabaId: readId(asObject(found.value.waba_info)?.waba_id) ?? readId(found.entry.id) ?? null,
    field: found.field,
    key: '',
    at: readTime(item.timestamp) ?? readTime(found.value.timestamp) ?? readTime(found.entry.time) ?? EPOCH,
    customer: {},
    payload
  }
  if (displayPhoneNumber !== undefined) exploded.displayPhoneNumber = displayPhoneNumber
  address(exploded, found, item)
  const id = readId(item.id)
  switch (found.kind) {
    case 'message':
      exploded.key = `m:${id}`
      break
    case 'echo':
      exploded.key = `e:${id}`
      break
    case 'call':
      exploded.key = `c:${id}:${readCallEvent(item)}`
      break
    case 'status': {
      const participant = readParticipant(item)
      exploded.key = `s:${id}:${readId(item.status) ?? ''}${participant === undefined ? '' : `:${participant}`}`
      break
    }
    default:
      exploded.key = hashKey(found, object, raw)
  }
  return exploded
}

function address(exploded: ExplodedItem, found: Found, item: Loose): void {
  let groupId: string | undefined
  switch (found.kind) {
    case 'message': {
      const type = readId(item.type)
      if (type !== undefined) exploded.type = type
      exploded.customer = readAuthor(item, found.findContact)
      groupId = readId(item.group_id)
      break
    }
    case 'echo': {
      const addressee = readAddressee(item, found.findContact)
      exploded.customer = addressee.customer
      groupId = addressee.groupId
      break
    }
    case 'status':
      exploded.status = readStatus(item, found.findContact)
      exploded.customer = exploded.status.recipient
      groupId = exploded.status.groupId
      break
    case 'call':
      exploded.customer = readCaller(item, found.findContact)
      break
    case 'group':
      groupId = readId(item.group_id)
      break
    case 'preference':
      exploded.customer = readPerson(item, found.findContact(readId(item.user_id), readDigits(item.wa_id)))
      break
    case 'notice':
      // A handover names the customer by phone only.
      if (found.field === 'messaging_handovers') {
        const sender = asObject(found.value.sender)
        const waId = readDigits(sender?.phone_number)
        const userId = readId(sender?.user_id)
        exploded.customer = { ...(userId === undefined ? {} : { userId }), ...(waId === undefined ? {} : { waId }) }
      }
      break
  }
  if (groupId !== undefined) exploded.groupId = groupId
}

/** The number stands in `metadata`, for handovers in `recipient`, for settings in their own object (contract §2). */
function readNumberIds(found: Found): { phoneNumberId: string | null; displayPhoneNumber: string | undefined } {
  const { value } = found
  const metadata = asObject(value.metadata) ?? asObject(value.recipient)
  const phoneNumberId =
    readId(metadata?.phone_number_id) ?? readId(asObject(value.phone_number_settings)?.phone_number_id) ?? null
  return {
    phoneNumberId,
    displayPhoneNumber: readId(metadata?.display_phone_number) ?? readId(value.display_phone_number)
  }
}

/** Facts without an id of Meta's are the same when entry, time, field and value are the same (contract §1). */
function hashKey(found: Found, object: unknown, raw: Buffer): string {
  const envelope = toEnvelope(found, object)
  return `x:${hash(stringify(envelope.entry) ?? raw)}`
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
}

function toEnvelope(found: Found, object: unknown): { object: unknown; entry: unknown[] } {
  const { entry, change, list } = found
  const name = readId(object) ?? 'whatsapp_business_account'
  if (change === undefined) {
    return { object: name, entry: [entry === found.item ? entry : { ...slimEntry(entry), changes: [found.item] }] }
  }
  const changes = [list === null ? change : { value: slimValue(found, list), field: found.field }]
  return { object: name, entry: [{ ...slimEntry(entry), changes }] }
}

function slimEntry(entry: Loose): Loose {
  const id = readId(entry.id)
  return { ...(id === undefined ? {} : { id }), ...(typeof entry.time === 'number' ? { time: entry.time } : {}) }
}

function slimValue(found: Found, list: string): Loose {
  const { value, holder, item } = found
  const slim: Loose = {}
  const metadata = asObject(value.metadata)
  if (value.messaging_product !== undefined) slim.messaging_product = readId(value.messaging_product)
  if (metadata !== undefined) {
    slim.metadata = {
      display_phone_number: readId(metadata.display_phone_number),
      phone_number_id: readId(metadata.phone_number_id)
    }
  }
  const inner: Loose = holder === value ? slim : {}
  if (inner !== slim) slim.standby = inner
  const contact = PERSONAL.has(found.kind) ? findContactOf(found) : undefined
  if (contact !== undefined) inner.contacts = [slimContact(contact)]
  // An unknown list or value errors are kept whole: nobody knows yet how to split them.
  inner[list] = Array.isArray(item) && item === holder[list] ? item : [item]
  if (found.carriesErrors) inner.errors = asList(holder.errors)
  if (found.alone && value.conversation_context !== undefined) slim.conversation_context = value.conversation_context
  return slim
}

function findContactOf(found: Found): Loose | undefined {
  const item = asObject(found.item) ?? {}
  const seen: { contact?: Loose | undefined } = {}
  const find = (userId: string | undefined, waId: string | undefined) => {
    seen.contact = found.findContact(userId, waId)
    return seen.contact
  }
  if (found.kind === 'message') readAuthor(item, find)
  else if (found.kind === 'echo') readAddressee(item, find)
  else if (found.kind === 'status') readStatus(item, find)
  else if (found.kind === 'call') readCaller(item, find)
  else find(readId(item.user_id), readDigits(item.wa_id))
  return seen.contact
}

function stringify(value: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(value))
  } catch {
    return undefined
  }
}

function buryWhole(found: Found, raw: Buffer): ExplodedItem {
  const value = { body: raw.toString('utf8') }
  const envelope = { object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'unsplittable', value }] }] }
  const item = toItem({ ...found, kind: 'unknown' }, undefined, Buffer.from(JSON.stringify(envelope)), raw)
  item.key = `x:${hash(raw)}`
  return item
}
