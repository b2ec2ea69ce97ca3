/**
 * Looks around before anything is changed: reads both sides, and judges whether the number can be connected. Changes
 * nothing; the steps use what was read here.
 */

import { readMarker } from '../../adapters/chatwoot/setup.ts'
import type { ListedInbox } from '../../adapters/chatwoot/setup-account.ts'
import type { KnownNumber } from '../../adapters/postgres/connections.ts'
import { checkDeskReachesUs, checkPublicAddress, checkPuenteAnswers } from '../checks/addresses.ts'
import { type CheckResult, ok } from '../checks/check.ts'
import { judgeDesk, judgeMembership } from '../checks/desk.ts'
import { type DeskFacts, readDeskFacts } from '../checks/desk-facts.ts'
import { judgeElsewhere } from '../checks/elsewhere.ts'
import { valueOr } from '../checks/read.ts'
import { judgeWhatsApp } from '../checks/whatsapp.ts'
import { readWhatsAppFacts, type WhatsAppFacts } from '../checks/whatsapp-facts.ts'
import { type Locale, pickLocale } from '../core/texts/text.ts'
import type { ConnectDeps, Ground } from './ground.ts'

export interface Survey {
  desk: DeskFacts
  whatsapp: WhatsAppFacts
  /** The number as this Puente knows it, also when it was disconnected. */
  known: KnownNumber | null
  /** Every connected number of the desk that serves this one now, itself included. */
  deskNumbers: KnownNumber[]
  /** Where this Puente knew the same desk until now; null: at the same address, or it is another desk. */
  movedFrom: string | null
  /** The app that the token speaks for, as far as known. */
  appId: string | null
  locale: Locale
}

/** A hook that was tried and came in so lately need not be tried again. */
const RECENT_SECONDS = 600

/** Reads only. */
export async function lookAround(
  ground: Ground,
  deps: Pick<ConnectDeps, 'connections' | 'installation'>
): Promise<Survey> {
  const { whatsapp } = ground.plan
  const [desk, meta, known, all] = await Promise.all([
    readDeskFacts(ground, ground.desk),
    readWhatsAppFacts(ground.graph, ground.graphAccess, whatsapp),
    deps.connections.find(whatsapp.phoneNumberId),
    deps.connections.all()
  ])
  const deskNumbers =
    known?.connected !== true ? [] : all.filter(each => each.connected && each.deskId === known.deskId)
  const isMoved =
    deskNumbers.length > 0 &&
    hasMoved(ground, known!, deskNumbers, valueOr(desk.inboxes, []), deps.installation) &&
    !all.some(each => each.deskUrl === ground.desk.url && each.accountId === ground.desk.accountId)
  return {
    desk,
    whatsapp: meta,
    known,
    deskNumbers,
    movedFrom: isMoved ? known!.deskUrl : null,
    appId: whatsapp.appId ?? valueOr(meta.token, null)?.appId ?? null,
    locale: pickLocale(ground.plan.locale ?? known?.locale ?? valueOr(desk.account, null)?.locale)
  }
}

/** Another address, but the same account with all our inboxes, each with the mark that only this Puente writes. */
function hasMoved(
  { desk }: Ground,
  known: KnownNumber,
  deskNumbers: readonly KnownNumber[],
  inboxes: readonly ListedInbox[],
  installation: string
): boolean {
  if (known.deskUrl === desk.url || known.accountId !== desk.accountId) return false
  return deskNumbers.every(number => {
    const marker = readMarker(inboxes.find(inbox => inbox.id === number.inboxId)?.attributes ?? {})
    return marker?.installation === installation && marker.phoneNumberId === number.phoneNumberId
  })
}

/**
 * Every check, each with its remedy. Asks Puente's own address and has the desk ask for a one-time address there, which
 * leaves nothing in the account.
 */
export async function judge(ground: Ground, survey: Survey, deps: ConnectDeps): Promise<CheckResult[]> {
  const { desk, whatsapp, known } = survey
  const setUp = isSetUp(ground, survey)
  const deskChecks = judgeDesk(desk, ground.desk, setUp)
  if (setUp) deskChecks.push(...judgeMembership(desk, survey.deskNumbers))
  const whatsappChecks = judgeWhatsApp(whatsapp, {
    ...ground.plan.whatsapp,
    appId: survey.appId,
    callbackUrl: ground.callbackUrl,
    mends: ourCallbacks(ground, known)
  })
  const elsewhere = judgeElsewhere(desk, whatsapp, {
    phoneNumberId: ground.plan.whatsapp.phoneNumberId,
    installation: deps.installation,
    connectedTo: known?.connected === true ? { url: known.deskUrl, accountId: known.accountId } : null,
    moves: survey.movedFrom === null ? 0 : survey.deskNumbers.length,
    desk: ground.desk,
    ourCallbacks: ourCallbacks(ground, known),
    appId: survey.appId
  })
  const address = await checkPublicAddress(ground.base, ground.local)
  const answers = await checkPuenteAnswers(ground.http, ground.base)
  const checks = [...deskChecks, ...whatsappChecks, ...elsewhere, address, answers]
  const askDesk = answers.state === 'ok' && deskChecks.every(check => check.state !== 'fail')
  if (!askDesk) return checks
  if (isHookFresh(ground, survey)) return [...checks, ok('desk.reaches_puente', 'Chatwoot reached Puente just now.')]
  const asked = {
    account: ground.account,
    access: ground.desk,
    version: valueOr(desk.version, null),
    connections: deps.connections
  }
  return [...checks, await checkDeskReachesUs(ground.base, asked)]
}

/** Where Meta may send the number's webhooks without anybody else being concerned. */
export function ourCallbacks(ground: Ground, known: KnownNumber | null): string[] {
  const earlier = [known?.made['callback'], known?.made['appWebhookUrl']]
  return [ground.callbackUrl, ...earlier.filter(url => typeof url === 'string')]
}

/** A hook was tried minutes ago, and nothing about its way has changed. */
export function isHookFresh(ground: Ground, survey: Survey): boolean {
  const age = survey.known?.hookAgeSeconds ?? Number.POSITIVE_INFINITY
  return age < RECENT_SECONDS && survey.movedFrom === null && isSetUp(ground, survey)
}

/** Connected to this account, with the hooks coming here: nothing is left to be made that takes an administrator. */
export function isSetUp(ground: Ground, { desk, known, movedFrom }: Survey): boolean {
  if (known === null || !known.connected) return false
  if ((movedFrom === null && known.deskUrl !== ground.desk.url) || known.accountId !== ground.desk.accountId) {
    return false
  }
  const inbox = valueOr(desk.inboxes, []).find(each => each.id === known.inboxId)
  return inbox?.webhookUrl === hookUrl(ground.base, known.inboxKey)
}

export function hookUrl(base: string, inboxKey: string): string {
  return `${base}/webhooks/chatwoot/${inboxKey}`
}
