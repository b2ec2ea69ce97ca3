/** A desk: does it answer, what version, whose token, its clock and its pace, what stays off. Changes nothing. */
import type { ChatwootSetup } from '../../adapters/chatwoot/setup.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { judgeDesk } from '../checks/desk.ts'
import { attempt, isAway, type Read } from '../checks/read.ts'
import { rulesOfDesk } from '../core/desk/versions.ts'
import type { DeskRecord } from '../core/ports/store.ts'
import { type Finding, namer } from './finding.ts'
import { clockFinding } from './ground.ts'

export interface DeskReport {
  findings: Finding[]
  /** Null when the token is not accepted. */
  administrator: boolean | null
  version: string | null
}

/** Chatwoot gives a hook five seconds in all; its own pages slower than a second mean that its workers starve. */
const SLOW_MS = 1_000
const HOOK_TIMEOUT_MS = 5_000

export interface DeskChecksDeps {
  http: HttpClient
  setup: ChatwootSetup
  now: () => Date
}

export function aboutDesk(desk: Pick<DeskRecord, 'url' | 'accountId'>): string {
  return `Chatwoot ${desk.url}, account ${desk.accountId}`
}

export async function checkDesk(deps: DeskChecksDeps, desk: DeskRecord): Promise<DeskReport> {
  const about = aboutDesk(desk)
  const access = { url: desk.url, accountId: desk.accountId, token: desk.token }
  const version = await attempt(() => deps.setup.readVersion(desk.url))
  const gone = !version.ok && isAway(version.error)
  const profile = gone ? version : await attempt(() => deps.setup.readProfile(access))
  const judged = judgeDesk(
    { version, profile, account: version as Read<never>, inboxes: version as Read<never>, otherAccounts: [] },
    access
  )
  const findings = judged.flatMap((result): Finding[] => {
    if (result.id === 'desk.answers' && result.state === 'fail') return [{ ...result, about, unreachable: true }]
    if (result.id === 'desk.administrator' && result.state === 'fail') return [offWithoutAdministrator(about, desk)]
    return [{ ...result, about }]
  })
  if (version.ok) findings.push(...absentRules(about, version.value), ...(await checkPace(deps, desk, about)))
  return {
    findings,
    administrator: profile.ok ? profile.value.administrator : null,
    version: version.ok ? version.value : desk.version
  }
}

/** Writing an inbox is an administrator's right; everything else works with a member's token. */
function offWithoutAdministrator(about: string, desk: DeskRecord): Finding {
  return namer(about).warn(
    'desk.administrator',
    `The token …${desk.tokenHint} is an agent's. Messages flow; what stays off: templates in Chatwoot's own picker, and putting changed inbox settings back.`,
    "Run puente connect again with an administrator's token to switch these on."
  )
}

/** What this version cannot do, and what Puente does instead. */
function absentRules(about: string, version: string | null): Finding[] {
  const { ok, fail } = namer(about)
  const rules = rulesOfDesk(version)
  if (!rules.takesStatus)
    return [
      fail('desk.rules', 'It cannot show ticks or failures (before 4.2).', 'Upgrade Chatwoot to 4.13.0 or newer.')
    ]
  const instead = [
    ...(rules.signsHooks ? [] : ['hooks are not signed: their secret address protects them']),
    ...(rules.mergesAttributes ? [] : ['attributes are written whole, and checked afterwards']),
    ...(rules.retryKeepsAttributes ? [] : ['a Retry forgets what was quoted: Puente remembers it'])
  ]
  return [
    ok('desk.rules', instead.length === 0 ? 'It can do all that Puente uses.' : `Worked around: ${instead.join('; ')}.`)
  ]
}

async function checkPace(deps: DeskChecksDeps, desk: DeskRecord, about: string): Promise<Finding[]> {
  const { ok, warn, fail } = namer(about)
  const startedMs = performance.now()
  const sentAt = deps.now().getTime()
  const answer = await attempt(() => deps.http.request({ method: 'GET', url: `${desk.url}/api`, timeoutMs: 15_000 }))
  const tookMs = performance.now() - startedMs
  if (!answer.ok) return []
  const seconds = (tookMs / 1000).toFixed(1)
  const date = Date.parse(String(answer.value.headers['date'] ?? ''))
  const findings: Finding[] = []
  // The header tells whole seconds, cut off.
  if (!Number.isNaN(date)) findings.push(clockFinding(about, 'desk.clock', date + 500 - sentAt - tookMs / 2))
  if (tookMs >= HOOK_TIMEOUT_MS)
    findings.push(
      fail(
        'desk.pace',
        `It took ${seconds} s to answer, longer than it allows its own hooks (5 s).`,
        'Give Chatwoot more web and Sidekiq processes, or a larger machine.'
      )
    )
  else if (tookMs >= SLOW_MS)
    findings.push(
      warn(
        'desk.pace',
        `It took ${seconds} s to answer; the hooks of answers are late then, too.`,
        'Look at its load; more Sidekiq processes help first.'
      )
    )
  else findings.push(ok('desk.pace', `It answers in ${Math.max(1, Math.round(tookMs))} ms.`))
  return findings
}
