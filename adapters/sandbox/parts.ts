/**
 * What the two stand-ins share: ledger, faults, clock, random numbers.
 * Everything here is plain data or a small interface, so that desk and graph can be built and tested apart.
 */

export type Side = 'graph' | 'desk'

/** One line of the append-only ledger: something that was asked of a stand-in, or that it delivered. */
export interface LedgerEntry {
  n: number
  /** Sandbox time (with the clock's offset), milliseconds since the epoch. */
  at: number
  side: Side
  /** `call` = asked of the stand-in, `effect` = what it did (a message stored, sent), `hook` = a webhook or hook it posted. */
  what: 'call' | 'effect' | 'hook'
  /** For example `POST /messages`, `message`, `status`, `message_created`. */
  name: string
  /** Ids by which an oracle matches: wamid, conversationId, messageId, sourceId, contactId, customer, callback … */
  ids: Record<string, string | number | null>
  /** HTTP status answered or received, when there was one. */
  status?: number
  /** Wall milliseconds that it took. */
  tookMs?: number
  /** The fault that was applied, if any. */
  fault?: string
  /** Request or payload body (JSON), kept for inspection; binary bodies are replaced by {bytes, sha256}. */
  body?: unknown
}

export interface Ledger {
  add(entry: Omit<LedgerEntry, 'n' | 'at'>): LedgerEntry
  list(filter?: { side?: Side; what?: string; name?: string; after?: number; limit?: number }): LedgerEntry[]
  clear(): void
  subscribe(listener: (entry: LedgerEntry) => void): () => void
}

export type FaultKind =
  | 'duplicate'
  | 'reorder'
  | 'delay'
  | 'drop'
  | 'status'
  | 'reset'
  | 'timeout_after_accept'
  | 'commit_after_timeout'
  | 'garbage'
  /** It acts; half of its answer comes at once, the rest `delayMs` later (default 30 s). */
  | 'slow_body'
  /** It acts; the connection ends in the middle of its answer. */
  | 'cut_body'

/**
 * A fault to apply next. `on` says where: `call:graph`, `call:desk` (requests that Puente makes),
 * `hook:graph` (webhooks to Puente), `hook:desk` (hooks to Puente).
 */
export interface Fault {
  id?: string
  on: 'call:graph' | 'call:desk' | 'hook:graph' | 'hook:desk'
  kind: FaultKind
  /** Substring of `METHOD /path` or of the hook's event name; absent = any. */
  match?: string
  /** Chance per occasion, 0…1 (default 1). */
  probability?: number
  /** How often at most (default unlimited). */
  count?: number
  /** For `status`: the HTTP status, optional JSON body and headers; for `delay` and time-outs: milliseconds. */
  status?: number
  body?: unknown
  headers?: Record<string, string>
  delayMs?: number
}

export interface Faults {
  set(faults: Fault[]): void
  list(): Fault[]
  /** Whether any is set for this place. */
  has(on: Fault['on']): boolean
  /** The fault to apply on this occasion, its count lowered; undefined = none. */
  take(on: Fault['on'], subject: string): Fault | undefined
}

export interface SandboxClock {
  /** Now with the offset, in milliseconds. */
  now(): number
  offsetMs(): number
  jump(ms: number): void
}

/** Deterministic random numbers under a seed. */
export interface Random {
  /** 0 ≤ x < 1 */
  next(): number
  /** Log-normal around `median` with the given sigma. */
  logNormal(median: number, sigma: number): number
  hex(bytes: number): string
  uuid(): string
}

export interface SandboxParts {
  ledger: Ledger
  faults: Faults
  clock: SandboxClock
  random: Random
}
