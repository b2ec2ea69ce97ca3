/** Port to deliveries: what the desk asked to be sent, what became of its parts, what the desk must still be told. */
import type { DeliveryState, PayloadRef } from './store.ts'

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
  /** What is known of the delivery's own failure, for its sentence. */
  facts: Record<string, string | number | boolean | null> | null
  toldCode: string | null
  version: number
  receipts: ReceiptRecord[]
  accepted: number
}

export interface SeenConversation {
  /** Id of the last message that was read. */
  seen: number
  status: string | null
  laneId: number | null
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
  /** Of conversations that are bound: how far reconciliation has read, what is believed of it, its outbound lane. */
  seenIn(numberId: number, conversationIds: number[]): Promise<Map<number, SeenConversation>>
  seenUpTo(numberId: number, conversationId: number, messageId: number): Promise<void>
  /**
   * Deliveries of the last 24 h that a person may have touched unheard: shown failed, parked, waiting. A page of those
   * after the message `after`, in their order; empty = no more. With `most`, at most so many, and only those that wait or are
   * shown failed now: not what the desk may have painted while Puente started or stopped.
   */
  unsettled(numberId: number, after: number, most?: number): Promise<DeliveryRecord[]>
  mediaIdOf(numberId: number, hash: Buffer): Promise<string | null>
  rememberMedia(numberId: number, hash: Buffer, mediaId: string, mimeType: string): Promise<void>
  forgetMedia(numberId: number, mediaId: string): Promise<void>
  /**
   * The customer's last message, for typing signs (which mark it as read, too); null while something of the customer is
   * still on its way to the desk: nobody can have read it.
   */
  lastWamid(numberId: number, conversationId: number): Promise<string | null>
}
