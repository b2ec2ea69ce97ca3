/**
 * What Chatwoot posts to an API inbox, an account webhook, a macro or an automation rule (contract/chatwoot §5).
 * `signed` events carry the headers of `HookHeadersWire`; macros and automations carry none of them. Types only.
 */
import type {
  AccountRefWire,
  AttachmentWire,
  AttributesWire,
  BotHookWire,
  BotPushWire,
  ContactHookWire,
  ContactPushWire,
  ContentAttributesWire,
  ContentTypeWire,
  ConversationStatusWire,
  EpochWire,
  InboxRefWire,
  IsoTimeWire,
  MessageAdditionalWire,
  MessagePushWire,
  MessageTypeName,
  TeamWire,
  UserHookWire,
  UserPushWire
} from './wire-parts.ts'

export interface HookHeadersWire {
  'content-type': string
  accept: string
  'user-agent'?: string
  /** A UUID per delivery job. Missing, like the next two, on macros and automations. */
  'x-chatwoot-delivery'?: string
  /** Unix seconds. */
  'x-chatwoot-timestamp'?: string
  /** `sha256=` + hex HMAC of `"{timestamp}.{raw body}"`. API inboxes since 4.13.0. */
  'x-chatwoot-signature'?: string
}

export interface ContactInboxHookWire {
  id: number
  contact_id: number
  inbox_id: number
  source_id: string
  created_at: IsoTimeWire
  updated_at: IsoTimeWire
  hmac_verified: boolean
  /** Lets its holder listen as the contact: never log it. */
  pubsub_token: string
}

/** The conversation inside hooks. */
export interface ConversationHookWire {
  additional_attributes: AttributesWire
  can_reply: boolean
  channel: string
  contact_inbox: ContactInboxHookWire
  /** The display id. */
  id: number
  inbox_id: number
  /** None or the last public one, which need not be the one that the hook is about. */
  messages: readonly MessagePushWire[]
  labels: readonly string[]
  meta: {
    sender: ContactPushWire
    assignee: UserPushWire | BotPushWire | null
    /** Since 4.8.0. */
    assignee_type?: 'User' | 'AgentBot' | null
    team: TeamWire | null
    hmac_verified: boolean
  }
  status: ConversationStatusWire
  custom_attributes: AttributesWire
  snoozed_until: IsoTimeWire | null
  /** At most 10. */
  unread_count: number
  first_reply_created_at: IsoTimeWire | null
  priority: 'low' | 'medium' | 'high' | 'urgent' | null
  waiting_since: EpochWire
  agent_last_seen_at: EpochWire
  contact_last_seen_at: EpochWire
  last_activity_at: EpochWire
  timestamp: EpochWire
  created_at: EpochWire
  /** With decimals. */
  updated_at: number
  /** Since 4.14.2 (CW-HOOK-ACCOUNT). */
  account?: AccountRefWire
  /** Enterprise builds with SLA. */
  applied_sla?: unknown
  sla_events?: unknown
  sla_policy_id?: number | null
}

export interface MessageHookWire {
  account: AccountRefWire
  additional_attributes: MessageAdditionalWire
  content_attributes: ContentAttributesWire
  content_type: ContentTypeWire
  content: string | null
  conversation: ConversationHookWire
  created_at: IsoTimeWire
  id: number
  inbox: InboxRefWire
  message_type: MessageTypeName
  private: boolean
  sender: UserHookWire | BotHookWire | ContactHookWire | null
  source_id: string | null
  attachments?: readonly AttachmentWire[]
  event: 'message_created' | 'message_updated'
}

export type ChangedAttributesWire = readonly Readonly<
  Record<string, { previous_value: unknown; current_value: unknown }>
>[]

export interface ConversationCreatedHookWire extends ConversationHookWire {
  event: 'conversation_created'
}

export interface ConversationChangedHookWire extends ConversationHookWire {
  event: 'conversation_updated' | 'conversation_status_changed'
  changed_attributes: ChangedAttributesWire | null
}

export interface TypingHookWire {
  event: 'conversation_typing_on' | 'conversation_typing_off'
  user: UserHookWire | BotHookWire | ContactHookWire
  conversation: ConversationHookWire
  is_private: boolean
}

/** Account webhooks only. */
export interface ContactHookEventWire extends ContactHookWire {
  event: 'contact_created' | 'contact_updated'
  changed_attributes?: ChangedAttributesWire | null
}

/** Account webhooks only. Has no inbox id, and carries the channel's secrets: never log or keep it. */
export interface InboxHookWire {
  allow_messages_after_resolved: boolean
  lock_to_single_conversation: boolean
  auto_assignment_config: AttributesWire
  enable_auto_assignment: boolean
  enable_email_collect: boolean
  greeting_enabled: boolean
  greeting_message: string | null
  csat_survey_enabled: boolean
  business_name: string | null
  sender_name_type: string
  timezone: string
  out_of_office_message: string | null
  working_hours_enabled: boolean
  working_hours: readonly WorkingHourRowWire[]
  created_at: IsoTimeWire
  updated_at: IsoTimeWire
  channel: AttributesWire
  account: AccountRefWire
  event: 'inbox_created' | 'inbox_updated'
  changed_attributes?: ChangedAttributesWire | null
}

export interface WorkingHourRowWire {
  id: number
  inbox_id: number
  account_id: number
  day_of_week: number
  closed_all_day: boolean
  open_hour: number | null
  open_minutes: number | null
  close_hour: number | null
  close_minutes: number | null
  created_at: IsoTimeWire
  updated_at: IsoTimeWire
  open_all_day: boolean
}

/** Website inboxes only. */
export interface WidgetHookWire {
  id: number
  contact: ContactHookWire
  inbox: InboxRefWire
  account: AccountRefWire
  current_conversation: ConversationHookWire | null
  source_id: string
  event: 'webwidget_triggered'
  event_info: AttributesWire
}

/** The action "send webhook event" of a macro or an automation rule: unsigned. */
export interface ActionHookWire extends ConversationHookWire {
  event: 'macro.executed' | `automation_event.${string}`
}

export type HookWire =
  | MessageHookWire
  | ConversationCreatedHookWire
  | ConversationChangedHookWire
  | TypingHookWire
  | ContactHookEventWire
  | InboxHookWire
  | WidgetHookWire
  | ActionHookWire
