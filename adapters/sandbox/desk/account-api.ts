/** Who is asking, and what the account holds apart from talk: profile, agents, uploads (contract §4.1, §7). */
import type { Answer, Ask } from './ask.ts'
import { asHash, asText, notFound, ok } from './ask.ts'
import { addBlob } from './blobs.ts'
import type { Context } from './context.ts'
import { uploadExternal } from './external-upload.ts'
import { iso } from './json.ts'
import type { Hash, User } from './records.ts'
import type { Store } from './store.ts'
import { sessionKey } from './store.ts'

/** `/auth/validate_token` knows only sessions. */
export const NO_SESSION = { success: false, errors: ['Invalid login credentials'] }

type Headers = Record<string, string | string[] | undefined>

/** By `api_access_token` (also spelled with dashes) or by the dashboard's session headers. */
export function findUser(store: Store, headers: Headers): User | 'none' | 'unknown' {
  const token = headers['api_access_token'] ?? headers['api-access-token']
  if (token !== undefined) return store.usersByToken.get(String(token)) ?? 'unknown'
  const accessToken = headers['access-token']
  if (accessToken === undefined) return 'none'
  const session = { accessToken: String(accessToken), client: String(headers['client']), uid: String(headers['uid']) }
  return store.usersBySession.get(sessionKey(session)) ?? 'none'
}

export const UNAUTHENTICATED = {
  none: { errors: ['You need to sign in or sign up before continuing.'] },
  unknown: { error: 'Invalid Access Token' }
}

/** `inBrowser`: asked with the dashboard's session, so the person is there. */
export function profileShape(ctx: Context, user: User, inBrowser = false): Hash {
  return {
    access_token: user.token,
    account_id: ctx.store.account.id,
    available_name: user.name,
    avatar_url: '',
    confirmed: true,
    display_name: null,
    message_signature: null,
    email: user.email,
    id: user.id,
    inviter_id: null,
    name: user.name,
    provider: 'email',
    pubsub_token: user.pubsubToken,
    role: user.role,
    ui_settings: {},
    uid: user.email,
    type: null,
    accounts: [
      {
        id: ctx.store.account.id,
        name: ctx.store.account.name,
        status: user.removed ? 'suspended' : 'active',
        onboarding_step: null,
        active_at: inBrowser ? iso(ctx.parts.clock.now()) : null,
        role: user.role,
        permissions: [user.role],
        availability: 'online',
        availability_status: inBrowser ? 'online' : 'offline',
        auto_offline: true,
        ...(ctx.dialect().tellsHooksAllowed ? { api_and_webhooks: true } : {}),
        custom_role_id: user.customRoleId ?? null,
        custom_role: null
      }
    ]
  }
}

export function validateToken(ctx: Context, user: User): Answer {
  return ok({ payload: { success: true, data: { ...profileShape(ctx, user, true), created_at: iso(user.createdAt) } } })
}

export function handleAgents(ctx: Context, ask: Ask): Answer {
  if (ask.at[1] !== undefined || ask.method !== 'GET') throw notFound()
  return ok(ctx.store.users.filter(user => !user.removed).map(user => ctx.shapes.agent(user)))
}

/** `POST …/upload`, answered with a URL and a signed id. */
export function handleUpload(ctx: Context, ask: Ask): Answer {
  const url = asText(ask.body['external_url'])
  if (ask.method === 'POST' && url !== null) return { status: 0, later: uploadExternal(ctx, url) }
  const file = ask.files.find(candidate => candidate.field === 'attachment') ?? ask.files[0]
  if (ask.method !== 'POST' || !file) return { status: 422, json: { error: 'No file or URL provided' } }
  const path = `${file.blob.signedId}/${encodeURIComponent(file.blob.filename)}`
  return ok({ file_url: `${ctx.baseUrl()}/rails/active_storage/blobs/redirect/${path}`, blob_id: file.blob.signedId })
}

/** Announces a file that is then PUT to `direct_upload.url`. */
export function handleDirectUpload(ctx: Context, ask: Ask): Answer {
  const input = asHash(ask.body['blob'])
  const size = Number(input['byte_size'])
  if (!Number.isFinite(size)) return { status: 422, json: { error: "Byte size can't be blank" } }
  const contentType = asText(input['content_type']) ?? 'application/octet-stream'
  const filename = asText(input['filename']) ?? 'file'
  const blob = addBlob(ctx.store, { filename, contentType, size, sha256: '', bytes: null })
  return ok({
    id: blob.id,
    key: blob.signedId.slice(-28),
    filename,
    content_type: contentType,
    metadata: {},
    service_name: 'local',
    byte_size: size,
    checksum: asText(input['checksum']),
    created_at: iso(ctx.parts.clock.now()),
    signed_id: blob.signedId,
    direct_upload: {
      url: `${ctx.baseUrl()}/rails/active_storage/disk/${blob.signedId}`,
      headers: { 'Content-Type': contentType }
    }
  })
}
