/** What the sandbox-graph tests share: a sandbox, a receiver in Puente's place, and a client of the Graph API. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSandbox, type SandboxOptions } from '../../adapters/sandbox/sandbox.ts'

// biome-ignore lint/suspicious/noExplicitAny: wire JSON is inspected freely in tests
export type Any = any

export interface Received {
  raw: string
  body: Any
  headers: IncomingHttpHeaders
}

export async function openReceiver(verifyToken: () => string) {
  const received: Received[] = []
  const state = { status: 200, answer: 'ok' }
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('error', () => {})
    req.on('data', chunk => chunks.push(chunk))
    req.on('end', () => {
      if (req.method === 'GET') {
        const query = new URL(req.url ?? '/', 'http://x').searchParams
        const right = query.get('hub.mode') === 'subscribe' && query.get('hub.verify_token') === verifyToken()
        res.writeHead(right ? 200 : 403)
        res.end(right ? query.get('hub.challenge') : '')
        return
      }
      const raw = Buffer.concat(chunks).toString('utf8')
      let body: Any
      try {
        body = JSON.parse(raw)
      } catch {
        body = undefined
      }
      received.push({ raw, body, headers: req.headers })
      res.writeHead(state.status)
      res.end(state.answer)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/whatsapp`
  return {
    url,
    received,
    state,
    statuses: () => received.flatMap(one => one.body?.entry?.[0]?.changes?.[0]?.value?.statuses ?? []) as Any[],
    async until(check: () => boolean, what: string, withinMs = 5000) {
      const end = Date.now() + withinMs
      while (!check()) {
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    },
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** A sandbox whose number is subscribed to the receiver; statuses come at once, limits are off. */
export async function openRig(options: Partial<SandboxOptions> & { connected?: boolean } = {}) {
  const { connected = true, ...rest } = options
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0, seed: 7, ...rest })
  const whatsapp = () => (sandbox.config()['numbers'] as Any[])[0].whatsapp
  const receiver = await openReceiver(() => whatsapp().verifyToken)
  sandbox.graph.configure({ statuses: 'instant', pairLimit: 'off', throughput: 'off' })

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await fetch(`${sandbox.graphUrl}/v25.0${path}`, {
      method,
      headers: {
        authorization: `Bearer ${whatsapp().token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, json: (text ? JSON.parse(text) : undefined) as Any }
  }
  if (connected) {
    const { wabaId, verifyToken } = whatsapp()
    const done = await call('POST', `/${wabaId}/subscribed_apps`, {
      override_callback_uri: receiver.url,
      verify_token: verifyToken
    })
    if (done.status !== 200) throw new Error(`not subscribed: ${done.text}`)
  }
  return {
    sandbox,
    receiver,
    whatsapp,
    call,
    send: (body: unknown) => call('POST', `/${whatsapp().phoneNumberId}/messages`, body),
    text: (to: string, extra: object = {}) => ({
      messaging_product: 'whatsapp',
      to,
      type: 'text',
      text: { body: 'Hello' },
      ...extra
    }),
    say: (input: object) => sandbox.graph.say({ customer: 'lucia', ...input }) as Promise<Any>,
    async upload(mime: string, bytes: Buffer, name = 'file') {
      const form = new FormData()
      form.set('messaging_product', 'whatsapp')
      form.set('type', mime)
      form.set('file', new Blob([new Uint8Array(bytes)], { type: mime }), name)
      const answer = await fetch(`${sandbox.graphUrl}/v25.0/${whatsapp().phoneNumberId}/media`, {
        method: 'POST',
        headers: { authorization: `Bearer ${whatsapp().token}` },
        body: form
      })
      return { status: answer.status, json: (await answer.json()) as Any }
    },
    async door(path: string, body?: unknown, headers: Record<string, string> = {}) {
      const answer = await fetch(sandbox.deskUrl + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      return { status: answer.status, json: (await answer.json()) as Any, headers: answer.headers }
    },
    async close() {
      await sandbox.close()
      await receiver.close()
    }
  }
}

export function readFixture(name: string): Any {
  return JSON.parse(readFileSync(new URL(`../fixtures/whatsapp/${name}.json`, import.meta.url), 'utf8'))
}

/** Key names and JSON types only; `without` names keys that are left out everywhere. */
export function shapeOf(value: unknown, without: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map(one => shapeOf(one, without))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !without.includes(key))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, one]) => [key, shapeOf(one, without)])
    )
  }
  return value === null ? 'null' : typeof value
}
