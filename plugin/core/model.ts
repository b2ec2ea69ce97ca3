/**
 * The plain data that travels through Puente: what WhatsApp told (facts), what the desk is to show (drafts),
 * what WhatsApp is to be sent (parts). No wire names of Meta or Chatwoot; adapters translate.
 */
import type { SendComponent } from './templates/model.ts'

// ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every name under which one WhatsApp user was seen in one event. All optional: usernames may come without a phone. */
export interface CustomerIds {
  /** Business-scoped user id (BSUID), for example `US.13491208655302741918`. */
  userId?: string
  parentUserId?: string
  /** Digits only, as Meta gives it. */
  waId?: string
  username?: string
  /** Profile name, chosen by the customer. */
  name?: string
  identityHash?: string
}

// ── What WhatsApp told ───────────────────────────────────────────────────────────────────────────────────────────

export type FactKind =
  | 'message'
  | 'echo'
  | 'status'
  | 'call'
  | 'group'
  | 'preference'
  | 'management'
  | 'history'
  | 'notice'
  | 'unknown'

/** A failure as Meta words it; kept for people and for the error table. */
export interface MetaFailure {
  code: number
  title?: string
  message?: string
  details?: string
}

export interface MediaFact {
  id: string
  mimeType: string
  /** Lower-case hex. */
  sha256?: string
  url?: string
  caption?: string
  filename?: string
  voice?: boolean
  animated?: boolean
  gif?: boolean
}

export interface ContactCard {
  name: string
  organisation?: string
  phones: { number: string; type?: string; waId?: string }[]
  emails: { address: string; type?: string }[]
  addresses: string[]
  urls: string[]
  birthday?: string
  /** `contact_request`: the customer answered a request to share the number. */
  origin?: string
}

export interface OrderLine {
  productId: string
  quantity: number
  /** Per piece, in units of the currency. */
  price: number
  currency: string
}

export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker'

export type InboundContent =
  | { kind: 'text'; body: string }
  | { kind: 'media'; type: MediaKind; media: MediaFact }
  | { kind: 'location'; latitude: number; longitude: number; name?: string; address?: string; url?: string }
  | { kind: 'contacts'; cards: ContactCard[] }
  | { kind: 'choice'; via: 'button' | 'list' | 'template'; title: string; id?: string; description?: string }
  | { kind: 'form'; name: string; body?: string; answers: Record<string, unknown>; raw?: string }
  | { kind: 'call_permission'; accepted: boolean; permanent?: boolean; expiresAt?: Date; automatic?: boolean }
  | { kind: 'order'; catalogId?: string; text?: string; lines: OrderLine[] }
  | { kind: 'reaction'; target: string; emoji: string | null }
  | { kind: 'edit'; target: string; content: InboundContent }
  | { kind: 'revoke'; target: string }
  | { kind: 'number_changed'; body?: string; from: CustomerIds; to: CustomerIds }
  | { kind: 'identity_changed'; body?: string }
  | { kind: 'system'; type: string; body?: string }
  | { kind: 'unsupported'; subtype?: string; failures: MetaFailure[] }
  /** A type that this version does not know; `type` is Meta's own word for it. */
  | { kind: 'unknown'; type: string }

export interface Referral {
  sourceUrl?: string
  sourceId?: string
  sourceType?: string
  headline?: string
  body?: string
  mediaType?: 'image' | 'video'
  /** Picture of the ad (the video's thumbnail for a video ad). */
  imageUrl?: string
  clickId?: string
  welcomeText?: string
}

/** One message of a customer, or (kind `echo`) one that the business wrote from its phone or another app. */
export interface InboundMessage {
  wamid: string
  /** Meta's time, whole seconds. */
  at: Date
  customer: CustomerIds
  groupId?: string
  quoted?: { wamid?: string; product?: { catalogId?: string; productId?: string } }
  forwarded?: 'once' | 'often'
  referral?: Referral
  content: InboundContent
  failures: MetaFailure[]
  /** Seen while another app owns the chat: shown, and not to be answered by a machine. */
  standby?: boolean
}

export type StatusName = 'sent' | 'delivered' | 'read' | 'played' | 'failed'

export interface StatusFact {
  wamid: string
  status: StatusName | 'other'
  at: Date
  recipient: CustomerIds
  groupId?: string
  participant?: string
  /** What we put into `biz_opaque_callback_data`: our attempt id. */
  reference?: string
  pricing?: { billable?: boolean; model?: string; type?: string; category?: string }
  conversation?: { id?: string; expiresAt?: Date; origin?: string }
  failure?: MetaFailure
}

