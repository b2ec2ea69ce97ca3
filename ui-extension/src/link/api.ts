// Puente's REST API as one function. The bearer token lives in memory here; a cookie alone can do nothing. Failures
// come as `Failing` with the server's own sentence; leaves out which page shows what.
import type { Problem } from '../../../plugin/http/contract/common.ts'
import type { RouteAnswer, RouteCall } from '../../../plugin/http/contract/routes.ts'
import { packDeskSession, readDeskSession } from './desk-session.ts'
import { type KnownRoute, routes } from './routes.ts'

/** Why an answer is not there: `offline` = nobody answered, `expired` = sign in again, else the server's problem. */
export interface Failing extends Error {
  kind: 'offline' | 'expired' | 'refused'
  status: number
  problem: Problem | null
}

const timeoutMs = 20_000
const uploadTimeoutMs = 300_000
const base = new URL('../api/v1/', window.location.href)

let token = ''
let byDesk = false

/** `byDesk`: requests carry the desk's session along, so that the desk itself says what the agent may see. */
export function setToken(given: string, withDesk: boolean): void {
  token = given
  byDesk = withDesk
}

export function fail(kind: Failing['kind'], status: number, problem: Problem | null, message: string): Failing {
  return Object.assign(new Error(message), { kind, status, problem })
}

export function isFailing(error: unknown): error is Failing {
  return error instanceof Error && 'kind' in error && 'problem' in error
}

export interface Ask {
  query?: Record<string, string | number | undefined>
  body?: unknown
  /** A file's bytes instead of JSON. */
  file?: Blob
  idempotencyKey?: string
  signal?: AbortSignal
  /** An answer that goes on for as long as the page is open. */
  stream?: boolean
  /** Says who we are by itself: goes without the bearer, and a refusal ends no session. */
  anonymous?: boolean
}

export function makeHeaders(ask: Ask = {}): Record<string, string> {
  const headers: Record<string, string> = {
    accept: ask.stream ? 'text/event-stream' : 'application/json',
    // Sentences of the server in the language of the page.
    'accept-language': document.documentElement.lang || navigator.language
  }
  if (token && !ask.anonymous) headers['authorization'] = `Bearer ${token}`
  const session = byDesk && !ask.anonymous ? readDeskSession(document.cookie) : null
  if (session) headers['x-desk-session'] = packDeskSession(session)
  if (ask.body !== undefined) headers['content-type'] = 'application/json'
  if (ask.file !== undefined) headers['content-type'] = ask.file.type || 'application/octet-stream'
  if (ask.idempotencyKey !== undefined) headers['idempotency-key'] = ask.idempotencyKey
  return headers
}

export function makeUrl(path: string, query: Ask['query'] = {}): URL {
  const url = new URL(path, base)
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value))
  return url
}

async function readProblem(answer: Response): Promise<Problem | null> {
  try {
    const read = (await answer.json()) as Problem
    return typeof read.code === 'string' ? read : null
  } catch {
    return null
  }
}

/** A key for one intention: repeated clicks and retries of the same intention use the same key. */
export const makeKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')

let onExpired: () => void = () => {}
export function whenExpired(work: () => void): void {
  onExpired = work
}

let signInAgain: () => Promise<boolean> = async () => false
/** Signs the same person in anew without their doing anything; false where that is not possible. */
export function whenRefused(work: () => Promise<boolean>): void {
  signInAgain = work
}

let renewing: Promise<boolean> | undefined
/** However many requests were refused at once: the session is renewed once. */
function renew(): Promise<boolean> {
  renewing ??= signInAgain().finally(() => {
    renewing = undefined
  })
  return renewing
}

/** Rejects with `Failing`. A session that has ended is renewed silently where that is possible, and the request repeated. */
export async function request(method: string, path: string, ask: Ask = {}): Promise<Response> {
  const asked = token
  const answer = await send(method, path, ask)
  if (answer.ok) return answer
  if (answer.status !== 401 || !asked || ask.anonymous) throw await toFailing(answer)
  if (token === asked && !(await renew())) {
    onExpired()
    const problem = await readProblem(answer)
    throw fail('expired', 401, problem, problem?.title ?? 'expired')
  }
  const second = await send(method, path, ask)
  if (second.ok) return second
  const failing = await toFailing(second)
  if (second.status !== 401) throw failing
  onExpired()
  throw fail('expired', 401, failing.problem, failing.message)
}

async function send(method: string, path: string, ask: Ask): Promise<Response> {
  const limit = new AbortController()
  const timer = window.setTimeout(() => limit.abort(), ask.file ? uploadTimeoutMs : timeoutMs)
  try {
    return await fetch(makeUrl(path, ask.query), {
      method,
      headers: makeHeaders(ask),
      body: ask.file ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body)),
      credentials: 'omit',
      cache: 'no-store',
      signal: ask.signal ? AbortSignal.any([ask.signal, limit.signal]) : limit.signal
    })
  } catch (error) {
    if (ask.signal?.aborted) throw error
    throw fail('offline', 0, null, 'no answer')
  } finally {
    // Bodies are small; a stream watches over its own silence.
    window.clearTimeout(timer)
  }
}

async function toFailing(answer: Response): Promise<Failing> {
  const problem = await readProblem(answer)
  // A proxy in front of a stopped Puente answers without a problem of ours.
  const silent = problem === null && answer.status >= 502
  return fail(silent ? 'offline' : 'refused', answer.status, problem, problem?.title ?? `HTTP ${answer.status}`)
}

type Loose = Record<string, string | number | undefined>

/** What a call takes: only the parts that its route has. */
export type CallInput<N extends KnownRoute> = {
  [K in keyof RouteCall<N> as RouteCall<N>[K] extends undefined ? never : K]: RouteCall<N>[K]
}

export type Calling = Pick<Ask, 'signal' | 'idempotencyKey' | 'file' | 'anonymous'>

/** One call of the contract. Rejects with `Failing`. */
export async function call<N extends KnownRoute>(
  name: N,
  input: CallInput<N>,
  more: Calling = {}
): Promise<RouteAnswer<N>> {
  const [method = '', path = ''] = routes[name].split(' ')
  const given = input as { params?: Loose; query?: Loose; body?: unknown }
  const filled = path.slice(1).replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(given.params?.[key])))
  const idempotencyKey = method === 'GET' ? undefined : (more.idempotencyKey ?? makeKey())
  const answer = await request(method, filled, { ...more, idempotencyKey, query: given.query, body: given.body })
  return (await answer.json()) as RouteAnswer<N>
}

/** A sentence for people: the server's own, or what `fallback` says where nobody answered. */
export const explain = (error: unknown, fallback: string): string =>
  isFailing(error) && error.problem ? error.problem.title : fallback
