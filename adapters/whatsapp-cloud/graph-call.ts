/**
 * One JSON call to Graph: address, token (WA-TOKEN), `appsecret_proof` (WA-PROOF), time-out, and failures as
 * PuenteErrors. Repeats nothing.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { NumberAccess } from '../../plugin/core/ports/channel.ts'
import { TIMES, type Times } from '../../plugin/core/rules.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/types.ts'
import { fromHttpFailure, toChannelError } from './errors.ts'
import { asObject } from './safe-read.ts'
import { proveAppSecret } from './signature.ts'
import type { AnswerWire } from './wire.ts'

/** What a call to Graph needs of a number's access; calls about an account have no number. */
export type GraphAccess = Pick<NumberAccess, 'token' | 'appSecret' | 'graphUrl' | 'graphVersion'>

export interface GraphCall {
  method: 'GET' | 'POST' | 'DELETE'
  /** Segments behind the version, escaped here. */
  path: readonly string[]
  query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is, with its own content type. */
  body?: { type: string; content: NonNullable<HttpRequest['body']> }
  timeoutMs?: number
  beforeBytes?: (() => void) | undefined
  /** Repeating it does no harm, so no failure is `may_have_happened`. */
  harmless: boolean
}

export interface Graph {
  /** The parsed answer of a 2xx; anything else throws. A 2xx without a JSON object throws as `wa_no_answer`. */
  call(access: GraphAccess, call: GraphCall): Promise<AnswerWire>
}

/** `appSecretProof: false` keeps the proof out even where the access has an app secret. */
export function createGraph(deps: {
  http: HttpClient
  appSecretProof?: boolean
  times?: Pick<Times, 'graphCallMs'>
}): Graph {
  const { graphCallMs } = deps.times ?? TIMES
  const proofs = new Map<string, string>()

  function proofOf(access: GraphAccess): string | undefined {
    if (deps.appSecretProof === false || !access.appSecret) return undefined
    const key = `${access.token}\n${access.appSecret}`
    const known = proofs.get(key)
    if (known !== undefined) return known
    // A handful of numbers; a rotation must not let the map grow for ever.
    if (proofs.size >= 256) proofs.clear()
    const proof = proveAppSecret(access.token, access.appSecret)
    proofs.set(key, proof)
    return proof
  }

  return {
    async call(access, call) {
      const { harmless } = call
      let answer: HttpAnswer
      try {
        answer = await deps.http.request(toRequest(access, call, proofOf(access), graphCallMs))
      } catch (error) {
        throw fromHttpFailure(error, { harmless })
      }
      if (answer.status < 200 || answer.status > 299) {
        throw toChannelError(answer.status, answer.body, answer.headers, { harmless })
      }
      const body = parseAnswer(answer.body)
      if (body !== undefined) return body
      throw new PuenteError(harmless ? 'wa_unreachable' : 'wa_no_answer', {
        facts: { reason: 'answer_unreadable', httpStatus: answer.status }
      })
    }
  }
}

function toRequest(access: GraphAccess, call: GraphCall, proof: string | undefined, graphCallMs: number): HttpRequest {
  const headers: Record<string, string> = { authorization: `Bearer ${access.token}`, accept: 'application/json' }
  const request: HttpRequest = {
    method: call.method,
    url: graphAddress(access, call, proof),
    headers,
    timeoutMs: call.timeoutMs ?? graphCallMs
  }
  if (call.beforeBytes !== undefined) request.beforeBytes = call.beforeBytes
  if (call.json !== undefined) {
    const body = Buffer.from(JSON.stringify(call.json))
    headers['content-type'] = 'application/json'
    headers['content-length'] = String(body.length)
    request.body = body
  } else if (call.body !== undefined) {
    headers['content-type'] = call.body.type
    request.body = call.body.content
  } else if (call.method === 'POST') headers['content-length'] = '0'
  return request
}

function graphAddress(access: GraphAccess, call: GraphCall, proof: string | undefined): string {
  const path = [access.graphVersion, ...call.path].map(encodeURIComponent).join('/')
  const query = new URLSearchParams(call.query)
  if (proof !== undefined) query.set('appsecret_proof', proof)
  const tail = query.toString()
  return `${access.graphUrl.replace(/\/+$/, '')}/${path}${tail === '' ? '' : `?${tail}`}`
}

function parseAnswer(body: Buffer): AnswerWire | undefined {
  try {
    return asObject(JSON.parse(body.toString('utf8')))
  } catch {
    return undefined
  }
}
