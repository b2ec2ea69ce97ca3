/**
 * Takes a request of the Graph API apart: name for ledger and faults, who asks, which route, which answer.
 * Leaves sockets and faults to `graph.ts`.
 */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { asRecord, readBody } from '../wire.ts'
import { GraphError, invalidToken, missingObject } from './errors.ts'
import { manageAccount, manageNumber } from './manage.ts'
import { debugToken, manageApp, proofOf } from './manage-app.ts'
import type { ManageCall } from './manage-call.ts'
import { manageTemplate } from './manage-templates.ts'
import { findUploadFault } from './media.ts'
import type { GraphNumber, Json } from './model.ts'
import { readMultipart } from './multipart.ts'
import { handleMessages } from './send.ts'
import type { World } from './world.ts'

const DOWNLOAD_PATH = '/whatsapp_business/attachments'

export interface ParsedCall {
  method: string
  /** `/123/messages`: without version and query. */
  pathname: string
  path: string[]
  query: URLSearchParams
  /** Short, without ids: `POST /messages`, `GET /media/download`. */
  name: string
  /** What a fault's `match` is held against; see `subjectOf` for messages. */
  subject: string
  /** Reads it when it is first wanted. */
  body(): Promise<Json>
}

export interface CallAnswer {
  http: number
  json?: unknown
  stream?: { body: Readable; mime: string; bytes: number; etag: string }
  ids?: Record<string, string | number | null>
  /** For the ledger, when it is worth keeping. */
  logged?: unknown
}

export function parseCall(world: World, req: IncomingMessage): ParsedCall {
  const raw = req.url ?? '/'
  const mark = raw.indexOf('?')
  const whole = mark < 0 ? raw : raw.slice(0, mark)
  const query = new URLSearchParams(mark < 0 ? '' : raw.slice(mark + 1))
  const pathname = whole.replace(/^\/v\d+\.\d+(?=\/)/, '').replace(/\/+$/, '') || '/'
  const path = pathname.split('/').filter(part => part !== '')
  const method = req.method ?? 'GET'
  const named = nameCall(world, path)
  let body: Promise<Json> | undefined
  return {
    method,
    pathname,
    path,
    query,
    name: `${method} ${named.short}`,
    subject: `${method} ${named.short} | ${method} ${named.long} | ${method} ${pathname}`,
    body: () => (body ??= readCallBody(req))
  }
}

/** Messages, read marks and typing signs go to the same address: `POST /messages send`, `… read`, `… typing`. */
export async function subjectOf(call: ParsedCall): Promise<string> {
  if (call.method !== 'POST' || call.path[1] !== 'messages') return call.subject
  const body = await call.body().catch((): Json => ({}))
  const what = body['status'] === undefined ? 'send' : body['typing_indicator'] === undefined ? 'read' : 'typing'
  return `${call.subject} | POST /messages ${what}`
}

function nameCall(world: World, path: string[]): { short: string; long: string } {
  const [id, ...rest] = path
  const tail = rest.length > 0 ? `/${rest.join('/')}` : ''
  if (id === undefined) return { short: '/', long: '/' }
  if (`/${path.join('/')}` === DOWNLOAD_PATH) return { short: '/media/download', long: DOWNLOAD_PATH }
  if (world.numbers.some(one => one.phoneNumberId === id)) return { short: tail || '/phone', long: `/PHONE${tail}` }
  if (id === world.identity.wabaId) return { short: tail || '/waba', long: `/WABA${tail}` }
  if (id === world.identity.appId) return { short: tail || '/app', long: `/APP${tail}` }
  if (world.media.find(id)) return { short: `/media${tail}`, long: `/MEDIA${tail}` }
  if (/^81?\d+$/.test(id) && world.templates.some(one => one.id === id))
    return { short: `/template${tail}`, long: `/TEMPLATE${tail}` }
  return /^\d+$/.test(id)
    ? { short: `/unknown${tail}`, long: `/ID${tail}` }
    : { short: `/${path.join('/')}`, long: `/${path.join('/')}` }
}

function readToken(req: IncomingMessage, query: URLSearchParams): string | null {
  const header = /^(?:Bearer|OAuth)\s+(.+)$/i.exec(req.headers.authorization ?? '')?.[1]?.trim()
  return header ?? query.get('access_token')
}

function checkToken(world: World, req: IncomingMessage, call: ParsedCall) {
  const { identity, knobs } = world
  const token = readToken(req, call.query)
  const appToken = `${identity.appId}|${identity.appSecret}`
  if (token === appToken) return
  if (token === null)
    throw new GraphError(190, undefined, { message: 'An access token is required to request this resource.' })
  if (token !== (knobs.validToken ?? identity.token)) throw invalidToken(false)
  if (knobs.token === 'expired') throw invalidToken(true)
  if (knobs.token === 'no_permission' && call.method !== 'GET') throw new GraphError(200)
  const proof = call.query.get('appsecret_proof')
  if (proof !== null && proof !== proofOf(token, identity.appSecret)) {
    throw new GraphError(100, undefined, {
      message: 'Invalid appsecret_proof provided in the API argument',
      type: 'GraphMethodException'
    })
  }
}

