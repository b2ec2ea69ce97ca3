/** `/contacts`, `/contact_inboxes` and `/actions/contact_merge` (contract §2, §13). */
import { randomUUID } from 'node:crypto'
import type { Answer, Ask } from './ask.ts'
import { asFlag, asHash, asPresent, asText, broken, empty, notFound, ok } from './ask.ts'
import type { ContactInput } from './contact-rules.ts'
import { SourceTaken } from './contact-rules.ts'
import type { Context } from './context.ts'
import { findContact, findInbox, maySeeInbox, requireAdmin } from './context.ts'
import { inboxRow } from './inbox-shapes.ts'
import type { Contact } from './records.ts'

const PAGE = 15

export function handleContacts(ctx: Context, ask: Ask): Answer {
  const [, second, third] = ask.at
  if (second === undefined) {
    if (ask.method === 'POST') return createContact(ctx, ask)
    if (ask.method === 'GET') return listPage(ctx, ask, resolvedContacts(ctx))
    throw notFound()
  }
  if (second === 'search' && ask.method === 'GET') return searchContacts(ctx, ask)
  if (second === 'filter' && ask.method === 'POST') return filterContacts(ctx, ask)
  const contact = findContact(ctx, second)
  ask.ids['contactId'] = contact.id
  if (third === undefined) {
    if (ask.method === 'GET') return ok({ payload: ctx.shapes.contact(contact, true) })
    if (ask.method === 'PATCH' || ask.method === 'PUT') {
      ctx.contacts.update(contact, readContact(ask.body))
      return ok({ payload: ctx.shapes.contact(contact, true) })
    }
    if (ask.method === 'DELETE') {
      requireAdmin(ask)
      ctx.contacts.remove(contact)
      return empty()
    }
  }
  if (third === 'conversations' && ask.method === 'GET') {
    const rows = contact.conversationIds
      .flatMap(id => ctx.store.conversations.get(id) ?? [])
      .filter(row => maySeeInbox(ask.user, ctx.store.inboxes.get(row.inboxId)))
      .sort((a, b) => b.lastActivityAt - a.lastActivityAt)
    return ok({ payload: rows.slice(0, 20).map(row => ctx.shapes.conversation(row)) })
  }
  if (third === 'contact_inboxes' && ask.method === 'POST') {
    const inbox = findInbox(ctx, ask, ask.body['inbox_id'])
    try {
      const link = ctx.contacts.link(contact, inbox, asPresent(ask.body['source_id']))
      ask.ids['contactSource'] = link.sourceId
      return ok({ source_id: link.sourceId, inbox: ctx.shapes.inboxSlim(inbox) })
    } catch (error) {
      if (error instanceof SourceTaken) throw broken()
      throw error
    }
  }
  if (third === 'contactable_inboxes' && ask.method === 'GET') {
    const payload = [...ctx.store.inboxes.values()]
      .filter(inbox => maySeeInbox(ask.user, inbox))
      .map(inbox => {
        const last = contact.contactInboxIds.findLast(id => ctx.store.contactInboxes.get(id)?.inboxId === inbox.id)
        const link = last === undefined ? undefined : ctx.store.contactInboxes.get(last)
        return { inbox: ctx.shapes.inboxSlim(inbox), source_id: link?.sourceId ?? randomUUID() }
      })
    return ok({ payload })
  }
  if (third === 'destroy_custom_attributes' && ask.method === 'POST') {
    ctx.contacts.removeCustom(contact, (ask.body['custom_attributes'] as string[] | undefined) ?? [])
    return ok({ payload: ctx.shapes.contact(contact, true) })
  }
  throw notFound()
}

export function handleContactInboxes(ctx: Context, ask: Ask): Answer {
  if (ask.at[1] !== 'filter' || ask.method !== 'POST') throw notFound()
  const inbox = findInbox(ctx, ask, ask.body['inbox_id'])
  const link = ctx.store.bySource.get(`${inbox.id}:${asText(ask.body['source_id']) ?? ''}`)
  const contact = link && ctx.store.contacts.get(link.contactId)
  if (!contact) return empty(404)
  ask.ids['contactId'] = contact.id
  return ok(ctx.shapes.contact(contact, true))
}

export function handleMerge(ctx: Context, ask: Ask): Answer {
  if (ask.at[1] !== 'contact_merge' || ask.method !== 'POST') throw notFound()
  const base = findContact(ctx, ask.body['base_contact_id'])
  const mergee = findContact(ctx, ask.body['mergee_contact_id'])
  if (base !== mergee) ctx.contacts.merge(base, mergee)
  return ok(ctx.shapes.contact(base))
}

function createContact(ctx: Context, ask: Ask): Answer {
  const inbox = asPresent(ask.body['inbox_id']) === null ? null : findInbox(ctx, ask, ask.body['inbox_id'])
  const wanted = inbox ? { inbox, sourceId: asPresent(ask.body['source_id']) } : null
  const { contact, link } = ctx.contacts.create(readContact(ask.body), wanted, ask.startedAtMs)
  ask.ids['contactId'] = contact.id
  ask.ids['contactSource'] = link?.sourceId ?? null
  return ok({
    payload: {
      contact: ctx.shapes.contact(contact, true),
      contact_inbox: {
        inbox: inbox && link ? inboxRow(inbox, ctx.store.account.id) : null,
        source_id: link?.sourceId ?? null
      }
    }
  })
}

