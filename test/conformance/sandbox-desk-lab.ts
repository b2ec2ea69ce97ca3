/** A desk stand-in on a port of its own, a receiver for its hooks, and a small client: for the sandbox-desk tests. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClock } from '../../adapters/sandbox/clock.ts'
import type { DeskStandIn } from '../../adapters/sandbox/desk/desk.ts'
import { createDesk } from '../../adapters/sandbox/desk/desk.ts'
import { createFaults } from '../../adapters/sandbox/faults.ts'
import { createLedger } from '../../adapters/sandbox/ledger.ts'
import type { SandboxParts } from '../../adapters/sandbox/parts.ts'
import { createRandom } from '../../adapters/sandbox/random.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers and hooks are looked into freely
export type Loose = any

export interface Hook {
  headers: http.IncomingHttpHeaders
  raw: string
  body: Loose
  atMs: number
}

export interface Lab {
  desk: DeskStandIn
  parts: SandboxParts & { clock: ReturnType<typeof createClock> }
  url: string
  hooks: Hook[]
  /** Waits until so many hooks that fit have come (5 s at most) and returns them all. */
  waitHooks(count: number, fits?: (hook: Hook) => boolean): Promise<Hook[]>
  /** Lets everything that is under way arrive, then forgets it. */
  settle(): Promise<void>
  answerHooksWith(answer: (body: Loose) => { status: number; afterMs?: number } | 'never'): void
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answered>
  inbox: Loose
  admin: string
  agent: string
  close(): Promise<void>
}

export interface CallOptions {
  token?: string | null
  headers?: Record<string, string>
  form?: FormData
  signal?: AbortSignal
  /** Path outside of the account. */
  bare?: boolean
}

export interface Answered {
  status: number
  json: Loose
  text: string
  headers: Headers
}

