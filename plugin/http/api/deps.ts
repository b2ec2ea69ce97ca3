/** What the routes of `/api/v1` work with, and who may be calling. */
import type { FastifyRequest } from 'fastify'
import type { Agent, AgentAccess } from '../../core/agents/access.ts'
import type { Bridge } from '../../core/bridge.ts'
import type { AgentStore, ApiKey } from '../../core/ports/agent-store.ts'
import type { DeskAgents } from '../../core/ports/desk-agents.ts'
import type { DeskAccess } from '../../core/ports/help-desk.ts'
import type { InstructionRecord } from '../../core/ports/instructions.ts'
import type { Oversight } from '../../core/ports/oversight.ts'
import type { TalkStore } from '../../core/ports/talk-store.ts'
import type { TemplateStore } from '../../core/ports/templates.ts'
import type { NameFailure } from '../../core/talk/shown-state.ts'
import { type Locale, pickLocale } from '../../core/texts/text.ts'
import type { RouteAnswer, RouteInput, RouteName } from '../contract/routes.ts'

export interface ApiDeps {
  bridge: Bridge
  talk: TalkStore
  people: DeskAgents
  agents: AgentStore
  access: AgentAccess
  templates: TemplateStore
  oversight: Oversight
  nameFailure: NameFailure
  /** Carries an instruction as far as it goes within the request. */
  carryNow(record: InstructionRecord, as?: DeskAccess): Promise<void>
  /** Random text that nobody can guess. */
  newSecret(): string
  randomBytes(n: number): Buffer
  hash(text: string): Buffer
  /** How browsers reach Puente, with its prefix, without trailing slash. */
  publicUrl(request: FastifyRequest): string
}

/** A signed-in agent and their token. */
export interface SignedInAgent {
  agent: Agent
  token: string
  mode: 'desk' | 'paired'
  expiresAt: Date
}

/** Who looks at the admin pages. */
export interface Overseer {
  token: string
  expiresAt: Date
  /** Whose numbers are shown; null: those of the whole installation. */
  deskId: number | null
  name: string | null
}

export interface Caller {
  agent?: SignedInAgent
  overseer?: Overseer
  key?: ApiKey
}

export type Handler<N extends RouteName> = (
  input: RouteInput<N>,
  who: { agent: SignedInAgent; overseer: Overseer; key: ApiKey; request: FastifyRequest }
) => Promise<RouteAnswer<N>>

export type Handlers = { [N in RouteName]: Handler<N> }

/** Language of the sentences in answers: the agent's in the desk, else the browser's. */
export function localeOf(request: FastifyRequest, agent?: Agent): Locale {
  return pickLocale(agent?.locale ?? String(request.headers['accept-language'] ?? '').split(',')[0])
}

/** Where a conversation lies in the desk. */
export function deskLink(desk: { url: string; accountId: number }, conversationId: number): string {
  return `${desk.url}/app/accounts/${desk.accountId}/conversations/${conversationId}`
}
