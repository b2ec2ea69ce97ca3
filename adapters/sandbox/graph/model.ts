/** The plain data of the Graph stand-in: numbers, customers, chats, media, templates, knobs. No behaviour here. */

/** Any JSON object whose inside the stand-in only passes on. */
export type Json = Record<string, unknown>

export interface GraphNumber {
  phoneNumberId: string
  /** Digits only, as in webhook metadata. */
  displayDigits: string
  /** As `GET /{PHONE}` shows it. */
  displayPhoneNumber: string
  verifiedName: string
  registered: boolean
  /** Whether customers may call it; left out: they may. */
  calling?: 'ENABLED' | 'DISABLED'
  pin: string | null
  overrideUri: string | null
  overrideVerifyToken: string | null
  profile: Json
}

export interface Customer {
  /** Stable handle for the doors; never changes, unlike numbers and user ids. */
  id: string
  name: string
  username: string | null
  /** Canonical wa_id, or null when the customer hides the number behind a username. */
  waId: string | null
  /** The number as people write it (E.164 digits), which may differ from the wa_id (Brazil, Mexico). */
  phoneDigits: string | null
  /** Business-scoped user id. */
  userId: string
  identityHash: string
  language: string
  /** Whether this customer's phone tells that messages were read. */
  receipts: 'on' | 'off'
  /** `off` = the phone is out of reach: nothing is delivered. */
  phone: 'on' | 'off'
  /** `true` once marketing was refused. */
  optedOut: boolean
  blocked: boolean
}

export type StatusName = 'sent' | 'delivered' | 'read' | 'played' | 'failed'

export interface PhoneMedia {
  /** Path on the sandbox's own origin: `/__media/ID`. */
  url: string
  id: string
  mime: string
  name?: string
  bytes: number
  voice: boolean
  animated: boolean
  /** False when only size and hash were kept (large uploads). */
  kept: boolean
}

export interface PhoneButton {
  /** Sent back as the reply's id or payload. */
  id: string
  label: string
  /** `reply` = interactive reply button, `quick` = template quick reply, `list` opens the sections, `flow` a form. */
  kind: 'reply' | 'quick' | 'list' | 'flow' | 'url' | 'phone' | 'copy' | 'other'
  url?: string
}

/** One message as the customer's phone shows it. */
export interface ChatMessage {
  wamid: string
  /** Milliseconds, sandbox time. */
  at: number
  from: 'customer' | 'business'
  /** WhatsApp's type: text, image, …, interactive, template, system, call, unsupported. */
  type: string
  /** Body or caption, as the phone shows it (template parameters filled in). */
  text: string
  header?: string
  footer?: string
  buttons?: PhoneButton[]
  sections?: { title: string; rows: { id: string; title: string; description?: string }[] }[]
  media?: PhoneMedia
  /** The inner wire object (`location`, `contacts`, `order`, `interactive` …), as sent. */
  content?: unknown
  templateName?: string
  /** wamid of the quoted message. */
  context?: string
  forwarded?: boolean
  referral?: Json
  groupId?: string
  edited?: boolean
  deleted?: boolean
  reactions: { from: 'customer' | 'business'; emoji: string }[]
  /** For messages of the business: how far it came. */
  status?: StatusName | 'accepted'
  error?: { code: number; title: string; details?: string }
  /** For messages of the customer: grey until the business marked it read. */
  ticks?: 'grey' | 'blue'
}

export interface Chat {
  phoneNumberId: string
  customerId: string
  messages: ChatMessage[]
  /** Sandbox time of the customer's last message or call; 0 = never. */
  lastInboundAt: number
  /** End of a free entry point window (click-to-WhatsApp ad), 0 = none. */
  freeEntryUntil: number
  typingUntil: number
}

export type TemplateStatus = 'APPROVED' | 'PENDING' | 'REJECTED' | 'PAUSED' | 'DISABLED'

export interface TemplateRecord {
  id: string
  name: string
  language: string
  status: TemplateStatus
  category: 'MARKETING' | 'UTILITY' | 'AUTHENTICATION'
  parameter_format: 'POSITIONAL' | 'NAMED'
  components: Json[]
  quality_score?: Json
  rejected_reason?: string
}

export interface FailNext {
  code: number
  /** `status` = accepted, then a failed status; `sync` = refused at once. */
  as: 'status' | 'sync'
  count?: number
  details?: string
  /** Only for this customer (id, wa_id or user id). */
  customer?: string
}

