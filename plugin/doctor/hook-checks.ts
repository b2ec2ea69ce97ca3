/**
 * The way from the desk to Puente: how the inbox is set, and whether a hook really arrives. The hook is tried by a sign
 * that nobody sees (somebody stopped writing a private note), and what Chatwoot wrote on messages tells why not.
 */
import type { AccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import type { Connections } from '../../adapters/postgres/connections.ts'
import type { Database } from '../../adapters/postgres/database.ts'
import { checkDeskReachesUs, isPrivateHost } from '../checks/addresses.ts'
import { signThroughHook } from '../checks/hook-sign.ts'
import { rulesOfDesk } from '../core/desk/versions.ts'
import { judgeInbox } from '../core/desk-watch.ts'
import { asPuenteError } from '../core/errors.ts'
import type { DeskSettings, InboxSettings } from '../core/ports/desk-settings.ts'
import type { DeskConversation, HelpDesk } from '../core/ports/help-desk.ts'
import type { ServedNumber } from '../core/registry.ts'
import type { DeskReport } from './desk-checks.ts'
import { type Finding, type Named, namer } from './finding.ts'

export interface HookChecksDeps {
  database: Database
  connections: Pick<Connections, 'lastHookAt' | 'openReach' | 'wasReached'>
  desk: HelpDesk
  account: Pick<AccountSetup, 'fetchThrough'>
  settings: DeskSettings
  installation: string
  /** A Puente is running that could hear a hook. */
  running: boolean
  /** How long a hook may take to arrive. */
  patienceMs: number
}

export async function checkHooks(deps: HookChecksDeps, number: ServedNumber, desk: DeskReport): Promise<Finding[]> {
  const named = namer(number.displayPhoneNumber)
  if (desk.administrator === null) return []
  let inbox: InboxSettings
  try {
    inbox = await deps.settings.readInbox(number.deskAccess, number.inboxId)
  } catch (error) {
    return [missingInbox(named, asPuenteError(error).code, number)]
  }
  const findings = [
    ...settingFindings(named, number, inbox, deps.installation, desk.administrator),
    ...(await countFindings(deps, named, number))
  ]
  const isSet = !findings.some(finding => finding.id === 'inbox.hook_url' && finding.state !== 'ok')
  if (isSet) findings.push(...(await tryHook(deps, named, number, inbox, desk)))
  return findings
}

function missingInbox({ fail, warn }: Named, code: string, number: ServedNumber): Finding {
  if (code === 'desk_inbox_gone')
    return fail(
      'inbox.exists',
      `Its inbox (${number.inboxId}) was deleted in Chatwoot; customers' messages are set aside.`,
      'Run puente connect again for this number, then puente replay --cause desk_inbox_gone.'
    )
  if (code === 'desk_forbidden')
    return fail(
      'inbox.exists',
      "The owner of Chatwoot's token is no member of its inbox.",
      'Add that person to the inbox in Chatwoot, or connect with an administrator’s token.'
    )
  return warn('inbox.exists', `Its inbox could not be read (${code}).`, 'Try again in a minute.')
}

function settingFindings(
  { ok, warn, fail }: Named,
  number: ServedNumber,
  inbox: InboxSettings,
  installation: string,
  administrator: boolean
): Finding[] {
  const verdict = judgeInbox(number, inbox, installation)
  const wrong = new Set(verdict.wrong.map(each => each.what))
  if (wrong.has('taken'))
    return [
      fail(
        'inbox.ours',
        'Another Puente has taken this inbox over.',
        'Disconnect the number here or there: one number belongs to one Puente.'
      )
    ]
  const soon = administrator
    ? 'A running Puente puts it back within five minutes; if not, run puente connect again.'
    : "Ask an administrator to run puente connect again; an agent's token may not change it."
  const findings: Finding[] = []
  findings.push(
    wrong.has('hook_url')
      ? fail(
          'inbox.hook_url',
          'The hook address of the inbox is gone or leads elsewhere: answers do not reach Puente.',
          soon
        )
      : ok('inbox.hook_url', 'The inbox sends its hooks here.')
  )
  if (verdict.hookSecret !== undefined)
    findings.push(
      fail(
        'inbox.hook_secret',
        'The signing secret of the inbox was changed, so its hooks are refused.',
        'A running Puente takes the new secret over by itself; start it, or run puente connect again.'
      )
    )
  else if (inbox.secret !== null)
    findings.push(ok('inbox.hook_secret', 'The signing secret of the inbox is the one that we know.'))
  if (wrong.has('window'))
    findings.push(
      warn(
        'inbox.window',
        'The reply window of the inbox is not 24 hours, so Chatwoot opens or closes its editor at the wrong time.',
        soon
      )
    )
  if (wrong.has('banner'))
    findings.push(
      warn('inbox.banner', 'The banner over the closed editor is not the one that tells agents of templates.', soon)
    )
  if (wrong.has('marker'))
    findings.push(
      warn('inbox.marker', "Puente's mark on the inbox is gone; another Puente would not see that it is taken.", soon)
    )
  return findings
}

/** What the running Puente counted today and yesterday. */
async function countFindings(deps: HookChecksDeps, { warn }: Named, number: ServedNumber): Promise<Finding[]> {
  const answer = await deps.database.work.query(
    `select name, sum(n)::int as n from counters where number_id = $1 and day >= current_date - 1
       and name in ('hook_refused', 'painted_failed') group by 1`,
    [number.id]
  )
  const counts = new Map((answer.rows as { name: string; n: number }[]).map(row => [row.name, row.n]))
  const findings: Finding[] = []
  if ((counts.get('hook_refused') ?? 0) > 0)
    findings.push(
      warn(
        'inbox.hooks_refused',
        'Hooks with a wrong signature came in since yesterday.',
        'If the signing secret was changed, connect again with an administrator’s token; Puente reads what it missed.'
      )
    )
  if ((counts.get('painted_failed') ?? 0) > 0)
    findings.push(
      warn(
        'inbox.hooks_late',
        `Since yesterday Chatwoot gave ${counts.get('painted_failed')} hook(s) up before Puente had answered, and showed sent messages as failed.`,
        'Raise WEBHOOK_TIMEOUT in the super admin console, or give Puente’s machine and database more room.'
      )
    )
  return findings
}

async function tryHook(
  deps: HookChecksDeps,
  named: Named,
  number: ServedNumber,
  inbox: InboxSettings,
  desk: DeskReport
): Promise<Finding[]> {
  const { ok, warn, fail } = named
  if (!deps.running) return []
  const sign = await signThroughHook(deps, { id: number.id, inboxId: number.inboxId, access: number.deskAccess })
  switch (sign.kind) {
    case 'arrived':
      return [ok('inbox.hook', `A hook of Chatwoot arrives after ${sign.ms} ms.`)]
    case 'untried':
      return [warn('inbox.hook', `The hook could not be tried (${sign.error.code}).`, 'Try again in a minute.')]
    case 'idle':
      return [await tryWithoutHook(deps, named, number, inbox, desk)]
    case 'silent': {
      // The stand-in on this machine calls its own kind.
      const isPrivate = !number.sandbox && inbox.webhookUrl !== null && (await isPrivateHost(inbox.webhookUrl))
      const refuses = rulesOfDesk(desk.version).refusesPrivateHooks
      const [says, remedy] = await explainSilence(deps, number, sign.recent, { isPrivate, refuses })
      return [fail('inbox.hook', says, remedy)]
    }
  }
}

/** Nobody wrote today, so there is nothing that a hook could be about: the desk is asked to call the same address. */
async function tryWithoutHook(
  deps: HookChecksDeps,
  { ok, about }: Named,
  number: ServedNumber,
  inbox: InboxSettings,
  desk: DeskReport
): Promise<Finding> {
  const base = inbox.webhookUrl!.slice(0, -`/webhooks/chatwoot/${number.inboxKey}`.length)
  const reached = await checkDeskReachesUs(base, {
    account: deps.account,
    access: number.deskAccess,
    version: desk.version,
    connections: deps.connections
  })
  return reached.state === 'ok'
    ? ok('inbox.hook', 'Nobody wrote today, so no hook was tried; Chatwoot reaches the address of its hooks.')
    : { ...reached, about, id: 'inbox.hook' }
}

/** What Chatwoot wrote on messages whose hook failed (contract §5.1, §13). */
const REASONS: readonly (readonly [RegExp, string, string])[] = [
  [
    /no public ip/i,
    'Chatwoot refuses to call Puente, since its address is private.',
    'Set SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true for Chatwoot (web and Sidekiq), or give Puente a public address.'
  ],
  [
    /^401\b/,
    'Puente refuses the hooks of Chatwoot: their signature does not match.',
    "Connect again with an administrator's token, so that the inbox's secret is read anew."
  ],
  [
    /^404\b/,
    'The hook address of the inbox leads to something that does not know it.',
    'Check PUENTE_PUBLIC_URL and the reverse proxy, then run puente connect again.'
  ],
  [
    /ReadTimeout|Timed out|execution expired/i,
    'Chatwoot gives its hooks up before Puente answers.',
    'Look at the load of Puente’s machine and database, or raise WEBHOOK_TIMEOUT in the super admin console.'
  ],
  [
    /refused|Failed to open|getaddrinfo|unreachable|end of file/i,
    'Chatwoot cannot reach the address of Puente.',
    'Check that PUENTE_PUBLIC_URL can be called from the machine of Chatwoot (firewall, DNS, reverse proxy).'
  ],
  [
    /^5\d\d\b/,
    'Something between Chatwoot and Puente answers hooks with an error.',
    'Look at the reverse proxy and at the log of Puente.'
  ]
]

async function explainSilence(
  deps: HookChecksDeps,
  number: ServedNumber,
  recent: DeskConversation[],
  known: { isPrivate: boolean; refuses: boolean }
): Promise<[string, string]> {
  for (const conversation of recent.slice(0, 3)) {
    const messages = await deps.desk
      .listMessagesAfter(number.deskAccess, conversation.id, Math.max(0, (conversation.lastMessageId ?? 0) - 30))
      .catch(() => [])
    for (const message of messages.reverse()) {
      const error = message.attributes['external_error']
      const reason = typeof error === 'string' ? REASONS.find(([pattern]) => pattern.test(error)) : undefined
      if (reason !== undefined) return [reason[1], reason[2]]
    }
  }
  if (known.isPrivate && known.refuses) return [REASONS[0]![1], REASONS[0]![2]]
  return [
    `No hook of Chatwoot arrived within ${Math.round(deps.patienceMs / 1000)} s.`,
    'Check that PUENTE_PUBLIC_URL can be called from the machine of Chatwoot, and that its Sidekiq is running and not behind.'
  ]
}
