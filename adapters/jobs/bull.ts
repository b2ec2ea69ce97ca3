/**
 * The alarm clock of an installation with several processes: Bull on Redis, one queue that carries nothing but
 * coalesced wake-ups. At most one waits per installation: its id is a generation that the taker moves on, and a flag
 * says that it is there. While Redis is away or slow this process wakes itself, so that nothing ever waits for Redis.
 */
import Bull from 'bull'
import type { Jobs, JobsState } from '../../plugin/core/ports/jobs.ts'
import { type Consumer, createConsumer, type QueueNames } from './bull-consumer.ts'
import { openClient, waitUntilReady } from './redis-clients.ts'

export interface BullJobsOptions {
  /** `redis://` or `rediss://`, with user, password and database as usual. */
  redisUrl: string
  /** Names the installation; processes with the same prefix share its wake-ups. */
  prefix: string
  /** Only tells of a change between well and unwell. */
  log?: { info(facts: object, text: string): void; warn(facts: object, text: string): void }
  production?: boolean
}

/** In a stream of wake-ups one in this time goes out … */
const GAP_MS = 20
/** … or sooner when so many were asked for, yet never closer than this. */
const EAGER_AFTER_CALLS = 12
const EAGER_GAP_MS = 5
/** When Redis needs longer than this to take a wake-up, this process does not wait for it to come round. */
const SLOW_MS = 50
/** So long after a wake-up went out it is asked whether anybody took it, where this process did not itself. */
const CONFIRM_MS = 250
/** A flag that nobody took down stands no longer than this (its job may have been lost with a crash). */
const FLAG_MS = 1_000
/** The same generation for so long means that takers are deaf. */
const DEAF_AFTER_MS = 3_000
const REBUILD_GAP_MS = 10_000
const PROBE_MS = 1_000

/** Answers the generation to make a job for, or -1 - generation when one is already there. */
const CLAIM = `local generation = tonumber(redis.call('GET', KEYS[1]) or '0')
if redis.call('SET', KEYS[2], generation, 'NX', 'PX', ARGV[1]) then return generation end
return -1 - generation`

