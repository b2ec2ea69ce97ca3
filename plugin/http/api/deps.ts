/** What the routes of `/api/v1` work with, and who may be calling. */
import type { FastifyRequest } from 'fastify'
import type { Agent, AgentAccess } from '../../core/agents/access.ts'
import type { Bridge } from '../../core/bridge.ts'
import type { AgentStore, ApiKey } from '../../core/ports/agent-store.ts'
import type { DeskAgents } from '../../core/ports/desk-agents.ts'
import type { DeskAccess } from '../../core/ports/help-desk.ts'
import type { InstructionRecord } from '../../core/ports/instructions.ts'
import type { Oversight } from '../../core/ports/oversight.ts'
import type { SentLog } from '../../core/ports/sent-log.ts'
import type { TalkStore } from '../../core/ports/talk-store.ts'
import type { TemplateStore } from '../../core/ports/templates.ts'
import type { NameFailure } from '../../core/talk/shown-state.ts'
import { type Locale, pickLocale } from '../../core/texts/text.ts'
import type { RouteAnswer, RouteInput, RouteName } from '../contract/routes.ts'
import type { DeskAddresses } from './desk-address.ts'

export interface ApiDeps {
  bridge: Bridge
  talk: TalkStore
  sentLog: SentLog
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
  desks: DeskAddresses
}

/** A signed-in agent and their token. */
export interface SignedInAgent {
  agent: Agent
  token: string
  mode: 'desk' | 'paired'
  expiresAt: Date
  /** The desk as this agent's browser reaches it. */
  deskUrl: string
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

/** Language of the sentences in answers: what the page speaks; the agent's in the desk where it does not say. */
export function localeOf(request: FastifyRequest, agent?: Agent): Locale {
  const [asked = ''] = String(request.headers['accept-language'] ?? '').split(/[,;]/)
  return pickLocale(/^[a-z]/i.test(asked.trim()) ? asked.trim() : agent?.locale)
}
