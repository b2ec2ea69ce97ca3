/**
 * A TCP proxy between Puente and PostgreSQL that counts the statements on the wire (simple queries and Executes), by
 * the name of the prepared statement or the beginning of its text, and by the connection's application name.
 */
import { connect, createServer, type Socket } from 'node:net'

export interface SeenStatement {
  atMs: number
  /** Name of the prepared statement, or the beginning of the text. */
  label: string
  /** `puente intake`, `puente work`, `puente`. */
  application: string
}

export interface PgProxy {
  port: number
  /** Everything since the last `forget`. */
  seen(): readonly SeenStatement[]
  forget(): void
  close(): Promise<void>
}

export async function startPgProxy(targetPort: number): Promise<PgProxy> {
  let seen: SeenStatement[] = []
  const sockets = new Set<Socket>()
  const server = createServer(inner => {
    const outer = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    inner.setNoDelay(true)
    const read = createReader((label, application) => seen.push({ atMs: performance.now(), label, application }))
    inner.on('data', chunk => {
      read(chunk)
      outer.write(chunk)
    })
    outer.on('data', chunk => inner.write(chunk))
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner]
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    seen: () => seen,
    forget() {
      seen = []
    },
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    }
  }
}

const LABEL_LENGTH = 48

/** Walks over the frontend's messages of protocol 3; the first one has no type byte. */
function createReader(onStatement: (label: string, application: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let started = false
  let application = ''
  const texts = new Map<string, string>()
  const portals = new Map<string, string>()
  const word = (bytes: Buffer, from: number): [string, number] => {
    const end = bytes.indexOf(0, from)
    return [bytes.toString('utf8', from, end), end + 1]
  }
  const shorten = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, LABEL_LENGTH)

  const take = (type: string, body: Buffer): void => {
    if (type === 'Q') onStatement(shorten(word(body, 0)[0]), application)
    else if (type === 'P') {
      const [name, next] = word(body, 0)
      texts.set(name, shorten(body.toString('utf8', next, Math.min(body.length, next + 4 * LABEL_LENGTH))))
    } else if (type === 'B') {
      const [portal, next] = word(body, 0)
      portals.set(portal, word(body, next)[0])
    } else if (type === 'E') {
      const name = portals.get(word(body, 0)[0]) ?? ''
      onStatement(name === '' ? (texts.get('') ?? '') : name, application)
    }
  }

  return chunk => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (;;) {
      if (!started) {
        if (rest.length - at < 8) break
        const length = rest.readInt32BE(at)
        if (rest.length - at < length) break
        // A startup message of version 3; requests for encryption or cancellation have other codes.
        if (rest.readInt32BE(at + 4) === 196_608) {
          started = true
          application = /application_name\0([^\0]*)\0/.exec(rest.toString('latin1', at, at + length))?.[1] ?? ''
        }
        at += length
        continue
      }
      if (rest.length - at < 5) break
      const length = rest.readInt32BE(at + 1) + 1
      if (rest.length - at < length) break
      take(String.fromCharCode(rest[at]!), rest.subarray(at + 5, at + length))
      at += length
    }
    rest = rest.subarray(at)
  }
}
