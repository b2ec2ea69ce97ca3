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

/** Run from source: tsx, unlike others, does not reach into worker threads on Node 20 by itself. */
const fromSource = (href: string) => `const file = ${JSON.stringify(href)}
import(file).catch(async error => {
  if (error.code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
  const { tsImport } = await import(${JSON.stringify(resolveTsx())})
  await tsImport(file, file)
}).catch(error => setImmediate(() => { throw error }))`

function resolveTsx(): string {
  try {
    return import.meta.resolve('tsx/esm/api')
  } catch {
    return 'tsx/esm/api'
  }
}

/** @param name the worker's file in this folder, without extension (`.ts` here, `.js` once built) */
export function callWorker(name: string, input: object, timeoutMs: number): WorkerCall<WorkerReply> {
  const options = { workerData: input, resourceLimits: { maxOldGenerationSizeMb: 384 } }
  const extension = extname(import.meta.url)
  const file = new URL(`./${name}${extension}`, import.meta.url)
  const worker =
    extension === '.ts' ? new Worker(fromSource(file.href), { ...options, eval: true }) : new Worker(file, options)
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
