/**
 * Port to what lets people and scripts in: sessions, pairings, API keys, hooks of macros; and what agents like to use.
 * Credentials come in clear and are kept as hashes; nobody gets them back.
 */

/** `admin`: for the admin pages alone; `ticket`: to be taken once for such a session. */
export type SessionMode = 'desk' | 'paired' | 'admin' | 'ticket'

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
}

export interface Pairing {
  id: string
  deskId: number
  conversationId: number
  agentId: number
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
  slots: Record<string, { source: string; fallback?: string }>
  createdAt: Date
  usedAt: Date | null
}

export interface PairingNote {
  numberId: number
  conversationId: number
  messageId: number
  tries: number
}

export interface AgentStore {
  openSession(
    token: string,
    session: Omit<AgentSession, 'expiresAt' | 'uidHash'> & { uid: string | null },
    lifeMs: number
  ): Promise<Date>
  /** Null for unknown, ended and expired ones alike, and for tickets. */
  findSession(token: string): Promise<AgentSession | null>
  /** Whose ticket it was. The first who asks gets it; null for spent, unknown and expired ones. */
  takeTicket(ticket: string): Promise<Pick<AgentSession, 'deskId' | 'agentId' | 'name' | 'locale'> | null>
  endSession(token: string): Promise<void>
  endSessionsOf(deskId: number, agentId: number): Promise<void>

  startPairing(
    pairing: Pick<Pairing, 'id' | 'deskId' | 'conversationId' | 'agentId'>,
    code: string,
    secret: string,
    lifeMs: number
  ): Promise<Date>
  /**
   * A note with a code was written. Pairs only when the code waits in that very desk and conversation and the author
   * is the agent it was made for; a code that somebody else wrote is cancelled. The note is to be deleted either way.
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

  createMacroHook(hook: Omit<MacroHook, 'createdAt' | 'usedAt'>, secret: string): Promise<MacroHook>
  findMacroHook(secret: string): Promise<MacroHook | null>
  listMacroHooks(deskId: number): Promise<MacroHook[]>
  revokeMacroHook(deskId: number, id: string): Promise<boolean>

  favour(deskId: number, agentId: number, templateId: string, favourite: boolean): Promise<void>
  usedTemplate(deskId: number, agentId: number, templateId: string): Promise<void>
  templatesOf(deskId: number, agentId: number): Promise<Map<string, { favourite: boolean; usedAt: Date | null }>>
  usedNumber(deskId: number, agentId: number, numberId: number): Promise<void>
  numbersOf(deskId: number, agentId: number): Promise<Map<number, Date>>
  forgetOld(): Promise<void>
}
