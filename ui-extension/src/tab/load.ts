// Brings the tab to life: context → sign in → conversation → live line, and back again whenever one of them breaks.
import type { ConversationStatus, LiveEvent } from '../../../plugin/http/contract/conversation.ts'
import { mayFollowDesk, speak } from '../i18n/i18n.ts'
import { call, type Failing, isFailing, whenExpired } from '../link/api.ts'
import { askForContext, inWebView, isTopLevel, listenForContext } from '../link/frame.ts'
import { keep } from '../link/kept.ts'
import { type Place, readAddress } from '../link/read-context.ts'
import { forget, session, signIn } from '../link/session.ts'
import type { StreamEvent } from '../link/split-events.ts'
import { openStream } from '../link/stream.ts'
import { followMessage } from './sending.ts'
import { clockOffsetMs, live, notServed, phase, place, section, status, trouble } from './state.ts'

const contextAgainMs = 1500
const contextGiveUpMs = 8000

let closeStream = (): void => {}
let firstStatus = true

export function show(told: ConversationStatus): void {
  if (!told.served) {
    notServed.value = told.sentence
    phase.value = 'not-served'
    return
  }
  clockOffsetMs.value = Date.parse(told.window.now) - Date.now()
  status.value = told
  if (firstStatus && !told.allowed.includes('text') && told.allowed.includes('template')) section.value = 'templates'
  firstStatus = false
  phase.value = 'ready'
}

function showTrouble(error: unknown): void {
  const failing: Failing | undefined = isFailing(error) ? error : undefined
  trouble.value = failing
  if (failing?.kind === 'offline') phase.value = 'offline'
  else if (failing?.kind === 'expired') phase.value = 'expired'
  else if (failing?.status === 403 || failing?.status === 404) phase.value = 'forbidden'
  else phase.value = 'failed'
}

const readStatus = (at: Place): Promise<ConversationStatus> =>
  call('readConversation', { params: { conversationId: at.conversationId } })

export async function refresh(): Promise<void> {
  if (place.value) show(await readStatus(place.value))
}

function onEvent(event: StreamEvent): void {
  let read: LiveEvent
  try {
    read = { event: event.event, data: JSON.parse(event.data) } as LiveEvent
  } catch {
    return
  }
  if (read.event === 'status') show(read.data)
  else if (read.event === 'message') followMessage(read.data)
  else if (read.event === 'expired') endSession()
}

function onLine(up: boolean): void {
  const wasDown = !live.value
  live.value = up
  // What happened meanwhile was told to nobody.
  if (up && wasDown) refresh().catch(() => {})
}

function endSession(): void {
  closeStream()
  forget()
  phase.value = 'expired'
}

async function begin(at: Place): Promise<void> {
  closeStream()
  phase.value = 'loading'
  try {
    const outcome = await signIn(at)
    if (outcome !== 'signed-in') {
      phase.value = outcome
      return
    }
    await enter(at)
  } catch (error) {
    showTrouble(error)
  }
}

/** From a session to the conversation. */
export async function enter(at: Place): Promise<void> {
  keep('account', String(at.accountId))
  const locale = session.value?.locale
  const [told] = await Promise.all([readStatus(at), locale && mayFollowDesk() ? speak(locale) : undefined])
  show(told)
  if (told.served) closeStream = openStream(`conversations/${at.conversationId}/events`, { onEvent, onLine })
}

function take(told: Place): void {
  const known = place.value
  if (known?.accountId === told.accountId && known.conversationId === told.conversationId) return
  place.value = told
  status.value = undefined
  firstStatus = true
  begin(told)
}

export function tryAgain(): void {
  if (place.value) begin(place.value)
  else start()
}

let stopListening = (): void => {}

/** Begins to listen for the desk; without a desk around us the address must say where we are. */
export function start(): void {
  phase.value = 'waiting'
  stopListening()
  stopListening = listenForContext(take)
  whenExpired(endSession)
  const told = readAddress(window.location.search)
  if (told) take(told)
  else if (isTopLevel && !inWebView() && document.readyState === 'complete') phase.value = 'lost'
  askForContext()
  window.setTimeout(() => place.value === undefined && askForContext(), contextAgainMs)
  window.setTimeout(() => {
    if (place.value === undefined) phase.value = 'lost'
  }, contextGiveUpMs)
}
