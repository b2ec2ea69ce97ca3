/** Lists, counts and filters conversations (ConversationFinder and the filter service, contract §3, §8). */
import type { Ask } from './ask.ts'
import { asHash, asPresent } from './ask.ts'
import type { Context } from './context.ts'
import { maySeeInbox } from './context.ts'
import type { Conversation } from './records.ts'

const PAGE = 25

export interface Counts {
  mine_count: number
  assigned_count: number
  unassigned_count: number
  all_count: number
}

/** The page that was asked for, newest activity first; with `updated_within` all of them. */
export function findConversations(ctx: Context, ask: Ask): { rows: Conversation[]; counts: Counts } {
  const { query } = ask
  const kept = select(ctx, ask)
  const counts = count(kept, ask)
  const assignee = query.get('assignee_type')
  const shown =
    assignee === 'me'
      ? kept.filter(row => row.assigneeId === ask.user.id)
      : assignee === 'unassigned'
        ? kept.filter(row => row.assigneeId === null)
        : assignee === 'assigned'
          ? kept.filter(row => row.assigneeId !== null)
          : kept
  const [column, direction] = sortOf(query.get('sort_by'))
  const sign = direction === 'asc' ? 1 : -1
  shown.sort((a, b) => sign * (a[column] - b[column] || a.id - b.id))
  if (query.has('updated_within')) return { rows: shown, counts }
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1)
  return { rows: shown.slice((page - 1) * PAGE, page * PAGE), counts }
}

export function countConversations(ctx: Context, ask: Ask): Counts {
  return count(select(ctx, ask), ask)
}

function count(rows: Conversation[], ask: Ask): Counts {
  let mine = 0
  let assigned = 0
  for (const row of rows) {
    if (row.assigneeId !== null) assigned++
    if (row.assigneeId === ask.user.id) mine++
  }
  return {
    mine_count: mine,
    assigned_count: assigned,
    unassigned_count: rows.length - assigned,
    all_count: rows.length
  }
}

function sortOf(text: string | null): ['lastActivityAt' | 'createdAt', 'asc' | 'desc'] {
  const direction = text?.endsWith('_asc') ? 'asc' : 'desc'
  return [text?.startsWith('created_at') ? 'createdAt' : 'lastActivityAt', direction]
}

function select(ctx: Context, ask: Ask): Conversation[] {
  const { query } = ask
  const { store } = ctx
  const inboxId = asPresent(query.get('inbox_id'))
  const sourceId = asPresent(query.get('source_id'))
  const status = ask.method === 'POST' ? 'all' : (asPresent(query.get('status')) ?? 'open')
  const within = asPresent(query.get('updated_within'))
  const since = within === null ? null : ctx.parts.clock.now() - Number(within) * 1000
  const labels = query.getAll('labels[]')
  const seen = new Map<number, boolean>()
  const conditions = ask.method === 'POST' ? readConditions(ask.body) : []
  const kept: Conversation[] = []
  for (const row of candidates(ctx, inboxId, sourceId)) {
    if (inboxId !== null && row.inboxId !== Number(inboxId)) continue
    if (status !== 'all' && row.status !== status) continue
    if (since !== null && row.updatedAt <= since) continue
    if (labels.length > 0 && !labels.some(label => row.labels.includes(label))) continue
    let visible = seen.get(row.inboxId)
    if (visible === undefined) seen.set(row.inboxId, (visible = maySeeInbox(ask.user, store.inboxes.get(row.inboxId))))
    if (visible && fits(ctx, row, conditions)) kept.push(row)
  }
  return kept
}

/** With a source id only its own conversations are looked at. */
function candidates(ctx: Context, inboxId: string | null, sourceId: string | null): Iterable<Conversation> {
  const { store } = ctx
  if (sourceId === null) return store.conversations.values()
  const inboxIds = inboxId === null ? [...store.inboxes.keys()] : [Number(inboxId)]
  return inboxIds.flatMap(id => {
    const link = store.bySource.get(`${id}:${sourceId}`)
    return link ? link.conversationIds.flatMap(own => store.conversations.get(own) ?? []) : []
  })
}

interface Condition {
  key: string
  operator: string
  values: string[]
  join: string
}

function readConditions(body: Record<string, unknown>): Condition[] {
  return (Array.isArray(body['payload']) ? body['payload'] : []).map(asHash).map(row => ({
    key: String(row['attribute_key']),
    operator: String(row['filter_operator']),
    values: (Array.isArray(row['values']) ? row['values'] : [row['values']]).map(value => String(value ?? '')),
    join: String(row['query_operator'] ?? 'and').toLowerCase()
  }))
}

function fits(ctx: Context, row: Conversation, conditions: Condition[]): boolean {
  let result = true
  let join = 'and'
  for (const condition of conditions) {
    const one = fitsOne(ctx, row, condition)
    result = join === 'or' ? result || one : result && one
    join = condition.join
  }
  return result
}

function fitsOne(ctx: Context, row: Conversation, { key, operator, values }: Condition): boolean {
  const contact = ctx.store.contacts.get(row.contactId)
  const standard: Record<string, unknown> = {
    status: row.status,
    inbox_id: row.inboxId,
    assignee_id: row.assigneeId,
    display_id: row.id,
    labels: row.labels.length > 0 ? row.labels : null,
    phone_number: contact?.phone
  }
  const raw = key in standard ? standard[key] : row.custom[key]
  const has = raw !== null && raw !== undefined && raw !== ''
  const texts = (Array.isArray(raw) ? raw : [raw]).map(String)
  switch (operator) {
    case 'equal_to':
      return has && (values.includes('all') || texts.some(text => values.includes(text)))
    case 'not_equal_to':
      return !has || !texts.some(text => values.includes(text))
    case 'contains':
      return has && texts.some(text => values.some(value => text.toLowerCase().includes(value.toLowerCase())))
    case 'is_present':
      return has
    case 'is_not_present':
      return !has
    case 'is_greater_than':
      return has && String(raw) > String(values[0])
    case 'is_less_than':
      return has && String(raw) < String(values[0])
    default:
      return false
  }
}
