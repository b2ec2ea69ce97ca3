// Coming in: by a one-time ticket in the fragment, by what this browser tab still holds, or silently by the desk's own
// session on its host. The fragment is taken out of the address at once.

import { mayFollowDesk } from '../i18n/i18n.ts'
import { isFailing, setToken } from '../link/api.ts'
import { keepForTab, readForTab } from '../link/kept.ts'
import { readOwnPlace, takeTicketFromAddress } from '../link/own-window.ts'
import { forget, session, signIn } from '../link/session.ts'
import { ask } from './link.ts'
import { speakAdmin } from './words.ts'

export type Entry = 'in' | 'nobody' | 'unknown' | 'forbidden' | 'spent'

const heldKey = 'admin'

/** By a ticket there is no session of the desk to fall back on. */
let byTicket = false

async function enterByTicket(ticket: string): Promise<Entry> {
  try {
    const { token, expiresAt } = await ask('signInByTicket', { ticket })
    keepForTab(heldKey, JSON.stringify({ token, expiresAt }))
    return enterByHeld() ? 'in' : 'spent'
  } catch (error) {
    if (isFailing(error) && error.kind === 'refused' && error.status < 500 && error.status !== 429) return 'spent'
    throw error
  }
}

function enterByHeld(): boolean {
  try {
    const held = JSON.parse(readForTab(heldKey) ?? 'null') as { token: string; expiresAt: string } | null
    if (held === null || Date.parse(held.expiresAt) < Date.now()) return false
    setToken(held.token, false)
    byTicket = true
    return true
  } catch {
    return false
  }
}

export async function enter(): Promise<Entry> {
  const ticket = takeTicketFromAddress()
  setToken('', false)
  if (ticket !== null) return enterByTicket(ticket)
  if (enterByHeld()) return 'in'
  const query = new URLSearchParams(window.location.search)
  const outcome = await signIn(readOwnPlace(window.location.search))
  if (outcome !== 'signed-in') return outcome === 'unknown' && query.has('account') ? 'unknown' : 'nobody'
  if (session.value?.role !== 'administrator') return 'forbidden'
  const { locale } = session.value
  if (locale && mayFollowDesk()) await speakAdmin(locale)
  return 'in'
}

/** Forgets who is looking, here and, when asked, at Puente. */
export function leave(tellServer: boolean): void {
  if (tellServer) ask('endOversight').catch(() => {})
  keepForTab(heldKey, null)
  byTicket = false
  forget()
}

/** Signing out of a silent session would be undone by the next look. */
export const canLeave = (): boolean => byTicket
