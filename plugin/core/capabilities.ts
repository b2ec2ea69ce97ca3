/**
 * What WhatsApp takes as media, and how a file of the desk becomes something it takes: as it is, converted, or as a
 * document. Pure; sniffing and converting are the media tools' part.
 */
import type { MediaKind } from './model.ts'

const KIB = 1024
const MIB = 1024 * KIB

export interface MediaCapability {
  /** MIME types that WhatsApp shows as this kind; empty: any. */
  mimeTypes: readonly string[]
  maxBytes: number
  /** Characters; 0 = no caption. */
  captionLimit: number
}

/** Contract §5, as read on the date given. */
export const CAPABILITIES: {
  asOf: string
  source: string
  kinds: Record<MediaKind, MediaCapability>
  animatedStickerMaxBytes: number
  voiceNotePlayMaxBytes: number
} = {
  asOf: '2026-11-22',
  source: 'developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media; contract §5',
  kinds: {
    image: { mimeTypes: ['image/jpeg', 'image/png'], maxBytes: 5 * MIB, captionLimit: 1024 },
    video: { mimeTypes: ['video/mp4', 'video/3gpp'], maxBytes: 16 * MIB, captionLimit: 1024 },
    audio: {
      mimeTypes: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'],
      maxBytes: 16 * MIB,
      captionLimit: 0
    },
    document: { mimeTypes: [], maxBytes: 100 * MIB, captionLimit: 1024 },
    sticker: { mimeTypes: ['image/webp'], maxBytes: 100 * KIB, captionLimit: 0 }
  },
  animatedStickerMaxBytes: 500 * KIB,
  /** A larger voice note shows a download sign instead of playing at once. */
  voiceNotePlayMaxBytes: 512 * KIB
}

/** What the converters can read; an animated GIF would lose its motion and goes as a document instead. */
export const CONVERTIBLE = {
  image: ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/heif', 'image/avif', 'image/tiff', 'image/bmp'],
  voice: ['audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/amr', 'audio/ogg', 'audio/wav', 'audio/webm', 'audio/flac'],
  /** More would cost too much memory. */
  maxBytes: 50 * MIB
} as const

/** Other names under which programs give the same formats. */
const ALIASES: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/heic-sequence': 'image/heic',
  'image/heif-sequence': 'image/heif',
  'audio/mp3': 'audio/mpeg',
  'audio/x-mp3': 'audio/mpeg',
  'audio/x-mpeg': 'audio/mpeg',
  'audio/m4a': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/x-aac': 'audio/aac',
  'audio/opus': 'audio/ogg',
  'application/ogg': 'audio/ogg',
  'audio/x-wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/x-flac': 'audio/flac',
  'video/3gp': 'video/3gpp',
  'application/x-pdf': 'application/pdf'
}

/** For files whose type the desk does not tell. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
  avif: 'image/avif',
  gif: 'image/gif',
  mp4: 'video/mp4',
  '3gp': 'video/3gpp',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  amr: 'audio/amr',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  wav: 'audio/wav',
  pdf: 'application/pdf',
  txt: 'text/plain',
  csv: 'text/csv',
  doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ppt: 'application/vnd.ms-powerpoint',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  zip: 'application/zip'
}

const NAMELESS = new Set(['', 'application/octet-stream', 'binary/octet-stream'])

export interface FileToPlan {
  /** As sniffed or told; parameters are allowed. */
  mime: string
  sizeBytes: number
  name: string
  /** The agent recorded it as a voice message. */
  voiceHint?: boolean
}

export type MediaPlan =
  | {
      type: Exclude<MediaKind, 'sticker'>
      /** The type to upload as; after a conversion what the converter made wins. */
      mimeType: string
      /** What has to be done first. */
      convert?: 'image' | 'voice'
      /** To be sent as a voice note. */
      voice?: true
      /** A picture, film or sound that goes as a document, since WhatsApp would refuse it as what it is. */
      asDocument?: true
      captionLimit: number
    }
  | { refusal: 'media_too_large' | 'media_unsupported'; limitBytes: number }

/** Lower-case, without parameters, in the name that WhatsApp uses; by extension when the type says nothing. */
export function normaliseMime(mime: string, name = ''): string {
  const bare = (mime.split(';')[0] ?? '').trim().toLowerCase()
  const known = ALIASES[bare] ?? bare
  if (!NAMELESS.has(known)) return known
  const extension = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1]?.toLowerCase()
  return (extension === undefined ? undefined : BY_EXTENSION[extension]) ?? 'application/octet-stream'
}

/** How a file of the desk goes to WhatsApp, or why it cannot. */
export function planMedia(file: FileToPlan): MediaPlan {
  const document = CAPABILITIES.kinds.document
  if (!(file.sizeBytes > 0)) return { refusal: 'media_unsupported', limitBytes: document.maxBytes }
  const mime = normaliseMime(file.mime, file.name)
  const family = mime.split('/')[0]
  if (family === 'image') return planImage(mime, file.sizeBytes)
  if (family === 'audio') return planAudio(mime, file)
  if (family === 'video' && fits('video', mime, file.sizeBytes)) return plan('video', mime)
  return planDocument(mime, file.sizeBytes, family === 'video')
}

/** A file that has to go as a document, whatever it is. */
export function planAsDocument(file: FileToPlan): MediaPlan {
  if (!(file.sizeBytes > 0)) return { refusal: 'media_unsupported', limitBytes: CAPABILITIES.kinds.document.maxBytes }
  return planDocument(normaliseMime(file.mime, file.name), file.sizeBytes, false)
}

function planImage(mime: string, sizeBytes: number): MediaPlan {
  if (fits('image', mime, sizeBytes)) return plan('image', mime)
  if (includes(CONVERTIBLE.image, mime) && sizeBytes <= CONVERTIBLE.maxBytes) {
    return { ...plan('image', 'image/jpeg'), convert: 'image' }
  }
  return planDocument(mime, sizeBytes, true)
}

function planAudio(mime: string, file: FileToPlan): MediaPlan {
  const convertible = includes(CONVERTIBLE.voice, mime) && file.sizeBytes <= CONVERTIBLE.maxBytes
  if (file.voiceHint === true && mime === 'audio/ogg' && fits('audio', mime, file.sizeBytes)) {
    return { ...plan('audio', mime), voice: true }
  }
  if (file.voiceHint === true && convertible) return { ...plan('audio', 'audio/ogg'), convert: 'voice', voice: true }
  if (fits('audio', mime, file.sizeBytes)) return plan('audio', mime)
  const takenAsIs = includes(CAPABILITIES.kinds.audio.mimeTypes, mime)
  if (convertible && !takenAsIs) return { ...plan('audio', 'audio/ogg'), convert: 'voice' }
  return planDocument(mime, file.sizeBytes, true)
}

function planDocument(mime: string, sizeBytes: number, asDocument: boolean): MediaPlan {
  const { maxBytes } = CAPABILITIES.kinds.document
  if (sizeBytes > maxBytes) return { refusal: 'media_too_large', limitBytes: maxBytes }
  return { ...plan('document', mime), ...(asDocument ? { asDocument } : {}) }
}

function plan<T extends Exclude<MediaKind, 'sticker'>>(type: T, mimeType: string) {
  return { type, mimeType, captionLimit: CAPABILITIES.kinds[type].captionLimit }
}

function fits(type: MediaKind, mime: string, sizeBytes: number): boolean {
  const { mimeTypes, maxBytes } = CAPABILITIES.kinds[type]
  return mimeTypes.includes(mime) && sizeBytes <= maxBytes
}

function includes(list: readonly string[], mime: string): boolean {
  return list.includes(mime)
}
