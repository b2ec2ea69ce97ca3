/**
 * The doors `/__…` by which tests, the bench and the page work the sandbox: the same on both ports.
 * Only loopback names are answered and only pages of loopback origins, so that no web page far away can use them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { AdjustableClock } from './clock.ts'
import { readDurationMs } from './clock.ts'
import { readFaults } from './faults.ts'
import type { StatusName } from './graph/model.ts'
import type { DeliverInput, GraphStandIn } from './graph/stand-in.ts'
import type { LiveStream } from './live-stream.ts'
import type { Faults, Ledger, Side } from './parts.ts'
import { answerJson, asRecord, readBody } from './wire.ts'

/** What the doors need of the desk stand-in. */
export interface DeskDoor {
  reply(input: never): unknown
  act(input: never): unknown
  configure(input: never): unknown
  deliverHook(input: never): Promise<unknown>
  view(): unknown
}

export interface DoorsDeps {
  ledger: Ledger
  faults: Faults
  clock: AdjustableClock
  graph: () => GraphStandIn
  desk: () => DeskDoor
  stream: LiveStream
  config: () => unknown
  reset: (options: { newInstance: boolean }) => Promise<unknown>
  puente: () => { state: string; detail?: string; canStop: boolean }
  onStopPuente: (() => void | Promise<void>) | undefined
  /** Called after every change, so that the state is saved. */
  touched: () => void
}

const MAX_BODY_BYTES = 160 * 1024 * 1024
const DEFAULT_LEDGER_LIMIT = 10_000
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

class WrongUse extends Error {}

/** Undefined = may pass; otherwise why not. */
function findStranger(req: IncomingMessage): string | undefined {
  if (!LOOPBACK.test(req.headers.host ?? '')) return 'the sandbox answers on loopback names only'
  const origin = req.headers.origin
  if (origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, '')))
    return 'this origin may not use the sandbox'
  return undefined
}

