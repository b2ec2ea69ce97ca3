/**
 * One call of Chatwoot's API: token, time-out, JSON or form, and errors as PuenteErrors. Knows no endpoint.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess, DeskCallOptions } from '../../plugin/core/ports/help-desk.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/types.ts'
import { type CallNature, errorOfAnswer, errorOfFailure, parseJson, unreadableAnswer } from './desk-error.ts'
import type { FormBody } from './multipart.ts'
import { idOf, isRecord, type JsonRecord } from './safe-read.ts'

export interface DeskCall extends CallNature {
  method: HttpRequest['method']
  /** Below `/api/v1/accounts/{id}`, or from the root when it starts with `/api` or `/auth`. */
  path: string
  json?: unknown
  form?: FormBody
  options?: DeskCallOptions
  maxAnswerBytes?: number
}

export interface DeskCaller {
  /** The parsed answer; 2xx with anything but JSON is an error. */
  json(access: DeskAccess, call: DeskCall): Promise<unknown>
  /** For answers whose content does not matter (or may be empty). */
  plain(access: DeskAccess, call: DeskCall): Promise<void>
  /** The answer as it is, whatever its status. */
  raw(access: DeskAccess, call: DeskCall): Promise<HttpAnswer>
}

/** Slow lines still upload at 100 bytes per millisecond; more patience would outlast the lane's lease for nothing. */
const BYTES_PER_MS = 100
const MAX_UPLOAD_MS = 5 * 60_000

/** The token travels as `api-access-token`: proxies drop headers with underscores, Chatwoot takes both (CW-HEADER). */
export function createCaller(http: HttpClient, timeoutMs: number): DeskCaller {
  async function raw(access: DeskAccess, call: DeskCall): Promise<HttpAnswer> {
    const { form, json } = call
    const headers: Record<string, string> = { accept: 'application/json' }
    if (access.session !== undefined) {
      headers['access-token'] = access.session.accessToken
      headers['token-type'] = 'Bearer'
      headers['client'] = access.session.client
      headers['uid'] = access.session.uid
    } else if (access.token !== '') headers['api-access-token'] = access.token
    const request: HttpRequest = {
      method: call.method,
      url: addressOf(access, call.path),
      headers,
      timeoutMs: form ? Math.min(MAX_UPLOAD_MS, timeoutMs + Math.ceil(form.sizeBytes / BYTES_PER_MS)) : timeoutMs
    }
    if (form) {
      headers['content-type'] = form.contentType
      request.body = form
    } else if (json !== undefined) {
      headers['content-type'] = 'application/json'
      request.body = JSON.stringify(json)
    }
    if (call.options?.beforeBytes) request.beforeBytes = call.options.beforeBytes
    if (call.maxAnswerBytes) request.maxAnswerBytes = call.maxAnswerBytes
    try {
      return await http.request(request)
    } catch (failure) {
      throw errorOfFailure(failure, call)
    }
  }

  async function accepted(access: DeskAccess, call: DeskCall): Promise<HttpAnswer> {
    const answer = await raw(access, call)
    if (access.session !== undefined && (answer.status === 401 || answer.status === 403)) {
      // Refused to one agent: nothing is wrong with the desk or with our own token.
      throw new PuenteError('desk_forbidden', {
        scope: 'message',
        facts: { status: answer.status, what: call.subject }
      })
    }
    if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer, call)
    return answer
  }

  return {
    raw,
    async plain(access, call) {
      await accepted(access, call)
    },
    async json(access, call) {
      const answer = await accepted(access, call)
      const body = parseJson(answer.body)
      if (typeof body !== 'object' || body === null) throw unreadableAnswer(answer, call)
      return body
    }
  }
}

function addressOf(access: DeskAccess, path: string): string {
  const base = access.url.replace(/\/+$/, '')
  return /^\/(api|auth)(\/|$)/.test(path) ? base + path : `${base}/api/v1/accounts/${access.accountId}${path}`
}

/** The id in a record that must have one. */
export function requireId(record: JsonRecord, call: CallNature): number {
  const id = idOf(record.id)
  if (id === null) throw malformed(call)
  return id
}

export function requireRecord(value: unknown, call: CallNature): JsonRecord {
  if (!isRecord(value)) throw malformed(call)
  return value
}

export function requireList(value: unknown, call: CallNature): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(call)
  return value
}

function malformed(call: CallNature) {
  return unreadableAnswer({ status: 200, headers: {}, body: Buffer.alloc(0) }, call)
}
