/**
 * What every help desk must do, whatever stands behind it: a stand-in or a real Chatwoot. Each check is one assumption
 * that Puente's code makes. The suite makes an inbox of its own, works in it, and removes what it made, always.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeskAgents } from '../../adapters/chatwoot/agents.ts'
import { createChatwootDesk, DESK_TIMEOUT_MS } from '../../adapters/chatwoot/client.ts'
import { createChatwootSetup, type DeskProfile } from '../../adapters/chatwoot/setup.ts'
import { createAccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { AgentDeskSession, DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import { isBefore, type Outcome, playCheck } from './check.ts'
import { createFence, type Fence } from './fence.ts'
import { ACCOUNT_CASES } from './help-desk-account.ts'
import { CONTACTS_CASES } from './help-desk-contacts.ts'
import { CONVERSATIONS_CASES } from './help-desk-conversations.ts'
import { answer, begin, type Case, type Ground, named, run, unique, waitForHook } from './help-desk-ground.ts'
import { HOOKS_CASES } from './help-desk-hooks.ts'
import { LISTS_CASES } from './help-desk-lists.ts'
import { PEOPLE_CASES } from './help-desk-people.ts'
import { ROWS_CASES } from './help-desk-rows.ts'
import { SETUP_CASES } from './help-desk-setup.ts'
import { type HookAddress, receiveHooks } from './hook-receiver.ts'

/** First of all: whether the desk can speak to us decides what else can be seen. */
const REACH: Case = {
  id: 'CW-REACH',
  says: 'the desk reaches our address with a hook, and shows the message as sent',
  async play(t, ground) {
    const { desk, access, agent } = ground
    const { conversationId } = await begin(ground)
    const { messageId } = await desk.createMessage(agent, conversationId, answer('¿se oye?'))
    const heard = await waitForHook(ground, hook => hook.kind === 'message' && hook.message.id === messageId).catch(
      (error: Error) => error
    )
    if (ground.stopped()) throw heard
    const message = await desk.readMessage(access, conversationId, messageId)
    if (heard instanceof Error) {
      const why = String(message?.attributes.external_error ?? 'the desk tells no reason')
      throw new Error(`no hook at ${new URL(ground.receiver.url).origin} within ${ground.hookWaitMs / 1000} s: ${why}`)
    }
    t.equal(message?.status, 'sent')
  }
}

export const HELP_DESK_CASES: readonly Case[] = [
  REACH,
  ...SETUP_CASES,
  ...ACCOUNT_CASES,
  ...PEOPLE_CASES,
  ...CONTACTS_CASES,
  ...CONVERSATIONS_CASES,
  ...LISTS_CASES,
  ...ROWS_CASES,
  ...HOOKS_CASES
]

const DEAF =
  'the desk does not reach the hook receiver (name an address that it reaches with --hook-host or --hook-url; ' +
  'for a private one the desk needs SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true)'
/** Older ones lack what everything else rests on. */
const OLDEST = '4.2.0'

export interface HelpDeskRun {
  /** Closed by the caller. */
  http: HttpClient
  /** An administrator's. */
  access: DeskAccess
  agentToken?: string
  session?: AgentDeskSession
  hook: HookAddress
  hookWaitMs: number
  slow: boolean
  /** Leaves what was made in the desk. */
  keep: boolean
  /** Only the checks whose id matches. */
  only?: RegExp
  goneWithinMs?: number
  tell(outcome: Outcome): void
  /** What to know before the first check. */
  say?(text: string): void
  stop: AbortSignal
}

export interface HelpDeskResult {
  version: string | null
  outcomes: Outcome[]
  interrupted: boolean
  /** What could not be removed, or was to be kept. */
  left: string[]
}

