/** Port to what was asked to be sent through Puente itself, and to what customers said about marketing messages. */
import type { Instruction, InstructionOrigin } from '../talk/instruction.ts'

export type InstructionState = 'stored' | 'written' | 'queued' | 'failed'

export interface NewInstruction {
  id: string
  deskId: number
  numberId: number
  origin: InstructionOrigin
  /** Whose Idempotency-Key it is: an agent, an API key, a hook. */
  caller: string
  key: string
  /** Hash of what was asked, to tell a repetition from a mistake. */
  bodyHash: Buffer
  agentId: number | null
  externalRef: string | null
  conversationId: number | null
  /** Of the conversation's contact_inbox, where the desk told it. */
  sourceId: string | null
  /** Whose conversation it opens; null where there is one already. */
  opens: string | null
  /** Desk message id of a parked answer that it replaces. */
  recalls?: number
  instruction: Instruction
}

/** How far an attempt to write into the desk had come. */
export interface WriteAttempt {
  step: 'contact' | 'conversation' | 'message'
  /** The newest message id known before. */
  after: number
}

export interface InstructionRecord {
  id: string
  deskId: number
  numberId: number
  origin: InstructionOrigin
  agentId: number | null
  externalRef: string | null
  instruction: Instruction
  state: InstructionState
  contactId: number | null
  sourceId: string | null
  conversationId: number | null
  messageId: number | null
  attempt: WriteAttempt | null
  attemptAgeMs: number
  attempts: number
  /** Of whoever may change it; null: nobody at the moment. */
  lease: string | null
  code: string | null
  ageMs: number
  createdAt: Date
  updatedAt: Date
}

export interface InstructionChange {
  state?: InstructionState
  contactId?: number
  sourceId?: string
  conversationId?: number
  messageId?: number
  attempt?: WriteAttempt | null
  code?: string | null
  facts?: object | null
  /** When to look at it again; null: never. Gives the lease back. */
  dueInMs?: number | null
}

export interface Instructions {
  /**
   * Keeps it, leased for so long to the caller. A repetition with the same key answers the first one's record with
   * `fresh: false`; the same key for something else fails with `idempotency_clash`; a second one
   * that opens a conversation with the same customer, with `conversation_open`. What it replaces is recalled with
   * it or not at all: fails with `not_parked` or `leaving_now`, and nothing is kept.
   */
  add(instruction: NewInstruction, leaseMs: number): Promise<{ record: InstructionRecord; fresh: boolean }>
  /** What was kept under this key before; fails with `idempotency_clash` when that was something else. */
  known(caller: string, key: string, bodyHash: Buffer): Promise<InstructionRecord | null>
  find(id: string): Promise<InstructionRecord | null>
  byReference(deskId: number, externalRef: string): Promise<InstructionRecord[]>
  byMessage(numberId: number, messageId: number): Promise<InstructionRecord | null>
  /** Leases what is due; each is given to one process only. */
  claim(limit: number, leaseMs: number, blockedDesks: number[]): Promise<InstructionRecord[]>
  /** Answers false when the lease was lost to another process. */
  change(record: InstructionRecord, change: InstructionChange): Promise<boolean>
  nextDueInMs(): Promise<number | null>
  forgetOld(ageMs: number): Promise<void>
}

export type MarketingConsent = 'stopped' | 'resumed'

export interface Consents {
  /** The later word counts, in whatever order they come. */
  note(numberId: number, customerId: number, marketing: MarketingConsent, at: Date): Promise<void>
  read(numberId: number, customerId: number): Promise<{ marketing: MarketingConsent; at: Date } | null>
}
