/**
 * Reads sound as mono samples: MP3 (mpg123), WAV (by hand), OGG/Opus and WebM/Opus (libav). In a worker only, since it
 * computes. Each source yields pieces, so that a long recording is never in memory as a whole.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { loadPackage } from './optional.ts'
import type { Libav } from './voice-libav.ts'

export interface Sound {
  sampleRate: number
  /** Mono, -1 … 1. */
  pieces: AsyncIterable<Float32Array> | Iterable<Float32Array>
}

export class Unreadable extends Error {}

const CHUNK_BYTES = 64 * 1024

interface MpegDecoder {
  ready: Promise<void>
  decode(data: Uint8Array): { channelData: Float32Array[]; samplesDecoded: number; sampleRate: number }
  free(): void
}

export async function readMp3(path: string): Promise<Sound> {
  const { MPEGDecoder } = (await loadPackage('mpg123-decoder')) as { MPEGDecoder: new () => MpegDecoder }
  const decoder = new MPEGDecoder()
  await decoder.ready
  const decoded = decodeMp3(decoder, path)
  const first = decoded.next()
  if (first.done) throw new Unreadable('no_sound')
  const rest = function* () {
    yield first.value.samples
    for (const { samples, sampleRate } of decoded) {
      if (sampleRate !== first.value.sampleRate) throw new Unreadable('changing_sample_rate')
      yield samples
    }
  }
  return { sampleRate: first.value.sampleRate, pieces: rest() }
}

function* decodeMp3(decoder: MpegDecoder, path: string): Generator<{ samples: Float32Array; sampleRate: number }> {
  try {
    for (const chunk of readChunks(path, 0)) {
      const { channelData, samplesDecoded, sampleRate } = decoder.decode(chunk)
      if (samplesDecoded > 0) yield { samples: mixDown(channelData, samplesDecoded), sampleRate }
    }
  } finally {
    decoder.free()
  }
}

export function mixDown(channels: readonly Float32Array[], length: number): Float32Array {
  const [left, right] = channels
  if (!left) return new Float32Array(0)
  const mixed = Float32Array.from(left.subarray(0, length))
  if (channels.length === 2 && right) {
    for (let at = 0; at < length; at++) mixed[at] = (left[at]! + right[at]!) / 2
  } else if (channels.length > 2) {
    for (let at = 0; at < length; at++) mixed[at] = channels.reduce((sum, each) => sum + each[at]!, 0) / channels.length
  }
  return mixed
}

function* readChunks(path: string, from: number, length = Number.POSITIVE_INFINITY): Generator<Buffer> {
  const file = openSync(path, 'r')
  try {
    let at = from
    const end = from + length
    while (at < end) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at))
      const read = readSync(file, chunk, 0, chunk.length, at)
      if (read === 0) return
      at += read
      yield chunk.subarray(0, read)
    }
  } finally {
    closeSync(file)
  }
}

const WAV_PCM = 1
const WAV_FLOAT = 3
const WAV_EXTENSIBLE = 0xfffe

/** RIFF/WAVE: PCM of 8, 16, 24 or 32 bit, and 32 bit float. */
export function readWav(path: string): Sound {
  const { head, sizeBytes } = readWavHead(path)
  let at = 12
  let format: { tag: number; channels: number; sampleRate: number; bits: number } | undefined
  while (at + 8 <= head.length) {
    const kind = head.toString('latin1', at, at + 4)
    const length = head.readUInt32LE(at + 4)
    const body = at + 8
    if (kind === 'fmt ' && body + 16 <= head.length) {
      const tag = head.readUInt16LE(body)
      const isExtended = tag === WAV_EXTENSIBLE && length >= 26 && body + 26 <= head.length
      format = {
        tag: isExtended ? head.readUInt16LE(body + 24) : tag,
        channels: head.readUInt16LE(body + 2),
        sampleRate: head.readUInt32LE(body + 4),
        bits: head.readUInt16LE(body + 14)
      }
    }
    if (kind === 'data') {
      const decode = format && chooseWavDecoder(format.tag, format.bits)
      if (!format || !decode || format.channels < 1 || format.channels > 8) throw new Unreadable('unknown_wav')
      if (format.sampleRate < 4_000 || format.sampleRate > 192_000) throw new Unreadable('unknown_wav')
      // Recorders that could not seek back leave the length at 0 or at its maximum.
      const dataBytes = length === 0 ? sizeBytes - body : Math.min(length, sizeBytes - body)
      return { sampleRate: format.sampleRate, pieces: decodeWav(path, body, dataBytes, { ...format, decode }) }
    }
    at = body + length + (length % 2)
  }
  throw new Unreadable('unknown_wav')
}

