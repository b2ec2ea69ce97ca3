/** What a message is made from, and the desk's fixed lists and sizes for it (contract §4.1). Source: 4.16.2. */
import type { Blob, Hash, MessageType } from './records.ts'

export interface MessageInput {
  type: MessageType
  content?: string | null
  contentType?: string
  contentAttributes?: Hash
  additional?: Hash
  private?: boolean
  sourceId?: string | null
  sender?: { type: 'User' | 'Contact' | 'AgentBot'; id: number } | null
  blobs?: Blob[]
  /** Made in the transaction that made its conversation. */
  fresh?: boolean
}

export const CONTENT_TYPES = new Set([
  'text',
  'input_text',
  'input_textarea',
  'input_email',
  'input_select',
  'cards',
  'form',
  'article',
  'incoming_email',
  'input_csat',
  'integrations',
  'sticker',
  'voice_call'
])

export const MAX_CONTENT_CHARS = 150_000
export const MAX_ATTACHMENTS = 15
/** CONVERSATION_MESSAGE_PER_MINUTE_LIMIT */
export const FLOOD_LIMIT = 200
export const FLOOD_WINDOW_MS = 60_000

export function fileTypeOf(contentType: string): 'image' | 'audio' | 'video' | 'file' {
  if (/^image\/(jpeg|jpg|png|gif|bmp|webp)$/.test(contentType)) return 'image'
  if (/^video\/(ogg|mp4|webm|quicktime)$/.test(contentType)) return 'video'
  return contentType.startsWith('audio/') ? 'audio' : 'file'
}
