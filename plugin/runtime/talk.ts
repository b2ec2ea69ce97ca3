/** Makes what the agent's tab, scripts and hooks of macros work with, and the beat that carries on what was left. */
import { createHash, randomBytes } from 'node:crypto'
import { createDeskAgents } from '../../adapters/chatwoot/agents.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { createAgentStore } from '../../adapters/postgres/agents.ts'
import type { Customers, CustomerVault } from '../../adapters/postgres/customers.ts'
import type { Database } from '../../adapters/postgres/database.ts'
import { createSentLog } from '../../adapters/postgres/sent-log.ts'
import { createTalkStore } from '../../adapters/postgres/talk.ts'
import { fromMetaFailure } from '../../adapters/whatsapp-cloud/errors.ts'
import { type AgentAccess, createAgentAccess } from '../core/agents/access.ts'
import { deleteNotes } from '../core/agents/notes.ts'
import type { Bridge } from '../core/bridge.ts'
import type { AgentStore } from '../core/ports/agent-store.ts'
import type { DeskAgents } from '../core/ports/desk-agents.ts'
import type { DeskAccess } from '../core/ports/help-desk.ts'
import type { InstructionRecord } from '../core/ports/instructions.ts'
import type { SentLog } from '../core/ports/sent-log.ts'
import type { TalkStore } from '../core/ports/talk-store.ts'
import type { TemplateStore } from '../core/ports/templates.ts'
import { CARRY_LEASE_MS, carry } from '../core/talk/carry.ts'
import type { NameFailure } from '../core/talk/shown-state.ts'

export interface TalkParts {
  bridge: Bridge
  talk: TalkStore
  sentLog: SentLog
  people: DeskAgents
  agents: AgentStore
  access: AgentAccess
  templates: TemplateStore
  nameFailure: NameFailure
  carryNow(record: InstructionRecord, as?: DeskAccess): Promise<void>
  newSecret(): string
  randomBytes(n: number): Buffer
  hash(text: string): Buffer
  /** Takes up what a request (or another process) left half done. */
  carryWaiting(): Promise<void>
  forgetOld(): Promise<void>
}

/** A person waits no longer than this; what is not done then goes on behind them. */
const PATIENCE_MS = 8_000

export function createTalkParts(given: {
  bridge: Bridge
  database: Database
  vault: CustomerVault
  customers: Customers
  deskHttp: HttpClient
  templates: TemplateStore
}): TalkParts {
  const { bridge, database, vault, customers, templates } = given
  const talk = createTalkStore(database.people, customers, vault)
  const people = createDeskAgents({ http: given.deskHttp, timeoutMs: bridge.times.deskCallMs })
  const agents = createAgentStore(database.people, vault)

  return {
    bridge,
    talk,
    sentLog: createSentLog(database.people),
    people,
    agents,
    access: createAgentAccess(bridge, people),
    templates,
    nameFailure: failure => fromMetaFailure({ ...failure }).code,
    newSecret: () => randomBytes(32).toString('base64url'),
    randomBytes: n => randomBytes(n),
    hash: text => createHash('sha256').update(text).digest(),

    async carryNow(record, as) {
      const carried = carry({ bridge, talk }, record, as)
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<void>(resolve => {
        timer = setTimeout(resolve, PATIENCE_MS)
      })
      // Whatever becomes of it later is kept in the record.
      carried.catch(() => bridge.count('instructions_left'))
      await Promise.race([carried, patience]).finally(() => clearTimeout(timer))
    },

    async carryWaiting() {
      const blocked = bridge.gates.closed('desk:').map(key => Number(key.slice('desk:'.length)))
      const due = await bridge.instructions.claim(20, CARRY_LEASE_MS * bridge.timeFactor, blocked)
      await Promise.all(due.map(record => carry({ bridge, talk }, record)))
      await deleteNotes(bridge, agents)
    },

    async forgetOld() {
      await agents.forgetOld()
      await bridge.storedFiles.forgetOld()
      await bridge.instructions.forgetOld(bridge.times.idMapMs)
    }
  }
}
