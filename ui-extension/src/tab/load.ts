// Brings the tab to life: context → sign in → conversation → live line, and back again whenever one of them breaks.
import type { ConversationStatus, LiveEvent } from '../../../plugin/http/contract/conversation.ts'
import { chooseLanguage, mayFollowDesk, speak } from '../i18n/i18n.ts'
import { call, type Failing, isFailing, whenExpired } from '../link/api.ts'
import { askForContext, inWebView, isTopLevel, listenForContext } from '../link/frame.ts'
import { type Place, readAddress } from '../link/read-context.ts'
import { forget, session, signIn } from '../link/session.ts'
import type { StreamEvent } from '../link/split-events.ts'
import { openStream } from '../link/stream.ts'
import { followMessage } from './sending.ts'
import { askedFor, clockOffsetMs, live, notServed, phase, place, ranOut, section, status, trouble } from './state.ts'
import { untilTurn } from './turn.ts'

const contextAgainMs = 1500
const contextGiveUpMs = 8000

let closeStream = (): void => {}
let firstStatus = true

export function show(told: ConversationStatus): void {
  if (!told.served) {
    notServed.value = told.sentence
    status.value = undefined
    phase.value = 'not-served'
    return
  }
  clockOffsetMs.value = Date.parse(told.window.now) - Date.now()
  ranOut.value = false
  status.value = told
  untilTurn(told.window, ended => {
    ranOut.value = ended
    // Nobody has to hear of it: whatever fails here is said by the live line.
    refresh().catch(() => {})
  })
  if (firstStatus && !told.allowed.includes('text') && told.allowed.includes('template')) section.value = 'templates'
  else if (firstStatus && askedFor !== null) section.value = 'more'
  firstStatus = false
  phase.value = 'ready'
}

function showTrouble(error: unknown): void {
  const failing: Failing | undefined = isFailing(error) ? error : undefined
  trouble.value = failing
  if (failing?.kind === 'offline') phase.value = 'offline'
  else if (failing?.kind === 'expired') phase.value = 'expired'
  else if (failing?.status === 403 || failing?.status === 404) {
    // Nothing of it stays in the page; what waits for a new sign-in does.
    status.value = undefined
    phase.value = 'forbidden'
  } else phase.value = 'failed'
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

/** Whose words stand in the forms. */
let writer: number | undefined

/** From a session to the conversation. */
export async function enter(at: Place): Promise<void> {
  closeStream()
  const agentId = session.value?.agent.id
  if (writer !== agentId) status.value = undefined
  writer = agentId
  const locale = session.value?.locale
  // Begins first: the server is asked in the language that the page is about to speak.
  const speaking = locale && mayFollowDesk() ? speak(locale) : undefined
  const [told] = await Promise.all([readStatus(at), speaking])
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

/** Somebody was recognised. */
export async function goOn(): Promise<void> {
  try {
    if (place.value) await enter(place.value)
  } catch (error) {
    showTrouble(error)
  }
}

/** The server's sentences follow the page's language. */
export async function changeLanguage(language: string): Promise<void> {
  await chooseLanguage(language)
  if (place.value && phase.value === 'ready') await enter(place.value).catch(() => {})
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
