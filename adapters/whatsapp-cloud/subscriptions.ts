/**
 * Calls about the account and the app behind a number: the WABA itself, its numbers, its subscribed apps, and the app's
 * own webhook (contract/whatsapp §1, §8). The app's calls are made with the app's token, never in a URL.
 */
import type { Graph, GraphAccess } from './graph-call.ts'
import { asList, asObject, readId, readNumber, readText } from './safe-read.ts'

/** What overrides cannot carry goes to the app's own callback, for this object (contract §1). */
const WEBHOOK_OBJECT = 'whatsapp_business_account'
const MAX_PAGES = 20

/** WA-WABA */
export interface WabaFacts {
  id: string
  name?: string
  /** Meta's number for a time zone; `time-zones.ts` names it. */
  timeZoneId?: string
  currency?: string
  country?: string
  reviewStatus?: string
  verification?: string
  /** AVAILABLE, LIMITED or BLOCKED; the worst of the WABA, its business and app. */
  canSend?: string
  /** What stands in the way, in Meta's words, and its codes. */
  problems: string[]
  healthCodes?: readonly number[]
}

export async function readWaba(graph: Graph, access: GraphAccess, wabaId: string): Promise<WabaFacts> {
  const fields = 'id,name,timezone_id,currency,country,account_review_status,business_verification_status,health_status'
  const answer = await graph.call(access, { method: 'GET', path: [wabaId], query: { fields }, harmless: true })
  const { codes, ...health } = readHealth(answer.health_status)
  const facts: WabaFacts = { id: readId(answer.id) ?? wabaId, ...health, healthCodes: codes }
  const name = readText(answer.name)
  const texts = {
    timeZoneId: readId(answer.timezone_id),
    currency: readId(answer.currency),
    country: readId(answer.country),
    reviewStatus: readId(answer.account_review_status),
    verification: readId(answer.business_verification_status)
  }
  if (name !== undefined) facts.name = name
  for (const [key, value] of Object.entries(texts)) if (value !== undefined) facts[key as keyof typeof texts] = value
  return facts
}

/** `can_send_message` and what hinders it, of a number or a WABA. */
export function readHealth(value: unknown): { canSend?: string; problems: string[]; codes: number[] } {
  const health = asObject(value)
  const canSend = readId(health?.can_send_message)
  const entities = asList(health?.entities).map(asObject)
  const errors = entities.flatMap(each => asList(each?.errors).map(asObject))
  const described = errors.map(told => [told?.error_description, told?.possible_solution])
  // What only limits (a display name that waits for its review) is told there, and is no error.
  const added = entities.flatMap(each => asList(each?.additional_info).map(words => [words]))
  const problems = [...described, ...added].flatMap(words => {
    const sentence = words.flatMap(each => readText(each) || []).join(' ')
    return sentence === '' ? [] : [sentence.slice(0, 300)]
  })
  const codes = errors.flatMap(told => readNumber(told?.error_code) ?? []).filter(code => (code | 0) === code)
  return {
    ...(canSend === undefined ? {} : { canSend }),
    problems: [...new Set(problems)],
    codes: [...new Set(codes)]
  }
}

export interface ListedNumber {
  id: string
  displayPhoneNumber: string
  verifiedName?: string
  status?: string
}

/** The numbers of a WABA, all pages (WA-NUMBERS). */
export async function listNumbers(graph: Graph, access: GraphAccess, wabaId: string): Promise<ListedNumber[]> {
  const numbers: ListedNumber[] = []
  let after: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const fields = 'id,display_phone_number,verified_name,status'
    const query = { fields, limit: '100', ...(after === undefined ? {} : { after }) }
    const answer = await graph.call(access, { method: 'GET', path: [wabaId, 'phone_numbers'], query, harmless: true })
    for (const each of asList(answer.data)) {
      const row = asObject(each)
      const id = readId(row?.id)
      if (row === undefined || id === undefined) continue
      const number: ListedNumber = { id, displayPhoneNumber: readText(row.display_phone_number) ?? '' }
      const verifiedName = readText(row.verified_name)
      const status = readId(row.status)
      if (verifiedName !== undefined) number.verifiedName = verifiedName
      if (status !== undefined) number.status = status
      numbers.push(number)
    }
    const paging = asObject(answer.paging)
    const next = readText(asObject(paging?.cursors)?.after)
    if (readText(paging?.next) === undefined || next === undefined || next === after) break
    after = next
  }
  return numbers
}

/** Takes the token's app off the WABA: none of its webhooks come any more. Harmless when repeated. */
export async function unsubscribeApp(graph: Graph, access: GraphAccess, wabaId: string): Promise<void> {
  await graph.call(access, { method: 'DELETE', path: [wabaId, 'subscribed_apps'], harmless: true })
}

export interface AppCredentials {
  id: string
  secret: string
}

export interface AppSubscription {
  callbackUrl: string
  active: boolean
  fields: string[]
}

/** The app's own webhook for WhatsApp accounts, or null when it has none (WA-APP-SUBSCRIPTION). */
export async function readAppSubscription(
  graph: Graph,
  access: GraphAccess,
  app: AppCredentials
): Promise<AppSubscription | null> {
  const path = [app.id, 'subscriptions']
  const answer = await graph.call(asApp(access, app), { method: 'GET', path, harmless: true })
  const rows = asList(answer.data).map(each => asObject(each))
  const row = rows.find(each => readId(each?.object) === WEBHOOK_OBJECT)
  if (row === undefined) return null
  return {
    callbackUrl: readText(row.callback_url) ?? '',
    active: row.active !== false,
    // Names alone in older answers, `{name, version}` in newer ones.
    fields: asList(row.fields).flatMap(each => readId(asObject(each)?.name) ?? readId(each) ?? [])
  }
}

/** Sets the app's own webhook. Meta asks the address at once (handshake); the fields replace those of before. */
export async function writeAppSubscription(
  graph: Graph,
  access: GraphAccess,
  app: AppCredentials,
  subscription: { callbackUrl: string; verifyToken: string; fields: readonly string[] }
): Promise<void> {
  const json = {
    object: WEBHOOK_OBJECT,
    callback_url: subscription.callbackUrl,
    verify_token: subscription.verifyToken,
    fields: subscription.fields.join(',')
  }
  const path = [app.id, 'subscriptions']
  await graph.call(asApp(access, app), { method: 'POST', path, json, harmless: true })
}

/** Takes the app's own webhook away. Harmless when repeated. */
export async function removeAppSubscription(graph: Graph, access: GraphAccess, app: AppCredentials): Promise<void> {
  const path = [app.id, 'subscriptions']
  const query = { object: WEBHOOK_OBJECT }
  await graph.call(asApp(access, app), { method: 'DELETE', path, query, harmless: true })
}

function asApp(access: GraphAccess, app: AppCredentials): GraphAccess {
  return { graphUrl: access.graphUrl, graphVersion: access.graphVersion, token: `${app.id}|${app.secret}` }
}
