// Records from the microphone until it is stopped, as mono Opus in Ogg wherever the browser can.
import { rewrapAsOgg } from './webm-to-ogg.ts'

export interface Recorder {
  stop(): Promise<Blob>
  cancel(): void
}

const wanted = ['audio/ogg;codecs=opus', 'audio/webm;codecs=opus', 'audio/mp4']

export const canRecord = (): boolean =>
  typeof MediaRecorder !== 'undefined' && navigator.mediaDevices?.getUserMedia !== undefined

async function finish(pieces: Blob[], type: string): Promise<Blob> {
  const whole = new Blob(pieces, { type: type.split(';')[0] })
  if (!type.startsWith('audio/webm')) return whole
  return new Blob([rewrapAsOgg(new Uint8Array(await whole.arrayBuffer()))], { type: 'audio/ogg' })
}

/** Rejects with a DOMException when the microphone is not to be had (frames of other hosts never get it). */
export async function startRecording(): Promise<Recorder> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true }
  })
  const type = wanted.find(one => MediaRecorder.isTypeSupported(one)) ?? ''
  const recorder = new MediaRecorder(stream, { ...(type ? { mimeType: type } : {}), audioBitsPerSecond: 24_000 })
  const pieces: Blob[] = []
  recorder.addEventListener('dataavailable', event => pieces.push(event.data))
  const release = (): void => {
    for (const track of stream.getTracks()) track.stop()
  }
  const stopped = new Promise<void>(resolve => recorder.addEventListener('stop', () => resolve(), { once: true }))
  recorder.start(250)
  return {
    async stop() {
      recorder.stop()
      await stopped
      release()
      return finish(pieces, recorder.mimeType)
    },
    cancel() {
      if (recorder.state !== 'inactive') recorder.stop()
      release()
    }
  }
}
