/** What is neither message nor status: calls, groups, marketing preferences, account and template news. */
import type { CallFact, CustomerIds, GroupFact, InboundFact } from '../../plugin/core/model.ts'
import { type FindContact, joinCustomer, readPerson } from './people.ts'
import { asList, asObject, type Loose, readDigits, readId, readNumber, readText, readTime } from './safe-read.ts'

/** The customer's side of a call; a call status names only the recipient. */
export function readCaller(call: Loose, findContact: FindContact): CustomerIds {
  const outward = call.direction === 'BUSINESS_INITIATED' || call.type === 'call'
  const waId = readDigits(outward ? (call.to ?? call.recipient_id) : call.from)
  const userId = readId(outward ? (call.to_user_id ?? call.recipient_user_id) : call.from_user_id)
  const parentUserId = readId(outward ? call.to_parent_user_id : call.from_parent_user_id)
  return joinCustomer({ userId, parentUserId, waId }, findContact(userId, waId))
}

/** `connect`, `terminate`, or for a call status `ringing`, `accepted`, `rejected`. */
export function readCallEvent(call: Loose): string {
  return (readId(call.event) ?? readId(call.status) ?? 'unknown').toLowerCase()
}

export function readCall(call: Loose, findContact: FindContact): CallFact {
  const fact: CallFact = {
    id: readId(call.id) ?? '',
    at: readTime(call.timestamp) ?? new Date(0),
    customer: readCaller(call, findContact),
    event: readCallEvent(call)
  }
  if (call.direction === 'USER_INITIATED') fact.direction = 'customer'
  else if (call.direction === 'BUSINESS_INITIATED' || call.type === 'call') fact.direction = 'business'
  const status = readId(call.status)
  const duration = readNumber(call.duration)
  if (status !== undefined) fact.status = status.toLowerCase()
  if (duration !== undefined && duration >= 0) fact.durationSeconds = duration
  return fact
}

const PARTICIPANT_LISTS = ['added_participants', 'removed_participants', 'participants'] as const

export function readGroup(group: Loose): GroupFact {
  const participants: CustomerIds[] = []
  const add = (person: CustomerIds) => {
    if (Object.keys(person).length > 0) participants.push(person)
  }
  for (const name of PARTICIPANT_LISTS) for (const person of asList(group[name])) add(readPerson(person))
  // A join request names its person at the top level.
  add(readPerson(group))
  const fact: GroupFact = {
    groupId: readId(group.group_id) ?? '',
    at: readTime(group.timestamp) ?? new Date(0),
    type: readId(group.type) ?? 'unknown',
    participants
  }
  const changed = asObject(group.group_subject)
  const subject =
    readText(group.subject) ?? (changed?.update_successful === false ? undefined : readText(changed?.text))
  if (subject !== undefined) fact.subject = subject
  if (asList(group.errors).length > 0) fact.failed = true
  return fact
}

export function readPreference(item: Loose, findContact: FindContact): InboundFact {
  return {
    kind: 'preference',
    customer: readPerson(item, findContact(readId(item.user_id), readDigits(item.wa_id))),
    category: readId(item.category) ?? 'marketing_messages',
    value: readId(item.value) ?? '',
    at: readTime(item.timestamp) ?? new Date(0)
  }
}

/** What happened, in Meta's word, from whichever key the field uses for it (contract §2). */
export function readManagement(field: string, value: Loose): InboundFact {
  const event =
    readId(value.event) ??
    readId(value.decision) ??
    readId(value.new_quality_score) ??
    readId(value.new_category) ??
    readId(value.suggested_category) ??
    readId(value.status) ??
    readId(value.type) ??
    readId(asObject(value.alert_info)?.alert_type)
  return event === undefined ? { kind: 'management', field } : { kind: 'management', field, event }
}

/** How many messages a piece of shared history holds, its later media included (contract §2, history). */
export function countHistory(value: Loose): number {
  let count = asList(value.messages).length + asList(value.message_echoes).length
  for (const part of asList(value.history)) {
    for (const thread of asList(asObject(part)?.threads)) count += asList(asObject(thread)?.messages).length
  }
  return count
}
