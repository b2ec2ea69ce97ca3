/** What an attempt without outcome has left in the desk: looked for by the source ids that it carried (law 5). */
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import type { WriteAttempt } from '../ports/instructions.ts'
import { type Carrying, keep } from './carry.ts'
import { instructionSource } from './instruction.ts'

/** The id of the row, or null; fills in a contact or conversation that the attempt has made. */
export async function findEarlier(run: Carrying, attempt: WriteAttempt): Promise<number | null> {
  const { bridge, number, record } = run
  const read = { deskId: number.deskId, access: number.deskAccess }
  const sourceId = record.sourceId ?? ''
  if (attempt.step === 'contact') {
    const contact = await callDesk(bridge, {
      ...read,
      run: access => bridge.desk.findContactBySource(access, number.inboxId, sourceId)
    })
    await keep(run, { attempt: null, ...(contact === null ? {} : { contactId: contact.id }) })
    return null
  }
  if (attempt.step === 'message') return findRow(run, record.conversationId!, attempt.after)
  const conversations = await callDesk(bridge, {
    ...read,
    run: access => bridge.desk.findConversations(access, number.inboxId, sourceId)
  })
  const made = conversations.filter(candidate => candidate.id > attempt.after).sort((a, b) => a.id - b.id)[0]
  if (made === undefined) return null
  await keep(run, { conversationId: made.id })
  return findRow(run, made.id, 0)
}

export async function findRow(run: Carrying, conversationId: number, after: number): Promise<number | null> {
  const { bridge, number, record } = run
  let cursor = after
  for (;;) {
    const from = cursor
    const messages = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      run: access => bridge.desk.listMessagesAfter(access, conversationId, from)
    }).catch(error => {
      if (error instanceof PuenteError && error.code === 'desk_not_found') return []
      throw error
    })
    const found = messages.find(message => message.sourceId === instructionSource(record.id))
    if (found !== undefined) return found.id
    const last = messages.at(-1)?.id ?? cursor
    if (messages.length < 100 || last <= cursor) return null
    cursor = last
  }
}
