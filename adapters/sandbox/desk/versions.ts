/** What differs between the versions that the stand-in can speak for (contract §12, §13 Other versions). */

/** The version that the stand-in speaks for unless it is told another. Source: contract §0, §13. */
export const CHATWOOT_VERSION = '4.16.2'

export interface Dialect {
  version: string
  /** Hooks of API inboxes carry a signature (4.13.0). */
  signsHooks: boolean
  /** `conversation` in hooks names its account (4.14.2). */
  tellsAccount: boolean
  /** `profile` tells `accounts[].api_and_webhooks` (after 4.13.0). */
  tellsHooksAllowed: boolean
  /** `merge: true` keeps the conversation attributes of others (after 4.16.2). */
  mergesAttributes: boolean
  /** A Retry gives one `message_updated`, not two (after 4.16.2). */
  retriesOnce: boolean
}

export function dialectOf(version: string): Dialect {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(part => Number.parseInt(part, 10) || 0)
  const number = major * 10_000 + minor * 100 + patch
  return {
    version,
    signsHooks: number >= 41_300,
    tellsAccount: number >= 41_402,
    tellsHooksAllowed: number > 41_300,
    mergesAttributes: number > 41_602,
    retriesOnce: number > 41_602
  }
}
