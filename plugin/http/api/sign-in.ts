/**
 * Signing in (design law 7: the frame is a locator, never an identity). On the desk's own host the desk validates what
 * the page read from its cookie; elsewhere a private note proves who is there.
 */
import type { FastifyRequest } from 'fastify'
import { PAIRING_MS, pairingCode } from '../../core/agents/pairing.ts'
import { PuenteError } from '../../core/errors.ts'
import type { DeskPerson } from '../../core/ports/desk-agents.ts'
import type { DeskRecord } from '../../core/ports/store.ts'
import type { SessionInfo, SignedIn } from '../contract/session.ts'
import { SESSION_MS, SESSION_PREFIX } from '../session/bearer.ts'
import type { ApiDeps, Handlers, SignedInAgent } from './deps.ts'

type SignInHandlers = Pick<
  Handlers,
  'signInWays' | 'signInByDesk' | 'startPairing' | 'askPairing' | 'readSession' | 'endSession'
>

export function signInHandlers(deps: ApiDeps): SignInHandlers {
  const { bridge, agents, access, people } = deps

  const open = async (
    desk: DeskRecord,
    person: DeskPerson,
    mode: 'desk' | 'paired',
    uid: string | null,
    request: FastifyRequest
  ): Promise<SignedIn> => {
    const token = `${SESSION_PREFIX}${deps.newSecret()}`
    const facts = { deskId: desk.id, agentId: person.id, mode, name: person.name, locale: person.locale, uid }
    const expiresAt = await agents.openSession(token, facts, SESSION_MS[mode])
    bridge.log.info({ desk: desk.id, mode }, 'agent signed in')
    const agent = { ...person, desk, session: null, role: person.role ?? ('agent' as const) }
    return { token, session: describe({ agent, token, mode, expiresAt }, deps.publicUrl(request)) }
  }

  return {
    async signInWays({ query }, { request }) {
      const desk = findDesk(deps, query.accountId, query.deskOrigin)
      if (desk === undefined) return { known: false, served: null, ways: [] }
      const numbers = bridge.registry.numbers().filter(number => number.deskId === desk.id)
      const served = query.inboxId === undefined ? null : numbers.some(number => number.inboxId === query.inboxId)
      const ways: ('desk' | 'pairing')[] = []
      if (new URL(desk.url).hostname === request.hostname) ways.push('desk')
      // Only a signed hook proves anything.
      if (numbers.some(number => number.hookSecret !== null)) ways.push('pairing')
      return { known: true, served, ways }
    },

    async signInByDesk({ body }, { request }) {
      const desk = findDesk(deps, body.accountId, body.deskOrigin)
      if (desk === undefined) throw new PuenteError('sign_in_refused')
      const { session } = body
      const own = { accessToken: session['access-token'], client: session.client, uid: session.uid }
      const told = await people.validate(desk, own)
      // In the account by the word of the desk's own list too, not only by that of the session.
      const listed = told === null ? null : await access.person(desk, told.id)
      if (told === null || told.role === null || listed === null) throw new PuenteError('sign_in_refused')
      return open(desk, { ...listed, locale: told.locale }, 'desk', session.uid, request)
    },

    async startPairing({ body }) {
      const desk = findDesk(deps, body.accountId, body.deskOrigin)
      if (desk === undefined) throw new PuenteError('not_found')
      const id = bridge.newId()
      const code = pairingCode(deps.randomBytes(8))
      const secret = deps.newSecret()
      const { conversationId, agentId } = body
      const expiresAt = await agents.startPairing(
        { id, deskId: desk.id, conversationId, agentId },
        code,
        secret,
        PAIRING_MS
      )
      return { pairingId: id, code, secret, expiresAt: expiresAt.toISOString() }
    },

    async askPairing({ params, body }, { request }) {
      const pairing = await agents.takePairing(params.pairingId, body.secret)
      if (pairing === null || pairing.state === 'spent' || pairing.state === 'cancelled') {
        throw new PuenteError('sign_in_refused')
      }
      if (pairing.state === 'waiting' || pairing.agent === null) return { state: 'waiting' }
      const desk = bridge.registry.desks().find(candidate => candidate.id === pairing.deskId)
      const person = desk === undefined ? null : await access.person(desk, pairing.agent.id)
      if (desk === undefined || person === null) throw new PuenteError('sign_in_refused')
      return { state: 'paired', signedIn: await open(desk, person, 'paired', null, request) }
    },

    readSession: async (_input, { agent, request }) => describe(agent, deps.publicUrl(request)),

    async endSession(_input, { agent }) {
      await agents.endSession(agent.token)
      return { ok: true }
    }
  }
}

function describe({ agent, mode, expiresAt }: SignedInAgent, publicUrl: string): SessionInfo {
  return {
    mode,
    accountId: agent.desk.accountId,
    agent: { id: agent.id, name: agent.name },
    role: agent.role,
    locale: agent.locale,
    deskUrl: agent.desk.url,
    adminUrl: agent.role === 'administrator' ? adminUrlOf(agent.desk, publicUrl) : null,
    expiresAt: expiresAt.toISOString()
  }
}

/** Says which desk it is about, so that a window of its own can sign in silently; a locator like the frame's. */
function adminUrlOf(desk: DeskRecord, publicUrl: string): string {
  const where = new URLSearchParams({ account: String(desk.accountId), desk: new URL(desk.url).origin })
  return `${publicUrl}/app/admin?${where}`
}

/** The desk that a frame is in; several desks may have an account of the same number. */
function findDesk(deps: ApiDeps, accountId: number, origin: string | undefined): DeskRecord | undefined {
  const served = new Set(deps.bridge.registry.numbers().map(number => number.deskId))
  const fitting = deps.bridge.registry
    .desks()
    .filter(desk => desk.accountId === accountId && served.has(desk.id))
    .filter(desk => origin === undefined || new URL(desk.url).origin === new URL(origin).origin)
  return fitting.length === 1 ? fitting[0] : undefined
}
