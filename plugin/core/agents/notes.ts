/** Notes with a pairing code: taken from the desk's signed hook, and deleted in the desk afterwards. */
import type { Bridge } from '../bridge.ts'
import { callDesk } from '../desk/call.ts'
import { PRIORITY } from '../desk/permits.ts'
import type { AgentStore } from '../ports/agent-store.ts'
import type { DeskHook } from '../ports/help-desk.ts'
import type { ServedNumber } from '../registry.ts'
import { codeInNote } from './pairing.ts'

/** Whether the hook is about a private note of a person that holds a code. */
export function noteWithCode(hook: DeskHook): string | null {
  if (hook.kind !== 'message' || !hook.created || hook.deleted) return null
  const { message } = hook
  if (!message.private || message.senderType !== 'user' || message.senderId === null) return null
  return codeInNote(message.content)
}

/** Only for hooks whose signature is valid and fresh: nothing else proves who wrote. */
export async function takeNote(
  agents: AgentStore,
  number: ServedNumber,
  hook: Extract<DeskHook, { kind: 'message' }>,
  code: string
): Promise<void> {
  const { message } = hook
  await agents.noteWritten({
    deskId: number.deskId,
    numberId: number.id,
    conversationId: message.conversationId,
    messageId: message.id,
    code,
    agent: { id: message.senderId!, name: message.senderName ?? '' }
  })
}

export async function deleteNotes(bridge: Bridge, agents: AgentStore): Promise<void> {
  for (const note of await agents.claimNotes(10)) {
    const number = bridge.registry.number(note.numberId)
    if (number === undefined) continue
    await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      priority: PRIORITY.tick,
      run: access => bridge.desk.deleteMessage(access, note.conversationId, note.messageId)
    })
    await agents.noteDone(note)
  }
}
