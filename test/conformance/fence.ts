/**
 * Keeps the suite to itself in a desk that others use: writes go only to what the suite made, everything made is
 * remembered and removed. Also finds what was made by a call whose answer never came, by the tag in its name.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpClient, HttpRequest } from '../../adapters/http/types.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'

/** An id that no desk has given out: the last ones of its 32-bit columns. */
export const NOBODY = 2_147_483_600

export interface Fence {
  /** For the checks: refuses what is not theirs, and everything once `stop` was called. */
  http: HttpClient
  stop(): void
  readonly stopped: boolean
  /** What there is to remove, as `kind/id`. */
  list(): string[]
  /** Removes what was made; answers what is left, in words. */
  removeAll(): Promise<string[]>
}

/** What can be made, in the order in which it goes; `text` names the field that carries the tag. */
const KINDS = [
  'macros',
  'automation_rules',
  'custom_filters',
  'dashboard_apps',
  'custom_attribute_definitions',
  'labels',
  'teams',
  'webhooks',
  'contacts',
  'inboxes'
] as const
type Kind = (typeof KINDS)[number]

/** POSTs that only read. */
const READS = new Set(['contacts/filter', 'contact_inboxes/filter', 'conversations/filter'])
const CALL_TIMEOUT_MS = 20_000
const TRIES = 4

export interface FenceOptions {
  /** Closed by the caller. */
  http: HttpClient
  access: DeskAccess
  /** In the name of everything that is made. */
  tag: string
  /** How long the desk may take to delete an inbox in the background. */
  goneWithinMs?: number
}

