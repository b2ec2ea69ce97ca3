// All that the tab knows, in one reactive place: where it is, who looks, what the server said, what is being sent.
import { computed, ref, shallowReactive, shallowRef } from 'vue'
import type { SendInfo } from '../../../plugin/http/contract/common.ts'
import type { SendKind, ServedConversation } from '../../../plugin/http/contract/conversation.ts'
import type { MessageToSend } from '../../../plugin/http/contract/message.ts'
import type { Failing } from '../link/api.ts'
import type { Place } from '../link/read-context.ts'

export type Phase =
  /** No context of the desk yet. */
  | 'waiting'
  | 'loading'
  | 'ready'
  /** Opened outside of a conversation: no context will come. */
  | 'lost'
  | 'pair'
  | 'no-way'
  | 'unknown'
  | 'not-served'
  | 'forbidden'
  | 'expired'
  | 'offline'
  | 'failed'

export type Section = 'message' | 'templates' | 'more' | 'history' | 'start'

export const phase = ref<Phase>('waiting')
export const place = shallowRef<Place>()
export const trouble = shallowRef<Failing>()
export const status = shallowRef<ServedConversation>()
/** Why the tab has nothing to do in this conversation. */
export const notServed = ref('')
/** False while the live line is down: what is shown may be old. */
export const live = ref(true)
/** Server's clock minus ours. */
export const clockOffsetMs = ref(0)
/** The window ended since the server spoke last: its words about what may be sent no longer hold. */
export const ranOut = ref(false)

export const section = ref<Section>('message')
/** What a window of its own was opened for (`?compose=voice`). */
export const askedFor = new URLSearchParams(window.location.search).get('compose')
/** Something is being filled in: the rest of the page steps back. */
export const writing = ref(false)
/** The parked answer that the next template is sent instead of. */
export const insteadOf = ref<number>()
/** Message whose details are open. */
export const openMessage = ref<number>()

/** Sent from this tab since it was opened, newest first. */
export const sends = shallowReactive<Sending[]>([])

export interface Sending {
  key: string
  /** What it was, in few words. */
  label: string
  info: SendInfo
  /** To send the same once more; left out for what another door sent. */
  message?: MessageToSend
  /** Key of that repetition: pressed again after a lost answer, it is the same one. */
  again?: { key: string }
}

export const allows = (kind: SendKind): boolean =>
  (kind === 'template' || !ranOut.value) && (status.value?.allowed.includes(kind) ?? false)
export const onlyTemplates = computed(() => status.value !== undefined && !allows('text'))

export function go(to: Section): void {
  if (to !== 'templates') insteadOf.value = undefined
  section.value = to
}

export function showDetails(messageId: number): void {
  openMessage.value = messageId
}
