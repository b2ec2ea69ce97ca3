/** Worker: turns a recording into OGG/Opus, mono, 48 kHz. Its thread and its WASM memory end with the job. */
import { parentPort, workerData } from 'node:worker_threads'
import { VOICE_MAX_SECONDS, VOICE_SAMPLE_RATE } from './limits.ts'
import { loadPackage, PackageMissing } from './optional.ts'
import { createOpusWriter, openLibav } from './voice-libav.ts'
import { readMp3, readWav, readWithLibav, type Sound, Unreadable } from './voice-sound.ts'
import type { WorkerReply } from './worker-call.ts'

export interface VoiceInput {
  path: string
  output: string
  reader: 'mp3' | 'wav' | 'libav'
}

interface Resampler {
  full(samples: Float32Array): Float32Array
  destroy(): void
}

interface ResamplerPackage {
  create(channels: number, from: number, to: number, options: object): Promise<Resampler>
  ConverterType: { SRC_SINC_MEDIUM_QUALITY: number }
}

async function convert(input: VoiceInput): Promise<WorkerReply> {
  const libav = await openLibav()
  const sound = await openSound(input, libav)
  const resampler = await openResampler(sound.sampleRate)
  const writer = await createOpusWriter(libav)
  let seconds = 0
  for await (const piece of sound.pieces) {
    seconds += piece.length / sound.sampleRate
    if (seconds > VOICE_MAX_SECONDS) return { unreadable: 'too_long' }
    await writer.add(resampler ? resampler.full(piece) : piece)
  }
  if (seconds === 0) return { unreadable: 'no_sound' }
  resampler?.destroy()
  await writer.finish(input.output)
  return { done: true }
}

function openSound(input: VoiceInput, libav: Awaited<ReturnType<typeof openLibav>>): Sound | Promise<Sound> {
  if (input.reader === 'mp3') return readMp3(input.path)
  if (input.reader === 'wav') return readWav(input.path)
  return readWithLibav(libav, input.path)
}

async function openResampler(sampleRate: number): Promise<Resampler | undefined> {
  if (sampleRate === VOICE_SAMPLE_RATE) return undefined
  const { create, ConverterType } = (await loadPackage('@alexanderolsen/libsamplerate-js')) as ResamplerPackage
  return create(1, sampleRate, VOICE_SAMPLE_RATE, { converterType: ConverterType.SRC_SINC_MEDIUM_QUALITY })
}

convert(workerData as VoiceInput)
  .catch((error): WorkerReply => {
    if (error instanceof PackageMissing) return { missing: error.packageName }
    if (error instanceof Unreadable) return { unreadable: error.message }
    throw error
  })
  .then(reply => parentPort?.postMessage(reply))
