/** Which handler a request belongs to, what it costs, and what the ledger calls it. */

import { handleAgents, handleDirectUpload, handleUpload, profileShape, validateToken } from './account-api.ts'
import type { Answer, Ask } from './ask.ts'
import { notFound, ok, RecordInvalid, Refusal } from './ask.ts'
import { handleContactInboxes, handleContacts, handleMerge } from './contacts-api.ts'
import type { Context } from './context.ts'
import { findConversation } from './context.ts'
import { handleConversations } from './conversations-api.ts'
import { handleInboxes, handleInboxMembers } from './inboxes-api.ts'
import { handlePublic } from './public-api.ts'
import { handleSettings, isSettingKind } from './settings-api.ts'

export type Area = 'account' | 'public' | 'profile' | 'validate' | 'version' | 'none'

export interface Route {
  area: Area
  accountId?: string
  at: string[]
  /** Path for the ledger: without prefix and account, ids as `:id`. */
  name: string
  isRead: boolean
}

const ACCOUNT_PREFIX = '/api/v1/accounts/'
const PUBLIC_PREFIX = '/public/api/v1/inboxes/'

export function routeOf(method: string, path: string): Route {
  if (path.startsWith(ACCOUNT_PREFIX)) {
    const [accountId, ...at] = path.slice(ACCOUNT_PREFIX.length).split('/')
    if (at.at(-1) === '') at.pop()
    return {
      area: 'account',
      accountId: accountId ?? '',
      at,
      name: `${method} /${at.map(part => (isId(part) ? ':id' : part)).join('/')}`,
      isRead: method === 'GET' || method === 'HEAD' || at.at(-1) === 'filter'
    }
  }
  if (path.startsWith(PUBLIC_PREFIX)) {
    const at = path.slice(PUBLIC_PREFIX.length).split('/').map(decodeURIComponent)
    // Only the fixed words; the rest are the customer's credentials.
    const words = at.map((part, i) => (i === 1 || i === 3 || i === 5 ? part : ':id'))
    return { area: 'public', at, name: `${method} /public/inboxes/${words.join('/')}`, isRead: method === 'GET' }
  }
  const area: Area =
    path === '/api' || path === '/api/'
      ? 'version'
      : path === '/api/v1/profile'
        ? 'profile'
        : path === '/auth/validate_token'
          ? 'validate'
          : 'none'
  return { area, at: [], name: `${method} ${area === 'none' ? '/other' : path}`, isRead: method === 'GET' }
}

const isId = (part: string) => part.charCodeAt(0) >= 48 && part.charCodeAt(0) <= 57

/** Carries a request out, at once and whole. */
export function act(ctx: Context, route: Route, ask: Ask): Answer {
  try {
    return dispatch(ctx, route, ask)
  } catch (error) {
    if (error instanceof Refusal) return error.answer
    if (error instanceof RecordInvalid)
      return { status: 422, json: { message: error.message, attributes: error.attributes } }
    return { status: 500, json: { status: 500, error: 'Internal Server Error' } }
  }
}

function dispatch(ctx: Context, route: Route, ask: Ask): Answer {
  switch (route.area) {
    case 'version':
      return ok({
        version: ctx.dialect().version,
        timestamp: new Date(ctx.parts.clock.now()).toISOString().slice(0, 19).replace('T', ' '),
        queue_services: 'ok',
        data_services: 'ok'
      })
    case 'profile':
      return ok(profileShape(ctx, ask.user))
    case 'validate':
      return validateToken(ctx, ask.user)
    case 'public':
      return handlePublic(ctx, ask)
    case 'account':
      return dispatchAccount(ctx, ask)
    default:
      throw notFound()
  }
}

function dispatchAccount(ctx: Context, ask: Ask): Answer {
  const [first, second, third] = ask.at
  switch (first) {
    case undefined:
      return ok({
        ...ctx.shapes.accountRef(),
        locale: ctx.store.account.locale ?? 'en',
        domain: null,
        support_email: '',
        features: {}
      })
    case 'conversations':
      if (third === 'direct_uploads' && ask.method === 'POST') {
        findConversation(ctx, ask, second)
        return handleDirectUpload(ctx, ask)
      }
      return handleConversations(ctx, ask)
    case 'contacts':
      return handleContacts(ctx, ask)
    case 'contact_inboxes':
      return handleContactInboxes(ctx, ask)
    case 'actions':
      return handleMerge(ctx, ask)
    case 'inboxes':
      return handleInboxes(ctx, ask)
    case 'inbox_members':
      return handleInboxMembers(ctx, ask)
    case 'agents':
      return handleAgents(ctx, ask)
    case 'upload':
      return handleUpload(ctx, ask)
    default:
      if (isSettingKind(first)) return handleSettings(ctx, ask, first)
      throw notFound()
  }
}
