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
  desk: Pick<HelpDesk, 'listChangedConversations' | 'setTyping'>
  connections: Pick<Connections, 'lastHookAt'>
  /** How long the hook may take to arrive. */
  patienceMs: number
}

export interface SignedNumber {
  id: number
  inboxId: number
  access: DeskAccess
}

/** `idle`: nobody wrote today. `recent` holds the conversations of today, the newest first. */
export type SignOutcome =
  | { kind: 'arrived'; ms: number }
  | { kind: 'silent'; recent: DeskConversation[] }
  | { kind: 'untried'; error: PuenteError }
  | { kind: 'idle' }

const DAY_SECONDS = 86_400
const LOOK_EVERY_MS = 100

export async function signThroughHook(deps: SignDeps, number: SignedNumber): Promise<SignOutcome> {
  const listed = await attempt(() => deps.desk.listChangedConversations(number.access, number.inboxId, DAY_SECONDS))
  if (!listed.ok) return { kind: 'untried', error: listed.error }
  const recent = listed.value.sort((a, b) => b.lastActivityAt.getTime() - a.lastActivityAt.getTime())
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
