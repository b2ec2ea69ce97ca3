/** What a handler is given and what it answers with; refusals in the desk's own words (contract `errors.json`). */
import type { Blob, User } from './records.ts'

export interface Ask {
  method: string
  path: string
  /** Path segments after `/api/v1/accounts/:id` (or after the prefix of another area). */
  at: string[]
  query: URLSearchParams
  /** Parsed JSON or form fields. */
  body: Record<string, unknown>
  /** Files of a multipart form, already stored. */
  files: { field: string; blob: Blob }[]
  user: User
  /** Monotonic time of its arrival: what was made after it raced with it. */
  startedAtMs: number
  /** Filled by handlers, for the ledger. */
  ids: Record<string, string | number | null>
}

export interface Answer {
  status: number
  json?: unknown
  text?: string
  headers?: Record<string, string>
  /** The answer takes a while, and the web server goes on with others meanwhile. */
  later?: Promise<Answer>
}

export const ok = (json: unknown): Answer => ({ status: 200, json })
export const empty = (status = 200): Answer => ({ status, text: '' })

/** Leaves a handler with an answer other than success. */
export class Refusal extends Error {
  readonly answer: Answer
  constructor(status: number, json: unknown) {
    super(`refused with ${status}`)
    this.answer = { status, json }
  }
}

export const notFound = () => new Refusal(404, { error: 'Resource could not be found' })
export const notAllowed = () => new Refusal(401, { error: 'You are not authorized to do this action' })
export const broken = () => new Refusal(500, { status: 500, error: 'Internal Server Error' })

/** ActiveRecord::RecordInvalid: 422 `{message, attributes}` unless the handler words it differently. */
export class RecordInvalid extends Error {
  readonly attributes: string[]
  constructor(message: string, attributes: string[]) {
    super(message)
    this.attributes = attributes
  }
}

export function asHash(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

export function asText(value: unknown): string | null {
  if (value === undefined || value === null) return null
  return typeof value === 'string' ? value : String(value)
}

/** A blank string counts as nothing, as Rails' `presence`. */
export function asPresent(value: unknown): string | null {
  const text = asText(value)
  return text === null || text.trim() === '' ? null : text
}

export function asFlag(value: unknown): boolean {
  return value === true || value === 'true' || value === 1 || value === '1'
}

export function asId(value: unknown): number {
  const id =
    typeof value === 'number' ? value : typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(id)) throw notFound()
  return id
}
