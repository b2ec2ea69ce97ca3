/**
 * The app's own webhook. What overrides never carry (templates, account, preferences) goes there, and overrides carry only
 * fields that it is subscribed to. It is set where the app has none; somebody else's stays as it is, and is polled for.
 */
import { writeAppSubscription } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { attempt } from '../checks/read.ts'
import { PuenteError } from '../core/errors.ts'
import { readManifest } from '../manifest.ts'
import { ourCallbacks } from './survey.ts'
import { noteMade, type Step, type Work } from './work.ts'

/** Without these, changes of templates and of the account reach us by the polls alone. */
const CORE_FIELDS = ['messages', 'account_update', 'message_template_status_update', 'phone_number_quality_update']

export const appWebhookStep: Step = {
  id: 'app_webhook',
  async run(work) {
    const { ground, survey, made } = work
    work.accountEvents = 'poll'
    const current = survey.whatsapp.appSubscription
    if (current === null || !current.ok) return null
    const existing = current.value
    if (existing !== null && !ourCallbacks(ground, survey.known).includes(existing.callbackUrl)) return null
    const isHere = existing?.callbackUrl === ground.callbackUrl && existing.active
    const has = isHere ? existing.fields : []
    // Also what an admin has ticked beyond ours.
    const wanted = new Set([...wantedFields(), ...(existing?.fields ?? [])])
    const missing = [...wanted].filter(field => !has.includes(field))
    if (missing.length === 0) {
      work.accountEvents = 'webhook'
      if (made['appWebhook'] === 'begun') await noteMade(work, { appWebhook: true })
      return null
    }
    if (existing === null) await noteMade(work, { appWebhook: 'begun' })
    const { accepted, refused, failure } = await subscribe(work, has, missing)
    if (CORE_FIELDS.every(field => accepted.includes(field))) work.accountEvents = 'webhook'
    if (accepted.length > has.length) await noteMade(work, { appWebhook: true, appWebhookUrl: ground.callbackUrl })
    return [
      ...(accepted.length > has.length ? ['the app sends changes of templates and account here'] : []),
      ...(accepted.length === 0 ? ['changes of templates are polled: the app takes no webhook of its own'] : []),
      ...(refused.length > 0 && accepted.length > 0 ? [`Meta does not give this app ${refused.join(', ')}`] : []),
      ...(failure === null ? [] : [`the rest is tried again by the next connect (${failure.code})`])
    ].join('; ')
  }
}

function wantedFields(): string[] {
  const { number, account } = readManifest().webhooks
  return [...CORE_FIELDS, ...number, ...account]
}

/**
 * Not every app is given every field, and one that is refused spoils the whole call: halves are tried until each refused
 * field is known. Every call names all accepted so far, since the fields replace those of before.
 */
async function subscribe(
  { ground, verifyToken }: Work,
  has: readonly string[],
  missing: readonly string[]
): Promise<{ accepted: string[]; refused: string[]; failure: PuenteError | null }> {
  const { appId, appSecrets } = ground.plan.whatsapp
  if (appId === null) throw new PuenteError('internal', { facts: { reason: 'no_app' } })
  const app = { id: appId, secret: appSecrets[0]! }
  const accepted = [...has]
  const refused: string[] = []
  let failure: PuenteError | null = null
  const add = async (fields: readonly string[]): Promise<void> => {
    if (failure !== null || fields.length === 0) return
    const subscription = { callbackUrl: ground.callbackUrl, verifyToken, fields: [...accepted, ...fields] }
    const written = await attempt(() => writeAppSubscription(ground.graph, ground.graphAccess, app, subscription))
    if (written.ok) accepted.push(...fields)
    else if (written.error.code !== 'wa_invalid' && written.error.code !== 'wa_permission') failure = written.error
    else if (fields.length === 1) {
      // Not even the first: it is not the field that Meta minds.
      if (accepted.length === 0) failure = written.error
      else refused.push(fields[0]!)
    } else {
      const half = Math.ceil(fields.length / 2)
      await add(fields.slice(0, half))
      await add(fields.slice(half))
    }
  }
  await add(missing)
  return { accepted, refused, failure }
}
