/**
 * Makes a voice message that WhatsApp shows as one: OGG/Opus with one channel. What the built-in converters (WASM) do
 * not read goes to ffmpeg, where there is one. Leaves out the wave form picture, which WhatsApp draws itself.
 */
import { execFile } from 'node:child_process'
import { rm, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { PreparedVoice, Refused } from '../../plugin/core/ports/media-tools.ts'
import { VOICE_BITS_PER_SECOND, VOICE_INPUT_MAX_BYTES, VOICE_MAX_SECONDS, VOICE_TIMEOUT_MS } from './limits.ts'
import { readOpusFacts } from './ogg.ts'
import { refuseMissing } from './optional.ts'
import { sniffFile } from './sniff.ts'
import { callWorker, type WorkerCall, WorkerFailed, type WorkerReply } from './worker-call.ts'

export interface VoiceTools {
  ffmpegPath?: string | undefined
  newFile(ext: string): string
  /** Keeps running conversions, so that they can be ended. */
  running: Set<WorkerCall<WorkerReply>>
  signal: AbortSignal
}

export const VOICE_MIME = 'audio/ogg; codecs=opus'

const READERS: Record<string, 'mp3' | 'wav' | 'libav'> = {
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
  'audio/webm': 'libav',
  'video/webm': 'libav',
  'audio/ogg; codecs=opus': 'libav'
}

export async function toVoiceNote(tools: VoiceTools, path: string): Promise<PreparedVoice | Refused> {
  const { size: sizeBytes } = await stat(path)
  if (sizeBytes > VOICE_INPUT_MAX_BYTES) {
    return { refused: 'media_too_large', facts: { sizeBytes, limitBytes: VOICE_INPUT_MAX_BYTES } }
  }
  const { mime } = await sniffFile(path)
  const opus = await readOpusFacts(path)
  if (opus?.channels === 1) return { path, mime: VOICE_MIME, sizeBytes, changed: 'none', durationMs: opus.durationMs }
  const reader = READERS[mime]
  const refusal = reader ? await convertHere(tools, path, reader, mime) : undefined
  // A damaged file stays damaged; everything else ffmpeg may know how to read.
  if (refusal && 'path' in refusal) return refusal
  if (tools.ffmpegPath && (mime.startsWith('audio/') || mime.startsWith('video/'))) {
    return convertWithFfmpeg(tools, tools.ffmpegPath, path, mime)
  }
  if (refusal) return refusal
  if (!mime.startsWith('audio/')) return { refused: 'media_unsupported', facts: { mime } }
  return { refused: 'converter_missing', facts: { package: 'ffmpeg', mime } }
}

async function convertHere(
  tools: VoiceTools,
  path: string,
  reader: 'mp3' | 'wav' | 'libav',
  mime: string
): Promise<PreparedVoice | Refused> {
  const output = tools.newFile('ogg')
  const call = callWorker('voice-worker', { path, output, reader }, VOICE_TIMEOUT_MS)
  tools.running.add(call)
  try {
    const reply = await call.answer
    if ('missing' in reply) return refuseMissing(reply.missing)
    if ('done' in reply) return await describe(output, (await readOpusFacts(output))?.durationMs ?? 0)
    if (reply.unreadable === 'too_long') {
      return { refused: 'media_too_large', facts: { reason: 'too_long', limitSeconds: VOICE_MAX_SECONDS } }
    }
    return { refused: 'media_unsupported', facts: { mime, reason: reply.unreadable } }
  } catch (error) {
    await rm(output, { force: true })
    if (error instanceof WorkerFailed && error.reason === 'timeout') {
      return { refused: 'media_too_large', facts: { reason: 'takes_too_long', limitMs: VOICE_TIMEOUT_MS } }
    }
    // A crash of a decoder over strange bytes is the file's fault; being stopped is not.
    if (error instanceof WorkerFailed && error.reason === 'crashed') {
      return { refused: 'media_unsupported', facts: { mime, reason: 'damaged' } }
    }
    throw error
  } finally {
    tools.running.delete(call)
  }
}

async function convertWithFfmpeg(
  tools: VoiceTools,
  ffmpegPath: string,
  path: string,
  mime: string
): Promise<PreparedVoice | Refused> {
  const output = tools.newFile('ogg')
  const args = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-protocol_whitelist', 'file,pipe']
  args.push('-i', `file:${path}`, '-map', '0:a:0', '-map_metadata', '-1', '-t', String(VOICE_MAX_SECONDS))
  args.push('-ac', '1', '-ar', '48000', '-c:a', 'libopus', '-b:a', String(VOICE_BITS_PER_SECOND))
  args.push('-application', 'voip', '-f', 'ogg', '-y', `file:${output}`)
  try {
    const bounds = {
      timeout: VOICE_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      signal: tools.signal,
      maxBuffer: 1 << 20
    } as const
    await promisify(execFile)(ffmpegPath, args, bounds)
    const made = await readOpusFacts(output)
    if (made) return await describe(output, made.durationMs)
    await rm(output, { force: true })
    return { refused: 'media_unsupported', facts: { mime, reason: 'damaged' } }
  } catch (error) {
    await rm(output, { force: true })
    const { code, killed, name } = error as NodeJS.ErrnoException & { killed?: boolean }
    if (name === 'AbortError') throw new WorkerFailed('stopped', error)
    if (code === 'ENOENT' || code === 'EACCES') return refuseMissing('ffmpeg')
    if (killed) return { refused: 'media_too_large', facts: { reason: 'takes_too_long', limitMs: VOICE_TIMEOUT_MS } }
    return { refused: 'media_unsupported', facts: { mime, reason: 'damaged' } }
  }
}

async function describe(path: string, durationMs: number): Promise<PreparedVoice> {
  return { path, mime: VOICE_MIME, sizeBytes: (await stat(path)).size, changed: 'converted', durationMs }
}
