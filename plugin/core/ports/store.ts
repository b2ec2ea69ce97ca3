/**
 * Port to the durable truth (PostgreSQL). Times in it are the database's own clock; leases never trust ours.
 * All writes of workers go through `Recorder`, which joins those of many lanes into one commit.
 */
import type { CustomerIds } from '../model.ts'

export type * from './deliveries.ts'
export type * from './numbers.ts'

/** Where a sealed payload lies: page, offset, length. */
export interface PayloadRef {
  pageDay: string
  pageId: number
  offset: number
  length: number
}

/** The primary key of a stored event. `day` is `YYYY-MM-DD`. */
export interface EventRef {
  day: string
  numberId: number
  key: string
}

export type EventKind =
  | 'message'
  | 'echo'
  | 'call'
  | 'group'
  | 'preference'
  | 'hook'
  | 'retry'
  | 'removal'
  | 'note'
  | 'other'

/** What a lane is asked to do with an identity that is not resolved yet. */
export interface Identity {
  deskId: number
  /** Canonical alias keys, best first; see core/identity. */
  aliases: string[]
  ids: CustomerIds
}

export interface IntakeRow {
  numberId: number
  /** Dedupe key, unique per number and day of `occurredAt`. */
  key: string
  kind: EventKind
  identity: Identity | null
  /** The lane itself, where it is known already. */
  laneId?: number
  outbound: boolean
  /** Order inside the lane: Meta's seconds inbound, the desk's message id outbound. */
  ord: number
  occurredAt: Date
  /** Decides in which day's partition the row and its dedupe key live; `occurredAt` unless a sandbox's clock jumps. */
  dayAt?: Date
  payload: Buffer
  /** Where the payload lies sealed already. */
  ref?: PayloadRef
  /** 0 waiting, 2 set aside, 3 counted but not delivered. */
  state: 0 | 2 | 3
  code?: string
  /** True for what opens the customer service window: a customer's message or call. */
  opensWindow: boolean
  /** For read marks: the customer's message. */
  wamid?: string
  /** Not worked before so many milliseconds after its request arrived. */
  holdMs: number
  /** Its lane is looked at now, also where it waits for something else. */
  pulls?: boolean
}

export interface IntakeStatus {
  numberId: number
  wamid: string
  rank: number
  at: Date
  failure: { code: number; title?: string; details?: string } | null
  pricing: Record<string, unknown> | null
  reference: string | null
}

export interface IntakeConversation {
  numberId: number
  conversationId: number
  status: string
  /** Seconds, by the desk's clock: when the conversation looked like this. 0: not told, then the last word counts. */
  at: number
}

export interface IntakeBatch {
  rows: IntakeRow[]
  statuses: IntakeStatus[]
  conversations: IntakeConversation[]
  /** Milliseconds that its request has been here already: a hold counts from the arrival. */
  ageMs?: number
}

export interface Intake {
  /**
   * Resolves once everything is committed; the number tells how many rows were new. Fails with `not_stored` (full,
   * slow) or `database_unavailable`: then the sender is told to repeat.
   */
  accept(batch: IntakeBatch): Promise<{ stored: number }>
  /** The same for several, in their order, in as few commits as possible; fails when one of them does. */
  acceptAll(batches: readonly IntakeBatch[]): Promise<void>
  /** Whether an alias (for example a desk source id) belongs to a customer already. */
  knows(deskId: number, alias: string): Promise<boolean>
  depth(): { rows: number; bytes: number }
  close(): Promise<void>
}

// ── Lanes ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface LaneEvent extends EventRef, PayloadRef {
  seq: number
  kind: EventKind
  ord: number
  occurredAt: Date
  receivedAt: Date
  attempts: number
  attempt: Record<string, unknown> | null
  /** Milliseconds since the attempt was committed, by the database's clock; null without attempt. */
  attemptAgeMs: number | null
  receivedAgeMs: number
  /** Milliseconds until it may be tried again; ≤ 0 = now. */
  dueInMs: number
  code: string | null
}

export interface Binding {
  contactId: number | null
  sourceId: string | null
  conversationId: number | null
  conversationStatus: string | null
  lastMessageId: number
  /** The conversation as it is stored, as far as this worker knows: what a change is compared with. */
  stored: number | null
}

export interface ClaimedLane {
  id: number
  deskId: number
  numberId: number
  customerId: number
  outbound: boolean
  fence: number
  arrivals: number
  strikes: number
  ids: CustomerIds
  binding: Binding | null
  /** Of the customer's inbound lane: when the window was last opened (Meta's time). */
  windowFrom: Date | null
  /** The same as far as its messages were worked; the holder moves it on, the release writes it down. */
  sessionFrom: Date | null
  /** The customer's last message; for answers null while something of the customer has not reached the desk yet. */
  lastWamid: string | null
  /** The last that was marked as read. */
  readWamid: string | null
  parked: number
  tokens: number
  /** Milliseconds since `tokens` was written. */
  tokensAgeMs: number
  /**
   * The claim itself was the attempt to write this event, the first, into this conversation; until the worker has used it
   * or said that it did not, whoever takes the lane over looks at the desk first.
   */
  attempted: { seq: number; conversationId: number } | null
  events: LaneEvent[]
}

