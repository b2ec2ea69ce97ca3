/** Errors as `application/problem+json` with our code; never a stack, a token or a customer's words. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, PuenteError } from '../core/errors.ts'

const HTTP_STATUS: Partial<Record<ErrorCode, number>> = {
  signature_invalid: 401,
  body_too_large: 413,
  body_malformed: 400,
  not_stored: 503,
  database_unavailable: 503
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const fastifyCode = (thrown as { code?: unknown }).code
  const error =
    thrown instanceof PuenteError
      ? thrown
      : fastifyCode === 'FST_ERR_CTP_BODY_TOO_LARGE'
        ? new PuenteError('body_too_large')
        : null
  const statusCode = (thrown as { statusCode?: number }).statusCode
  const status = error === null ? (statusCode ?? 500) : (HTTP_STATUS[error.code] ?? 500)
  if (error !== null && status === 503) reply.header('retry-after', String(error.retryAfterSeconds ?? 2))
  // What was sent beyond the limit is not read: the connection cannot be used again.
  if (status === 413) reply.header('connection', 'close')
  return reply
    .code(status)
    .type('application/problem+json')
    .send({
      type: 'about:blank',
      title: error?.message ?? (status < 500 ? 'The request is not valid.' : 'Internal error'),
      status,
      code: error?.code ?? (status < 500 ? 'request_invalid' : 'internal'),
      requestId: request.id
    })
}
