/**
 * Who is meant: the ids of one customer, taken from an item and from the contact that belongs to it.
 * Contacts are matched by user id, then by wa_id, never by their place in the list (contract §3).
 */
import type { CustomerIds } from '../../plugin/core/model.ts'
import { asList, asObject, type Loose, readDigits, readId, readText } from './safe-read.ts'

const MAX_NAME_LENGTH = 512

/** Finds the contact of an item within the value's `contacts`. */
export type FindContact = (userId: string | undefined, waId: string | undefined) => Loose | undefined

/** `itemCount` says how many people-bound items the value has: one contact beside one item needs no matching id. */
export function indexContacts(contacts: unknown, itemCount: number): FindContact {
  const list = asList(contacts)
  if (list.length === 0) return () => undefined
  if (list.length === 1) {
    const only = asObject(list[0])
    return (userId, waId) => (only !== undefined && belongs(only, userId, waId, itemCount) ? only : undefined)
  }
  const byUserId = new Map<string, Loose>()
  const byWaId = new Map<string, Loose>()
  for (const each of list) {
    const contact = asObject(each)
    if (contact === undefined) continue
    const userId = readId(contact.user_id)
    const waId = readDigits(contact.wa_id)
    if (userId !== undefined && !byUserId.has(userId)) byUserId.set(userId, contact)
    if (waId !== undefined && !byWaId.has(waId)) byWaId.set(waId, contact)
  }
  return (userId, waId) => {
    const byUser = userId === undefined ? undefined : byUserId.get(userId)
    if (byUser !== undefined) return byUser
    const byPhone = waId === undefined ? undefined : byWaId.get(waId)
    return byPhone !== undefined && !contradicts(byPhone, userId) ? byPhone : undefined
  }
}

function belongs(contact: Loose, userId: string | undefined, waId: string | undefined, itemCount: number): boolean {
  if (contradicts(contact, userId)) return false
  if (userId !== undefined && readId(contact.user_id) === userId) return true
  if (waId !== undefined && readDigits(contact.wa_id) === waId) return true
  // Brazilian and Mexican numbers come in two spellings, so that two wa_ids of one person may differ.
  return itemCount === 1
}

function contradicts(contact: Loose, userId: string | undefined): boolean {
  const own = readId(contact.user_id)
  return own !== undefined && userId !== undefined && own !== userId
}

/** Ids of the item first, what it leaves open from its contact. */
export function joinCustomer(
  own: { userId?: string | undefined; parentUserId?: string | undefined; waId?: string | undefined },
  contact: Loose | undefined,
  identityHash?: string
): CustomerIds {
  const ids: CustomerIds = {}
  const userId = own.userId ?? readId(contact?.user_id)
  const parentUserId = own.parentUserId ?? readId(contact?.parent_user_id)
  const waId = own.waId ?? readDigits(contact?.wa_id)
  if (userId !== undefined) ids.userId = userId
  if (parentUserId !== undefined) ids.parentUserId = parentUserId
  if (waId !== undefined) ids.waId = waId
  const hash = identityHash ?? readId(contact?.identity_key_hash)
  if (hash !== undefined) ids.identityHash = hash
  if (contact === undefined) return ids
  const profile = asObject(contact.profile)
  const username = readUsername(profile?.username) ?? readUsername(contact.username)
  const name = readText(profile?.name)
  if (username !== undefined) ids.username = username
  if (name !== undefined) ids.name = name.length > MAX_NAME_LENGTH ? name.slice(0, MAX_NAME_LENGTH) : name
  return ids
}

/** Meta's samples carry no `@`; one that comes nevertheless is taken off. */
export function readUsername(value: unknown): string | undefined {
  const name = readId(value)
  return name?.startsWith('@') ? name.slice(1) || undefined : name
}

/** Ids of a plain `{wa_id, user_id, parent_user_id, username, input}` object, as groups and preferences carry it. */
export function readPerson(value: unknown, contact?: Loose): CustomerIds {
  const person = asObject(value)
  if (person === undefined) return {}
  const ids = joinCustomer(
    {
      userId: readId(person.user_id),
      parentUserId: readId(person.parent_user_id),
      waId: readDigits(person.wa_id) ?? readDigits(person.input)
    },
    contact
  )
  const username = readUsername(person.username)
  if (username !== undefined) ids.username = username
  return ids
}

/** A copy with the known keys only, bounded: what one envelope of a split batch carries of its contact. */
export function slimContact(contact: Loose): Loose {
  const ids = joinCustomer({}, contact)
  const slim: Loose = {}
  if (ids.name !== undefined || ids.username !== undefined) {
    slim.profile = {
      ...(ids.name === undefined ? {} : { name: ids.name }),
      ...(ids.username === undefined ? {} : { username: ids.username })
    }
  }
  if (ids.waId !== undefined) slim.wa_id = ids.waId
  if (ids.userId !== undefined) slim.user_id = ids.userId
  if (ids.parentUserId !== undefined) slim.parent_user_id = ids.parentUserId
  if (ids.identityHash !== undefined) slim.identity_key_hash = ids.identityHash
  return slim
}
