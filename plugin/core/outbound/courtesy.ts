/** Read marks and the typing sign: shown to the customer when a person answers or types. Harmless when lost. */
import type { Bridge } from '../bridge.ts'
import type { ServedNumber } from '../registry.ts'
import type { OutboundRun } from './work-lane.ts'

export function markReadSoon(run: OutboundRun): void {
  const { bridge, lane, number } = run
  const wamid = lane.lastWamid
  if (!number.rules.readMarks || wamid === null || wamid === lane.readWamid) return
  lane.readWamid = wamid
  // Remembered with the lane's release; a mark that does not arrive is not repeated.
  bridge.background(() => bridge.channel.markRead(number.access, wamid))
}

/** WhatsApp shows the sign for 25 s or until a message comes; asking more often gains nothing. */
const TYPING_EVERY_MS = 20_000

export function createTyping(bridge: Bridge): (number: ServedNumber, conversationId: number) => void {
  const lastMs = new Map<string, number>()
  return (number, conversationId) => {
    if (!number.rules.typing) return
    const key = `${number.id} ${conversationId}`
    const now = bridge.clock.monotonicMs()
    if (now - (lastMs.get(key) ?? Number.NEGATIVE_INFINITY) < TYPING_EVERY_MS) return
    lastMs.set(key, now)
    if (lastMs.size > 5_000) lastMs.delete(lastMs.keys().next().value as string)
    bridge.background(async () => {
      const wamid = await bridge.deliveries.lastWamid(number.id, conversationId)
      if (wamid !== null) await bridge.channel.markRead(number.access, wamid, { typing: true })
    })
  }
}
