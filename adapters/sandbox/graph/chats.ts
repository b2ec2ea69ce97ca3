/** What each customer's phone shows, per business number. Bounded: old messages fall off, sooner when many talk. */
import type { SandboxClock } from '../parts.ts'
import type { Chat, ChatMessage, StatusName } from './model.ts'

const PER_CHAT = 300
const PER_CHAT_CROWDED = 20
const CROWDED_AT = 100_000
const WINDOW_MS = 24 * 3_600_000
const RANK: Record<string, number> = { accepted: 0, sent: 1, failed: 2, delivered: 3, read: 4, played: 5 }

export interface Chats {
  get(phoneNumberId: string, customerId: string): Chat
  of(customerId: string): Chat[]
  all(): Chat[]
  add(chat: Chat, message: ChatMessage): void
  message(wamid: string): { chat: Chat; message: ChatMessage } | undefined
  isWindowOpen(chat: Chat): boolean
  windowExpiresAt(chat: Chat): number | null
  setStatus(wamid: string, status: StatusName, error?: ChatMessage['error']): void
  react(wamid: string, from: 'customer' | 'business', emoji: string): void
  /** Turns this message and all earlier ones of the customer blue. Returns how many changed. */
  markRead(wamid: string): number
  /** Tells that something about the chat changed (typing). */
  touch(chat: Chat): void
  restore(chats: Chat[]): void
}

export function createChats(clock: SandboxClock, onChange: (customerId: string) => void): Chats {
  const chats = new Map<string, Chat>()
  const messages = new Map<string, { chat: Chat; message: ChatMessage }>()
  const byCustomer = new Map<string, Chat[]>()

  function enter(chat: Chat) {
    chats.set(`${chat.phoneNumberId} ${chat.customerId}`, chat)
    const own = byCustomer.get(chat.customerId)
    if (own) own.push(chat)
    else byCustomer.set(chat.customerId, [chat])
  }

  function get(phoneNumberId: string, customerId: string): Chat {
    const key = `${phoneNumberId} ${customerId}`
    const known = chats.get(key)
    if (known) return known
    const chat: Chat = { phoneNumberId, customerId, messages: [], lastInboundAt: 0, freeEntryUntil: 0, typingUntil: 0 }
    enter(chat)
    return chat
  }

  return {
    get,
    of: customerId => byCustomer.get(customerId) ?? [],
    all: () => [...chats.values()],
    add(chat, message) {
      chat.messages.push(message)
      messages.set(message.wamid, { chat, message })
      const most = messages.size > CROWDED_AT ? PER_CHAT_CROWDED : PER_CHAT
      while (chat.messages.length > most) {
        const old = chat.messages.shift()
        if (old) messages.delete(old.wamid)
      }
      onChange(chat.customerId)
    },
    message: wamid => messages.get(wamid),
    isWindowOpen: chat => chat.lastInboundAt > 0 && clock.now() - chat.lastInboundAt < WINDOW_MS,
    windowExpiresAt: chat => (chat.lastInboundAt > 0 ? chat.lastInboundAt + WINDOW_MS : null),
    setStatus(wamid, status, error) {
      const found = messages.get(wamid)
      if (!found) return
      const { message, chat } = found
      if ((RANK[status] ?? 0) <= (RANK[message.status ?? 'accepted'] ?? 0)) return
      message.status = status
      if (error) message.error = error
      onChange(chat.customerId)
    },
    react(wamid, from, emoji) {
      const found = messages.get(wamid)
      if (!found) return
      found.message.reactions = found.message.reactions.filter(one => one.from !== from)
      if (emoji !== '') found.message.reactions.push({ from, emoji })
      onChange(found.chat.customerId)
    },
    markRead(wamid) {
      const found = messages.get(wamid)
      if (!found) return 0
      let changed = 0
      for (const message of found.chat.messages) {
        if (message.ticks === 'grey') {
          message.ticks = 'blue'
          changed++
        }
        if (message === found.message) break
      }
      if (changed > 0) onChange(found.chat.customerId)
      return changed
    },
    touch: chat => onChange(chat.customerId),
    restore(list) {
      chats.clear()
      messages.clear()
      byCustomer.clear()
      for (const chat of list) {
        enter(chat)
        for (const message of chat.messages) messages.set(message.wamid, { chat, message })
      }
    }
  }
}
