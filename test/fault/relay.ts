/**
 * A TCP relay on loopback with a fixed port: spreads connections over its targets (skipping those that refuse), and
 * can delay, hold and cut. Stands before Puente (so that restarts keep the address), PostgreSQL and Redis.
 */
import { connect, createServer, type Socket } from 'node:net'

export interface Relay {
  port: number
  targets: number[]
  /** Every piece of data comes that much later, in both directions. */
  delayMs: number
  /** Answers are kept back; requests still pass. */
  holdAnswers: boolean
  /** Connections stay open, nothing passes. */
  holdAll: boolean
  cut(): void
  /** No new connection goes to this target; those that stand are ended as soon as nothing passes over them. */
  release(target: number): Promise<void>
  /** Ends kept-alive connections that nobody uses just now: the next ones are spread over the targets of today. */
  closeQuiet(): void
  close(): Promise<void>
}

const LOOK_AGAIN_MS = 20
/** A connection over which nothing has passed for so long is between two requests. */
const QUIET_MS = 120
const RELEASE_MS = 5_000

interface Line {
  target: number
  inner: Socket
  /** When a piece of data last passed. */
  usedAt: number
  /** It came from the target. */
  answered: boolean
}

export async function startRelay(targets: number[] = []): Promise<Relay> {
  const sockets = new Set<Socket>()
  const lines = new Set<Line>()
  let turn = 0
  let closed = false

  const pump = (from: Socket, to: Socket, isAnswer: boolean, line: Line): void => {
    let chain: Promise<void> = Promise.resolve()
    const held = (): boolean => !closed && (relay.holdAll || (isAnswer && relay.holdAnswers))
    from.on('data', chunk => {
      line.usedAt = performance.now()
      line.answered = isAnswer
      const due = performance.now() + relay.delayMs
      const plain = relay.delayMs === 0 && !held()
      from.pause()
      chain = chain.then(async () => {
        if (!plain) {
          while (held() || performance.now() < due) {
            if (from.destroyed && to.destroyed) return
            await new Promise(resolve => setTimeout(resolve, Math.min(LOOK_AGAIN_MS, Math.max(1, relay.delayMs))))
          }
        }
        if (to.writable && !to.write(chunk))
          await new Promise(resolve => to.once('drain', resolve).once('close', resolve))
        from.resume()
      })
    })
    from.on('error', () => {})
    from.once('end', () => void chain.then(() => to.end()))
    from.once('close', () => {
      sockets.delete(from)
      lines.delete(line)
      to.destroy()
    })
  }

  const reach = (inner: Socket, left: number): void => {
    const target = relay.targets[turn++ % Math.max(1, relay.targets.length)]
    if (target === undefined || left === 0) return void inner.destroy()
    const outer = connect({ host: '127.0.0.1', port: target })
    outer.setNoDelay(true)
    outer.once('error', () => reach(inner, left - 1))
    outer.once('connect', () => {
      outer.removeAllListeners('error')
      if (inner.destroyed) return void outer.destroy()
      sockets.add(inner).add(outer)
      const line = { target, inner, usedAt: performance.now(), answered: false }
      lines.add(line)
      pump(inner, outer, false, line)
      pump(outer, inner, true, line)
      inner.resume()
    })
  }

  const server = createServer({ pauseOnConnect: true, noDelay: true }, inner => {
    inner.on('error', () => {})
    reach(inner, relay.targets.length)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const relay: Relay = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    targets: [...targets],
    delayMs: 0,
    holdAnswers: false,
    holdAll: false,
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    closeQuiet() {
      for (const line of [...lines])
        if (line.answered && performance.now() - line.usedAt > QUIET_MS) line.inner.destroy()
    },
    async release(target) {
      relay.targets = relay.targets.filter(each => each !== target)
      const until = performance.now() + RELEASE_MS
      for (;;) {
        const left = [...lines].filter(line => line.target === target)
        for (const line of left) if (performance.now() - line.usedAt > QUIET_MS) line.inner.destroy()
        if (left.length === 0 || performance.now() > until) return
        await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    },
    close() {
      closed = true
      relay.cut()
      return new Promise(resolve => server.close(() => resolve()))
    }
  }
  return relay
}

/** Below those that systems give to outgoing connections: what is killed and started again finds its port free. */
const PORTS = { from: 20_000, to: 32_000 }

/** A port that was free a moment ago, and that no outgoing connection takes. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error)
    )
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