/** Fails with a PuenteError before anything is made where the desk, the account or the rights are not there. */
export async function runHelpDeskSuite(options: HelpDeskRun): Promise<HelpDeskResult> {
  const { http, access, stop } = options
  const plain = createChatwootSetup({ http })
  const version = await plain.readVersion(access.url)
  const admin = await plain.readProfile(access)
  needAdministrator(admin, access.accountId, version)
  const fence = createFence({ http, access, tag: run, goneWithinMs: options.goneWithinMs })
  const halt = () => fence.stop()
  stop.addEventListener('abort', halt)
  if (stop.aborted) halt()
  const outcomes: Outcome[] = []
  let left: string[] = []
  try {
    await playAll(options, { fence, version, admin }, outcome => {
      outcomes.push(outcome)
      options.tell(outcome)
    })
  } catch (error) {
    if (!fence.stopped) throw error
  } finally {
    fence.stop()
    stop.removeEventListener('abort', halt)
    left = options.keep ? fence.list() : await fence.removeAll()
  }
  return { version, outcomes, interrupted: stop.aborted, left }
}

async function playAll(
  options: HelpDeskRun,
  { fence, version, admin }: { fence: Fence; version: string | null; admin: DeskProfile },
  tell: (outcome: Outcome) => void
): Promise<void> {
  const { access } = options
  const folder = mkdtempSync(join(tmpdir(), 'puente-conformance-'))
  const receiver = await receiveHooks(options.hook, access.url)
  options.say?.(
    `Chatwoot ${version ?? '(version not told)'}; hooks to ${new URL(receiver.url).origin}; everything made is named ${run}`
  )
  try {
    const setup = createChatwootSetup({ http: fence.http })
    const agent = options.agentToken === undefined ? access : { ...access, token: options.agentToken }
    const person = options.agentToken === undefined ? admin : await setup.readProfile(agent)
    const made = await setup.createInbox(access, {
      name: named('Puente conformance'),
      webhookUrl: receiver.url,
      windowMessage: 'The window is closed',
      marker: { phoneNumberId: unique('number'), installation: run }
    })
    await setup.addMembers(access, made.id, [...new Set([admin.id, person.id])])
    await withoutAssignment(fence.http, access, made.id)
    const inbox = await setup.readInbox(access, made.id)
    const ground: Ground = {
      desk: createChatwootDesk({ http: fence.http }),
      setup,
      account: createAccountSetup({ http: fence.http }),
      people: createDeskAgents({ http: fence.http, timeoutMs: DESK_TIMEOUT_MS }),
      http: fence.http,
      access,
      agent,
      agentId: person.id,
      hasAgent: person.id !== admin.id && !person.administrator,
      session: options.session,
      version,
      inbox,
      secret: inbox.secret ?? '',
      folder,
      receiver,
      hookWaitMs: options.hookWaitMs,
      deaf: null,
      stopped: () => fence.stopped
    }
    for (const check of HELP_DESK_CASES) {
      const wanted = options.only === undefined || options.only.test(check.id)
      if (!wanted && check !== REACH) continue
      if (check.slow && !options.slow) {
        if (wanted) tell({ id: check.id, assumption: check.says, holds: null, seen: 'takes long: only with --slow' })
        continue
      }
      const outcome = await playCheck(check, ground, version)
      if (fence.stopped) return
      if (check === REACH && outcome.holds === false) {
        ground.deaf = DEAF
        // Otherwise the desk would show every answer as failed.
        ground.inbox = await setup.updateInbox(access, inbox.id, { webhookUrl: '' })
      }
      if (wanted) tell(outcome)
    }
  } finally {
    receiver.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Nobody is given, or notified of, what only tests write. */
async function withoutAssignment(http: HttpClient, access: DeskAccess, inboxId: number): Promise<void> {
  await http.request({
    method: 'PATCH',
    url: `${access.url}/api/v1/accounts/${access.accountId}/inboxes/${inboxId}`,
    headers: { 'api-access-token': access.token, 'content-type': 'application/json' },
    body: JSON.stringify({ enable_auto_assignment: false }),
    timeoutMs: 20_000
  })
}

function needAdministrator(profile: DeskProfile, accountId: number, version: string | null): void {
  const problem = !profile.accounts.some(({ id }) => id === accountId)
    ? `this token's user does not belong to account ${accountId}`
    : !profile.administrator
      ? `the token must be an administrator's: the suite makes and removes an inbox`
      : isBefore(version, OLDEST)
        ? `Chatwoot ${version} is older than ${OLDEST}, the first that takes ticks`
        : null
  if (problem !== null) throw new PuenteError('config_invalid', { facts: { problems: problem } })
}
