/** Reads OGG pages and Opus sound for tests, apart from the code under test; writes WAV files. */
import { createRequire } from 'node:module'
import type { Libav } from '../../adapters/media/voice-libav.ts'

export interface OggFacts {
  isOpus: boolean
  channels: number
  inputSampleRate: number
  seconds: number
  pages: number
}

/** Walks over every page (RFC 3533) and throws where one is not where it should be. */
export function readOgg(file: Buffer): OggFacts {
  let at = 0
  let pages = 0
  let position = 0n
  let head: Buffer | undefined
  while (at < file.length) {
    if (file.toString('latin1', at, at + 4) !== 'OggS') throw new Error(`no page at ${at}`)
    const segments = file[at + 26]!
    const body = at + 27 + segments
    let length = 0
    for (let index = 0; index < segments; index++) length += file[at + 27 + index]!
    head ??= file.subarray(body, body + length)
    const granule = file.readBigInt64LE(at + 6)
    if (granule >= 0n) position = granule
    at = body + length
    pages++
  }
  if (!head) throw new Error('no page')
  const preSkip = head.readUInt16LE(10)
  return {
    isOpus: head.toString('latin1', 0, 8) === 'OpusHead',
    channels: head[9]!,
    inputSampleRate: head.readUInt32LE(12),
    seconds: (Number(position) - preSkip) / 48_000,
    pages
  }
}

function openLibav(): Promise<Libav> {
  const require = createRequire(import.meta.url)
  const { LibAV } = require('@libav.js/variant-opus') as { LibAV(options: object): Promise<Libav> }
  return LibAV({ noworker: true })
}

/** A tone in Opus, as browsers record it (WebM) or apps send it (OGG); with two channels the right one is silent. */
export async function makeOpus(shape: {
  container: 'ogg' | 'webm'
  channels: 1 | 2
  seconds: number
  hertz: number
}): Promise<Buffer> {
  const libav = await openLibav()
  const { channels } = shape
  const layout = channels === 1 ? 4 : 3
  const [, encoder, frame, packet, size] = await libav.ff_init_encoder('libopus', {
    ctx: {
      bit_rate: 64_000,
      sample_fmt: libav.AV_SAMPLE_FMT_FLT,
      sample_rate: 48_000,
      channel_layout: layout,
      channels
    },
    time_base: [1, 48_000]
  })
  const muxer = { format_name: shape.container, filename: 'made', open: true }
  const [context, , io] = await libav.ff_init_muxer(muxer, [[encoder, 1, 48_000]])
  await libav.avformat_write_header(context, 0)
  const frames = Array.from({ length: Math.floor((shape.seconds * 48_000) / size) }, (_, index) => {
    const data = new Float32Array(size * channels)
    for (let at = 0; at < size; at++) {
      data[at * channels] = 0.5 * Math.sin((2 * Math.PI * shape.hertz * (index * size + at)) / 48_000)
    }
    const format = { format: libav.AV_SAMPLE_FMT_FLT, sample_rate: 48_000, channel_layout: layout, channels }
    return { data, nb_samples: size, pts: index * size, ptshi: 0, ...format }
  })
  await libav.ff_write_multi(context, packet, await libav.ff_encode_multi(encoder, frame, packet, frames, true))
  await libav.av_write_trailer(context)
  await libav.ff_free_muxer(context, io)
  return Buffer.from(await libav.readFile('made'))
}

/** Decodes with libav and tells how strong a tone is in it, compared with all sound: 1 is the tone alone. */
export async function measureTone(file: Buffer, hertz: number): Promise<number> {
  const libav = await openLibav()
  await libav.writeFile('in.ogg', file)
  const [context, streams] = await libav.ff_init_demuxer_file('in.ogg')
  const stream = streams[0]!
  const [, decoder, packet, frame] = await libav.ff_init_decoder('libopus', { codecpar: stream.codecpar })
  const [, packets] = await libav.ff_read_frame_multi(context, packet, {})
  const frames = await libav.ff_decode_multi(decoder, packet, frame, packets[stream.index] ?? [], true)
  const samples = frames.flatMap(each => Array.from(each.data as ArrayLike<number>))
  const scale = frames[0]?.data instanceof Int16Array ? 0x8000 : 1
  let sine = 0
  let cosine = 0
  let energy = 0
  // The ends fade.
  const middle = samples.slice(9_600, samples.length - 9_600)
  for (const [at, raw] of middle.entries()) {
    const value = raw / scale
    const angle = (2 * Math.PI * hertz * at) / 48_000
    sine += value * Math.sin(angle)
    cosine += value * Math.cos(angle)
    energy += value * value
  }
  if (energy / middle.length < 1e-4) return 0
  return (2 * (sine * sine + cosine * cosine)) / middle.length / energy
}

export interface WavShape {
  sampleRate: number
  channels: number
  /** 32 means float. */
  bits: 8 | 16 | 24 | 32
  seconds: number
  hertz: number
}

/** A tone at half volume; with two channels both carry it. */
export function makeWav(shape: WavShape): Buffer {
  const frames = Math.round(shape.sampleRate * shape.seconds)
  const step = shape.bits / 8
  const data = Buffer.alloc(frames * step * shape.channels)
  for (let frame = 0; frame < frames; frame++) {
    const value = 0.5 * Math.sin((2 * Math.PI * shape.hertz * frame) / shape.sampleRate)
    for (let channel = 0; channel < shape.channels; channel++) {
      const at = (frame * shape.channels + channel) * step
      if (shape.bits === 8) data[at] = Math.round(128 + value * 127)
      else if (shape.bits === 16) data.writeInt16LE(Math.round(value * 0x7fff), at)
      else if (shape.bits === 24) data.writeIntLE(Math.round(value * 0x7fffff), at, 3)
      else data.writeFloatLE(value, at)
    }
  }
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + data.length, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(shape.bits === 32 ? 3 : 1, 20)
  head.writeUInt16LE(shape.channels, 22)
  head.writeUInt32LE(shape.sampleRate, 24)
  head.writeUInt32LE(shape.sampleRate * shape.channels * step, 28)
  head.writeUInt16LE(shape.channels * step, 32)
  head.writeUInt16LE(shape.bits, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(data.length, 40)
  return Buffer.concat([head, data])
}
