/** Writes the answer of a Graph call and applies the fault that was chosen for it. Knows no routes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Transform, type TransformCallback } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Fault } from '../parts.ts'
import { answerInHalves, answerJson, asRecord, pause } from '../wire.ts'
import type { CallAnswer } from './calls.ts'
import { GraphError } from './errors.ts'

const GIVE_UP_MS = 60_000

/** Waits until the client is gone, at most `ms`. */
export function waitForClient(res: ServerResponse, ms: number): Promise<void> {
  if (res.destroyed || res.closed) return Promise.resolve()
  return Promise.race([new Promise<void>(resolve => res.once('close', () => resolve())), pause(ms)])
}

/** Faults before anything is done. True = the call is over. */
export async function faultBefore(
  fault: Fault,
  req: IncomingMessage,
  res: ServerResponse,
  trace: string
): Promise<number | undefined> {
  if (fault.kind === 'reset') {
    req.socket.resetAndDestroy()
    return 0
  }
  if (fault.kind === 'drop') {
    req.resume()
    await waitForClient(res, fault.delayMs ?? GIVE_UP_MS)
    req.socket.destroy()
    return 0
  }
  if (fault.kind === 'delay' || fault.kind === 'reorder') {
    await pause(fault.delayMs ?? (fault.kind === 'delay' ? 1000 : 250))
    return undefined
  }
  if (fault.kind === 'status') {
    req.resume()
    const { http, body } = readFaultAnswer(fault, trace)
    answerJson(res, http, body, fault.headers ?? {})
    return http
  }
  return undefined
}

/** `{code}` or `{error:{code}}` is filled up from the error table; anything else goes out as it is. */
function readFaultAnswer(fault: Fault, trace: string): { http: number; body: unknown } {
  const body = asRecord(fault.body)
  const code =
    body['code'] ?? (Object.keys(asRecord(body['error'])).length === 1 ? asRecord(body['error'])['code'] : undefined)
  if (typeof code === 'number') {
    const details = body['details']
    const error = new GraphError(code, typeof details === 'string' ? details : undefined)
    return { http: fault.status ?? error.http, body: { error: { ...error.body, fbtrace_id: trace } } }
  }
  const http = fault.status ?? 500
  if (fault.body !== undefined) return { http, body: fault.body }
  return { http, body: { error: { ...new GraphError(http === 503 ? 2 : 131000).body, fbtrace_id: trace } } }
}

/** Sends the answer, or what the fault makes of it. Resolves with the status that left, 0 = none. */
export async function sendAnswer(res: ServerResponse, answer: CallAnswer, fault: Fault | undefined): Promise<number> {
  if (fault?.kind === 'timeout_after_accept' || fault?.kind === 'commit_after_timeout') {
    answer.stream?.body.destroy()
    if (fault.kind === 'timeout_after_accept') await waitForClient(res, fault.delayMs ?? GIVE_UP_MS)
    res.destroy()
    return 0
  }
  if (answer.stream) return sendStream(res, answer.stream, fault)
  if (fault?.kind === 'garbage') {
    const text = JSON.stringify(answer.json ?? {})
    const cut = text.slice(0, Math.floor(text.length / 2))
    res.writeHead(answer.http, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(cut) })
    res.end(cut)
    return answer.http
  }
  if (fault?.kind === 'slow_body' || fault?.kind === 'cut_body') {
    const rest = fault.kind === 'cut_body' ? 'cut' : { restInMs: fault.delayMs }
    const headers = { 'content-type': 'application/json' }
    answerInHalves(res, answer.http, JSON.stringify(answer.json ?? {}), headers, rest)
    return answer.http
  }
  if (answer.json === undefined) {
    res.writeHead(answer.http, { 'content-length': 0 })
    res.end()
  } else answerJson(res, answer.http, answer.json)
  return answer.http
}

async function sendStream(
  res: ServerResponse,
  stream: NonNullable<CallAnswer['stream']>,
  fault: Fault | undefined
): Promise<number> {
  const lie = fault?.kind === 'garbage' ? asRecord(fault.body)['contentLength'] : undefined
  res.writeHead(200, {
    'content-type': stream.mime,
    'content-length': typeof lie === 'number' ? lie : stream.bytes,
    etag: `"${stream.etag}"`
  })
  const spoil = new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback) {
      // One bit is enough for another hash.
      const bad = Buffer.from(chunk)
      if (bad.length > 0) bad[bad.length - 1] = bad[bad.length - 1]! ^ 1
      done(null, bad)
    }
  })
  try {
    if (fault?.kind === 'garbage' && lie === undefined) await pipeline(stream.body, spoil, res)
    else if (typeof lie === 'number') {
      // node refuses to write more or less than announced, so the socket is closed early instead.
      for await (const chunk of stream.body) if (!res.write((chunk as Buffer).subarray(0, lie))) break
      res.destroy()
    } else await pipeline(stream.body, res)
  } catch {
    // The client went away: nothing to answer any more.
  }
  return 200
}
