/**
 * Whether a number is already connected somewhere else: two bridges would answer every customer twice, or take each
 * other's webhooks away. Refusals name the way out. Other apps of the WABA get copies of their own: only a warning.
 */
import { readMarker } from '../../adapters/chatwoot/setup.ts'
import type { ListedInbox } from '../../adapters/chatwoot/setup-account.ts'
import type { WebhookRouting } from '../../adapters/whatsapp-cloud/management.ts'
import { type CheckResult, fail, ok, warn } from './check.ts'
import type { DeskFacts } from './desk-facts.ts'
import { valueOr } from './read.ts'
import type { WhatsAppFacts } from './whatsapp-facts.ts'

export interface ElsewhereAsked {
  phoneNumberId: string
  /** Of this Puente. */
  installation: string
  /** Where this Puente has the number connected now, if it has. */
  connectedTo: { url: string; accountId: number } | null
  /** How many numbers move along when the same desk is only reached at another address; 0: it is not the same. */
  moves: number
  desk: { url: string; accountId: number }
  /** Addresses at which this Puente is, or was, reached by Meta. */
  ourCallbacks: readonly string[]
  appId: string | null
}

/** A refused check, or the ones that say that nobody else has the number. */
export function judgeElsewhere(
  desk: Pick<DeskFacts, 'inboxes' | 'otherAccounts'>,
  facts: WhatsAppFacts,
  asked: ElsewhereAsked
): CheckResult[] {
  return [
    judgeThisPuente(asked),
    ...judgeInboxes(desk, facts, asked),
    judgeOverride(valueOr(facts.number, null)?.webhooks ?? {}, facts, asked),
    judgeAppCallback(facts, asked),
    judgeApps(facts, asked)
  ]
}

/** What may change on a number that is connected: a rival inbox, and who else listens. The doctor asks it again. */
export function judgeRivals(
  desk: Pick<DeskFacts, 'inboxes' | 'otherAccounts'>,
  facts: WhatsAppFacts,
  asked: Pick<ElsewhereAsked, 'phoneNumberId' | 'installation' | 'appId'>
): CheckResult[] {
  return [...judgeInboxes(desk, facts, asked), judgeApps(facts, asked)]
}

/** An inbox, and where it is when that is not the account in question. */
interface Placed extends ListedInbox {
  place: string
}

function judgeInboxes(
  { inboxes, otherAccounts }: Pick<DeskFacts, 'inboxes' | 'otherAccounts'>,
  facts: WhatsAppFacts,
  asked: Pick<ElsewhereAsked, 'phoneNumberId' | 'installation'>
): CheckResult[] {
  const placed = [
    ...valueOr(inboxes, []).map((inbox): Placed => ({ ...inbox, place: '' })),
    ...otherAccounts.flatMap(account =>
      account.inboxes.map((inbox): Placed => ({ ...inbox, place: ` in account ${account.id} (${account.name})` }))
    )
  ]
  return [
    judgeOtherPuente(placed, asked),
    judgeNativeInbox(placed, valueOr(facts.number, null)?.displayPhoneNumber ?? '')
  ]
}

function judgeThisPuente({ connectedTo, desk, moves }: ElsewhereAsked): CheckResult {
  const id = 'elsewhere.account'
  if (connectedTo === null || (connectedTo.url === desk.url && connectedTo.accountId === desk.accountId)) {
    return ok(id, 'No other account of this Puente has the number.')
  }
  if (moves > 0) {
    const along = moves === 1 ? 'the number moves' : `all ${moves} numbers of the account move`
    const says = `The Chatwoot that this Puente knows as ${connectedTo.url} answers at ${desk.url} with the same inboxes: ${along} there.`
    return warn(id, says, 'If it is a copy of that Chatwoot, do not go on: `puente disconnect` the number there first.')
  }
  const says = `This Puente already serves the number in account ${connectedTo.accountId} of ${connectedTo.url}.`
  return fail(id, says, 'Run `puente disconnect` for the number first, then connect it here.')
}

