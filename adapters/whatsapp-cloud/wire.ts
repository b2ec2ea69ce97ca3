/**
 * Shapes on Meta's wire: what a webhook envelope looks like, what is sent to Graph, what Graph answers.
 * Webhook items themselves stay `Loose`: they are read key by key, since any of them may be missing (contract §2–§5).
 */
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
  interactive?: InteractiveWire
  template?: TemplateSendWire
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

export interface TemplateSendWire {
  name: string
  language: { code: string }
  components?: TemplateComponentWire[]
}

export interface TemplateComponentWire {
  type: 'header' | 'body' | 'button'
  sub_type?: 'quick_reply' | 'url' | 'copy_code'
  index?: string
  parameters: TemplateParameterWire[]
}

export interface TemplateParameterWire {
  type: 'text' | 'image' | 'video' | 'document' | 'payload' | 'coupon_code'
  parameter_name?: string
  text?: string
  payload?: string
  coupon_code?: string
  image?: MediaWire
  video?: MediaWire
  document?: MediaWire
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
