/**
 * What a WhatsApp template is to Puente: its parts, its slots (places to fill), the values, and the filled message.
 * Types only, plain JSON-safe data, free of Node: the tab, the picker's hooks and the API share them.
 */

// ── The template ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A template as Graph lists it; `components` stay as Meta gives them and are read by `readTemplate`. */
export interface ListedTemplate {
  id: string
  name: string
  language: string
  /** Meta's word: APPROVED, PAUSED, DISABLED, REJECTED, PENDING … (open list). */
  status: string
  /** MARKETING, UTILITY, AUTHENTICATION (open list). */
  category: string
  /** `NAMED` or `POSITIONAL`. */
  parameterFormat?: string
  rejectedReason?: string
  /** GREEN, YELLOW, RED, UNKNOWN. */
  qualityScore?: string
  components: Record<string, unknown>[]
}

export interface Template {
  id: string
  name: string
  language: string
  status: string
  category: string
  rejectedReason: string | null
  qualityScore: string | null
  /** True when slots are filled by name, false when by number. */
  named: boolean
  header: TemplateHeader | null
  body: TemplateText | null
  footer: string | null
  /** A limited-time offer's line, and whether it wants a moment at which it ends. */
  offer: { text: string; expires: boolean } | null
  buttons: TemplateButton[]
  /** Cards of a carousel; empty for all others. */
  cards: TemplateCard[]
  /** A call permission request is a template of its own kind: the customer answers with yes or no. */
  asksToCall: boolean
  /** Names of parts that this version cannot fill (for example `HEADER GIF`); such a template is shown, not sent. */
  unsupported: string[]
}

export interface TemplateText {
  /** Meta's text with `{{1}}` or `{{first_name}}` in it, in WhatsApp's own markup. */
  text: string
  /** Sample values by the slot's key. */
  examples: Record<string, string>
}

export type MediaFormat = 'image' | 'video' | 'document'

export type TemplateHeader =
  | ({ kind: 'text' } & TemplateText)
  | { kind: MediaFormat; example: string | null }
  | { kind: 'location' }
  | { kind: 'product' }

export type TemplateButton =
  | { kind: 'quick_reply'; label: string }
  /** `url` may end in one slot: `https://example.org/r/{{1}}`. */
  | { kind: 'url'; label: string; url: string; example: string | null }
  | { kind: 'phone'; label: string; phone: string }
  | { kind: 'copy_code'; label: string; example: string | null }
  | { kind: 'flow'; label: string }
  | { kind: 'catalog'; label: string }
  /** Several products in sections. */
  | { kind: 'products'; label: string }
  /** The product of the header. */
  | { kind: 'product'; label: string }
  /** One-time password: copy code, one-tap, zero-tap. */
  | { kind: 'otp'; label: string; otpType: string }
  | { kind: 'voice_call'; label: string }
  | { kind: 'share_contact'; label: string }

export interface TemplateCard {
  header: TemplateHeader | null
  body: TemplateText | null
  buttons: TemplateButton[]
}

// ── Slots and values ─────────────────────────────────────────────────────────────────────────────────────────────

/** What a slot takes; see `SlotValue` for the shape of each. */
export type SlotKind =
  | 'text'
  | 'image'
  | 'video'
  | 'document'
  | 'location'
  /** The end of a button's URL. */
  | 'url_suffix'
  | 'coupon'
  /** A one-time password: stands in the body and in the button. */
  | 'code'
  /** What a quick reply sends back; the label when left out. */
  | 'payload'
  /** The moment at which an offer ends. */
  | 'moment'
  | 'flow'
  /** The picture of a catalogue button; the first product when left out. */
  | 'thumbnail'
  | 'products'
  | 'product'

export interface Slot {
  /**
   * Stable within one template, for example `header`, `header.1`, `body.2`, `body.first_name`, `button.0`, `offer`,
   * `code`, `card.1.header`, `card.1.body.1`, `card.1.button.0`.
   */
  id: string
  kind: SlotKind
  where: { part: 'header' | 'body' | 'button' | 'offer'; card?: number; button?: number }
  /** For people: `first name`, `1`, or the button's label. Not translated: it comes from the template. */
  label: string
  /** The template's own sample. */
  example: string | null
  required: boolean
  /** Most characters that this value alone may have; the whole part has its own limit. */
  maxLength: number | null
  /** For text slots: the words before and after in the template, to tell `{{1}}` from `{{2}}`. */
  context: { before: string; after: string } | null
}