function readWavHead(path: string): { head: Buffer; sizeBytes: number } {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(CHUNK_BYTES)
    const read = readSync(file, head, 0, head.length, 0)
    return { head: head.subarray(0, read), sizeBytes: fstatSync(file).size }
  } finally {
    closeSync(file)
  }
}

type WavDecoder = (data: Buffer, at: number) => number

function chooseWavDecoder(tag: number, bits: number): WavDecoder | undefined {
  if (tag === WAV_FLOAT && bits === 32) return (data, at) => data.readFloatLE(at)
  if (tag !== WAV_PCM) return undefined
  if (bits === 8) return (data, at) => (data[at]! - 128) / 128
  if (bits === 16) return (data, at) => data.readInt16LE(at) / 0x8000
  if (bits === 24) return (data, at) => data.readIntLE(at, 3) / 0x800000
  if (bits === 32) return (data, at) => data.readInt32LE(at) / 0x80000000
  return undefined
}

function* decodeWav(
  path: string,
  from: number,
  length: number,
  format: { channels: number; bits: number; decode: WavDecoder }
): Generator<Float32Array> {
  const step = format.bits / 8
  const frame = step * format.channels
  let rest: Buffer = Buffer.alloc(0)
  for (const chunk of readChunks(path, from, length)) {
    const data: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const frames = Math.floor(data.length / frame)
    const mono = new Float32Array(frames)
    for (let index = 0; index < frames; index++) {
      let sum = 0
      for (let channel = 0; channel < format.channels; channel++) {
        sum += format.decode(data, index * frame + channel * step)
      }
      mono[index] = sum / format.channels
    }
    rest = data.subarray(frames * frame)
    if (frames > 0) yield mono
  }
}

/** What libav can demux here (OGG, WebM) as long as the sound in it is Opus. */
export async function readWithLibav(libav: Libav, path: string): Promise<Sound> {
  await libav.writeFile('input', readFileSync(path))
  const opened = await libav.ff_init_demuxer_file('input').catch(() => undefined)
  if (!opened) throw new Unreadable('damaged')
  const [context, streams] = opened
  const stream = streams.find(each => each.codec_type === libav.AVMEDIA_TYPE_AUDIO)
  if (!stream || (await libav.avcodec_get_name(stream.codec_id)) !== 'opus') throw new Unreadable('unknown_codec')
  const config = { codecpar: stream.codecpar, time_base: [stream.time_base_num, stream.time_base_den] }
  const [, decoder, packet, frame] = await libav.ff_init_decoder('libopus', config)
  async function* pieces(): AsyncGenerator<Float32Array> {
    for (let isEnd = false; !isEnd; ) {
      const [result, packets] = await libav.ff_read_frame_multi(context, packet, { limit: CHUNK_BYTES })
      isEnd = result === libav.AVERROR_EOF
      if (!isEnd && result !== 0 && result !== -libav.EAGAIN) throw new Unreadable('damaged')
      const frames = await libav.ff_decode_multi(decoder, packet, frame, packets[stream!.index] ?? [], isEnd)
      for (const each of frames) yield mixDown(splitChannels(each), each.nb_samples)
    }
  }
  return { sampleRate: 48_000, pieces: pieces() }
}

/** libopus hands out 16 bit or float samples, interleaved; other decoders planes. */
function splitChannels(frame: { data: unknown; nb_samples: number; channels: number }): Float32Array[] {
  if (Array.isArray(frame.data)) return (frame.data as ArrayLike<number>[]).map(toFloats)
  const all = toFloats(frame.data as ArrayLike<number>)
  if (frame.channels === 1) return [all]
  return Array.from({ length: frame.channels }, (_, channel) =>
    Float32Array.from({ length: frame.nb_samples }, (_, at) => all[at * frame.channels + channel]!)
  )
}

function toFloats(samples: ArrayLike<number>): Float32Array {
  if (samples instanceof Float32Array) return samples
  const scale = samples instanceof Int16Array ? 0x8000 : 0x80000000
  return Float32Array.from(samples, sample => sample / scale)
}
