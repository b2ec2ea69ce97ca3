// Server-sent events read with fetch, since an EventSource cannot carry the bearer. Reconnects by itself, more slowly
// each time, and says whether the line stands.
import { isFailing, request } from './api.ts'
import { type StreamEvent, splitEvents } from './split-events.ts'

const firstWaitMs = 1000
const longestWaitMs = 30_000

export interface StreamHandlers {
  onEvent(event: StreamEvent): void
  /** True when the line stands. The page reads everything anew when it does again. */
  onLine(up: boolean): void
}

const silentLongestMs = 60_000
/** A page that nobody looks at for so long needs no line; its first word on coming back tells how everything stands. */
const restAfterMs = 30_000

/** The answer closes the stream. */
export function openStream(path: string, handlers: StreamHandlers): () => void {
  const ended = new AbortController()
  let waitMs = firstWaitMs
  let resting = false
  let restTimer = 0
  let rest = (): void => {}
  let comeBack = (): void => {}
  function onVisibility(): void {
    window.clearTimeout(restTimer)
    if (document.hidden) {
      restTimer = window.setTimeout(() => {
        resting = true
        rest()
      }, restAfterMs)
    } else {
      resting = false
      comeBack()
    }
  }
  document.addEventListener('visibilitychange', onVisibility)
  ended.signal.addEventListener('abort', () => {
    document.removeEventListener('visibilitychange', onVisibility)
    window.clearTimeout(restTimer)
    comeBack()
  })
  // A request's own time limit would cut a stream: only its opening is limited, then silence is.
  /** True when the server asks to be asked anew, which is no break of the line. */
  async function listen(): Promise<boolean> {
    const once = new AbortController()
    rest = () => once.abort()
    const answer = await request('GET', path, { signal: AbortSignal.any([ended.signal, once.signal]), stream: true })
    const reader = answer.body?.getReader()
    if (!reader) return false
    handlers.onLine(true)
    waitMs = firstWaitMs
    const decoder = new TextDecoder()
    let buffer = ''
    let again = false
    const beganMs = Date.now()
    let silence = window.setTimeout(() => once.abort(), silentLongestMs)
    try {
      for (;;) {
        const { done, value } = await reader.read()
        // Never in a circle, whatever the server says.
        if (done) return again && Date.now() - beganMs > firstWaitMs
        window.clearTimeout(silence)
        silence = window.setTimeout(() => once.abort(), silentLongestMs)
        const { events, rest } = splitEvents(buffer + decoder.decode(value, { stream: true }))
        buffer = rest
        for (const event of events) {
          again = event.event === 'again' || event.event === 'expired'
          handlers.onEvent(event)
        }
      }
    } finally {
      window.clearTimeout(silence)
    }
  }
  async function keepListening(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        if (await listen()) continue
      } catch (error) {
        if (isFailing(error) && (error.kind === 'expired' || error.status === 403 || error.status === 404)) return
      }
      if (ended.signal.aborted) return
      if (resting) {
        await new Promise<void>(resolve => {
          comeBack = resolve
        })
        continue
      }
      handlers.onLine(false)
      await new Promise(resolve => window.setTimeout(resolve, waitMs))
      waitMs = Math.min(longestWaitMs, waitMs * 2)
    }
  }
  keepListening()
  return () => ended.abort()
}
