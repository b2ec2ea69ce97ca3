/**
 * What Meta's error codes mean for us, as data (contract §6). `errors.ts` beside it turns answers and failed statuses
 * into PuenteErrors with it. A row says only what differs from the defaults of the Puente code.
 */
import type { Certainty, ErrorCode, Remedy, Scope } from '../../plugin/core/errors.ts'

export interface MetaErrorRow {
  code: ErrorCode
  certainty?: Certainty
  remedy?: Remedy
  scope?: Scope
}

export const META_ERRORS_AS_OF = '2026-11-22'
export const META_ERRORS_SOURCE =
  'developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes (2025-12-12); groups, templates and calling pages; contract §6'

/** Sent or not, nobody knows: the default certainty of `wa_temporary` says so. */
const MAYBE: MetaErrorRow = { code: 'wa_temporary' }
/** A passing fault of Meta's that says plainly that nothing was done. */
const NOT_DONE: MetaErrorRow = { code: 'wa_temporary', certainty: 'did_not_happen' }
const REFUSED: MetaErrorRow = { code: 'wa_refused' }
const REFUSED_SETUP: MetaErrorRow = { code: 'wa_refused', remedy: 'fix_setup', scope: 'number' }
const REFUSED_WAIT: MetaErrorRow = { code: 'wa_refused', remedy: 'wait', scope: 'number' }
const TOO_OFTEN: MetaErrorRow = { code: 'wa_rate_limited', remedy: 'wait', scope: 'number' }
const INVALID: MetaErrorRow = { code: 'wa_invalid' }
const PARAMETERS: MetaErrorRow = { code: 'wa_template_parameters' }
const PERMISSION: MetaErrorRow = { code: 'wa_permission' }
const RATE: MetaErrorRow = { code: 'wa_rate_limited' }

