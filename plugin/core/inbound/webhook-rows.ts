/**
 * What a webhook's items become: rows for lanes, statuses, rows that are only kept, or nothing. Pure but for counting
 * and for what the registry knows of numbers.
 */
import type { Bridge } from '../bridge.ts'
import { foldDay } from '../dedupe-day.ts'
import { RANK } from '../delivery.ts'
import { aliasesOf } from '../identity.ts'
import type { CustomerIds, FactKind, StatusFact } from '../model.ts'
import type { IntakeBatch, IntakeRow, PayloadRef } from '../ports/store.ts'
import type { ServedNumber } from '../registry.ts'
import { opensWindowAt } from '../window.ts'
import { hashKey, malformedRow } from './malformed.ts'

/** One item of a webhook; the adapter's `explodeWebhook` gives it. */
export interface WebhookItem {
  kind: FactKind
  phoneNumberId: string | null
  key: string
  at: Date
  customer: CustomerIds
  groupId?: string
  /** A message's own type, as Meta names it. */
  type?: string
  payload: Buffer
  status?: StatusFact
  wabaId?: string | null
  field?: string
}

const LANE_KINDS = new Set<FactKind>(['message', 'echo', 'call', 'group', 'preference'])
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Status, quality, components, category (contract §2): whatever changed, the list is read again. */
const TEMPLATE_FIELD = /^(?:message_)?template_/
/** Standing, quality, pace, limits, name: whatever changed, the numbers of the account are read again (contract §2). */
const NUMBER_FIELD = /^(?:account_|phone_number_|business_(?:capability|status)_)/
/** Messages that are what they seem: they open the window and name one customer. All others are read to the end. */
const PLAIN = new Set([
  'text',
  'image',
  'video',
  'audio',
  'voice',
  'document',
  'sticker',
  'location',
  'contacts',
  'button'
])
const DAY_MS = 86_400_000

/** How the channel's webhooks are read; never throws. */
export interface ReadWebhook {
  bridge: Bridge
  /** Undefined when it is no JSON. */
  parse(raw: Buffer): unknown
  /** At least one item for any body. */
  explode(body: unknown, raw: Buffer): WebhookItem[]
}

/** What is to be stored, and of which WABAs templates or numbers changed. */
export interface WebhookBatch extends IntakeBatch {
  templatesOf: string[]
  numbersOf: string[]
}

/**
 * @param from where the webhook itself lies sealed already; a person asks `again` for what was set aside: neither its age
 *   nor the moment of connecting counts then
 */
export function toBatch(
  deps: ReadWebhook,
  raw: Buffer,
  from: { ref?: PayloadRef; again?: boolean } = {}
): WebhookBatch {
  const { bridge } = deps
  const body = deps.parse(raw)
  if (body === undefined) return asideBatch(bridge, raw, from.ref)
  const batch: WebhookBatch = { rows: [], statuses: [], conversations: [], templatesOf: [], numbersOf: [] }
  for (const item of deps.explode(body, raw)) addItem(bridge, batch, item, from.again === true)
  if (from.ref !== undefined) for (const row of batch.rows) if (row.payload === raw) row.ref = from.ref
  return batch
}

/** Nothing in it can be read, or reading it failed: kept for a person. */
export function asideBatch(bridge: Bridge, raw: Buffer, ref?: PayloadRef): WebhookBatch {
  // Signed, so Meta's, and answered 200, or it would come again for a week.
  bridge.count('webhook_malformed')
  const row = malformedRow(0, raw, bridge.clock.now())
  if (ref !== undefined) row.ref = ref
  return { rows: [row], statuses: [], conversations: [], templatesOf: [], numbersOf: [] }
}

function noteField(batch: WebhookBatch, wabaId: string, field: string): void {
  if (TEMPLATE_FIELD.test(field)) batch.templatesOf.push(wabaId)
  else if (NUMBER_FIELD.test(field)) batch.numbersOf.push(wabaId)
}