export function createBullJobs(options: BullJobsOptions): Jobs {
  const prefix = `{${options.prefix}}`
  const names: QueueNames = {
    prefix,
    queue: 'wake',
    flag: `${prefix}:wake-flag`,
    generation: `${prefix}:wake-generation`
  }
  const client = openClient(options.redisUrl, 'producer', error => fail(error))
  const producer = new Bull(names.queue, {
    prefix,
    skipVersionCheck: true,
    createClient: () => client
  } as Bull.QueueOptions & { skipVersionCheck: boolean })
  producer.on('error', () => undefined)

  let handler: (() => void) | undefined
  let consumer: Consumer | undefined
  let health: 'joining' | 'well' | 'unwell' = 'joining'
  let lastError: string | undefined
  let closing: Promise<void> | undefined

  let absorbed = 0
  let lastFlushAt = Number.NEGATIVE_INFINITY
  let flushTimer: NodeJS.Timeout | undefined
  let flushSoon: NodeJS.Immediate | undefined
  let probeTimer: NodeJS.Timeout | undefined
  let runSoon: NodeJS.Immediate | undefined
  let isAnnouncing = false
  let isAskedAgain = false
  let isSlow = false
  let confirmTimer: NodeJS.Timeout | undefined
  let takenAt = Number.NEGATIVE_INFINITY
  let seen = { generation: -1, since: 0 }
  let retired: Promise<unknown> = Promise.resolve()
  let rebuiltAt = Number.NEGATIVE_INFINITY

  // After a disturbance something may have gone unheard, so a return is announced as a wake-up.
  client.on('ready', () => (health === 'joining' ? recover() : void announce()))
  client.on('close', () => fail(new Error('the connection to Redis was closed')))

  function fail(error: Error): void {
    if (closing) return
    lastError = error.message.slice(0, 200)
    if (health !== 'unwell') {
      health = 'unwell'
      options.log?.warn({ reason: lastError }, 'Redis is not usable; this process wakes itself')
    }
    if (absorbed > 0 || isAnnouncing) runHere()
    probeTimer ??= setTimeout(() => {
      probeTimer = undefined
      void announce()
    }, PROBE_MS).unref()
  }

  function recover(): void {
    if (health === 'unwell') options.log?.info({}, 'Redis is usable again')
    health = 'well'
    lastError = undefined
  }

  /** Wakes this process itself, once however often it is asked in one turn of the event loop. */
  function runHere(): void {
    if (runSoon || closing) return
    runSoon = setImmediate(() => {
      runSoon = undefined
      callHandler()
    })
  }

  function callHandler(): void {
    if (closing) return
    try {
      handler?.()
    } catch (error) {
      lastError = (error as Error).message
    }
  }

  function wake(): void {
    if (closing) return
    absorbed++
    if (flushSoon) return
    const quietMs = performance.now() - lastFlushAt
    if (quietMs >= GAP_MS || (absorbed >= EAGER_AFTER_CALLS && quietMs >= EAGER_GAP_MS)) flushSoon = setImmediate(flush)
    else flushTimer ??= setTimeout(flush, GAP_MS - quietMs)
  }

  function flush(): void {
    clearTimeout(flushTimer)
    flushTimer = undefined
    clearImmediate(flushSoon)
    flushSoon = undefined
    absorbed = 0
    lastFlushAt = performance.now()
    if (health === 'unwell' || isSlow) runHere()
    void announce()
  }

  /** Puts a wake-up into the queue unless one is there. One at a time; asked meanwhile, once more afterwards. */
  async function announce(): Promise<void> {
    if (closing) return
    if (isAnnouncing) {
      isAskedAgain = true
      return
    }
    isAnnouncing = true
    const slow = setTimeout(() => {
      isSlow = true
      runHere()
    }, SLOW_MS)
    try {
      if (health === 'joining') await waitUntilReady(client, 1_000)
      const answer = Number(await client.eval(CLAIM, 2, names.generation, names.flag, FLAG_MS))
      if (answer >= 0) await producer.add({}, { jobId: `w${answer}`, removeOnComplete: true, removeOnFail: true })
      isSlow = false
      recover()
      const generation = answer >= 0 ? answer : -1 - answer
      watchTakers(generation)
      confirmLater(generation)
    } catch (error) {
      fail(error as Error)
    } finally {
      clearTimeout(slow)
      isAnnouncing = false
    }
    if (isAskedAgain) {
      isAskedAgain = false
      await announce()
    }
  }

  /** A connection that broke can swallow a wake-up that Redis had just handed to it. */
  function confirmLater(generation: number): void {
    if (confirmTimer || closing || !handler) return
    const askedAt = performance.now()
    confirmTimer = setTimeout(async () => {
      confirmTimer = undefined
      if (closing || takenAt >= askedAt) return
      const current = await client.get(names.generation).catch(() => null)
      if (Number(current ?? 0) <= generation) runHere()
    }, CONFIRM_MS).unref()
  }

  function watchTakers(generation: number): void {
    const now = performance.now()
    if (generation !== seen.generation) seen = { generation, since: now }
    else if (handler && now - seen.since > DEAF_AFTER_MS) {
      runHere()
      if (now - rebuiltAt > REBUILD_GAP_MS) {
        rebuiltAt = now
        options.log?.warn({}, 'wake-ups are not taken; joining the queue anew')
        const deaf = consumer?.close()
        consumer = join()
        retired = Promise.all([retired, deaf])
      }
    }
  }

  function join(): Consumer {
    return createConsumer({
      redisUrl: options.redisUrl,
      names,
      onWake: () => {
        takenAt = performance.now()
        callHandler()
      },
      onError: error => {
        lastError = error.message.slice(0, 200)
      },
      onStandIn: () => {
        const text = 'this is not a real Redis but a stand-in that keeps nothing'
        if (options.production) options.log?.warn({}, `${text}; do not use it in production`)
        else options.log?.info({}, text)
      }
    })
  }

  async function leave(): Promise<void> {
    clearTimeout(flushTimer)
    clearTimeout(probeTimer)
    clearTimeout(confirmTimer)
    for (const immediate of [flushSoon, runSoon]) clearImmediate(immediate)
    await Promise.all([consumer?.close(), retired])
    client.disconnect()
    // Its client is gone already; this only stops what Bull itself may still have running.
    await producer.close(true).catch(() => undefined)
  }

  return {
    wake,
    async start(given) {
      if (closing || handler) return
      handler = given
      if (health === 'unwell') runHere()
      consumer = join()
    },
    close: () => (closing ??= leave()),
    state: (): JobsState => ({
      kind: 'bull',
      healthy: health === 'well' && !closing,
      ...(lastError === undefined ? {} : { lastError })
    })
  }
}
