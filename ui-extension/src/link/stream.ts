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

/** The answer closes the stream. */
export function openStream(path: string, handlers: StreamHandlers): () => void {
  const ended = new AbortController()
  let waitMs = firstWaitMs
  // A request's own time limit would cut a stream: only its opening is limited, then silence is.
  async function listen(): Promise<void> {
    const once = new AbortController()
    const answer = await request('GET', path, { signal: AbortSignal.any([ended.signal, once.signal]), stream: true })
    const reader = answer.body?.getReader()
    if (!reader) return
    handlers.onLine(true)
    waitMs = firstWaitMs
    const decoder = new TextDecoder()
    let buffer = ''
    let silence = window.setTimeout(() => once.abort(), silentLongestMs)
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        window.clearTimeout(silence)
        silence = window.setTimeout(() => once.abort(), silentLongestMs)
        const { events, rest } = splitEvents(buffer + decoder.decode(value, { stream: true }))
        buffer = rest
        for (const event of events) handlers.onEvent(event)
      }
    } finally {
      window.clearTimeout(silence)
    }
  }
  async function keepListening(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        await listen()
      } catch (error) {
        if (isFailing(error) && (error.kind === 'expired' || error.status === 403 || error.status === 404)) return
      }
      if (ended.signal.aborted) return
      handlers.onLine(false)
      await new Promise(resolve => window.setTimeout(resolve, waitMs))
      waitMs = Math.min(longestWaitMs, waitMs * 2)
    }
  }
  keepListening()
  return () => ended.abort()
}
