/** Law 5, towards the desk: a request that was given up may have committed after all. */
import type { Bridge } from '../bridge.ts'
import type { ServedNumber } from '../registry.ts'
import { callDesk } from './call.ts'

/**
 * After an uncertain write was repeated: looks once more at what stands behind `after`. Of two rows with this source id the
 * younger goes, and is counted. Answers the id of the one that stays.
 */
export async function keepElder(
  bridge: Bridge,
  number: ServedNumber,
  place: { conversationId: number; sourceId: string; after: number },
  written: number
): Promise<number> {
  const { conversationId, sourceId, after } = place
  const desk = { deskId: number.deskId, access: number.deskAccess }
  const rows = await callDesk(bridge, {
    ...desk,
    run: access => bridge.desk.listMessagesAfter(access, conversationId, after)
  })
  const ours = rows.filter(row => row.sourceId === sourceId).map(row => row.id)
  const [elder = written, ...younger] = ours.sort((a, b) => a - b)
  for (const twin of younger) {
    bridge.count('twins_deleted')
    await callDesk(bridge, { ...desk, run: access => bridge.desk.deleteMessage(access, conversationId, twin) })
  }
  return elder
}
