/**
 * A streaming reader of multipart/form-data for the media upload: fields are kept, the file's bytes are handed on as
 * they come and never held. Enough of RFC 7578 for one file per request.
 */
import type { Readable } from 'node:stream'

export interface MultipartHandler {
  /** Called once, before the first byte of a part that carries a filename. */
  onFile(part: { name: string; filename: string; type: string | null }): void
  onFileBytes(chunk: Buffer): void
}

const MAX_HEADER_BYTES = 16 * 1024
const MAX_FIELD_BYTES = 64 * 1024

/** Reads to the end. Resolves with the plain fields; rejects on a malformed or cut body. */
export async function readMultipart(stream: Readable, contentType: string, handler: MultipartHandler) {
  const boundaryText = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  const boundary = boundaryText?.[1] ?? boundaryText?.[2]
  if (!boundary) throw new Error('no multipart boundary')
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  const fields: Record<string, string> = {}
  // A leading CRLF lets the first delimiter be found like all others.
  let rest = Buffer.from('\r\n')
  let state: 'seek' | 'after' | 'headers' | 'body' | 'end' = 'seek'
  let part: { name: string; isFile: boolean; chunks: Buffer[]; bytes: number } | undefined

  function take(chunk: Buffer) {
    if (!part) return
    if (part.isFile) {
      if (chunk.length > 0) handler.onFileBytes(chunk)
      return
    }
    part.bytes += chunk.length
    if (part.bytes > MAX_FIELD_BYTES) throw new Error('multipart field too long')
    part.chunks.push(Buffer.from(chunk))
  }

  function openPart(head: string) {
    const name = /name="((?:[^"\\]|\\.)*)"/i.exec(head)?.[1] ?? ''
    const filename =
      /filename="((?:[^"\\]|\\.)*)"/i.exec(head)?.[1] ?? /filename\*=(?:UTF-8'')([^;\r\n]+)/i.exec(head)?.[1]
    const type = /^content-type:\s*(.+)$/im.exec(head)?.[1]?.trim() ?? null
    part = { name, isFile: filename !== undefined, chunks: [], bytes: 0 }
    if (filename !== undefined) handler.onFile({ name, filename, type })
  }

  for await (const piece of stream) {
    let data: Buffer = rest.length > 0 ? Buffer.concat([rest, piece as Buffer]) : (piece as Buffer)
    rest = Buffer.alloc(0)
    for (;;) {
      if (state === 'end') break
      if (state === 'seek' || state === 'body') {
        const at = data.indexOf(delimiter)
        if (at < 0) {
          // The tail may be the start of a delimiter: keep it back.
          const safe = Math.max(0, data.length - delimiter.length + 1)
          if (state === 'body') take(data.subarray(0, safe))
          rest = Buffer.from(data.subarray(safe))
          break
        }
        if (state === 'body') {
          take(data.subarray(0, at))
          if (part && !part.isFile) fields[part.name] = Buffer.concat(part.chunks).toString('utf8')
          part = undefined
        }
        data = data.subarray(at + delimiter.length)
        state = 'after'
      } else if (state === 'after') {
        if (data.length < 2) {
          rest = Buffer.from(data)
          break
        }
        if (data[0] === 0x2d && data[1] === 0x2d) {
          state = 'end'
          break
        }
        state = 'headers'
        // Header block begins after CRLF; keep the CRLF so that an empty block is found too.
      } else {
        const at = data.indexOf('\r\n\r\n')
        if (at < 0) {
          if (data.length > MAX_HEADER_BYTES) throw new Error('multipart headers too long')
          rest = Buffer.from(data)
          break
        }
        openPart(data.subarray(0, at).toString('utf8'))
        data = data.subarray(at + 4)
        state = 'body'
      }
    }
  }
  if (state !== 'end') throw new Error('multipart body ended early')
  return fields
}
