/**
 * Turns what Chatwoot answered, or the lack of an answer, into PuenteErrors (contract/chatwoot §2, §4, §9, §13). Knows
 * the shapes of Chatwoot's errors; nothing here decides whether to try again.
 */
import { type Certainty, PuenteError } from '../../plugin/core/errors.ts'
import { readRetryAfter } from '../http/retry-after.ts'
import { type HttpAnswer, HttpFailure } from '../http/types.ts'
import { isRecord, listOf, recordOf, textOf } from './safe-read.ts'

/** What a call is about, for `facts.what` when it is gone. */
export type CallSubject = 'account' | 'contact' | 'conversation' | 'message' | 'inbox' | 'file'

export interface CallNature {
  subject: CallSubject
  /** True for calls that change nothing: then nothing can have happened. */
  reads?: boolean
  /** For calls that write a contact: the attributes that were sent in a form that Chatwoot accepts. */
  mayBeTaken?: readonly ContactAttribute[]
}

export type ContactAttribute = 'phone_number' | 'identifier' | 'email'

/** Refused for one record: the token itself is fine (CW-FORBIDDEN). */
const NOT_FOR_THIS_RECORD = 'You are not authorized to do this action'
/** Refused for all: the token is known, but its owner or the account may not. */
const NOT_FOR_THIS_USER = ['Access to this endpoint is not authorized for bots', 'Account is suspended']
/** CW-FLOOD */
const FLOOD_SECONDS = 60

/** The error that an answer other than 2xx means. */
export function errorOfAnswer(answer: HttpAnswer, call: CallNature, now: Date = new Date()): PuenteError {
  const { status } = answer
  const body = bodyOf(answer)
  const retryAfterSeconds = readRetryAfter(answer.headers, now)
  // A fault of Chatwoot's is worded by whatever broke, and may repeat what was sent: its words are not kept.
  const facts = { status, what: call.subject, ...(status >= 500 ? {} : { detail: body.detail }) }
  if (status >= 500) {
    const taken = takenAttribute(body, call)
    if (taken) return new PuenteError('desk_taken', { facts: { ...facts, attribute: taken } })
    return new PuenteError('desk_unavailable', { certainty: uncertain(call), facts, retryAfterSeconds })
  }
  switch (status) {
    case 401:
      if (body.text === NOT_FOR_THIS_RECORD) return new PuenteError('desk_forbidden', { scope: 'message', facts })
      return new PuenteError(NOT_FOR_THIS_USER.includes(body.text) ? 'desk_forbidden' : 'desk_unauthorized', { facts })
    case 403:
      return new PuenteError('desk_forbidden', { scope: call.subject === 'message' ? 'message' : 'desk', facts })
    case 404:
      // A page instead of Chatwoot's words is a proxy's: believing it would map customers anew for nothing (CW-404,
      // CW-GONE).
      if (body.foreign) return new PuenteError('desk_unavailable', { certainty: 'did_not_happen', facts })
      return new PuenteError('desk_not_found', { facts })
    case 408:
      return new PuenteError('desk_unavailable', { certainty: uncertain(call), facts })
    case 413:
      return new PuenteError('media_too_large', { stage: 'attempt', facts })
    case 422:
      return errorOf422(body, call, facts)
    case 429:
      return new PuenteError('desk_throttled', { facts, retryAfterSeconds })
  }
  // A redirect means that the address of the desk is not the one it answers under.
  if (status < 400) return new PuenteError('desk_unreachable', { remedy: 'fix_setup', facts })
  return new PuenteError('desk_invalid', { facts })
}

function errorOf422(body: ErrorBody, call: CallNature, facts: PuenteError['facts']): PuenteError {
  if (body.text.includes('Too many messages')) {
    return new PuenteError('desk_flood', { facts, retryAfterSeconds: FLOOD_SECONDS })
  }
  // CW-SOURCE-TAKEN
  if (body.text === 'source_id should be unique') {
    return new PuenteError('desk_taken', { facts: { ...facts, attribute: 'source_id' } })
  }
  const taken = takenAttribute(body, call)
  if (taken) return new PuenteError('desk_taken', { facts: { ...facts, attribute: taken } })
  return new PuenteError('desk_invalid', { facts })
}

/** The error that a failed exchange means. An error thrown by `beforeBytes` is handed back as it is. */
export function errorOfFailure(failure: unknown, call: CallNature): unknown {
  if (!(failure instanceof HttpFailure)) return failure
  const { phase, reason, cause } = failure
  const facts = { reason, what: call.subject }
  // Even when some bytes had left: a request whose body never ends is not acted upon.
  if (isFileProblem(cause)) return new PuenteError('media_unfetched', { cause, facts })
  if (phase === 'after_bytes') {
    return new PuenteError('desk_no_answer', { certainty: uncertain(call), cause: failure, facts })
  }
  if (reason === 'prevented' && cause !== undefined) return cause
  return new PuenteError('desk_unreachable', { cause: failure, facts })
}

/** An answer that says 2xx but does not hold what it must: cut by a proxy, or not Chatwoot at all. */
export function unreadableAnswer(answer: HttpAnswer, call: CallNature): PuenteError {
  const facts = { status: answer.status, reason: 'unreadable', what: call.subject }
  return new PuenteError('desk_no_answer', { certainty: uncertain(call), facts })
}

function uncertain(call: CallNature): Certainty {
  return call.reads ? 'did_not_happen' : 'may_have_happened'
}

interface ErrorBody {
  /** Chatwoot's own words; never shown or logged as they are. */
  text: string
  attributes: string[]
  detail?: string
  /** True when there is a body that is no JSON object. */
  foreign: boolean
}

function bodyOf(answer: HttpAnswer): ErrorBody {
  const body = parseJson(answer.body)
  if (!isRecord(body)) return { text: '', attributes: [], foreign: answer.body.length > 0 }
  const text = textOf(body.error) ?? textOf(body.message) ?? textOf(listOf(body.errors)[0]) ?? ''
  const attributes = listOf(body.attributes).flatMap(attribute => textOf(attribute) ?? [])
  return { text, attributes, foreign: false, ...(text === '' ? {} : { detail: withoutNumbers(text) }) }
}

/** Chatwoot's sentence with long numbers and addresses taken out, since it may quote what was sent. */
function withoutNumbers(text: string): string {
  return text
    .replace(/\S+@\S+/g, '…')
    .replace(/\+?\d[\d\s().-]{5,}\d/g, '…')
    .slice(0, 200)
}

/**
 * The attribute that another contact has. The sentence is in the account's language; but phone and identifier that were
 * sent in a valid form can be refused for nothing else. Some clashes come as 500 (§13).
 */
function takenAttribute(body: ErrorBody, call: CallNature): ContactAttribute | undefined {
  return call.mayBeTaken?.find(attribute => body.attributes.includes(attribute))
}

/** Seconds or an HTTP date. */
/** The file to be uploaded could not be read (a reset connection also names the call `read`). */
function isFileProblem(cause: unknown): boolean {
  const { code, syscall } = recordOf(cause)
  return syscall === 'open' || code === 'EISDIR' || code === 'EIO'
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
