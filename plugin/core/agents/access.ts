/**
 * What an agent may see, asked of the desk: by the agent's own session where a request brings it, otherwise rebuilt
 * from roles, members of inboxes and teams (contract/chatwoot §7). Answers are remembered for seconds only.
 */
import type { Bridge } from '../bridge.ts'
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import type { ConversationPicture, DeskAgents, DeskPerson } from '../ports/desk-agents.ts'
import type { AgentDeskSession, DeskAccess } from '../ports/help-desk.ts'
import type { DeskRecord } from '../ports/store.ts'
import type { ServedNumber } from '../registry.ts'

/** Who asks, as far as it was checked. */
export interface Agent {
  desk: DeskRecord
  id: number
  name: string
  role: 'administrator' | 'agent'
  customRoleId: number | null
  locale: string | null
  /** Only for as long as the request lasts. */
  session: AgentDeskSession | null
}

export interface AgentAccess {
  /** Somebody of the desk's account, or null: not (or no longer) in it. */
  person(desk: DeskRecord, agentId: number): Promise<DeskPerson | null>
  /** Fails with `not_found` or `not_allowed`. */
  conversation(agent: Agent, conversationId: number): Promise<ConversationPicture>
  /**
   * Whether who saw a conversation may go on seeing it, without their own session. Asks the desk about the conversation
   * only where the right hangs on it (its team, its assignee). Fails as `conversation` does.
   */
  keepsSeeing(agent: Agent, seen: Pick<ConversationPicture, 'id' | 'inboxId'>): Promise<void>
  mayUse(agent: Agent, number: ServedNumber): Promise<boolean>
  maySeeInbox(agent: Agent, inboxId: number): Promise<boolean>
  /** What else the contact talks about; remembered a little longer, since it changes rarely. */
  elsewhere<T>(agent: Agent, contactId: number, make: () => Promise<T>): Promise<T>
  /** How the desk is called for this agent: as themselves where that is possible. */
  accessOf(agent: Agent): DeskAccess
  /** A read as this agent. */
  ask<T>(agent: Agent, run: (access: DeskAccess) => Promise<T>): Promise<T>
  /** What changed is looked at anew. */
  forget(deskId: number, conversationId: number): void
}

/** Long enough for the requests of one click, short enough that nobody keeps what was taken from them. */
const PICTURE_MS = 3_000
const PEOPLE_MS = 10_000
const MOST_REMEMBERED = 5_000

export function createAgentAccess(bridge: Bridge, people: DeskAgents): AgentAccess {
  const remembered = new Map<string, { untilMs: number; value: Promise<unknown> }>()

  const remember = <T>(key: string, lifeMs: number, make: () => Promise<T>): Promise<T> => {
    const nowMs = bridge.clock.monotonicMs()
    const known = remembered.get(key)
    if (known !== undefined && known.untilMs > nowMs) return known.value as Promise<T>
    const value = make()
    remembered.set(key, { untilMs: nowMs + lifeMs * bridge.timeFactor, value })
    // A failure is not worth remembering.
    value.catch(() => remembered.delete(key))
    if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value as string)
    return value
  }
  const serviceOf = (desk: DeskRecord): DeskAccess => ({ url: desk.url, accountId: desk.accountId, token: desk.token })
  const asService = <T>(desk: DeskRecord, run: (access: DeskAccess) => Promise<T>): Promise<T> =>
    callDesk(bridge, { deskId: desk.id, access: serviceOf(desk), run })
  const accessOf = (agent: Agent): DeskAccess =>
    agent.session === null ? serviceOf(agent.desk) : { ...serviceOf(agent.desk), token: '', session: agent.session }

  const membersOf = (desk: DeskRecord, inboxId: number): Promise<Set<number>> =>
    remember(`members ${desk.id} ${inboxId}`, PEOPLE_MS, async () => {
      return new Set(await asService(desk, access => people.listInboxMembers(access, inboxId)))
    })
  const teamOf = (desk: DeskRecord, teamId: number): Promise<Set<number>> =>
    remember(`team ${desk.id} ${teamId}`, PEOPLE_MS, async () => {
      return new Set(await asService(desk, access => people.listTeamMembers(access, teamId)))
    })

  const maySee = async (agent: Agent, picture: ConversationPicture): Promise<boolean> => {
    if (agent.role === 'administrator') return true
    const inInbox = (await membersOf(agent.desk, picture.inboxId)).has(agent.id)
    const inTeam = !inInbox && picture.teamId !== null && (await teamOf(agent.desk, picture.teamId)).has(agent.id)
    if (!inInbox && !inTeam) return false
    // What a role made by administrators allows is not told to us: only what is surely theirs.
    return agent.customRoleId === null || picture.assigneeId === agent.id
  }

  const maySeeInbox = async (agent: Agent, inboxId: number): Promise<boolean> => {
    if (agent.role === 'administrator') return true
    if (agent.session === null) return (await membersOf(agent.desk, inboxId)).has(agent.id)
    return remember(`inbox ${agent.desk.id} ${inboxId} ${agent.id}`, PEOPLE_MS, async () => {
      const access = accessOf(agent)
      const seen = await callDesk(bridge, {
        deskId: agent.desk.id,
        access,
        run: given => people.lookAtInbox(given, inboxId)
      })
      return seen === 'seen'
    })
  }

  /** The desk refuses either what is asked for, or a session that has ended there: then signing in again helps. */
  const refusal = async (agent: Agent): Promise<PuenteError> => {
    if (agent.session === null) return new PuenteError('not_allowed')
    const known = await people.validate(serviceOf(agent.desk), agent.session)
    return new PuenteError(known?.id === agent.id ? 'not_allowed' : 'sign_in_refused')
  }

  const conversation: AgentAccess['conversation'] = async (agent, conversationId) => {
    // What the service user sees is the same picture for everybody; who may see it is asked for each.
    const whose = agent.session === null ? 'service' : `agent ${agent.id}`
    const picture = await remember(`conversation ${agent.desk.id} ${conversationId} ${whose}`, PICTURE_MS, async () => {
      const seen = await callDesk(bridge, {
        deskId: agent.desk.id,
        access: accessOf(agent),
        run: access => people.lookAtConversation(access, conversationId)
      })
      if (seen === null) throw new PuenteError('not_found')
      if (seen === 'refused') throw await refusal(agent)
      return seen
    })
    if (agent.session === null && !(await maySee(agent, picture))) throw new PuenteError('not_allowed')
    return picture
  }

  return {
    accessOf,
    ask: (agent, run) => callDesk(bridge, { deskId: agent.desk.id, access: accessOf(agent), run }),

    async person(desk, agentId) {
      const all = await remember(`people ${desk.id}`, PEOPLE_MS, () => asService(desk, people.listPeople))
      return all.find(person => person.id === agentId && person.role !== null) ?? null
    },

    conversation,

    async keepsSeeing(agent, { id, inboxId }) {
      if (agent.role === 'administrator') return
      if (agent.customRoleId === null && (await membersOf(agent.desk, inboxId)).has(agent.id)) return
      await conversation({ ...agent, session: null }, id)
    },

    async mayUse(agent, number) {
      return number.deskId === agent.desk.id && (await maySeeInbox(agent, number.inboxId))
    },

    maySeeInbox,

    elsewhere: (agent, contactId, make) =>
      remember(`elsewhere ${agent.desk.id} ${contactId} ${agent.id}`, PEOPLE_MS, make),

    forget(deskId, conversationId) {
      for (const key of remembered.keys()) {
        if (key.startsWith(`conversation ${deskId} ${conversationId} `)) remembered.delete(key)
      }
    }
  }
}
