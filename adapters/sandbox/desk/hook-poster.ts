/**
 * Posts one webhook the way the desk's background job does: signed raw bytes, 5 s, one attempt, never again
 * (contract §5.1, §13). Knows nothing of events; redirects are not followed.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { Agent, type Dispatcher } from 'undici'
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
const TOO_LATE = 'Net::ReadTimeout with #<TCPSocket:(closed)>'

export function signHook(secret: string, timestamp: number, raw: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${raw}`).digest('hex')}`
}

export function createHookPoster(offsetMs: () => number): HookPoster {
  const agent = new Agent({ connections: 256, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  let refusesPrivate = false
  let timeoutMs = TIMEOUT_MS

  async function post(hook: HookPost): Promise<HookResult> {
    const { url, raw, secret } = hook
    const refused = refusesPrivate ? privateHostOf(url) : null
    if (refused !== null) return { status: 0, body: '', error: `Hostname "${refused}" has no public ip addresses` }
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      Accept: 'application/json',
      'User-Agent': 'Ruby',
      [OFFSET_HEADER]: String(offsetMs())
    }
    if (secret) {
      headers['X-Chatwoot-Delivery'] = hook.deliveryId ?? randomUUID()
      headers['X-Chatwoot-Timestamp'] = String(hook.timestamp)
      headers['X-Chatwoot-Signature'] = signHook(secret, hook.timestamp, raw)
    }
    try {
      const { status, body } = await send(url, headers, raw)
      if (status >= 200 && status < 300) return { status, body }
      return { status, body, error: `${status} ${STATUS_CODES[status] ?? ''}`.trim() }
    } catch (failure) {
      return { status: 0, body: '', error: describeFailure(failure as NodeJS.ErrnoException, url) }
    }
  }

  function send(url: string, headers: Record<string, string>, raw: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const { origin, pathname, search } = new URL(url)
      let controller: Dispatcher.DispatchController | undefined
      let late = false
      let status = 0
      const chunks: Buffer[] = []
      const timer = setTimeout(() => {
        late = true
        reject(new Error(TOO_LATE))
        controller?.abort(new Error(TOO_LATE))
      }, timeoutMs)
      agent.dispatch(
        { origin, path: pathname + search, method: 'POST', headers, body: raw },
        {
          onRequestStart(started) {
            // What waited too long for its connection is not sent afterwards.
            if (late) throw new Error(TOO_LATE)
            controller = started
          },
          onResponseStart(_controller, code) {
            status = code
          },
          onResponseData(_controller, chunk) {
            chunks.push(chunk)
          },
          onResponseEnd() {
            clearTimeout(timer)
            resolve({ status, body: Buffer.concat(chunks).toString('utf8').slice(0, KEPT_ANSWER_CHARS) })
          },
          onResponseError(_controller, error) {
            clearTimeout(timer)
            reject(error)
          }
        }
      )
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
    close: () => void agent.destroy()
  }
}

function privateHostOf(url: string): string | null {
  if (!URL.canParse(url)) return null
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return isPrivate(host) ? host : null
}

/** Enough for a stand-in, which only ever posts to this machine and its networks. */
export function isPrivate(host: string): boolean {
  return /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|::1$|f[cd])/i.test(host)
}

/** The words of Ruby's Net::HTTP for what went wrong. */
function describeFailure({ code, message }: NodeJS.ErrnoException, url: string): string {
  if (code === 'ECONNREFUSED') {
    const { hostname, port } = new URL(url)
    return `Failed to open TCP connection to ${hostname}:${port} (Connection refused - connect(2) for "${hostname}" port ${port})`
  }
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'end of file reached'
  return message
}
