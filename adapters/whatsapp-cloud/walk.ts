/**
 * Finds what a webhook holds: entry × change × item, each with its kind. Total: whatever cannot be told apart becomes
 * `unknown` whole, so that nothing signed is lost. Reading what an item *means* is left to `from-wire.ts`.
 */
import type { FactKind } from '../../plugin/core/model.ts'
import { type FindContact, indexContacts } from './people.ts'
import { asList, asObject, type Loose, ownValue, readId } from './safe-read.ts'
import type { ListNameWire } from './wire.ts'

/** A POST holds at most 1000 updates (contract §1); far beyond that the body is kept whole instead of split. */
const MAX_ITEMS = 10_000

export interface Found {
  kind: FactKind
  field: string
  entry: Loose
  change: Loose | undefined
  value: Loose
  /** Where the item lies: `value`, or `value.standby`. */
  holder: Loose
  /** The list that the item was taken from; null when the change (or something odd) is kept whole. */
  list: ListNameWire | string | null
  /** The item; for value errors and unknown lists the whole list; for odd shapes the shape itself. */
  item: unknown
  findContact: FindContact
  /** The value's own errors belong to this item. */
  carriesErrors: boolean
  /** The holder had nothing else of this kind: annotations of the value are about this item. */
  alone: boolean
}

/** Fields about the account and its templates; `entry.time` is their time (contract §2). */
const MANAGEMENT_FIELDS = new Set([
  'account_alerts',
  'account_review_update',
  'account_settings_update',
  'account_update',
  'business_capability_update',
  'business_status_update',
  'business_username_update',
  'business_username_updates',
  'flows',
  'message_template_components_update',
  'message_template_quality_update',
  'message_template_status_update',
  'partner_solutions',
  'payment_configuration_update',
  'phone_number_name_update',
  'phone_number_quality_update',
  'security',
  'smb_app_state_sync',
  'template_category_update',
  'template_correct_category_detection'
])

/** Fields whose value is split into lists. */
const SPLIT_FIELDS = new Set([
  'messages',
  'message_echoes',
  'smb_message_echoes',
  'calls',
  'standby',
  'user_preferences',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
  'tracking_events',
  'automatic_events'
])

/** Fields that are worth keeping and that nobody has to act upon. */
const NOTICE_FIELDS = new Set(['messaging_handovers', 'consumer_profile'])

const LISTS: readonly { name: ListNameWire; kind: FactKind; needsId: boolean }[] = [
  { name: 'messages', kind: 'message', needsId: true },
  { name: 'message_echoes', kind: 'echo', needsId: true },
  { name: 'statuses', kind: 'status', needsId: true },
  { name: 'calls', kind: 'call', needsId: true },
  { name: 'groups', kind: 'group', needsId: false },
  { name: 'user_preferences', kind: 'preference', needsId: false },
  { name: 'user_actions', kind: 'notice', needsId: false },
  { name: 'events', kind: 'notice', needsId: false },
  { name: 'automatic_events', kind: 'notice', needsId: false }
]
const LIST_NAMES = new Set<string>([...LISTS.map(list => list.name), 'errors', 'contacts', 'standby'])

const NOBODY: FindContact = () => undefined
const NOTHING: Loose = {}

/** Everything that a webhook body holds, in its order; at least one item, whatever was given. */
export function walkWebhook(body: unknown): Found[] {
  const found: Found[] = []
  for (const each of asList(asObject(body)?.entry)) {
    const entry = asObject(each)
    const changes = asList(entry?.changes)
    if (entry === undefined || changes.length === 0) found.push(whole('unknown', '', entry, undefined, each))
    else for (const change of changes) walkChange(entry, change, found)
    if (found.length > MAX_ITEMS) break
  }
  if (found.length === 0 || found.length > MAX_ITEMS) return [whole('unknown', '', undefined, undefined, body)]
  return found
}

function whole(
  kind: FactKind,
  field: string,
  entry: Loose | undefined,
  change: Loose | undefined,
  item: unknown
): Found {
  const value = asObject(change?.value) ?? NOTHING
  return {
    kind,
    field,
    entry: entry ?? NOTHING,
    change,
    value,
    holder: value,
    list: null,
    item,
    findContact: NOBODY,
    carriesErrors: false,
    alone: true
  }
}