export function createDoors(deps: DoorsDeps) {
  const { ledger, faults, clock, stream } = deps

  async function answer(req: IncomingMessage, res: ServerResponse, pathname: string, query: URLSearchParams) {
    const method = req.method ?? 'GET'
    const name = pathname.slice(3)
    if (method === 'GET' || method === 'HEAD') {
      if (name === 'stream') return stream.open(req, res)
      if (name.startsWith('media/')) return sendMedia(res, name.slice(6))
      return answerJson(res, 200, read(name, query), { 'cache-control': 'no-store' })
    }
    if (method !== 'POST' && method !== 'PUT' && method !== 'DELETE') throw new WrongUse(`${method} is not used here`)
    const raw = await readBody(req, MAX_BODY_BYTES)
    let body: unknown = {}
    if (raw.length > 0) {
      try {
        body = JSON.parse(raw.toString('utf8'))
      } catch {
        throw new WrongUse('the body is not valid JSON')
      }
    }
    if (method === 'DELETE' && name !== 'faults') throw new WrongUse(`DELETE is not used for ${pathname}`)
    const result = await act(name, method === 'DELETE' ? [] : body)
    deps.touched()
    answerJson(res, 200, result ?? { ok: true })
  }

  function read(name: string, query: URLSearchParams): unknown {
    switch (name) {
      case 'ledger':
        return readLedger(query)
      case 'faults':
        return faults.list()
      case 'clock':
        return { now: clock.now(), offsetMs: clock.offsetMs() }
      case 'config':
        return deps.config()
      case 'graph':
        return asRecord(deps.graph().config())['knobs']
      case 'phone':
        return deps.graph().view(readCount(query.get('limit'), 200))
      case 'desk-view':
        return deps.desk().view()
      case 'puente':
        return deps.puente()
      default:
        throw new WrongUse(`there is no door /__${name}`)
    }
  }

  /** Without `after` the newest entries, with it the next ones; always in order. */
  function readLedger(query: URLSearchParams) {
    const limit = readCount(query.get('limit'), DEFAULT_LEDGER_LIMIT)
    const filter: Parameters<Ledger['list']>[0] = {}
    const side = query.get('side')
    if (side === 'graph' || side === 'desk') filter.side = side as Side
    const what = query.get('what')
    if (what) filter.what = what
    const name = query.get('name')
    if (name) filter.name = name
    const after = query.get('after')
    if (after !== null) return ledger.list({ ...filter, after: readCount(after, 0), limit })
    return ledger.list(filter).slice(-limit)
  }

  async function act(name: string, body: unknown): Promise<unknown> {
    const input = asRecord(body)
    const graph = deps.graph()
    const desk = deps.desk()
    switch (name) {
      case 'faults':
        faults.set(readFaults(body))
        stream.tellChange('faults')
        return faults.list()
      case 'clock': {
        const jumpMs = readDurationMs(input['jumpMs'] ?? input['jump'])
        if (jumpMs === undefined) throw new WrongUse('give jumpMs (milliseconds) or jump ("24h")')
        clock.jump(jumpMs)
        stream.tellChange('clock')
        return { now: clock.now(), offsetMs: clock.offsetMs() }
      }
      case 'say':
        return graph.say(body)
      case 'status': {
        const failure =
          typeof input['code'] === 'number'
            ? { code: input['code'], ...(typeof input['details'] === 'string' ? { details: input['details'] } : {}) }
            : undefined
        const status = await graph.setStatus(String(input['wamid']), String(input['status']) as StatusName, failure)
        return { status }
      }
      case 'change':
        return { status: await graph.announceChange(String(input['field']), asRecord(input['value'])) }
      case 'graph':
        return graph.configure(body)
      case 'desk':
        return desk.configure(body as never)
      case 'reply':
        return desk.reply(readReply(input) as never)
      case 'act':
        return desk.act(body as never)
      case 'deliver':
        return deliver(input)
      case 'reset':
        return deps.reset({ newInstance: input['instance'] === 'new' })
      case 'stop':
        if (!deps.onStopPuente) throw new WrongUse('nobody told the sandbox how to stop Puente')
        await deps.onStopPuente()
        return { stopped: true }
      default:
        throw new WrongUse(`there is no door /__${name} for POST`)
    }
  }

  async function deliver(input: Record<string, unknown>) {
    if (input['to'] === 'whatsapp') return deps.graph().deliver(input as DeliverInput)
    if (input['to'] !== 'chatwoot') throw new WrongUse("to must be 'whatsapp' or 'chatwoot'")
    const startedAt = performance.now()
    const { to: _, raw, ...rest } = input
    const given = raw !== undefined && rest['body'] === undefined ? { ...rest, body: raw } : rest
    const answered = asRecord(await deps.desk().deliverHook(given as never))
    return { headers: {}, tookMs: Math.round((performance.now() - startedAt) * 100) / 100, ...answered }
  }

  async function sendMedia(res: ServerResponse, id: string) {
    const media = deps.graph().findMedia(decodeURIComponent(id))
    if (!media) {
      answerJson(res, 404, { error: 'no such media, or only its size and hash were kept' })
      return
    }
    const inline = /^(image|audio|video)\//.test(media.mime)
    res.writeHead(200, {
      'content-type': media.mime,
      'content-length': media.bytes,
      'content-disposition': `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(media.name ?? id)}`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, max-age=3600'
    })
    await pipeline(media.body, res).catch(() => {})
  }

  return {
    async handle(req: IncomingMessage, res: ServerResponse, pathname: string, query: URLSearchParams) {
      const stranger = findStranger(req)
      if (stranger) {
        req.resume()
        answerJson(res, 403, { error: stranger })
        return
      }
      try {
        await answer(req, res, pathname, query)
      } catch (error) {
        if (!req.complete) req.resume()
        // Every refusal of a door is about what was asked; the message says what.
        answerJson(res, error instanceof WrongUse && error.message.startsWith('there is no door') ? 404 : 400, {
          error: error instanceof Error ? error.message : String(error)
        })
      }
    }
  }
}

/** Files come as base64 in JSON; the desk wants their bytes. */
function readReply(input: Record<string, unknown>): Record<string, unknown> {
  const attachments = input['attachments']
  if (!Array.isArray(attachments)) return input
  return {
    ...input,
    attachments: attachments.map(one => {
      const { base64, ...rest } = asRecord(one)
      return typeof base64 === 'string' ? { ...rest, bytes: Buffer.from(base64, 'base64') } : rest
    })
  }
}

function readCount(value: string | null, fallback: number): number {
  const number = Number(value ?? Number.NaN)
  return Number.isInteger(number) && number >= 0 ? number : fallback
}