/** `beforeActing` runs when the body is read and nothing has been done yet (for faults that act late). */
export async function answerCall(
  world: World,
  req: IncomingMessage,
  call: ParsedCall,
  beforeActing?: () => Promise<void>
): Promise<CallAnswer> {
  if (call.pathname === DOWNLOAD_PATH) return download(world, req, call)
  const [id, edge] = call.path
  if (id === 'debug_token') {
    checkToken(world, req, call)
    return { http: 200, json: debugToken(world, call.query.get('input_token')) }
  }
  const number = world.numbers.find(one => one.phoneNumberId === id)
  checkToken(world, req, call)
  if (number && edge === 'media' && call.method === 'POST') return upload(world, req, number)
  const body = call.method === 'GET' ? {} : await call.body()
  await beforeActing?.()
  if (number && edge === 'messages' && call.method === 'POST') {
    const sent = handleMessages(world, number, body)
    return { http: 200, json: sent.body, ids: sent.ids, logged: body }
  }
  const asApp = readToken(req, call.query) === `${world.identity.appId}|${world.identity.appSecret}`
  const manage: ManageCall = { method: call.method, path: call.path, query: call.query, body, asApp }
  const json = await route(world, number, manage)
  return { http: 200, json, logged: call.method === 'GET' ? undefined : body }
}

async function route(world: World, number: GraphNumber | undefined, call: ManageCall): Promise<unknown> {
  const id = call.path[0]
  if (id === undefined) throw missingObject(call.method, '')
  if (number) return manageNumber(world, number, call)
  if (id === world.identity.wabaId) return manageAccount(world, call)
  if (id === world.identity.appId) return manageApp(world, call)
  if (id === 'me' && call.method === 'GET') return { id: world.identity.systemUserId, name: 'Sandbox system user' }
  const record = call.path.length === 1 ? world.media.find(id) : undefined
  if (record) {
    const asked = call.query.get('phone_number_id')
    if (asked !== null && asked !== record.phoneNumberId) throw missingObject(call.method, id)
    if (call.method === 'DELETE') {
      await world.media.remove(id)
      return { success: true }
    }
    if (call.method === 'GET') {
      return {
        messaging_product: 'whatsapp',
        url: world.media.makeUrl(record, world.baseUrl, 'getMedia'),
        mime_type: record.mime.split(';')[0],
        sha256: record.sha256Hex,
        file_size: String(record.bytes),
        id
      }
    }
  }
  const template = manageTemplate(world, call)
  if (template !== undefined) return template
  throw missingObject(call.method, id)
}

async function readCallBody(req: IncomingMessage): Promise<Json> {
  const raw = await readBody(req)
  if (raw.length === 0) return {}
  const type = req.headers['content-type'] ?? ''
  if (type.includes('application/x-www-form-urlencoded')) {
    const fields: Json = {}
    for (const [key, value] of new URLSearchParams(raw.toString('utf8'))) fields[key] = readMaybeJson(value)
    return fields
  }
  try {
    return asRecord(JSON.parse(raw.toString('utf8')))
  } catch {
    throw new GraphError(100, undefined, { message: '(#100) The request body is not valid JSON.' })
  }
}

function readMaybeJson(value: string): unknown {
  if (!/^[[{]/.test(value)) return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

async function upload(world: World, req: IncomingMessage, number: GraphNumber): Promise<CallAnswer> {
  const taking = world.media.openUpload()
  let file: { filename: string; type: string | null } | undefined
  let fields: Record<string, string>
  try {
    fields = await readMultipart(req, req.headers['content-type'] ?? '', {
      onFile: part => {
        file = part
      },
      onFileBytes: chunk => taking.write(chunk)
    })
  } catch (error) {
    throw new GraphError(100, error instanceof Error ? error.message : 'The multipart body cannot be read.')
  }
  if (fields['messaging_product'] !== 'whatsapp')
    throw new GraphError(100, undefined, { message: '(#100) The parameter messaging_product is required.' })
  if (!file) throw new GraphError(100, undefined, { message: '(#100) The parameter file is required.' })
  const mime = fields['type'] || file.type || 'application/octet-stream'
  const fault = world.knobs.mediaLimits === 'on' ? findUploadFault(mime, taking.bytes()) : undefined
  if (fault) throw new GraphError(100, fault)
  const record = await taking.finish({
    id: world.ids.media(),
    phoneNumberId: number.phoneNumberId,
    mime,
    name: file.filename
  })
  const ids = { media: record.id, number: number.phoneNumberId, sha256: record.sha256Hex, bytes: record.bytes, mime }
  world.parts.ledger.add({ side: 'graph', what: 'effect', name: 'uploaded', ids })
  return { http: 200, json: { id: record.id }, ids }
}

function download(world: World, req: IncomingMessage, call: ParsedCall): CallAnswer {
  const ids = { media: call.query.get('mid') }
  if (readToken(req, call.query) !== (world.knobs.validToken ?? world.identity.token))
    return { http: 401, json: {}, ids }
  const record = call.method === 'GET' ? world.media.checkUrl(call.query) : undefined
  const body = record && world.media.read(record)
  if (!record || !body) return { http: 404, json: undefined, ids }
  return {
    http: 200,
    stream: { body, mime: record.mime, bytes: record.bytes, etag: record.sha256Hex },
    ids: { ...ids, bytes: record.bytes, sha256: record.sha256Hex }
  }
}
