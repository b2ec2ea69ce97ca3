/** A TCP proxy on loopback between a client and a server: counts Redis commands, holds, delays and cuts. */
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Teardown } from './postgres.ts'

export interface TcpProxy {
  port: number
  /** Redis commands (RESP arrays) that clients have sent so far. */
  commands(): number
  /** Connections stay open, but nothing passes any more in either direction. */
  hold(): void
  release(): void
  /** Every piece of data in either direction comes that much later. */
  delayMs: number
  /** Cuts all connections. */
  cut(): void
  openConnections(): number
}

export async function startTcpProxy(t: Teardown, target: number): Promise<TcpProxy> {
  let commands = 0
  let held: (() => void) | undefined
  let holding: Promise<void> = Promise.resolve()
  const sockets = new Set<Socket>()

  const relay = (from: Socket, to: Socket, count?: (chunk: Buffer) => void) => {
    let turn: Promise<unknown> = Promise.resolve()
    from.on('data', chunk => {
      count?.(chunk)
      turn = turn.then(() => holding)
      if (proxy.delayMs > 0) {
        const due = sleep(proxy.delayMs)
        turn = turn.then(() => due)
      }
      turn = turn.then(() => to.writable && to.write(chunk))
    })
    from.on('error', () => undefined)
    from.once('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    sockets.add(from)
  }

  const server = createServer(inner => {
    const outer = connect({ host: '127.0.0.1', port: target })
    relay(
      inner,
      outer,
      createCounter(() => commands++)
    )
    relay(outer, inner)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const proxy: TcpProxy = {
    port: typeof address === 'object' && address ? address.port : 0,
    commands: () => commands,
    hold() {
      holding = new Promise(resolve => {
        held = resolve
      })
    },
    release: () => held?.(),
    delayMs: 0,
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    openConnections: () => sockets.size / 2
  }
  t.teardown(() => {
    held?.()
    proxy.cut()
    return new Promise(resolve => server.close(resolve))
  })
  return proxy
}

/** Walks over RESP requests: `*N`, then N times `$length` and that many bytes. */
function createCounter(onCommand: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let toSkip = 0
  return chunk => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    for (;;) {
      if (toSkip > 0) {
        const step = Math.min(toSkip, rest.length - at)
        at += step
        toSkip -= step
        if (toSkip > 0) break
      }
      const end = rest.indexOf('\r\n', at)
      if (end < 0) break
      const mark = rest[at]
      if (mark === 0x2a) onCommand()
      else if (mark === 0x24) toSkip = Number(rest.toString('latin1', at + 1, end)) + 2
      at = end + 2
    }
    rest = rest.subarray(at)
  }
}
