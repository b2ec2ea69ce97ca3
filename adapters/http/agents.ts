/**
 * Keep-alive agents that know which of their sockets are connected, so that a request is written only to a socket
 * that takes it at once. No protocol logic.
 */
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { lookupPublic } from './public-address.ts'

export interface AgentPair {
  http: http.Agent
  https: https.Agent
}

/** Sockets that agents of this module opened and that cannot take bytes yet (TCP or TLS still being set up). */
const unready = new WeakSet<Duplex>()

/** Calls back at once, or as soon as the socket is connected (for TLS: after the handshake). */
export function whenReady(socket: Socket, proceed: () => void): void {
  if (unready.has(socket)) socket.once(readyEvent(socket), proceed)
  else proceed()
}

function readyEvent(socket: Duplex): 'secureConnect' | 'connect' {
  return 'encrypted' in socket && socket.encrypted ? 'secureConnect' : 'connect'
}

function watched<T extends Duplex | null | undefined>(socket: T): T {
  if (socket) {
    unready.add(socket)
    socket.once(readyEvent(socket), () => unready.delete(socket))
  }
  return socket
}

class WatchedHttpAgent extends http.Agent {
  override createConnection(...input: Parameters<http.Agent['createConnection']>) {
    return watched(super.createConnection(...input))
  }
}

class WatchedHttpsAgent extends https.Agent {
  override createConnection(...input: Parameters<https.Agent['createConnection']>) {
    return watched(super.createConnection(...input))
  }
}

/** `idleMs`: an unused connection is closed after this long. */
export function createAgents(options: {
  keepAlive: boolean
  maxSockets: number
  maxFreeSockets: number
  idleMs: number
  onlyPublic: boolean
}): AgentPair {
  const { keepAlive, maxSockets, maxFreeSockets, idleMs } = options
  const shared = { keepAlive, maxSockets, maxFreeSockets, ...(keepAlive ? { timeout: idleMs } : {}) }
  const guarded = options.onlyPublic ? { ...shared, lookup: lookupPublic } : shared
  return { http: new WatchedHttpAgent(guarded), https: new WatchedHttpsAgent(guarded) }
}
