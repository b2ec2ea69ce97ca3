/** Management calls of a number and of the account (contract §8). Templates and app have their own files. */
import { asRecord } from '../wire.ts'
import { GraphError, missingObject } from './errors.ts'
import { type ManageCall, needHandshake, pickFields } from './manage-call.ts'
import { createTemplate, deleteTemplates, listTemplates } from './manage-templates.ts'
import type { GraphNumber, Json, Knobs } from './model.ts'
import { findAnalytics, pricingAnalytics } from './pricing.ts'
import type { World } from './world.ts'

function describeNumber(world: World, number: GraphNumber): Json {
  const { knobs, subscription, identity } = world
  const available = knobs.health ?? (knobs.token === 'valid' ? 'AVAILABLE' : 'BLOCKED')
  return {
    id: number.phoneNumberId,
    display_phone_number: number.displayPhoneNumber,
    verified_name: number.verifiedName,
    quality_rating: knobs.quality,
    code_verification_status: 'VERIFIED',
    name_status: knobs.nameStatus,
    new_name_status: 'NONE',
    status: knobs.numberStatus ?? (number.registered ? 'CONNECTED' : 'DISCONNECTED'),
    platform_type: 'CLOUD_API',
    throughput: { level: knobs.throughput === 'off' ? 'HIGH' : knobs.throughput },
    account_mode: 'LIVE',
    is_official_business_account: false,
    is_pin_enabled: number.pin !== null,
    is_on_biz_app: knobs.onBizApp,
    last_onboarded_time: '2026-09-01T12:00:00+0000',
    whatsapp_business_manager_messaging_limit: knobs.messagingLimit,
    webhook_configuration: {
      ...(number.overrideUri ? { phone_number: number.overrideUri } : {}),
      ...(subscription.wabaOverrideUri ? { whatsapp_business_account: subscription.wabaOverrideUri } : {}),
      ...(subscription.appCallback ? { application: subscription.appCallback.url } : {})
    },
    health_status: {
      can_send_message: available,
      entities: [
        {
          entity_type: 'PHONE_NUMBER',
          id: number.phoneNumberId,
          can_send_message: available,
          can_receive_call_sip: 'AVAILABLE',
          ...(knobs.healthErrors.length === 0 ? {} : { errors: knobs.healthErrors.map(toHealthError) })
        },
        { entity_type: 'WABA', id: identity.wabaId, can_send_message: 'AVAILABLE' },
        { entity_type: 'BUSINESS', id: identity.businessId, can_send_message: 'AVAILABLE' },
        { entity_type: 'APP', id: identity.appId, can_send_message: 'AVAILABLE', can_receive_call_sip: 'AVAILABLE' }
      ]
    }
  }
}

const toHealthError = ({ code, description, solution }: Knobs['healthErrors'][number]): Json => ({
  error_code: code,
  error_description: description,
  ...(solution === undefined ? {} : { possible_solution: solution })
})

const NUMBER_DEFAULTS = [
  'verified_name',
  'code_verification_status',
  'display_phone_number',
  'quality_rating',
  'platform_type',
  'throughput',
  'webhook_configuration',
  'last_onboarded_time'
]

/** Calls under `/{PHONE}`, without `messages` and `media`. */
export async function manageNumber(world: World, number: GraphNumber, call: ManageCall): Promise<unknown> {
  const { method, path, query, body } = call
  const edge = path[1]
  if (edge === undefined) {
    if (method === 'GET') return pickFields(describeNumber(world, number), query.get('fields'), NUMBER_DEFAULTS)
    if (method === 'POST') return configureNumber(world, number, body)
  }
  if (edge === 'whatsapp_business_profile') {
    if (method === 'POST') {
      const { messaging_product: _, ...profile } = body
      Object.assign(number.profile, profile)
      return { success: true }
    }
    const { id: _, ...profile } = pickFields(
      { ...number.profile, id: '' },
      query.get('fields'),
      Object.keys(number.profile)
    )
    return { data: [{ ...profile, messaging_product: 'whatsapp' }] }
  }
  if (edge === 'register' && method === 'POST') {
    const pin = String(body['pin'] ?? '')
    if (!/^\d{6}$/.test(pin)) throw new GraphError(100, 'Param pin must be 6 digits.')
    if (number.pin !== null && number.pin !== pin) throw new GraphError(133005)
    number.pin = pin
    number.registered = true
    return { success: true }
  }
  if (edge === 'deregister' && method === 'POST') {
    number.registered = false
    return { success: true }
  }
  if (edge === 'settings') return settingsOf(number, call)
  if ((edge === 'request_code' || edge === 'verify_code') && method === 'POST') return { success: true }
  if (edge === 'smb_app_data' && method === 'POST')
    return { messaging_product: 'whatsapp', request_id: world.ids.trace() }
  if (edge === 'conversational_automation' && method === 'POST') return { success: true }
  if (edge === 'block_users') return blockUsers(world, number, call)
  throw missingObject(method, path.join('/'))
}

/** Of the settings of a number the stand-in knows those for calls (D:calling/call-settings). */
function settingsOf(number: GraphNumber, { method, body }: ManageCall): Json {
  if (method !== 'POST') {
    const calling = { status: number.calling ?? 'ENABLED', call_icon_visibility: 'DEFAULT' }
    return { calling, storage_configuration: { status: 'DEFAULT' } }
  }
  const { status } = asRecord(body['calling'])
  if (status !== undefined) {
    if (status !== 'ENABLED' && status !== 'DISABLED')
      throw new GraphError(100, 'Param status must be ENABLED or DISABLED.')
    number.calling = status
  }
  return { success: true }
}

