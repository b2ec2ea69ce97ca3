/**
 * Pieces that Chatwoot's API answers and hooks share, as its serializers write them (4.16.2; contract/chatwoot §2–§5).
 * `?` = the key may be missing, `| null` = it is there and empty. Types only.
 */

/** Free-form JSON columns. */
export type AttributesWire = Readonly<Record<string, unknown>>

/** ISO 8601 with milliseconds and `Z`. */
export type IsoTimeWire = string
/** Whole seconds since 1970; 0 stands for "never". */
export type EpochWire = number

export interface AccountRefWire {
  id: number
  name: string
}

export interface InboxRefWire {
  id: number
  name: string
}

export interface InboxSlimWire {
  id: number
  avatar_url: string
  channel_id: number
  name: string
  channel_type: string
  provider: string | null
}

export interface ContactInboxSlimWire {
  source_id: string
  inbox: InboxSlimWire
}

interface ContactCoreWire {
  additional_attributes: AttributesWire
  custom_attributes: AttributesWire
  email: string | null
  id: number
  identifier: string | null
  name: string
  /** With `+`. */
  phone_number: string | null
  thumbnail: string
  blocked: boolean
}

/** A contact in an API answer. */
export interface ContactWire extends ContactCoreWire {
  availability_status: string | null
  last_activity_at?: EpochWire | null
  created_at?: EpochWire
  contact_inboxes?: readonly ContactInboxSlimWire[]
}

/** A contact as the sender of a message, or in `conversation.meta` of a hook. */
export interface ContactPushWire extends ContactCoreWire {
  type: 'contact'
}

/** A contact at the top of a hook: without `type`. */
export interface ContactHookWire extends ContactCoreWire {
  account: AccountRefWire
  avatar: string
}

/** A user as the sender of a message in an API answer. */
export interface UserPushWire {
  id: number
  name: string
  available_name: string | null
  avatar_url: string
  type: 'user'
  availability_status: string | null
  thumbnail: string
}

export interface BotPushWire {
  id: number
  name: string
  avatar_url?: string | null
  type: 'agent_bot' | 'captain_assistant'
}

export type SenderPushWire = ContactPushWire | UserPushWire | BotPushWire

/** A user at the top of a hook. */
export interface UserHookWire {
  id: number
  name: string
  email: string
  type: 'user'
}

export interface BotHookWire {
  id: number
  name: string
  type: 'agent_bot' | 'captain_assistant'
}

/** `…/agents` and the assignee of an API conversation. */
export interface AgentWire {
  id: number
  account_id: number
  availability_status: string
  auto_offline: boolean
  confirmed: boolean
  email: string
  provider: string
  available_name: string
  name: string
  role: 'administrator' | 'agent'
  thumbnail: string
  /** Enterprise builds only. */
  custom_role_id?: number | null
}

export interface TeamWire {
  id: number
  name: string
  description?: string | null
  allow_auto_assign?: boolean
  account_id?: number
  is_member?: boolean
  [key: string]: unknown
}

interface AttachmentCoreWire {
  id: number
  message_id: number
  account_id: number
}

export interface FileAttachmentWire extends AttachmentCoreWire {
  file_type:
    | 'image'
    | 'audio'
    | 'video'
    | 'file'
    | 'share'
    | 'story_mention'
    | 'ig_reel'
    | 'ig_post'
    | 'ig_story'
    | 'embed'
  extension: string | null
  /** Since 4.13.0. */
  content_type?: string | null
  /** Redirects to a storage address; needs no token and does not expire. Ends in the percent-encoded file name. */
  data_url: string
  thumb_url: string
  file_size: number
  width: number | null
  height: number | null
  /** Audio only. */
  transcribed_text?: string
}

export interface LocationAttachmentWire extends AttachmentCoreWire {
  file_type: 'location'
  coordinates_lat: number
  coordinates_long: number
  fallback_title: string | null
  data_url: string | null
}

export interface ContactAttachmentWire extends AttachmentCoreWire {
  file_type: 'contact'
  fallback_title: string | null
  meta: AttributesWire
}