function judgeOtherPuente(
  inboxes: readonly Placed[],
  asked: Pick<ElsewhereAsked, 'phoneNumberId' | 'installation'>
): CheckResult {
  const id = 'elsewhere.puente'
  const other = inboxes.find(inbox => {
    const marker = readMarker(inbox.attributes)
    return marker?.phoneNumberId === asked.phoneNumberId && marker.installation !== asked.installation
  })
  if (other === undefined) return ok(id, 'No other Puente has marked an inbox for the number.')
  const says = `Another Puente serves the number with inbox ${other.id} (${other.name})${other.place}.`
  return fail(
    id,
    says,
    `Run \`puente disconnect\` there; if that Puente is gone, delete inbox ${other.id}${other.place} in Chatwoot.`
  )
}

function judgeNativeInbox(inboxes: readonly Placed[], displayPhoneNumber: string): CheckResult {
  const id = 'elsewhere.native'
  const digits = displayPhoneNumber.replace(/\D/g, '')
  const native = inboxes.find(
    inbox => inbox.channelType === 'Channel::Whatsapp' && inbox.phoneNumber?.replace(/\D/g, '') === digits
  )
  if (native === undefined || digits === '') return ok(id, "No WhatsApp inbox of Chatwoot's own has the number.")
  const says = `Chatwoot's own WhatsApp inbox ${native.id} (${native.name})${native.place} has the number.`
  const remedy = `Delete inbox ${native.id}${native.place} in Chatwoot (Settings, Inboxes) after saving what you need; then connect again.`
  return fail(id, says, remedy)
}

function judgeOverride(routing: WebhookRouting, facts: WhatsAppFacts, asked: ElsewhereAsked): CheckResult {
  const id = 'elsewhere.override'
  const ours = (url: string): boolean => asked.ourCallbacks.includes(url)
  if (routing.number !== undefined && !ours(routing.number)) {
    const says = `Meta sends the number's webhooks to another address: ${originOf(routing.number)}.`
    const remedy =
      'Disconnect the number there, or clear it: POST /PHONE_NUMBER_ID {"webhook_configuration":{"override_callback_uri":""}}.'
    return fail(id, says, remedy)
  }
  // The override of the whole account counts as ours only when we are its app: others get copies of their own.
  const own = valueOr(facts.apps, []).find(app => app.id === asked.appId)
  const wabaUrl = own?.overrideCallbackUrl ?? (routing.number === undefined ? routing.waba : undefined)
  if (wabaUrl !== undefined && !ours(wabaUrl)) {
    const says = `Meta sends the webhooks of the whole WhatsApp account to another address: ${originOf(wabaUrl)}.`
    const remedy = 'Disconnect the account there, or clear it: POST /WABA_ID/subscribed_apps without a body.'
    return fail(id, says, remedy)
  }
  return ok(id, "The number's webhooks are not sent elsewhere.")
}

/** Where the app sends its webhooks when that is not here: from there the number's messages are taken away. */
export function findAppCallback(facts: WhatsAppFacts, ourCallbacks: readonly string[]): string | null {
  const told = valueOr(facts.appSubscription, null)?.callbackUrl ?? valueOr(facts.number, null)?.webhooks.app
  return told === undefined || told === '' || ourCallbacks.includes(told) ? null : originOf(told)
}

function judgeAppCallback(facts: WhatsAppFacts, { ourCallbacks }: ElsewhereAsked): CheckResult {
  const id = 'elsewhere.app_callback'
  const origin = findAppCallback(facts, ourCallbacks)
  if (origin === null) return ok(id, "The app's own webhook leads nowhere else.")
  const says = `The app sends its webhooks to another system: ${origin}. That system gets no messages of this number once it is connected here.`
  const remedy =
    'Make sure that nobody relies on that system for this number; `puente disconnect` lets its messages go there again.'
  return warn(id, says, remedy)
}

function judgeApps({ apps }: WhatsAppFacts, { appId }: Pick<ElsewhereAsked, 'appId'>): CheckResult {
  const id = 'elsewhere.apps'
  const others = valueOr(apps, []).filter(app => app.id !== appId)
  if (appId === null || others.length === 0) return ok(id, 'No other app is known to listen to the WhatsApp account.')
  const names = others.map(app => app.name ?? app.id).join(', ')
  const says = `Other apps get the account's messages too: ${names}.`
  return warn(id, says, 'Make sure that none of them answers customers, or remove them in Meta Business Settings.')
}

/** The rest of an address may hold a secret path. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'an address that cannot be read'
}
