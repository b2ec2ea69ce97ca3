/**
 * B9 and B10: the most memory that Puente's process ever held while files passed through it (the kernel's own high
 * water mark), and Redis's memory while many messages wait.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamTask } from './children/stream.ts'
import { conversationOf } from './counts.ts'
import { startChild } from './processes.ts'
import { type Ground, makeCustomers, openRig, settle } from './rig.ts'
import { atMost, type Bar } from './table.ts'

const FILE_BYTES = 100_000_000
const STREAM_BYTES = 1_000_000_000
const MIB = 1024 * 1024

export async function measureMemory(ground: Ground): Promise<Bar[]> {
  return [...(await relayFiles(ground)), await streamThrough()]
}

async function relayFiles(ground: Ground): Promise<Bar[]> {
  const rig = await openRig(ground)
  try {
    const [customer] = await makeCustomers(rig, 20)
    const conversationId = await conversationOf(rig, customer!)
    // Once small, so that code and sockets are there before the baseline.
    const inbound = async (bytes: number): Promise<void> => {
      const follower = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
      await rig.desk.post('/__say', {
        customer: customer!.waId,
        type: 'document',
        filename: 'plans.pdf',
        media: { sample: 'pdf', bytes }
      })
      const written = await follower.until(all => all.some(entry => Number(entry.ids['attachments']) > 0), 90_000)
      if (!written.some(entry => Number(entry.ids['attachments']) > 0)) throw new Error('the file did not arrive')
      await settle(rig)
    }
    const outbound = async (size: number): Promise<void> => {
      const follower = await rig.desk.follow({ side: 'graph', what: 'effect', name: 'sent' })
      await rig.desk.post('/__reply', {
        conversationId,
        attachments: [{ name: 'offer.pdf', type: 'application/pdf', size }]
      })
      const sent = await follower.until(all => all.length > 0, 90_000)
      if (sent.length === 0) throw new Error('the file was not sent')
      await settle(rig)
    }
    await inbound(300_000)
    await outbound(300_000)
    const first = await peakDuring(
      rig.puente.pid,
      () => rig.puente.ask({ order: 'collect' }),
      () => inbound(FILE_BYTES)
    )
    const second = await peakDuring(
      rig.puente.pid,
      () => rig.puente.ask({ order: 'collect' }),
      () => outbound(FILE_BYTES)
    )
    return [
      atMost('B9', 'peak RSS above baseline, 100 MB to the desk, MiB', 96, first.aboveMiB, first.detail),
      atMost('B9', '… 100 MB to WhatsApp', 96, second.aboveMiB, second.detail)
    ]
  } finally {
    await rig.close()
  }
}

/** Streams a file from a stand-in of Graph to a stand-in of the desk through the adapters alone. */
async function streamThrough(): Promise<Bar> {
  const chunk = Buffer.alloc(64 * 1024, 7)
  const source = await listen((_request, response) => {
    response.writeHead(200, { 'content-length': STREAM_BYTES, 'content-type': 'application/octet-stream' })
    let left = STREAM_BYTES
    const push = (): void => {
      while (left > 0) {
        const part = left >= chunk.length ? chunk : chunk.subarray(0, left)
        left -= part.length
        if (!response.write(part)) return void response.once('drain', push)
      }
      response.end()
    }
    push()
  })
  let received = 0
  const sink = await listen((request, response) => {
    request.on('data', (part: Buffer) => {
      received += part.length
    })
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ id: 1, conversation_id: 1, content: '', message_type: 0 }))
    })
  })
  const task: StreamTask = { sourceUrl: source.url, sinkUrl: sink.url, bytes: STREAM_BYTES }
  const child = await startChild('test/bench/children/stream.ts', { args: [JSON.stringify(task)] })
  try {
    await child.ask({ order: 'warm' })
    const { aboveMiB, detail } = await peakDuring(
      child.pid,
      () => child.ask({ order: 'collect' }),
      () => child.ask({ order: 'relay' })
    )
    if (received < STREAM_BYTES) throw new Error(`only ${received} of ${STREAM_BYTES} bytes arrived`)
    return atMost('B9', '… a stream of 1 GB through the adapters', 96, aboveMiB, detail)
  } finally {
    await child.stop()
    source.server.closeAllConnections()
    source.server.close()
    sink.server.closeAllConnections()
    sink.server.close()
  }
}

async function peakDuring(
  pid: number,
  collect: () => Promise<unknown>,
  work: () => Promise<unknown>
): Promise<{ aboveMiB: number; detail: string }> {
  await collect()
  await sleep(300)
  const before = readStatus(pid, 'VmRSS')
  // The kernel begins its high water mark anew.
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const startedMs = performance.now()
  await work()
  const peak = readStatus(pid, 'VmHWM')
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  return {
    aboveMiB: (peak - before) / MIB,
    detail: `${Math.round(before / MIB)} MiB before, ${Math.round(peak / MIB)} MiB at most, ${seconds} s`
  }
}

function readStatus(pid: number, name: string): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find(each => each.startsWith(`${name}:`))
  return Number(/\d+/.exec(line ?? '')?.[0]) * 1024
}

async function listen(handle: Parameters<typeof createServer>[1]): Promise<{ server: Server; url: string }> {
  const server = createServer(handle!)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
