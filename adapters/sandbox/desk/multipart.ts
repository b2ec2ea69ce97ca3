/**
 * Reads multipart/form-data as it arrives: small fields as text, files hashed on the way and held only up to a limit,
 * so that a 100 MB upload costs a bounded amount of memory. Leaves out nested parts and transfer encodings.
 */

import type { Hash as Digest } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { BlobInput } from './blobs.ts'

export interface Multipart {
  write(chunk: Buffer): void
  /** Throws when the body was cut short. */
  end(): { fields: [name: string, value: string][]; files: { field: string; file: BlobInput }[] }
}

export function boundaryOf(contentType: string): string | undefined {
  const found = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  return found?.[1] ?? found?.[2]
}

interface Part {
  name: string
  filename: string | undefined
  contentType: string
  chunks: Buffer[]
  size: number
  digest: Digest | undefined
}

const MAX_FIELD_BYTES = 4 * 1024 * 1024

export function createMultipart(boundary: string, heldBytes: number): Multipart {
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // A leading line break makes the first delimiter look like the others.
  let rest: Buffer = Buffer.from('\r\n')
  let part: Part | undefined
  let state: 'preamble' | 'headers' | 'body' | 'done' = 'preamble'
  const fields: [string, string][] = []
  const files: { field: string; file: BlobInput }[] = []

  function take(bytes: Buffer): void {
    if (!part || bytes.length === 0) return
    part.size += bytes.length
    part.digest?.update(bytes)
    const limit = part.filename === undefined ? MAX_FIELD_BYTES : heldBytes
    if (part.size <= limit) part.chunks.push(Buffer.from(bytes))
    else part.chunks = []
  }

  function close(): void {
    if (!part) return
    if (part.filename === undefined) {
      fields.push([part.name, Buffer.concat(part.chunks).toString('utf8')])
    } else {
      files.push({
        field: part.name,
        file: {
          filename: part.filename,
          contentType: part.contentType,
          size: part.size,
          sha256: part.digest?.digest('hex') ?? '',
          bytes: part.size <= heldBytes ? Buffer.concat(part.chunks) : null
        }
      })
    }
    part = undefined
  }

  function open(head: string): void {
    const disposition = /content-disposition:[^\r\n]*/i.exec(head)?.[0] ?? ''
    const extended = /filename\*=UTF-8''([^;\r\n]+)/i.exec(disposition)?.[1]
    const filename = extended ? decodeURIComponent(extended) : /filename="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1]
    part = {
      name: /[; ]name="([^"]*)"/i.exec(disposition)?.[1] ?? '',
      filename: filename?.replace(/%22/g, '"').replace(/\\(.)/g, '$1'),
      contentType: /content-type:\s*([^\r\n;]+)/i.exec(head)?.[1]?.trim() ?? 'application/octet-stream',
      chunks: [],
      size: 0,
      digest: filename === undefined ? undefined : createHash('sha256')
    }
  }

  function step(): boolean {
    if (state === 'preamble' || state === 'body') {
      const found = rest.indexOf(delimiter)
      if (found === -1) {
        // The tail may be the beginning of a delimiter.
        const safe = Math.max(0, rest.length - delimiter.length)
        if (state === 'body') take(rest.subarray(0, safe))
        rest = rest.subarray(safe)
        return false
      }
      if (rest.length < found + delimiter.length + 2) {
        if (state === 'body') take(rest.subarray(0, found))
        rest = rest.subarray(found)
        return false
      }
      if (state === 'body') take(rest.subarray(0, found))
      close()
      const after = rest.subarray(found + delimiter.length)
      state = after[0] === 0x2d && after[1] === 0x2d ? 'done' : 'headers'
      rest = after.subarray(2)
      return state === 'headers'
    }
    if (state === 'headers') {
      const found = rest.indexOf('\r\n\r\n')
      if (found === -1) return false
      open(rest.toString('utf8', 0, found))
      rest = rest.subarray(found + 4)
      state = 'body'
      return true
    }
    return false
  }

  return {
    write(chunk) {
      if (state === 'done') return
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      while (step());
    },
    end() {
      if (state !== 'done') throw new Error('multipart body was cut short')
      return { fields, files }
    }
  }
}

/** `content_attributes[a]` stays as it is; `attachments[]` and repeated names become arrays. */
export function fieldsToBody(fields: [string, string][]): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [name, value] of fields) {
    const nested = /^([^[]+)\[([^\]]+)\]$/.exec(name)
    if (nested) {
      const outer = nested[1]!
      const inner =
        typeof body[outer] === 'object' && body[outer] !== null ? (body[outer] as Record<string, unknown>) : {}
      inner[nested[2]!] = value
      body[outer] = inner
    } else if (name.endsWith('[]')) {
      const key = name.slice(0, -2)
      body[key] = [...((body[key] as unknown[]) ?? []), value]
    } else body[name] = value
  }
  return body
}
