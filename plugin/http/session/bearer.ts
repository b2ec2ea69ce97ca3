/**
 * Who is calling: an agent's bearer session, one of the admin pages, or an API key. Cookies count for nothing here. A
 * session is checked against the desk's own list of people on every request, and again and again while a stream lasts;
 * a desk session that comes along must be the same person's.
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { PuenteError } from '../../core/errors.ts'
import { type AgentSession, WHOLE_INSTALLATION } from '../../core/ports/agent-store.ts'
import type { AgentDeskSession } from '../../core/ports/help-desk.ts'
import type { ApiDeps, Overseer, SignedInAgent } from '../api/deps.ts'
import { deskSession } from '../contract/session.ts'
import { BUCKETS, type Buckets } from './buckets.ts'

export const SESSION_PREFIX = 'pas_'
export const KEY_PREFIX = 'pak_'
/** Never accepted as a bearer: a ticket is only good for being exchanged. */
export const TICKET_PREFIX = 'pat_'

/** A silent sign-in costs nothing, so these are short; a pairing costs a note, so it lasts a working day. */
export const SESSION_MS = { desk: 60 * 60_000, paired: 10 * 60 * 60_000, admin: 60 * 60_000 }

/** From a click in the tab · from a terminal to a browser, perhaps on another machine. */
export const TICKET_MS = { tab: 2 * 60_000, terminal: 10 * 60_000 }

export function bearerOf(request: FastifyRequest): string | null {
  const header = request.headers.authorization
  const match = /^Bearer ([\w-]{20,200})$/.exec(header ?? '')
  return match?.[1] ?? null
}

/** Fails with `session_invalid`, `sign_in_refused` or `too_many_requests`. */
export async function requireAgent(deps: ApiDeps, buckets: Buckets, request: FastifyRequest): Promise<SignedInAgent> {
  const token = bearerOf(request)
  if (token === null || !token.startsWith(SESSION_PREFIX)) throw refuse(buckets, request, 'session_invalid')
  const session = await deps.agents.findSession(token)
  // Whoever came by a link for the admin pages is nobody in a conversation.
  if (session === null || (session.mode !== 'desk' && session.mode !== 'paired')) {
    throw refuse(buckets, request, 'session_invalid')
  }
  buckets.take(`agent ${session.deskId} ${session.agentId}`, BUCKETS.agent)
  const own = session.mode === 'desk' ? deskSessionOf(request) : null
  if (own !== null && (session.uidHash === null || !timingSafeEqual(deps.hash(own.uid), session.uidHash))) {
    throw new PuenteError('sign_in_refused')
  }
  return personOf(deps, token, session, session.mode, own)
}

/** The same agent as they are now, by the bearer alone; fails with `session_invalid`. */
export async function lookAgain(deps: ApiDeps, { token, agent }: SignedInAgent): Promise<SignedInAgent> {
  const session = await deps.agents.findSession(token)
  if (session === null || (session.mode !== 'desk' && session.mode !== 'paired')) {
    throw new PuenteError('session_invalid')
  }
  return personOf(deps, token, session, session.mode, agent.session)
}

async function personOf(
  deps: ApiDeps,
  token: string,
  session: AgentSession,
  mode: SignedInAgent['mode'],
  own: AgentDeskSession | null
): Promise<SignedInAgent> {
  const desk = deps.bridge.registry.desks().find(candidate => candidate.id === session.deskId)
  const person = desk === undefined ? null : await deps.access.person(desk, session.agentId)
  if (desk === undefined || person === null || person.role === null) {
    // Taken out of the account: the session ends with it.
    await deps.agents.endSession(token)
    throw new PuenteError('session_invalid')
  }
  return {
    token,
    mode,
    expiresAt: session.expiresAt,
    deskUrl: deps.desks.urlOf(desk, session.deskOrigin),
    agent: {
      desk,
      id: session.agentId,
      name: person.name,
      role: person.role,
      customRoleId: person.customRoleId,
      locale: session.locale,
      session: own
    }
  }
}

/** An administrator of a desk, or who came by a link: fails as `requireAgent` does, and with `not_allowed`. */
export async function requireOverseer(deps: ApiDeps, buckets: Buckets, request: FastifyRequest): Promise<Overseer> {
  const token = bearerOf(request)
  if (token === null || !token.startsWith(SESSION_PREFIX)) throw refuse(buckets, request, 'session_invalid')
  const session = await deps.agents.findSession(token)
  if (session === null) throw refuse(buckets, request, 'session_invalid')
  if (session.mode !== 'admin') {
    const { agent, expiresAt } = await requireAgent(deps, buckets, request)
    if (agent.role !== 'administrator') throw new PuenteError('not_allowed')
    return { token, expiresAt, deskId: agent.desk.id, name: agent.name }
  }
  buckets.take(`overseer ${session.deskId} ${session.agentId}`, BUCKETS.agent)
  if (session.deskId === WHOLE_INSTALLATION.deskId) {
    return { token, expiresAt: session.expiresAt, deskId: null, name: null }
  }
  const desk = deps.bridge.registry.desks().find(candidate => candidate.id === session.deskId)
  const person = desk === undefined ? null : await deps.access.person(desk, session.agentId)
  if (person?.role !== 'administrator') {
    // No longer an administrator: the session ends with that.
    await deps.agents.endSession(token)
    throw new PuenteError('session_invalid')
  }
  return { token, expiresAt: session.expiresAt, deskId: session.deskId, name: person.name }
}

export async function requireKey(deps: ApiDeps, buckets: Buckets, request: FastifyRequest) {
  const token = bearerOf(request)
  if (token === null || !token.startsWith(KEY_PREFIX)) throw refuse(buckets, request, 'key_invalid')
  const key = await deps.agents.findApiKey(token)
  if (key === null) throw refuse(buckets, request, 'key_invalid')
  buckets.take(`key ${key.id}`, BUCKETS.key)
  return key
}

function refuse(buckets: Buckets, request: FastifyRequest, code: 'session_invalid' | 'key_invalid'): PuenteError {
  buckets.take(`refused ${request.ip}`, BUCKETS.refused)
  return new PuenteError(code)
}

const DESK_SESSION = 'x-desk-session'

/** Of a request that goes on for long: what was read of it is held by nobody any more. */
export function forgetDeskSession(raw: Pick<FastifyRequest['raw'], 'headers' | 'rawHeaders'>): void {
  delete raw.headers[DESK_SESSION]
  for (let n = 0; n < raw.rawHeaders.length; n += 2) {
    if (raw.rawHeaders[n]!.toLowerCase() === DESK_SESSION) raw.rawHeaders[n + 1] = ''
  }
}

/** What the page read from the desk's cookie; null when it sent none that is readable. */
function deskSessionOf(request: FastifyRequest): AgentDeskSession | null {
  const header = request.headers[DESK_SESSION]
  if (typeof header !== 'string' || header.length > 4_000) return null
  try {
    const parsed = deskSession.parse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')))
    return { accessToken: parsed['access-token'], client: parsed.client, uid: parsed.uid }
  } catch {
    return null
  }
}
