/**
 * The load generator: raw keep-alive sockets, requests serialised beforehand, answers only counted. Costs a few
 * microseconds a request, so that it does not become what is measured.
 */
import { connect, type Socket } from 'node:net'

export interface Answers {
  /** Answered with 200. */
  ok: number
  other: number
  /** Milliseconds from the moment a request was due (open loop) or written (closed loop), in order of answers. */
  latencies: Float64Array
  seconds: number
}

interface Line {
  socket: Socket
  sentMs: number
}

const HEAD_END = '\r\n\r\n'

/** An HTTP request as bytes. */
export function toRequest(path: string, body: Buffer, headers: Record<string, string> = {}): Buffer {
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(body.length),
    ...headers
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), body])
}

async function openLines(port: number, count: number, onAnswer: (line: Line, ok: boolean) => void): Promise<Line[]> {
  const lines: Line[] = []
  await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('error', reject)
      })
      const line: Line = { socket, sentMs: 0 }
      let rest = ''
      socket.on('error', () => {})
      socket.on('data', chunk => {
        rest += chunk.toString('latin1')
        for (;;) {
          const head = rest.indexOf(HEAD_END)
          if (head < 0) return
          const length = Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? 0)
          const end = head + HEAD_END.length + length
          if (rest.length < end) return
          const ok = rest.startsWith('HTTP/1.1 200')
          rest = rest.slice(end)
          onAnswer(line, ok)
        }
      })
      lines.push(line)
    })
  )
  return lines
}

/** Sends everything as fast as it is taken, one request in flight per connection. */
export async function sendClosedLoop(port: number, requests: readonly Buffer[], connections = 64): Promise<Answers> {
  const latencies = new Float64Array(requests.length)
  let next = 0
  let answered = 0
  let ok = 0
  let finish: () => void = () => {}
  const over = new Promise<void>(resolve => {
    finish = resolve
  })
  const send = (line: Line): void => {
    if (next >= requests.length) return
    line.sentMs = performance.now()
    line.socket.write(requests[next++]!)
  }
  const lines = await openLines(port, Math.min(connections, requests.length), (line, good) => {
    latencies[answered++] = performance.now() - line.sentMs
    if (good) ok++
    if (answered === requests.length) finish()
    else send(line)
  })
  const startedMs = performance.now()
  for (const line of lines) send(line)
  await withLimit(over, 120_000)
  const seconds = (performance.now() - startedMs) / 1000
  for (const line of lines) line.socket.destroy()
  return { ok, other: requests.length - ok, latencies: latencies.subarray(0, answered), seconds }
}

/** Sends `perSecond` whatever the answers do; what finds no free connection waits, and its wait counts. */
export async function sendOpenLoop(
  port: number,
  perSecond: number,
  count: number,
  make: (index: number) => Buffer,
  connections = 64
): Promise<Answers> {
  const latencies = new Float64Array(count)
  const waiting: number[] = []
  const free: Line[] = []
  let made = 0
  let answered = 0
  let ok = 0
  let head = 0
  let finish: () => void = () => {}
  const over = new Promise<void>(resolve => {
    finish = resolve
  })
  const send = (line: Line, dueMs: number): void => {
    line.sentMs = dueMs
    line.socket.write(make(made++))
  }
  const lines = await openLines(port, connections, (line, good) => {
    latencies[answered++] = performance.now() - line.sentMs
    if (good) ok++
    if (answered === count) finish()
    if (head < waiting.length) send(line, waiting[head++]!)
    else free.push(line)
  })
  free.push(...lines)
  const startedMs = performance.now()
  let due = 0
  const timer = setInterval(() => {
    const now = performance.now()
    const target = Math.min(count, Math.floor(((now - startedMs) * perSecond) / 1000))
    for (; due < target; due++) {
      const dueMs = startedMs + (due * 1000) / perSecond
      const line = free.pop()
      if (line === undefined) waiting.push(dueMs)
      else send(line, dueMs)
    }
    if (due >= count) clearInterval(timer)
  }, 1)
  await withLimit(over, (count / perSecond) * 1000 + 60_000)
  clearInterval(timer)
  const seconds = (performance.now() - startedMs) / 1000
  for (const line of lines) line.socket.destroy()
  return { ok, other: count - ok, latencies: latencies.subarray(0, answered), seconds }
}

/** A run that hangs ends as answers that never came, which count as not 200. */
async function withLimit(over: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([
    over,
    new Promise<void>(resolve => {
      timer = setTimeout(resolve, ms)
    })
  ])
  clearTimeout(timer)
}
