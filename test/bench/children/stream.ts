/**
 * The adapters alone as a process: opens a file, spools it for its hash, uploads it to the desk. The channel refuses
 * files beyond WhatsApp's 100 MB, so the file is opened through the HTTP client below it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createChatwootDesk } from '../../../adapters/chatwoot/client.ts'
import { createHttpClient } from '../../../adapters/http/client.ts'
import { createFiles } from '../../../adapters/media/spool.ts'

export interface StreamTask {
  sourceUrl: string
  sinkUrl: string
  bytes: number
}

const task = JSON.parse(process.argv[2]!) as StreamTask
const tempDir = await mkdtemp(path.join(tmpdir(), 'puente-bench-stream-'))
const files = createFiles({ tempDir })
const mediaOrigins = [new URL(task.sourceUrl).origin]
const http = createHttpClient({ maxSockets: 4 })
const desk = createChatwootDesk({ http: createHttpClient({ maxSockets: 4 }), mediaOrigins })

async function relay(): Promise<void> {
  const { stream } = await http.open({ method: 'GET', url: `${task.sourceUrl}/file`, headers: {}, timeoutMs: 120_000 })
  const spooled = await files.spool(stream, { maxBytes: task.bytes, expectedBytes: task.bytes })
  try {
    const file = {
      path: spooled.path,
      name: 'file.bin',
      mimeType: 'application/octet-stream',
      sizeBytes: spooled.sizeBytes
    }
    await desk.createMessage({ url: task.sinkUrl, accountId: 1, token: 'token' }, 1, {
      type: 'incoming',
      content: '',
      sourceId: 'wamid.stream',
      files: [file]
    })
  } finally {
    await files.remove(spooled.path)
  }
}

function collect(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

process.on('message', message => {
  const { n, order } = message as { n: number; order: 'warm' | 'collect' | 'relay' }
  const work = order === 'relay' ? relay() : Promise.resolve(order === 'collect' ? collect() : undefined)
  work.then(
    () => process.send!({ n, answer: null }),
    error => process.send!({ n, error: String((error as Error).stack) })
  )
})
async function end(): Promise<void> {
  await rm(tempDir, { recursive: true, force: true })
  process.exit(0)
}
process.on('SIGTERM', () => void end())
process.on('disconnect', () => void end())
process.send!({ ready: 'stream' })