/** What can be set through `configure` (the door `POST /__graph`). */
export interface Knobs {
  statuses: {
    mode: 'timed' | 'instant' | 'manual'
    sentMs: number
    deliveredMs: number
    readMs: number
    playedMs: number
  }
  /** Meta's serialisation on the wire (non-ASCII, slashes and more escaped) or plain UTF-8. */
  encoding: 'escaped' | 'plain'
  /** Most messages or statuses put into one webhook of `say` with an array. */
  batchSize: number
  retry: { baseMs: number; factor: number; capMs: number; forMs: number }
  /** One message in 6 s to one customer, 45 borrowed: 131056. */
  pairLimit: 'on' | 'off'
  /** Messages a second of the number, in and out together: 130429. STANDARD 80, HIGH 1000. */
  throughput: 'STANDARD' | 'HIGH' | 'off'
  /** How a closed customer service window (131047) is told. */
  windowAs: 'status' | 'sync' | 'off'
  /** Marketing to +1 numbers: Meta has not delivered it since 2025-04-01 (131049). */
  usMarketing: 'deliver' | 'refuse'
  /** Marketing templates are answered `held_for_quality_assessment`, then released or dropped (132015). */
  holdMarketing: 'off' | 'release' | 'drop'
  /** MIME and size rules for media. */
  mediaLimits: 'on' | 'off'
  /** Whether media in webhooks carry a ready `url`. */
  mediaUrls: 'on' | 'off'
  quality: 'GREEN' | 'YELLOW' | 'RED' | 'UNKNOWN'
  messagingLimit: string
  token: 'valid' | 'expired' | 'no_permission'
  /** When set, this token is accepted instead of the one in the config: the old one was revoked. */
  validToken: string | null
  /** What `debug_token` says that the token may do. */
  scopes: string[]
  /** `status` of the numbers; null = by their registration. */
  numberStatus: 'CONNECTED' | 'FLAGGED' | 'RESTRICTED' | 'RATE_LIMITED' | 'BANNED' | 'PENDING' | 'DISCONNECTED' | null
  /** `health_status.can_send_message` of the numbers; null = by the token. */
  health: 'AVAILABLE' | 'LIMITED' | 'BLOCKED' | null
  /** What `health_status` names as hindering, of the numbers. */
  healthErrors: { code: number; description: string; solution?: string }[]
  /** Webhook fields that this app is not given: subscribing to any of them is refused as a whole. */
  refusedFields: string[]
  /** Whether the app's own webhook is switched on. */
  appActive: boolean
  nameStatus: 'APPROVED' | 'PENDING_REVIEW' | 'DECLINED' | 'NONE'
  /** The number is in the WhatsApp Business app too (coexistence). */
  onBizApp: boolean
  /** Apps beside ours that are subscribed to the account. */
  otherApps: { id: string; name: string; override?: string }[]
  /** When set, every webhook goes here, whatever was subscribed. */
  callbackUrl: string | null
  failNext: FailNext[]
}

export const DEFAULT_KNOBS: Knobs = {
  statuses: { mode: 'timed', sentMs: 150, deliveredMs: 400, readMs: 1500, playedMs: 1500 },
  encoding: 'escaped',
  batchSize: 1,
  retry: { baseMs: 1000, factor: 2, capMs: 60_000, forMs: 7 * 24 * 3_600_000 },
  pairLimit: 'on',
  throughput: 'STANDARD',
  windowAs: 'status',
  usMarketing: 'deliver',
  holdMarketing: 'off',
  mediaLimits: 'on',
  mediaUrls: 'on',
  quality: 'GREEN',
  messagingLimit: 'TIER_2K',
  token: 'valid',
  validToken: null,
  scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
  numberStatus: null,
  health: null,
  healthErrors: [],
  refusedFields: [],
  appActive: true,
  nameStatus: 'APPROVED',
  onBizApp: false,
  otherApps: [],
  callbackUrl: null,
  failNext: []
}

/** `GET /__phone`. */
export interface PhoneView {
  numbers: { phoneNumberId: string; displayPhoneNumber: string; verifiedName: string }[]
  customers: PhoneCustomerView[]
}

export interface PhoneCustomerView {
  id: string
  name: string
  username: string | null
  waId: string | null
  /** E.164 with +, or null. */
  phone: string | null
  userId: string
  language: string
  receipts: 'on' | 'off'
  reachable: boolean
  /** One per business number that this customer ever talked with; the first number is always present. */
  chats: PhoneChatView[]
}

export interface PhoneChatView {
  phoneNumberId: string
  /** End of the customer service window in milliseconds, null when it never opened. */
  windowExpiresAt: number | null
  windowOpen: boolean
  businessTyping: boolean
  messages: ChatMessage[]
}
