/** What a desk says of itself and of the token: asked once, judged in desk.ts, elsewhere.ts and by the doctor. */

import type { ChatwootSetup, DeskProfile } from '../../adapters/chatwoot/setup.ts'
import type { AccountFacts, AccountSetup, ListedInbox } from '../../adapters/chatwoot/setup-account.ts'
import type { DeskAccess } from '../core/ports/help-desk.ts'
import { attempt, isAway, type Read } from './read.ts'

export interface DeskFacts {
  version: Read<string | null>
  profile: Read<DeskProfile>
  account: Read<AccountFacts>
  inboxes: Read<ListedInbox[]>
  /** Of the other accounts of this Chatwoot in which the token's owner is an administrator. */
  otherAccounts: { id: number; name: string; inboxes: ListedInbox[] }[]
}

export interface DeskAsked {
  setup: ChatwootSetup
  account: AccountSetup
}

/** Each is one more call: nobody administers more accounts than that with good reason. */
const MOST_ACCOUNTS = 20

/** Only reads. When nothing answers, the same error stands for all. */
export async function readDeskFacts({ setup, account }: DeskAsked, access: DeskAccess): Promise<DeskFacts> {
  const version = await attempt(() => setup.readVersion(access.url))
  if (!version.ok && isAway(version.error)) {
    return { version, profile: version, account: version, inboxes: version, otherAccounts: [] }
  }
  const [profile, about, inboxes] = await Promise.all([
    attempt(() => setup.readProfile(access)),
    attempt(() => account.readAccount(access)),
    attempt(() => account.listInboxes(access))
  ])
  return { version, profile, account: about, inboxes, otherAccounts: await readOthers(account, access, profile) }
}

/** Whoever administers several accounts may have the number in another of them. */
async function readOthers(
  account: Pick<AccountSetup, 'listInboxes'>,
  access: DeskAccess,
  profile: Read<DeskProfile>
): Promise<DeskFacts['otherAccounts']> {
  if (!profile.ok) return []
  const others = profile.value.accounts.filter(({ id, role }) => id !== access.accountId && role === 'administrator')
  const read = others.slice(0, MOST_ACCOUNTS).map(async ({ id, name }) => {
    const inboxes = await attempt(() => account.listInboxes({ ...access, accountId: id }))
    return inboxes.ok ? [{ id, name, inboxes: inboxes.value }] : []
  })
  return (await Promise.all(read)).flat()
}
