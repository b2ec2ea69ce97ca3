/**
 * Whether the app is subscribed to the webhook fields that the bridge lives by. Overrides only lead elsewhere what the app
 * is subscribed to, and some fields they never lead at all (contract/whatsapp §1). Pure; the facts are handed in.
 */
import { type CheckResult, warn } from './check.ts'
import { valueOr } from './read.ts'
import type { WhatsAppFacts } from './whatsapp-facts.ts'

/** Of a number that is in the WhatsApp Business app too: what is written there, its contacts, its past. */
export const PHONE_APP_FIELDS = ['smb_message_echoes', 'smb_app_state_sync', 'history'] as const

export interface FieldsAsked {
  callbackUrl?: string | null
  mends?: readonly string[]
}

/** What is known to be missing of these; null: nobody can see it. Empty where connecting sets it right. */
export function findMissingFields(
  { appSubscription }: Pick<WhatsAppFacts, 'appSubscription'>,
  fields: readonly string[],
  mends: readonly string[] = []
): string[] | null {
  if (appSubscription === null || !appSubscription.ok) return null
  const current = appSubscription.value
  if (current === null || mends.includes(current.callbackUrl)) return []
  return fields.filter(field => !current.active || !current.fields.includes(field))
}

export function judgeFields(facts: WhatsAppFacts, asked: FieldsAsked): CheckResult[] {
  const { mends, callbackUrl } = asked
  const leadsTo = valueOr(facts.appSubscription, null)?.callbackUrl
  const isOurs = leadsTo !== undefined && leadsTo === callbackUrl
  const results: CheckResult[] = []
  const miss = (id: string, fields: readonly string[], so: string): void => {
    const missing = findMissingFields(facts, fields, mends) ?? []
    if (missing.length === 0) return
    const names = missing.join(', ')
    const says = `The app's webhook is not subscribed to ${missing.length === 1 ? 'the field' : 'the fields'} ${names}: ${so}.`
    const tick = `Tick ${names} in the app’s dashboard: WhatsApp, Configuration, Webhook fields.`
    results.push(warn(id, says, isOurs ? `Run puente connect again for this number. ${tick}` : tick))
  }
  miss('wa.fields', ['messages'], "customers' messages may not come")
  if (valueOr(facts.number, null)?.isOnBusinessApp === true) {
    const so = 'what is written in the WhatsApp Business app does not show in Chatwoot as it should'
    miss('wa.fields_phone_app', PHONE_APP_FIELDS, so)
    if (findMissingFields(facts, PHONE_APP_FIELDS, mends) === null) results.push(unseen())
  }
  const so = 'who stops or resumes marketing messages is not heard'
  if (leadsTo === undefined || isOurs || mends?.includes(leadsTo) === true) {
    miss('wa.fields_preferences', ['user_preferences'], so)
  } else results.push(elsewhere(so))
  return results
}

function unseen(): CheckResult {
  const names = PHONE_APP_FIELDS.join(', ')
  const says = `What is written in the WhatsApp Business app shows in Chatwoot only if the app is subscribed to ${names}; nobody can see here whether it is.`
  const remedy = `Add whatsapp.appId, or tick ${names} in the app’s dashboard: WhatsApp, Configuration, Webhook fields.`
  return warn('wa.fields_phone_app', says, remedy)
}

/** No override leads it here, whatever is ticked. */
function elsewhere(so: string): CheckResult {
  const says = `The field user_preferences goes only to the app's own webhook, which leads elsewhere: ${so}.`
  const remedy = 'Connect with an app of its own for Puente, if customers are to be able to stop marketing messages.'
  return warn('wa.fields_preferences', says, remedy)
}
