/**
 * Files of messages: stored in memory up to 16 MB each, above that only size and hash are kept and zeros of the same
 * length are served. Serves the permanent redirect URL and the file behind it (contract §5.4, §13).
 */
import { createHash, randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Blob } from './records.ts'
import type { Store } from './store.ts'

export const HELD_BYTES = 16 * 1024 * 1024

export interface BlobInput {
  filename: string
  contentType: string
  size: number
  sha256: string
  bytes: Buffer | null
}

export function addBlob(store: Store, input: BlobInput): Blob {
  const id = store.next('blob')
  const inner = Buffer.from(String(id)).toString('base64')
  const signed = Buffer.from(JSON.stringify({ _rails: { message: inner, exp: null, pur: 'blob_id' } })).toString(
    'base64url'
  )
  const blob: Blob = { id, signedId: `${signed}--${randomBytes(20).toString('hex')}`, ...input }
  store.blobs.set(id, blob)
  store.blobsBySignedId.set(blob.signedId, blob)
  return blob
}

export function addBytes(store: Store, filename: string, contentType: string, bytes: Buffer): Blob {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return addBlob(store, { filename, contentType, size: bytes.length, sha256, bytes })
}

/** A file of zeros that takes no memory, for load tests. */
export function addZeros(store: Store, filename: string, contentType: string, size: number): Blob {
  const digest = createHash('sha256')
  for (const chunk of zeros(size)) digest.update(chunk)
  return addBlob(store, { filename, contentType, size, sha256: digest.digest('hex'), bytes: null })
}

/** Answers anything under /rails/active_storage. */
export function serveBlob(store: Store, baseUrl: string, method: string, path: string, res: ServerResponse): number {
  const segments = path.split('/').slice(3)
  const [area, mode] = segments
  if (area === 'blobs' && mode === 'redirect') return redirect(store, baseUrl, segments[2], res)
  if (area === 'representations' && mode === 'redirect') return redirect(store, baseUrl, segments[2], res)
  if (area === 'disk' && (method === 'GET' || method === 'HEAD')) return serveFile(store, segments[1], method, res)
  return plain(res, 404, '')
}

function redirect(store: Store, baseUrl: string, signedId: string | undefined, res: ServerResponse): number {
  const blob = signedId === undefined ? undefined : store.blobsBySignedId.get(signedId)
  if (!blob) return plain(res, 404, '')
  const location = `${baseUrl}/rails/active_storage/disk/${blob.signedId}/${encodeURIComponent(blob.filename)}`
  const body = `<html><body>You are being <a href="${location}">redirected</a>.</body></html>`
  res.writeHead(302, {
    location,
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'max-age=300, private',
    'content-length': Buffer.byteLength(body)
  })
  res.end(body)
  return 302
}

function serveFile(store: Store, signedId: string | undefined, method: string, res: ServerResponse): number {
  const blob = signedId === undefined ? undefined : store.blobsBySignedId.get(signedId)
  if (!blob) return plain(res, 404, '')
  res.writeHead(200, {
    'content-type': blob.contentType,
    'content-disposition': `inline; filename*=UTF-8''${encodeURIComponent(blob.filename)}`,
    'content-length': blob.size,
    ...(blob.bytes ? {} : { 'x-sandbox-omitted': `sha256 ${blob.sha256}` })
  })
  if (method === 'HEAD') res.end()
  else if (blob.bytes) res.end(blob.bytes)
  else Readable.from(zeros(blob.size)).pipe(res)
  return 200
}

const ZEROS = Buffer.alloc(64 * 1024)

function* zeros(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= ZEROS.length) yield left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left)
}

function plain(res: ServerResponse, status: number, text: string): number {
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  res.end(text)
  return status
}
