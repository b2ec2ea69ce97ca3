/** Reads what an OGG/Opus file says about itself (RFC 3533, RFC 7845). Leaves out decoding. */
import { open } from 'node:fs/promises'

export interface OpusFacts {
  channels: number
  durationMs: number
}

const TAIL_BYTES = 70_000

/** Undefined when it is not an OGG file whose first stream is Opus. */
export async function readOpusFacts(path: string): Promise<OpusFacts | undefined> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const head = (await file.read(Buffer.alloc(512), 0, 512, 0)).buffer
    if (head.toString('latin1', 0, 4) !== 'OggS') return undefined
    const payloadAt = 27 + head[26]!
    if (head.toString('latin1', payloadAt, payloadAt + 8) !== 'OpusHead') return undefined
    const serial = head.readUInt32LE(14)
    const channels = head[payloadAt + 9]!
    const preSkip = head.readUInt16LE(payloadAt + 10)
    // The last page of the stream tells how many samples it has; a page is at most 65,307 bytes long.
    const from = Math.max(0, size - TAIL_BYTES)
    const tail = (await file.read(Buffer.alloc(size - from), 0, size - from, from)).buffer
    return { channels, durationMs: Math.max(0, Math.round((lastPosition(tail, serial) - preSkip) / 48)) }
  } finally {
    await file.close()
  }
}

function lastPosition(tail: Buffer, serial: number): number {
  for (let at = tail.lastIndexOf('OggS'); at >= 0; at = at > 0 ? tail.lastIndexOf('OggS', at - 1) : -1) {
    if (at + 27 > tail.length || tail.readUInt32LE(at + 14) !== serial) continue
    const position = tail.readBigInt64LE(at + 6)
    if (position >= 0n) return Number(position)
  }
  return 0
}
