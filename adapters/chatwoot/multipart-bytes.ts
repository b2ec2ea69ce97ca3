/** A multipart form of one small file that is in memory; files on disk are multipart.ts's part. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FormBody } from './multipart.ts'

/** `field` and `name` are our own words: nothing in them has to be escaped. */
export function bytesForm(file: { field: string; name: string; mimeType: string; bytes: Buffer }): FormBody {
  const boundary = `puente-${randomBytes(16).toString('hex')}`
  const head =
    `--${boundary}\r\ncontent-disposition: form-data; name="${file.field}"; filename="${file.name}"\r\n` +
    `content-type: ${file.mimeType}\r\n\r\n`
  const body = Buffer.concat([Buffer.from(head), file.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes: body.length,
    open: () => Readable.from([body], { objectMode: false })
  }
}
