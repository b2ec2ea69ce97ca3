/** Whether the token, the app, the WABA and the number are fit to be used. Pure; the facts are handed in. */
import type { PuenteError } from '../core/errors.ts'
import { lacksPaymentOnly } from '../core/standing.ts'
import { readManifest } from '../manifest.ts'
import { type CheckResult, fail, ok, warn } from './check.ts'
import { isAway, reasonOf } from './read.ts'
import { judgeFields } from './webhook-fields.ts'
import type { WhatsAppAsked, WhatsAppFacts } from './whatsapp-facts.ts'

const PERSONAL =
  'A personal account, or a number that is only in the WhatsApp Business app, has no such id and cannot be connected.'

const WRONG_SECRET = 'Meta does not accept the app secret: it is not that of the app that the token was made with.'
const COPY_SECRET = 'Copy App ID and App secret from the app’s dashboard: Settings, Basic.'

/** What judging needs beside the ids. */
export interface JudgeAsked extends WhatsAppAsked {
  /** Where the app's own webhook may lead for connecting to set its fields right; the doctor only looks. */
  mends?: readonly string[]
  /** Where it leads when it is ours. */
  callbackUrl?: string | null
}

export function judgeWhatsApp(facts: WhatsAppFacts, asked: JudgeAsked): CheckResult[] {
  const { number } = facts
  if (!number.ok && isAway(number.error)) {
    const says = `WhatsApp does not answer (${reasonOf(number.error)}).`
    return [fail('wa.answers', says, 'Check that this machine reaches graph.facebook.com, then try again.')]
  }
  const answers = ok('wa.answers', 'WhatsApp answers.')
  if (!number.ok && number.error.code === 'wa_token_invalid') {
    const remedy = 'Make a new token for a system user in Meta Business Settings; it should never expire.'
    return [answers, fail('wa.token', 'The WhatsApp token is expired or revoked.', remedy)]
  }
  const token = judgeToken(facts, asked)
  if (!number.ok && number.error.code === 'wa_app_secret') {
    // Every call carries the proof made with it: nothing else can be told before it is right.
    const told = token.find(check => check.id === 'wa.app_secret' && check.state === 'fail')
    return [answers, told ?? fail('wa.app_secret', WRONG_SECRET, COPY_SECRET)]
  }
  const rest = [...judgeFields(facts, asked), ...judgeAccount(facts, asked), ...judgeNumber(facts, asked)]
  const isSecretWrong = token.some(check => check.id === 'wa.app_secret' && check.state === 'fail')
  const misled = (check: CheckResult): boolean =>
    check.state === 'fail' && (check.id === 'wa.account' || check.id === 'wa.number')
  return [answers, ...token, ...(isSecretWrong ? rest.filter(check => !misled(check)) : rest)]
}

function judgeToken({ token }: WhatsAppFacts, { appId, wabaId }: WhatsAppAsked): CheckResult[] {
  if (token === null) {
    const says = "Without the app's id the rights of the token cannot be read, and template changes are polled."
    return [warn('wa.scopes', says, 'Add whatsapp.appId: the number on top of the app’s dashboard.')]
  }
  if (!token.ok) {
    const says = `Meta does not accept app ${appId} with this app secret (${reasonOf(token.error)}).`
    return [fail('wa.app_secret', says, COPY_SECRET)]
  }
  const { isValid, appId: owner, expiresAt, scopes, granularScopes } = token.value
  if (!isValid) {
    const remedy = 'Make a new token for a system user in Meta Business Settings; it should never expire.'
    return [fail('wa.token', 'The WhatsApp token is expired or revoked.', remedy)]
  }
  const results = [ok('wa.token', 'The WhatsApp token is accepted.')]
  if (owner !== undefined && appId !== null && owner !== appId) {
    const says = `The token belongs to app ${owner}, not to app ${appId}.`
    results.push(fail('wa.app_secret', says, 'Give the id and the secret of the app that the token was made with.'))
  } else results.push(ok('wa.app_secret', `App ${appId} and its secret match.`))
  if (expiresAt !== undefined) {
    const says = `The token expires on ${expiresAt.toISOString().slice(0, 10)}.`
    results.push(warn('wa.token_expiry', says, 'Use the token of a system user, with no expiry.'))
  }
  for (const { right, for: purpose } of readManifest().needs.whatsapp) {
    const id = `wa.scope.${right}`
    const targets = granularScopes.find(each => each.scope === right)?.targetIds ?? []
    if (!scopes.includes(right)) {
      const says = `The token lacks ${right}, needed for ${purpose}.`
      results.push(fail(id, says, `Make the token again and tick ${right}.`))
    } else if (targets.length > 0 && !targets.includes(wabaId)) {
      const says = `The token has ${right}, but not for WhatsApp account ${wabaId}.`
      results.push(fail(id, says, `Assign account ${wabaId} to the system user, then make the token again.`))
    } else results.push(ok(id, `The token has ${right}.`))
  }
  return results
}

function judgeAccount({ waba }: WhatsAppFacts, { wabaId }: WhatsAppAsked): CheckResult[] {
  if (!waba.ok) {
    const says = `The token cannot see WhatsApp account ${wabaId} (${reasonOf(waba.error)}).`
    const remedy =
      'Check the account id in WhatsApp Manager, and that the system user has whatsapp_business_management and the account.'
    return [fail('wa.account', says, remedy)]
  }
  const { reviewStatus } = waba.value
  if (reviewStatus === 'REJECTED') {
    return [fail('wa.account', 'Meta has rejected this WhatsApp account.', 'See Business Support Home at Meta.')]
  }
  return [health('wa.account', `WhatsApp account ${waba.value.name ?? wabaId}`, waba.value)]
}

