/**
 * Calls that connecting a number needs: who it is, who is subscribed, where webhooks go, what the token may do, which
 * templates there are. Each is one small function over Graph; writing templates and registering are not here.
 */
import type { NumberFacts } from '../../plugin/core/ports/channel.ts'
import type { ListedTemplate } from '../../plugin/core/templates/model.ts'
import { NUMBER_FIELDS, readNumberFacts } from './client.ts'
import type { Graph, GraphAccess } from './graph-call.ts'
import { asList, asObject, type Loose, readFlag, readId, readText, readTime } from './safe-read.ts'
import { readHealth } from './subscriptions.ts'
import type { AnswerWire } from './wire.ts'

/** WA-TEMPLATES */
const TEMPLATE_FIELDS =
  'id,name,language,status,category,parameter_format,components,rejected_reason,quality_score,previous_category'
const PAGE_SIZE = 100
/** 6,000 templates are the most that an account may have (contract §7). */
const MAX_PAGES = 80

export interface WebhookOverride {
  /** https, at most 200 characters. */
  callbackUrl: string
  verifyToken: string
}

export interface NumberDetails extends NumberFacts {
  id: string
  codeVerificationStatus?: string
  nameStatus?: string
  platformType?: string
  accountMode?: string
  /** What stands in the way of sending, in Meta's words. */
  problems: string[]
  webhooks: WebhookRouting
}

/** Where the webhooks of a number go, nearest first: number, then WABA, then app (WA-NUMBER). */
export interface WebhookRouting {
  number?: string
  waba?: string
  app?: string
}

export async function readNumberDetails(
  graph: Graph,
  access: GraphAccess,
  phoneNumberId: string
): Promise<NumberDetails> {
  const fields = `${NUMBER_FIELDS},code_verification_status,name_status,platform_type,account_mode,webhook_configuration`
  const answer = await graph.call(access, { method: 'GET', path: [phoneNumberId], query: { fields }, harmless: true })
  const details: NumberDetails = {
    ...readNumberFacts(answer),
    id: readId(answer.id) ?? phoneNumberId,
    problems: readHealth(answer.health_status).problems,
    webhooks: readRouting(answer)
  }
  setIds(details, answer, {
    codeVerificationStatus: 'code_verification_status',
    nameStatus: 'name_status',
    platformType: 'platform_type',
    accountMode: 'account_mode'
  })
  return details
}

export interface SubscribedApp {
  id: string
  name?: string
  overrideCallbackUrl?: string
}

/** The apps that get this WABA's webhooks; none is the usual reason for silence (contract §1; WA-SUBSCRIBED). */
export async function listSubscribedApps(graph: Graph, access: GraphAccess, wabaId: string): Promise<SubscribedApp[]> {
  const answer = await graph.call(access, { method: 'GET', path: [wabaId, 'subscribed_apps'], harmless: true })
  return asList(answer.data).flatMap(each => {
    const row = asObject(each)
    const app = asObject(row?.whatsapp_business_api_data)
    const id = readId(app?.id)
    if (id === undefined) return []
    const subscribed: SubscribedApp = { id }
    const name = readText(app?.name)
    const url = readText(row?.override_callback_uri)
    if (name !== undefined) subscribed.name = name
    if (url !== undefined) subscribed.overrideCallbackUrl = url
    return [subscribed]
  })
}

/** Subscribes the token's app to the WABA, with an override or (without one) clearing it. Harmless when repeated. */
export async function subscribeApp(
  graph: Graph,
  access: GraphAccess,
  wabaId: string,
  override?: WebhookOverride
): Promise<void> {
  const json = override === undefined ? {} : { json: toOverride(override) }
  await graph.call(access, { method: 'POST', path: [wabaId, 'subscribed_apps'], ...json, harmless: true })
}

export async function readWebhookRouting(
  graph: Graph,
  access: GraphAccess,
  phoneNumberId: string
): Promise<WebhookRouting> {
  const query = { fields: 'webhook_configuration' }
  return readRouting(await graph.call(access, { method: 'GET', path: [phoneNumberId], query, harmless: true }))
}

/** Sends this number's webhooks to an address of its own; null clears it. Meta asks the address at once (handshake). */
export async function setNumberWebhook(
  graph: Graph,
  access: GraphAccess,
  phoneNumberId: string,
  override: WebhookOverride | null
): Promise<void> {
  const configuration = override === null ? { override_callback_uri: '' } : toOverride(override)
  const json = { webhook_configuration: configuration }
  await graph.call(access, { method: 'POST', path: [phoneNumberId], json, harmless: true })
}