export const META_ERRORS: ReadonlyMap<number, MetaErrorRow> = new Map<number, MetaErrorRow>([
  // Access and platform
  [0, { code: 'wa_token_invalid' }],
  [1, MAYBE],
  [2, MAYBE],
  [3, PERMISSION],
  [4, RATE],
  [10, PERMISSION],
  [33, { code: 'wa_number_unregistered' }],
  [100, INVALID],
  [190, { code: 'wa_token_invalid' }],
  [368, { code: 'wa_restricted' }],
  [613, RATE],
  [80007, RATE],

  // Messages
  [130403, { code: 'wa_recipient_blocked' }],
  [130429, { code: 'wa_throttled_number' }],
  [130472, { code: 'wa_marketing_limited', remedy: 'never' }],
  [130497, { code: 'wa_country' }],
  [131000, MAYBE],
  [131005, PERMISSION],
  [131008, INVALID],
  [131009, INVALID],
  [131016, MAYBE],
  [131020, REFUSED],
  [131021, REFUSED],
  [131026, { code: 'wa_undeliverable' }],
  [131030, { code: 'wa_refused', remedy: 'fix_setup' }],
  [131031, { code: 'wa_restricted' }],
  [131037, { code: 'wa_restricted', remedy: 'fix_setup', scope: 'number' }],
  [131041, REFUSED],
  [131042, { code: 'wa_payment' }],
  [131044, { code: 'wa_payment' }],
  [131045, { code: 'wa_number_unregistered' }],
  [131047, { code: 'wa_window_closed' }],
  [131048, { code: 'wa_spam_limited' }],
  [131049, { code: 'wa_marketing_limited' }],
  [131050, { code: 'wa_opted_out' }],
  [131051, INVALID],
  [131052, { code: 'media_gone' }],
  [131053, { code: 'wa_media_rejected' }],
  [131055, { code: 'wa_refused', remedy: 'fix_setup' }],
  [131056, { code: 'wa_throttled_pair' }],
  [131057, { code: 'wa_maintenance' }],
  [131059, REFUSED],
  [131061, REFUSED],
  [131062, { code: 'wa_phone_needed' }],
  [131063, { code: 'wa_refused', remedy: 'fix_setup' }],
  [131064, { code: 'wa_restricted' }],
  [131065, { code: 'wa_refused', remedy: 'fix_setup' }],
  [131070, { code: 'wa_other_responder' }],

  // Groups
  [131201, REFUSED],
  [131202, REFUSED],
  [131204, REFUSED],
  [131207, { code: 'wa_restricted', scope: 'pair' }],
  [131208, { code: 'wa_rate_limited', scope: 'number' }],
  [131209, REFUSED],
  [131210, REFUSED],
  [131211, REFUSED],
  [131212, REFUSED],
  [131213, REFUSED],
  [131214, REFUSED],
  [131215, { code: 'wa_refused', remedy: 'fix_setup' }],

  // Templates and flows
  [132000, PARAMETERS],
  [132001, { code: 'wa_template_missing' }],
  [132005, PARAMETERS],
  [132007, INVALID],
  [132008, PARAMETERS],
  [132012, PARAMETERS],
  [132015, { code: 'wa_template_paused' }],
  [132016, { code: 'wa_template_paused', remedy: 'fix_message' }],
  [132018, PARAMETERS],
  [132068, { code: 'wa_refused', remedy: 'fix_setup' }],
  [132069, { code: 'wa_rate_limited', remedy: 'wait', scope: 'message' }],
  [134100, { code: 'wa_refused', remedy: 'fix_setup' }],
  [134101, { code: 'wa_template_missing', remedy: 'wait' }],
  [134102, { code: 'wa_template_missing' }],
  [139000, { code: 'wa_refused', remedy: 'fix_setup' }],
  [139001, REFUSED],
  [139002, REFUSED],
  [139003, REFUSED],
  [139004, REFUSED],
  [2388019, REFUSED_SETUP],
  [2388023, REFUSED],
  [2388024, REFUSED],
  [4233041, REFUSED],

  // Registration
  [133000, NOT_DONE],
  [133004, NOT_DONE],
  [133005, REFUSED_SETUP],
  [133006, { code: 'wa_number_unregistered' }],
  [133008, TOO_OFTEN],
  [133009, TOO_OFTEN],
  [133010, { code: 'wa_number_unregistered' }],
  [133015, REFUSED_WAIT],
  [133016, TOO_OFTEN],
  [134011, { code: 'wa_payment' }],
  [135000, INVALID],
  [136024, TOO_OFTEN],
  [137000, { code: 'wa_identity_changed' }],

  // Blocking, names, insights, coexistence
  [139100, REFUSED],
  [139101, REFUSED],
  [139102, NOT_DONE],
  [139103, NOT_DONE],
  [141002, { code: 'wa_template_missing' }],
  [141006, { code: 'wa_payment' }],
  [141008, { code: 'wa_restricted' }],
  [141010, { code: 'wa_restricted' }],
  [141014, { code: 'wa_restricted' }],
  [147001, REFUSED],
  [147002, REFUSED_SETUP],
  [147003, REFUSED_SETUP],
  [147004, REFUSED_SETUP],
  [147005, REFUSED_SETUP],
  [200005, REFUSED],
  [200006, REFUSED],
  [200007, REFUSED_SETUP],
  // The address given as callback did not answer the handshake.
  [2200, REFUSED_SETUP],
  [1752041, REFUSED],
  [2494100, { code: 'wa_maintenance' }],
  [2494191, REFUSED],
  [2593079, REFUSED],
  [2593085, REFUSED],
  [2593107, REFUSED_SETUP],
  [2593108, REFUSED_SETUP],
  [2593109, REFUSED_SETUP]
])

/** Whole ranges that mean one thing. */
export const META_ERROR_RANGES: readonly { from: number; to: number; row: MetaErrorRow }[] = [
  { from: 200, to: 299, row: PERMISSION },
  { from: 138000, to: 138999, row: REFUSED },
  { from: 2388000, to: 2388999, row: INVALID },
  { from: 2494164, to: 2494179, row: REFUSED }
]

/** The row of a code; a template sub-code says more than the 100 around it. Undefined for codes not in the table. */
export function findMetaError(code: number | undefined, subcode?: number): MetaErrorRow | undefined {
  if (code === undefined) return undefined
  if (code === 100 && subcode !== undefined) {
    // The object does not exist or the token may not see it; Graph does not tell which.
    if (subcode === 33) return PERMISSION
    const inner = META_ERRORS.get(subcode)
    if (inner !== undefined) return inner
  }
  return META_ERRORS.get(code) ?? META_ERROR_RANGES.find(range => code >= range.from && code <= range.to)?.row
}

/** What an HTTP status means when Meta's code is missing or unknown. */
export function rowByHttpStatus(status: number, transient: boolean): MetaErrorRow {
  if (status >= 500) return MAYBE
  if (status === 429) return RATE
  if (status === 401) return { code: 'wa_token_invalid' }
  if (status === 403) return PERMISSION
  if (status === 408 || transient) return MAYBE
  if (status === 413) return { code: 'wa_media_rejected' }
  // Graph does not redirect; another server answers at this address.
  if (status >= 300 && status < 400) return REFUSED_SETUP
  return REFUSED
}
