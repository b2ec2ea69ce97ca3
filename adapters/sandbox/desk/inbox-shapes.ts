/** How an API inbox looks: `_inbox.json.jbuilder`, the raw row, and the inbox hooks' payload (contract §1). */
import { iso } from './json.ts'
import type { Hash, Inbox } from './records.ts'

/** `withSecrets`: administrators only. */
export function inboxShape(inbox: Inbox, withSecrets: boolean, baseUrl = ''): Hash {
  const shape = apiInboxShape(inbox, withSecrets, baseUrl)
  if (inbox.native === undefined) return shape
  for (const key of API_ONLY) delete shape[key]
  return {
    ...shape,
    channel_type: inbox.native.channelType,
    phone_number: inbox.native.phoneNumber,
    provider: inbox.native.provider,
    message_templates: [],
    reauthorization_required: false,
    ...(withSecrets ? { provider_config: { api_key: 'sandbox' } } : {})
  }
}

const API_ONLY = ['webhook_url', 'inbox_identifier', 'additional_attributes', 'hmac_token', 'secret']

function apiInboxShape(inbox: Inbox, withSecrets: boolean, baseUrl: string): Hash {
  return {
    id: inbox.id,
    avatar_url: inbox.avatarPath === undefined ? '' : `${baseUrl}${inbox.avatarPath}`,
    channel_id: inbox.channelId,
    name: inbox.name,
    channel_type: 'Channel::Api',
    greeting_enabled: inbox.greetingEnabled,
    greeting_message: inbox.greetingMessage,
    working_hours_enabled: inbox.workingHoursEnabled,
    enable_email_collect: true,
    csat_survey_enabled: inbox.csatSurveyEnabled,
    csat_config: {},
    enable_auto_assignment: inbox.enableAutoAssignment,
    auto_assignment_config: {},
    out_of_office_message: inbox.outOfOfficeMessage,
    working_hours: WORKING_HOURS,
    timezone: inbox.timezone,
    callback_webhook_url: null,
    allow_messages_after_resolved: inbox.allowMessagesAfterResolved,
    lock_to_single_conversation: inbox.lockToSingleConversation,
    sender_name_type: 'friendly',
    business_name: null,
    allowed_domains: null,
    widget_color: null,
    website_url: null,
    hmac_mandatory: inbox.hmacMandatory,
    welcome_title: null,
    welcome_tagline: null,
    web_widget_script: null,
    website_token: null,
    selected_feature_flags: null,
    reply_time: null,
    messaging_service_sid: null,
    phone_number: null,
    ...(withSecrets ? { hmac_token: inbox.hmacToken, secret: inbox.secret } : {}),
    webhook_url: inbox.webhookUrl,
    inbox_identifier: inbox.identifier,
    additional_attributes: inbox.additionalAttributes,
    provider: null
  }
}

/** The row of the `inboxes` table, as `POST contacts` shows it. */
export function inboxRow(inbox: Inbox, accountId: number): Hash {
  return {
    id: inbox.id,
    channel_id: inbox.channelId,
    account_id: accountId,
    name: inbox.name,
    created_at: iso(inbox.createdAt),
    updated_at: iso(inbox.updatedAt),
    channel_type: 'Channel::Api',
    enable_auto_assignment: inbox.enableAutoAssignment,
    greeting_enabled: inbox.greetingEnabled,
    greeting_message: inbox.greetingMessage,
    email_address: null,
    working_hours_enabled: inbox.workingHoursEnabled,
    out_of_office_message: inbox.outOfOfficeMessage,
    timezone: inbox.timezone,
    enable_email_collect: true,
    csat_survey_enabled: inbox.csatSurveyEnabled,
    allow_messages_after_resolved: inbox.allowMessagesAfterResolved,
    auto_assignment_config: {},
    lock_to_single_conversation: inbox.lockToSingleConversation,
    portal_id: null,
    sender_name_type: 'friendly',
    business_name: null,
    csat_config: {}
  }
}

export const WORKING_HOURS = [0, 1, 2, 3, 4, 5, 6].map(day => {
  const closed = day === 0 || day === 6
  return {
    day_of_week: day,
    closed_all_day: closed,
    open_hour: closed ? null : 9,
    open_minutes: closed ? null : 0,
    close_hour: closed ? null : 17,
    close_minutes: closed ? null : 0,
    open_all_day: false
  }
})
