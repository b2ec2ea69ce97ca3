/** Chatwoot's public client API (no token) and its platform API (contract/chatwoot §4.4, §7). Types only. */
import type { AttributesWire, ContactPushWire, EpochWire, IsoTimeWire, MessageWire } from './wire-parts.ts'
import type { WorkingHourWire } from './wire-setup.ts'

export interface PublicContactRequestWire {
  source_id?: string
  identifier?: string
  /** Hex HMAC-SHA256 of the identifier with the inbox's `hmac_token`. */
  identifier_hash?: string
  name?: string
  phone_number?: string
  email?: string | null
  custom_attributes?: AttributesWire
}

export interface PublicContactWire {
  source_id: string
  pubsub_token: string
  id: number
  name: string
  email: string | null
  phone_number: string | null
}

export interface PublicConversationWire {
  id: number
  uuid: string
  inbox_id: number
  contact_last_seen_at: EpochWire
  status: string
  agent_last_seen_at: EpochWire
  messages: readonly PublicMessageWire[]
  contact: AttributesWire
}

export interface PublicMessageWire
  extends Pick<
    MessageWire,
    'id' | 'content' | 'message_type' | 'content_type' | 'content_attributes' | 'created_at' | 'conversation_id'
  > {
  sender?: ContactPushWire
}

export interface PublicInboxWire {
  identifier: string
  identity_validation_enabled: boolean
  name: string
  timezone: string
  working_hours: readonly WorkingHourWire[]
  working_hours_enabled: boolean
  csat_survey_enabled: boolean
  greeting_enabled: boolean
}

export interface PlatformLoginWire {
  /** Works once, for five minutes. */
  url: string
}

export interface PlatformTokenWire {
  access_token: string
  expiry: IsoTimeWire | null
  user: { id: number; name: string; display_name: string | null; email: string; pubsub_token: string }
}
