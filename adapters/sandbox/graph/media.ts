/**
 * Media of the Graph stand-in: uploads (streamed, hashed), metadata with five-minute URLs, downloads, deletion.
 * Small bytes are held or put into the data directory, large uploads keep only size and hash, synthetic media are
 * generated while they are read. Rules: contract §5 (Media).
 */
import { createHash, createHmac } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { SandboxClock } from '../parts.ts'
import { getSample, hashSynthetic, makeSynthetic } from './samples.ts'

export const KEEP_BYTES = 16 * 1024 * 1024
const HELD_TOTAL_BYTES = 256 * 1024 * 1024
const MAX_RECORDS = 200_000
const DAY_MS = 24 * 3_600_000
const URL_LIFE_MS = 5 * 60_000

export interface MediaRecord {
  id: string
  phoneNumberId: string
  mime: string
  bytes: number
  sha256Hex: string
  name: string | null
  /** Sandbox time; 30 days for uploads, 7 days for what came in a webhook. */
  expiresAt: number
  /** `synthetic` names the sample its first bytes come from. */
  source: 'held' | 'file' | 'synthetic' | 'hash-only'
  synthetic?: string
}

/** MIME → most bytes, by message type. Contract §5, read 2026-11. */
const MEDIA_RULES: Record<string, { mimes: RegExp; maxBytes: number }> = {
  audio: { mimes: /^audio\/(aac|amr|mpeg|mp4|ogg)$/, maxBytes: 16 * 1024 * 1024 },
  document: { mimes: /^[\w.+-]+\/[\w.+-]+$/, maxBytes: 100 * 1024 * 1024 },
  image: { mimes: /^image\/(jpeg|png)$/, maxBytes: 5 * 1024 * 1024 },
  sticker: { mimes: /^image\/webp$/, maxBytes: 500 * 1024 },
  video: { mimes: /^video\/(mp4|3gpp)$/, maxBytes: 16 * 1024 * 1024 }
}
const UPLOAD_MIMES =
  /^(audio\/(aac|amr|mpeg|mp4|ogg)|image\/(jpeg|png|webp)|video\/(mp4|3gpp)|text\/plain|text\/csv|application\/[\w.+-]+)$/

function bare(mime: string): string {
  return mime.split(';')[0]!.trim().toLowerCase()
}

/** Why this file cannot go out as this type; undefined = it can. */
export function findMediaFault(type: string, record: Pick<MediaRecord, 'mime' | 'bytes'>): string | undefined {
  const rule = MEDIA_RULES[type]
  if (!rule) return undefined
  if (!rule.mimes.test(bare(record.mime))) {
    return `Unsupported media type ${bare(record.mime)} for ${type}. Please use one of the supported media types.`
  }
  if (record.bytes > rule.maxBytes)
    return `Media of ${record.bytes} bytes exceeds the limit of ${rule.maxBytes} for ${type}.`
  return undefined
}

/** Why an upload is refused; undefined = accepted. */
export function findUploadFault(mime: string, bytes: number): string | undefined {
  const type = bare(mime)
  if (!UPLOAD_MIMES.test(type))
    return `Param file must be a file with one of the supported types. Received file of type '${type}'.`
  const kind = type.startsWith('audio/')
    ? 'audio'
    : type.startsWith('video/')
      ? 'video'
      : type.startsWith('image/')
        ? 'image'
        : 'document'
  const rule = MEDIA_RULES[type === 'image/webp' ? 'sticker' : kind]!
  if (bytes > rule.maxBytes) return `File size ${bytes} exceeds the limit of ${rule.maxBytes} bytes for ${type}.`
  if (bytes === 0) return 'The file is empty.'
  return undefined
}

export interface MediaStore {
  /** Adds bytes that a customer sends. */
  addBytes(given: {
    id: string
    phoneNumberId: string
    mime: string
    name: string | null
    bytes: Buffer
  }): Promise<MediaRecord>
  /** Adds a file that is generated while it is read. */
  addSynthetic(given: {
    id: string
    phoneNumberId: string
    mime: string
    name: string | null
    sample: string
    totalBytes: number
  }): Promise<MediaRecord>
  /** Takes an upload chunk by chunk. */
  openUpload(): {
    write(chunk: Buffer): void
    bytes(): number
    finish(given: { id: string; phoneNumberId: string; mime: string; name: string | null }): Promise<MediaRecord>
  }
  find(id: string): MediaRecord | undefined
  remove(id: string): Promise<boolean>
  /** The signed URL under `baseUrl`, good for five minutes of sandbox time. */
  makeUrl(record: MediaRecord, baseUrl: string, source: string): string
  /** Whether the query of such a URL is genuine and still young. */
  checkUrl(query: URLSearchParams): MediaRecord | undefined
  /** The bytes; undefined when only size and hash were kept. */
  read(record: MediaRecord): Readable | undefined
  snapshot(): MediaRecord[]
  restore(records: MediaRecord[]): void
  clear(): Promise<void>
}

