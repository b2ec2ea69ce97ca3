/** `GET /__phone`: numbers, customers and their chats, newest talk first. Read-only. */
import type { PhoneView } from './model.ts'
import type { World } from './world.ts'

const MAX_MESSAGES = 100

export function viewPhone(world: World, limit = 200): PhoneView {
  const now = world.parts.clock.now()
  const first = world.numbers[0]!
  const known = world.customers.all()
  const lastAt = (id: string) => Math.max(0, ...world.chats.of(id).map(chat => chat.messages.at(-1)?.at ?? 0))
  // Beyond the cast only those who talked lately are shown.
  const shown =
    known.length <= limit
      ? known
      : [
          ...known.slice(0, 7),
          ...known
            .slice(7)
            .map(customer => ({ customer, at: lastAt(customer.id) }))
            .sort((a, b) => b.at - a.at)
            .slice(0, limit - 7)
            .map(one => one.customer)
        ]
  return {
    numbers: world.numbers.map(({ phoneNumberId, displayPhoneNumber, verifiedName }) => ({
      phoneNumberId,
      displayPhoneNumber,
      verifiedName
    })),
    customers: shown.map(customer => {
      const chats = world.chats.of(customer.id)
      const all = chats.length > 0 ? chats : [world.chats.get(first.phoneNumberId, customer.id)]
      return {
        id: customer.id,
        name: customer.name,
        username: customer.username,
        waId: customer.waId,
        phone: customer.phoneDigits === null ? null : `+${customer.phoneDigits}`,
        userId: customer.userId,
        language: customer.language,
        receipts: customer.receipts,
        reachable: customer.phone === 'on',
        chats: all.map(chat => ({
          phoneNumberId: chat.phoneNumberId,
          windowExpiresAt: world.chats.windowExpiresAt(chat),
          windowOpen: world.chats.isWindowOpen(chat),
          businessTyping: chat.typingUntil > now,
          messages: chat.messages.slice(-MAX_MESSAGES)
        }))
      }
    })
  }
}
