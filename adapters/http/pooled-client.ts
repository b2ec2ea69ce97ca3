/**
 * The same client for a process of our own: what is small (body in memory, answer whole) goes over undici's pools, which
 * cost half of node:http's CPU a call (docs/decisions/0022). Streams, and hosts whose addresses must be looked at, go
 * by node:http as ever.
 */
import type { Dispatcher } from 'undici'
import { Agent } from 'undici'
import { createHttpClient, type HttpClientOptions, IDLE_MS } from './client.ts'
import { reasonOf } from './failure-reason.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from './types.ts'
import { DEFAULT_MAX_ANSWER_BYTES, HttpFailure } from './types.ts'

/** Creates a client; call `close()` when it is no longer needed. Failures are `HttpFailure`s. */
export function createPooledClient(options: HttpClientOptions = {}): HttpClient {
  const { maxSockets = 256, idleMs = IDLE_MS } = options
  const plain = createHttpClient(options)
  const agent = new Agent({
    connections: maxSockets,
    pipelining: 1,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    // Each call has a timer of its own, from the call until the whole answer is read.
    headersTimeout: 0,
    bodyTimeout: 0
  })
  const running = new Set<PooledCall>()
  let closed = false

  return {
    request(request) {
      const { body } = request
      const isSmall = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
      if (closed || !isSmall || request.onlyPublicAddresses === true) return plain.request(request)
      return new Promise<HttpAnswer>((resolve, reject) => {
        const call = new PooledCall(request, resolve, reject, running)
        try {
          const url = new URL(request.url)
          agent.dispatch(
            {
              origin: url.origin,
              path: url.pathname + url.search,
              method: request.method,
              headers: request.headers ?? {},
              body: body ?? null
            },
            call
          )
        } catch (cause) {
          call.fail('other', cause)
        }
      })
    },
    open: request => plain.open(request),
    close() {
      closed = true
      plain.close()
      for (const call of [...running]) call.fail('reset', new Error('the client was closed'))
      void agent.destroy()
    }
  }
}

/** One call on its way: what undici tells about it, settled once. */
class PooledCall implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest
  readonly #resolve: (answer: HttpAnswer) => void
  readonly #reject: (failure: HttpFailure) => void
  readonly #running: Set<PooledCall>
  readonly #timer: NodeJS.Timeout
  #controller: Dispatcher.DispatchController | undefined
  #settled = false
  #status = 0
  #headers: HttpAnswer['headers'] = {}
  #chunks: Buffer[] = []
  #size = 0

  constructor(
    request: HttpRequest,
    resolve: (answer: HttpAnswer) => void,
    reject: (failure: HttpFailure) => void,
    running: Set<PooledCall>
  ) {
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
    this.#running = running
    this.#timer = setTimeout(() => this.fail('timeout'), request.timeoutMs)
    running.add(this)
  }

  /** The connection stands; what is returned from here is followed by the bytes at once, what is thrown stops them. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled) throw new Error('nobody waits for it any more')
    // What was written may have arrived: it is never written again.
    if (this.#controller !== undefined) throw new Error('written before')
    try {
      this.#request.beforeBytes?.()
    } catch (cause) {
      this.fail('prevented', cause)
      throw cause
    }
    this.#controller = controller
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpAnswer['headers']): void {
    // 1xx only announces the answer.
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > (this.#request.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES)) this.fail('too_large')
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (!this.#settle()) return
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#resolve({ status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.fail(reasonOf(cause), cause)
  }

  fail(reason: HttpFailure['reason'], cause?: unknown): void {
    if (!this.#settle()) return
    this.#controller?.abort(new Error(reason))
    this.#reject(new HttpFailure(this.#controller === undefined ? 'before_bytes' : 'after_bytes', reason, cause))
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    clearTimeout(this.#timer)
    this.#running.delete(this)
    return true
  }
}
