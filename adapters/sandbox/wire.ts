/** Reading requests and writing answers with plain node:http, shared by the doors and the Graph stand-in. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export const OFFSET_HEADER = 'x-puente-sandbox-offset-ms'

/** The whole body, at most `limitBytes` (then it rejects). */
export function readBody(req: IncomingMessage, limitBytes = 8 * 1024 * 1024): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > limitBytes) {
        reject(new Error(`body larger than ${limitBytes} bytes`))
        req.destroy()
        return
      }
      chunks.push(chunk)
    })
    req.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    req.on('error', reject)
    req.on('close', () => {
      if (!req.complete) reject(new Error('request aborted'))
    })
  })
}

export function answerJson(res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  if (res.headersSent || res.destroyed) return
  const text = JSON.stringify(body)
  res.writeHead(status, {
    'content-type': 'application/json; charset=UTF-8',
    'content-length': Buffer.byteLength(text),
    ...headers
  })
  res.end(text)
}

export function answerText(res: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8') {
  if (res.headersSent || res.destroyed) return
  res.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
  res.end(text)
}

const SLOW_BODY_MS = 30_000

/** Half of the answer, then silence: the rest after `restInMs`, or never and the connection ends. */
export function answerInHalves(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string | number>,
  rest: 'cut' | { restInMs: number | undefined }
) {
  if (res.headersSent || res.destroyed) return
  const bytes = Buffer.from(text)
  const half = Math.max(1, bytes.length >> 1)
  res.writeHead(status, { ...headers, 'content-length': bytes.length })
  res.write(bytes.subarray(0, half), () => {
    if (rest === 'cut') return void res.destroy()
    const timer = setTimeout(() => res.end(bytes.subarray(half)), rest.restInMs ?? SLOW_BODY_MS)
    timer.unref()
    res.on('close', () => clearTimeout(timer))
  })
}

/** Waits; the timer never keeps the process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms).unref()
  })
}

/** A plain object, or an empty one: for reading untrusted JSON without throwing. */
export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
