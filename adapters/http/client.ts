/**
 * The HTTP client of the adapters, on node:http with kept-alive connections. It says honestly whether bytes left: a
 * request is written only once its connection stands, so `before_bytes` is a fact and not a guess. It follows no
 * redirects, repeats nothing that may have arrived, and knows no API.
 */
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { type AgentPair, createAgents, whenReady } from './agents.ts'
import { collectAnswer, type Exchange, streamAnswer } from './answer.ts'
import { isConnectFailure, reasonOf } from './failure-reason.ts'
import { isPublicAddress } from './public-address.ts'
import type { HttpAnswer, HttpClient, HttpRequest, HttpStreamAnswer } from './types.ts'
import { HttpFailure } from './types.ts'

/** Below what the servers in question wait (Puma 20 s, nginx 75 s), so that we are the ones who close idle sockets. */
export const IDLE_MS = 15_000

export interface HttpClientOptions {
  /** Connections per origin; further requests wait, within their time-out. */
  maxSockets?: number
  /** Idle connections kept per origin. */
  maxFreeSockets?: number
  /** An unused connection is closed after this long. */
  idleMs?: number
}

type OnAnswer = (answer: http.IncomingMessage, exchange: Exchange) => void

/** Creates a client; call `close()` when it is no longer needed. Failures are `HttpFailure`s. */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const { maxSockets = 256, maxFreeSockets = maxSockets, idleMs = IDLE_MS } = options
  const pool = { maxSockets, maxFreeSockets, idleMs }
  const open = createAgents({ ...pool, keepAlive: true, onlyPublic: false })
  const guarded = createAgents({ ...pool, keepAlive: true, onlyPublic: true })
  const fresh = createAgents({ ...pool, keepAlive: false, onlyPublic: false })
  const freshGuarded = createAgents({ ...pool, keepAlive: false, onlyPublic: true })
  const running = new Set<Exchange>()
  let closed = false

  function chooseAgents(request: HttpRequest, again: boolean): AgentPair {
    if (request.onlyPublicAddresses) return again ? freshGuarded : guarded
    return again ? fresh : open
  }

  function run(request: HttpRequest, reject: (failure: HttpFailure) => void, onAnswer: OnAnswer): void {
    let req: http.ClientRequest | undefined
    let source: Readable | undefined
    let wrote = false
    let settled = false
    let answered = false

    const exchange: Exchange = {
      onFailure: reject,
      finish() {
        if (!settle()) return
        source?.destroy()
        // An answer that came before the upload was through leaves a connection that nobody can use again.
        if (req && !req.writableFinished) req.destroy()
      },
      fail(reason, cause) {
        if (!settle()) return
        req?.destroy()
        source?.destroy()
        exchange.onFailure(
          new HttpFailure(wrote && !isConnectFailure(cause) ? 'after_bytes' : 'before_bytes', reason, cause)
        )
      }
    }

    function settle(): boolean {
      if (settled) return false
      settled = true
      clearTimeout(timer)
      running.delete(exchange)
      return true
    }

    function start(url: URL, again: boolean): void {
      const secure = url.protocol === 'https:'
      const agents = chooseAgents(request, again)
      const mine = (secure ? https : http).request({
        protocol: url.protocol,
        hostname: bareHost(url),
        port: url.port,
        path: url.pathname + url.search,
        method: request.method,
        headers: headersOf(request),
        agent: secure ? agents.https : agents.http
      })
      req = mine
      const current = () => req === mine && !settled
      const stale = (cause?: unknown) => {
        req = undefined
        mine.destroy()
        if (again) exchange.fail('reset', cause)
        else start(url, true)
      }
      mine.on('socket', (socket: Socket) => {
        if (!current()) return
        whenReady(socket, () => {
          if (!current()) return
          if (socket.destroyed || !socket.writable) stale()
          else write(mine)
        })
      })
      mine.on('response', answer => {
        if (!current()) return answer.resume()
        answered = true
        source?.destroy()
        onAnswer(answer, exchange)
      })
      mine.on('error', (cause: NodeJS.ErrnoException) => {
        if (!current()) return
        // Nothing was written to a kept connection that the other side had closed: a new one is safe.
        if (mine.reusedSocket && !wrote) return stale(cause)
        exchange.fail(reasonOf(cause), cause)
      })
      mine.on('close', () => {
        if (current() && !answered) exchange.fail('reset')
      })
    }

    function mayLeave(): boolean {
      try {
        request.beforeBytes?.()
        return true
      } catch (cause) {
        exchange.fail('prevented', cause)
        return false
      }
    }

    function write(to: http.ClientRequest): void {
      const { body } = request
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
        if (!mayLeave()) return
        wrote = true
        to.end(body)
        return
      }
      upload(to, body)
    }

    function upload(to: http.ClientRequest, body: { open: () => Readable; sizeBytes: number }): void {
      let sent = 0
      try {
        source = body.open()
      } catch (cause) {
        exchange.fail('other', cause)
        return
      }
      const from = source
      from.on('error', cause => {
        // Once the answer is coming, its reader decides; a source that we stopped ourselves is no failure.
        if (!answered) exchange.fail('other', cause)
      })
      from.on('data', (chunk: Buffer) => {
        if (settled || answered) return
        if (!wrote && !mayLeave()) return
        wrote = true
        sent += chunk.length
        if (sent > body.sizeBytes) return exchange.fail('other', new Error('the body is longer than announced'))
        if (!to.write(chunk)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      })
      from.on('end', () => {
        if (settled || answered) return
        if (sent !== body.sizeBytes) return exchange.fail('other', new Error('the body is shorter than announced'))
        if (!wrote && !mayLeave()) return
        wrote = true
        to.end()
      })
    }

    const timer = setTimeout(() => exchange.fail('timeout'), request.timeoutMs)
    running.add(exchange)
    try {
      const url = new URL(request.url)
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error('only http and https are known')
      if (closed) exchange.fail('other', new Error('the client is closed'))
      else if (isForbidden(request, url)) exchange.fail('prevented', new Error('the address is not public'))
      else start(url, false)
    } catch (cause) {
      exchange.fail('other', cause)
    }
  }

  return {
    request(request) {
      return new Promise<HttpAnswer>((resolve, reject) => {
        run(request, reject, (answer, exchange) => collectAnswer(request, answer, exchange, resolve))
      })
    },
    open(request) {
      return new Promise<HttpStreamAnswer>((resolve, reject) => {
        run(request, reject, (answer, exchange) => resolve(streamAnswer(answer, exchange)))
      })
    },
    close() {
      closed = true
      for (const exchange of [...running]) exchange.fail('reset', new Error('the client was closed'))
      for (const pair of [open, guarded, fresh, freshGuarded]) {
        pair.http.destroy()
        pair.https.destroy()
      }
    }
  }
}

function headersOf({ headers = {}, body }: HttpRequest): Record<string, string> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return headers
  return { ...headers, 'content-length': String(body.sizeBytes) }
}

/** Names are checked when they are resolved; addresses are not looked up, so here. */
function isForbidden(request: HttpRequest, url: URL): boolean {
  const host = bareHost(url)
  return request.onlyPublicAddresses === true && isIP(host) !== 0 && !isPublicAddress(host)
}

function bareHost(url: URL): string {
  const { hostname } = url
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}
