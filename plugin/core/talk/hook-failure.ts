/**
 * A macro or automation pressed its hook and nothing was sent. Chatwoot throws the answer of a hook away (contract/chatwoot
 * §8), so the conversation is told by a private note, and administrators by the list of hooks. Law 6.
 */
import type { Bridge } from '../bridge.ts'
import type { TalkStore } from '../ports/talk-store.ts'
import type { ServedNumber } from '../registry.ts'
import { text } from '../texts/text.ts'

export interface HookFailure {
  hookId: string
  conversationId: number
  template: string
  code: string
  /** A sentence in the language of the number, for agents. */
  reason: string
}

export async function tellHookFailure(
  { bridge, talk }: { bridge: Bridge; talk: TalkStore },
  number: ServedNumber,
  failure: HookFailure
): Promise<void> {
  const { hookId, conversationId, template, code, reason } = failure
  bridge.log.warn({ hook: hookId, number: number.id, code }, 'a hook of a macro sent nothing')
  if (!(await talk.hookFailed(hookId, conversationId, { code, reason }))) return
  bridge.background(async () => {
    bridge.rowPace(number.deskId, conversationId)
    await bridge.desk.createMessage(number.deskAccess, conversationId, {
      type: 'outgoing',
      private: true,
      content: text(number.language, 'note.hook_failed', { template, reason }),
      sourceId: `puente.note.hook.${bridge.newId()}`,
      attributes: { puente: { kind: 'note' } }
    })
  })
}
