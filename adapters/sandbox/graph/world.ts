/** The state of the Graph stand-in that its parts share, and the rule where a webhook goes. */
import type { SandboxParts } from '../parts.ts'
import type { Chats } from './chats.ts'
import type { Customers } from './customers.ts'
import type { GraphIdentity } from './identity.ts'
import type { GraphIds } from './ids.ts'
import type { MediaStore } from './media.ts'
import type { GraphNumber, Json, Knobs, TemplateRecord } from './model.ts'
import type { Pace } from './pace.ts'
import type { AcceptedMessage } from './statuses.ts'
import type { Webhooks } from './webhooks.ts'

export interface Subscription {
  /** `POST /{APP}/subscriptions`. */
  appCallback: { url: string; verifyToken: string; fields: string[] } | null
  /** `POST /{WABA}/subscribed_apps`; without it Meta sends nothing. */
  wabaSubscribed: boolean
  wabaOverrideUri: string | null
}

export interface World {
  parts: SandboxParts
  instance: string
  identity: GraphIdentity
  numbers: GraphNumber[]
  customers: Customers
  chats: Chats
  media: MediaStore
  templates: TemplateRecord[]
  knobs: Knobs
  ids: GraphIds
  webhooks: Webhooks
  pace: Pace
  subscription: Subscription
  /** Service messages a month: `PHONE 2026-11` → count. */
  serviceCounts: Map<string, number>
  /** What was delivered, by half hour, number, country, category and kind of price; see pricing.ts. */
  uses: Map<string, number>
  /** Newest accepted messages, for statuses by hand. */
  accepted: Map<string, AcceptedMessage>
  blocked: Set<string>
  baseUrl: string
  /** Rises on reset, so that timers of before do nothing. */
  generation: number
}

/** Fields that a WABA or number override reaches; all others go to the app's callback. Contract §1, 2026-06-28. */
const OVERRIDE_FIELDS = new Set([
  'messages',
  'message_echoes',
  'calls',
  'consumer_profile',
  'messaging_handovers',
  'group_lifecycle_update',
  'group_participants_update',
  'group_settings_update',
  'group_status_update',
  'smb_message_echoes',
  'smb_app_state_sync',
  'history',
  'account_settings_update'
])

/** The callback for a field of a number (or of the account): number → WABA → app; null = nobody is subscribed. */
export function findCallback(world: World, field: string, number: GraphNumber | null): string | null {
  if (world.knobs.callbackUrl) return world.knobs.callbackUrl
  const { subscription } = world
  if (!subscription.wabaSubscribed) return null
  if (OVERRIDE_FIELDS.has(field)) {
    const override = number?.overrideUri ?? subscription.wabaOverrideUri
    if (override) return override
  }
  const app = subscription.appCallback
  return app && world.knobs.appActive && (app.fields.length === 0 || app.fields.includes(field)) ? app.url : null
}

export function wrapChange(world: World, changes: { field: string; value: Json }[], timeSeconds?: number): Json {
  return {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: world.identity.wabaId,
        ...(timeSeconds !== undefined ? { time: timeSeconds } : {}),
        changes: changes.map(({ field, value }) => ({ value, field }))
      }
    ]
  }
}

export function findNumber(world: World, phoneNumberId: string | undefined): GraphNumber | undefined {
  if (phoneNumberId === undefined) return world.numbers[0]
  return world.numbers.find(
    one => one.phoneNumberId === phoneNumberId || one.displayDigits === phoneNumberId.replace(/\D/g, '')
  )
}