async function configureNumber(world: World, number: GraphNumber, body: Json): Promise<Json> {
  if (body['webhook_configuration'] !== undefined) {
    const configuration = asRecord(body['webhook_configuration'])
    const uri = String(configuration['override_callback_uri'] ?? '')
    if (uri === '') {
      number.overrideUri = null
      return { success: true }
    }
    await needHandshake(world, uri, String(configuration['verify_token'] ?? ''))
    number.overrideUri = uri
    return { success: true }
  }
  if (body['pin'] !== undefined) {
    if (!/^\d{6}$/.test(String(body['pin']))) throw new GraphError(100, 'Param pin must be 6 digits.')
    number.pin = String(body['pin'])
    return { success: true }
  }
  throw new GraphError(100, 'Nothing to change.')
}

function blockUsers(world: World, number: GraphNumber, { method, body }: ManageCall): Json {
  if (method === 'GET') {
    const users = [...world.blocked].map(key => ({ input: key, wa_id: key }))
    return { data: [{ block_users: users }], paging: { cursors: { after: 'MTAx', before: 'NDMy' } } }
  }
  const listed = Array.isArray(body['block_users']) ? (body['block_users'] as Json[]) : []
  const done: Json[] = []
  for (const one of listed) {
    const key = String(one['user'] ?? one['user_id'] ?? '')
    const customer = world.customers.find(key)
    if (!customer) throw new GraphError(139100)
    const chat = world.chats.get(number.phoneNumberId, customer.id)
    if (method === 'POST' && !world.chats.isWindowOpen(chat))
      throw new GraphError(139100, 'User has not messaged in the last 24 hours')
    const waId = customer.waId ?? customer.userId
    if (method === 'POST') world.blocked.add(waId)
    else world.blocked.delete(waId)
    done.push({ input: key, wa_id: waId })
  }
  return {
    messaging_product: 'whatsapp',
    block_users: method === 'POST' ? { added_users: done } : { removed_users: done }
  }
}

/** Calls under `/{WABA}`. */
export async function manageAccount(world: World, call: ManageCall): Promise<unknown> {
  const { method, path, query, body } = call
  const { identity, knobs, subscription } = world
  const edge = path[1]
  if (edge === undefined && method === 'GET') {
    const account: Json = {
      id: identity.wabaId,
      name: identity.wabaName,
      timezone_id: '25',
      message_template_namespace: 'ba30dd89_0000_0000_0000_000000000000',
      account_review_status: 'APPROVED',
      business_verification_status: 'verified',
      ownership_type: 'SELF',
      status: 'ACTIVE',
      country: 'ES',
      currency: 'EUR',
      owner_business_info: { id: identity.businessId, name: 'Sandbox Shop' },
      whatsapp_business_manager_messaging_limit: knobs.messagingLimit,
      health_status: {
        can_send_message: 'AVAILABLE',
        entities: [{ entity_type: 'WABA', id: identity.wabaId, can_send_message: 'AVAILABLE' }]
      }
    }
    const analytics = findAnalytics(query.get('fields'))
    if (analytics !== null) account['pricing_analytics'] = pricingAnalytics(world, analytics)
    return pickFields(account, query.get('fields'), ['name', 'timezone_id', 'message_template_namespace', 'currency'])
  }
  if (edge === 'pricing_analytics' && method === 'GET') return pricingAnalytics(world, new Map(query))
  if (edge === 'phone_numbers' && method === 'GET') {
    const data = world.numbers.map(number =>
      pickFields(describeNumber(world, number), query.get('fields'), NUMBER_DEFAULTS)
    )
    return { data, paging: { cursors: { before: 'QVFIUbefore', after: 'QVFIUafter' } } }
  }
  if (edge === 'subscribed_apps') {
    if (method === 'POST') {
      const uri = String(body['override_callback_uri'] ?? query.get('override_callback_uri') ?? '')
      if (uri !== '') await needHandshake(world, uri, String(body['verify_token'] ?? query.get('verify_token') ?? ''))
      subscription.wabaSubscribed = true
      subscription.wabaOverrideUri = uri === '' ? null : uri
      return { success: true }
    }
    if (method === 'DELETE') {
      subscription.wabaSubscribed = false
      subscription.wabaOverrideUri = null
      return { success: true }
    }
    const app = {
      whatsapp_business_api_data: {
        id: identity.appId,
        name: identity.appName,
        link: `https://www.facebook.com/games/?app_id=${identity.appId}`
      }
    }
    const ours = subscription.wabaSubscribed
      ? [{ ...app, ...(subscription.wabaOverrideUri ? { override_callback_uri: subscription.wabaOverrideUri } : {}) }]
      : []
    const others = knobs.otherApps.map(({ id, name, override }) => ({
      whatsapp_business_api_data: { id, name, link: `https://www.facebook.com/games/?app_id=${id}` },
      ...(override === undefined ? {} : { override_callback_uri: override })
    }))
    return { data: [...ours, ...others] }
  }
  if (edge === 'message_templates') {
    if (method === 'GET') return listTemplates(world, query)
    if (method === 'POST') return createTemplate(world, body)
    if (method === 'DELETE') return deleteTemplates(world, query)
  }
  throw missingObject(method, path.join('/'))
}
