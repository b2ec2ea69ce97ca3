/**
 * A multipart/form-data body of known length whose files are read from disk while it is sent. Holds no file in memory.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'

export interface FormFile {
  field: string
  path: string
  name: string
  mimeType: string
  sizeBytes: number
}

export interface FormBody {
  contentType: string
  sizeBytes: number
  /** Every call gives a new stream. */
  open: () => Readable
}

export function buildForm(fields: readonly [name: string, value: string][], files: readonly FormFile[]): FormBody {
  const boundary = `puente-${randomBytes(16).toString('hex')}`
  const head = fields.map(([name, value]) => `--${boundary}\r\n${disposition(name)}\r\n\r\n${value}\r\n`).join('')
  const fileHeads = files.map(file =>
    Buffer.from(
      `--${boundary}\r\n${disposition(file.field, file.name)}\r\ncontent-type: ${mimeOf(file.mimeType)}\r\n\r\n`
    )
  )
  const start = Buffer.from(head)
  const end = Buffer.from(`--${boundary}--\r\n`)
  const lineEnd = Buffer.from('\r\n')
  let sizeBytes = start.length + end.length
  files.forEach((file, nth) => {
    sizeBytes += fileHeads[nth]!.length + file.sizeBytes + lineEnd.length
  })

  async function* pieces(): AsyncGenerator<Buffer> {
    const contents = files.map(file => createReadStream(file.path))
    try {
      // All files are open before the first byte is given, so that a missing one lets nothing leave.
      await Promise.all(contents.map(opened))
      if (start.length > 0) yield start
      for (const [nth, content] of contents.entries()) {
        yield fileHeads[nth]!
        for await (const chunk of content) yield chunk as Buffer
        yield lineEnd
      }
      yield end
    } finally {
      for (const content of contents) content.destroy()
    }
  }

  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes,
    open: () => Readable.from(pieces(), { objectMode: false, highWaterMark: 64 * 1024 })
  }
}

function opened(stream: ReturnType<typeof createReadStream>): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve())
    stream.once('error', reject)
  })
}

function disposition(field: string, fileName?: string): string {
  const name = `content-disposition: form-data; name="${quotable(field)}"`
  return fileName === undefined ? name : `${name}; filename="${quotable(fileName)}"`
}

/** As browsers do (WHATWG HTML, multipart/form-data encoding). */
function quotable(text: string): string {
  return text.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22')
}

function mimeOf(mimeType: string): string {
  return /^[\w.+-]+\/[\w.+-]+(;[ \w.+=-]*)?$/.test(mimeType) ? mimeType : 'application/octet-stream'
}
