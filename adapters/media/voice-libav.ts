/** Writes OGG/Opus with libav (WASM). In a worker only. Names of libav are kept as they are. */
import { writeFileSync } from 'node:fs'
import { VOICE_BITS_PER_SECOND, VOICE_SAMPLE_RATE } from './limits.ts'
import { loadPackage } from './optional.ts'

/** The part of libav.js that is used here; its own types are for another way of loading it. */
export interface Libav {
  AVMEDIA_TYPE_AUDIO: number
  AV_SAMPLE_FMT_FLT: number
  AVERROR_EOF: number
  EAGAIN: number
  avcodec_get_name(codec: number): Promise<string>
  writeFile(name: string, data: Uint8Array): Promise<void>
  readFile(name: string): Promise<Uint8Array>
  ff_init_demuxer_file(name: string): Promise<[number, LibavStream[]]>
  ff_init_decoder(name: string, config: object): Promise<[number, number, number, number]>
  ff_read_frame_multi(context: number, packet: number, options: object): Promise<[number, Record<number, object[]>]>
  ff_decode_multi(
    decoder: number,
    packet: number,
    frame: number,
    packets: object[],
    end: boolean
  ): Promise<LibavFrame[]>
  ff_init_encoder(name: string, options: object): Promise<[number, number, number, number, number]>
  ff_encode_multi(encoder: number, frame: number, packet: number, frames: object[], end: boolean): Promise<object[]>
  ff_init_muxer(options: object, streams: [number, number, number][]): Promise<[number, number, number, number[]]>
  avformat_write_header(context: number, options: number): Promise<number>
  ff_write_multi(context: number, packet: number, packets: object[]): Promise<void>
  av_write_trailer(context: number): Promise<number>
  ff_free_muxer(context: number, io: number): Promise<void>
}

export interface LibavStream {
  index: number
  codec_type: number
  codec_id: number
  codecpar: number
  time_base_num: number
  time_base_den: number
}

export interface LibavFrame {
  data: unknown
  nb_samples: number
  channels: number
}

/** @throws PackageMissing */
export async function openLibav(): Promise<Libav> {
  const loaded = (await loadPackage('@libav.js/variant-opus')) as { LibAV(options: object): Promise<Libav> }
  return loaded.LibAV({ noworker: true })
}

export interface OpusWriter {
  /** Mono samples at 48 kHz, -1 … 1. */
  add(samples: Float32Array): Promise<void>
  finish(path: string): Promise<void>
}

const MONO = 4

export async function createOpusWriter(libav: Libav): Promise<OpusWriter> {
  const [, encoder, frame, packet, frameSamples] = await libav.ff_init_encoder('libopus', {
    ctx: {
      bit_rate: VOICE_BITS_PER_SECOND,
      sample_fmt: libav.AV_SAMPLE_FMT_FLT,
      sample_rate: VOICE_SAMPLE_RATE,
      channel_layout: MONO,
      channels: 1
    },
    time_base: [1, VOICE_SAMPLE_RATE],
    options: { application: 'voip', vbr: 'constrained' }
  })
  const options = { format_name: 'ogg', filename: 'output.ogg', open: true }
  const [context, , io] = await libav.ff_init_muxer(options, [[encoder, 1, VOICE_SAMPLE_RATE]])
  await libav.avformat_write_header(context, 0)
  let rest = new Float32Array(0)
  let written = 0

  const encode = async (frames: Float32Array[], isEnd: boolean) => {
    const wrapped = frames.map(data => {
      const pts = written
      written += data.length
      return {
        data,
        nb_samples: data.length,
        format: libav.AV_SAMPLE_FMT_FLT,
        sample_rate: VOICE_SAMPLE_RATE,
        channel_layout: MONO,
        channels: 1,
        pts,
        ptshi: 0
      }
    })
    await libav.ff_write_multi(context, packet, await libav.ff_encode_multi(encoder, frame, packet, wrapped, isEnd))
  }

  return {
    async add(samples) {
      const joined = new Float32Array(rest.length + samples.length)
      joined.set(rest)
      joined.set(samples, rest.length)
      const frames: Float32Array[] = []
      let at = 0
      for (; at + frameSamples <= joined.length; at += frameSamples) frames.push(joined.slice(at, at + frameSamples))
      rest = joined.slice(at)
      if (frames.length > 0) await encode(frames, false)
    },
    async finish(path) {
      // The last frame is filled with silence, since an encoder takes whole frames only.
      const last = new Float32Array(frameSamples)
      last.set(rest)
      await encode(rest.length > 0 ? [last] : [], true)
      await libav.av_write_trailer(context)
      await libav.ff_free_muxer(context, io)
      writeFileSync(path, await libav.readFile('output.ogg'), { mode: 0o600 })
    }
  }
}
