/** Who can mend a failure, and with which one click. From the error table; pure. */
import { ERROR_TABLE, type ErrorCode } from '../errors.ts'
import { explainError } from '../texts/describe.ts'
import type { Locale } from '../texts/text.ts'

export type WhoCanMend = 'agent' | 'admin' | 'customer' | 'meta' | 'nobody' | 'itself'
export type MendAction = 'resend' | 'choose_template' | 'edit_number' | 'ask_admin' | 'wait' | 'change_message' | 'none'

export interface MendableFailure {
  code: string
  metaCode: number | null
  sentence: string
  whoCanMend: WhoCanMend
  action: MendAction
}

const EXACT: Partial<Record<ErrorCode, [WhoCanMend, MendAction]>> = {
  wa_window_closed: ['agent', 'choose_template'],
  parked_expired: ['agent', 'choose_template'],
  wa_undeliverable: ['agent', 'edit_number'],
  no_recipient: ['agent', 'edit_number'],
  wa_phone_needed: ['agent', 'edit_number'],
  wa_template_parameters: ['agent', 'choose_template'],
  wa_template_missing: ['agent', 'choose_template'],
  wa_template_paused: ['agent', 'choose_template'],
  wa_marketing_limited: ['meta', 'wait'],
  wa_opted_out: ['customer', 'none'],
  wa_identity_changed: ['agent', 'resend'],
  wa_restricted: ['admin', 'ask_admin'],
  wa_spam_limited: ['admin', 'ask_admin'],
  wa_recipient_blocked: ['admin', 'ask_admin'],
  wa_refused: ['agent', 'resend'],
  wa_temporary: ['agent', 'resend'],
  wa_no_answer: ['agent', 'resend'],
  too_old: ['agent', 'resend'],
  outcome_unknown: ['agent', 'resend'],
  wa_country: ['nobody', 'none']
}

export function mendingOf(code: ErrorCode): [WhoCanMend, MendAction] {
  const exact = EXACT[code]
  if (exact !== undefined) return exact
  const { remedy } = ERROR_TABLE[code]
  switch (remedy) {
    case 'fix_message':
      return ['agent', 'change_message']
    case 'reauthorise':
    case 'fix_setup':
      return ['admin', 'ask_admin']
    case 'retry':
      return ['itself', 'wait']
    case 'wait':
      return ['meta', 'wait']
    case 'never':
      return ['nobody', 'none']
  }
}

export function mendable(locale: Locale, code: string, metaCode: number | null = null): MendableFailure {
  const known = (code in ERROR_TABLE ? code : 'wa_refused') as ErrorCode
  const [whoCanMend, action] = mendingOf(known)
  return { code: known, metaCode, sentence: explainError(locale, known), whoCanMend, action }
}
