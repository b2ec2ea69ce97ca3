/**
 * The one error class and the table of its codes. Codes are public API; texts for people come from the language
 * catalogues (`error.<code>`). HTTP answers and log lines carry the code, never a raw message of Meta alone.
 */

export type Stage = 'receive' | 'decide' | 'attempt' | 'record'
export type Certainty = 'did_not_happen' | 'may_have_happened' | 'happened'
export type Remedy = 'retry' | 'wait' | 'fix_message' | 'fix_setup' | 'reauthorise' | 'never'
export type Scope = 'message' | 'pair' | 'number' | 'waba' | 'portfolio' | 'desk' | 'installation'

export interface ErrorRow {
  stage: Stage
  certainty: Certainty
  remedy: Remedy
  /** What has to pause while this lasts. */
  scope: Scope
  /** What it means, for the generated error table in the docs. */
  meaning: string
}

const row = (stage: Stage, certainty: Certainty, remedy: Remedy, scope: Scope, meaning: string): ErrorRow => ({
  stage,
  certainty,
  remedy,
  scope,
  meaning
})

export const ERROR_TABLE = {
  // Receiving and configuration
  config_invalid: row('decide', 'did_not_happen', 'fix_setup', 'installation', 'An option or setting is wrong.'),
  database_unavailable: row('record', 'did_not_happen', 'retry', 'installation', 'PostgreSQL cannot be reached.'),
  database_unsafe: row('record', 'did_not_happen', 'fix_setup', 'installation', 'PostgreSQL would lose commits.'),
  not_stored: row('receive', 'did_not_happen', 'retry', 'installation', 'The webhook could not be stored in time.'),
  signature_invalid: row('receive', 'did_not_happen', 'fix_setup', 'number', 'The signature does not match.'),
  body_too_large: row('receive', 'did_not_happen', 'never', 'message', 'The request body is over the limit.'),
  body_malformed: row('receive', 'did_not_happen', 'never', 'message', 'The body is signed, but is not usable JSON.'),
  vault_unreadable: row('record', 'did_not_happen', 'fix_setup', 'installation', 'Sealed data needs another key.'),
  internal: row('decide', 'did_not_happen', 'retry', 'message', 'A defect in Puente; the item is kept for replay.'),

  // WhatsApp
  wa_window_closed: row('attempt', 'did_not_happen', 'wait', 'message', 'The customer service window is closed.'),
  wa_undeliverable: row('attempt', 'did_not_happen', 'never', 'message', 'The customer cannot be reached on WhatsApp.'),
  wa_throttled_number: row('attempt', 'did_not_happen', 'retry', 'number', 'The throughput of the number is reached.'),
  wa_throttled_pair: row('attempt', 'did_not_happen', 'retry', 'pair', 'Too many messages to this customer.'),
  wa_rate_limited: row('attempt', 'did_not_happen', 'retry', 'waba', 'Too many API calls.'),
  wa_token_invalid: row(
    'attempt',
    'did_not_happen',
    'reauthorise',
    'number',
    'The WhatsApp token is expired or revoked.'
  ),
  wa_permission: row('attempt', 'did_not_happen', 'reauthorise', 'number', 'The WhatsApp token lacks a permission.'),
  wa_app_secret: row('attempt', 'did_not_happen', 'reauthorise', 'number', 'The app secret does not fit the token.'),
  wa_number_unregistered: row('attempt', 'did_not_happen', 'fix_setup', 'number', 'The number is not registered.'),
  wa_restricted: row('attempt', 'did_not_happen', 'wait', 'waba', 'WhatsApp has restricted the account.'),
  wa_spam_limited: row('attempt', 'did_not_happen', 'wait', 'number', 'WhatsApp limits the number for its quality.'),
  wa_payment: row('attempt', 'did_not_happen', 'fix_setup', 'waba', 'The payment method of the account is missing.'),
  wa_marketing_limited: row(
    'attempt',
    'did_not_happen',
    'wait',
    'message',
    'Meta did not deliver this marketing message.'
  ),
  wa_opted_out: row('attempt', 'did_not_happen', 'never', 'message', 'The customer stopped marketing messages.'),
  wa_recipient_blocked: row('attempt', 'did_not_happen', 'never', 'message', 'The business has blocked this customer.'),
  wa_country: row('attempt', 'did_not_happen', 'never', 'message', 'WhatsApp does not allow messages to that country.'),
  wa_phone_needed: row('attempt', 'did_not_happen', 'fix_message', 'message', 'This message needs the phone number.'),
  wa_identity_changed: row(
    'attempt',
    'did_not_happen',
    'fix_message',
    'message',
    "The customer's security code changed."
  ),
  wa_media_rejected: row('attempt', 'did_not_happen', 'fix_message', 'message', 'WhatsApp refuses this file.'),
  wa_template_parameters: row('attempt', 'did_not_happen', 'fix_message', 'message', 'The template values do not fit.'),
  wa_template_missing: row('attempt', 'did_not_happen', 'fix_message', 'message', 'The template is not approved here.'),
  wa_template_paused: row('attempt', 'did_not_happen', 'wait', 'message', 'The template is paused or disabled.'),
  wa_invalid: row('attempt', 'did_not_happen', 'fix_message', 'message', 'WhatsApp refuses the content.'),
  wa_other_responder: row('attempt', 'did_not_happen', 'wait', 'pair', 'Another app handles this chat.'),
  wa_maintenance: row('attempt', 'did_not_happen', 'retry', 'number', 'The number is in maintenance for a moment.'),
  wa_temporary: row('attempt', 'may_have_happened', 'retry', 'message', 'WhatsApp had a fault; it may have been sent.'),
  wa_unreachable: row('attempt', 'did_not_happen', 'retry', 'number', 'WhatsApp could not be reached.'),
  wa_no_answer: row(
    'attempt',
    'may_have_happened',
    'wait',
    'message',
    'WhatsApp did not answer; it may have been sent.'
  ),
  wa_refused: row('attempt', 'did_not_happen', 'never', 'message', 'WhatsApp refused the message.'),

  // The desk
  desk_unauthorized: row('attempt', 'did_not_happen', 'reauthorise', 'desk', 'The Chatwoot token is not accepted.'),
  desk_forbidden: row('attempt', 'did_not_happen', 'fix_setup', 'desk', 'The Chatwoot token may not do this.'),
  desk_not_found: row('attempt', 'did_not_happen', 'never', 'message', 'Chatwoot no longer has this record.'),
  desk_taken: row('attempt', 'did_not_happen', 'retry', 'message', 'Chatwoot already has such a contact.'),
  desk_invalid: row('attempt', 'did_not_happen', 'fix_message', 'message', 'Chatwoot refuses the content.'),
  desk_flood: row('attempt', 'did_not_happen', 'retry', 'pair', 'Too many rows in one conversation and minute.'),
  desk_throttled: row('attempt', 'did_not_happen', 'retry', 'desk', 'Chatwoot asks to slow down.'),
  desk_unavailable: row('attempt', 'may_have_happened', 'retry', 'desk', 'Chatwoot had a fault.'),
  desk_unreachable: row('attempt', 'did_not_happen', 'retry', 'desk', 'Chatwoot could not be reached.'),
  desk_no_answer: row('attempt', 'may_have_happened', 'retry', 'desk', 'Chatwoot did not answer in time.'),
  desk_inbox_gone: row('attempt', 'did_not_happen', 'fix_setup', 'number', 'The inbox was deleted in Chatwoot.'),

  // Media and conversion
  media_gone: row('attempt', 'did_not_happen', 'never', 'message', 'The file is no longer at WhatsApp.'),
  media_too_large: row('decide', 'did_not_happen', 'fix_message', 'message', 'The file is too large.'),
  media_mismatch: row('attempt', 'did_not_happen', 'retry', 'message', 'The file arrived damaged.'),
  media_unfetched: row('attempt', 'did_not_happen', 'retry', 'message', 'The file could not be fetched.'),
  media_unsupported: row(
    'decide',
    'did_not_happen',
    'fix_message',
    'message',
    'WhatsApp does not take this kind of file.'
  ),
  media_origin: row('decide', 'did_not_happen', 'fix_setup', 'message', 'The address of the file is not allowed.'),
  converter_missing: row('decide', 'did_not_happen', 'fix_setup', 'message', 'A converter package is not installed.'),
  disk_full: row('attempt', 'did_not_happen', 'retry', 'installation', 'There is no room for temporary files.'),

  // The agent's tab, scripts, hooks of macros
  session_invalid: row('receive', 'did_not_happen', 'reauthorise', 'message', 'The session is unknown or has ended.'),
  sign_in_refused: row('receive', 'did_not_happen', 'reauthorise', 'message', 'The desk does not confirm who this is.'),
  link_spent: row('receive', 'did_not_happen', 'reauthorise', 'message', 'The one-time link was used or is too old.'),
  not_allowed: row('receive', 'did_not_happen', 'never', 'message', 'This person may not see or do this.'),
  not_found: row('receive', 'did_not_happen', 'never', 'message', 'There is no such thing here.'),
  key_invalid: row('receive', 'did_not_happen', 'fix_setup', 'message', 'The API key or hook address is not valid.'),
  too_many_requests: row('receive', 'did_not_happen', 'retry', 'message', 'Too many requests from one caller.'),
  request_invalid: row('receive', 'did_not_happen', 'fix_message', 'message', 'The request does not fit the contract.'),
  idempotency_clash: row(
    'receive',
    'did_not_happen',
    'fix_message',
    'message',
    'The Idempotency-Key was used for something else.'
  ),
  conversation_open: row('decide', 'did_not_happen', 'never', 'message', 'A conversation with this customer is open.'),
  not_parked: row('decide', 'did_not_happen', 'never', 'message', 'The message does not wait for the window.'),
  leaving_now: row('decide', 'did_not_happen', 'wait', 'message', 'The message is leaving at this moment.'),
  not_failed: row('decide', 'did_not_happen', 'never', 'message', 'The message has not failed.'),
  number_unknown: row('decide', 'did_not_happen', 'fix_message', 'message', 'No connected number fits.'),
  quota_full: row('decide', 'did_not_happen', 'fix_message', 'message', 'The room for uploads of this person is used.'),

  // Decisions
  no_recipient: row('decide', 'did_not_happen', 'fix_message', 'message', 'The contact has no WhatsApp number.'),
  nothing_to_send: row(
    'decide',
    'did_not_happen',
    'never',
    'message',
    'The message has nothing that WhatsApp can carry.'
  ),
  parked_expired: row('decide', 'did_not_happen', 'never', 'message', 'The customer did not answer in time.'),
  too_old: row('decide', 'did_not_happen', 'never', 'message', 'It came to light too late; a person decides.'),
  outcome_unknown: row('attempt', 'may_have_happened', 'never', 'message', 'It may have been sent; nobody can tell.')
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERROR_TABLE

export interface ErrorContext extends Partial<Omit<ErrorRow, 'meaning'>> {
  /** Seconds to wait before a retry, when the other side said so. */
  retryAfterSeconds?: number
  cause?: unknown
  /** Facts for people and logs: codes, sizes, names of settings. Never tokens, phones or message text. */
  facts?: Record<string, string | number | boolean | null | undefined>
}

/** No waiting mends it: a token, a setting or the account has to be put right. */
export function needsPerson({ remedy }: { remedy: Remedy }): boolean {
  return remedy === 'reauthorise' || remedy === 'fix_setup'
}

/** Every failure that Puente knows how to answer. `stage`, `certainty`, `remedy` and `scope` default by code. */
export class PuenteError extends Error {
  readonly code: ErrorCode
  readonly stage: Stage
  readonly certainty: Certainty
  readonly remedy: Remedy
  readonly scope: Scope
  readonly retryAfterSeconds: number | undefined
  readonly facts: Record<string, string | number | boolean | null | undefined>

  constructor(code: ErrorCode, context: ErrorContext = {}) {
    const defaults = ERROR_TABLE[code]
    super(`${code}: ${defaults.meaning}`, context.cause === undefined ? undefined : { cause: context.cause })
    this.name = 'PuenteError'
    this.code = code
    this.stage = context.stage ?? defaults.stage
    this.certainty = context.certainty ?? defaults.certainty
    this.remedy = context.remedy ?? defaults.remedy
    this.scope = context.scope ?? defaults.scope
    this.retryAfterSeconds = context.retryAfterSeconds
    this.facts = context.facts ?? {}
  }
}

export function asPuenteError(error: unknown): PuenteError {
  return error instanceof PuenteError ? error : new PuenteError('internal', { cause: error })
}
