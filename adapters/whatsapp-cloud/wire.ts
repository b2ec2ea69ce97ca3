/**
 * Shapes on Meta's wire: what a webhook envelope looks like, what is sent to Graph, what Graph answers.
 * Webhook items themselves stay `Loose`: they are read key by key, since any of them may be missing (contract §2–§5).
 */
import type { SendComponent } from '../../plugin/core/templates/model.ts'
import type { Loose } from './safe-read.ts'

// ── Webhooks ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface EnvelopeWire {
  object: unknown
  entry: unknown[]
}

/** The lists that a value may carry and that are split item by item. */
export type ListNameWire =
  | 'messages'
  | 'statuses'
  | 'message_echoes'
  | 'calls'
  | 'groups'
  | 'user_preferences'
  | 'user_actions'
  | 'events'
  | 'automatic_events'
  | 'errors'

// ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SendBodyWire {
  messaging_product: 'whatsapp'
  recipient_type: 'individual' | 'group'
  to?: string
  recipient?: string
  type: string
  context?: { message_id: string }
  biz_opaque_callback_data: string
  text?: { body: string; preview_url?: true }
  image?: MediaWire
  video?: MediaWire
  audio?: MediaWire
  document?: MediaWire
  sticker?: MediaWire
  interactive?: InteractiveWire | ComposedInteractiveWire
  template?: TemplateSendWire
  location?: { latitude: number; longitude: number; name?: string; address?: string }
  contacts?: ContactWire[]
  reaction?: { message_id: string; emoji: string }
}

export interface MediaWire {
  id?: string
  link?: string
  caption?: string
  filename?: string
  voice?: true
}

export type InteractiveWire =
  | {
      type: 'button'
      body: { text: string }
      action: { buttons: { type: 'reply'; reply: { id: string; title: string } }[] }
    }
  | {
      type: 'list'
      body: { text: string }
      action: { button: string; sections: { rows: { id: string; title: string; description?: string }[] }[] }
    }

interface FramedWire {
  header?: { type: 'text'; text: string }
  body: { text: string }
  footer?: { text: string }
}

/** What agents compose in the tab (contract §5). */
export type ComposedInteractiveWire =
  | (FramedWire & { type: 'button'; action: { buttons: { type: 'reply'; reply: { id: string; title: string } }[] } })
  | (FramedWire & {
      type: 'list'
      action: {
        button: string
        sections: { title?: string; rows: { id: string; title: string; description?: string }[] }[]
      }
    })
  | (FramedWire & { type: 'cta_url'; action: { name: 'cta_url'; parameters: { display_text: string; url: string } } })
  | (FramedWire & { type: 'location_request_message'; action: { name: 'send_location' } })

export interface ContactWire {
  name: { formatted_name: string; first_name: string }
  org?: { company: string }
  phones?: { phone: string; type?: string }[]
  emails?: { email: string; type?: string }[]
}

export interface TemplateSendWire {
  name: string
  language: { code: string }
  components?: SendComponent[]
}

export interface MarkReadWire {
  messaging_product: 'whatsapp'
  status: 'read'
  message_id: string
  typing_indicator?: { type: 'text' }
}

// ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** An answer of Graph after parsing; read key by key like a webhook. */
export type AnswerWire = Loose

/** The `error` object of a refused call (contract §6). */
export interface GraphErrorWire {
  code: number | undefined
  subcode: number | undefined
  title: string | undefined
  details: string | undefined
  transient: boolean
  traceId: string | undefined
}
