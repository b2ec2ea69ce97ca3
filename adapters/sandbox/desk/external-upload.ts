/**
 * `POST …/upload` with an `external_url`: the desk fetches it itself, through the filter that its hooks pass (contract
 * §5.1), and takes pictures and films only; of another answer than 2xx it keeps nothing. The words of the refusals are a
 * reading of the code (upload_controller.rb and safe_fetch.rb, read 2026-11-29), not seen.
 */
import { createHash } from 'node:crypto'
import type { Answer } from './ask.ts'
import { addBlob } from './blobs.ts'
import type { Context } from './context.ts'
import { isPrivate } from './hook-poster.ts'

const FETCH_MS = 5_000
const MAX_BYTES = 40 * 1024 * 1024

export async function uploadExternal(ctx: Context, url: string): Promise<Answer> {
  const refuse = (error: string): Answer => ({ status: 422, json: { error } })
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return refuse('Invalid URL provided')
  const { hostname, pathname } = new URL(url)
  if (ctx.refusesPrivate() && isPrivate(hostname)) return refuse('Invalid URL provided')
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS) })
    if (!answer.ok) return refuse(`Failed to fetch file from URL: ${answer.status} ${answer.statusText}`)
    const contentType = answer.headers.get('content-type')?.split(';')[0] ?? ''
    if (!/^(image|video)\//.test(contentType)) return refuse('Failed to fetch file from URL')
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (bytes.length > MAX_BYTES) return refuse('Failed to fetch file from URL')
    const filename = pathname.split('/').at(-1) || 'file'
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const blob = addBlob(ctx.store, { filename, contentType, size: bytes.length, sha256, bytes })
    const path = `${blob.signedId}/${encodeURIComponent(filename)}`
    const json = { file_url: `${ctx.baseUrl()}/rails/active_storage/blobs/redirect/${path}`, blob_id: blob.signedId }
    return { status: 200, json }
  } catch {
    return refuse('Failed to fetch file from URL')
  }
}
