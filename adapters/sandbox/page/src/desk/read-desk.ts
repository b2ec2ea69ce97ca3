// Turns what `GET /__desk-view` answers into what the desk shows.

import type { DeskAttachment, DeskConversation, DeskMessage, DeskTemplate } from '../model.ts'
import type { DeskViewWire } from './desk-view-wire.ts'

type Json = Record<string, unknown>

const asRecord = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
const asList = (value: unknown): Json[] => (Array.isArray(value) ? value.map(asRecord) : [])
const asText = (value: unknown): string => (value === undefined || value === null ? '' : String(value))
const asNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

const kinds = ['incoming', 'outgoing', 'activity', 'template'] as const

/** Only the last path segment of a file's address names it. */
function readFileName(url: string): string {
  const last = url.split(/[?#]/)[0]?.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last) || 'file'
  } catch {
    return last || 'file'
  }
}

/** The desk's files lie on this page's origin, whatever name it was opened under. */
function toOwnPath(url: string): string {
  try {
    const { pathname, search } = new URL(url, location.href)
    return pathname + search
  } catch {
    return url
  }
}

function readAttachment(row: Json): DeskAttachment {
  const url = asText(row['url'])
  const kind = asText(row['type'])
  return {
    kind: kind === 'image' || kind === 'video' || kind === 'audio' ? kind : 'file',
    url: toOwnPath(url),
    name: readFileName(url),
    bytes: asNumber(row['size'])
  }
}

function readMessage(row: Json): DeskMessage {
  const attributes = asRecord(row['contentAttributes'])
  return {
    id: Number(row['id']),
    at: Number(row['createdAt']),
    kind: kinds.find(one => one === row['type']) ?? 'activity',
    private: row['private'] === true,
    content: asText(row['content']),
    state: asText(row['status']) as DeskMessage['state'],
    error: asText(attributes['external_error']) || undefined,
    quotedId: asNumber(attributes['in_reply_to']),
    deleted: attributes['deleted'] === true,
    unsupported: attributes['is_unsupported'] === true,
    isTemplate: asRecord(row['additionalAttributes'])['template_params'] !== undefined,
    sender: asText(row['senderName']),
    attachments: asList(row['attachments']).map(readAttachment),
    sourceId: asText(row['sourceId']) || undefined
  }
}

function readTemplate(row: Json): DeskTemplate {
  const parts = asList(row['components'])
  const part = (type: string) => parts.find(one => asText(one['type']).toUpperCase() === type)
  return {
    name: asText(row['name']),
    language: asText(row['language']),
    category: asText(row['category']),
    header: asText(part('HEADER')?.['text']) || undefined,
    body: asText(part('BODY')?.['text']),
    footer: asText(part('FOOTER')?.['text']) || undefined,
    buttons: asList(part('BUTTONS')?.['buttons']).map(button => asText(button['text']))
  }
}

export interface DeskInbox {
  id: number
  name: string
  templates: DeskTemplate[]
  /** What the desk says when the reply window is closed. */
  closedMessage: string
}

export function readInboxes(view: DeskViewWire | undefined): DeskInbox[] {
  return asList(view?.inboxes).map(row => {
    const attributes = asRecord(row['additionalAttributes'])
    return {
      id: Number(row['id']),
      name: asText(row['name']),
      templates: asList(attributes['message_templates'])
        .filter(one => asText(one['status']).toUpperCase() === 'APPROVED')
        .map(readTemplate),
      closedMessage: asText(attributes['agent_reply_time_window_message'])
    }
  })
}

const closedText = 'You can only reply to this conversation using a template message due to the 24 hour message window'

export function readConversations(view: DeskViewWire | undefined): DeskConversation[] {
  const inboxes = new Map(readInboxes(view).map(inbox => [inbox.id, inbox]))
  return asList(view?.conversations).map(row => {
    const contact = asRecord(row['contact'])
    const inbox = inboxes.get(Number(row['inboxId']))
    const messages = asList(row['messages'])
      .map(readMessage)
      .sort((one, other) => one.id - other.id)
    return {
      id: Number(row['id']),
      name: asText(contact['name']) || 'Customer',
      phone: asText(contact['phone']),
      inboxId: Number(row['inboxId']),
      inboxName: inbox?.name ?? '',
      status: asText(row['status']) as DeskConversation['status'],
      unread: Number(row['unread'] ?? 0),
      lastAt: Math.max(Number(row['lastActivityAt'] ?? 0), messages.at(-1)?.at ?? 0),
      windowClosed: row['canReply'] === false ? inbox?.closedMessage || closedText : undefined,
      messages,
      templates: inbox?.templates ?? []
    }
  })
}
