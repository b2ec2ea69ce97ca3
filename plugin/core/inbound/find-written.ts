/**
 * Law 5 towards the desk: an earlier attempt has no outcome. Once a request that we gave up can no longer commit, the
 * desk is asked whether it did (CW-SOURCE-REPEATS, CW-LIST-ALL); only then is it repeated.
 */
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import { bindingWork, GateClosed } from '../lanes/hold.ts'
import type { DeskMessage } from '../ports/help-desk.ts'
import type { LaneEvent } from '../ports/store.ts'
import type { InboundRun } from './work-lane.ts'

/** The id of the row that the attempt has written, or null. Fills in what else it made (contact, conversation). */
export async function findWritten(
  run: InboundRun,
  event: LaneEvent,
  attempt: Record<string, unknown>,
  sourceId: string
): Promise<number | null> {
  const { bridge, number, binding } = run
  waitUntilSettled(run, event)
  const conversationSource = String(attempt['sourceId'] ?? binding.sourceId ?? '')
  if (attempt['kind'] === 'contact') {
    binding.sourceId = conversationSource
    const contact = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      run: access => bridge.desk.findContactBySource(access, number.inboxId, conversationSource)
    })
    if (contact !== null) binding.contactId = contact.id
    return null
  }
  if (attempt['kind'] === 'conversation') {
    binding.sourceId = conversationSource
    binding.contactId = Number(attempt['contactId'])
    const conversations = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      run: access => bridge.desk.findConversations(access, number.inboxId, conversationSource)
    })
    const made = conversations.filter(c => c.id > Number(attempt['previous'] ?? 0)).sort((a, b) => a.id - b.id)[0]
    if (made === undefined) return null
    binding.conversationId = made.id
    binding.conversationStatus = made.status
    binding.lastMessageId = 0
    run.pending.push(bindingWork(run.lane, binding))
    return findRow(run, made.id, 0, sourceId)
  }
  return findRow(run, Number(attempt['conversationId']), Number(attempt['after'] ?? 0), sourceId)
}

/** A full answer (an error page) means that the desk is done with the request; only silence has to be waited out. */
function waitUntilSettled(run: InboundRun, event: LaneEvent): void {
  const { times } = run.bridge
  if (event.code === 'desk_unavailable' || event.attemptAgeMs === null) return
  const settledMs = times.attemptDeadlineMs + times.deskCallMs + times.deskSettleMs
  if (event.attemptAgeMs < settledMs) throw new GateClosed(settledMs - event.attemptAgeMs)
}

/** The row with this source id among those after `after`, or null. */
export async function findRow(
  run: InboundRun,
  conversationId: number,
  after: number,
  sourceId: string
): Promise<number | null> {
  const { bridge, number } = run
  let cursor = after
  for (;;) {
    let messages: DeskMessage[]
    try {
      const from = cursor
      messages = await callDesk(bridge, {
        deskId: number.deskId,
        access: number.deskAccess,
        run: access => bridge.desk.listMessagesAfter(access, conversationId, from)
      })
    } catch (error) {
      if (error instanceof PuenteError && error.code === 'desk_not_found') return null
      throw error
    }
    const found = messages.find(message => message.sourceId === sourceId)
    if (found !== undefined) {
      run.binding.conversationId = conversationId
      return found.id
    }
    const last = messages.at(-1)?.id ?? cursor
    if (messages.length < 100 || last <= cursor) return null
    cursor = last
  }
}
