/**
 * Reads one message of Chatwoot, from a hook (names, ISO times) or from the API (numbers, epoch seconds), into the
 * port's words. Total: strange values become empty ones. Does not decide what a message means.
 */
import type { DeskFile, DeskMessage } from '../../plugin/core/ports/help-desk.ts'
import { countOf, idOf, isRecord, type JsonRecord, listOf, recordOf, textOf, timeOf } from './safe-read.ts'

const TYPE_BY_NUMBER = ['incoming', 'outgoing', 'activity', 'template'] as const
const BOT_TYPES = new Set(['agent_bot', 'captain_assistant', 'AgentBot', 'Captain::Assistant'])

export interface MessagePlace {
  /** The conversation's display id, where the message does not say it itself (hooks). */
  conversationId?: number
  /** Hooks tell the status only in passing; empty when it was not told. */
  status?: string
}

/** The message, or null when it lacks what no message can lack: id, conversation and a known type. */
export function readDeskMessage(value: unknown, place: MessagePlace = {}): DeskMessage | null {
  const wire = recordOf(value)
  const id = idOf(wire.id)
  const conversationId = place.conversationId ?? idOf(wire.conversation_id)
  const type = messageTypeOf(wire.message_type)
  if (id === null || conversationId === null || type === null) return null
  const sender = recordOf(wire.sender)
  return {
    id,
    conversationId,
    type,
    content: textOf(wire.content),
    private: wire.private === true,
    sourceId: textOf(wire.source_id),
    status: place.status ?? textOf(wire.status) ?? '',
    contentType: textOf(wire.content_type) ?? 'text',
    attributes: { ...recordOf(wire.content_attributes) },
    additionalAttributes: { ...recordOf(wire.additional_attributes) },
    createdAt: timeOf(wire.created_at),
    senderType: isRecord(wire.sender) ? senderTypeOf(sender) : null,
    senderId: idOf(sender.id),
    senderName: textOf(sender.name),
    files: listOf(wire.attachments).flatMap(readFile)
  }
}

export function messageTypeOf(value: unknown): DeskMessage['type'] | null {
  if (typeof value === 'number') return TYPE_BY_NUMBER[value] ?? null
  return TYPE_BY_NUMBER.find(name => name === value) ?? null
}

/** A contact at the top of a hook has no `type`; users and bots always have one (§5.2). */
export function senderTypeOf(sender: JsonRecord): 'user' | 'contact' | 'bot' | null {
  const type = textOf(sender.type)
  if (type === null) return idOf(sender.id) === null ? null : 'contact'
  if (BOT_TYPES.has(type)) return 'bot'
  if (type === 'contact' || type === 'Contact') return 'contact'
  return type === 'user' || type === 'User' ? 'user' : null
}

function readFile(value: unknown): DeskFile[] {
  const wire = recordOf(value)
  const id = idOf(wire.id)
  if (id === null) return []
  const url = textOf(wire.data_url) ?? ''
  const type = textOf(wire.file_type) ?? 'file'
  const sizeBytes = countOf(wire.file_size)
  // CW-FILE-TYPE
  const mimeType = textOf(wire.content_type)
  return [
    {
      id,
      type,
      url,
      name: fileNameOf(wire, url, id),
      ...(sizeBytes === null ? {} : { sizeBytes }),
      ...(mimeType === null || mimeType === '' ? {} : { mimeType })
    }
  ]
}

function fileNameOf(wire: JsonRecord, url: string, id: number): string {
  const fromUrl = nameFromUrl(url)
  if (fromUrl !== null) return fromUrl
  const title = textOf(wire.fallback_title)
  if (title) return safeFileName(title)
  const extension = textOf(wire.extension)
  return extension && /^[\w-]{1,16}$/.test(extension) ? `file-${id}.${extension}` : `file-${id}`
}

/** The last path segment, percent-decoded: the only place where hooks tell a file's name (§13). */
export function nameFromUrl(url: string): string | null {
  if (!URL.canParse(url)) return null
  const segment = new URL(url).pathname.split('/').at(-1) ?? ''
  if (segment === '') return null
  try {
    return safeFileName(decodeURIComponent(segment))
  } catch {
    return safeFileName(segment)
  }
}

/** Without path separators and control characters, and not longer than file systems allow. */
export function safeFileName(name: string): string {
  const clean = name.replace(/[\u0000-\u001f\u007f/\\]/g, '_').trim()
  return clean === '' || clean === '.' || clean === '..' ? 'file' : shorten(clean)
}

function shorten(name: string): string {
  if (name.length <= 150) return name
  const extension = /\.[^.]{1,16}$/.exec(name)?.[0] ?? ''
  return `${name.slice(0, 150 - extension.length)}${extension}`
}
