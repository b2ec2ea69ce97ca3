/** Runs one conversion in a worker thread, bounded in time and memory. WASM decoders would block everything else. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface WorkerCall<Answer> {
  answer: Promise<Answer>
  /** Ends it at once; the answer then fails. */
  stop(): void
}

/** What a worker posts: exactly one of these. */
export type WorkerReply = { done: unknown } | { missing: string } | { unreadable: string }

export class WorkerFailed extends Error {
  readonly reason: 'timeout' | 'stopped' | 'crashed'

  constructor(reason: WorkerFailed['reason'], cause?: unknown) {
    super(`the conversion was given up: ${reason}`, { cause })
    this.name = 'WorkerFailed'
    this.reason = reason
  }
}

/** @param name the worker's file in this folder, without extension (`.ts` here, `.js` once built) */
export function callWorker(name: string, input: object, timeoutMs: number): WorkerCall<WorkerReply> {
  const file = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(file, { workerData: input, resourceLimits: { maxOldGenerationSizeMb: 384 } })
  let stop: () => void = () => undefined
  const answer = new Promise<WorkerReply>((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer)
      void worker.terminate()
      act()
    }
    const timer = setTimeout(() => settle(() => reject(new WorkerFailed('timeout'))), timeoutMs)
    stop = () => settle(() => reject(new WorkerFailed('stopped')))
    worker.once('message', (reply: WorkerReply) => settle(() => resolve(reply)))
    worker.once('error', cause => settle(() => reject(new WorkerFailed('crashed', cause))))
    worker.once('exit', () => settle(() => reject(new WorkerFailed('crashed'))))
  })
  return { answer, stop: () => stop() }
}
