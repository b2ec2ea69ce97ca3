/**
 * Port to what lets people and scripts in: sessions, pairings, API keys, hooks of macros; and what agents like to use.
 * Credentials come in clear and are kept as hashes; nobody gets them back.
 */

/**
 * `admin`: for the admin pages alone; `ticket`: to be taken once for such a session; `handover`: to be taken once for
 * one more paired session, for another window of the same agent.
 */
export type SessionMode = 'desk' | 'paired' | 'admin' | 'ticket' | 'handover'
export type TicketMode = Extract<SessionMode, 'ticket' | 'handover'>

/** Desk and agent of a session that belongs to no account: who opened it sits at the terminal of Puente. */
export const WHOLE_INSTALLATION = { deskId: 0, agentId: 0 } as const

export interface AgentSession {
  deskId: number
  agentId: number
  mode: SessionMode
  name: string
  locale: string | null
  expiresAt: Date
  /** Hash of whose desk session it was issued for: a request may bring only that person's; null where none was seen. */
  uidHash: Buffer | null
  /** Where the agent's browser has the desk, when the page said so at signing in. */
  deskOrigin: string | null
}

/** What a ticket hands on. */
export interface Handed extends Pick<AgentSession, 'deskId' | 'agentId' | 'name' | 'locale' | 'deskOrigin'> {
  /** When what was handed over ends, whoever takes it up; null: as any new session. */
  until: Date | null
}

export interface Pairing {
  id: string
  deskId: number
  /** Null: the note may stand in any conversation of the desk. */
  conversationId: number | null
  /** Null: whoever writes the note is the agent. */
  agentId: number | null
  state: 'waiting' | 'paired' | 'spent' | 'cancelled'
  agent: { id: number; name: string } | null
}

export interface ApiKey {
  id: string
  deskId: number
  name: string
  hint: string
  createdAt: Date
  usedAt: Date | null
}

export interface MacroHook {
  id: string
  deskId: number
  numberId: number
  name: string
  templateId: string
  templateName: string
  language: string
  slots: Record<string, HookSlot>
  createdAt: Date
  usedAt: Date | null
  /** The newest press that sent nothing, of the last 30 days. */
  lastFailure: { code: string; reason: string; conversationId: number; at: Date } | null
}

/** What a hook fills a slot with: what is known of the conversation, fixed words, or a file at an address. */
export type HookSlot = { source: string; fallback?: string } | { text: string } | { url: string; name?: string }

/** Slots of a template that were filled from an attribute, with what stood in for an empty one. */
export type SlotMapping = Record<string, { source: string; fallback?: string }>

export interface PairingNote {
  numberId: number
  conversationId: number
  messageId: number
  tries: number
}

export interface AgentStore {
  openSession(
    token: string,
    session: Omit<AgentSession, 'expiresAt' | 'uidHash' | 'deskOrigin'> & { uid: string | null } & Partial<
        Pick<Handed, 'deskOrigin' | 'until'>
      >,
    lifeMs: number
  ): Promise<Date>
  /** Null for unknown, ended and expired ones alike, and for tickets. */
  findSession(token: string): Promise<AgentSession | null>
  /** Whose ticket it was. The first who asks gets it; null for spent, unknown and expired ones. */
  takeTicket(ticket: string, mode: TicketMode): Promise<Handed | null>
  endSession(token: string): Promise<void>
  endSessionsOf(deskId: number, agentId: number): Promise<void>

  startPairing(
    pairing: Pick<Pairing, 'id' | 'deskId' | 'conversationId' | 'agentId'>,
    code: string,
    secret: string,
    lifeMs: number
  ): Promise<Date>
  /**
   * A note with a code was written. Pairs only when the code waits in that very desk, and in the conversation and for
   * the agent it was made for, where those were named; else it is cancelled. The note is to be deleted either way.
   * Answers whether the code was known at all.
   */
  noteWritten(note: {
    deskId: number
    numberId: number
    conversationId: number
    messageId: number
    code: string
    agent: { id: number; name: string }
  }): Promise<boolean>
  /** Null for an unknown pairing or a wrong secret. Asking `paired` spends it: the answer is given once. */
  takePairing(id: string, secret: string): Promise<Pairing | null>
  claimNotes(limit: number): Promise<PairingNote[]>
  noteDone(note: PairingNote): Promise<void>

  createApiKey(key: { id: string; deskId: number; name: string }, secret: string): Promise<ApiKey>
  findApiKey(secret: string): Promise<ApiKey | null>
  listApiKeys(deskId: number | null): Promise<ApiKey[]>
  revokeApiKey(deskId: number | null, id: string): Promise<boolean>

  createMacroHook(hook: Omit<MacroHook, 'createdAt' | 'usedAt' | 'lastFailure'>, secret: string): Promise<MacroHook>
  findMacroHook(secret: string): Promise<MacroHook | null>
  /** Null: those of every desk. */
  listMacroHooks(deskId: number | null): Promise<MacroHook[]>
  revokeMacroHook(deskId: number | null, id: string): Promise<boolean>

  favour(deskId: number, agentId: number, templateId: string, favourite: boolean): Promise<void>
  usedTemplate(deskId: number, agentId: number, templateId: string, mapping: SlotMapping): Promise<void>
  /** From where its slots were filled last, by this agent or else by anybody of the desk; empty: never. */
  mappingOf(deskId: number, agentId: number, templateId: string): Promise<SlotMapping>
  templatesOf(deskId: number, agentId: number): Promise<Map<string, { favourite: boolean; usedAt: Date | null }>>
  usedNumber(deskId: number, agentId: number, numberId: number): Promise<void>
  numbersOf(deskId: number, agentId: number): Promise<Map<number, Date>>
  forgetOld(): Promise<void>
}
