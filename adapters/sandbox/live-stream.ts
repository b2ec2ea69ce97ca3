/** Server-sent events for the page: `ledger` for every entry, `change` when phone, desk, clock or faults moved. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LedgerEntry } from './parts.ts'

const MAX_CLIENTS = 50
const BEAT_MS = 15_000
const CHANGE_EVERY_MS = 250
/** A client that reads this far behind is dropped; it reconnects and reads everything anew. */
const MAX_BEHIND_BYTES = 4 * 1024 * 1024
const MAX_BODY_CHARS = 16_000

export interface LiveStream {
  open(req: IncomingMessage, res: ServerResponse): void
  tellEntry(entry: LedgerEntry): void
  tellChange(what: string): void
  close(): void
}

export function createLiveStream(): LiveStream {
  const clients = new Set<ServerResponse>()
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const beat = setInterval(() => write(': beat\n\n'), BEAT_MS)
  beat.unref()

  function write(text: string) {
    for (const client of clients) {
      if (client.writableLength > MAX_BEHIND_BYTES) {
        clients.delete(client)
        client.destroy()
      } else client.write(text)
    }
  }

  return {
    open(_req, res) {
      if (clients.size >= MAX_CLIENTS) {
        res.writeHead(503, { 'retry-after': '5' })
        res.end()
        return
      }
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'keep-alive' })
      res.write('retry: 1000\n\n')
      clients.add(res)
      res.on('close', () => clients.delete(res))
    },
    tellEntry(entry) {
      if (clients.size === 0) return
      let data = JSON.stringify(entry)
      if (data.length > MAX_BODY_CHARS) data = JSON.stringify({ ...entry, body: { chars: data.length } })
      write(`event: ledger\nid: ${entry.n}\ndata: ${data}\n\n`)
    },
    tellChange(what) {
      if (clients.size === 0) return
      changed.add(what)
      timer ??= setTimeout(() => {
        timer = undefined
        const list = [...changed]
        changed.clear()
        write(`event: change\ndata: ${JSON.stringify({ what: list })}\n\n`)
      }, CHANGE_EVERY_MS).unref()
    },
    close() {
      clearInterval(beat)
      if (timer) clearTimeout(timer)
      for (const client of clients) client.destroy()
      clients.clear()
    }
  }
}
