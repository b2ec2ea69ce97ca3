/**
 * Posts webhooks to Puente as Meta does: signed over the exact bytes, repeated with growing pauses until 200, faults
 * applied on the way (contract §1). Which webhook to post, and where to, is decided elsewhere.
 */
import http from 'node:http'
import https from 'node:https'
import type { Fault, SandboxParts } from '../parts.ts'
import { OFFSET_HEADER, pause } from '../wire.ts'
import type { Knobs } from './model.ts'
import { serialise, signHeaders } from './serialise.ts'

const TIME_OUT_MS = 15_000
const MAX_PENDING = 100_000
const MAX_ANSWER_BYTES = 1024 * 1024
const MAX_LOGGED_BYTES = 64 * 1024

export interface PostAnswer {
  /** HTTP status; 0 = no answer (refused, reset, timed out). */
  status: number
  body: string
  headers: Record<string, string>
  tookMs: number
}

export interface Webhook {
  /** Ledger and fault name: `message`, `status`, or the field of a management webhook. */
  name: string
  url: string
  payload: unknown
  ids: Record<string, string | number | null>
}

/** A webhook that waits to be repeated; part of the snapshot, so that a restart forgets none. */
export interface PendingWebhook extends Webhook {
  attempt: number
  firstAt: number
  dueAt: number
}

export interface Webhooks {
  /** Posts it; resolves with the first attempt's status. Repeats go on in the background. */
  post(webhook: Webhook): Promise<number>
  /** One post of exactly these bytes, without faults and repeats. */
  postBytes(url: string, body: Buffer, headers: Record<string, string>): Promise<PostAnswer>
  /** The handshake of contract §1; resolves with why it failed, or undefined. */
  shakeHands(url: string, verifyToken: string): Promise<string | undefined>
  pending(): PendingWebhook[]
  restore(list: PendingWebhook[]): void
  clear(): void
  close(): void
}

