/**
 * The desk's HTTP door: reads a request, lets the fault and the web servers have their turn, carries it out, answers,
 * and writes the ledger. Files under /rails/active_storage are served beside it, free of cost.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Fault } from '../parts.ts'
import { answerInHalves } from '../wire.ts'
import { findUser, NO_SESSION, UNAUTHENTICATED } from './account-api.ts'
import type { Answer, Ask } from './ask.ts'
import type { BlobInput } from './blobs.ts'
import { addBlob, HELD_BYTES, serveBlob } from './blobs.ts'
import type { Context } from './context.ts'
import type { Cpu, Slots } from './cpu.ts'
import { railsJson } from './json.ts'
import { boundaryOf, createMultipart, fieldsToBody } from './multipart.ts'
import type { User } from './records.ts'
import type { Route } from './router.ts'
import { act, routeOf } from './router.ts'

export interface RequestDeps {
  ctx: Context
  cpu: Cpu
  web: Slots
  /** CPU of this request in milliseconds; 0 = free. */
  costMs(isRead: boolean): number
}

const MAX_BODY_BYTES = 120 * 1024 * 1024
const MAX_JSON_BYTES = 16 * 1024 * 1024
/** Longer than the client's own time-out, so that it has surely given up. */
const LATE_COMMIT_MS = 16_000
/** A request that is never answered is let go after this long. */
const GIVE_UP_MS = 120_000

interface Body {
  fields: Record<string, unknown>
  files: { field: string; file: BlobInput }[]
  /** 0 = well; otherwise the status to answer with. */
  refused: number
}

const NO_BODY: Body = { fields: {}, files: [], refused: 0 }

export function createRequests(deps: RequestDeps) {
  const { ctx, cpu, web } = deps
  const { parts, store } = ctx
  let inFlight = 0

  function handle(req: IncomingMessage, res: ServerResponse): void {
    const url = req.url ?? '/'
    const cut = url.indexOf('?')
    const path = cut === -1 ? url : url.slice(0, cut)
    const method = req.method ?? 'GET'
    if (path.startsWith('/rails/active_storage/')) {
      if (method === 'PUT') receiveFile(req, res, path)
      else serveBlob(store, ctx.baseUrl(), method, path, res)
      return
    }
    const startedAtMs = performance.now()
    const atStart = ++inFlight
    let finished = false
    const route = routeOf(method, path)
    // Also when the client hangs up in the middle.
    const leave = () => {
      if (finished) return
      finished = true
      inFlight--
    }
    res.on('close', leave)
    const proceed = (body: Body) => {
      const query = new URLSearchParams(cut === -1 ? '' : url.slice(cut + 1))
      serve({ req, res, method, path, query, route, body, startedAtMs, atStart, leave })
    }
    if (method === 'GET' || method === 'HEAD') {
      req.resume()
      proceed(NO_BODY)
    } else readBody(req, proceed)
  }

  interface Job {
    req: IncomingMessage
    res: ServerResponse
    method: string
    path: string
    query: URLSearchParams
    route: Route
    body: Body
    startedAtMs: number
    atStart: number
    leave(): void
  }

  function serve(job: Job): void {
    const fault = parts.faults.take('call:desk', `${job.method} ${job.path}`)
    if (fault?.kind === 'reset' || fault?.kind === 'drop') {
      record(job, {}, undefined, fault)
      job.res.destroy()
      job.leave()
      return
    }
    if (fault?.kind === 'status') {
      respond(job, faultAnswer(fault), {}, fault)
      return
    }
    if (fault?.kind === 'delay') {
      setTimeout(() => work(job, fault), fault.delayMs ?? 1000)
      return
    }
    if (fault?.kind === 'commit_after_timeout') {
      setTimeout(() => work(job, fault), fault.delayMs ?? LATE_COMMIT_MS)
      return
    }
    work(job, fault)
  }

  function work(job: Job, fault: Fault | undefined): void {
    const costMs = deps.costMs(job.route.isRead)
    web.take(release => {
      cpu.run(costMs, () => {
        carryOut(job, fault)
        release()
      })
    })
  }

  function carryOut(job: Job, fault: Fault | undefined): void {
    const ids: Ask['ids'] = {}
    const answer = answerOf(job, ids)
    if (answer.later === undefined) finish(job, answer, ids, fault)
    else answer.later.then(late => finish(job, late, ids, fault))
  }

  function finish(job: Job, answer: Answer, ids: Ask['ids'], fault: Fault | undefined): void {
    if (fault?.kind === 'timeout_after_accept' || fault?.kind === 'commit_after_timeout') {
      record(job, ids, undefined, fault)
      if (!job.res.destroyed) {
        const timer = setTimeout(() => job.res.destroy(), GIVE_UP_MS)
        timer.unref()
        job.res.on('close', () => clearTimeout(timer))
      }
      return
    }
    if (fault?.kind === 'garbage') {
      const text = answer.text ?? railsJson(answer.json)
      const half = text.slice(0, Math.max(1, text.length >> 1))
      respond(
        job,
        { status: 200, text: half, headers: { 'content-type': 'application/json; charset=utf-8' } },
        ids,
        fault
      )
      return
    }
    respond(job, answer, ids, fault)
  }

  function answerOf(job: Job, ids: Ask['ids']): Answer {
    const { route, body } = job
    if (body.refused !== 0) return { status: body.refused, json: { status: body.refused, error: 'Bad Request' } }
    let user: User = store.users[0]!
    if (route.area !== 'public' && route.area !== 'version' && route.area !== 'none') {
      const bySession = route.area === 'validate'
      const found =
        bySession && job.req.headers['access-token'] === undefined ? 'none' : findUser(store, job.req.headers)
      if (typeof found === 'string' && bySession) return { status: 401, json: NO_SESSION }
      if (typeof found === 'string') return { status: 401, json: UNAUTHENTICATED[found] }
      user = found
      if (route.area === 'account' && route.accountId !== String(store.account.id)) {
        return { status: 404, json: { error: 'Resource could not be found' } }
      }
    }
    return act(ctx, route, {
      method: job.method,
      path: job.path,
      at: route.at,
      query: job.query,
      body: body.fields,
      files: body.files.map(({ field, file }) => ({ field, blob: addBlob(store, file) })),
      user,
      startedAtMs: job.startedAtMs,
      ids
    })
  }

  function respond(job: Job, answer: Answer, ids: Ask['ids'], fault: Fault | undefined): void {
    record(job, ids, answer.status, fault)
    job.leave()
    if (job.res.destroyed) return
    const isJson = answer.text === undefined
    const text = answer.text ?? railsJson(answer.json)
    const headers: Record<string, string | number> = {
      'content-type': isJson ? 'application/json; charset=utf-8' : 'text/html',
      'content-length': Buffer.byteLength(text)
    }
    if (answer.status === 204) delete headers['content-length']
    if (answer.headers) Object.assign(headers, answer.headers)
    if (fault?.kind === 'slow_body' || fault?.kind === 'cut_body') {
      const rest = fault.kind === 'cut_body' ? 'cut' : { restInMs: fault.delayMs }
      answerInHalves(job.res, answer.status, text, headers, rest)
      return
    }
    job.res.writeHead(answer.status, headers)
    job.res.end(job.method === 'HEAD' ? undefined : text)
  }

  function record(job: Job, ids: Ask['ids'], status: number | undefined, fault: Fault | undefined): void {
    ids['inFlight'] = job.atStart
    const files = job.body.files.map(({ file }) => ({ name: file.filename, bytes: file.size, sha256: file.sha256 }))
    parts.ledger.add({
      side: 'desk',
      what: 'call',
      name: job.route.name,
      ids,
      ...(status === undefined ? {} : { status }),
      tookMs: Math.round((performance.now() - job.startedAtMs) * 100) / 100,
      ...(fault ? { fault: fault.kind } : {}),
      ...(job.body === NO_BODY ? {} : { body: files.length > 0 ? { ...job.body.fields, files } : job.body.fields })
    })
  }

  /** The second half of a direct upload. */
  function receiveFile(req: IncomingMessage, res: ServerResponse, path: string): void {
    const blob = store.blobsBySignedId.get(path.split('/')[4] ?? '')
    const digest = createHash('sha256')
    let size = 0
    let chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      digest.update(chunk)
      chunks = size <= HELD_BYTES ? [...chunks, chunk] : []
    })
    req.on('end', () => {
      if (blob) {
        blob.size = size
        blob.sha256 = digest.digest('hex')
        blob.bytes = size <= HELD_BYTES ? Buffer.concat(chunks) : null
      }
      res.writeHead(blob ? 204 : 404)
      res.end()
    })
  }

  return { handle, inFlight: () => inFlight }
}

