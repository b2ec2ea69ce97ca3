/**
 * Posts one webhook the way the desk's background job does: signed raw bytes, 5 s, one attempt, never again
 * (contract §5.1, §13). Knows nothing of events; redirects are not followed.
 */
import { createHmac, randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { OFFSET_HEADER } from '../wire.ts'

export interface HookPost {
  url: string
  /** Absent = unsigned, as macros and automations post. */
  secret?: string | null
  raw: string
  /** Seconds for `X-Chatwoot-Timestamp`. */
  timestamp: number
  deliveryId?: string
}

export interface HookResult {
  /** 0 when there was no answer. */
  status: number
  body: string
  /** What Chatwoot writes into `external_error`; absent = delivered. */
  error?: string
}

export interface HookPoster {
  post(hook: HookPost): Promise<HookResult>
  /** Private addresses are not called, as Chatwoot's SSRF filter has it. */
  refusePrivate(on: boolean): void
  setTimeoutMs(ms: number): void
  close(): void
}

const TIMEOUT_MS = 5000
const KEPT_ANSWER_CHARS = 2000

export function signHook(secret: string, timestamp: number, raw: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${raw}`).digest('hex')}`
}

export function createHookPoster(offsetMs: () => number): HookPoster {
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 })
  }
  let refusesPrivate = false
  let timeoutMs = TIMEOUT_MS
  const targets = new Map<string, http.RequestOptions & { protocol: 'http:' | 'https:' }>()

  function targetOf(url: string) {
    let target = targets.get(url)
    if (!target) {
      const parsed = new URL(url)
      const protocol = parsed.protocol === 'https:' ? 'https:' : 'http:'
      target = {
        protocol,
        agent: agents[protocol],
        hostname: parsed.hostname.replace(/^\[|\]$/g, ''),
        port: parsed.port || (protocol === 'https:' ? 443 : 80),
        path: parsed.pathname + parsed.search,
        method: 'POST'
      }
      targets.set(url, target)
    }
    return target
  }

  function post(hook: HookPost): Promise<HookResult> {
    return new Promise(resolve => {
      let target: ReturnType<typeof targetOf>
      try {
        target = targetOf(hook.url)
      } catch {
        resolve({ status: 0, body: '', error: 'Invalid URL' })
        return
      }
      if (refusesPrivate && isPrivate(String(target.hostname))) {
        resolve({ status: 0, body: '', error: `Hostname "${target.hostname}" has no public ip addresses` })
        return
      }
      const headers: Record<string, string | number> = {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'User-Agent': 'Ruby',
        [OFFSET_HEADER]: String(offsetMs()),
        'Content-Length': Buffer.byteLength(hook.raw)
      }
      if (hook.secret) {
        headers['X-Chatwoot-Delivery'] = hook.deliveryId ?? randomUUID()
        headers['X-Chatwoot-Timestamp'] = String(hook.timestamp)
        headers['X-Chatwoot-Signature'] = signHook(hook.secret, hook.timestamp, hook.raw)
      }
      let settled = false
      function finish(result: HookResult) {
        if (settled) return
        settled = true
        clearTimeout(timer)
        resolve(result)
      }
      const request = (target.protocol === 'https:' ? https : http).request({ ...target, headers }, response => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          if (body.length < KEPT_ANSWER_CHARS) body += chunk
        })
        response.on('error', error => finish({ status: 0, body: '', error: describeFailure(error, hook.url) }))
        response.on('end', () => {
          const status = response.statusCode ?? 0
          if (status >= 200 && status < 300) finish({ status, body })
          else finish({ status, body, error: `${status} ${http.STATUS_CODES[status] ?? ''}`.trim() })
        })
      })
      const timer = setTimeout(() => {
        finish({ status: 0, body: '', error: 'Net::ReadTimeout with #<TCPSocket:(closed)>' })
        request.destroy()
      }, timeoutMs)
      request.on('error', error => finish({ status: 0, body: '', error: describeFailure(error, hook.url) }))
      request.end(hook.raw)
    })
  }

  return {
    post,
    refusePrivate(on) {
      refusesPrivate = on
    },
    setTimeoutMs(ms) {
      timeoutMs = ms
    },
    close() {
      agents['http:'].destroy()
      agents['https:'].destroy()
    }
  }
}

/** Enough for a stand-in, which only ever posts to this machine and its networks. */
export function isPrivate(host: string): boolean {
  return /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|::1$|f[cd])/i.test(host)
}

/** The words of Ruby's Net::HTTP for what went wrong. */
function describeFailure(error: Error & { code?: string }, url: string): string {
  if (error.code === 'ECONNREFUSED') {
    const { hostname, port } = new URL(url)
    return `Failed to open TCP connection to ${hostname}:${port} (Connection refused - connect(2) for "${hostname}" port ${port})`
  }
  if (error.code === 'ECONNRESET') return 'end of file reached'
  return error.message
}
