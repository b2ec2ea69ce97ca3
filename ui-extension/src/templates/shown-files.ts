// Files that were chosen here: their names, and addresses of this page by which they are drawn in the preview. What the
// server keeps is fetched with the bearer, once; nothing is asked of other hosts.
import { shallowReactive } from 'vue'
import type { MessagePreview, PreviewCard, SlotValue, SlotValues } from '../../../plugin/http/contract/template.ts'
import { request } from '../link/api.ts'

interface ShownFile {
  name: string
  /** Of a picture or video that browsers draw. */
  url?: string
}

const files = shallowReactive(new Map<string, ShownFile>())
/** Of this page only: what is no longer drawn goes with the frame, which the desk makes anew for each conversation. */
const most = 30

function pathOf(value: SlotValue, conversationId?: number): string | undefined {
  if (value.kind === 'upload') return `uploads/${value.uploadId}/content`
  if (value.kind === 'library') return `library/${value.itemId}/content`
  if (value.kind === 'conversation_file' && conversationId !== undefined)
    return `conversations/${conversationId}/messages/${value.messageId}/files/${value.fileId}/content`
  return undefined
}

const keyOf = (value: SlotValue): string => JSON.stringify(value)

const isDrawn = (type: string): boolean => /^(image\/(jpeg|png|webp|gif)|video\/mp4)$/.test(type)

export const nameOf = (value: SlotValue): string | undefined => files.get(keyOf(value))?.name

/** Remembers a chosen file; `bytes` are those that were just uploaded from here, else they are asked for. */
export async function showFile(value: SlotValue, name: string, conversationId?: number, bytes?: Blob): Promise<void> {
  const key = keyOf(value)
  if (files.get(key)?.url) return
  files.set(key, { name })
  for (const [oldest, file] of files) {
    if (files.size <= most) break
    if (file.url) URL.revokeObjectURL(file.url)
    files.delete(oldest)
  }
  const path = pathOf(value, conversationId)
  try {
    const blob = bytes ?? (path === undefined ? undefined : await (await request('GET', path)).blob())
    if (blob && isDrawn(blob.type)) files.set(key, { name, url: URL.createObjectURL(blob) })
  } catch {
    // The name alone then: the preview is a comfort.
  }
}

/** The server's preview with the chosen files drawn in it. */
export function withFiles(preview: MessagePreview, values: SlotValues): MessagePreview {
  const draw = <T extends PreviewCard>(card: T): T => {
    const { header } = card
    if (header?.kind !== 'image' && header?.kind !== 'video') return card
    const value = values[header.slot]
    const url = value === undefined ? undefined : files.get(keyOf(value))?.url
    return url === undefined ? card : { ...card, header: { ...header, url } }
  }
  return { ...draw(preview), cards: preview.cards.map(draw) }
}