export function createMediaStore(options: { clock: SandboxClock; secret: string; dir?: string }): MediaStore {
  const { clock, secret, dir } = options
  const records = new Map<string, MediaRecord>()
  const held = new Map<string, Buffer>()
  let heldBytes = 0

  async function keepBytes(record: MediaRecord, bytes: Buffer) {
    if (dir) {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      await writeFile(join(dir, record.id), bytes, { mode: 0o600 })
      record.source = 'file'
      return
    }
    held.set(record.id, bytes)
    heldBytes += bytes.length
    for (const [id, old] of held) {
      if (heldBytes <= HELD_TOTAL_BYTES) break
      held.delete(id)
      heldBytes -= old.length
      const forgotten = records.get(id)
      if (forgotten) forgotten.source = 'hash-only'
    }
  }

  async function drop(id: string) {
    const bytes = held.get(id)
    if (bytes) {
      held.delete(id)
      heldBytes -= bytes.length
    }
    const record = records.get(id)
    records.delete(id)
    if (record?.source === 'file' && dir) await rm(join(dir, id), { force: true })
  }

  function enter(record: MediaRecord): MediaRecord {
    records.set(record.id, record)
    if (records.size > MAX_RECORDS) {
      const oldest = records.keys().next().value
      if (oldest !== undefined) void drop(oldest)
    }
    return record
  }

  function sign(id: string, ext: string): string {
    return createHmac('sha256', secret).update(`${id}:${ext}`).digest('base64url').slice(0, 32)
  }

  return {
    async addBytes({ bytes, ...given }) {
      const sha256Hex = createHash('sha256').update(bytes).digest('hex')
      const record = enter({
        ...given,
        bytes: bytes.length,
        sha256Hex,
        expiresAt: clock.now() + 7 * DAY_MS,
        source: 'held'
      })
      await keepBytes(record, bytes)
      return record
    },
    async addSynthetic({ sample, totalBytes, ...given }) {
      const found = getSample(sample)
      if (!found) throw new Error(`no sample named ${sample}`)
      const hash = await hashSynthetic(sample, found.bytes, totalBytes)
      return enter({
        ...given,
        bytes: totalBytes,
        sha256Hex: hash.toString('hex'),
        expiresAt: clock.now() + 7 * DAY_MS,
        source: 'synthetic',
        synthetic: sample
      })
    },
    openUpload() {
      const hash = createHash('sha256')
      let chunks: Buffer[] | undefined = []
      let bytes = 0
      return {
        bytes: () => bytes,
        write(chunk) {
          hash.update(chunk)
          bytes += chunk.length
          if (bytes > KEEP_BYTES) chunks = undefined
          else chunks?.push(Buffer.from(chunk))
        },
        async finish(given) {
          const record = enter({
            ...given,
            bytes,
            sha256Hex: hash.digest('hex'),
            expiresAt: clock.now() + 30 * DAY_MS,
            source: chunks ? 'held' : 'hash-only'
          })
          if (chunks) await keepBytes(record, Buffer.concat(chunks))
          return record
        }
      }
    },
    find(id) {
      const record = records.get(id)
      return record && record.expiresAt > clock.now() ? record : undefined
    },
    async remove(id) {
      if (!records.has(id)) return false
      await drop(id)
      return true
    },
    makeUrl(record, baseUrl, source) {
      const ext = String(Math.floor((clock.now() + URL_LIFE_MS) / 1000))
      return `${baseUrl}/whatsapp_business/attachments/?mid=${record.id}&source=${source}&ext=${ext}&hash=${sign(record.id, ext)}`
    },
    checkUrl(query) {
      const id = query.get('mid') ?? ''
      const ext = query.get('ext') ?? ''
      if (sign(id, ext) !== query.get('hash')) return undefined
      if (Number(ext) * 1000 < clock.now()) return undefined
      return records.get(id)
    },
    read(record) {
      if (record.source === 'synthetic') {
        const sample = getSample(record.synthetic ?? '')
        return sample
          ? Readable.from(makeSynthetic(sample.bytes, record.bytes), { objectMode: false, highWaterMark: 256 * 1024 })
          : undefined
      }
      if (record.source === 'file' && dir) return createReadStream(join(dir, record.id))
      const bytes = held.get(record.id)
      return bytes ? Readable.from([bytes], { objectMode: false }) : undefined
    },
    // Bytes held only in memory do not survive; their records do, as hash-only.
    snapshot: () =>
      [...records.values()]
        .slice(-20_000)
        .map(record => (record.source === 'held' ? { ...record, source: 'hash-only' } : record)),
    restore(list) {
      for (const record of list) records.set(record.id, record)
    },
    async clear() {
      records.clear()
      held.clear()
      heldBytes = 0
      if (dir) await rm(dir, { recursive: true, force: true })
    }
  }
}
