/** Conversation attributes that cost nothing: set in the call that creates the conversation (interface: "In the desk"). */
import type { DeskDraft } from '../model.ts'
import { windowState } from '../window.ts'
import type { InboundRun } from './work-lane.ts'

export function attributesAtCreation(run: InboundRun, draft: DeskDraft): Record<string, unknown> {
  const { number, lane, bridge } = run
  const window = windowState({ lastInboundAt: lane.windowFrom, now: bridge.clock.now() })
  return {
    channel: 'whatsapp',
    wa_number: number.displayPhoneNumber,
    wa_origin: draft.type === 'outgoing' ? 'business' : draft.clickId === undefined ? 'customer' : 'advert',
    ...(window.expiresAt === null ? {} : { wa_window_expires_at: window.expiresAt.toISOString() }),
    ...(draft.clickId === undefined ? {} : { wa_ctwa_id: draft.clickId })
  }
}
