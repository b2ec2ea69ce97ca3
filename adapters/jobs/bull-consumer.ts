/**
 * The end of the queue that takes wake-ups, with connections of its own. It joins when Redis can be reached, and is
 * thrown away and made anew when it seems deaf. Leaves out who asks for wake-ups (`bull.ts`).
 */
import Bull from 'bull'
import type { Redis } from 'ioredis'
import {
  addBlockingMove,
  BLOCK_SECONDS,
  type ClientRole,
  guardBlockingMove,
  hasBlockingMove,
  openClient,
  waitUntilReady
} from './redis-clients.ts'

/** The one queue and its two keys; all share a hash tag. */
export interface QueueNames {
  prefix: string
  queue: string
  flag: string
  generation: string
}

export interface Consumer {
  close(): Promise<void>
}

export interface ConsumerOptions {
  redisUrl: string
  names: QueueNames
  onWake: () => void
  onError: (error: Error) => void
  /** Told once when the server is a stand-in without BRPOPLPUSH. */
  onStandIn: () => void
}

const ROLES: Record<'client' | 'subscriber' | 'bclient', ClientRole> = {
  client: 'worker',
  subscriber: 'subscriber',
  bclient: 'blocking'
}

/** The next generation begins and the flag falls, in one step: from here on a wake-up makes a new job. */
const TAKE = `redis.call('INCR', KEYS[1]); redis.call('DEL', KEYS[2]); return 1`
const TAKE_PATIENCE_MS = 500

export function createConsumer(options: ConsumerOptions): Consumer {
  const { names } = options
  const clients: Redis[] = []
  let queue: Bull.Queue | undefined
  let closing: Promise<void> | undefined

  const open = (role: ClientRole): Redis => {
    const client = openClient(options.redisUrl, role, error => !closing && options.onError(error))
    clients.push(client)
    return client
  }

  async function join(): Promise<void> {
    const worker = open('worker')
    const isReal = await probe(worker)
    if (isReal === undefined || closing) return
    if (!isReal) options.onStandIn()
    queue = new Bull(names.queue, {
      prefix: names.prefix,
      skipVersionCheck: true,
      createClient: type => {
        if (type === 'client') return worker
        const client = open(ROLES[type])
        if (type === 'bclient') isReal ? guardBlockingMove(client) : addBlockingMove(client)
        return client
      },
      settings: {
        drainDelay: BLOCK_SECONDS,
        // A wake-up whose taker was killed is given to another soon.
        lockDuration: 5_000,
        stalledInterval: 5_000,
        maxStalledCount: 1,
        retryProcessDelay: 500,
        // Nothing here is ever delayed.
        guardInterval: 60_000
      }
    } as Bull.QueueOptions & { skipVersionCheck: boolean })
    queue.on('error', error => !closing && options.onError(error))
    queue.process(1, () => takeWake(worker)).catch(error => !closing && options.onError(error))
  }

  /** Undefined: closed before the server answered. */
  async function probe(worker: Redis): Promise<boolean | undefined> {
    while (!closing) {
      if (!(await waitUntilReady(worker, 1_000))) continue
      try {
        return await hasBlockingMove(worker, names.prefix)
      } catch (error) {
        if (!closing) options.onError(error as Error)
        await new Promise(resolve => setTimeout(resolve, 200).unref())
      }
    }
    return undefined
  }

  async function takeWake(worker: Redis): Promise<void> {
    const taken = worker.eval(TAKE, 2, names.generation, names.flag).catch(options.onError)
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      taken,
      new Promise(resolve => {
        timer = setTimeout(resolve, TAKE_PATIENCE_MS)
      })
    ])
    clearTimeout(timer)
    if (!closing) options.onWake()
  }

  async function leave(): Promise<void> {
    const ending = queue?.close(true).catch(() => undefined)
    // Without this Bull waits half a second for an answer behind its own blocking call.
    for (const client of clients) if (client.options.connectionName === 'puente-blocking') client.disconnect()
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise(resolve => {
      timer = setTimeout(resolve, 2_000)
    })
    await Promise.race([ending, patience])
    clearTimeout(timer)
    // Bull never closes clients that it was given, and opens its blocking one again while it closes.
    for (const client of clients) client.disconnect()
  }

  void join()
  return { close: () => (closing ??= leave()) }
}
