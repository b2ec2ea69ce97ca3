/**
 * Port to WhatsApp. A channel knows one number's access; it does not know lanes, windows or the desk.
 * Every method fails with a PuenteError whose `certainty` is honest: `may_have_happened` once request bytes
 * have left and no full answer came back.
 */
import type { PartToSend } from '../model.ts'

export interface NumberAccess {
  phoneNumberId: string
  token: string
  /** For appsecret_proof; absent = not sent. */
  appSecret?: string
  /** Base URL and version, for example `https://graph.facebook.com` and `v25.0`. */
  graphUrl: string
  graphVersion: string
}

export interface Accepted {
  wamid: string
  /** May differ from what was addressed (Brazil, Mexico): an alias to keep. */
  waId?: string
  userId?: string
  held?: boolean
}

export interface MediaAddress {
  url: string
  mimeType: string
  /** Lower-case hex. */
  sha256?: string
  sizeBytes?: number
}

export interface NumberFacts {
  displayPhoneNumber: string
  verifiedName?: string
  /** Messages a second, in and out together: 80, 1000, or 20 in coexistence. */
  throughputPerSecond: number
  quality?: string
  isOnBusinessApp?: boolean
  /** Meta's word, an open list: CONNECTED, FLAGGED, RESTRICTED, BANNED … */
  status?: string
  /** TIER_2K …: customers a day that may be written to first. */
  messagingLimit?: string
  /** AVAILABLE, LIMITED or BLOCKED: the worst of number, WABA, business and app. */
  canSend?: string
  /** Meta's codes of what stands in the way of sending. */
  healthCodes?: readonly number[]
}

export interface Channel {
  /** Sends one message. Not idempotent: the caller commits an attempt first. */
  send(access: NumberAccess, message: PartToSend, options: SendOptions): Promise<Accepted>
  /** Marks a message (and those before it) read, optionally with the typing sign. Harmless when repeated. */
  markRead(access: NumberAccess, wamid: string, options?: { typing?: boolean }): Promise<void>
  /** Uploads a file for sending by id (kept 30 days at Meta). Harmless when repeated. */
  uploadMedia(access: NumberAccess, file: { path: string; mimeType: string; name: string }): Promise<string>
  /** Asks where a received media lies now; the URL lives 5 minutes. */
  locateMedia(access: NumberAccess, mediaId: string): Promise<MediaAddress>
  /** Opens the bytes of a located media. The stream fails with `media_unfetched`, `media_gone` or `media_too_large`. */
  openMedia(access: NumberAccess, url: string): Promise<{ stream: NodeJS.ReadableStream; sizeBytes?: number }>
  /** Pace, quality and standing of the number, as Meta tells them now. Harmless when repeated. */
  readNumber(access: NumberAccess): Promise<NumberFacts>
  /** Whether customers may call this number, by its own settings. Harmless when repeated. */
  readCalling(access: NumberAccess): Promise<boolean>
  close(): void
}

export interface SendOptions {
  /** Called right before the first byte leaves, with no queue behind it; throwing keeps the message from leaving. */
  beforeBytes?: () => void
}
