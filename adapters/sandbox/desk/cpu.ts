/**
 * A virtual processor that running tasks share equally, and slots (web servers, background workers) in front of it.
 * Moments are computed exactly and only noticed by timers, so a late timer shifts no later result (bar R12).
 */

export interface Cpu {
  /** Runs `workMs` of work; `done` is called when it is finished, in virtual order. No work is done at once. */
  run(workMs: number, done: () => void): void
  /** Number of CPUs; Infinity = every task runs at full speed. */
  setCpus(cpus: number): void
  active(): number
  /** Drops every running task without finishing it. */
  clear(): void
}

interface Task {
  /** Attained service at which it is finished. */
  finish: number
  n: number
  done: () => void
}

export function createCpu(nowMs: () => number = () => performance.now()): Cpu {
  let cpus = Number.POSITIVE_INFINITY
  /** Work that a task running since the start would have got so far. */
  let attained = 0
  /** Virtual now: everything up to here is settled. */
  let at = nowMs()
  let settling = false
  let timer: NodeJS.Timeout | undefined
  let serial = 0
  let heap: Task[] = []

  const rate = () => (heap.length <= cpus ? 1 : cpus / heap.length)

  function settle(upTo: number): void {
    if (settling) return
    settling = true
    while (heap.length > 0) {
      const finishedAt = at + (heap[0]!.finish - attained) / rate()
      if (finishedAt > upTo) break
      const task = popTask(heap)
      attained = task.finish
      at = finishedAt
      // May start other tasks, which then begin at this very moment.
      task.done()
    }
    if (upTo > at) {
      attained += (upTo - at) * (heap.length > 0 ? rate() : 0)
      at = upTo
    }
    settling = false
    arm()
  }

  function arm(): void {
    if (timer) clearTimeout(timer)
    timer = undefined
    if (heap.length === 0) return
    const waitMs = at + (heap[0]!.finish - attained) / rate() - nowMs()
    timer = setTimeout(() => settle(nowMs()), Math.max(0, Math.ceil(waitMs)))
  }

  return {
    run(workMs, done) {
      if (workMs <= 0) {
        done()
        return
      }
      if (!settling) settle(nowMs())
      pushTask(heap, { finish: attained + workMs, n: ++serial, done })
      if (!settling) arm()
    },
    setCpus(count) {
      settle(nowMs())
      cpus = count > 0 ? count : Number.POSITIVE_INFINITY
      arm()
    },
    active: () => heap.length,
    clear() {
      heap = []
      arm()
    }
  }
}

function before(a: Task, b: Task): boolean {
  return a.finish < b.finish || (a.finish === b.finish && a.n < b.n)
}

function pushTask(heap: Task[], task: Task): void {
  let i = heap.push(task) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(task, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = task
}

function popTask(heap: Task[]): Task {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return top
}

/** A number of places; who finds none waits in order. */
export interface Slots {
  take(start: (release: () => void) => void): void
  setSize(size: number): void
  waiting(): number
  clear(): void
}

export function createSlots(): Slots {
  let size = Number.POSITIVE_INFINITY
  let used = 0
  // A clear makes the releases of tasks that began before it harmless.
  let generation = 0
  let queue: ((release: () => void) => void)[] = []
  let head = 0

  function begin(start: (release: () => void) => void): void {
    used++
    const mine = generation
    let released = false
    start(() => {
      if (released || mine !== generation) return
      released = true
      used--
      next()
    })
  }

  function next(): void {
    while (used < size && head < queue.length) {
      const start = queue[head]!
      queue[head++] = undefined as never
      if (head > 1024 && head * 2 > queue.length) {
        queue = queue.slice(head)
        head = 0
      }
      begin(start)
    }
  }

  return {
    take(start) {
      if (used < size && head >= queue.length) begin(start)
      else queue.push(start)
    },
    setSize(count) {
      size = count > 0 ? count : Number.POSITIVE_INFINITY
      next()
    },
    waiting: () => queue.length - head,
    clear() {
      generation++
      used = 0
      queue = []
      head = 0
    }
  }
}
