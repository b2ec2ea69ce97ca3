/** The app's own calls: webhook subscription and token inspection (contract §1, §8). */
import { createHmac } from 'node:crypto'
import { GraphError, missingObject } from './errors.ts'
import { type ManageCall, needHandshake, pickFields } from './manage-call.ts'
import type { Json } from './model.ts'
import { findCallback, type World } from './world.ts'

/** Calls under `/{APP}`. */
export async function manageApp(world: World, call: ManageCall): Promise<unknown> {
  const { method, path, body, query } = call
  const { identity, subscription } = world
  const edge = path[1]
  if (edge === undefined && method === 'GET')
    return pickFields(
      { id: identity.appId, name: identity.appName, link: 'https://example.org/' },
      query.get('fields'),
      ['name', 'link']
    )
  if (edge === 'subscriptions') {
    if (call.asApp !== true) throw new GraphError(15)
    if (method === 'POST') {
      const read = (key: string) => String(body[key] ?? query.get(key) ?? '')
      if (read('object') !== 'whatsapp_business_account')
        throw new GraphError(100, "Param object must be 'whatsapp_business_account'.")
      const url = read('callback_url')
      await needHandshake(world, url, read('verify_token'))
      const given = body['fields'] ?? query.get('fields') ?? ''
      const fields = (Array.isArray(given) ? given.map(String) : String(given).split(','))
        .map(one => one.trim())
        .filter(one => one !== '')
      if (fields.some(field => world.knobs.refusedFields.includes(field)))
        throw new GraphError(100, 'Param fields has a value that is not valid for this app.')
      subscription.appCallback = { url, verifyToken: read('verify_token'), fields }
      return { success: true }
    }
    if (method === 'DELETE') {
      subscription.appCallback = null
      return { success: true }
    }
    const app = subscription.appCallback
    return {
      data: app
        ? [
            {
              object: 'whatsapp_business_account',
              callback_url: app.url,
              active: world.knobs.appActive,
              fields: app.fields.map(name => ({ name, version: 'v25.0' }))
            }
          ]
        : []
    }
  }
  throw missingObject(method, path.join('/'))
}

/** `GET /debug_token`. */
export function debugToken(world: World, inputToken: string | null): Json {
  const { identity, knobs } = world
  if (inputToken !== (knobs.validToken ?? identity.token) || knobs.token === 'expired') {
    return { data: { error: { code: 190, message: 'Invalid OAuth access token' }, is_valid: false, scopes: [] } }
  }
  const { scopes } = knobs
  return {
    data: {
      app_id: identity.appId,
      type: 'SYSTEM_USER',
      application: identity.appName,
      data_access_expires_at: 0,
      expires_at: 0,
      is_valid: true,
      issued_at: 1_793_793_600,
      scopes,
      granular_scopes: scopes.map(scope => ({ scope, target_ids: [identity.wabaId] })),
      user_id: identity.systemUserId
    }
  }
}

/** hex HMAC-SHA256 of the token under the app secret: what `appsecret_proof` must be. */
export function proofOf(token: string, appSecret: string): string {
  return createHmac('sha256', appSecret).update(token).digest('hex')
}

/** Whether webhooks of a field reach anybody: for the config door. */
export function listCallbacks(world: World): Json {
  return {
    messages: findCallback(world, 'messages', world.numbers[0] ?? null),
    account: findCallback(world, 'account_update', null),
    wabaSubscribed: world.subscription.wabaSubscribed
  }
}
