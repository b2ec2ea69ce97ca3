/**
 * What a desk can do by its version, read once from `GET /api` and corrected by what its answers show. Data with a
 * source; what is absent is worked around where it is used, or said by the doctor.
 */

export interface DeskRules {
  /** Hooks of API inboxes carry a signature; before, the unguessable path is all there is. */
  signsHooks: boolean
  /** `PATCH …/messages/:id` takes a status; without it no ticks can be shown. */
  takesStatus: boolean
  /** `merge: true` keeps the conversation attributes of others; before, they are written whole. */
  mergesAttributes: boolean
  /** A Retry keeps what a message quotes; before, only our own memory has it. */
  retryKeepsAttributes: boolean
  /** Hooks to private addresses are refused unless the server is told to allow them. */
  refusesPrivateHooks: boolean
}

interface Since {
  rule: keyof DeskRules
  since: readonly [number, number, number]
  source: string
}

/** Read 2026-11-22. What came after 4.16.2 is counted from the release that follows it. */
export const DESK_RULES: readonly Since[] = [
  { rule: 'signsHooks', since: [4, 13, 0], source: 'contract/chatwoot §5.1, §13' },
  { rule: 'takesStatus', since: [4, 2, 0], source: 'contract/chatwoot §4.2' },
  { rule: 'mergesAttributes', since: [4, 17, 0], source: 'contract/chatwoot §12: acae0a2ac, 2026-07-28; §13' },
  // Wiped up to 4.17; no release was seen that keeps them, so nothing relies on it.
  { rule: 'retryKeepsAttributes', since: [4, 18, 0], source: 'contract/chatwoot §4.3, §12: inferred' },
  { rule: 'refusesPrivateHooks', since: [4, 14, 0], source: 'contract/chatwoot §5.1 (issues 14489, 14494)' }
]

/**
 * From the first on everything is there that we rely on. Hooks and answers of `recorded` are replayed by the tests; of
 * other versions only what differs was looked at (4.13.0 and develop of 2026-08-18, contract/chatwoot §13).
 */
export const DESK_RANGE = { from: '4.13.0', recorded: ['4.16.2'] } as const

/** `4.16.2`, `v4.17.0-rc1`: three numbers; null when it does not look like a version. */
export function parseVersion(text: string | null | undefined): [number, number, number] | null {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '')
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
}

export function isAtLeast(
  version: string | null | undefined,
  since: readonly [number, number, number]
): boolean | null {
  const parsed = parseVersion(version)
  if (parsed === null) return null
  for (const [at, number] of parsed.entries()) if (number !== since[at]) return number > since[at]!
  return true
}

/** An unknown version is taken for the oldest that we support: what came later is then not used. */
export function rulesOfDesk(version: string | null | undefined): DeskRules {
  const known = parseVersion(version) === null ? DESK_RANGE.from : version
  return Object.fromEntries(
    DESK_RULES.map(({ rule, since }) => [rule, isAtLeast(known, since)])
  ) as unknown as DeskRules
}
