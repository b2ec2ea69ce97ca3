/** The sandbox's doors, as the bench uses them: what customers and agents do, and what the ledger says of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'

export interface Doors {
  url: string
  get<T>(path: string): Promise<T>
  post<T = unknown>(path: string, body: unknown): Promise<T>
  /** Any request to the desk's API as its agent; resolves with how long it took. */
  readAsAgent(path: string): Promise<number>
  /** Entries from now on; `take` gives those since the last `take`. */
  follow(filter?: { side?: string; what?: string; name?: string }): Promise<Follower>
  close(): void
}

export interface Follower {
  take(): Promise<LedgerEntry[]>
  /** Takes until `enough` says so or time is up; returns everything taken meanwhile. */
  until(enough: (entries: LedgerEntry[]) => boolean, withinMs: number, everyMs?: number): Promise<LedgerEntry[]>
  /** The same, but takes only when nothing new has come for a moment: what is measured does not pay for being watched. */
  untilStill(enough: (entries: LedgerEntry[]) => boolean, withinMs: number): Promise<LedgerEntry[]>
}

const STILL_MS = 500

const PAGE = 20_000

export function openDoors(url: string): Doors {
  // What is measured shares its processors with whoever asks: undici costs them least.
  const pool = new Pool(url, { connections: 64 })
  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    headers: Record<string, string> = {}
  ): Promise<{ status: number; text: string }> => {
    const answer = await pool.request({
      method,
      path,
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? null : JSON.stringify(body)
    })
    return { status: answer.statusCode, text: await answer.body.text() }
  }
  const readJson = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const answer = await ask(method, path, body)
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`)
    return JSON.parse(answer.text) as T
  }
  let agentToken: string | undefined

  return {
    url,
    get: path => readJson('GET', path),
    post: (path, body) => readJson('POST', path, body),
    async readAsAgent(path) {
      agentToken ??= (await readJson<{ desk: { agentToken: string } }>('GET', '/__config')).desk.agentToken
      const startedMs = performance.now()
      const answer = await ask('GET', path, undefined, { api_access_token: agentToken })
      if (answer.status !== 200) throw new Error(`an agent's read was answered ${answer.status}`)
      return performance.now() - startedMs
    },
    async follow(filter = {}) {
      const query = Object.entries(filter)
        .map(([name, value]) => `&${name}=${encodeURIComponent(value)}`)
        .join('')
      const newest = async (): Promise<number> =>
        (await readJson<LedgerEntry[]>('GET', '/__ledger?limit=1')).at(-1)?.n ?? 0
      let after = await newest()
      const take = async (): Promise<LedgerEntry[]> => {
        const all: LedgerEntry[] = []
        for (;;) {
          const page = await readJson<LedgerEntry[]>('GET', `/__ledger?after=${after}&limit=${PAGE}${query}`)
          for (const entry of page) all.push(entry)
          after = page.at(-1)?.n ?? after
          if (page.length < PAGE) return all
        }
      }
      return {
        take,
        async until(enough, withinMs, everyMs = 50) {
          const all: LedgerEntry[] = []
          const deadline = performance.now() + withinMs
          for (;;) {
            for (const entry of await take()) all.push(entry)
            if (enough(all)) return all
            if (performance.now() > deadline) return all
            await sleep(everyMs)
          }
        },
        async untilStill(enough, withinMs) {
          const all: LedgerEntry[] = []
          const deadline = performance.now() + withinMs
          for (let last = -1; ; await sleep(STILL_MS)) {
            const now = await newest()
            const isOver = performance.now() > deadline
            if (now === last || isOver) for (const entry of await take()) all.push(entry)
            if (enough(all) || isOver) return all
            last = now
          }
        }
      }
    },
    close: () => void pool.destroy()
  }
}
