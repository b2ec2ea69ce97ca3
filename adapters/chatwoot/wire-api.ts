/**
 * Requests to and answers of Chatwoot's account API for contacts, conversations and messages (contract/chatwoot §2–§4).
 * Types only.
 */
import type {
  AgentWire,
  AttributesWire,
  ContactInboxSlimWire,
  ContactPushWire,
  ContactWire,
  ContentAttributesWire,
  ContentTypeWire,
  ConversationStatusWire,
  EpochWire,
  IsoTimeWire,
  MessagePushWire,
  MessageStatusWire,
  MessageTypeName,
  MessageWire,
  TeamWire,
  TemplateParamsWire,
  UserPushWire
} from './wire-parts.ts'

/** Errors come in three shapes; a 429 is plain text, a 404 may be empty. */
export interface ErrorWire {
  error?: string
  message?: string
  /** The attributes that were refused, for example `phone_number`; `base` for a rule of the whole record. */
  attributes?: readonly string[]
}

// ── Contacts ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CreateContactRequestWire {
  inbox_id?: number
  source_id?: string
  name?: string
  phone_number?: string
  identifier?: string
  email?: string
  avatar_url?: string
  blocked?: boolean
  additional_attributes?: AttributesWire
  custom_attributes?: AttributesWire
}

export interface CreateContactAnswerWire {
  payload: {
    contact: ContactWire
    contact_inbox: { inbox: InboxRowWire | null; source_id: string | null }
  }
}

/** The row of the inboxes table, as only this answer shows it. */
export interface InboxRowWire {
  id: number
  channel_id: number
  account_id: number
  name: string
  created_at: IsoTimeWire
  updated_at: IsoTimeWire
  channel_type: string
  enable_auto_assignment: boolean
  greeting_enabled: boolean
  greeting_message: string | null
  email_address: string | null
  working_hours_enabled: boolean
  out_of_office_message: string | null
  timezone: string
  enable_email_collect: boolean
  csat_survey_enabled: boolean
  allow_messages_after_resolved: boolean
  auto_assignment_config: AttributesWire
  lock_to_single_conversation: boolean
  portal_id: number | null
  sender_name_type: string
  business_name: string | null
  csat_config: AttributesWire
}

export interface FilterRequestWire {
  payload: readonly FilterConditionWire[]
}

export interface FilterConditionWire {
  attribute_key: string
  attribute_model?: string
  filter_operator: string
  values: readonly (string | number)[]
  /** Joins this condition with the next; null on the last. */
  query_operator: 'and' | 'or' | null
  custom_attribute_type?: string
}

export interface ContactListWire {
  meta: { count: number; current_page: number | string; has_more?: boolean }
  payload: readonly ContactWire[]
}

export interface ContactAnswerWire {
  payload: ContactWire
}

export interface ContactInboxRequestWire {
  inbox_id: number
  source_id: string
}

export interface ContactableInboxesWire {
  payload: readonly ContactInboxSlimWire[]
}

export interface MergeContactsRequestWire {
  base_contact_id: number
  mergee_contact_id: number
}

// ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────────

export interface CreateConversationRequestWire {
  inbox_id: number
  contact_id: number
  /** Always together with the two above: alone it is looked up across all accounts. */
  source_id: string
  status?: ConversationStatusWire
  assignee_id?: number
  team_id?: number
  snoozed_until?: IsoTimeWire
  custom_attributes?: AttributesWire
  /** Only settable here. */
  additional_attributes?: AttributesWire
  /** Made in the same transaction. */
  message?: CreateMessageRequestWire
}

/** A conversation in an API answer: without `contact_inbox`. */
export interface ConversationWire {
  meta: {
    sender: ContactWire
    channel: string
    assignee?: AgentWire | null
    assignee_type?: 'User' | 'AgentBot' | null
    team?: TeamWire
    hmac_verified: boolean
  }
  /** The display id. */
  id: number
  /** None or the newest. */
  messages: readonly MessagePushWire[]
  account_id: number
  uuid: string
  additional_attributes: AttributesWire
  agent_last_seen_at: EpochWire
  assignee_last_seen_at: EpochWire
  can_reply: boolean
  contact_last_seen_at: EpochWire
  custom_attributes: AttributesWire
  inbox_id: number
  labels: readonly string[]
  muted: boolean
  snoozed_until: IsoTimeWire | null
  status: ConversationStatusWire
  created_at: EpochWire
  updated_at: number
  timestamp: EpochWire
  first_reply_created_at: EpochWire
  unread_count: number
  last_non_activity_message: MessagePushWire | null
  last_activity_at: EpochWire
  priority: 'low' | 'medium' | 'high' | 'urgent' | null
  waiting_since: EpochWire
  sla_policy_id: number | null
}

export interface ConversationListWire {
  data: {
    meta: { mine_count: number; assigned_count?: number; unassigned_count: number; all_count: number }
    payload: readonly ConversationWire[]
  }
}

export interface ConversationFilterAnswerWire {
  meta: { mine_count: number; assigned_count?: number; unassigned_count: number; all_count: number }
  payload: readonly ConversationWire[]
}

export interface ContactConversationsWire {
  payload: readonly ConversationWire[]
}

export interface ToggleStatusRequestWire {
  status?: ConversationStatusWire
  snoozed_until?: IsoTimeWire
}

export interface ToggleStatusAnswerWire {
  payload: {
    success: boolean
    conversation_id: number
    current_status: ConversationStatusWire
    snoozed_until: IsoTimeWire | null
  }
}

/** Replaces all of them (`merge` is honoured after 4.16.2 only). */
export interface ConversationAttributesWire {
  custom_attributes: AttributesWire
  /** Since 4.17; ignored before. */
  merge?: boolean
}

export interface AssignRequestWire {
  assignee_id?: number | null
  team_id?: number | null
  assignee_type?: 'AgentBot'
}

/** Replaces the list. */
export interface LabelsRequestWire {
  labels: readonly string[]
}

export interface LabelsAnswerWire {
  payload: readonly string[]
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CreateMessageRequestWire {
  content?: string
  message_type?: MessageTypeName
  private?: boolean
  content_type?: ContentTypeWire
  /** Stored, not unique, settable here only. */
  source_id?: string
  echo_id?: string
  external_created_at?: string
  content_attributes?: ContentAttributesWire
  template_params?: TemplateParamsWire
  campaign_id?: number
  sender_type?: 'AgentBot'
  sender_id?: number
  /** Signed ids of files uploaded before; files themselves go as multipart. */
  attachments?: readonly string[]
}

/** The same as fields of a form; nested values are JSON text. */
export interface CreateMessageFormWire {
  content?: string
  message_type?: MessageTypeName
  private?: 'true' | 'false'
  source_id?: string
  content_attributes?: string
  /** Tags audio attachments; since 4.14.2. */
  is_voice_message?: 'true' | 'false'
  'attachments[]': string
}

export interface MessageListWire {
  meta: {
    labels: readonly string[]
    additional_attributes: AttributesWire
    contact: ContactPushWire
    assignee?: UserPushWire
    agent_last_seen_at: IsoTimeWire | null
    assignee_last_seen_at: IsoTimeWire | null
  }
  payload: readonly MessageWire[]
}

export interface PatchStatusRequestWire {
  status: MessageStatusWire
  /** Kept only with `failed`. */
  external_error?: string
}