function walkChange(entry: Loose, raw: unknown, found: Found[]): void {
  const change = asObject(raw)
  const value = asObject(change?.value)
  if (change === undefined || value === undefined) {
    const field = readId(change?.field) ?? ''
    found.push(whole(MANAGEMENT_FIELDS.has(field) ? 'management' : 'unknown', field, entry, change, raw))
    return
  }
  const field = readField(entry, change, value)
  if (SPLIT_FIELDS.has(field)) splitValue(field, entry, change, value, found)
  else if (field === 'history') found.push(whole(isDeclined(value) ? 'notice' : 'history', field, entry, change, value))
  else if (MANAGEMENT_FIELDS.has(field)) found.push(whole('management', field, entry, change, value))
  else found.push(whole(NOTICE_FIELDS.has(field) ? 'notice' : 'unknown', field, entry, change, value))
}

/** Meta's samples sometimes misplace `field`, or give template quality under the name of template status. */
function readField(entry: Loose, change: Loose, value: Loose): string {
  const named = readId(change.field) ?? readId(value.field) ?? readId(entry.field)
  if (named === 'message_template_status_update' && ownValue(value, 'new_quality_score') !== undefined) {
    return 'message_template_quality_update'
  }
  if (named !== undefined) return named.length > 64 ? named.slice(0, 64) : named
  if (Array.isArray(value.messages) || Array.isArray(value.statuses)) return 'messages'
  return typeof value.event === 'string' ? 'account_update' : ''
}

/** The business refused to share its history: the list holds errors and no thread (contract §2). */
function isDeclined(value: Loose): boolean {
  const parts = asList(value.history)
  return parts.length > 0 && parts.every(part => asList(asObject(part)?.errors).length > 0 && !asObject(part)?.threads)
}

function splitValue(field: string, entry: Loose, change: Loose, value: Loose, found: Found[]): void {
  const before = found.length
  const holder = field === 'standby' ? (asObject(value.standby) ?? value) : value
  const people =
    asList(holder.messages).length +
    asList(holder.message_echoes).length +
    asList(holder.statuses).length +
    asList(holder.calls).length +
    asList(holder.user_preferences).length
  const findContact = indexContacts(holder.contacts, people)
  const errors = asList(holder.errors)
  const carriers = errors.length === 0 ? null : findCarriers(holder)
  const add = (kind: FactKind, list: string, item: unknown, alone: boolean) => {
    const carriesErrors = carriers?.has(item) ?? false
    found.push({ kind, field, entry, change, value, holder, list, item, findContact, carriesErrors, alone })
  }
  for (const { name, kind, needsId } of LISTS) {
    const items = holder[name]
    if (!Array.isArray(items)) continue
    for (const each of items) {
      const item = asObject(each)
      const usable = item !== undefined && (!needsId || readId(item.id) !== undefined)
      const isCall = name === 'statuses' && (field === 'calls' || item?.type === 'call')
      add(usable ? (isCall ? 'call' : kind) : 'unknown', name, each, items.length === 1)
      if (found.length > MAX_ITEMS) return
    }
  }
  if (errors.length > 0 && carriers?.size === 0) add('notice', 'errors', errors, true)
  for (const key in holder) {
    const list = holder[key]
    if (!LIST_NAMES.has(key) && Array.isArray(list) && list.length > 0) add('unknown', key, list, true)
  }
  if (found.length === before) found.push(whole('unknown', field, entry, change, value))
}

/** Errors beside messages are about the message that came without its content (contract §3, interactive). */
function findCarriers(holder: Loose): Set<unknown> {
  const messages = asList(holder.messages)
  if (messages.length === 1) return new Set(messages)
  if (messages.length === 0) return new Set(asList(holder.calls))
  return new Set(
    messages.filter(each => {
      const message = asObject(each)
      const type = readId(message?.type)
      return message !== undefined && (type === undefined || ownValue(message, type) === undefined)
    })
  )
}
