/** Listens to a conversation's live line as the tab does, and collects the statuses that it tells. */
import type { Loose } from '../support/puente.ts'

export async function listen(
  t: { teardown(work: () => unknown): unknown },
  url: string,
  conversationId: number,
  token: string
): Promise<Loose[]> {
  const statuses: Loose[] = []
  const abort = new AbortController()
  const live = await fetch(`${url}/api/v1/conversations/${conversationId}/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: abort.signal
  })
  const reading = (async () => {
    let text = ''
    for await (const chunk of live.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, data] = /^event: status\ndata: (.+)$/m.exec(text.slice(0, end)) ?? []
        if (data !== undefined) statuses.push(JSON.parse(data))
        text = text.slice(end + 2)
      }
    }
  })().catch(() => {})
  t.teardown(async () => {
    abort.abort()
    await reading
  })
  return statuses
}
