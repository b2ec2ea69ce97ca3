/**
 * What Puente says about a conversation (interface: "In the desk"): at creation in the call that creates it, later as
 * notes that are written when nothing else waits.
 */
import type { DeskDraft } from '../model.ts'
import type { ServedNumber } from '../registry.ts'
import { windowState } from '../window.ts'
import type { InboundRun } from './work-lane.ts'

export function attributesAtCreation(run: InboundRun, draft: DeskDraft): Record<string, unknown> {
  const { number, lane } = run
  return {
    ...namesOf(number),
    wa_origin: draft.type === 'outgoing' ? 'business' : draft.clickId === undefined ? 'customer' : 'advert',
    ...windowAttribute(lane.windowFrom),
    ...(draft.clickId === undefined ? {} : { wa_ctwa_id: draft.clickId })
  }
}

/** A conversation that an agent began. */
export function attributesOfBegun(number: ServedNumber, windowFrom: Date | null): Record<string, unknown> {
  return { ...namesOf(number), wa_origin: 'business', ...windowAttribute(windowFrom) }
}

/** The customer wrote: the window moved. */
export function attributesAfterInbound(number: ServedNumber, windowFrom: Date | null): Record<string, unknown> {
  return { ...namesOf(number), ...windowAttribute(windowFrom) }
}

export function namesOf(number: ServedNumber): Record<string, unknown> {
  return { channel: 'whatsapp', wa_number: number.displayPhoneNumber }
}

function windowAttribute(windowFrom: Date | null): Record<string, unknown> {
  const { expiresAt } = windowState({ lastInboundAt: windowFrom, now: windowFrom ?? new Date(0) })
  return expiresAt === null ? {} : { wa_window_expires_at: expiresAt.toISOString() }
}
