/**
 * Turns what Graph answers, what the HTTP client fails with and what a failed status says into PuenteErrors.
 * Texts of Meta go into `facts.details` only, cut and freed from phone numbers, tokens and ids of people.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { MetaFailure } from '../../plugin/core/model.ts'
import { readRetryAfter } from '../http/retry-after.ts'
import { HttpFailure } from '../http/types.ts'
import { findMetaError, type MetaErrorRow, rowByHttpStatus } from './error-table.ts'
import { asList, asObject, readId, readNumber, readText } from './safe-read.ts'
import type { GraphErrorWire } from './wire.ts'

export type Headers = Readonly<Record<string, string | string[] | undefined>>

export interface AnswerContext {
  /** The call may be repeated without harm: nothing is `may_have_happened` then. */
  harmless?: boolean
  now?: Date
}

/** A refused or failed answer of Graph. `body` may be anything, also not parsed: bytes, text, or nothing. */
export function toChannelError(
  httpStatus: number,
  body: unknown,
  headers: Headers = {},
  context: AnswerContext = {}
): PuenteError {
  const error = readGraphError(body)
  const row: MetaErrorRow = isSecretRefused(error)
    ? { code: 'wa_app_secret' }
    : (findMetaError(error.code, error.subcode) ?? rowByHttpStatus(httpStatus, error.transient))
  const certainty = context.harmless === true ? 'did_not_happen' : row.certainty
  const retryAfterSeconds =
    readRetryAfter(headers, context.now ?? new Date()) ?? readUsage(first(headers['x-business-use-case-usage']))
  return new PuenteError(row.code, {
    ...(certainty === undefined ? {} : { certainty }),
    ...(row.remedy === undefined ? {} : { remedy: row.remedy }),
    ...(row.scope === undefined ? {} : { scope: row.scope }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    facts: {
      httpStatus,
      metaCode: error.code,
      metaSubcode: error.subcode,
      fbtraceId: error.traceId,
      title: error.title,
      details: error.details
    }
  })
}

/** The failure of a status or of a message: it is certain that it did not arrive. */
export function fromMetaFailure(failure: MetaFailure): PuenteError {
  const row = findMetaError(failure.code) ?? { code: 'wa_refused' as const }
  return new PuenteError(row.code, {
    certainty: 'did_not_happen',
    ...(row.remedy === undefined ? {} : { remedy: row.remedy }),
    ...(row.scope === undefined ? {} : { scope: row.scope }),
    facts: {
      metaCode: failure.code,
      title: redact(failure.title ?? failure.message),
      details: redact(failure.details)
    }
  })
}

/** A failure of the HTTP client. What `beforeBytes` threw comes back as it was. */
export function fromHttpFailure(error: unknown, context: AnswerContext = {}): PuenteError {
  if (error instanceof PuenteError) return error
  if (!(error instanceof HttpFailure)) return new PuenteError('internal', { cause: error })
  if (error.reason === 'prevented') {
    return error.cause instanceof PuenteError
      ? error.cause
      : new PuenteError('internal', { certainty: 'did_not_happen', cause: error.cause })
  }
  const facts = { reason: error.reason, phase: error.phase }
  const lost = error.phase === 'after_bytes' && context.harmless !== true
  return new PuenteError(lost ? 'wa_no_answer' : 'wa_unreachable', { cause: error, facts })
}

/**
 * `Invalid appsecret_proof provided in the API argument`, `API calls from the server require an appsecret_proof argument`:
 * Graph has no code of its own for them, only the text tells (WA-PROOF).
 */
function isSecretRefused({ code, title, details }: GraphErrorWire): boolean {
  return code === 100 && /appsecret_proof/.test(`${title} ${details}`)
}

/** WA-ERRORS */
function readGraphError(body: unknown): GraphErrorWire {
  const error = asObject(asObject(parse(body))?.error)
  const message = readText(error?.message)
  return {
    code: readNumber(error?.code),
    subcode: readNumber(error?.error_subcode),
    title: redact(readText(error?.error_user_title) ?? message),
    details: redact(
      readText(asObject(error?.error_data)?.details) ?? readText(error?.error_data) ?? readText(error?.error_user_msg)
    ),
    transient: error?.is_transient === true,
    traceId: readId(error?.fbtrace_id)
  }
}

function parse(body: unknown): unknown {
  if (!Buffer.isBuffer(body) && typeof body !== 'string') return body
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

const MAX_DETAILS = 300
const HIDDEN = '…'
/** wamids hold the phone number in base64. */
const PERSONAL = [
  /\bwa(?:m|c)id\.[\w+/=-]+/gi,
  /\b[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{8,}/g,
  /\bEAA[A-Za-z0-9]{8,}/g,
  /[\w.+-]+@[\w-]+\.[\w.-]+/g,
  /\+?\d(?:[\s().-]{0,2}\d){6,}/g
]

function redact(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  let shown = text.slice(0, 4 * MAX_DETAILS)
  for (const pattern of PERSONAL) shown = shown.replace(pattern, HIDDEN)
  return shown.length > MAX_DETAILS ? `${shown.slice(0, MAX_DETAILS)}${HIDDEN}` : shown
}

/** Seconds from `Retry-After` (a number or an HTTP date), else from Meta's own usage header. */
/** `{"<id>":[{"estimated_time_to_regain_access":minutes}]}` (contract §6; WA-USAGE). */
function readUsage(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  let minutes = 0
  for (const uses of Object.values(asObject(parse(header)) ?? {})) {
    for (const use of asList(uses))
      minutes = Math.max(minutes, readNumber(asObject(use)?.estimated_time_to_regain_access) ?? 0)
  }
  return minutes > 0 ? minutes * 60 : undefined
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
