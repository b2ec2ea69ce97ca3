/**
 * The media tools of Puente: sniffing, pictures, voice messages. Converted files lie below `tempDir` until removed, in
 * a folder named like those of `spool.ts`, whose sweep deletes what a killed process left.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { MediaTools } from '../../plugin/core/ports/media-tools.ts'
import { inspectSticker, prepareImage } from './image.ts'
import { type LoadPackage, loadPackage } from './optional.ts'
import { sniffFile } from './sniff.ts'
import { toVoiceNote, type VoiceTools } from './voice.ts'
import type { WorkerCall, WorkerReply } from './worker-call.ts'

/** So many conversions of each kind run at once, the others wait: each takes a core and up to a few hundred MB. */
const AT_ONCE = 1

export function createMediaTools(options: {
  /** Absent: recordings that the built-in converters do not read are refused. */
  ffmpegPath?: string
  tempDir: string
  /** Another way to load the optional packages, for tests. */
  load?: LoadPackage
}): MediaTools {
  const running = new Set<WorkerCall<WorkerReply>>()
  const stopping = new AbortController()
  const own = join(options.tempDir, `media-${process.pid}-${randomUUID().slice(0, 8)}`)
  const newFile = (ext: string) => join(own, `${randomUUID()}.${ext}`)
  const imageTools = { load: options.load ?? loadPackage, newFile, running }
  const voiceTools: VoiceTools = { ffmpegPath: options.ffmpegPath, newFile, running, signal: stopping.signal }
  // Two queues, so that a picture does not wait minutes for a long recording.
  const imageInTurn = createTurns(AT_ONCE)
  const voiceInTurn = createTurns(AT_ONCE)
  // Every time, since another process may have taken the folder for abandoned.
  const ready = () => mkdir(own, { recursive: true, mode: 0o700 })

  return {
    sniff: (path, declared, fileName) => sniffFile(path, declared, fileName),
    prepareImage: (path, limits) =>
      imageInTurn(async () => {
        await ready()
        return prepareImage(imageTools, path, limits?.maxBytes)
      }),
    prepareVoice: path =>
      voiceInTurn(async () => {
        stopping.signal.throwIfAborted()
        await ready()
        return toVoiceNote(voiceTools, path)
      }),
    inspectSticker: path => inspectSticker(imageTools, path),
    async close() {
      stopping.abort()
      for (const call of running) call.stop()
      await rmdir(own).catch(() => undefined)
    }
  }
}

/** Runs at most `limit` pieces of work at once, in the order they came. */
function createTurns(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = limit
  const waiting: (() => void)[] = []
  return async work => {
    if (free > 0) free--
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
