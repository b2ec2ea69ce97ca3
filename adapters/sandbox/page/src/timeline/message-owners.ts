// Which person and conversation a story belongs to, and what to call it.
import { computed } from 'vue'
import { conversations, phoneView } from '../state.ts'
import { deskKey, type MessageStory, phoneKey } from './group-ledger.ts'

export interface StoryOwner {
  title: string
  who: string
  direction: 'in' | 'out'
  customerId?: string
  conversationId?: number
}

const onPhone = computed(() => {
  const owners = new Map<string, StoryOwner>()
  for (const customer of phoneView.value?.customers ?? []) {
    for (const message of customer.chats.flatMap(chat => chat.messages)) {
      owners.set(phoneKey(message.wamid), {
        customerId: customer.id,
        who: customer.name,
        title: message.text || message.media?.name || message.type,
        direction: message.from === 'customer' ? 'in' : 'out'
      })
    }
  }
  return owners
})

const inDesk = computed(() => {
  const owners = new Map<string, StoryOwner>()
  for (const one of conversations.value) {
    for (const message of one.messages) {
      owners.set(deskKey(message.id), {
        conversationId: one.id,
        who: one.name,
        title: message.content || message.attachments[0]?.name || message.kind,
        direction: message.kind === 'outgoing' ? 'out' : 'in'
      })
    }
  }
  return owners
})

/** Undefined for a message that is neither on a phone nor in the desk (any more). */
export function findOwner(story: MessageStory): StoryOwner | undefined {
  const keys = [...story.keys]
  const phone = keys.map(key => onPhone.value.get(key)).find(owner => owner !== undefined)
  const desk = keys.map(key => inDesk.value.get(key)).find(owner => owner !== undefined)
  return phone || desk ? ({ ...desk, ...phone } as StoryOwner) : undefined
}
