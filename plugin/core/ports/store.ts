/**
 * Port to the durable truth (PostgreSQL). Times in it are the database's own clock; leases never trust ours.
 * All writes of workers go through `Recorder`, which joins those of many lanes into one commit.
 */
import type { CustomerIds } from '../model.ts'

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
  /** 0 waiting, 2 set aside, 3 counted but not delivered. */
  state: 0 | 2 | 3
  code?: string
  /** True for what opens the customer service window: a customer's message or call. */
  opensWindow: boolean
  /** For read marks: the customer's message. */
  wamid?: string
  holdMs: number
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
}

export interface IntakeBatch {
  rows: IntakeRow[]
  statuses: IntakeStatus[]
  conversations: IntakeConversation[]
}

export interface Intake {
  /**
   * Resolves once everything is committed; the number tells how many rows were new. Fails with `not_stored` (full,
   * slow) or `database_unavailable`: then the sender is told to repeat.
   */
  accept(batch: IntakeBatch): Promise<{ stored: number }>
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
  lastWamid: string | null
  readWamid: string | null
  parked: number
  tokens: number
  /** Milliseconds since `tokens` was written. */
  tokensAgeMs: number
  events: LaneEvent[]
}

export interface Lanes {
  /** Leases due lanes, with their first waiting events. Never waits for a lane that another worker holds. */
  claim(input: { limit: number; blockedDesks: number[]; blockedNumbers: number[] }): Promise<ClaimedLane[]>
  /** More events of a held lane, in order, after those already seen. */
  more(lane: ClaimedLane): Promise<{ events: LaneEvent[]; arrivals: number }>
  /** Prolongs leases; answers the ids that are still ours. */
  renew(laneIds: number[]): Promise<Set<number>>
  /** Milliseconds until the next lane is due; null = nothing waits. Blocked ones are left out. */
  nextDueInMs(): Promise<number | null>
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
    }

export interface Recorder {
  /**
   * Commits; resolves when durable. Answers false when the lane was lost to another worker (its attempt is not
   * recorded and must not be made).
   */
  record(work: Work[]): Promise<boolean>
  close(): Promise<void>
}

// ── Deliveries: what the desk asked to be sent ───────────────────────────────────────────────────────────────────

export interface PartRecord {
  part: number
  generation: number
  attemptId: string
  attemptAgeMs: number
  /** 0 outcome unknown, 1 accepted, 2 refused, 3 unknown for good. */
  state: 0 | 1 | 2 | 3
  wamid: string | null
  code: string | null
  /** Accepted, and later reported failed by a status. */
  failed: boolean
}

export interface DeliveryRecord extends PayloadRef {
  numberId: number
  messageId: number
  conversationId: number
  customerId: number
  laneId: number
  generation: number
  state: DeliveryState
  code: string | null
  parts: number
  human: boolean
  writtenAt: Date
  /** By the number's clock. */
  parkedAt: Date | null
  uncertainAgeMs: number | null
  told: string
}

export interface ReceiptRecord {
  wamid: string
  rank: number
  generation: number
  part: number
  failure: { code: number; title?: string; details?: string } | null
}

export interface Tick {
  delivery: DeliveryRecord
  toldCode: string | null
  version: number
  receipts: ReceiptRecord[]
  accepted: number
}