export interface CallFact {
  id: string
  at: Date
  customer: CustomerIds
  event: string
  direction?: 'business' | 'customer'
  status?: string
  durationSeconds?: number
}

/** A change in a group: members, name, suspension. Shown as a grey line in the group's conversation. */
export interface GroupFact {
  groupId: string
  at: Date
  type: string
  /** People named by the event, as far as their names or numbers are given. */
  participants: CustomerIds[]
  /** True when WhatsApp says that what was asked for could not be done at all. */
  failed?: boolean
  subject?: string
}

/** What one item of a webhook means. `raw` stays in the store; this is what today's code understands of it. */
export type InboundFact =
  | { kind: 'message'; message: InboundMessage }
  | { kind: 'echo'; message: InboundMessage }
  | { kind: 'status'; status: StatusFact }
  | { kind: 'call'; call: CallFact }
  | { kind: 'group'; group: GroupFact }
  | { kind: 'preference'; customer: CustomerIds; category: string; value: string; at: Date }
  | { kind: 'management'; field: string; event?: string }
  | { kind: 'history'; messages: number }
  | { kind: 'notice'; field: string; failures: MetaFailure[] }
  | { kind: 'unknown'; field: string }

// ── What the desk is to show ─────────────────────────────────────────────────────────────────────────────────────

/** A file to show in the desk, still at WhatsApp or (for an ad's picture) at a URL. */
export type DraftFile = { from: 'channel'; type: MediaKind; media: MediaFact } | { from: 'url'; url: string }

/** A row to be written in the desk, before media are fetched and ids resolved. Never with empty content and no file. */
export interface DeskDraft {
  type: 'incoming' | 'outgoing' | 'activity'
  /** Markdown as the desk renders it. */
  content: string
  files: DraftFile[]
  /** The wamid that this row quotes. */
  quotes?: string
  /** Merged into our marker `content_attributes.puente`. */
  marker: Record<string, string | number | boolean>
  /** True for what the business wrote elsewhere: shown as `external_echo`. */
  externalEcho?: boolean
  /** Desk rows of this wamid are to be deleted first (the customer deleted the message, and policy hides it). */
  hides?: string
  /** For conversation attributes of the ad that brought the customer here. */
  clickId?: string
}

// ── What WhatsApp is to be sent ──────────────────────────────────────────────────────────────────────────────────

/** Whom a part goes to. `phone` has a leading `+`; a user id is used when no phone is known. */
export interface Recipient {
  phone?: string
  userId?: string
  groupId?: string
}

/** Filled by the template model (core/templates). */
export interface TemplateMessage {
  name: string
  language: string
  components: SendComponent[]
}

/** One WhatsApp message; a desk message may become several, in order. */
export type OutboundPart =
  | { kind: 'text'; body: string; previewUrl: boolean }
  | {
      kind: 'media'
      type: MediaKind
      /** Uploaded before; or else `link`, which WhatsApp fetches by itself. */
      mediaId: string
      link?: string
      caption?: string
      filename?: string
      voice?: boolean
    }
  | {
      kind: 'choices'
      body: string
      /** Up to 3 become reply buttons, up to 10 a list. */
      choices: { id: string; title: string }[]
      listLabel: string
    }
  | { kind: 'template'; template: TemplateMessage }
  | ComposedPart

/** Header and footer that interactive messages may have; plain text. */
export interface Framing {
  header?: string
  footer?: string
}

/** What an agent composes beyond the desk's own editor. Lengths are checked where it is composed. */
export type ComposedPart =
  | ({ kind: 'buttons'; body: string; buttons: { id: string; title: string }[] } & Framing)
  | ({
      kind: 'list'
      body: string
      buttonText: string
      sections: { title?: string; rows: { id: string; title: string; description?: string }[] }[]
    } & Framing)
  | ({ kind: 'url_button'; body: string; buttonText: string; url: string } & Framing)
  | { kind: 'location'; latitude: number; longitude: number; name?: string; address?: string }
  | { kind: 'location_request'; body: string }
  | { kind: 'contacts'; cards: OutgoingCard[] }
  /** Empty `emoji` takes the reaction back. */
  | { kind: 'reaction'; target: string; emoji: string }

export interface OutgoingCard {
  name: string
  organisation?: string
  phones: { number: string; type?: string }[]
  emails: { address: string; type?: string }[]
}

export interface PartToSend {
  to: Recipient
  part: OutboundPart
  /** wamid that the message quotes. */
  quotes?: string
  /** Our attempt id; comes back in every status. */
  reference: string
}
