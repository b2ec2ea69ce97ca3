// All that the page knows, in one reactive place: what the doors answered, and what the person has chosen.
import { computed, reactive, ref, shallowReactive, shallowRef } from 'vue'
import type { PhoneView } from '../../graph/model.ts'
import type { Fault, LedgerEntry } from '../../parts.ts'
import type { DeskViewWire } from './desk/desk-view-wire.ts'
import { readConversations, readInboxes } from './desk/read-desk.ts'
import { getDoor } from './doors.ts'
import type { Customer, DeskConversation } from './model.ts'
import { readChat, readCustomers, readNumbers } from './phone/read-phone.ts'
import { deskKey, groupLedger, type MessageStory, phoneKey } from './timeline/group-ledger.ts'
import { linkAnswers, readSent } from './timeline/link-answers.ts'

/** More lines than a person reads, few enough to regroup on every change. */
const keptEntries = 3000

export type Link = 'loading' | 'live' | 'broken'

export const link = ref<Link>('loading')
export const phoneView = shallowRef<PhoneView>()
export const deskView = shallowRef<DeskViewWire>()
export const entries = shallowRef<LedgerEntry[]>([])
export const faults = shallowRef<Fault[]>([])
export const offsetMs = ref(0)
export const puente = reactive<{ state: 'up' | 'down' | 'starting' | 'unknown'; detail: string; canStop: boolean }>({
  state: 'unknown',
  detail: 'No hook has been answered yet',
  canStop: false
})
export const chosen = reactive<{ customerId: string; numberId: string; conversationId?: number; storyKey?: string }>({
  customerId: '',
  numberId: ''
})
/** Messages of the business that each customer has seen, by customer id: for the green dot. */
export const seen = shallowReactive(new Map<string, number>())

export const numbers = computed(() => (phoneView.value ? readNumbers(phoneView.value) : []))
export const customers = computed(() => (phoneView.value ? readCustomers(phoneView.value) : []))
export const business = computed(
  () => numbers.value.find(number => number.id === chosen.numberId) ?? { id: '', name: 'Business', phone: '' }
)
export const chat = computed(() =>
  phoneView.value ? readChat(phoneView.value, chosen.customerId, chosen.numberId) : undefined
)
export const chosenCustomer = computed(() => phoneView.value?.customers.find(one => one.id === chosen.customerId))
/** What the agent has had on screen, by conversation: the newest message id. */
export const readUpTo = shallowReactive(new Map<number, number>())

export const conversations = computed(() =>
  readConversations(deskView.value).map(one => ({
    ...one,
    unread: Math.min(
      one.unread,
      one.messages.filter(message => message.kind === 'incoming' && message.id > (readUpTo.get(one.id) ?? 0)).length
    )
  }))
)
export const inboxes = computed(() => readInboxes(deskView.value))
export const conversation = computed(() => conversations.value.find(one => one.id === chosen.conversationId))

/** Whose conversation this is: by phone or WhatsApp id, else (a hidden or changed number) by name. */
export function findCustomerOf(one: DeskConversation): Customer | undefined {
  const all = phoneView.value?.customers ?? []
  const found =
    all.find(customer => one.phone !== '' && (customer.phone === one.phone || `+${customer.waId}` === one.phone)) ??
    all.find(customer => customer.name === one.name)
  return customers.value.find(customer => customer.id === found?.id)
}

/** The chosen customer's newest conversation. */
export const ownConversationId = computed(() =>
  conversations.value
    .filter(one => findCustomerOf(one)?.id === chosen.customerId)
    .reduce<number | undefined>((newest, one) => Math.max(newest ?? 0, one.id), undefined)
)

const links = computed(() => {
  const inDesk = conversations.value.flatMap(one => {
    const customer = findCustomerOf(one)?.id
    if (customer === undefined) return []
    return one.messages
      .filter(message => message.kind !== 'incoming' && message.kind !== 'activity' && !message.private)
      .map(({ id, at, content, attachments, isTemplate }) => ({
        id,
        at,
        customer,
        text: content,
        files: attachments.length,
        isTemplate
      }))
  })
  return linkAnswers(inDesk, readSent(entries.value))
})

export const grouped = computed(() => groupLedger(entries.value, links.value))
export const story = computed<MessageStory | undefined>(() => {
  const key = chosen.storyKey
  return key === undefined ? undefined : grouped.value.stories.find(one => one.keys.has(key))
})
/** The bubbles to mark on both sides: those whose story is chosen. */
export const markedPhoneId = computed(() => {
  const key = chosen.storyKey
  if (key && chat.value?.messages.some(message => phoneKey(message.id) === key)) return key
  return chat.value?.messages.find(message => story.value?.keys.has(phoneKey(message.id)))?.id
})
export const markedDeskId = computed(() => {
  const inStory = conversation.value?.messages.find(message => story.value?.keys.has(deskKey(message.id)))
  if (inStory) return inStory.id
  return conversation.value?.messages.find(message => deskKey(message.id) === chosen.storyKey)?.id
})

function countFromBusiness(customerId: string): number {
  const customer = phoneView.value?.customers.find(one => one.id === customerId)
  return (customer?.chats ?? []).reduce(
    (sum, one) => sum + one.messages.filter(message => message.from === 'business').length,
    0
  )
}

export const unreadCustomers = computed(
  () => new Set(customers.value.filter(one => countFromBusiness(one.id) > (seen.get(one.id) ?? 0)).map(one => one.id))
)

export function markRead(): void {
  const newest = conversation.value?.messages.at(-1)?.id
  if (conversation.value && newest) readUpTo.set(conversation.value.id, newest)
}

export function markSeen(): void {
  if (chosen.customerId) seen.set(chosen.customerId, countFromBusiness(chosen.customerId))
}

export async function loadPhone(): Promise<void> {
  const first = phoneView.value === undefined
  phoneView.value = await getDoor<PhoneView>('/__phone')
  if (!numbers.value.some(number => number.id === chosen.numberId)) chosen.numberId = numbers.value[0]?.id ?? ''
  if (!customers.value.some(one => one.id === chosen.customerId)) chosen.customerId = customers.value[0]?.id ?? ''
  if (first) for (const one of customers.value) seen.set(one.id, countFromBusiness(one.id))
  markSeen()
}

export async function loadDesk(): Promise<void> {
  deskView.value = await getDoor<DeskViewWire>('/__desk-view')
}

export async function loadRest(): Promise<void> {
  const [clock, list, ledger] = await Promise.all([
    getDoor<{ offsetMs: number }>('/__clock'),
    getDoor<Fault[]>('/__faults'),
    getDoor<LedgerEntry[]>(`/__ledger?limit=${keptEntries}`)
  ])
  offsetMs.value = clock.offsetMs
  faults.value = list
  entries.value = ledger
}

let waiting: LedgerEntry[] = []
let scheduled = false

/** Lines come in bursts; they are taken up once a frame. */
export function addEntry(entry: LedgerEntry): void {
  waiting.push(entry)
  if (scheduled) return
  scheduled = true
  setTimeout(() => {
    scheduled = false
    const last = entries.value.at(-1)?.n ?? 0
    const fresh = waiting.filter(one => one.n > last).sort((one, other) => one.n - other.n)
    waiting = []
    if (fresh.length) entries.value = [...entries.value, ...fresh].slice(-keptEntries)
  }, 60)
}
