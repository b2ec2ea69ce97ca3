// Sends, and follows what was sent: the answer says that it is stored, live events say the rest. One key for one
// intention, so that a second click or a retry after a lost answer sends nothing twice.
import type { SendInfo, SendState } from '../../../plugin/http/contract/common.ts'
import type { LiveEvent } from '../../../plugin/http/contract/conversation.ts'
import type { MessageToSend } from '../../../plugin/http/contract/message.ts'
import { call, makeKey } from '../link/api.ts'
import { place, type Sending, sends } from './state.ts'

const pollEveryMs = 1500
const pollForMs = 90_000
const keptSends = 5

const settled: readonly SendState[] = ['read', 'played', 'failed', 'recalled']

function put(changed: Sending): void {
  const at = sends.findIndex(one => one.info.sendId === changed.info.sendId)
  if (at >= 0) sends.splice(at, 1, changed)
  else sends.unshift(changed)
  sends.splice(keptSends)
}

/** Until the desk has the row there is no message id to hear events of; the line may also be down. */
async function poll(sending: Sending): Promise<void> {
  const until = Date.now() + pollForMs
  while (Date.now() < until) {
    await new Promise(resolve => window.setTimeout(resolve, pollEveryMs))
    const known = sends.find(one => one.info.sendId === sending.info.sendId)
    if (!known || settled.includes(known.info.state)) return
    try {
      const info = await call('readSend', { params: { sendId: sending.info.sendId } })
      put({ ...known, info })
    } catch {
      // Asked again at the next beat.
    }
  }
}

export interface Intention {
  key: string
}

export const newIntention = (): Intention => ({ key: makeKey() })

export async function sendMessage(message: MessageToSend, label: string, intention: Intention): Promise<SendInfo> {
  const params = { conversationId: place.value?.conversationId ?? 0 }
  const info = await call('sendMessage', { params, body: { message } }, { idempotencyKey: intention.key })
  follow(info, label, message)
  return info
}

/** What failed before the desk had a row of it, once more: a new intention, since the old key answers with the failure. */
export async function repeat(sendId: string): Promise<void> {
  const known = sends.find(one => one.info.sendId === sendId)
  if (known?.message === undefined) return
  known.again ??= newIntention()
  await sendMessage(known.message, known.label, known.again)
  dismiss(sendId)
}

/** Takes up what was sent by another door (a new conversation, a resend). */
export function follow(info: SendInfo, label: string, message?: MessageToSend): void {
  const sending: Sending = { key: info.sendId, label, info, message }
  put(sending)
  poll(sending)
}

type MessageEvent = Extract<LiveEvent, { event: 'message' }>['data']

export function followMessage(told: MessageEvent): void {
  const known = sends.find(one => one.info.messageId === told.messageId)
  if (!known) return
  put({ ...known, info: { ...known.info, state: told.state as SendState, failure: told.failure, updatedAt: told.at } })
}

export function dismiss(sendId: string): void {
  const at = sends.findIndex(one => one.info.sendId === sendId)
  if (at >= 0) sends.splice(at, 1)
}
