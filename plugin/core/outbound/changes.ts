/**
 * What the desk says about a message that exists: a person pressed Retry, deleted it, or the desk painted it failed
 * because our answer to its hook came late. Decided by state, never by the number or order of hooks (contract §13); what a
 * message quotes is remembered by us (CW-RETRY-KEEPS).
 */
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import { holdOf } from '../lanes/hold.ts'
import type { DeliveryRecord, LaneEvent } from '../ports/store.ts'
import { describeNote } from '../texts/describe.ts'
import { deliverMessage } from './deliver.ts'
import { deliverAgain, type OutboundRun } from './work-lane.ts'

export async function handleChange(run: OutboundRun, event: LaneEvent): Promise<void> {
  const { bridge, number } = run
  const hook = bridge.readHook(await bridge.lanes.payload(event))
  if (hook.kind !== 'message') return
  const delivery = await findCommitted(run, event.ord)
  const conversationId = hook.message.conversationId
  if (delivery?.state === 'queued' && delivery.generation > 1) {
    // The Retry of this very event was begun and interrupted.
    const original = bridge.readHook(await bridge.lanes.payload(delivery))
    if (original.kind === 'message') await deliverAgain(run, delivery, original)
    return
  }
  const fresh = await callDesk(bridge, {
    deskId: number.deskId,
    access: number.deskAccess,
    run: access => bridge.desk.readMessage(access, conversationId, event.ord)
  })
  if (fresh === null || fresh.attributes['deleted'] === true) return
  // Taken up by this very event (an old hook, or news of a message that nobody had heard of), and interrupted on its way.
  const begun = delivery?.state === 'queued' && event.key === `d:${event.ord}`
  if (delivery === null || begun) {
    // As the desk has it now, not as an old hook tells it.
    const read = { ...hook, message: fresh }
    await deliverMessage(run, { messageId: event.ord, generation: 1, payload: event, hook: read, resumed: true, event })
    return
  }
  if (fresh.status === 'failed') {
    // We did not write this: tell the truth again, send nothing.
    if (delivery.told !== 'failed') {
      await bridge.deliveries.correctTold(number.id, event.ord, 'failed')
      bridge.background(() => bridge.numbers.count(number.id, 'painted_failed', 1))
    }
    return
  }
  if (fresh.status !== 'sent' || delivery.told !== 'failed') return
  const again = await bridge.deliveries.beginRetry(number.id, event.ord)
  if (again === null) {
    // It waits for something that a click does not change: say so again.
    await bridge.deliveries.correctTold(number.id, event.ord, 'sent')
    return
  }
  bridge.count('retries')
  const original = bridge.readHook(await bridge.lanes.payload(again))
  if (original.kind === 'message') await deliverAgain(run, again, original)
}

/** What this run has decided but not yet committed counts too. */
async function findCommitted(run: OutboundRun, messageId: number): Promise<DeliveryRecord | null> {
  if (run.pending.length > 0) await run.bridge.recorder.record(run.pending.splice(0))
  return run.bridge.deliveries.find(run.number.id, messageId)
}

export async function handleRemoval(run: OutboundRun, event: LaneEvent): Promise<void> {
  const { bridge, number } = run
  const delivery = await findCommitted(run, event.ord)
  if (delivery === null || delivery.state === 'recalled' || delivery.state === 'failed') return
  if (delivery.state === 'parked' || delivery.state === 'queued') {
    await bridge.deliveries.setState(number.id, event.ord, 'recalled', null, null)
    return
  }
  await writeNote(run, event, delivery.conversationId, describeNote(number.language, 'deleted_at_desk'))
}

/** A private note, once: its attempt is committed first, and an uncertain one is looked for by its source id. */
async function writeNote(run: OutboundRun, event: LaneEvent, conversationId: number, content: string): Promise<void> {
  const { bridge, number, lane } = run
  const sourceId = `puente.note.${event.key}`
  if (event.attempt !== null) {
    const rows = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      run: access => bridge.desk.listMessagesAfter(access, conversationId, event.ord)
    })
    if (rows.some(row => row.sourceId === sourceId)) return
  }
  try {
    await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      lane,
      attempt: [
        ...run.pending.splice(0),
        {
          op: 'attempt',
          event: { day: event.day, numberId: event.numberId, key: event.key },
          hold: holdOf(lane),
          attempt: { kind: 'note', conversationId }
        }
      ],
      run: (access, options) =>
        bridge.desk.createMessage(
          access,
          conversationId,
          { type: 'outgoing', private: true, content, sourceId, attributes: { puente: { kind: 'note' } } },
          options
        )
    })
  } catch (error) {
    if (!(error instanceof PuenteError && error.code === 'desk_not_found')) throw error
  }
}
