// Re-wraps an Opus recording from WebM (what Chromium records) into Ogg (what WhatsApp takes as a voice note). The
// sound itself is not touched. Reads only what recorders write: one track, no lacing.

const idSegment = 0x18538067
const idCluster = 0x1f43b675
const idTracks = 0x1654ae6b
const idTrackEntry = 0xae
const idBlockGroup = 0xa0
const idSimpleBlock = 0xa3
const idBlock = 0xa1
const idCodecPrivate = 0x63a2
const masters = new Set([idSegment, idCluster, idTracks, idTrackEntry, idBlockGroup])

interface Recording {
  head: Uint8Array
  packets: Uint8Array[]
}

/** A number of EBML's variable width; `keepMark` for ids. Null at the end. */
function readVint(
  bytes: Uint8Array,
  at: number,
  keepMark: boolean
): { value: number; next: number; open: boolean } | null {
  const first = bytes[at]
  if (first === undefined || first === 0) return null
  const width = Math.clz32(first) - 23
  if (width > 8 || at + width > bytes.length) return null
  let value = keepMark ? first : first & (0xff >> width)
  let ones = (first & (0xff >> width)) === 0xff >> width
  for (let n = 1; n < width; n++) {
    const byte = bytes[at + n] ?? 0
    value = value * 256 + byte
    ones &&= byte === 0xff
  }
  return { value, next: at + width, open: ones && !keepMark }
}

export function readWebm(bytes: Uint8Array): Recording {
  let head: Uint8Array | undefined
  const packets: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const id = readVint(bytes, at, true)
    const size = id && readVint(bytes, id.next, false)
    if (!id || !size) break
    // Recorders leave the size of segment and clusters open: their children simply follow.
    if (masters.has(id.value)) {
      at = size.next
      continue
    }
    if (size.open) break
    const body = bytes.subarray(size.next, size.next + size.value)
    if (id.value === idCodecPrivate) head = body
    if (id.value === idSimpleBlock || id.value === idBlock) {
      const track = readVint(body, 0, false)
      // Two bytes of time and one of flags stand before the packet.
      if (track) packets.push(body.subarray(track.next + 3))
    }
    at = size.next + size.value
  }
  if (!head || packets.length === 0) throw new Error('no Opus in this recording')
  return { head, packets }
}

const silkMs = [10, 20, 40, 60]
const hybridMs = [10, 20]
const celtMs = [2.5, 5, 10, 20]

/** Samples at 48 kHz that a packet holds (RFC 6716, 3.1). */
export function countSamples(packet: Uint8Array): number {
  const toc = packet[0] ?? 0
  const config = toc >> 3
  const ms = config < 12 ? silkMs[config & 3] : config < 16 ? hybridMs[config & 1] : celtMs[config & 3]
  const code = toc & 3
  const frames = code === 0 ? 1 : code === 3 ? (packet[1] ?? 0) & 63 : 2
  return (ms ?? 20) * 48 * frames
}

const crcTable = Uint32Array.from({ length: 256 }, (_, at) => {
  let crc = at << 24
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc >>> 0
})

function checksum(page: Uint8Array): number {
  let crc = 0
  for (const byte of page) crc = ((crc << 8) ^ (crcTable[((crc >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0
  return crc
}

const mostSegments = 255

function makePage(packets: Uint8Array[], flags: number, granule: number, serial: number, sequence: number): Uint8Array {
  const lacing = packets.flatMap(packet => [
    ...Array<number>(Math.floor(packet.length / 255)).fill(255),
    packet.length % 255
  ])
  const size = packets.reduce((sum, packet) => sum + packet.length, 0)
  const page = new Uint8Array(27 + lacing.length + size)
  const view = new DataView(page.buffer)
  page.set([0x4f, 0x67, 0x67, 0x53, 0, flags])
  view.setBigUint64(6, BigInt(Math.round(granule)), true)
  view.setUint32(14, serial, true)
  view.setUint32(18, sequence, true)
  page[26] = lacing.length
  page.set(lacing, 27)
  let at = 27 + lacing.length
  for (const packet of packets) {
    page.set(packet, at)
    at += packet.length
  }
  view.setUint32(22, checksum(page), true)
  return page
}

const tags = (): Uint8Array => {
  const vendor = new TextEncoder().encode('puente')
  const out = new Uint8Array(8 + 4 + vendor.length + 4)
  out.set(new TextEncoder().encode('OpusTags'))
  new DataView(out.buffer).setUint32(8, vendor.length, true)
  out.set(vendor, 12)
  return out
}

/** An Ogg file of the same packets. Throws when there is no Opus in it. */
export function rewrapAsOgg(webm: Uint8Array, serial = 1): Uint8Array<ArrayBuffer> {
  const { head, packets } = readWebm(webm)
  const preSkip = new DataView(head.buffer, head.byteOffset).getUint16(10, true)
  const pages = [makePage([head], 2, 0, serial, 0), makePage([tags()], 0, 0, serial, 1)]
  let granule = preSkip
  let batch: Uint8Array[] = []
  let segments = 0
  const flush = (last: boolean): void => {
    pages.push(makePage(batch, last ? 4 : 0, granule, serial, pages.length))
    batch = []
    segments = 0
  }
  for (const packet of packets) {
    const needs = Math.floor(packet.length / 255) + 1
    if (batch.length > 0 && segments + needs > mostSegments) flush(false)
    batch.push(packet)
    segments += needs
    granule += countSamples(packet)
  }
  flush(true)
  const out = new Uint8Array(pages.reduce((sum, page) => sum + page.length, 0))
  let at = 0
  for (const page of pages) {
    out.set(page, at)
    at += page.length
  }
  return out
}