function judgeNumber({ number, wabaNumbers }: WhatsAppFacts, { phoneNumberId, wabaId }: WhatsAppAsked): CheckResult[] {
  if (!number.ok) return [judgeUnseenNumber(number.error, phoneNumberId)]
  const { displayPhoneNumber: shown, status, platformType, codeVerificationStatus } = number.value
  const results: CheckResult[] = []
  if (wabaNumbers.ok && !wabaNumbers.value.some(each => each.id === phoneNumberId)) {
    const known = wabaNumbers.value.map(each => `${each.id} (${each.displayPhoneNumber})`).join(', ')
    const says = `Number ${phoneNumberId} is not one of WhatsApp account ${wabaId}.`
    const remedy = known === '' ? 'Check both ids in WhatsApp Manager.' : `Its numbers are: ${known}.`
    return [fail('wa.number', says, remedy)]
  }
  results.push(ok('wa.number', `The number is ${shown}.`))
  const registered = platformType === undefined || platformType === 'CLOUD_API'
  if (!registered || status === 'DISCONNECTED' || status === 'UNVERIFIED' || status === 'PENDING') {
    const says = `${shown} is not registered with the Cloud API (${status ?? platformType}).`
    const remedy =
      codeVerificationStatus === 'VERIFIED'
        ? 'Register it with its six-digit PIN: in WhatsApp Manager, or POST /PHONE_NUMBER_ID/register.'
        : 'Verify it by the code in WhatsApp Manager first, then register it with a six-digit PIN.'
    results.push(fail('wa.registered', says, remedy))
  } else if (status !== undefined && ['BANNED', 'DELETED', 'OFFLINE', 'MIGRATED'].includes(status)) {
    results.push(fail('wa.registered', `${shown} cannot be used: ${status}.`, 'See Business Support Home at Meta.'))
  } else if (status === 'RESTRICTED' || status === 'FLAGGED' || status === 'RATE_LIMITED') {
    const says = `WhatsApp limits ${shown} for now (${status}).`
    results.push(
      warn('wa.registered', says, 'Send less and better wanted messages; see the quality in WhatsApp Manager.')
    )
  } else results.push(ok('wa.registered', `${shown} is registered.`))
  results.push(judgeDisplayName(number.value))
  results.push(health('wa.health', shown, number.value))
  return results
}

function judgeUnseenNumber(error: PuenteError, phoneNumberId: string): CheckResult {
  // 100 alone is any parameter that Graph does not take.
  const { metaCode, metaSubcode } = error.facts
  const isMissing = metaCode === 33 || (metaCode === 100 && metaSubcode === 33)
  if (!isMissing) {
    const says = `The token cannot see number ${phoneNumberId} (${reasonOf(error)}).`
    return fail('wa.number', says, 'Assign the WhatsApp account to the system user, then make the token again.')
  }
  const says = `Meta knows no number ${phoneNumberId} for this token. ${PERSONAL}`
  return fail('wa.number', says, 'Copy the phone number id (not the number) from WhatsApp Manager, API setup.')
}

/** Meta's own test numbers need an approved name before they may send at all (131037). */
function judgeDisplayName(number: { displayPhoneNumber: string; nameStatus?: string }): CheckResult {
  const id = 'wa.display_name'
  const { nameStatus, displayPhoneNumber } = number
  const ofMeta = /^1?555/.test(displayPhoneNumber.replace(/\D/g, ''))
  switch (nameStatus) {
    case 'PENDING_REVIEW': {
      const says = 'Meta has not approved the display name yet: customers see the number instead, and limits stay low.'
      const remedy = 'Wait for the review in WhatsApp Manager; it needs no new connecting.'
      return ofMeta ? fail(id, says, `${remedy} A number of Meta’s may not send before.`) : warn(id, says, remedy)
    }
    case 'DECLINED':
    case 'EXPIRED': {
      const says = `Meta has ${nameStatus === 'DECLINED' ? 'declined' : 'let expire'} the display name.`
      const remedy = 'Ask for another display name in WhatsApp Manager; register the number again once it is approved.'
      return ofMeta ? fail(id, says, remedy) : warn(id, says, remedy)
    }
    default:
      return ok(id, 'The display name is in order.')
  }
}

interface Health {
  canSend?: string
  problems: readonly string[]
  healthCodes?: readonly number[]
}

function health(id: string, what: string, { canSend, problems, healthCodes }: Health): CheckResult {
  const told = problems.length === 0 ? '' : ` ${problems.join(' ')}`
  if (lacksPaymentOnly(canSend, healthCodes)) {
    const says = `${what} may not send before there is a payment method; what customers write comes in.${told}`
    return warn(id, says, 'Add a payment method in WhatsApp Manager.')
  }
  if (canSend === 'BLOCKED') {
    return fail(id, `${what} may not send.${told}`, 'See Business Support Home at Meta, and mend what it names.')
  }
  if (canSend === 'LIMITED') {
    return warn(id, `${what} may send only in part.${told}`, 'See WhatsApp Manager, and mend what it names.')
  }
  return ok(id, `${what} may send.`)
}
