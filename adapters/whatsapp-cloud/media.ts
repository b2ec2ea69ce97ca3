/**
 * Files to and from Meta: a streamed multipart upload of known length, and a download that goes only where Meta's
 * media lie (or where the operator allows), with the token only for Meta. Sniffing and hashing are the caller's part.
 */
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { NumberAccess } from '../../plugin/core/ports/channel.ts'
import { RULES } from '../../plugin/core/rules.ts'
import { type HttpClient, HttpFailure, type HttpStreamAnswer } from '../http/types.ts'
import { toChannelError } from './errors.ts'

const MAX_REDIRECTS = 3
const MIME = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w-]+=[\w.+-]+)*$/

// ── Up ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Multipart {
  type: string
  content: { open: () => Readable; sizeBytes: number }
}

/** The body of a media upload. Fails with `media_unfetched` when the file cannot be read, `media_unsupported` if empty. */
export async function buildUpload(file: { path: string; mimeType: string; name: string }): Promise<Multipart> {
  const sizeBytes = await stat(file.path).then(
    found => found.size,
    cause => {
      throw new PuenteError('media_unfetched', { cause, facts: { reason: 'file_missing' } })
    }
  )
  if (sizeBytes === 0) throw new PuenteError('media_unsupported', { facts: { sizeBytes } })
  const mimeType = MIME.test(file.mimeType) ? file.mimeType : 'application/octet-stream'
  const boundary = `puente-${randomUUID()}`
  const field = (name: string, value: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const head = Buffer.from(
    field('messaging_product', 'whatsapp') +
      field('type', mimeType) +
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${quoteName(file.name)}"\r\n` +
      `content-type: ${mimeType}\r\n\r\n`
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    content: {
      open: () => Readable.from(joinParts(head, file.path, sizeBytes, tail), { objectMode: false }),
      sizeBytes: head.length + sizeBytes + tail.length
    }
  }
}

/** As browsers do it (WHATWG form-data): only quotes and line ends are escaped, the rest is UTF-8. */
function quoteName(name: string): string {
  const escaped = name.replace(/[\r\n"]/g, found => (found === '"' ? '%22' : found === '\r' ? '%0D' : '%0A'))
  return escaped.slice(0, 240) || 'file'
}

async function* joinParts(head: Buffer, path: string, sizeBytes: number, tail: Buffer): AsyncGenerator<Buffer> {
  yield head
  // The length is announced already: what was appended to the file meanwhile stays out.
  for await (const chunk of createReadStream(path, { end: sizeBytes - 1 })) yield chunk as Buffer
  yield tail
}

// ── Down ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Allowed {
  url: URL
  token: boolean
  /** The operator's own origins may be private; Meta's hosts never resolve to such addresses honestly. */
  onlyPublic: boolean
}

/**
 * Whether media may be fetched from an address: https on Meta's hosts, the Graph origin as configured, or an origin
 * that the operator added. Fails with `media_origin`.
 */
export function allowMediaUrl(text: string, graphUrl: string, mediaOrigins: readonly string[]): Allowed {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '') throw refuse(url)
  if (url.origin === originOf(graphUrl)) return { url, token: true, onlyPublic: false }
  const host = RULES.mediaHosts.value.find(({ host }) => url.hostname === host || url.hostname.endsWith(`.${host}`))
  if (host !== undefined && url.protocol === 'https:' && url.port === '') {
    return { url, token: host.token, onlyPublic: true }
  }
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  if (isWeb && mediaOrigins.some(origin => originOf(origin) === url.origin)) {
    return { url, token: false, onlyPublic: false }
  }
  throw refuse(url)
}

function originOf(text: string): string | undefined {
  const origin = URL.canParse(text) ? new URL(text).origin : undefined
  return origin === 'null' ? undefined : origin
}

function refuse(url: URL | undefined): PuenteError {
  return new PuenteError('media_origin', { facts: { host: url?.hostname, protocol: url?.protocol } })
}

/** Opens a media URL. An expired one (404) is `media_unfetched` with `facts.expired`: locate the media again. */
export async function openMediaUrl(
  deps: { http: HttpClient; mediaOrigins: readonly string[]; timeoutMs: number },
  access: NumberAccess,
  text: string
): Promise<{ stream: Readable; sizeBytes?: number }> {
  let target = allowMediaUrl(text, access.graphUrl, deps.mediaOrigins)
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const answer = await open(deps, target, access.token)
    if (answer.status === 200) return guard(answer)
    answer.stream.on('error', () => {}).destroy()
    const location = first(answer.headers.location)
    if (answer.status < 300 || answer.status > 399 || location === undefined) throw toMediaError(answer)
    const { href } = target.url
    const next = URL.canParse(location, href) ? new URL(location, href) : undefined
    // A redirect never leads to another host, wherever it points.
    if (next?.origin !== target.url.origin) throw refuse(next)
    target = { ...target, url: next }
  }
  throw new PuenteError('media_unfetched', { facts: { reason: 'redirects' } })
}

async function open(
  { http, timeoutMs }: { http: HttpClient; timeoutMs: number },
  target: Allowed,
  token: string
): Promise<HttpStreamAnswer> {
  try {
    return await http.open({
      method: 'GET',
      url: target.url.href,
      headers: target.token ? { authorization: `Bearer ${token}` } : {},
      timeoutMs,
      onlyPublicAddresses: target.onlyPublic
    })
  } catch (cause) {
    if (cause instanceof HttpFailure && cause.reason === 'prevented') throw refuse(target.url)
    throw toUnfetched(cause)
  }
}

function toMediaError({ status, headers }: HttpStreamAnswer): PuenteError {
  if (status === 401 || status === 429) return toChannelError(status, undefined, headers, { harmless: true })
  const expired = status === 404 || status === 410
  return new PuenteError('media_unfetched', { facts: { httpStatus: status, ...(expired ? { expired } : {}) } })
}

function toUnfetched(cause: unknown): PuenteError {
  const reason = cause instanceof HttpFailure ? cause.reason : 'other'
  return new PuenteError('media_unfetched', { cause, facts: { reason } })
}

function guard(answer: HttpStreamAnswer): { stream: Readable; sizeBytes?: number } {
  const announced = Number(first(answer.headers['content-length']) ?? Number.NaN)
  const limit = RULES.receivedMediaMaxBytes.value
  // Until somebody reads, a failure of the source would be nobody's and end the process.
  answer.stream.on('error', () => {})
  if (announced > limit) {
    answer.stream.destroy()
    throw tooLarge(announced)
  }
  const stream = Readable.from(count(answer.stream, limit), { objectMode: false })
  stream.once('close', () => answer.stream.destroy())
  return Number.isSafeInteger(announced) ? { stream, sizeBytes: announced } : { stream }
}

async function* count(source: Readable, limit: number): AsyncGenerator<Buffer> {
  let bytes = 0
  try {
    for await (const chunk of source) {
      bytes += (chunk as Buffer).length
      if (bytes > limit) throw tooLarge(bytes)
      yield chunk as Buffer
    }
  } catch (error) {
    throw error instanceof PuenteError ? error : toUnfetched(error)
  }
}

function tooLarge(sizeBytes: number): PuenteError {
  return new PuenteError('media_too_large', { facts: { sizeBytes, limitBytes: RULES.receivedMediaMaxBytes.value } })
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
