/** Port to what scripts and links asked to be sent under a reference of their own, with what became of it: for exports. */
import type { DeliveryView } from './talk-store.ts'

export interface SentRow {
  sendId: string
  externalRef: string
  numberId: number
  conversationId: number | null
  messageId: number | null
  /** Not in the desk yet, in the desk, in the hands of the lane, or given up. */
  state: 'stored' | 'written' | 'queued' | 'failed'
  /** Why it was given up before WhatsApp was asked. */
  code: string | null
  delivery: Pick<DeliveryView, 'state' | 'rank' | 'code' | 'failure'> | null
  wamids: string[]
  createdAt: Date
  sentAt: Date | null
  deliveredAt: Date | null
  readAt: Date | null
  failedAt: Date | null
}

export interface SentFilter {
  externalRef?: string
  /** Asked for at or after, and before. */
  from?: Date
  to?: Date
  /** Send id of the last row that is known already. */
  after?: string
  limit: number
}

export interface SentLog {
  /** Oldest first. */
  page(deskId: number, filter: SentFilter): Promise<SentRow[]>
}
