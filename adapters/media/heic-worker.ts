/** Worker: decodes a HEIC picture to raw RGBA. On the main thread a phone's photo would block for seconds. */
import { readFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { loadPackage, PackageMissing } from './optional.ts'
import type { WorkerReply } from './worker-call.ts'

interface HeicImage {
  width: number
  height: number
  decode(): Promise<{ data: Uint8ClampedArray }>
}

interface HeicDecode {
  all(input: { buffer: Uint8Array }): Promise<HeicImage[]>
}

export interface HeicInput {
  path: string
  pixelsMax: number
}

async function decode(input: HeicInput): Promise<WorkerReply> {
  const { all } = (await loadPackage('heic-decode')) as HeicDecode
  try {
    const [first] = await all({ buffer: readFileSync(input.path) })
    if (!first) return { unreadable: 'empty' }
    if (first.width * first.height > input.pixelsMax) return { unreadable: 'too_many_pixels' }
    const { data } = await first.decode()
    return { done: { width: first.width, height: first.height, data } }
  } catch {
    return { unreadable: 'damaged' }
  }
}

decode(workerData as HeicInput)
  .catch((error): WorkerReply => {
    if (error instanceof PackageMissing) return { missing: error.packageName }
    throw error
  })
  .then(reply => parentPort?.postMessage(reply))
