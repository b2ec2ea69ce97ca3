/** What does not end by itself and needs a person: one list for `puente status` and the admin pages. Leaves out words. */
import type { NumberStatus } from './ports/oversight.ts'
import type { Standing } from './standing.ts'

export type Need =
  | { kind: 'paused'; code: string }
  /** `what` as in `NumberRecord.inboxTrouble`. */
  | { kind: 'inbox'; what: string }
  /** Meta restricts, blocks or rates the number. */
  | { kind: 'standing'; what: Standing }
  | { kind: 'set_aside'; count: number; codes: string[] }
  | { kind: 'uncertain'; count: number }
  | { kind: 'unproven' }
  | { kind: 'late'; seconds: number }
  | { kind: 'unread'; minutes: number }

/** Older than a few beats of the reconciliation: it stands still. */
const RECONCILED_LATE_SECONDS = 1_200
/** A pause for this reason says the same. */
const SAID_BY_PAUSE: Readonly<Record<string, readonly Standing[]>> = {
  wa_restricted: ['blocked', 'restricted', 'flagged'],
  wa_payment: ['payment'],
  wa_number_unregistered: ['unregistered']
}
/** Waiting for longer needs a look, whatever the reason. */
const WAITING_LATE_SECONDS = 900

export type NeedFacts = Pick<
  NumberStatus,
  | 'pausedCode'
  | 'inboxTrouble'
  | 'standings'
  | 'setAside'
  | 'setAsideCodes'
  | 'uncertain'
  | 'proven'
  | 'sandbox'
  | 'waiting'
  | 'reconciledSeconds'
>

/** @param processes how many Puentes run: without any, nothing moves, and that is said once */
export function findNeeds(number: NeedFacts, processes: number): Need[] {
  const { pausedCode, waiting } = number
  const needs: Need[] = []
  if (pausedCode !== null) needs.push({ kind: 'paused', code: pausedCode })
  for (const what of number.inboxTrouble) {
    // A pause says the same.
    if (what !== 'gone' || pausedCode === null) needs.push({ kind: 'inbox', what })
  }
  for (const what of number.standings) {
    if (SAID_BY_PAUSE[pausedCode ?? '']?.includes(what) !== true) needs.push({ kind: 'standing', what })
  }
  if (number.setAside > 0) {
    needs.push({ kind: 'set_aside', count: number.setAside, codes: number.setAsideCodes.map(each => each.code) })
  }
  if (number.uncertain > 0) needs.push({ kind: 'uncertain', count: number.uncertain })
  if (!number.proven && !number.sandbox) needs.push({ kind: 'unproven' })
  if (waiting.oldestSeconds > WAITING_LATE_SECONDS && pausedCode === null) {
    needs.push({ kind: 'late', seconds: waiting.oldestSeconds })
  }
  const unread = number.reconciledSeconds ?? 0
  if (processes > 0 && unread > RECONCILED_LATE_SECONDS) {
    needs.push({ kind: 'unread', minutes: Math.round(unread / 60) })
  }
  return needs
}
