// Who is looking: signed in silently on the desk's own host, or paired by a private note. The bearer stays in memory;
// a paired one also until the browser's tab is closed, since every conversation opens a fresh frame.
import { shallowRef } from 'vue'
import type { PairingStarted, SessionInfo, SignedIn } from '../../../plugin/http/contract/session.ts'
import { call, isFailing, setToken } from './api.ts'
import { readDeskSession } from './desk-session.ts'
import { keepForTab, readForTab } from './kept.ts'
import type { Place } from './read-context.ts'

export const session = shallowRef<SessionInfo>()

/** What signing in came to. `pair`: somebody has to write the code; `unknown`: this desk is not connected here. */
export type SignIn = 'signed-in' | 'pair' | 'unknown' | 'not-served'

export interface SignInPlace {
  accountId: number
  inboxId: number | null
  deskOrigin: string | null
}

function takeUp(signedIn: SignedIn): void {
  session.value = signedIn.session
  const paired = signedIn.session.mode === 'paired'
  setToken(signedIn.token, !paired)
  if (paired) keepForTab('paired', JSON.stringify(signedIn))
}

/** Ends the session here and, where it can still be told, at Puente. */
export function signOut(): void {
  if (session.value) call('endSession', {}).catch(() => {})
  forget()
}

export function forget(): void {
  session.value = undefined
  setToken('', false)
  keepForTab('paired', null)
}

function takeUpKept(accountId: number): boolean {
  const kept = readForTab('paired')
  if (kept === null) return false
  try {
    const signedIn = JSON.parse(kept) as SignedIn
    if (signedIn.session.accountId !== accountId || Date.parse(signedIn.session.expiresAt) < Date.now()) return false
    takeUp(signedIn)
    return true
  } catch {
    return false
  }
}

async function signInByDesk(place: SignInPlace): Promise<boolean> {
  const held = readDeskSession(document.cookie)
  if (held === null) return false
  const body = { accountId: place.accountId, deskOrigin: place.deskOrigin ?? undefined, session: held }
  try {
    takeUp(await call('signInByDesk', { body }))
    return true
  } catch (error) {
    // A cookie of another desk on this host, or an old one: pairing is still open.
    if (isFailing(error) && error.kind === 'refused' && error.status < 500 && error.status !== 429) return false
    throw error
  }
}

export async function signIn(place: SignInPlace): Promise<SignIn> {
  if (await signInByDesk(place)) return 'signed-in'
  if (takeUpKept(place.accountId)) return 'signed-in'
  const query = {
    accountId: place.accountId,
    deskOrigin: place.deskOrigin ?? undefined,
    inboxId: place.inboxId ?? undefined
  }
  const ways = await call('signInWays', { query })
  if (!ways.known) return 'unknown'
  return ways.served === false ? 'not-served' : 'pair'
}

export function startPairing(place: Place, agentId: number): Promise<PairingStarted> {
  const { accountId, conversationId, deskOrigin } = place
  return call('startPairing', { body: { accountId, conversationId, agentId, deskOrigin: deskOrigin ?? undefined } })
}

/** True once the note was seen. */
export async function askPairing(pairing: PairingStarted): Promise<boolean> {
  const { pairingId, secret } = pairing
  const told = await call('askPairing', { params: { pairingId }, body: { secret } })
  if (told.state === 'waiting') return false
  takeUp(told.signedIn)
  return true
}
