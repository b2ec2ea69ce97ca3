/**
 * Whole sentences for people, built from the catalogues: failures for the desk's narrow tooltip, notes for agents, and
 * the state of the window. Deliberately no Markdown: these also stand in tooltips and banners.
 */
import { type ErrorCode, PuenteError } from '../errors.ts'
import { problemSentence } from '../templates/problems.ts'
import type { WindowState } from '../window.ts'
import { formatMoment } from './format.ts'
import { type Locale, text } from './text.ts'

/** What Chatwoot's tooltip beside "Failed to send" can carry (chatwoot contract §13: about 24 characters a line). */
export const FAILURE_LIMIT = 120

/**
 * The sentence for `external_error`: what is, what to do, then the code in brackets: Meta's where there is one (people
 * search for it), ours otherwise. Never longer than FAILURE_LIMIT.
 */
export function describeFailure(
  locale: Locale,
  error: PuenteError | ErrorCode,
  metaCode?: number | string | null
): string {
  const code = error instanceof PuenteError ? error.code : error
  const behind = ` (${metaCode ?? code})`
  // What is wrong with a template is said by its slot, not in general.
  const exact = error instanceof PuenteError ? problemSentence(locale, error.facts) : undefined
  return (exact ?? text(locale, `error.${code}`)).slice(0, FAILURE_LIMIT - behind.length) + behind
}

/** The sentence alone, for pages that show the code elsewhere. */
export function explainError(locale: Locale, code: ErrorCode): string {
  return text(locale, `error.${code}`)
}

/** For the terminal, where the reader is the admin of whom agents are told to ask. */
export function explainToAdmin(code: ErrorCode): string {
  return explainError('en', code).replace(/([;,]?) (?:or )?(?:ask|tell) your admin[^.]*\./i, (_, mark) => mark && '.')
}

export type TimedNote = 'parked' | 'parked_expired'
export type PlainNote =
  | 'deleted_at_desk'
  | 'deleted_in_part'
  | 'deleted_unsure'
  | 'uncertain'
  | 'parked_sent'
  | 'parked_recalled'
  | 'too_old'
  | 'quote_lost'

/** A private note for the agents. */
export function describeNote(locale: Locale, kind: PlainNote): string {
  return text(locale, `note.${kind}`)
}

/** A private note that names a moment: until when a parked answer waits, or waited. */
export function describeTimedNote(locale: Locale, kind: TimedNote, until: Date, timeZone?: string): string {
  return text(locale, `note.${kind}`, { until: formatMoment(locale, until, timeZone) })
}

/** The state of the customer service window in one sentence. */
export function describeWindow(locale: Locale, window: WindowState, timeZone?: string): string {
  if (window.expiresAt === null) return text(locale, 'window.never')
  const moment = formatMoment(locale, window.expiresAt, timeZone)
  return window.open ? text(locale, 'window.open', { until: moment }) : text(locale, 'window.closed', { since: moment })
}

/** The banner that the desk itself shows above a locked editor (`agent_reply_time_window_message` of the inbox). */
export function windowBanner(locale: Locale): string {
  return text(locale, 'agent_reply_time_window_message')
}
