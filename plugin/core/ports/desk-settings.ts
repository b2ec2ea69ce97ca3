/** Port to the settings of a desk: what it is, whose token we hold, how our inboxes are set. Reading needs a member's token. */
import type { DeskAccess } from './help-desk.ts'

export interface InboxSettings {
  id: number
  name: string
  webhookUrl: string | null
  /** Signs the hooks. Null for agents' tokens and before 4.13.0. */
  secret: string | null
  marker: { phoneNumberId: string; installation: string } | null
  /** The channel's `additional_attributes`, whole. */
  attributes: Readonly<Record<string, unknown>>
}

export interface DeskSettings {
  /** Null when the server does not say. */
  readVersion(url: string): Promise<string | null>
  readProfile(access: DeskAccess): Promise<{ administrator: boolean }>
  /** All inboxes that the token may see. */
  listInboxes(access: DeskAccess): Promise<InboxSettings[]>
  /** Fails with `desk_inbox_gone` when it was deleted, with `desk_forbidden` when the token is of no member. */
  readInbox(access: DeskAccess, inboxId: number): Promise<InboxSettings>
  /** Needs an administrator. Writes only what differs; attributes are merged with those that are there. */
  updateInbox(
    access: DeskAccess,
    inboxId: number,
    change: { webhookUrl?: string; attributes?: Record<string, unknown> }
  ): Promise<InboxSettings>
}
