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
import { SESSION_MS, SESSION_PREFIX, TICKET_MS, TICKET_PREFIX } from '../session/bearer.ts'
import type { ApiDeps, Handlers, SignedInAgent } from './deps.ts'

interface Opening {
  desk: DeskRecord
  person: DeskPerson
  mode: SignedInAgent['mode']
  /** Whose desk session it was, where one was seen. */
  uid?: string
  /** Where the page says that it has the desk. */
  deskOrigin?: string | null
  /** Of what it was handed over from. */
  leftMs?: number
}

type SignInHandlers = Pick<
  Handlers,
  | 'signInWays'
  | 'signInByDesk'
  | 'startPairing'
  | 'askPairing'
  | 'openHandover'
  | 'takeHandover'
  | 'readSession'
  | 'endSession'
>

export function signInHandlers(deps: ApiDeps): SignInHandlers {
  const { bridge, agents, access, people, desks } = deps

  const open = async ({ desk, person, mode, ...given }: Opening, request: FastifyRequest): Promise<SignedIn> => {
    const token = `${SESSION_PREFIX}${deps.newSecret()}`
    const { uid = null, deskOrigin = null } = given
    const facts = { deskId: desk.id, agentId: person.id, mode, name: person.name, locale: person.locale }
    const lifeMs = Math.min(SESSION_MS[mode], given.leftMs ?? Number.POSITIVE_INFINITY)
    const expiresAt = await agents.openSession(token, { ...facts, uid, deskOrigin }, lifeMs)
    bridge.log.info({ desk: desk.id, mode }, 'agent signed in')
    const agent = { ...person, desk, session: null, role: person.role ?? ('agent' as const) }
    const deskUrl = desks.urlOf(desk, deskOrigin)
    return { token, session: describe({ agent, token, mode, expiresAt, deskUrl }, deps.publicUrl(request)) }
  }
  /** Only a signed hook proves anything. */
  const canPair = (desk: DeskRecord, inboxId?: number): boolean =>
    bridge.registry
      .numbers()
      .some(
        number =>
          number.deskId === desk.id &&
          number.hookSecret !== null &&
          (inboxId === undefined || number.inboxId === inboxId)
      )

  return {
    async signInWays({ query }, { request }) {
      const desk = desks.find(query.accountId, query.deskOrigin)
      if (desk === undefined) return { known: false, served: null, ways: [] }
      const numbers = bridge.registry.numbers().filter(number => number.deskId === desk.id)
      const served = query.inboxId === undefined ? null : numbers.some(number => number.inboxId === query.inboxId)
      const ways: ('desk' | 'pairing')[] = []
      if (new URL(desks.urlOf(desk, query.deskOrigin)).hostname === request.hostname) ways.push('desk')
      if (canPair(desk, query.inboxId)) ways.push('pairing')
      return { known: true, served, ways }
    },

    async signInByDesk({ body }, { request }) {
      const { session, deskOrigin } = body
      const desk = desks.find(body.accountId, deskOrigin)
      if (desk === undefined) throw new PuenteError('sign_in_refused')
      const own = { accessToken: session['access-token'], client: session.client, uid: session.uid }
      const told = await people.validate(desk, own)
      // In the account by the word of the desk's own list too, not only by that of the session.
      const listed = told === null ? null : await access.person(desk, told.id)
      if (told === null || told.role === null || listed === null) throw new PuenteError('sign_in_refused')
      const person = { ...listed, locale: told.locale }
      return open({ desk, person, mode: 'desk', uid: session.uid, deskOrigin }, request)
    },

    async startPairing({ body }) {
      const desk = desks.find(body.accountId, body.deskOrigin)
      if (desk === undefined) throw new PuenteError('not_found')
      if (!canPair(desk)) throw new PuenteError('sign_in_refused')
      const id = bridge.newId()
      const code = pairingCode(deps.randomBytes(8))
      const secret = deps.newSecret()
      const { conversationId = null, agentId = null } = body
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
      const { deskOrigin } = body
      return { state: 'paired', signedIn: await open({ desk, person, mode: 'paired', deskOrigin }, request) }
    },

    async openHandover(_input, { agent: { agent, token } }) {
      const ticket = `${TICKET_PREFIX}${deps.newSecret()}`
      const session = await agents.findSession(token)
      if (session === null) throw new PuenteError('session_invalid')
      const { name, locale, deskOrigin, expiresAt: until } = session
      const facts = { deskId: agent.desk.id, agentId: agent.id, mode: 'handover' as const, name, locale, deskOrigin }
      const expiresAt = await agents.openSession(ticket, { ...facts, until, uid: null }, TICKET_MS.tab)
      return { ticket, expiresAt: expiresAt.toISOString() }
    },

    async takeHandover({ body }, { request }) {
      const whose = body.ticket.startsWith(TICKET_PREFIX) ? await agents.takeTicket(body.ticket, 'handover') : null
      const desk = bridge.registry.desks().find(candidate => candidate.id === whose?.deskId)
      // They may have left the account since.
      const listed = whose === null || desk === undefined ? null : await access.person(desk, whose.agentId)
      const leftMs = (whose?.until?.getTime() ?? 0) - Date.now()
      if (whose === null || desk === undefined || listed === null || leftMs <= 0) throw new PuenteError('link_spent')
      const { locale, deskOrigin } = whose
      return open({ desk, person: { ...listed, locale }, mode: 'paired', deskOrigin, leftMs }, request)
    },

    readSession: async (_input, { agent, request }) => describe(agent, deps.publicUrl(request)),

    async endSession(_input, { agent }) {
      await agents.endSession(agent.token)
      return { ok: true }
    }
  }
}

function describe({ agent, mode, expiresAt, deskUrl }: SignedInAgent, publicUrl: string): SessionInfo {
  return {
    mode,
    accountId: agent.desk.accountId,
    agent: { id: agent.id, name: agent.name },
    role: agent.role,
    locale: agent.locale,
    deskUrl,
    adminUrl: agent.role === 'administrator' ? adminUrlOf(agent.desk.accountId, deskUrl, publicUrl) : null,
    expiresAt: expiresAt.toISOString()
  }
}

/** Says which desk it is about, so that a window of its own can sign in silently; a locator like the frame's. */
function adminUrlOf(accountId: number, deskUrl: string, publicUrl: string): string {
  const where = new URLSearchParams({ account: String(accountId), desk: new URL(deskUrl).origin })
  return `${publicUrl}/app/admin?${where}`
}
