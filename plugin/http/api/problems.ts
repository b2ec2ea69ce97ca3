/** Failures of `/api/v1` as problem+json: a sentence in the caller's language, a stable code, never a stack or a secret. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { type ErrorCode, PuenteError } from '../../core/errors.ts'
import { GateClosed } from '../../core/lanes/hold.ts'
import { explainError } from '../../core/texts/describe.ts'
import type { Locale } from '../../core/texts/text.ts'
import type { Problem } from '../contract/common.ts'

/** What is wrong in single fields or slots. */
export class RequestRefused extends Error {
  readonly problems: NonNullable<Problem['problems']>
  readonly code: ErrorCode

  constructor(problems: NonNullable<Problem['problems']>, code: ErrorCode = 'request_invalid') {
    super(code)
    this.problems = problems
    this.code = code
  }
}

/** A conversation with this customer is open already. */
export class ConversationOpen extends Error {
  readonly conversationId: number
  readonly link: string

  constructor(conversationId: number, link: string) {
    super('conversation_open')
    this.conversationId = conversationId
    this.link = link
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  session_invalid: 401,
  sign_in_refused: 401,
  link_spent: 401,
  key_invalid: 401,
  not_allowed: 403,
  not_found: 404,
  desk_not_found: 404,
  media_gone: 404,
  idempotency_clash: 409,
  conversation_open: 409,
  not_parked: 409,
  leaving_now: 409,
  not_failed: 409,
  media_too_large: 413,
  body_too_large: 413,
  quota_full: 413,
  request_invalid: 400,
  too_many_requests: 429,
  desk_throttled: 503,
  desk_unauthorized: 503,
  desk_forbidden: 403,
  not_stored: 503,
  database_unavailable: 503,
  internal: 500
}

function statusOf(error: PuenteError): number {
  const exact = STATUS[error.code]
  if (exact !== undefined) return exact
  if (error.code.startsWith('desk_')) return error.code === 'desk_invalid' ? 422 : 503
  return 422
}

export function sendApiProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
  locale: Locale
): FastifyReply {
  const { status, body } = problemOf(thrown, locale)
  if (body.retryAfterSeconds !== undefined) reply.header('retry-after', String(body.retryAfterSeconds))
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="puente"')
  if (status === 413) reply.header('connection', 'close')
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer((value: unknown) => JSON.stringify(value))
    .send({ ...body, requestId: String(request.id) })
}

function problemOf(thrown: unknown, locale: Locale): { status: number; body: Omit<Problem, 'requestId'> } {
  const make = (status: number, code: ErrorCode, more: Partial<Problem> = {}) => ({
    status,
    body: { type: 'about:blank', title: explainError(locale, code), status, code, ...more }
  })
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const problems = thrown.validation.map(issue => ({
      where: issue.instancePath.split('/').filter(Boolean).join('.'),
      code: issue.keyword,
      title: issue.message ?? ''
    }))
    return make(400, 'request_invalid', { problems })
  }
  if (thrown instanceof RequestRefused) {
    return make(thrown.code === 'request_invalid' ? 400 : 422, thrown.code, { problems: thrown.problems })
  }
  if (thrown instanceof ConversationOpen) {
    return make(409, 'conversation_open', { conversationId: thrown.conversationId, link: thrown.link })
  }
  if (thrown instanceof GateClosed) {
    return make(503, 'desk_unreachable', { retryAfterSeconds: Math.ceil(thrown.delayMs / 1000) })
  }
  if (thrown instanceof PuenteError) {
    const retryAfterSeconds =
      thrown.retryAfterSeconds ?? (statusOf(thrown) === 503 ? 2 : statusOf(thrown) === 429 ? 1 : undefined)
    return make(statusOf(thrown), thrown.code, retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
  }
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return make(413, 'body_too_large')
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return make(statusCode, 'request_invalid')
  return make(500, 'internal')
}