/** 429 is rack-attack's plain text unless the fault says otherwise; other statuses answer in JSON. */
function faultAnswer(fault: Fault): Answer {
  const status = fault.status ?? 500
  const headers = fault.headers ?? {}
  if (fault.body !== undefined) return { status, json: fault.body, headers }
  if (status === 429) return { status, text: 'Retry later\n', headers: { 'content-type': 'text/plain', ...headers } }
  if (status === 401) return { status, json: { error: 'Invalid Access Token' }, headers }
  if (status === 404) return { status, json: { error: 'Resource could not be found' }, headers }
  return { status, json: { status, error: status === 500 ? 'Internal Server Error' : 'Error' }, headers }
}

function readBody(req: IncomingMessage, done: (body: Body) => void): void {
  const contentType = req.headers['content-type'] ?? ''
  const boundary = contentType.startsWith('multipart/form-data') ? boundaryOf(contentType) : undefined
  const multipart = boundary === undefined ? undefined : createMultipart(boundary, HELD_BYTES)
  const limit = multipart ? MAX_BODY_BYTES : MAX_JSON_BYTES
  const chunks: Buffer[] = []
  let size = 0
  req.on('data', (chunk: Buffer) => {
    size += chunk.length
    // What is too large is read to its end, so that the client gets the answer, but not kept.
    if (size > limit) return
    if (multipart) multipart.write(chunk)
    else chunks.push(chunk)
  })
  req.on('end', () => {
    if (size > limit) done({ ...NO_BODY, refused: 413 })
    else if (multipart) done(readForm(multipart))
    else if (size === 0) done({ ...NO_BODY })
    else done(readText(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), contentType))
  })
}

function readForm(multipart: ReturnType<typeof createMultipart>): Body {
  try {
    const { fields, files } = multipart.end()
    return { fields: fieldsToBody(fields), files, refused: 0 }
  } catch {
    return { ...NO_BODY, refused: 400 }
  }
}

function readText(bytes: Buffer, contentType: string): Body {
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return { fields: fieldsToBody([...new URLSearchParams(bytes.toString())]), files: [], refused: 0 }
  }
  try {
    const value = JSON.parse(bytes.toString('utf8')) as unknown
    const fields =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
    return { fields, files: [], refused: 0 }
  } catch {
    return { ...NO_BODY, refused: 400 }
  }
}
