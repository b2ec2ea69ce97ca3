/**
 * Meta's serialisation of a webhook body and the signatures over its exact bytes.
 * Contract §1: non-ASCII as lower-case \uXXXX, slashes escaped; hashing re-serialised JSON must fail.
 */
import { createHmac } from 'node:crypto'

/** JSON as Meta puts it on the wire. */
export function serialiseAsMeta(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff/]/g, char =>
    char === '/' ? '\\/' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
}

export function serialise(value: unknown, encoding: 'escaped' | 'plain'): Buffer {
  return Buffer.from(encoding === 'escaped' ? serialiseAsMeta(value) : JSON.stringify(value), 'utf8')
}

/** `X-Hub-Signature-256` and the legacy SHA-1 header over these bytes. */
export function signHeaders(body: Buffer, secret: string): Record<string, string> {
  return {
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`
  }
}
