/**
 * Pictures, videos, voice notes, documents and stickers: which file a row gets and what stands beside it, and the row
 * that is written when the file cannot be had (S66 to S71, S90). Fetching and converting happen elsewhere.
 */
import type { ErrorCode } from '../errors.ts'
import { toDeskMarkdown } from '../markup/to-desk.ts'
import type { DeskDraft, DraftFile, InboundContent } from '../model.ts'
import { formatSize } from '../texts/format.ts'
import { type Locale, text } from '../texts/text.ts'
import type { Marker, RenderContext, Rendered } from './render-context.ts'
import { clip, hasVisible, inline, joinBlocks } from './render-words.ts'

type MediaContent = InboundContent & { kind: 'media' }

/** What the customer typed: escaped, then WhatsApp's own formatting translated. */
export function renderTyped(body: string | undefined): string[] {
  return hasVisible(body) ? [toDeskMarkdown(clip(body))] : []
}

export function renderMedia({ type, media }: MediaContent, context: RenderContext): Rendered {
  const { locale } = context
  const marker: Marker = { media: type }
  const blocks: string[] = []
  if (media.voice) {
    marker.voice = true
    blocks.push(`🎤 ${text(locale, 'render.media.voice')}`)
  }
  if (media.gif) {
    marker.gif = true
    blocks.push(`🎞️ ${text(locale, 'render.media.gif')}`)
  }
  if (media.animated) marker.animated = true
  // The name also stands in the text, because the desk's search and its notifications see nothing else.
  if (type === 'document' && hasVisible(media.filename)) blocks.push(`📄 ${inline(media.filename)}`)
  blocks.push(...renderTyped(media.caption))
  return { blocks, files: [{ from: 'channel', type, media }], marker }
}

/** How a file is called in a sentence: "Document “receipt.pdf”", "Voice message". */
export function nameFile(locale: Locale, file: DraftFile): string {
  if (file.from === 'url') return text(locale, 'render.media.ad')
  const { type, media } = file
  const kind = media.voice ? 'voice' : media.gif ? 'gif' : type
  const name = hasVisible(media.filename) ? ` “${inline(media.filename)}”` : ''
  return text(locale, `render.media.${kind}`) + name
}

const REASONS = {
  media_gone: 'render.media_failed.gone',
  media_too_large: 'render.media_failed.too_large',
  media_mismatch: 'render.media_failed.damaged'
} as const satisfies Partial<Record<ErrorCode, string>>

/** Facts for the sentence: which of the draft's files failed (all of them when not said), and how large it is. */
export interface MediaFailureFacts {
  file?: DraftFile
  sizeBytes?: number
}

/**
 * The draft without the file that could not be had, and with a sentence saying which it was, why, and what the agent
 * can do. Never empty. The marker says `placeholder` and the error code, so that the file can be fetched again later.
 */
export function placeholderForMedia(
  locale: Locale,
  draft: DeskDraft,
  errorCode: ErrorCode,
  facts: MediaFailureFacts = {}
): DeskDraft {
  const lost = facts.file === undefined ? draft.files : draft.files.filter(file => file === facts.file)
  const sentences = lost.map(file => `⚠️ ${explain(locale, file, errorCode, facts.sizeBytes)}`)
  if (sentences.length === 0) return draft
  return {
    ...draft,
    content: joinBlocks([draft.content, ...sentences], text(locale, 'render.cut')),
    files: draft.files.filter(file => !lost.includes(file)),
    marker: { ...draft.marker, placeholder: true, error: errorCode }
  }
}

function explain(locale: Locale, file: DraftFile, errorCode: ErrorCode, sizeBytes: number | undefined): string {
  const what = nameFile(locale, file)
  if (errorCode === 'media_too_large' && sizeBytes !== undefined && sizeBytes > 0) {
    return text(locale, 'render.media_failed.too_large_size', { what, size: formatSize(locale, sizeBytes) })
  }
  const key = errorCode in REASONS ? REASONS[errorCode as keyof typeof REASONS] : 'render.media_failed.other'
  return text(locale, key, { what })
}

/** The row for an item that rendering itself failed on: named, and never empty. */
export function placeholderForUnrenderable(locale: Locale, kind: string, wamid?: string): DeskDraft {
  const shown = hasVisible(kind) ? inline(clip(kind, 60)) : '?'
  const marker: Marker = { kind: 'unrenderable', placeholder: true }
  if (wamid !== undefined) marker.wamid = wamid
  return {
    type: 'incoming',
    content: `⚠️ ${text(locale, 'unsupported.unrenderable', { kind: shown })}`,
    files: [],
    marker
  }
}
