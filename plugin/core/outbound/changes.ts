/**
 * What the desk says about a message that exists: a person pressed Retry, deleted it, or the desk painted it failed
 * because our answer to its hook came late. Decided by state, never by the number or order of hooks (contract §13); what a
 * message quotes is remembered by us (CW-RETRY-KEEPS).
 */
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import { GateClosed, holdOf } from '../lanes/hold.ts'
import type { DeliveryRecord, LaneEvent } from '../ports/store.ts'
import { describeNote } from '../texts/describe.ts'
import { deliverMessage } from './deliver.ts'
import { deliverAgain, isRemoved, type OutboundRun } from './work-lane.ts'

export async function handleChange(run: OutboundRun, event: LaneEvent): Promise<void> {
  const { bridge, number } = run
  const hook = bridge.readHook(await bridge.lanes.payload(event))
  if (hook.kind !== 'message') return
  const delivery = await findCommitted(run, event.ord)
  // What became of it is the removal's business, which comes next in this lane.
  if (isRemoved(run.lane.events, event.ord)) return
  const conversationId = hook.message.conversationId
  if (delivery?.state === 'queued' && delivery.generation > 1) {
    // The Retry of this very event was begun and interrupted.
    const original = bridge.readHook(await bridge.lanes.payload(delivery))
    if (original.kind === 'message') await deliverAgain(run, delivery, original, event.receivedAgeMs)
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
    await deliverMessage(run, {
      messageId: event.ord,
      generation: 1,
      payload: event,
      hook: read,
      resumed: true,
      event,
      waitedMs: event.receivedAgeMs
    })
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
  if (original.kind === 'message') await deliverAgain(run, again, original, event.receivedAgeMs)
}

/** What this run has decided but not yet committed counts too. */
async function findCommitted(run: OutboundRun, messageId: number): Promise<DeliveryRecord | null> {
  if (run.pending.length > 0) await run.bridge.recorder.record(run.pending.splice(0))
  return run.bridge.deliveries.find(run.number.id, messageId)
}

/** Nothing more leaves; what the customer has, or may have, is said, since WhatsApp cannot take it back. */
export async function handleRemoval(run: OutboundRun, event: LaneEvent): Promise<void> {
  const { bridge, number } = run
  const delivery = await findCommitted(run, event.ord)
  if (delivery === null) return
  const { conversationId } = delivery
  // Begun and interrupted: everything but the note is done.
  const begun = event.attempt?.['note']
  if (typeof begun === 'string') return writeNote(run, event, conversationId, begun as DeletedNote)
  if (delivery.state === 'recalled') return
  const parts = await bridge.deliveries.parts(number.id, event.ord)
  const arrived = parts.some(part => part.state === 1 && !part.failed)
  const unknown = parts.filter(part => part.state === 0 || part.state === 3)
  for (const part of unknown) {
    if (part.state === 0) run.pending.push({ op: 'partOutcome', attemptId: part.attemptId, state: 3 })
  }
  if (delivery.state !== 'sent' && delivery.state !== 'failed') {
    run.pending.push({
      op: 'state',
      numberId: number.id,
      messageId: event.ord,
      state: arrived ? 'sent' : 'recalled',
      parts: arrived ? new Set(parts.filter(part => part.state !== 2).map(part => part.part)).size : undefined
    })
  }
  if (!arrived && unknown.length === 0) return
  const whole = delivery.state === 'sent' && unknown.length === 0
  await writeNote(
    run,
    event,
    conversationId,
    whole ? 'deleted_at_desk' : unknown.length > 0 ? 'deleted_unsure' : 'deleted_in_part'
  )
}

type DeletedNote = 'deleted_at_desk' | 'deleted_in_part' | 'deleted_unsure'

/** A private note, once: its attempt is committed first, and an uncertain one is looked for by its source id. */
async function writeNote(run: OutboundRun, event: LaneEvent, conversationId: number, note: DeletedNote): Promise<void> {
  const { bridge, number, lane } = run
  const content = describeNote(number.language, note)
  const sourceId = `puente.note.${event.key}`
  if (event.attempt !== null) {
    const rows = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      run: access => bridge.desk.listMessagesAfter(access, conversationId, event.ord)
    })
    if (rows.some(row => row.sourceId === sourceId)) return
  }
  const waitMs = bridge.rowPace(number.deskId, conversationId)
  if (waitMs > 0) throw new GateClosed(waitMs)
  try {
    await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      lane,
      attempt: async () => [
        ...run.pending.splice(0),
        {
          op: 'attempt',
          event: { day: event.day, numberId: event.numberId, key: event.key },
          hold: holdOf(lane),
          attempt: { kind: 'note', conversationId, note }
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