export function createWebhooks(options: { parts: SandboxParts; secret: string; knobs: () => Knobs }): Webhooks {
  const { parts, secret, knobs } = options
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64 }),
    https: new https.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64 })
  }
  const waiting = new Map<PendingWebhook, NodeJS.Timeout>()
  let releaseHeld: (() => void) | undefined
  let closed = false

  function request(
    url: string,
    method: string,
    body: Buffer | null,
    headers: Record<string, string>,
    cutAfter?: number
  ): Promise<PostAnswer> {
    const startedAt = performance.now()
    return new Promise(resolve => {
      let settled = false
      const finish = (status: number, text: string, answerHeaders: Record<string, string> = {}) => {
        if (settled) return
        settled = true
        resolve({
          status,
          body: text,
          headers: answerHeaders,
          tookMs: Math.round((performance.now() - startedAt) * 100) / 100
        })
      }
      let target: URL
      try {
        target = new URL(url)
      } catch {
        finish(0, 'not a URL')
        return
      }
      const secure = target.protocol === 'https:'
      const req = (secure ? https : http).request(
        target,
        {
          method,
          agent: secure ? agents.https : agents.http,
          headers: {
            'user-agent': 'facebookexternalua',
            accept: '*/*',
            ...(body ? { 'content-length': String(body.length) } : {}),
            [OFFSET_HEADER]: String(parts.clock.offsetMs()),
            ...headers
          }
        },
        res => {
          const chunks: Buffer[] = []
          let bytes = 0
          res.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk)
            else req.destroy()
          })
          res.on('end', () => {
            const plain: Record<string, string> = {}
            for (const [key, value] of Object.entries(res.headers)) plain[key] = String(value)
            finish(res.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'), plain)
          })
          res.on('error', () => finish(0, 'answer cut'))
        }
      )
      // An own timer: a socket time-out would not catch an answer that drips.
      const timer = setTimeout(() => req.destroy(new Error('timed out')), TIME_OUT_MS)
      req.on('close', () => {
        clearTimeout(timer)
        finish(0, 'closed')
      })
      req.on('error', error => finish(0, error.message))
      if (body === null) req.end()
      else if (cutAfter === undefined) req.end(body)
      else if (cutAfter < body.length) {
        req.write(body.subarray(0, cutAfter), () => setTimeout(() => req.destroy(), 20))
      } else {
        // Everything is sent, but nobody waits for the answer.
        req.end(body, () => setTimeout(() => req.destroy(), 20))
      }
    })
  }

  async function attempt(webhook: Webhook, bytes: Buffer, number: number): Promise<number> {
    const fault = parts.faults.take('hook:graph', `${webhook.name} ${JSON.stringify(webhook.ids)}`)
    const record = (status: number, tookMs: number, note?: string) =>
      parts.ledger.add({
        side: 'graph',
        what: 'hook',
        name: webhook.name,
        ids: { ...webhook.ids, attempt: number },
        status,
        tookMs,
        ...(note ? { fault: note } : {}),
        body: bytes.length <= MAX_LOGGED_BYTES ? webhook.payload : { bytes: bytes.length }
      })
    const headers = { 'content-type': 'application/json', ...signHeaders(bytes, secret) }
    const plain = () => request(webhook.url, 'POST', bytes, headers)
    if (!fault) {
      const held = releaseHeld
      releaseHeld = undefined
      const answer = await plain()
      held?.()
      record(answer.status, answer.tookMs)
      return answer.status
    }
    return applyFault(fault, { plain, record, bytes, headers, url: webhook.url })
  }

  async function applyFault(
    fault: Fault,
    at: {
      plain(): Promise<PostAnswer>
      record(status: number, tookMs: number, note?: string): unknown
      bytes: Buffer
      headers: Record<string, string>
      url: string
    }
  ): Promise<number> {
    if (fault.kind === 'drop') {
      at.record(0, 0, 'drop')
      return 200
    }
    if (fault.kind === 'delay') await pause(fault.delayMs ?? 1000)
    if (fault.kind === 'reorder') {
      // Held back until another webhook has been answered, or a while when none comes.
      await Promise.race([
        new Promise<void>(resolve => {
          const earlier = releaseHeld
          releaseHeld = () => {
            earlier?.()
            resolve()
          }
        }),
        pause(fault.delayMs ?? 1000)
      ])
    }
    if (fault.kind === 'reset') {
      const answer = await request(at.url, 'POST', at.bytes, at.headers, Math.floor(at.bytes.length / 2))
      at.record(0, answer.tookMs, 'reset')
      return 0
    }
    if (fault.kind === 'timeout_after_accept' || fault.kind === 'commit_after_timeout') {
      const answer = await request(at.url, 'POST', at.bytes, at.headers, at.bytes.length)
      at.record(0, answer.tookMs, fault.kind)
      return 0
    }
    if (fault.kind === 'garbage') {
      const bad = at.bytes.subarray(0, Math.max(1, at.bytes.length - 7))
      const answer = await request(at.url, 'POST', bad, { ...at.headers, ...signHeaders(bad, secret) })
      at.record(answer.status, answer.tookMs, 'garbage')
    }
    const answer = await at.plain()
    at.record(answer.status, answer.tookMs, fault.kind)
    if (fault.kind === 'duplicate') {
      const again = await at.plain()
      at.record(again.status, again.tookMs, 'duplicate')
    }
    // The answer got lost on the way: Meta saw another status and repeats.
    return fault.kind === 'status' ? (fault.status ?? 500) : answer.status
  }

  function scheduleRepeat(pending: PendingWebhook) {
    if (closed || waiting.size >= MAX_PENDING) return
    const timer = setTimeout(
      () => {
        waiting.delete(pending)
        void run(pending)
      },
      Math.max(0, pending.dueAt - Date.now())
    )
    timer.unref()
    waiting.set(pending, timer)
  }

  async function run(pending: PendingWebhook): Promise<number> {
    const status = await attempt(pending, serialise(pending.payload, knobs().encoding), pending.attempt)
    if (status !== 200 && !closed) {
      const { baseMs, factor, capMs, forMs } = knobs().retry
      if (Date.now() - pending.firstAt < forMs) {
        // The first repeat is immediate, then the pauses grow.
        const waitMs = pending.attempt === 1 ? 0 : Math.min(capMs, baseMs * factor ** (pending.attempt - 2))
        scheduleRepeat({ ...pending, attempt: pending.attempt + 1, dueAt: Date.now() + waitMs })
      }
    }
    return status
  }

  return {
    post: webhook => run({ ...webhook, attempt: 1, firstAt: Date.now(), dueAt: Date.now() }),
    postBytes: (url, body, headers) => request(url, 'POST', body, headers),
    async shakeHands(url, verifyToken) {
      const challenge = String(1_000_000_000 + Math.floor(parts.random.next() * 999_999_999))
      let target: URL
      try {
        target = new URL(url)
      } catch {
        return 'callback_url is not a valid URL'
      }
      if (target.protocol !== 'http:' && target.protocol !== 'https:') return 'callback_url must be http or https'
      if (url.length > 200) return 'callback_url is longer than 200 characters'
      target.searchParams.set('hub.mode', 'subscribe')
      target.searchParams.set('hub.challenge', challenge)
      target.searchParams.set('hub.verify_token', verifyToken)
      const answer = await request(target.href, 'GET', null, {})
      parts.ledger.add({
        side: 'graph',
        what: 'hook',
        name: 'handshake',
        ids: { url },
        status: answer.status,
        tookMs: answer.tookMs
      })
      if (answer.status !== 200) {
        return `HTTP Status Code = ${answer.status}; ${answer.status === 0 ? answer.body : 'the callback did not answer 200'}`
      }
      return answer.body === challenge ? undefined : 'The callback did not return hub.challenge'
    },
    pending: () => [...waiting.keys()],
    restore(list) {
      for (const pending of list) scheduleRepeat(pending)
    },
    clear() {
      for (const timer of waiting.values()) clearTimeout(timer)
      waiting.clear()
    },
    close() {
      closed = true
      for (const timer of waiting.values()) clearTimeout(timer)
      agents.http.destroy()
      agents.https.destroy()
    }
  }
}
