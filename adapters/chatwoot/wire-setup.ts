/**
 * Requests and answers for setting things up: inboxes, people, dashboard apps, attributes, webhooks, sign-in
 * (contract/chatwoot §1, §6–§8). Types only.
 */
import type { FilterConditionWire } from './wire-api.ts'
import type { AgentWire, AttributesWire, IsoTimeWire } from './wire-parts.ts'

/** `GET /api`. */
export interface ServerWire {
  version: string
  timestamp?: string
  queue_services?: string
  data_services?: string
}

// ── Inboxes ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface WorkingHourWire {
  day_of_week: number
  closed_all_day: boolean
  open_hour: number | null
  open_minutes: number | null
  close_hour: number | null
  close_minutes: number | null
  open_all_day: boolean
}

/** Free-form; these keys mean something to the dashboard. Visible to every agent: no secrets. */
export interface ApiChannelAttributesWire {
  /** Hours after the customer's last message in which the editor is open. */
  agent_reply_time_window?: number
  agent_reply_time_window_message?: string
  /** Feeds the template picker of the composer. */
  message_templates?: readonly AttributesWire[]
  [key: string]: unknown
}

export interface CreateInboxRequestWire {
  name: string
  lock_to_single_conversation?: boolean
  greeting_enabled?: boolean
  enable_auto_assignment?: boolean
  channel: {
    type: 'api'
    webhook_url: string
    hmac_mandatory?: boolean
    additional_attributes?: ApiChannelAttributesWire
  }
}

export interface UpdateInboxRequestWire {
  name?: string
  channel?: {
    webhook_url?: string
    hmac_mandatory?: boolean
    /** Assigned whole: keys that are not sent are lost. */
    additional_attributes?: ApiChannelAttributesWire
  }
}

interface InboxCoreWire {
  id: number
  avatar_url: string
  channel_id: number
  name: string
  greeting_enabled: boolean
  greeting_message: string | null
  working_hours_enabled: boolean
  enable_email_collect: boolean
  csat_survey_enabled: boolean
  csat_config: AttributesWire
  enable_auto_assignment: boolean
  auto_assignment_config: AttributesWire
  out_of_office_message: string | null
  working_hours: readonly WorkingHourWire[]
  timezone: string
  callback_webhook_url: string | null
  allow_messages_after_resolved: boolean
  lock_to_single_conversation: boolean
  sender_name_type: string
  business_name: string | null
  allowed_domains: string | null
  widget_color: string | null
  website_url: string | null
  hmac_mandatory: boolean | null
  welcome_title: string | null
  welcome_tagline: string | null
  web_widget_script: string | null
  website_token: string | null
  selected_feature_flags: readonly string[] | null
  reply_time: string | null
  messaging_service_sid: string | null
}

export interface ApiInboxWire extends InboxCoreWire {
  channel_type: 'Channel::Api'
  phone_number: null
  provider: null
  webhook_url: string
  /** With a source id it is the whole credential of the public client API; every agent sees it. */
  inbox_identifier: string
  additional_attributes: ApiChannelAttributesWire
  /** Administrators only. */
  hmac_token?: string
  /** Signs the hooks; administrators only, since 4.13.0. */
  secret?: string
}

export interface WhatsAppInboxWire extends InboxCoreWire {
  channel_type: 'Channel::Whatsapp'
  phone_number: string
  provider: 'whatsapp_cloud' | 'default'
  message_templates: readonly AttributesWire[]
  /** Administrators only; carries Meta's token. */
  provider_config?: AttributesWire
  reauthorization_required: boolean
  voice_enabled: boolean
  inbound_calls_enabled: boolean
}

export interface InboxListWire {
  payload: readonly (ApiInboxWire | WhatsAppInboxWire)[]
}

export interface InboxMembersWire {
  payload: readonly AgentWire[]
}

export interface InboxMembersRequestWire {
  inbox_id: number
  user_ids: readonly number[]
}

// ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ProfileAccountWire {
  id: number
  name: string
  status: string
  onboarding_step: string | null
  active_at: IsoTimeWire | null
  role: 'administrator' | 'agent'
  permissions: readonly string[]
  availability: string
  availability_status: string
  auto_offline: boolean
  /** Not on 4.13.0. */
  api_and_webhooks?: boolean
  /** Enterprise builds only. */
  custom_role_id?: number | null
  custom_role?: { id: number; name: string; description: string; permissions: readonly string[] } | null
}

