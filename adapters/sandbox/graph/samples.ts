/** Sample media by kind, and synthetic media of any size that are made while they are read and never held. */
import { createHash } from 'node:crypto'
import { JPEG_BASE64, MP4_BASE64, OGG_BASE64, PNG_BASE64, WEBP_ANIMATED_BASE64, WEBP_BASE64 } from './sample-bytes.ts'

export type SampleName = 'jpeg' | 'png' | 'ogg' | 'mp4' | 'pdf' | 'webp' | 'webp_animated' | 'mp3' | 'text'

export interface Sample {
  mime: string
  extension: string
  bytes: Buffer
}

function makePdf(): Buffer {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>',
    '<</Length 47>>stream\nBT /F1 18 Tf 40 70 Td (Sandbox document) Tj ET \nendstream',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'
  ]
  let text = '%PDF-1.4\n'
  const offsets: number[] = []
  objects.forEach((object, i) => {
    offsets.push(text.length)
    text += `${i + 1} 0 obj\n${object}\nendobj\n`
  })
  const start = text.length
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`
  for (const offset of offsets) text += `${String(offset).padStart(10, '0')} 00000 n \n`
  text += `trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`
  return Buffer.from(text, 'latin1')
}

/** Silence: MPEG-1 layer III frames of 128 kbit/s whose main data is empty. */
function makeMp3(): Buffer {
  const frame = Buffer.alloc(417)
  frame.set([0xff, 0xfb, 0x90, 0xc4])
  return Buffer.concat(Array.from({ length: 20 }, () => frame))
}

const SAMPLES: Record<SampleName, Sample> = {
  jpeg: { mime: 'image/jpeg', extension: 'jpg', bytes: Buffer.from(JPEG_BASE64, 'base64') },
  png: { mime: 'image/png', extension: 'png', bytes: Buffer.from(PNG_BASE64, 'base64') },
  ogg: { mime: 'audio/ogg; codecs=opus', extension: 'ogg', bytes: Buffer.from(OGG_BASE64, 'base64') },
  mp4: { mime: 'video/mp4', extension: 'mp4', bytes: Buffer.from(MP4_BASE64, 'base64') },
  webp: { mime: 'image/webp', extension: 'webp', bytes: Buffer.from(WEBP_BASE64, 'base64') },
  webp_animated: { mime: 'image/webp', extension: 'webp', bytes: Buffer.from(WEBP_ANIMATED_BASE64, 'base64') },
  pdf: { mime: 'application/pdf', extension: 'pdf', bytes: makePdf() },
  mp3: { mime: 'audio/mpeg', extension: 'mp3', bytes: makeMp3() },
  text: { mime: 'text/plain', extension: 'txt', bytes: Buffer.from('A plain text file of the sandbox.\n') }
}

export function getSample(name: string): Sample | undefined {
  return Object.hasOwn(SAMPLES, name) ? SAMPLES[name as SampleName] : undefined
}

const FILL_BYTES = 64 * 1024
let fill: Buffer | undefined

/** A fixed block that does not compress, so that no one on the way can cheat. */
function fillBlock(): Buffer {
  if (fill) return fill
  const parts: Buffer[] = []
  for (let i = 0; i < FILL_BYTES / 32; i++) parts.push(createHash('sha256').update(`fill-${i}`).digest())
  fill = Buffer.concat(parts)
  return fill
}

/** The first bytes are the sample's, so that sniffing finds the kind; the rest is filler up to `totalBytes`. */
export function* makeSynthetic(sample: Buffer, totalBytes: number): Generator<Buffer> {
  const head = sample.subarray(0, totalBytes)
  yield head
  let left = totalBytes - head.length
  const block = fillBlock()
  while (left > 0) {
    const chunk = left >= block.length ? block : block.subarray(0, left)
    left -= chunk.length
    yield chunk
  }
}

const hashes = new Map<string, Promise<Buffer>>()

/** SHA-256 of a synthetic file, computed once and without blocking the event loop for long. */
export function hashSynthetic(name: string, sample: Buffer, totalBytes: number): Promise<Buffer> {
  const key = `${name}:${totalBytes}`
  const known = hashes.get(key)
  if (known) return known
  const made = (async () => {
    const hash = createHash('sha256')
    let sinceBreath = 0
    for (const chunk of makeSynthetic(sample, totalBytes)) {
      hash.update(chunk)
      sinceBreath += chunk.length
      if (sinceBreath > 8 * 1024 * 1024) {
        sinceBreath = 0
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    return hash.digest()
  })()
  if (hashes.size > 1000) hashes.clear()
  hashes.set(key, made)
  return made
}
