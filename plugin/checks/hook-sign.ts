/**
 * Tries a hook by a sign that nobody sees: somebody stopped writing a private note. It leaves nothing, and takes no more
 * than a member's token; but it needs a conversation in which it may be made.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connections } from '../../adapters/postgres/connections.ts'
import type { PuenteError } from '../core/errors.ts'
import type { DeskAccess, DeskConversation, HelpDesk } from '../core/ports/help-desk.ts'
import { attempt } from './read.ts'

export interface SignDeps {
  desk: Pick<HelpDesk, 'listConversations' | 'setTyping'>
  connections: Pick<Connections, 'lastHookAt'>
  /** How long the hook may take to arrive. */
  patienceMs: number
}

export interface SignedNumber {
  id: number
  inboxId: number
  access: DeskAccess
}

/** `idle`: nobody wrote today. `recent` holds the newest conversations of today, the newest first. */
export type SignOutcome =
  | { kind: 'arrived'; ms: number }
  | { kind: 'silent'; recent: DeskConversation[] }
  | { kind: 'untried'; error: PuenteError }
  | { kind: 'idle' }

const DAY_MS = 86_400_000
const LOOK_EVERY_MS = 100

export async function signThroughHook(deps: SignDeps, number: SignedNumber): Promise<SignOutcome> {
  const listed = await attempt(() => deps.desk.listConversations(number.access, number.inboxId, 1))
  if (!listed.ok) return { kind: 'untried', error: listed.error }
  const recent = listed.value.filter(({ lastActivityAt }) => lastActivityAt.getTime() > Date.now() - DAY_MS)
  const newest = recent[0]
  if (newest === undefined) return { kind: 'idle' }
  const before = await deps.connections.lastHookAt(number.id)
  const startedMs = performance.now()
  const signed = await attempt(() => deps.desk.setTyping(number.access, newest.id, false, { private: true }))
  if (!signed.ok) return { kind: 'untried', error: signed.error }
  while (performance.now() - startedMs < deps.patienceMs) {
    await sleep(LOOK_EVERY_MS)
    if ((await deps.connections.lastHookAt(number.id)) !== before) {
      return { kind: 'arrived', ms: Math.round(performance.now() - startedMs) }
    }
  }
  return { kind: 'silent', recent }
}