export function createFence({ http, access, tag, goneWithinMs = 60_000 }: FenceOptions): Fence {
  const base = `${access.url.replace(/\/+$/, '')}/api/v1/accounts/${access.accountId}/`
  /** What is still to be removed. */
  const made = new Map<Kind, Set<number>>(KINDS.map(kind => [kind, new Set<number>()]))
  /** Everything that was ever made. */
  const ours = new Set<string>()
  let stopped = false

  const isOurs = (kind: Kind | 'conversations', id: unknown): boolean =>
    Number(id) >= NOBODY || ours.has(`${kind}/${Number(id)}`)

  function mayWrite(path: string, body: Record<string, unknown>): boolean {
    const [kind = '', id, action] = path.split('/')
    if (kind === 'inbox_members') return isOurs('inboxes', body.inbox_id)
    // Fetching an address in vain leaves nothing.
    if (kind === 'upload') return typeof body.external_url === 'string'
    if (kind === 'actions')
      return isOurs('contacts', body.base_contact_id) && isOurs('contacts', body.mergee_contact_id)
    if (kind === 'macros' && action === 'execute') {
      const ids = Array.isArray(body.conversation_ids) ? body.conversation_ids : []
      return isOurs('macros', id) && ids.length > 0 && ids.every(each => isOurs('conversations', each))
    }
    if (kind === 'contacts' || kind === 'conversations') {
      if (body.inbox_id !== undefined && !isOurs('inboxes', body.inbox_id)) return false
      if (kind === 'conversations' && id === undefined) return isOurs('contacts', body.contact_id)
      return id === undefined || isOurs(kind, id)
    }
    if (!isKind(kind)) return false
    return id === undefined || isOurs(kind, id)
  }

  function remember(path: string, method: string, answer: Buffer): void {
    const [kind = '', id, action] = path.split('/')
    if (method === 'DELETE' && action === undefined && isKind(kind)) {
      // An inbox is deleted in the background: it stays on the list until it is gone.
      if (kind !== 'inboxes') made.get(kind)?.delete(Number(id))
    } else if (method === 'POST' && id === undefined) {
      const newId = idIn(answer)
      if (newId === null) return
      ours.add(`${kind}/${newId}`)
      if (isKind(kind)) made.get(kind)?.add(newId)
    }
  }

  async function guarded(request: HttpRequest) {
    if (stopped) throw new Error('interrupted')
    const inside = request.url.startsWith(base)
    const path = inside ? (request.url.slice(base.length).split('?')[0] ?? '') : ''
    const writes = request.method !== 'GET' && !READS.has(path)
    if (writes && !(inside && mayWrite(path, bodyOf(request)))) {
      throw new Error(`the suite may not ${request.method} ${path || 'outside of the account'}: it did not make that`)
    }
    const answer = await http.request(request)
    if (writes && answer.status >= 200 && answer.status < 300) remember(path, request.method, answer.body)
    return answer
  }

  /** For removing: with patience, and not stopped by an interruption. */
  async function call(method: 'GET' | 'DELETE', path: string): Promise<{ status: number; json: unknown }> {
    for (let nth = 1; ; nth++) {
      const answer = await http
        .request({
          method,
          url: base + path,
          headers: { 'api-access-token': access.token, accept: 'application/json' },
          timeoutMs: CALL_TIMEOUT_MS
        })
        .catch(() => null)
      const again = answer === null || answer.status === 429 || answer.status >= 500
      if (!again) return { status: answer.status, json: parse(answer.body) }
      if (nth === TRIES) return { status: answer?.status ?? 0, json: null }
      await sleep(500 * 2 ** nth)
    }
  }

  /** What carries our tag although no answer told its id. */
  async function findTagged(): Promise<void> {
    const pages = [
      ...KINDS.filter(kind => kind !== 'contacts' && kind !== 'custom_attribute_definitions').map(kind => [kind, kind]),
      ['custom_attribute_definitions', 'custom_attribute_definitions?attribute_model=0'],
      ['custom_attribute_definitions', 'custom_attribute_definitions?attribute_model=1'],
      ['contacts', `contacts/search?q=${encodeURIComponent(tag)}`]
    ] as [Kind, string][]
    for (const [kind, path] of pages) {
      for (const row of rowsIn((await call('GET', path)).json)) {
        const id = Number(row.id)
        const names = [row.name, row.title, row.attribute_key, row.identifier].map(String)
        if (Number.isSafeInteger(id) && names.some(name => name.includes(tag))) made.get(kind)!.add(id)
      }
    }
  }

  async function removeMade(): Promise<void> {
    for (const kind of KINDS) {
      for (const id of [...made.get(kind)!].sort((a, b) => b - a)) {
        const { status } = await call('DELETE', `${kind}/${id}`)
        const done = status === 404 || (status >= 200 && status < 300 && kind !== 'inboxes')
        if (done) made.get(kind)!.delete(id)
      }
    }
    const deadlineMs = performance.now() + goneWithinMs
    for (const id of [...made.get('inboxes')!]) {
      for (;;) {
        const { status } = await call('GET', `inboxes/${id}`)
        if (status === 404) made.get('inboxes')!.delete(id)
        if (status === 404 || performance.now() > deadlineMs) break
        await sleep(250)
      }
    }
  }

  const list = (): string[] => KINDS.flatMap(kind => [...made.get(kind)!].map(id => `${kind}/${id}`))

  return {
    http: {
      request: guarded,
      open(request) {
        if (stopped) throw new Error('interrupted')
        return http.open(request)
      },
      close: () => {}
    },
    stop: () => void (stopped = true),
    get stopped() {
      return stopped
    },
    list,
    async removeAll() {
      await removeMade()
      await findTagged()
      await removeMade()
      return list()
    }
  }
}

function isKind(kind: string): kind is Kind {
  return (KINDS as readonly string[]).includes(kind)
}

function bodyOf(request: HttpRequest): Record<string, unknown> {
  return typeof request.body === 'string' ? asRecord(parse(Buffer.from(request.body))) : {}
}

/** Answers are bare, in `payload`, or (contacts, webhooks) one deeper. */
function idIn(answer: Buffer): number | null {
  const body = asRecord(parse(answer))
  const payload = asRecord(body.payload)
  const places = [body, payload, asRecord(payload.contact), asRecord(payload.webhook)]
  const id = places.map(place => Number(place.id)).find(number => Number.isSafeInteger(number) && number > 0)
  return id ?? null
}

function rowsIn(json: unknown): Record<string, unknown>[] {
  const payload = asRecord(json).payload
  const lists = [json, payload, asRecord(payload).webhooks]
  return (lists.find(list => Array.isArray(list)) as unknown[] | undefined)?.map(asRecord) ?? []
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
