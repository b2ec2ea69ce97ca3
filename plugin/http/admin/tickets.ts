/**
 * Coming into the admin pages where no session of the desk can be seen: a ticket from the tab or the terminal, in the
 * fragment of an address, good for one exchange. The session it gives is for these pages alone.
 */
import { PuenteError } from '../../core/errors.ts'
import { WHOLE_INSTALLATION } from '../../core/ports/agent-store.ts'
import type { ApiDeps, Handlers } from '../api/deps.ts'
import { SESSION_MS, SESSION_PREFIX, TICKET_MS, TICKET_PREFIX } from '../session/bearer.ts'

type TicketHandlers = Pick<Handlers, 'openAdminTicket' | 'signInByTicket' | 'endOversight'>

export function ticketHandlers(deps: ApiDeps): TicketHandlers {
  const { agents, bridge } = deps
  return {
    async openAdminTicket(_input, { agent: { agent } }) {
      const ticket = `${TICKET_PREFIX}${deps.newSecret()}`
      const { id: agentId, name, locale, desk } = agent
      const facts = { deskId: desk.id, agentId, mode: 'ticket' as const, name, locale, uid: null }
      const expiresAt = await agents.openSession(ticket, facts, TICKET_MS.tab)
      return { ticket, expiresAt: expiresAt.toISOString() }
    },

    async signInByTicket({ body }) {
      const whose = body.ticket.startsWith(TICKET_PREFIX) ? await agents.takeTicket(body.ticket, 'ticket') : null
      if (whose === null || !(await mayOversee(whose))) throw new PuenteError('link_spent')
      const token = `${SESSION_PREFIX}${deps.newSecret()}`
      const expiresAt = await agents.openSession(
        token,
        { ...whose, mode: 'admin', uid: null, until: null },
        SESSION_MS.admin
      )
      bridge.log.info({ desk: whose.deskId }, 'admin pages opened by a one-time link')
      return { token, expiresAt: expiresAt.toISOString() }
    },

    async endOversight(_input, { overseer }) {
      await agents.endSession(overseer.token)
      return { ok: true }
    }
  }

  /** The role may have changed since the ticket was made. */
  async function mayOversee({ deskId, agentId }: { deskId: number; agentId: number }): Promise<boolean> {
    if (deskId === WHOLE_INSTALLATION.deskId) return true
    const desk = bridge.registry.desks().find(candidate => candidate.id === deskId)
    return desk !== undefined && (await deps.access.person(desk, agentId))?.role === 'administrator'
  }
}