export interface ProfileWire {
  /** The person's permanent token: neither log nor keep it. */
  access_token: string
  account_id: number
  available_name: string
  avatar_url: string
  confirmed: boolean
  display_name: string | null
  message_signature: string | null
  email: string
  id: number
  inviter_id: number | null
  name: string
  provider: string
  pubsub_token: string
  role: 'administrator' | 'agent'
  ui_settings: AttributesWire
  uid: string
  type: 'SuperAdmin' | null
  accounts: readonly ProfileAccountWire[]
}

export interface ValidateTokenWire {
  payload: { success: boolean; data: ProfileWire & { created_at: IsoTimeWire } }
}

/** Cookie that the dashboard writes: the sign-in answer's headers. */
export interface SessionCookieWire {
  'access-token': string
  client: string
  uid: string
  'token-type': string
  expiry: string
  [header: string]: string
}

// ── Dashboard apps, attributes, folders, labels, macros, webhooks ────────────────────────────────────────────────

export interface DashboardAppContentWire {
  type: 'frame'
  url: string
}

export interface DashboardAppRequestWire {
  dashboard_app: { title: string; content: readonly DashboardAppContentWire[] }
}

export interface DashboardAppWire {
  id: number
  title: string
  content: readonly DashboardAppContentWire[]
  created_at: IsoTimeWire
}

export type AttributeDisplayTypeWire =
  | 'text'
  | 'number'
  | 'currency'
  | 'percent'
  | 'link'
  | 'date'
  | 'list'
  | 'checkbox'
export type AttributeModelWire = 'conversation_attribute' | 'contact_attribute' | 'company_attribute'

export interface AttributeDefinitionRequestWire {
  custom_attribute_definition: {
    attribute_display_name: string
    attribute_description?: string
    attribute_display_type: AttributeDisplayTypeWire
    attribute_key: string
    attribute_model: AttributeModelWire
    attribute_values?: readonly string[]
    regex_pattern?: string
    regex_cue?: string
  }
}

export interface AttributeDefinitionWire {
  id: number
  attribute_display_name: string
  attribute_display_type: AttributeDisplayTypeWire
  attribute_description: string | null
  attribute_key: string
  regex_pattern: string | null
  regex_cue: string | null
  attribute_values: readonly string[]
  attribute_model: AttributeModelWire
  default_value: number | null
  created_at: IsoTimeWire
  updated_at: IsoTimeWire
}

export interface CustomFilterRequestWire {
  custom_filter: {
    name: string
    filter_type: 'conversation' | 'contact' | 'report'
    query: { payload: readonly FilterConditionWire[] }
  }
}

export interface CustomFilterWire {
  id: number
  name: string
  filter_type: 'conversation' | 'contact' | 'report'
  query: { payload: readonly FilterConditionWire[] }
  created_at: IsoTimeWire
  updated_at: IsoTimeWire
}

export interface AutomationRuleRequestWire {
  name: string
  description?: string
  event_name: string
  active: boolean
  conditions: readonly {
    attribute_key: string
    filter_operator: string
    values: readonly unknown[]
    query_operator: string | null
    custom_attribute_type?: string
  }[]
  actions: readonly { action_name: string; action_params: readonly unknown[] }[]
}

export interface LabelListWire {
  payload: readonly { id: number; title: string; description: string | null; color: string; show_on_sidebar: boolean }[]
}

export interface MacroRequestWire {
  name: string
  visibility: 'global' | 'personal'
  actions: readonly { action_name: string; action_params: readonly unknown[] }[]
}

export interface MacroAnswerWire {
  payload: MacroRequestWire & {
    id: number
    account_id: number
    created_by: AgentWire
    updated_by: AgentWire
  }
}

export interface WebhookRequestWire {
  webhook: { name?: string; url: string; subscriptions: readonly string[]; inbox_id?: number }
}

export interface WebhookWire {
  id: number
  name: string | null
  url: string
  account_id: number
  subscriptions: readonly string[]
  secret: string
  inbox?: { id: number; name: string }
}

export interface WebhookAnswerWire {
  payload: { webhook: WebhookWire }
}

export interface WebhookListWire {
  payload: { webhooks: readonly WebhookWire[] }
}