export interface Deliveries {
  find(numberId: number, messageId: number): Promise<DeliveryRecord | null>
  /** States of many at once, for hooks that only tell that something changed. Unknown ones are absent. */
  states(numberId: number, messageIds: number[]): Promise<Map<number, { state: DeliveryState; told: string }>>
  parts(numberId: number, messageId: number): Promise<PartRecord[]>
  parkedIn(laneId: number): Promise<DeliveryRecord[]>
  /** Due ticks, leased for a minute. Blocked desks are left out. */
  claimTicks(limit: number, blockedDesks: number[]): Promise<Tick[]>
  /** The desk was told; a change since `version` keeps the tick due. */
  told(
    tick: { numberId: number; messageId: number; version: number },
    status: string,
    code: string | null
  ): Promise<void>
  /** The tick could not be told now. */
  tickLater(tick: { numberId: number; messageId: number }, afterMs: number): Promise<void>
  nextTickInMs(): Promise<number | null>
  /** One compare-and-set per click: from failed or uncertain and told so, to a new generation. */
  beginRetry(numberId: number, messageId: number): Promise<DeliveryRecord | null>
  setState(
    numberId: number,
    messageId: number,
    state: DeliveryState,
    code: string | null,
    tickInMs: number | null
  ): Promise<void>
  /** The desk shows something that we did not tell it: make the truth due again. */
  correctTold(numberId: number, messageId: number, shown: string): Promise<void>
  /** A status said that the window was closed: parked, and looked at again at once, since the customer may have answered. */
  parkRefused(numberId: number, messageId: number, at: Date): Promise<void>
  /** Parked or uncertain for too long: made due for telling. Returns how many. */
  expire(limits: { parked: { numberId: number; before: Date }[]; uncertainMs: number }): Promise<number>
  /** Desk message ids by wamid (rows of the customer, and our own sends). */
  rowsOf(numberId: number, wamids: string[]): Promise<Map<string, { messageId: number; payload: PayloadRef | null }>>
  /** The wamid that stands for a desk message (the first part's, when it was sent in several). */
  wamidOf(numberId: number, messageId: number): Promise<string | null>
  /** Up to which message each conversation was read by reconciliation, and its outbound lane. */
  seenIn(numberId: number, conversationIds: number[]): Promise<Map<number, { seen: number; laneId: number | null }>>
  seenUpTo(numberId: number, conversationId: number, messageId: number): Promise<void>
  /** Deliveries of the last 24 h that a person may have touched unheard: shown failed, parked, waiting. */
  unsettled(numberId: number): Promise<DeliveryRecord[]>
  mediaIdOf(numberId: number, hash: Buffer): Promise<string | null>
  rememberMedia(numberId: number, hash: Buffer, mediaId: string, mimeType: string): Promise<void>
  forgetMedia(numberId: number, mediaId: string): Promise<void>
  markedRead(laneId: number, wamid: string): Promise<void>
  /** What the pair's inbound lane remembers, for typing signs. */
  lastWamid(numberId: number, conversationId: number): Promise<string | null>
}

// ── Numbers and desks ────────────────────────────────────────────────────────────────────────────────────────────

export interface DeskRecord {
  id: number
  url: string
  accountId: number
  token: string
  tokenHint: string
  sandbox: boolean
  paceLimit: number
  pausedCode: string | null
}

export interface NumberRecord {
  id: number
  deskId: number
  phoneNumberId: string
  wabaId: string
  appId: string | null
  displayPhoneNumber: string
  verifiedName: string | null
  inboxId: number
  inboxKey: string
  hookSecret: string | null
  token: string
  tokenHint: string
  appSecrets: string[]
  verifyToken: string
  graphUrl: string
  graphVersion: string
  policy: Record<string, unknown>
  locale: string
  throughputPerSecond: number
  sandbox: boolean
  connectedAt: Date
  pausedCode: string | null
  changedCursor: Date
}

export type NewDesk = Pick<DeskRecord, 'url' | 'accountId' | 'token' | 'sandbox'>
export type NewNumber = Omit<NumberRecord, 'id' | 'tokenHint' | 'connectedAt' | 'pausedCode' | 'changedCursor'>

export interface Numbers {
  /** Who we are, and the key of the alias hashes; made on first use. */
  installation(): Promise<{ id: string; aliasKey: Buffer }>
  list(): Promise<{ desks: DeskRecord[]; numbers: NumberRecord[] }>
  saveDesk(desk: NewDesk): Promise<DeskRecord>
  saveNumber(number: NewNumber): Promise<NumberRecord>
  pauseDesk(deskId: number, code: string | null): Promise<void>
  pauseNumber(numberId: number, code: string | null, facts?: object): Promise<void>
  disconnect(numberId: number): Promise<void>
  savePace(deskId: number, limit: number): Promise<void>
  saveCursor(numberId: number, cursor: Date): Promise<void>
  count(numberId: number, name: string, n: number): Promise<void>
}