/** A picture, video or document: uploaded to WhatsApp already, or still at an address that Puente is to fetch. */
export type MediaValue = { mediaId: string; filename?: string } | { link: string; filename?: string }

export interface LocationValue {
  latitude: number
  longitude: number
  name: string
  address: string
}

export interface ProductsValue {
  thumbnailProductId: string
  sections: { title: string; productIds: string[] }[]
}

export interface ProductValue {
  productId: string
  catalogId: string
}

export interface FlowValue {
  token?: string
  data?: Record<string, unknown>
}

/**
 * Text kinds (`text`, `url_suffix`, `coupon`, `code`, `payload`, `thumbnail`) take a string; `moment` an ISO 8601 time
 * with zone; media kinds a MediaValue; the others their own shape.
 */
export type SlotValue = string | MediaValue | LocationValue | ProductsValue | ProductValue | FlowValue

/** Values by slot id. */
export type Values = Record<string, SlotValue | undefined>

/** Values as they may leave, by slot id: checked and tidied. */
export type CleanValues = ReadonlyMap<string, SlotValue>

// ── The filled message ───────────────────────────────────────────────────────────────────────────────────────────

/** What the sender knows beyond the values. */
export interface FillRules {
  now: Date
  /** False when the customer is known by user id only: one-time passwords then cannot be sent (131062). */
  hasPhone: boolean
  /** False shows problems of the values only; true (default) also those of status and category. */
  checkStatus?: boolean
}

export type ProblemCode =
  | 'missing'
  | 'unknown_slot'
  | 'wrong_shape'
  /** The value still holds a placeholder in double braces. */
  | 'placeholder'
  | 'too_long'
  | 'part_too_long'
  | 'url_too_long'
  | 'url_shape'
  | 'coupon_shape'
  | 'code_shape'
  | 'media_address'
  | 'media_private'
  | 'media_kind'
  | 'location_range'
  | 'moment_unreadable'
  | 'moment_past'
  | 'products_empty'
  | 'products_too_many'
  | 'phone_needed'
  | 'status_paused'
  | 'status_disabled'
  | 'status_not_approved'
  | 'unsupported'

/** One thing that keeps the template from being sent; `describeProblem` makes the sentence. */
export interface TemplateProblem {
  code: ProblemCode
  /** The slot it is about; null when it is about the template. */
  slot: string | null
  /** Label of that slot, for the sentence. */
  label: string | null
  facts: Record<string, string | number>
}

/** A stretch of text; `slot` tells where it came from. An unfilled slot shows as `{{key}}` with `filled: false`. */
export interface PreviewPiece {
  text: string
  slot: string | null
  filled: boolean
}

export interface PreviewText {
  /** All pieces joined: exactly what the customer reads, in WhatsApp's markup. */
  text: string
  pieces: PreviewPiece[]
}

export type PreviewHeader =
  | ({ kind: 'text' } & PreviewText)
  | { kind: MediaFormat; slot: string; value: MediaValue | null; example: string | null }
  | { kind: 'location'; slot: string; value: LocationValue | null }
  | { kind: 'product'; slot: string; value: ProductValue | null }

export interface PreviewButton {
  kind: TemplateButton['kind']
  label: string
  /** What the press does, filled: the URL, the phone number, the code. */
  target: string | null
  slot: string | null
}

export interface PreviewCard {
  header: PreviewHeader | null
  body: PreviewText | null
  buttons: PreviewButton[]
}

/** The message as the phone shows it, also while slots are still empty. */
export interface Preview extends PreviewCard {
  offer: { text: string; endsAt: string | null } | null
  footer: string | null
  cards: PreviewCard[]
}

/** A component of `template.components` in `POST /{PHONE}/messages`, in Meta's own words (contract §5). */
export type SendComponent =
  | { type: 'header' | 'body'; parameters: SendParameter[] }
  | { type: 'limited_time_offer'; parameters: SendParameter[] }
  | { type: 'button'; sub_type: string; index: string; parameters: SendParameter[] }
  | { type: 'carousel'; cards: { card_index: number; components: SendComponent[] }[] }

export type SendParameter = { type: string } & Record<string, unknown>

export type Filled = FilledBase & ({ ok: true; components: SendComponent[] } | { ok: false })

interface FilledBase {
  /** Empty when `ok`. */
  problems: TemplateProblem[]
  preview: Preview
  /** Markdown for the desk's bubble: the rendered text, media and buttons named. Needs no translation. */
  deskText: string
}
