/** Where the desk's hooks arrive while the suite runs: keeps what came, and can be told to answer badly. */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { PuenteError } from '../../plugin/core/errors.ts'

export interface ReceivedHook {
  raw: Buffer
  headers: Record<string, string | string[] | undefined>
}

export interface HookReceiver {
  /** As the desk is told. */
  url: string
  /** Oldest first. */
  hooks: ReceivedHook[]
  /** Hooks that contain the text get this status, so much later; null ends it. */
  answerBadly(fault: { containing: string; status: number; afterMs?: number } | null): void
  close(): void
}

export interface HookAddress {
  /** The whole address, for tunnels; wins over the host. */
  url?: string
  /** The name under which the desk reaches this machine. */
  host?: string
  /** 0 = any free one. */
  port?: number
}

const MAX_HOOK_BYTES = 8 * 1024 * 1024

export async function receiveHooks(address: HookAddress, deskUrl: string): Promise<HookReceiver> {
  const host = address.host ?? (address.url === undefined ? await ownAddressTowards(deskUrl) : '127.0.0.1')
  const hooks: ReceivedHook[] = []
  // Nobody but the desk knows the path.
  const path = `/hooks/${randomBytes(12).toString('hex')}`
  let fault: { containing: string; status: number; afterMs?: number } | null = null
  const server = createServer(async (request, response) => {
    try {
      if (request.method !== 'POST' || !request.url?.endsWith(path)) {
        request.resume()
        response.writeHead(404).end()
        return
      }
      if (Number(request.headers['content-length'] ?? 0) > MAX_HOOK_BYTES) {
        request.destroy()
        return
      }
      const raw = await buffer(request)
      hooks.push({ raw, headers: request.headers })
      const bad = fault !== null && raw.includes(fault.containing) ? fault : null
      if (bad?.afterMs) await sleep(bad.afterMs, undefined, { ref: false })
      response.writeHead(bad?.status ?? 200).end()
    } catch {
      response.destroy()
    }
  })
  const loopback = address.url === undefined && isLoopback(host)
  server.listen(address.port ?? (address.url === undefined ? 0 : 8421), loopback ? '127.0.0.1' : '0.0.0.0')
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const problems = `cannot listen for hooks: ${error.code ?? error.message} (--hook-port names another port)`
    throw new PuenteError('config_invalid', { cause: error, facts: { problems } })
  })
  const { port } = server.address() as AddressInfo
  const base = address.url?.replace(/\/+$/, '') ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    url: base + path,
    hooks,
    answerBadly: next => void (fault = next),
    close() {
      server.closeAllConnections()
      server.close()
    }
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** The address that this machine would use towards the desk; nothing is sent. */
async function ownAddressTowards(deskUrl: string): Promise<string> {
  const { hostname } = new URL(deskUrl)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isLoopback(host)) return '127.0.0.1'
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(9, host, () => resolve(socket.address().address))
    })
  } catch {
    return '127.0.0.1'
  } finally {
    socket.close()
  }
}
