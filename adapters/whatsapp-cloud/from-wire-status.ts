/** Statuses of what we sent: parsed when the webhook comes in, since they are applied at once (contract §4). */
import type { MetaFailure, StatusFact, StatusName } from '../../plugin/core/model.ts'
import { type FindContact, joinCustomer } from './people.ts'
import {
  asList,
  asObject,
  type Loose,
  readDigits,
  readFlag,
  readId,
  readNumber,
  readText,
  readTime
} from './safe-read.ts'

const STATUS_NAMES: ReadonlySet<string> = new Set<StatusName>(['sent', 'delivered', 'read', 'played', 'failed'])
const MAX_FAILURE_TEXT = 1000

/** Meta's error objects, in messages, statuses, values and groups alike; a list that is none gives no failures. */
export function readFailures(errors: unknown): MetaFailure[] {
  const failures: MetaFailure[] = []
  for (const each of asList(errors)) {
    const error = asObject(each)
    if (error === undefined) continue
    const failure: MetaFailure = { code: readNumber(error.code) ?? 0 }
    const title = readText(error.title)
    const message = readText(error.message)
    const details = readText(asObject(error.error_data)?.details) ?? readText(error.details)
    if (title !== undefined) failure.title = title.slice(0, MAX_FAILURE_TEXT)
    if (message !== undefined) failure.message = message.slice(0, MAX_FAILURE_TEXT)
    if (details !== undefined) failure.details = details.slice(0, MAX_FAILURE_TEXT)
    failures.push(failure)
    if (failures.length === 10) break
  }
  return failures
}

/** The participant of a group status; Meta spells the key in two ways. */
export function readParticipant(status: Loose): string | undefined {
  return (
    readId(status.recipient_participant_user_id) ??
    readId(status.recipient_participant_id) ??
    readId(status.participant_recipient_id)
  )
}

export function readStatus(status: Loose, findContact: FindContact): StatusFact {
  const isGroup = status.recipient_type === 'group'
  const userId = readId(isGroup ? status.recipient_participant_user_id : status.recipient_user_id)
  const parentUserId = readId(isGroup ? status.recipient_participant_parent_user_id : status.recipient_parent_user_id)
  const waId = readDigits(
    isGroup ? (status.recipient_participant_id ?? status.participant_recipient_id) : status.recipient_id
  )
  const name = readId(status.status) ?? ''
  const fact: StatusFact = {
    wamid: readId(status.id) ?? '',
    status: STATUS_NAMES.has(name) ? (name as StatusName) : 'other',
    at: readTime(status.timestamp) ?? new Date(0),
    recipient: joinCustomer(
      { userId, parentUserId, waId },
      findContact(userId, waId),
      readId(status.recipient_identity_key_hash)
    )
  }
  if (isGroup) {
    const groupId = readId(status.recipient_id)
    const participant = readParticipant(status)
    if (groupId !== undefined) fact.groupId = groupId
    if (participant !== undefined) fact.participant = participant
  }
  // Meta takes up to 512 characters; ours are attempt ids, and what is longer was not written by us.
  const reference = readId(status.biz_opaque_callback_data)
  if (reference !== undefined) fact.reference = reference
  readMoney(status, fact)
  const failure = readFailures(status.errors)[0]
  if (failure !== undefined) fact.failure = failure
  return fact
}

function readMoney(status: Loose, fact: StatusFact): void {
  const conversation = asObject(status.conversation)
  // The groups pages nest `pricing` inside `conversation`.
  const pricing = asObject(status.pricing) ?? asObject(conversation?.pricing)
  if (pricing !== undefined) {
    fact.pricing = {}
    const billable = readFlag(pricing.billable)
    const model = readId(pricing.pricing_model)
    const type = readId(pricing.type)
    const category = readId(pricing.category)
    if (billable !== undefined) fact.pricing.billable = billable
    if (model !== undefined) fact.pricing.model = model
    if (type !== undefined) fact.pricing.type = type
    if (category !== undefined) fact.pricing.category = category
  }
  if (conversation === undefined) return
  fact.conversation = {}
  const id = readId(conversation.id)
  const expiresAt = readTime(conversation.expiration_timestamp)
  const origin = readId(asObject(conversation.origin)?.type)
  if (id !== undefined) fact.conversation.id = id
  if (expiresAt !== undefined) fact.conversation.expiresAt = expiresAt
  if (origin !== undefined) fact.conversation.origin = origin
}
