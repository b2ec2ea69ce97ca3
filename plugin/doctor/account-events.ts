/**
 * How a number hears of what no override carries: templates, standing, limits, preferences (contract/whatsapp §1). All
 * but the preferences are polled as well.
 */
import { reasonOf } from '../checks/read.ts'
import type { WhatsAppFacts } from '../checks/whatsapp-facts.ts'
import type { NumberWatchState } from '../core/ports/number-watch.ts'
import { TIMES } from '../core/rules.ts'
import type { Finding, Named } from './finding.ts'

const MINUTES = Math.round(Math.max(TIMES.templatePollMs, TIMES.numberPollMs) / 60_000)
const POLLED = `Templates, and the standing, pace and limits of the number are read every ${MINUTES} minutes`
const NO_PREFERENCES = 'who stops or resumes marketing messages (user_preferences) cannot be polled'
/** What the app's own webhook must carry, so that nothing has to wait for a poll. */
const ANNOUNCED = ['message_template_status_update', 'account_update', 'phone_number_quality_update']

export function accountEventsFinding(
  { ok, warn }: Named,
  { appSubscription }: Pick<WhatsAppFacts, 'appSubscription'>,
  callbackUrl: string | null
): Finding {
  const id = 'wa.account_events'
  if (appSubscription === null)
    return ok(
      id,
      `${POLLED}; ${NO_PREFERENCES}. Without the app's id nobody can see whether the app's own webhook leads here.`
    )
  if (!appSubscription.ok)
    return warn(
      id,
      `Where the app's own webhook leads cannot be read (${reasonOf(appSubscription.error)}). ${POLLED}; ${NO_PREFERENCES}.`,
      'Check App ID and App secret in the app’s dashboard (Settings, Basic), then run puente connect again.'
    )
  const { value } = appSubscription
  if (value === null)
    return warn(
      id,
      `The app has no webhook of its own. ${POLLED}; ${NO_PREFERENCES}.`,
      'Run puente connect again for this number: it makes one.'
    )
  if (callbackUrl !== null && value.callbackUrl !== callbackUrl)
    return ok(id, `The app sends its own webhooks elsewhere. ${POLLED}; ${NO_PREFERENCES}.`)
  if (!value.active)
    return warn(
      id,
      `The app's own webhook is switched off. ${POLLED}; ${NO_PREFERENCES}.`,
      'Run puente connect again for this number: it switches it on.'
    )
  const missing = ANNOUNCED.filter(field => !value.fields.includes(field))
  if (missing.length > 0)
    return warn(
      id,
      `The app's own webhook leaves ${missing.join(', ')} out. ${POLLED}.`,
      `Run puente connect again, or tick ${missing.join(', ')} in the app’s webhook settings.`
    )
  return ok(
    id,
    `Changes of templates and of the account come by the app's webhook, and are read every ${MINUTES} minutes.`
  )
}

/** The poll that all sentences above rely on. */
export function watchFinding({ ok, warn }: Named, watch: NumberWatchState | undefined, now: Date): Finding {
  const id = 'wa.standing_read'
  if (watch !== undefined && watch.code !== null)
    return warn(
      id,
      `What Meta thinks of the number could not be read lately (${watch.code}).`,
      'It comes again by itself; see the other findings of this number.'
    )
  if (watch === undefined || watch.readAt === null)
    return ok(id, `What Meta thinks of the number is read every ${MINUTES} minutes while Puente runs.`)
  const ageMs = now.getTime() - watch.readAt.getTime()
  const says = `What Meta thinks of the number was last read ${Math.max(0, Math.round(ageMs / 60_000))} minutes ago.`
  return ageMs > 3 * TIMES.numberPollMs ? warn(id, says, 'Check that Puente runs.') : ok(id, says)
}
