/**
 * What the desk changes without any hook: conversations that were deleted, contacts that were merged. Seen by comparing
 * the list of a reconciliation with our own books. What was written while a deletion was queued vanished with it, and
 * the desk never tells when it was asked for: what nobody had answered is therefore written anew, once, even where a
 * person deleted it on purpose. A word that comes back is better than one that is lost; deleted again it stays away.
 */
import type { Bridge } from './bridge.ts'
import { asPuenteError } from './errors.ts'
import type { DeskConversation } from './ports/help-desk.ts'
import type { ServedNumber } from './registry.ts'

export interface VanishedMender {
  mendContacts(number: ServedNumber, conversations: DeskConversation[]): Promise<void>
  /** @param written conversations that we wrote to within the same time */
  mendConversations(
    number: ServedNumber,
    conversations: DeskConversation[],
    written: number[],
    withinSeconds: number
  ): Promise<void>
}

export type AskDesk = <T>(number: ServedNumber, run: (access: ServedNumber['deskAccess']) => Promise<T>) => Promise<T>

/** Conversations that were not in the list and are looked at one by one, per number and pass. */
const MOST_LOOKUPS = 10

export function createVanishedMender(bridge: Bridge, ask: AskDesk, onMended: () => void): VanishedMender {
  /** Conversations that were looked at one by one and are there; not again while they are remembered. */
  const seenAt = new Map<string, number>()

  const tellMended = async (number: ServedNumber, what: string, facts: object): Promise<void> => {
    onMended()
    bridge.log.info({ number: number.id, what, ...facts }, 'changed in the desk without a hook, mended')
    bridge.count('desk_mended', { what })
    await bridge.numbers.count(number.id, `mended_${what}`, 1)
  }

  return {
    /** The conversation simply belongs to another contact (CW-MERGE). */
    async mendContacts(number, conversations) {
      const ids = conversations.map(conversation => conversation.id)
      const known = await bridge.vanished.contactsOf(number.id, ids)
      for (const { id, contactId, attributes, updatedAt } of conversations) {
        bridge.attributes.heard(number.id, id, { at: updatedAt, current: attributes, changed: null })
        const was = known.get(id)
        if (was === undefined || contactId === null || was === contactId) continue
        if (!(await bridge.vanished.rebind(number.id, id, was, contactId))) continue
        await tellMended(number, 'contact_merged', { conversation: id })
      }
    },

    /** What should have been in the list and is not is asked for. */
    async mendConversations(number, conversations, written, withinSeconds) {
      const listed = new Set(conversations.map(conversation => conversation.id))
      const nowMs = bridge.clock.monotonicMs()
      for (const [key, atMs] of seenAt) if (nowMs - atMs > withinSeconds * 1000) seenAt.delete(key)
      const unseen = written.filter(id => !listed.has(id) && !seenAt.has(`${number.id}:${id}`))
      for (const id of unseen.slice(0, MOST_LOOKUPS)) {
        const gone = await ask(number, access => bridge.desk.readConversation(access, id)).then(
          () => false,
          error => {
            if (asPuenteError(error).code === 'desk_not_found') return true
            throw error
          }
        )
        if (!gone) {
          seenAt.set(`${number.id}:${id}`, nowMs)
          continue
        }
        const { anew, recalled } = await bridge.vanished.forget(number.id, id, withinSeconds)
        if (anew > 0) bridge.wake()
        await tellMended(number, 'conversation_gone', { conversation: id, anew, recalled })
      }
    }
  }
}