export async function openLab(options: { inbox?: Loose; instance?: string; bare?: boolean } = {}): Promise<Lab> {
  const clock = createClock()
  const random = createRandom(7)
  const parts = { clock, random, ledger: createLedger({ clock }), faults: createFaults(random) }
  const desk = createDesk(parts, { instance: options.instance ?? 'lab' })
  const server = http.createServer((req, res) => desk.handle(req, res))
  let answer: (body: Loose) => { status: number; afterMs?: number } | 'never' = () => ({ status: 200 })
  const hooks: Hook[] = []
  const receiver = http.createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', chunk => chunks.push(chunk))
    req.on('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8')
      let body: Loose = null
      try {
        body = JSON.parse(raw)
      } catch {}
      hooks.push({ headers: req.headers, raw, body, atMs: performance.now() })
      const said = answer(body)
      if (said === 'never') return
      setTimeout(() => {
        res.statusCode = said.status
        res.end('ok')
      }, said.afterMs ?? 0)
    })
  })
  const url = await listen(server)
  const receiverUrl = await listen(receiver)
  desk.setBaseUrl(url)
  desk.configure({ hookDelayMs: 5, deletionDelayMs: 60 })
  const { adminToken: admin, agentToken: agent } = desk.config()

  async function call(method: string, path: string, body?: unknown, how: CallOptions = {}): Promise<Answered> {
    const token = how.token === undefined ? admin : how.token
    const response = await fetch(how.bare ? `${url}${path}` : `${url}/api/v1/accounts/1/${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === null ? {} : { api_access_token: token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...how.headers
      },
      ...(how.form ? { body: how.form } : body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(how.signal ? { signal: how.signal } : {})
    })
    const text = await response.text()
    let json: Loose = null
    try {
      json = JSON.parse(text)
    } catch {}
    return { status: response.status, json, text, headers: response.headers }
  }

  async function waitHooks(count: number, fits: (hook: Hook) => boolean = () => true): Promise<Hook[]> {
    const until = performance.now() + 5000
    for (;;) {
      const found = hooks.filter(fits)
      if (found.length >= count || performance.now() > until) return found
      await pause(5)
    }
  }

  let inbox: Loose = null
  if (!options.bare) {
    const made = await call('POST', 'inboxes', {
      name: 'WA +34 600',
      channel: { type: 'api', webhook_url: `${receiverUrl}/hook/1` },
      ...options.inbox
    })
    inbox = made.json
    await call('POST', 'inbox_members', { inbox_id: inbox.id, user_ids: [2, 3] })
  }

  return {
    desk,
    parts,
    url,
    hooks,
    waitHooks,
    async settle() {
      await pause(60)
      hooks.length = 0
    },
    answerHooksWith(next) {
      answer = next
    },
    call,
    inbox,
    admin,
    agent,
    async close() {
      desk.close()
      parts.ledger.close()
      for (const one of [server, receiver]) {
        one.closeAllConnections()
        await new Promise(resolve => one.close(resolve))
      }
    }
  }
}

/** A contact with that source id, and its conversation with one incoming message. */
export async function openTalk(
  lab: Lab,
  source = 'src-1',
  extra: Loose = {}
): Promise<{ contactId: number; id: number; path: string }> {
  const contact = await lab.call('POST', 'contacts', {
    name: 'Ana',
    inbox_id: lab.inbox.id,
    source_id: source,
    ...extra
  })
  const contactId = contact.json.payload.contact.id
  const made = await lab.call('POST', 'conversations', {
    inbox_id: lab.inbox.id,
    contact_id: contactId,
    source_id: source,
    message: { message_type: 'incoming', content: 'hola', source_id: `${source}-1` }
  })
  return { contactId, id: made.json.id, path: `conversations/${made.json.id}` }
}

function listen(server: http.Server): Promise<string> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

export const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

export function fixture(name: string): Loose {
  return JSON.parse(readFileSync(new URL(`../fixtures/chatwoot/${name}.json`, import.meta.url), 'utf8'))
}

export const recorded = (name: string): Loose => fixture(`recorded-4.16.2/${name}`)

/** Values that differ from one desk to another; only their type counts. */
const OWN_VALUES =
  /^(id|.*_ids?|uuid|identifier|.*token|secret|webhook_url|inbox_identifier|data_url|thumb_url|url|in_reply_to|unread_count)$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/**
 * What is different between two JSON values: keys, their order, types, null-ness and, except for ids, tokens, times
 * and addresses, values. `skip` names paths (`a.b[0].c`) left out, each with a reason in the test.
 */
export function differences(actual: Loose, expected: Loose, skip: RegExp[] = [], path = ''): string[] {
  if (skip.some(pattern => pattern.test(path))) return []
  const kind = (value: Loose) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)
  if (kind(actual) !== kind(expected)) return [`${path}: ${kind(actual)} instead of ${kind(expected)}`]
  if (Array.isArray(expected)) {
    if (actual.length !== expected.length) return [`${path}: ${actual.length} items instead of ${expected.length}`]
    return expected.flatMap((item: Loose, i: number) => differences(actual[i], item, skip, `${path}[${i}]`))
  }
  if (kind(expected) === 'object') {
    const keys = Object.keys(expected)
    const wrong: string[] = []
    if (Object.keys(actual).join() !== keys.join() && !skip.some(pattern => pattern.test(`${path} keys`))) {
      wrong.push(`${path} keys: ${Object.keys(actual)} instead of ${keys}`)
    }
    for (const key of keys) {
      if (key in actual)
        wrong.push(...differences(actual[key], expected[key], skip, path === '' ? key : `${path}.${key}`))
    }
    return wrong
  }
  const key = /([^.[\]]+)(\[\d+\])?$/.exec(path)?.[1] ?? ''
  if (OWN_VALUES.test(key) || /\bdisplay_id\.current_value$/.test(path)) return []
  if (typeof expected === 'string' && ISO.test(expected))
    return ISO.test(actual) ? [] : [`${path}: ${actual} is no time`]
  if (typeof expected === 'number' && expected > 1_600_000_000) {
    return actual > 1_600_000_000 ? [] : [`${path}: ${actual} is no epoch time`]
  }
  return actual === expected ? [] : [`${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`]
}