function addItem(bridge: Bridge, batch: WebhookBatch, item: WebhookItem, again: boolean): void {
  if (item.field !== 'messages' && item.field !== undefined && item.wabaId) noteField(batch, item.wabaId, item.field)
  const number = item.phoneNumberId === null ? undefined : bridge.registry.byPhoneNumberId(item.phoneNumberId)
  const realNow = bridge.clock.now()
  const offsetMs = number === undefined ? 0 : bridge.registry.offsetMs(number.id)
  const nowMs = realNow.getTime() + offsetMs
  // Times that cannot be (none, or far ahead) count as now; the day of a row decides in which partition it lives.
  const at = item.at.getTime() <= 0 || item.at.getTime() > nowMs + DAY_MS ? new Date(nowMs) : item.at
  if (number === undefined) {
    const key = `${item.phoneNumberId ?? ''}:${item.key}`
    const known = item.phoneNumberId === null
    if (nowMs - at.getTime() > bridge.times.dedupeMs) {
      bridge.count('too_old')
      return
    }
    const code = !known ? 'number_unknown' : item.kind === 'unknown' ? 'unknown_field' : undefined
    batch.rows.push(plainRow(0, safeKey(key), item.payload, at, known ? 3 : 2, code))
    return
  }
  if (item.kind === 'status' && item.status !== undefined && item.status.status !== 'other') {
    addStatus(batch, number, item.status, item)
    return
  }
  const forgotten = nowMs - at.getTime() > bridge.times.dedupeMs
  if (forgotten && !again) {
    // Older than the memory by which duplicates are known: it cannot be told from a repetition.
    bridge.count('too_old')
    bridge.background(() => bridge.numbers.count(number.id, 'too_old', 1))
    return
  }
  const aliases = item.groupId === undefined ? aliasesNamed(bridge, item) : [`g:${item.groupId}`]
  const deliverable = LANE_KINDS.has(item.kind) && aliases.length > 0
  // Meta's times are whole seconds: the second of connecting counts as after it.
  const early = !again && at.getTime() + 1_000 <= number.connectedAt.getTime()
  if (!deliverable || early) {
    if (early) countEarly(bridge, number.id)
    const code = early ? 'before_connecting' : item.kind === 'unknown' ? 'unknown_field' : undefined
    const lost = LANE_KINDS.has(item.kind) && aliases.length === 0
    const row = plainRow(number.id, safeKey(item.key), item.payload, at, lost ? 2 : 3, lost ? 'nobody_named' : code)
    batch.rows.push({ ...row, dayAt: dayOf(number, at, realNow) })
    return
  }
  batch.rows.push({
    numberId: number.id,
    key: safeKey(item.key),
    kind: item.kind as IntakeRow['kind'],
    identity: {
      deskId: number.deskId,
      aliases,
      ids: item.groupId === undefined ? item.customer : { userId: `group:${item.groupId}`, name: 'WhatsApp group' }
    },
    outbound: false,
    ord: Math.floor(at.getTime() / 1000),
    occurredAt: at,
    dayAt: forgotten ? realNow : dayOf(number, at, realNow),
    payload: item.payload,
    state: 0,
    opensWindow: opensWindow(bridge, item),
    wamid: item.kind === 'message' && item.key.startsWith('m:') ? item.key.slice(2) : undefined,
    holdMs: 0
  })
}

/** A changed number names the old and the new ids: both belong to one person before the next message comes. */
function aliasesNamed(bridge: Bridge, item: WebhookItem): string[] {
  const aliases = aliasesOf(item.customer)
  if (item.kind !== 'message' || PLAIN.has(item.type ?? '')) return aliases
  const fact = bridge.readFact(item.payload)
  if (fact.kind !== 'message' || fact.message.content.kind !== 'number_changed') return aliases
  const { from, to } = fact.message.content
  return [...new Set([...aliases, ...aliasesOf(from), ...aliasesOf(to)])]
}

function opensWindow(bridge: Bridge, item: WebhookItem): boolean {
  if (item.kind !== 'message' && item.kind !== 'call') return false
  return (
    (item.kind === 'message' && PLAIN.has(item.type ?? '')) || opensWindowAt(bridge.readFact(item.payload)) !== null
  )
}

function dayOf(number: ServedNumber, at: Date, realNow: Date): Date | undefined {
  return number.sandbox ? foldDay(at, realNow) : undefined
}

function addStatus(batch: IntakeBatch, number: ServedNumber, status: StatusFact, item: WebhookItem): void {
  if (status.status === 'other') return
  // A group's status names one of many readers; the group's row shows what the group as a whole has reached.
  if (!isSafe(status.wamid)) {
    batch.rows.push(plainRow(number.id, safeKey(item.key), item.payload, item.at, 2, 'unreadable_id'))
    return
  }
  const { failure } = status
  batch.statuses.push({
    numberId: number.id,
    wamid: status.wamid,
    rank: RANK[status.status],
    at: status.at.getTime() > 0 ? status.at : item.at,
    failure: failure === undefined ? null : { code: failure.code, title: failure.title, details: failure.details },
    pricing: status.pricing === undefined ? null : { ...status.pricing },
    reference: status.reference !== undefined && UUID.test(status.reference) ? status.reference : null
  })
}

function plainRow(
  numberId: number,
  key: string,
  payload: Buffer,
  occurredAt: Date,
  state: 2 | 3,
  code?: string
): IntakeRow {
  return {
    numberId,
    key,
    kind: 'other',
    identity: null,
    outbound: false,
    ord: 0,
    occurredAt,
    payload,
    state,
    code,
    opensWindow: false,
    holdMs: 0
  }
}

/** PostgreSQL's text takes neither NUL nor lone surrogates; such a key is replaced by its hash. */
export function safeKey(key: string): string {
  return isSafe(key) && key.length <= 600 ? key : `h:${hashKey(Buffer.from(key, 'utf16le'))}`
}

function isSafe(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed()
}

function countEarly(bridge: Bridge, numberId: number): void {
  bridge.count('before_connecting')
  bridge.background(() => bridge.numbers.count(numberId, 'before_connecting', 1))
}