export interface FallbackAttachmentWire extends AttachmentCoreWire {
  file_type: 'fallback'
  fallback_title: string | null
  data_url: string | null
}

export type AttachmentWire =
  | FileAttachmentWire
  | LocationAttachmentWire
  | ContactAttachmentWire
  | FallbackAttachmentWire

export type MessageTypeName = 'incoming' | 'outgoing' | 'activity' | 'template'
/** 0 incoming, 1 outgoing, 2 activity, 3 template. */
export type MessageTypeNumber = 0 | 1 | 2 | 3
export type MessageStatusWire = 'sent' | 'delivered' | 'read' | 'failed'
export type ConversationStatusWire = 'open' | 'resolved' | 'pending' | 'snoozed'

export type ContentTypeWire =
  | 'text'
  | 'input_text'
  | 'input_textarea'
  | 'input_email'
  | 'input_select'
  | 'cards'
  | 'form'
  | 'article'
  | 'incoming_email'
  | 'input_csat'
  | 'integrations'
  | 'sticker'
  | 'voice_call'

/** Any key is stored and comes back; these mean something to Chatwoot (§4.1). */
export interface ContentAttributesWire {
  /** Id of the quoted message; null when what was asked for is unknown. */
  in_reply_to?: number | null
  /** `source_id` of the quoted message. */
  in_reply_to_external_id?: string | null
  deleted?: boolean
  external_error?: string | null
  /** Renders as written by the business elsewhere. */
  external_echo?: boolean
  automation_rule_id?: number
  items?: readonly { title: string; value: string }[]
  submitted_values?: readonly { title: string; value: string }[]
  external_created_at?: string | number
  [key: string]: unknown
}

/** What the template picker writes into `additional_attributes` of a message (§13). */
export interface TemplateParamsWire {
  name: string
  category: string
  language: string
  namespace?: string
  processed_params?: {
    /** By position ("1", "2") or by name. */
    body?: Readonly<Record<string, string>>
    header?: { media_url?: string; media_type?: string; media_name?: string; [key: string]: unknown }
    buttons?: readonly {
      type: string
      parameter: string
      url?: string
      variables?: readonly string[]
    }[]
    [key: string]: unknown
  }
  /** Since 4.17. */
  content_mode?: 'raw_template' | 'rendered'
}

export interface MessageAdditionalWire {
  template_params?: TemplateParamsWire
  campaign_id?: number
  [key: string]: unknown
}

/** A message as the model pushes it: inside hooks (`conversation.messages`) and inside API conversations. */
export interface MessagePushWire {
  id: number
  content: string | null
  account_id: number
  inbox_id: number
  /** The display id. */
  conversation_id: number
  message_type: MessageTypeNumber
  created_at: EpochWire
  updated_at: IsoTimeWire
  private: boolean
  status: MessageStatusWire
  source_id: string | null
  content_type: ContentTypeWire
  content_attributes: ContentAttributesWire
  sender_type: 'User' | 'Contact' | 'AgentBot' | 'Captain::Assistant' | null
  sender_id: number | null
  external_source_ids: AttributesWire
  additional_attributes: MessageAdditionalWire
  processed_message_content: string | null
  sentiment: AttributesWire
  conversation: {
    assignee_id: number | null
    unread_count: number
    last_activity_at: EpochWire
    contact_inbox: { source_id: string }
  }
  attachments?: readonly AttachmentWire[]
  sender?: SenderPushWire
}

/** A message in an answer of the messages API (§4). */
export interface MessageWire {
  id: number
  content: string | null
  inbox_id: number
  /** Only in the answer to the request that brought it. */
  echo_id?: string
  conversation_id: number
  message_type: MessageTypeNumber
  content_type: ContentTypeWire
  status: MessageStatusWire
  content_attributes: ContentAttributesWire
  created_at: EpochWire
  private: boolean
  source_id: string | null
  /** Missing when nobody sent it. */
  sender?: SenderPushWire
  /** Missing when there are none. */
  attachments?: readonly AttachmentWire[]
}