/** Absent keys stay undefined, so that an update leaves them alone. */
export function readContact(body: Record<string, unknown>): ContactInput {
  const input: ContactInput = {}
  if ('name' in body) input.name = asText(body['name']) ?? ''
  if ('phone_number' in body) input.phone = asPresent(body['phone_number'])
  if ('identifier' in body) input.identifier = asPresent(body['identifier'])
  if ('email' in body) input.email = asPresent(body['email'])?.toLowerCase() ?? null
  if ('blocked' in body) input.blocked = asFlag(body['blocked'])
  if ('additional_attributes' in body) input.additional = asHash(body['additional_attributes'])
  if ('custom_attributes' in body) input.custom = asHash(body['custom_attributes'])
  return input
}

const isResolved = (contact: Contact) => Boolean(contact.email || contact.phone || contact.identifier)

function resolvedContacts(ctx: Context): Contact[] {
  return [...ctx.store.contacts.values()].filter(isResolved)
}

function listPage(ctx: Context, ask: Ask, found: Contact[]): Answer {
  const page = Math.max(1, Number(ask.query.get('page') ?? 1) || 1)
  const rows = found.slice((page - 1) * PAGE, page * PAGE)
  return ok({
    meta: { count: found.length, current_page: ask.query.get('page') ?? 1 },
    payload: rows.map(contact => ctx.shapes.contact(contact, true))
  })
}

function searchContacts(ctx: Context, ask: Ask): Answer {
  const text = ask.query.get('q')?.trim() ?? ''
  if (text === '') return { status: 422, json: { error: 'Specify search string with parameter q' } }
  const needle = text.toLowerCase()
  const found = [...ctx.store.contacts.values()].filter(
    contact =>
      contact.name.toLowerCase().includes(needle) ||
      contact.email?.toLowerCase().includes(needle) ||
      contact.phone?.toLowerCase().includes(needle) ||
      contact.identifier?.includes(text)
  )
  const page = Math.max(1, Number(ask.query.get('page') ?? 1) || 1)
  const rows = found.slice((page - 1) * PAGE, page * PAGE)
  return ok({
    meta: { count: rows.length, current_page: ask.query.get('page') ?? 1, has_more: found.length > page * PAGE },
    payload: rows.map(contact => ctx.shapes.contact(contact, true))
  })
}

/** What contacts can be filtered by without a definition (lib/filters/filter_keys.yml). */
const FILTER_KEYS = new Set([
  'name',
  'phone_number',
  'email',
  'identifier',
  'country_code',
  'city',
  'company_name',
  'labels',
  'created_at',
  'last_activity_at',
  'blocked'
])

function isDefined(ctx: Context, key: string): boolean {
  const definitions = [...ctx.store.settings.custom_attribute_definitions.values()]
  return definitions.some(({ row }) => row['attribute_key'] === key && row['attribute_model'] === 'contact_attribute')
}

interface Condition {
  key: string
  operator: string
  values: string[]
  join: string
}

function filterContacts(ctx: Context, ask: Ask): Answer {
  const conditions: Condition[] = (Array.isArray(ask.body['payload']) ? ask.body['payload'] : [])
    .map(asHash)
    .map(row => ({
      key: String(row['attribute_key']),
      operator: String(row['filter_operator']),
      // Contacts::FilterService#filter_values takes the first one only.
      values: [row['values']]
        .flat()
        .slice(0, 1)
        .map(value => String(value ?? '')),
      join: String(row['query_operator'] ?? 'and').toLowerCase()
    }))
  const unknown = conditions.find(({ key }) => !FILTER_KEYS.has(key) && !isDefined(ctx, key))
  if (unknown) {
    const error = `Invalid attribute key - [${unknown.key}]. The key should be one of [${[...FILTER_KEYS].join(',')}] or a custom attribute defined in the account.`
    return { status: 422, json: { error } }
  }
  const only = conditions.length === 1 ? conditions[0]! : undefined
  const found = only && only.operator === 'equal_to' ? lookUp(ctx, only) : undefined
  return listPage(
    ctx,
    ask,
    (found ?? resolvedContacts(ctx).filter(contact => fits(contact, conditions))).filter(isResolved)
  )
}

/** The indexed columns, without a walk over everybody. */
function lookUp(ctx: Context, condition: Condition): Contact[] | undefined {
  const { key, values } = condition
  if (key === 'phone_number') return values.flatMap(value => ctx.store.byPhone.get(asPlus(value)) ?? [])
  if (key === 'identifier') return values.flatMap(value => ctx.store.byIdentifier.get(value.toLowerCase()) ?? [])
  if (key === 'email') return values.flatMap(value => ctx.store.byEmail.get(value.toLowerCase()) ?? [])
  return undefined
}

const asPlus = (value: string) => `+${value.replace(/^\+/, '')}`

function fits(contact: Contact, conditions: Condition[]): boolean {
  let result = true
  let join = 'and'
  for (const condition of conditions) {
    const one = fitsOne(contact, condition)
    result = join === 'or' ? result || one : result && one
    join = condition.join
  }
  return result
}

function fitsOne(contact: Contact, { key, operator, values }: Condition): boolean {
  const columns: Record<string, string | null> = {
    name: contact.name,
    email: contact.email,
    identifier: contact.identifier,
    phone_number: contact.phone,
    blocked: String(contact.blocked)
  }
  const raw = key in columns ? columns[key] : (contact.custom[key] ?? contact.additional[key] ?? null)
  const value = raw === null || raw === undefined ? null : String(raw).toLowerCase()
  const wanted = values.map(text => (key === 'phone_number' ? asPlus(text) : text).toLowerCase())
  switch (operator) {
    case 'equal_to':
      return value !== null && wanted.includes(value)
    case 'not_equal_to':
      return value === null || !wanted.includes(value)
    case 'contains':
      return value !== null && values.some(text => value.includes(text.toLowerCase()))
    case 'does_not_contain':
      return value === null || !values.some(text => value.includes(text.toLowerCase()))
    case 'is_present':
      return value !== null
    case 'is_not_present':
      return value === null
    default:
      return false
  }
}
