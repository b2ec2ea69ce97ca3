// The calls of the admin page, and the run of the checks as it is told.
import type { CheckEvent, Examination } from '../../../plugin/http/contract/admin-pages.ts'
import type { RouteAnswer, RouteCall } from '../../../plugin/http/contract/routes.ts'
import { makeKey, request } from '../link/api.ts'
import { splitEvents } from '../link/split-events.ts'
import { type AdminRoute, adminRoutes } from './routes.ts'

/** One call. Rejects with `Failing`. */
export async function ask<N extends AdminRoute>(
  name: N,
  body?: RouteCall<N>['body'],
  at: { query?: Record<string, string | number>; id?: string } = {}
): Promise<RouteAnswer<N>> {
  const [method = '', path = ''] = adminRoutes[name].split(' ')
  const idempotencyKey = method === 'GET' ? undefined : makeKey()
  const filled = path.slice(1).replace(':id', encodeURIComponent(at.id ?? ''))
  const answer = await request(method, filled, { body, query: at.query, idempotencyKey })
  return (await answer.json()) as RouteAnswer<N>
}

export type CheckOutcome = { found: Examination } | { title: string } | 'cut'

/** A server that says nothing at all for so long is gone; it beats every 15 seconds. */
const silentLongestMs = 40_000

/** Runs the checks; `told` hears what is looked at. Rejects with `Failing` when they could not begin. */
export async function runChecks(told: (about: string) => void): Promise<CheckOutcome> {
  const ended = new AbortController()
  const answer = await request('POST', 'admin/checks', { stream: true, signal: ended.signal })
  const reader = answer.body?.getReader()
  const decoder = new TextDecoder()
  let buffer = ''
  let silence = 0
  try {
    while (reader) {
      silence = window.setTimeout(() => ended.abort(), silentLongestMs)
      const { done, value } = await reader.read()
      window.clearTimeout(silence)
      if (done) break
      const { events, rest } = splitEvents(buffer + decoder.decode(value, { stream: true }))
      buffer = rest
      for (const { event, data } of events) {
        const read = { event, data: JSON.parse(data) } as CheckEvent
        if (read.event === 'step') told(read.data.about)
        else if (read.event === 'done') return { found: read.data }
        else if (read.event === 'failed') return { title: read.data.title }
      }
    }
  } catch {
    // Broken off: said by the outcome.
  } finally {
    window.clearTimeout(silence)
    ended.abort()
  }
  return 'cut'
}
