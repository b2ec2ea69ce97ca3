/** A customer's message, or an echo of the business's own, around its content: who, when, what it answers to. */
import type { CustomerIds, InboundMessage, MetaFailure, Referral } from '../../plugin/core/model.ts'
import { readContent } from './from-wire-content.ts'
import { type FindContact, joinCustomer } from './people.ts'
import { asObject, type Loose, readDigits, readId, readText, readTime } from './safe-read.ts'

/** The author of a message: its own ids first, then those of the contact that belongs to it. */
export function readAuthor(message: Loose, findContact: FindContact): CustomerIds {
  const waId = readDigits(message.from)
  const userId = readId(message.from_user_id) ?? (waId === undefined ? readUserId(message.from) : undefined)
  return joinCustomer(
    { userId, parentUserId: readId(message.from_parent_user_id), waId },
    findContact(userId, waId),
    readId(asObject(message.identity)?.hash)
  )
}

/** Whom an echo was written to; in standby the addresses lie in the message that the other app sent. */
export function readAddressee(echo: Loose, findContact: FindContact): { customer: CustomerIds; groupId?: string } {
  const sent = asObject(echo.message) ?? echo
  const to = echo.to ?? sent.to
  const groupId =
    readId(echo.group_id) ?? readId(sent.group_id) ?? (sent.recipient_type === 'group' ? readId(to) : undefined)
  if (groupId !== undefined) return { customer: {}, groupId }
  const waId = readDigits(to)
  const userId = readId(echo.to_user_id) ?? readId(sent.recipient) ?? (waId === undefined ? readUserId(to) : undefined)
  const parentUserId = readId(echo.to_parent_user_id)
  return { customer: joinCustomer({ userId, parentUserId, waId }, findContact(userId, waId)) }
}

/** A user id is `CC.` and letters or digits (contract §3); anything else in its place is no name of a customer. */
function readUserId(value: unknown): string | undefined {
  const text = readId(value)
  return text !== undefined && /^[A-Z]{2}\.[A-Za-z0-9.]+$/.test(text) ? text : undefined
}

export function readMessage(message: Loose, findContact: FindContact, failures: MetaFailure[]): InboundMessage {
  const groupId = readId(message.group_id)
  return fill(message, message, readAuthor(message, findContact), groupId, failures)
}

export function readEcho(echo: Loose, findContact: FindContact, failures: MetaFailure[]): InboundMessage {
  const { customer, groupId } = readAddressee(echo, findContact)
  return fill(echo, asObject(echo.message) ?? echo, customer, groupId, failures)
}

function fill(
  outer: Loose,
  message: Loose,
  customer: CustomerIds,
  groupId: string | undefined,
  failures: MetaFailure[]
): InboundMessage {
  const fact: InboundMessage = {
    wamid: readId(outer.id) ?? '',
    at: readTime(outer.timestamp) ?? new Date(0),
    customer,
    content: readContent(message, failures),
    failures
  }
  if (groupId !== undefined) fact.groupId = groupId
  const context = asObject(message.context)
  if (context !== undefined) readContext(context, fact)
  const referral = asObject(message.referral)
  if (referral !== undefined) fact.referral = readReferral(referral)
  return fact
}

function readContext(context: Loose, fact: InboundMessage): void {
  const wamid = readId(context.id) ?? readId(context.message_id)
  const product = asObject(context.referred_product)
  if (wamid !== undefined || product !== undefined) {
    fact.quoted = {}
    if (wamid !== undefined) fact.quoted.wamid = wamid
    if (product !== undefined) {
      const catalogId = readId(product.catalog_id)
      const productId = readId(product.product_retailer_id)
      fact.quoted.product = {
        ...(catalogId === undefined ? {} : { catalogId }),
        ...(productId === undefined ? {} : { productId })
      }
    }
  }
  if (context.frequently_forwarded === true) fact.forwarded = 'often'
  else if (context.forwarded === true) fact.forwarded = 'once'
}

function readReferral(referral: Loose): Referral {
  const fact: Referral = {}
  const set = (key: Exclude<keyof Referral, 'mediaType'>, value: unknown) => {
    const text = readText(value)
    if (text !== undefined) fact[key] = text
  }
  set('sourceUrl', referral.source_url)
  set('sourceId', referral.source_id)
  set('sourceType', referral.source_type)
  set('headline', referral.headline)
  set('body', referral.body)
  set('imageUrl', referral.image_url ?? referral.thumbnail_url)
  set('clickId', referral.ctwa_clid)
  set('welcomeText', asObject(referral.welcome_message)?.text)
  if (referral.media_type === 'image' || referral.media_type === 'video') fact.mediaType = referral.media_type
  return fact
}
