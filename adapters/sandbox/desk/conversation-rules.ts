/**
 * What changes a conversation, and the events that follow (contract §3, §5.2): creation, status, assignment,
 * attributes, labels, deletion. Activity rows are written by the message rules.
 */
import { randomUUID } from 'node:crypto'
import type { SandboxParts } from '../parts.ts'
import { RecordInvalid } from './ask.ts'
import type { Changes, DeskEvent } from './hooks.ts'
import { iso } from './json.ts'
import type { ContactInbox, Conversation, ConversationStatus, Hash, User } from './records.ts'
import type { Store } from './store.ts'

/** Columns whose change is told with `conversation_updated`. Source: Conversation#list_of_keys, 4.16.2. */
const TOLD = new Set([
  'team_id',
  'assignee_id',
  'status',
  'snoozed_until',
  'custom_attributes',
  'label_list',
  'waiting_since',
  'first_reply_created_at',
  'priority'
])

export interface ConversationRules {
  create(
    link: ContactInbox,
    input: {
      status?: ConversationStatus
      custom: Hash
      additional: Hash
      snoozedUntil?: number | null
      assigneeId?: number | null
    }
  ): Conversation
  /** Applies changed columns (in column order), moves `updated_at`, tells it. */
  update(row: Conversation, changes: Changes, apply: () => void, fresh?: boolean): void
  setStatus(row: Conversation, status: ConversationStatus, by: string | null, snoozedUntil?: number | null): void
  assign(row: Conversation, user: User | null, by: string): void
  setCustom(row: Conversation, custom: Hash): void
  setLabels(row: Conversation, labels: string[], by: string): void
  /** Queued: until it runs, writes still answer 200. */
  queueDeletion(row: Conversation, afterMs: number): void
  /** Removes it at once with everything in it. */
  remove(row: Conversation): void
}

export interface ConversationDeps {
  parts: SandboxParts
  store: Store
  emit(event: DeskEvent): void
  addActivity(row: Conversation, content: string): void
  /** After it became resolved: the satisfaction survey, if the inbox asks for one. */
  afterResolved(row: Conversation): void
  later(ms: number, then: () => void): void
}

