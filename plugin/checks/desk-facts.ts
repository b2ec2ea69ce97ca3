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
}

export interface DeskAsked {
  setup: ChatwootSetup
  account: AccountSetup
}

/** Only reads. When nothing answers, the same error stands for all. */
export async function readDeskFacts({ setup, account }: DeskAsked, access: DeskAccess): Promise<DeskFacts> {
  const version = await attempt(() => setup.readVersion(access.url))
  if (!version.ok && isAway(version.error)) {
    return { version, profile: version, account: version, inboxes: version }
  }
  const [profile, about, inboxes] = await Promise.all([
    attempt(() => setup.readProfile(access)),
    attempt(() => account.readAccount(access)),
    attempt(() => account.listInboxes(access))
  ])
  return { version, profile, account: about, inboxes }
}
