/**
 * A desk in virtual time for the tests of the pace: CPUs shared equally by web servers and background workers, a
 * backlog of messages sent through the pace, an agent who reads and answers every second. Leaves out the network.
 */
import type { DeskPace } from '../../plugin/core/desk/pace.ts'

export interface DeskModel {
  cpus: number
  webServers: number
  workers: number
  /** CPU milliseconds, medians of log-normal draws. */
  webMs: number
  backgroundMs: number
  readMs: number
  sigma: number
}

export interface ModelRun {
  desk: DeskModel
  messages: number
  seed: number
  /** Another number of CPUs from the moment when so many messages are written. */
  shrink?: { afterMessages: number; cpus: number }
  pace: (monotonicMs: () => number) => DeskPace
  /** What one call costs Puente itself, outside the desk. */
  overheadMs?: number
}

export interface ModelResult {
  perSecond: number
  readP95Ms: number
  /** Lag of the hooks of the agent's own answers. */
  hookP95Ms: number
  limits: { atMs: number; limit: number }[]
}

/** The desk of bar R12. */
export const SMALL_DESK: DeskModel = {
  cpus: 2,
  webServers: 5,
  workers: 3,
  webMs: 75,
  backgroundMs: 55,
  readMs: 60,
  sigma: 0.3
}

const HOOK_POST_MS = 2
/** As in `echoes.ts`: a missing hook counts from here, and is forgotten there. */
const LATE_MS = 700
const FORGET_MS = 6_000

export function runDeskModel(run: ModelRun): ModelResult {
  const { desk } = run
  const random = createRandom(run.seed)
  const draw = (medianMs: number): number => medianMs * Math.exp(desk.sigma * random())
  let nowMs = 0
  const events = createQueue()
  const at = (ms: number, then: () => void): void => events.add(nowMs + ms, then)
  const cpu = createSharedCpu(() => nowMs, desk.cpus)
  const web = createPlaces(desk.webServers)
  const workers = createPlaces(desk.workers)
  const pace = run.pace(() => nowMs)

  const request = (costMs: number, done: () => void): void =>
    web.take(free =>
      cpu.run(draw(costMs), () => {
        free()
        done()
      })
    )
  const background = (done: () => void): void =>
    workers.take(free =>
      cpu.run(draw(desk.backgroundMs), () => {
        done()
        at(HOOK_POST_MS, free)
      })
    )

  let waiting = run.messages
  let written = 0
  let inFlight = 0
  const missing = new Map<number, number>()
  const limits: { atMs: number; limit: number }[] = []
  const expect = (id: number): void => {
    missing.set(id, nowMs)
    for (const [oldest, since] of missing) {
      if (nowMs - since > FORGET_MS) {
        missing.delete(oldest)
        continue
      }
      if (nowMs - since > LATE_MS) pace.onLag(nowMs - since)
      break
    }
  }
  const next = (): void => {
    while (waiting > 0 && inFlight < pace.limit()) {
      waiting--
      inFlight++
      at(run.overheadMs ?? 4, () => {
        const startedMs = nowMs
        request(desk.webMs, () => {
          const id = ++written
          if (run.shrink !== undefined && written === run.shrink.afterMessages) cpu.resize(run.shrink.cpus)
          background(() => {
            const since = missing.get(id)
            missing.delete(id)
            pace.onLag(since === undefined ? 0 : nowMs - since)
            next()
          })
          const full = inFlight >= pace.limit() || waiting > 0
          inFlight--
          expect(id)
          pace.onCall(nowMs - startedMs, full)
          limits.push({ atMs: nowMs, limit: pace.limit() })
          next()
        })
      })
    }
  }

  const reads: number[] = []
  const hooks: number[] = []
  const agent = (): void => {
    if (written >= run.messages) return
    const startedMs = nowMs
    request(desk.readMs, () => reads.push(nowMs - startedMs))
    request(desk.webMs, () => {})
    background(() => hooks.push(nowMs - startedMs))
    at(1_000, agent)
  }

  next()
  at(500, agent)
  while (written < run.messages) {
    const cpuAt = cpu.nextAt()
    const eventAt = events.nextAt()
    if (cpuAt === null && eventAt === null) throw new Error('the model stands still')
    if (cpuAt !== null && (eventAt === null || cpuAt <= eventAt)) {
      nowMs = cpuAt
      cpu.finish()
    } else {
      nowMs = eventAt!
      events.take()()
    }
    next()
  }
  return { perSecond: (run.messages * 1000) / nowMs, readP95Ms: high(reads), hookP95Ms: high(hooks), limits }
}

function high(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? Number.NaN
}

interface SharedCpu {
  run(workMs: number, done: () => void): void
  resize(cpus: number): void
  nextAt(): number | null
  /** Ends the task that `nextAt` told of. */
  finish(): void
}

/** Every running task gets the same part, at most one CPU. */
function createSharedCpu(now: () => number, count: number): SharedCpu {
  let cpus = count
  let settledMs = 0
  const tasks: { leftMs: number; done: () => void }[] = []
  const speed = (): number => (tasks.length <= cpus ? 1 : cpus / tasks.length)
  const settle = (): void => {
    const did = (now() - settledMs) * speed()
    for (const task of tasks) task.leftMs -= did
    settledMs = now()
  }
  const shortest = (): number => tasks.reduce((best, task, at) => (task.leftMs < tasks[best]!.leftMs ? at : best), 0)
  return {
    run(workMs, done) {
      settle()
      tasks.push({ leftMs: workMs, done })
    },
    resize(value) {
      settle()
      cpus = value
    },
    nextAt: () => (tasks.length === 0 ? null : settledMs + Math.max(0, tasks[shortest()]!.leftMs) / speed()),
    finish() {
      settle()
      const [task] = tasks.splice(shortest(), 1)
      task!.done()
    }
  }
}

interface Places {
  take(start: (free: () => void) => void): void
}

function createPlaces(count: number): Places {
  let free = count
  const queue: (() => void)[] = []
  const begin = (start: (free: () => void) => void): void => {
    free--
    start(() => {
      free++
      queue.shift()?.()
    })
  }
  return {
    take(start) {
      if (free > 0) begin(start)
      else queue.push(() => begin(start))
    }
  }
}

function createQueue() {
  const entries: { atMs: number; n: number; then: () => void }[] = []
  let serial = 0
  return {
    add(atMs: number, then: () => void): void {
      entries.push({ atMs, n: serial++, then })
      entries.sort((a, b) => a.atMs - b.atMs || a.n - b.n)
    },
    nextAt: (): number | null => entries[0]?.atMs ?? null,
    take(): () => void {
      const [first] = entries.splice(0, 1)
      return first!.then
    }
  }
}

/** Standard normal draws under a seed (mulberry32, Box and Muller). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}