export function createConversationRules(deps: ConversationDeps): ConversationRules {
  const { parts, store, emit } = deps

  function update(row: Conversation, changes: Changes, apply: () => void, fresh = false): void {
    const previous = row.updatedAt
    apply()
    row.updatedAt = Math.max(parts.clock.now(), previous)
    if (!Object.keys(changes).some(key => TOLD.has(key))) return
    const all: Changes = {}
    const place = (key: string, value: [unknown, unknown] | undefined) => {
      if (value) all[key] = value
    }
    for (const key of ['status', 'assignee_id']) place(key, changes[key])
    place('updated_at', [iso(previous), iso(row.updatedAt)])
    // A row changed in the transaction that made it still counts these as changes.
    if (fresh) place('display_id', [null, row.id])
    for (const key of ['snoozed_until', 'custom_attributes', 'first_reply_created_at', 'priority', 'waiting_since']) {
      place(key, changes[key])
    }
    if (fresh) place('cached_label_list', [null, ''])
    place('cached_label_list', changes['cached_label_list'])
    place('label_list', changes['label_list'])
    emit({ event: 'conversation_updated', conversation: row, changes: all })
  }

  function remove(row: Conversation): void {
    store.conversations.delete(row.id)
    for (const message of row.messages) {
      store.messages.delete(message.id)
      for (const attachment of message.attachments ?? []) dropBlob(store, attachment.blobId)
    }
    const contact = store.contacts.get(row.contactId)
    if (contact) contact.conversationIds = contact.conversationIds.filter(id => id !== row.id)
    const link = store.contactInboxes.get(row.contactInboxId)
    if (link) link.conversationIds = link.conversationIds.filter(id => id !== row.id)
    parts.ledger.add({ side: 'desk', what: 'effect', name: 'conversation_deleted', ids: { conversationId: row.id } })
  }

  const rules: ConversationRules = {
    create(link, input) {
      checkAttributes('custom_attributes', input.custom)
      checkAttributes('additional_attributes', input.additional)
      const contact = store.contacts.get(link.contactId)!
      const now = parts.clock.now()
      const row: Conversation = {
        id: store.next('conversation'),
        uuid: randomUUID(),
        inboxId: link.inboxId,
        contactId: link.contactId,
        contactInboxId: link.id,
        status: contact.blocked ? 'resolved' : (input.status ?? 'open'),
        assigneeId: input.assigneeId ?? null,
        teamId: null,
        additional: input.additional,
        custom: input.custom,
        labels: [],
        priority: null,
        snoozedUntil: input.snoozedUntil ?? null,
        agentLastSeenAt: null,
        assigneeLastSeenAt: null,
        contactLastSeenAt: null,
        firstReplyCreatedAt: null,
        waitingSince: now,
        lastActivityAt: now,
        createdAt: now,
        updatedAt: now,
        deleting: false,
        messages: [],
        incomingAt: [],
        lastChat: null,
        lastNonActivity: null
      }
      store.conversations.set(row.id, row)
      contact.conversationIds.push(row.id)
      link.conversationIds.push(row.id)
      parts.ledger.add({
        side: 'desk',
        what: 'effect',
        name: 'conversation',
        ids: { conversationId: row.id, contactId: contact.id, contactSource: link.sourceId, inboxId: row.inboxId }
      })
      emit({ event: 'conversation_created', conversation: row })
      return row
    },
    update,
    setStatus(row, status, by, snoozedUntil = null) {
      const from = row.status
      const changes: Changes = {}
      if (from !== status) changes['status'] = [from, status]
      if (row.snoozedUntil !== snoozedUntil) changes['snoozed_until'] = [iso(row.snoozedUntil), iso(snoozedUntil)]
      if (Object.keys(changes).length === 0) return
      update(row, changes, () => {
        row.status = status
        row.snoozedUntil = snoozedUntil
        // update_column: resolving ends the waiting without telling it.
        if (status === 'resolved') row.waitingSince = null
      })
      if (from === status) return
      emit({ event: 'conversation_status_changed', conversation: row })
      deps.addActivity(row, statusSentence(status, by))
      if (status === 'resolved') deps.afterResolved(row)
    },
    assign(row, user, by) {
      const to = user?.id ?? null
      if (row.assigneeId === to) return
      update(row, { assignee_id: [row.assigneeId, to] }, () => {
        row.assigneeId = to
      })
      deps.addActivity(
        row,
        user === null
          ? `Conversation unassigned by ${by}`
          : user.name === by
            ? `${by} self-assigned this conversation`
            : `Assigned to ${user.name} by ${by}`
      )
    },
    setCustom(row, custom) {
      checkAttributes('custom_attributes', custom)
      if (JSON.stringify(custom) === JSON.stringify(row.custom)) return
      update(row, { custom_attributes: [row.custom, custom] }, () => {
        row.custom = custom
      })
    },
    setLabels(row, labels, by) {
      const next = [...new Set(labels.map(label => label.trim().toLowerCase()).filter(label => label !== ''))]
      const before = row.labels
      if (next.join('\n') === before.join('\n')) return
      const changes: Changes = { cached_label_list: [before.join(', '), next.join(', ')], label_list: [before, next] }
      update(row, changes, () => {
        row.labels = next
      })
      const added = next.filter(label => !before.includes(label))
      const removed = before.filter(label => !next.includes(label))
      if (added.length > 0) deps.addActivity(row, `${by} added ${added.join(', ')}`)
      if (removed.length > 0) deps.addActivity(row, `${by} removed ${removed.join(', ')}`)
    },
    queueDeletion(row, afterMs) {
      row.deleting = true
      deps.later(afterMs, () => {
        if (store.conversations.get(row.id) === row) remove(row)
      })
    },
    remove
  }
  return rules
}

function statusSentence(status: ConversationStatus, by: string | null): string {
  if (by === null) return 'System reopened the conversation due to a new incoming message.'
  switch (status) {
    case 'resolved':
      return `Conversation was marked resolved by ${by}`
    case 'open':
      return `Conversation was reopened by ${by}`
    case 'pending':
      return `Conversation was marked as pending by ${by}`
    default:
      return `Conversation was snoozed by ${by}`
  }
}

/** Strings of at most 1500 characters and integers of at most ten digits (jsonb_attributes_length, contract §2). */
function checkAttributes(column: string, values: Hash): void {
  for (const [key, value] of Object.entries(values)) {
    const label = column === 'custom_attributes' ? 'Custom attributes' : 'Additional attributes'
    if (typeof value === 'string' && value.length > 1500) {
      throw new RecordInvalid(`${label} ${key} length should be < 1500`, [column])
    }
    if (typeof value === 'number' && Number.isInteger(value) && value > 9_999_999_999) {
      throw new RecordInvalid(`${label} ${key} value should be < 9999999999`, [column])
    }
  }
}

export function dropBlob(store: Store, id: number): void {
  const blob = store.blobs.get(id)
  if (!blob) return
  store.blobs.delete(id)
  store.blobsBySignedId.delete(blob.signedId)
}
