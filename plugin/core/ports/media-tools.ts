/**
 * Port to what knows file formats: says what a file is, and brings pictures and voice messages into a form that
 * WhatsApp takes. Leaves out fetching and uploading. What it cannot do is an answer (`Refused`), not an exception;
 * it throws only when the disk or itself fails.
 */
import type { ErrorCode } from '../errors.ts'

export interface MediaTools {
  /**
   * What the file is by its content; the type that the sender declared and the name only decide where the content cannot (text kinds, old
   * Office files). Reads the beginning of the file only.
   */
  sniff(path: string, declared?: string, fileName?: string): Promise<SniffedFile>
  /**
   * A picture as JPEG or PNG, 8 bit RGB(A), of at most `maxBytes` (default: WhatsApp's 5 MB). What fits already stays
   * as it is. Only the first picture of an animation is kept, and `lost` says so.
   */
  prepareImage(path: string, options?: { maxBytes?: number }): Promise<Prepared | Refused>
  /** A voice message as OGG/Opus, mono. What fits already stays as it is. Takes up to two minutes for very long ones. */
  prepareVoice(path: string): Promise<PreparedVoice | Refused>
  /** Whether a file may be sent as a sticker. */
  inspectSticker(path: string): Promise<StickerFacts | Refused>
  /** Ends running conversions, which then fail. Repeatable. */
  close(): Promise<void>
}

export interface SniffedFile {
  /** Lower case; with parameters only for `audio/ogg; codecs=opus`. `application/octet-stream` when nothing is known. */
  mime: string
  /** Without the dot; empty when nothing is known. */
  ext: string
  /** What told it. */
  by: 'content' | 'name' | 'declared' | 'nothing'
}

export interface Prepared {
  /** The given path when nothing changed; otherwise a new temporary file, which the caller removes. */
  path: string
  mime: string
  sizeBytes: number
  changed: 'converted' | 'none'
  lost?: 'animation'
}

export interface PreparedVoice extends Prepared {
  durationMs: number
}

export interface StickerFacts {
  mime: string
  animated: boolean
  width: number
  height: number
  sizeBytes: number
  /** True when WhatsApp takes it as a sticker as it is. */
  fits: boolean
}

export interface Refused {
  refused: Extract<ErrorCode, 'converter_missing' | 'media_unsupported' | 'media_too_large'>
  /** For example the missing package, the kind found, sizes. */
  facts: Record<string, string | number | boolean>
}

export function isRefused(result: object): result is Refused {
  return 'refused' in result
}
