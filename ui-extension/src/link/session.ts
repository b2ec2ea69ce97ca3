// Who is looking: signed in silently on the desk's own host, paired by a private note, or handed over from another
// window. The bearer stays in memory; a paired one also until the browser's tab is closed, since every conversation
// opens a fresh frame.
import { shallowRef } from 'vue'
import type { PairingStarted, SessionInfo, SignedIn } from '../../../plugin/http/contract/session.ts'
import { call, isFailing, setToken, whenRefused } from './api.ts'
import { readDeskSession } from './desk-session.ts'
import { keep, keepForTab, readForTab } from './kept.ts'
import { takeTicketFromAddress } from './own-window.ts'

export const session = shallowRef<SessionInfo>()

/**
 * What signing in came to. `pair`: somebody has to write the code; `no-way`: nothing could prove who is here;
 * `unknown`: this desk is not connected here.
 */
export type SignIn = 'signed-in' | 'pair' | 'no-way' | 'unknown' | 'not-served'

export interface SignInPlace {
  accountId: number
  inboxId: number | null
  deskOrigin: string | null
}

/** Where a code is written: without a conversation in any of the desk, without an agent by whoever is here. */
export interface PairPlace extends Pick<SignInPlace, 'accountId' | 'deskOrigin'> {
  conversationId?: number
  agentId?: number | null
}

const originOf = (signedIn: SignedIn): string => new URL(signedIn.session.deskUrl).origin

/** `at`: where this page has the desk, which may be an inner address of it in an old link. */
function takeUp(signedIn: SignedIn, at: string | null): void {
  session.value = signedIn.session
  const paired = signedIn.session.mode === 'paired'
  setToken(signedIn.token, !paired)
  if (paired) keepForTab('paired', JSON.stringify({ ...signedIn, at }))
  // For windows that no desk frames.
  keep('account', String(signedIn.session.accountId))
  keep('desk', originOf(signedIn))
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

function takeUpKept({ accountId, deskOrigin }: SignInPlace): boolean {
  const kept = readForTab('paired')
  if (kept === null) return false
  try {
    const signedIn = JSON.parse(kept) as SignedIn & { at: string | null }
    const fits = deskOrigin === null || originOf(signedIn) === deskOrigin || signedIn.at === deskOrigin
    // Two desks may have an account of the same number.
    if (signedIn.session.accountId !== accountId || !fits) return false
    if (Date.parse(signedIn.session.expiresAt) < Date.now()) return false
    takeUp(signedIn, deskOrigin)
    return true
  } catch {
    return false
  }
}

/** `only`: nobody else than this agent is taken up. */
async function signInByDesk(place: SignInPlace, only?: number): Promise<boolean> {
  const held = readDeskSession(document.cookie)
  if (held === null) return false
  const body = { accountId: place.accountId, deskOrigin: place.deskOrigin ?? undefined, session: held }
  try {
    const signedIn = await call('signInByDesk', { body }, { anonymous: true })
    if (only !== undefined && signedIn.session.agent.id !== only) return false
    takeUp(signedIn, place.deskOrigin)
    return true
  } catch (error) {
    // A cookie of another desk on this host, or an old one: pairing is still open.
    if (isFailing(error) && error.kind === 'refused' && error.status < 500 && error.status !== 429) return false
    throw error
  }
}

async function signInByTicket(at: string | null): Promise<boolean> {
  const ticket = takeTicketFromAddress()
  if (ticket === null) return false
  try {
    takeUp(await call('takeHandover', { body: { ticket } }, { anonymous: true }), at)
    return true
  } catch (error) {
    // Spent or too old: the other ways are still open.
    if (isFailing(error) && error.status === 401) return false
    throw error
  }
}

export async function signIn(place: SignInPlace): Promise<SignIn> {
  whenRefused(async () => {
    const known = session.value
    return known?.mode === 'desk' && (await signInByDesk(place, known.agent.id))
  })
  if (await signInByTicket(place.deskOrigin)) return 'signed-in'
  if (await signInByDesk(place)) return 'signed-in'
  if (takeUpKept(place)) return 'signed-in'
  const query = {
    accountId: place.accountId,
    deskOrigin: place.deskOrigin ?? undefined,
    inboxId: place.inboxId ?? undefined
  }
  const ways = await call('signInWays', { query })
  if (!ways.known) return 'unknown'
  if (ways.served === false) return 'not-served'
  return ways.ways.includes('pairing') ? 'pair' : 'no-way'
}

export function startPairing({ accountId, conversationId, agentId, deskOrigin }: PairPlace): Promise<PairingStarted> {
  const body = { accountId, conversationId, agentId: agentId ?? undefined, deskOrigin: deskOrigin ?? undefined }
  return call('startPairing', { body }, { anonymous: true })
}

/** True once the note was seen. */
export async function askPairing(pairing: PairingStarted, deskOrigin: string | null): Promise<boolean> {
  const { pairingId, secret } = pairing
  const body = { secret, deskOrigin: deskOrigin ?? undefined }
  const told = await call('askPairing', { params: { pairingId }, body }, { anonymous: true })
  if (told.state === 'waiting') return false
  takeUp(told.signedIn, deskOrigin)
  return true
}