export interface TokenFacts {
  isValid: boolean
  appId?: string
  type?: string
  /** Absent: never. */
  expiresAt?: Date
  scopes: string[]
  /** Assets per scope; a scope without targets reaches all. */
  granularScopes: { scope: string; targetIds: string[] }[]
}

/** What a token may do (`debug_token`), asked in the name of the app (WA-DEBUG). */
export async function debugToken(
  graph: Graph,
  access: GraphAccess,
  app: { id: string; secret: string }
): Promise<TokenFacts> {
  // The app's own token needs no proof, and its secret goes into the header: it must not stand in a URL.
  const asApp: GraphAccess = {
    graphUrl: access.graphUrl,
    graphVersion: access.graphVersion,
    token: `${app.id}|${app.secret}`
  }
  const query = { input_token: access.token }
  const answer = await graph.call(asApp, { method: 'GET', path: ['debug_token'], query, harmless: true })
  const data = asObject(answer.data) ?? {}
  const facts: TokenFacts = {
    isValid: readFlag(data.is_valid) ?? false,
    scopes: asList(data.scopes).flatMap(scope => readId(scope) ?? []),
    granularScopes: asList(data.granular_scopes).flatMap(each => {
      const scope = readId(asObject(each)?.scope)
      const targetIds = asList(asObject(each)?.target_ids).flatMap(id => readId(id) ?? [])
      return scope === undefined ? [] : [{ scope, targetIds }]
    })
  }
  const expiresAt = readTime(data.expires_at)
  if (expiresAt !== undefined) facts.expiresAt = expiresAt
  setIds(facts, data, { appId: 'app_id', type: 'type' })
  return facts
}

export type { ListedTemplate }

/**
 * All templates of a WABA (or those that Graph finds by a name, which may be more than asked for; WA-TEMPLATE-NAME),
 * page by page.
 */
export async function* listTemplates(
  graph: Graph,
  access: GraphAccess,
  wabaId: string,
  name?: string
): AsyncGenerator<ListedTemplate[]> {
  let after: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = {
      fields: TEMPLATE_FIELDS,
      limit: String(PAGE_SIZE),
      ...(name === undefined ? {} : { name }),
      ...(after === undefined ? {} : { after })
    }
    const path = [wabaId, 'message_templates']
    const answer = await graph.call(access, { method: 'GET', path, query, harmless: true })
    yield asList(answer.data).flatMap(each => readTemplate(asObject(each)) ?? [])
    // `paging.next` is a URL with the token in it: only its being there is looked at, and our own is built
    // (WA-TEMPLATE-PAGES).
    const paging = asObject(answer.paging)
    const next = readText(asObject(paging?.cursors)?.after)
    if (readText(paging?.next) === undefined || next === undefined || next === after) return
    after = next
  }
}

function readTemplate(row: Loose | undefined): ListedTemplate | undefined {
  const name = readText(row?.name)
  const language = readId(row?.language)
  if (row === undefined || name === undefined || language === undefined) return undefined
  const template: ListedTemplate = {
    id: readId(row.id) ?? '',
    name,
    language,
    status: readId(row.status) ?? 'UNKNOWN',
    category: readId(row.category) ?? 'UNKNOWN',
    components: asList(row.components).filter(each => asObject(each) !== undefined) as Loose[]
  }
  setIds(template, row, { parameterFormat: 'parameter_format', rejectedReason: 'rejected_reason' })
  const score = readId(asObject(row.quality_score)?.score)
  if (score !== undefined) template.qualityScore = score
  return template
}

function readRouting(answer: AnswerWire): WebhookRouting {
  const configuration = asObject(answer.webhook_configuration)
  const routing: WebhookRouting = {}
  const number = readText(configuration?.phone_number)
  const waba = readText(configuration?.whatsapp_business_account)
  const app = readText(configuration?.application)
  if (number !== undefined) routing.number = number
  if (waba !== undefined) routing.waba = waba
  if (app !== undefined) routing.app = app
  return routing
}

function toOverride(override: WebhookOverride) {
  return { override_callback_uri: override.callbackUrl, verify_token: override.verifyToken }
}

function setIds<T extends object>(target: T, from: Loose, keys: { [K in keyof T]?: string }): void {
  for (const key of Object.keys(keys) as (keyof T)[]) {
    const value = readId(from[keys[key] as string])
    if (value !== undefined) target[key] = value as T[keyof T]
  }
}