export interface Lanes {
  /** Leases due lanes, with their first waiting events. Never waits for a lane that another worker holds. */
  claim(input: {
    /**
     * Of each desk at most so many inbound lanes, of others none. For so many of them a permit is held: the claim is the
     * attempt of their first events.
     */
    inbound: { deskId: number; room: number; attempts: number }[]
    /** At most so many outbound lanes, of any desk. */
    outbound: number
    blockedNumbers: number[]
  }): Promise<ClaimedLane[]>
  /** Prolongs leases; answers the ids that are still ours. */
  renew(laneIds: number[]): Promise<Set<number>>
  /** Milliseconds until the next lane is due, of the desks that are known; null = nothing waits. */
  nextDueInMs(): Promise<number | null>
  /** What waits for a pause of these to end is due now. */
  hurry(renewed: { deskIds: number[]; numberIds: number[] }): Promise<void>
  /** What waits in the lane before this event, as of now: the `seq` of each, at most a lane's picture of them. */
  waitingBefore(laneId: number, event: Pick<LaneEvent, 'ord' | 'seq'>): Promise<number[]>
  /** What waits in the lane behind this event, in order, at most so many. */
  waitingBehind(laneId: number, event: Pick<LaneEvent, 'ord' | 'seq'>, most: number): Promise<LaneEvent[]>
  payload(ref: PayloadRef): Promise<Buffer>
  /** Loads the pages of many payloads in one query, into memory. */
  preload(refs: PayloadRef[]): Promise<void>
  /** Joins customers that turned out to be one; both lanes must be free or they are left for the next beat. */
  mergeWaiting(): Promise<number>
}

// ── Recording ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface LaneHold {
  lane: number
  fence: number
}

export interface UsageRow {
  at: Date
  numberId: number
  wamid: string
  outbound: boolean
  origin: string
  inSession: boolean
  category?: string
  template?: string
  agentId?: number
  messageId?: number
}

export type DeliveryState = 'queued' | 'sent' | 'failed' | 'parked' | 'uncertain' | 'recalled'

/** One unit of work to be written down; several may be given together and are committed together. */
export type Work =
  | { op: 'attempt'; event: EventRef; hold: LaneHold; attempt: Record<string, unknown> }
  | {
      op: 'partAttempt'
      numberId: number
      messageId: number
      generation: number
      part: number
      attemptId: string
      hold: LaneHold
    }
  | { op: 'partOutcome'; attemptId: string; state: 1 | 2 | 3; wamid?: string; code?: string; facts?: object }
  | { op: 'done'; event: EventRef; hold: LaneHold; state: 1 | 2 | 3; code?: string; facts?: object }
  | {
      op: 'later'
      event: EventRef
      hold: LaneHold
      afterMs: number
      code?: string
      facts?: object
      voidAttempt: boolean
    }
  | { op: 'binding'; numberId: number; customerId: number; hold: LaneHold; binding: Binding }
  | { op: 'head'; numberId: number; customerId: number; lastMessageId: number; status?: string }
  | { op: 'alias'; deskId: number; alias: string; customerId: number }
  | { op: 'row'; numberId: number; wamid: string; messageId: number; conversationId: number; payload?: PayloadRef }
  | { op: 'ids'; customerId: number; ids: CustomerIds }
  | { op: 'usage'; usage: UsageRow }
  | {
      op: 'delivery'
      numberId: number
      messageId: number
      conversationId: number
      customerId: number
      lane: number
      human: boolean
      payload: PayloadRef
      writtenAt: Date
      /** The desk shows it failed already: its hook reached nobody. */
      shownFailed: boolean
    }
  | {
      op: 'state'
      numberId: number
      messageId: number
      state: DeliveryState
      code?: string
      facts?: object
      parts?: number
      generation?: number
      /** Tell the desk after so many milliseconds; absent = only where it shows failed what has left. */
      tickInMs?: number
      /** Since when it is parked, by the number's clock. */
      at?: Date
    }
  | { op: 'pace'; lane: number; tokens: number }
  /** WhatsApp refused for the window: it was closed then, whatever our clock says. */
  | { op: 'windowClosed'; numberId: number; customerId: number; at: Date }
  | {
      op: 'release'
      hold: LaneHold
      arrivals: number
      dueInMs: number | null
      strikes: number
      sessionFrom: Date | null
      /** Up to which message of the customer the blue ticks were asked for. */
      readWamid: string | null
    }

/**
 * `lost`: the lane belongs to another worker; its attempt is not recorded and must not be made. `moved`: the other
 * direction has changed the binding meanwhile (law 3: compare and set); the binding handed in is not written, nor is an
 * attempt towards the desk that stood on it. Everything else is.
 */
export type Recorded = 'kept' | 'lost' | 'moved'

export interface Recorder {
  /**
   * Commits; resolves when durable.
   */
  record(work: Work[]): Promise<Recorded>
  close(): Promise<void>
}
