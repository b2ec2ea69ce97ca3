/** Whether the desk answers, is new enough, and the token is what setting up needs. Pure; the facts are handed in. */
import type { DeskAccess } from '../core/ports/help-desk.ts'
import { readManifest } from '../manifest.ts'
import { type CheckResult, fail, ok, warn } from './check.ts'
import type { DeskFacts } from './desk-facts.ts'
import { isAway, reasonOf } from './read.ts'
import { judgeVersion } from './version.ts'

/** @param isSetUp all is made already: then a member's token is enough, and what stays off is said */
export function judgeDesk(facts: DeskFacts, access: DeskAccess, isSetUp = false): CheckResult[] {
  const { version, profile } = facts
  if (!version.ok) {
    const says = `Chatwoot does not answer at ${access.url} (${reasonOf(version.error)}).`
    return [fail('desk.answers', says, 'Check the address, and that this machine reaches it.')]
  }
  const results = [ok('desk.answers', `Chatwoot answers at ${access.url}.`)]
  results.push(judgeVersion(version.value, readManifest().host))
  if (!profile.ok) {
    const says = isAway(profile.error)
      ? `Chatwoot is in trouble (${reasonOf(profile.error)}).`
      : 'Chatwoot does not accept the access token.'
    const remedy = 'Copy the access token of an administrator: Profile settings, Access token.'
    return [...results, fail('desk.token', says, isAway(profile.error) ? 'Try again when it is well.' : remedy)]
  }
  const { name, accounts, administrator } = profile.value
  const account = accounts.find(each => each.id === access.accountId)
  if (account === undefined) {
    const known = accounts.map(each => `${each.id} (${each.name})`).join(', ')
    const says = `The token's owner, ${name}, has no account ${access.accountId}.`
    const remedy = known === '' ? 'Use the token of one of its administrators.' : `Use one of these accounts: ${known}.`
    return [...results, fail('desk.token', says, remedy)]
  }
  results.push(ok('desk.token', `The token belongs to ${name}, account ${account.name}.`))
  if (administrator) return [...results, ok('desk.administrator', `${name} is an administrator.`)]
  const says = `${name} is ${account.role === 'agent' ? 'an agent' : account.role}, not an administrator.`
  if (isSetUp) {
    const off = `${says} Messages flow with this token, too; Chatwoot's own template picker is no longer kept in step, and changed inbox settings are not put back.`
    return [...results, warn('desk.administrator', off, "Connect with an administrator's token to have both.")]
  }
  const [administrators] = readManifest().needs.chatwoot
  const remedy = `Use the token of an ${administrators!.right} of the account; it takes one for ${administrators!.for}.`
  return [...results, fail('desk.administrator', says, remedy)]
}

/** What of a number matters here. */
export interface InboxOfNumber {
  displayPhoneNumber: string
  phoneNumberId: string
  inboxId: number
}

/** A token serves all numbers of its account: an agent's must be a member of every inbox, an administrator sees all. */
export function judgeMembership(
  { profile, inboxes }: Pick<DeskFacts, 'profile' | 'inboxes'>,
  numbers: readonly InboxOfNumber[]
): CheckResult[] {
  if (!profile.ok || profile.value.administrator || !inboxes.ok) return []
  const id = 'desk.member'
  const { name } = profile.value
  const missing = numbers.filter(number => !inboxes.value.some(inbox => inbox.id === number.inboxId))
  if (missing.length === 0) return [ok(id, `${name} is a member of every connected inbox.`)]
  const named = missing.map(number => `${number.displayPhoneNumber || number.phoneNumberId} (${number.inboxId})`)
  const says = `The token is used for every number of the account, and ${name} is no member of these inboxes: ${named.join(', ')}.`
  const remedy =
    'Add that person to these inboxes in Chatwoot (Settings, Inboxes, Collaborators), or use another token.'
  return [fail(id, says, remedy)]
}
