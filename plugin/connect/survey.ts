/**
 * Looks around before anything is changed: reads both sides, and judges whether the number can be connected. Changes
 * nothing; the steps use what was read here.
 */
import type { KnownNumber } from '../../adapters/postgres/connections.ts'
import { checkDeskReachesUs, checkPublicAddress, checkPuenteAnswers } from '../checks/addresses.ts'
import type { CheckResult } from '../checks/check.ts'
import { judgeDesk } from '../checks/desk.ts'
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
  /** The app that the token speaks for, as far as known. */
  appId: string | null
  locale: Locale
}

/** Reads only. */
export async function lookAround(ground: Ground, deps: Pick<ConnectDeps, 'connections'>): Promise<Survey> {
  const { whatsapp } = ground.plan
  const [desk, meta, known] = await Promise.all([
    readDeskFacts(ground, ground.desk),
    readWhatsAppFacts(ground.graph, ground.graphAccess, whatsapp),
    deps.connections.find(whatsapp.phoneNumberId)
  ])
  return {
    desk,
    whatsapp: meta,
    known,
    appId: whatsapp.appId ?? valueOr(meta.token, null)?.appId ?? null,
    locale: pickLocale(ground.plan.locale ?? valueOr(desk.account, null)?.locale)
  }
}

/**
 * Every check, each with its remedy. Asks Puente's own address and has the desk fetch from it, which leaves no trace in
 * the account; what was proven before at the same address is not tried again.
 */
export async function judge(ground: Ground, survey: Survey, deps: ConnectDeps): Promise<CheckResult[]> {
  const { desk, whatsapp, known } = survey
  const deskChecks = judgeDesk(desk, ground.desk, isSetUp(ground, survey))
  const whatsappChecks = judgeWhatsApp(whatsapp, { ...ground.plan.whatsapp, appId: survey.appId })
  const elsewhere = judgeElsewhere(valueOr(desk.inboxes, []), whatsapp, {
    phoneNumberId: ground.plan.whatsapp.phoneNumberId,
    installation: deps.installation,
    connectedTo: known?.connected === true ? { url: known.deskUrl, accountId: known.accountId } : null,
    desk: ground.desk,
    ourCallbacks: ourCallbacks(ground, known),
    appId: survey.appId
  })
  const address = await checkPublicAddress(ground.base, ground.local)
  const answers = await checkPuenteAnswers(ground.http, ground.base)
  const checks = [...deskChecks, ...whatsappChecks, ...elsewhere, address, answers]
  const askDesk = answers.state === 'ok' && deskChecks.every(check => check.state !== 'fail')
  if (!askDesk) return checks
  if (isProven(ground, survey)) {
    return [...checks, { id: 'desk.reaches_puente', state: 'ok', says: 'Chatwoot has reached Puente at this address.' }]
  }
  const version = valueOr(desk.version, null)
  const reaches = await checkDeskReachesUs(ground.base, { account: ground.account, access: ground.desk, version })
  return [...checks, reaches]
}

/** Where Meta may send the number's webhooks without anybody else being concerned. */
export function ourCallbacks(ground: Ground, known: KnownNumber | null): string[] {
  const earlier = known?.made['callback']
  return typeof earlier === 'string' ? [ground.callbackUrl, earlier] : [ground.callbackUrl]
}

/** The hook came back before, and nothing about its address has changed. */
function isProven(ground: Ground, survey: Survey): boolean {
  return survey.known?.hookProvenAt != null && isSetUp(ground, survey)
}

/** Connected to this account, with the hooks coming here: nothing is left to be made that takes an administrator. */
export function isSetUp(ground: Ground, { desk, known }: Survey): boolean {
  if (known === null || !known.connected) return false
  if (known.deskUrl !== ground.desk.url || known.accountId !== ground.desk.accountId) return false
  const inbox = valueOr(desk.inboxes, []).find(each => each.id === known.inboxId)
  return inbox?.webhookUrl === hookUrl(ground.base, known.inboxKey)
}

export function hookUrl(base: string, inboxKey: string): string {
  return `${base}/webhooks/chatwoot/${inboxKey}`
}
