/**
 * The small HTTP client that the desk and Graph adapters share: keep-alive, honest about whether bytes left.
 */
import type { Readable } from 'node:stream'

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  url: string
  headers?: Record<string, string>
  /** A stream is asked for only when its bytes may leave; its length must be known. */
  body?: string | Buffer | { open: () => Readable; sizeBytes: number }
  /** From the call until the whole answer is read. */
  timeoutMs: number
  /** Called right before the first byte is written, with no queue behind it; throwing aborts with phase `before_bytes`. */
  beforeBytes?: () => void
  /** Refuses (before any byte, reason `prevented`) hosts that are, or resolve to, addresses that are not public. */
  onlyPublicAddresses?: boolean
  /** Answers longer than this fail (default `DEFAULT_MAX_ANSWER_BYTES`; for `request` only). */
  maxAnswerBytes?: number
}

export const DEFAULT_MAX_ANSWER_BYTES = 8 * 1024 * 1024

export interface HttpAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

export interface HttpStreamAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  /** Fails on time-out or reset; must be consumed or destroyed. */
  stream: Readable
}

/** `before_bytes`: nothing of the request left. `after_bytes`: it may have arrived and been acted upon. */
export type HttpPhase = 'before_bytes' | 'after_bytes'

export class HttpFailure extends Error {
  readonly phase: HttpPhase
  readonly reason: 'refused' | 'unresolved' | 'reset' | 'timeout' | 'prevented' | 'too_large' | 'other'

  constructor(phase: HttpPhase, reason: HttpFailure['reason'], cause?: unknown) {
    super(`${reason} ${phase}`, { cause })
    this.name = 'HttpFailure'
    this.phase = phase
    this.reason = reason
  }
}

export interface HttpClient {
  request(request: HttpRequest): Promise<HttpAnswer>
  open(request: HttpRequest): Promise<HttpStreamAnswer>
  /** Destroys idle and active sockets. */
  close(): void
}
