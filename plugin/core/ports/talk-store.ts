/** Port to what Puente knows of a conversation and its messages, for people who look at it. Reads, and the recall. */
import type { CustomerIds } from '../model.ts'
import type { DeliveryState } from './store.ts'

export interface CustomerView {
  customerId: number
  ids: CustomerIds
  contactId: number | null
  sourceId: string | null
  conversationId: number | null
  conversationStatus: string | null
  /** When the window was last opened, Meta's time. */
  windowFrom: Date | null
}

export interface DeliveryView {
  messageId: number
  conversationId: number
  customerId: number
  state: DeliveryState
  code: string | null
  generation: number
  parts: number
  writtenAt: Date
  createdAt: Date
  parkedAt: Date | null
  toldAt: Date | null
  told: string
  /** Highest status of its parts in the newest generation: 0 none, 1 sent, 2 failed, 3 delivered, 4 read, 5 played. */
  rank: number
  failure: { code: number; title?: string; details?: string } | null
  changedAt: Date
}

export interface PartView {
  part: number
  generation: number
  attemptAt: Date
  /** When WhatsApp took it: its answer, or the first status where the answer was lost. */
  acceptedAt: Date | null
  state: 0 | 1 | 2 | 3
  wamid: string | null
  code: string | null
  rank: number
  sentAt: Date | null
  deliveredAt: Date | null
  readAt: Date | null
  playedAt: Date | null
  failedAt: Date | null
  failure: { code: number; title?: string; details?: string } | null
  pricing: { billable?: boolean; model?: string; type?: string; category?: string } | null
}

export interface InboundView {
  wamid: string
  occurredAt: Date | null
  receivedAt: Date | null
  doneAt: Date | null
  shownAt: Date
}

export interface TalkStore {
  /** The customer of a conversation on this number; null when Puente never carried anything there. */
  customerIn(numberId: number, conversationId: number): Promise<CustomerView | null>
  /** The customer of an alias key (see core/identity), with what is bound to them on this number. */
  customerBy(numberId: number, deskId: number, alias: string): Promise<CustomerView | null>
  customersOfContact(numberId: number, contactId: number): Promise<CustomerView[]>
  /** The outbound lane of a customer. */
  laneOf(numberId: number, customerId: number): Promise<number | null>
  /** The newest message id of a conversation that Puente knows of. */
  newestIn(numberId: number, conversationId: number): Promise<number | null>
  /** Which of these contacts are known on any number of the desk. */
  knownContacts(deskId: number, contactIds: number[]): Promise<Set<number>>
  deliveries(
    numberId: number,
    conversationId: number,
    limits: { before?: number; limit: number }
  ): Promise<DeliveryView[]>
  delivery(numberId: number, messageId: number): Promise<DeliveryView | null>
  parts(numberId: number, messageId: number): Promise<PartView[]>
  inbound(numberId: number, messageId: number): Promise<InboundView | null>
  /** Parked → recalled, unless it is leaving this very moment. */
  recall(numberId: number, messageId: number): Promise<'recalled' | 'leaving' | 'not_parked'>
  /** Changes whenever something that the status of the conversation shows may have changed. */
  version(numberId: number, conversationId: number): Promise<string>
  /** Of the last messages that were delivered: how many, and how many of them were read. */
  receiptsOf(numberId: number, customerId: number): Promise<{ delivered: number; read: number }>
  /** What Meta last told of the number: GREEN …, TIER_1K …, whether it takes calls; null where it was never asked. */
  numberFacts(
    numberId: number
  ): Promise<{ quality: string | null; messagingLimit: string | null; calling: boolean | null }>
  /** Whether the caller is to ask Meta about calls now: one process does, when the last answer is older. */
  claimCalling(numberId: number, olderThanMs: number): Promise<boolean>
  keepCalling(numberId: number, calling: boolean): Promise<void>
  /**
   * Customers who were written to from these numbers outside of their window in the last 24 h, as far as that went
   * through Puente; `ours`: the given one is among them.
   */
  openedToday(numberIds: readonly number[], customerId: number | null): Promise<{ customers: number; ours: boolean }>
  /** What WhatsApp refused on this number in the last 24 h: our own code, or its failure as it was told. */
  refusedToday(
    numberId: number
  ): Promise<{ code: string | null; failure: { code: number; title?: string; details?: string } | null }[]>
  /** When WhatsApp last counted a message to this customer as free by entry point. */
  freeEntryAt(numberId: number, customerId: number): Promise<Date | null>
  /**
   * A press of a macro's hook sent nothing. Answers whether the conversation is to be told: not for the same reason
   * again within an hour, since a note may itself set off the automation that pressed.
   */
  hookFailed(hookId: string, conversationId: number, failure: { code: string; reason: string }): Promise<boolean>
}
