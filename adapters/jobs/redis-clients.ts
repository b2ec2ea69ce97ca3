/**
 * Redis connections with manners: they never throw into the void, never queue without end, and can always be closed.
 * Leaves out what is said over them.
 */
import { Redis, type RedisOptions } from 'ioredis'

/** Reconnects for ever, first quickly, then once a second. */
const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times, 5), 1_000)

/** For producers: what cannot be said now fails within a second instead of waiting. */
const FAIL_FAST: RedisOptions = {
  retryStrategy,
  maxRetriesPerRequest: 1,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 2_000,
  commandTimeout: 1_000,
  keepAlive: 10_000
}

/** For Bull's worker, which wants its commands to survive a reconnection. */
const PATIENT: RedisOptions = {
  retryStrategy,
  maxRetriesPerRequest: null,
  enableReadyCheck: false,
  connectTimeout: 2_000,
  keepAlive: 10_000
}

export type ClientRole = 'producer' | 'worker' | 'blocking' | 'subscriber'

/** A blocking call is answered at the latest after this time; see `guardBlockingMove`. */
export const BLOCK_SECONDS = 5

const BY_ROLE: Record<ClientRole, RedisOptions> = {
  producer: FAIL_FAST,
  worker: { ...PATIENT, commandTimeout: 5_000 },
  blocking: PATIENT,
  subscriber: PATIENT
}

export function openClient(url: string, role: ClientRole, onError: (error: Error) => void): Redis {
  const client = new Redis(url, { ...BY_ROLE[role], connectionName: `puente-${role}` })
  // A client without a listener prints every lost connection on the console.
  client.on('error', onError)
  return client
}

/** Resolves with true when the client can be spoken to, with false when it cannot within the time or has ended. */
export function waitUntilReady(client: Redis, timeoutMs: number): Promise<boolean> {
  if (client.status === 'ready') return Promise.resolve(true)
  if (client.status === 'end') return Promise.resolve(false)
  return new Promise(resolve => {
    const settle = (isReady: boolean) => {
      clearTimeout(timer)
      client.off('ready', onReady)
      client.off('end', onEnd)
      resolve(isReady)
    }
    const onReady = () => settle(true)
    const onEnd = () => settle(false)
    const timer = setTimeout(settle, timeoutMs, false)
    timer.unref()
    client.once('ready', onReady)
    client.once('end', onEnd)
  })
}

/**
 * True when the server knows BRPOPLPUSH, which Bull needs. Redis and Valkey do; js-redis-server does not.
 * @throws Error when the server does not answer
 */
export async function hasBlockingMove(client: Redis, prefix: string): Promise<boolean> {
  try {
    await client.brpoplpush(`${prefix}:probe`, `${prefix}:probe`, 0.01)
    return true
  } catch (error) {
    const { message } = error as Error
    // Older servers take whole seconds only; they know the command all the same.
    if (/timeout is not an integer/i.test(message)) return true
    if (/unknown command/i.test(message)) return false
    throw error
  }
}

/** Connects anew when a blocking call stays unanswered: the connection is dead, though nobody said so. */
export function guardBlockingMove(client: Redis): void {
  const ask = client.brpoplpush.bind(client) as (
    source: string,
    target: string,
    seconds: number
  ) => Promise<string | null>
  const guarded = async (source: string, target: string, seconds: number): Promise<string | null> => {
    const watch = setInterval(() => client.disconnect(true), seconds * 3_000).unref()
    try {
      return await ask(source, target, seconds)
    } finally {
      clearInterval(watch)
    }
  }
  Object.assign(client, { brpoplpush: guarded })
}

/** Stands in for BRPOPLPUSH by asking every 25 ms. With BLMOVE instead, closing would wait for the parked call. */
export function addBlockingMove(client: Redis): void {
  const poll = async (source: string, target: string, seconds: number): Promise<string | null> => {
    const deadline = performance.now() + seconds * 1_000
    for (;;) {
      const id = await client.lmove(source, target, 'RIGHT', 'LEFT')
      if (id !== null || performance.now() >= deadline) return id
      await new Promise(resolve => setTimeout(resolve, 25))
      if (client.status === 'end') throw new Error('Connection is closed.')
    }
  }
  Object.assign(client, { brpoplpush: poll })
}
