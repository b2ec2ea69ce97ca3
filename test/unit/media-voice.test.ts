import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createMediaTools } from '../../adapters/media/index.ts'
import { isRefused, type PreparedVoice, type Refused } from '../../plugin/core/ports/media-tools.ts'
import { makeOpus, makeWav, measureTone, readOgg } from '../support/audio.ts'
import { TONE_MP3, TONE_SECONDS } from '../support/media-samples.ts'

function setUp(t: Test, ffmpegPath?: string) {
  const dir = t.testdir()
  const tempDir = join(dir, 'temp')
  const put = (name: string, content: Buffer | string, mode = 0o600) => {
    const path = join(dir, name)
    writeFileSync(path, content)
    chmodSync(path, mode)
    return path
  }
  const tools = createMediaTools({ tempDir, ffmpegPath })
  t.teardown(() => tools.close())
  return { dir, tempDir, put, tools }
}

function listFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => entry.name)
}

function must(result: PreparedVoice | Refused): PreparedVoice {
  if (isRefused(result)) throw new Error(`refused: ${JSON.stringify(result)}`)
  return result
}

async function checkVoice(t: Test, made: PreparedVoice, wanted: { seconds: number; hertz: number }): Promise<void> {
  t.match(made, { mime: 'audio/ogg; codecs=opus', changed: 'converted' })
  const file = readFileSync(made.path)
  t.equal(made.sizeBytes, file.length)
  const facts = readOgg(file)
  t.match(facts, { isOpus: true, channels: 1, inputSampleRate: 48_000 })
  t.ok(Math.abs(facts.seconds / wanted.seconds - 1) < 0.05, `${facts.seconds} s for ${wanted.seconds} s`)
  t.ok(Math.abs(made.durationMs / 1000 / wanted.seconds - 1) < 0.05, 'the told duration is right')
  const strength = await measureTone(file, wanted.hertz)
  t.ok(strength > 0.8, `the tone is in it (${strength.toFixed(2)})`)
}

t.test('S74: an MP3, as Chatwoot records it, becomes a voice message with the same sound', async t => {
  const { put, tools } = setUp(t)
  const made = must(await tools.prepareVoice(put('note.mp3', TONE_MP3)))
  await checkVoice(t, made, { seconds: TONE_SECONDS, hertz: 440 })
  t.ok(made.sizeBytes < 10_000)

  const again = await tools.prepareVoice(made.path)
  t.match(again, { path: made.path, changed: 'none', durationMs: made.durationMs }, 'what fits already stays as it is')
})

t.test('WAV of every usual kind becomes a voice message', async t => {
  const { put, tools } = setUp(t)
  const kinds = [
    { sampleRate: 8_000, channels: 1, bits: 8 },
    { sampleRate: 44_100, channels: 2, bits: 16 },
    { sampleRate: 48_000, channels: 1, bits: 24 },
    { sampleRate: 22_050, channels: 2, bits: 32 }
  ] as const
  for (const kind of kinds) {
    const path = put(`${kind.bits}.wav`, makeWav({ ...kind, seconds: 1, hertz: 500 }))
    await t.test(`${kind.bits} bit, ${kind.sampleRate} Hz`, async t => {
      await checkVoice(t, must(await tools.prepareVoice(path)), { seconds: 1, hertz: 500 })
    })
  }
})

t.test('Opus in OGG with two channels, or in WebM from a browser, becomes a voice message', async t => {
  const { put, tools } = setUp(t)
  const tone = { seconds: 1, hertz: 600 }
  const stereo = put('stereo.ogg', await makeOpus({ container: 'ogg', channels: 2, ...tone }))
  await t.test('OGG', async t => checkVoice(t, must(await tools.prepareVoice(stereo)), tone))
  const webm = put('browser.webm', await makeOpus({ container: 'webm', channels: 1, ...tone }))
  await t.test('WebM', async t => checkVoice(t, must(await tools.prepareVoice(webm)), tone))
  const mono = put('mono.ogg', await makeOpus({ container: 'ogg', channels: 1, ...tone }))
  t.match(await tools.prepareVoice(mono), { path: mono, changed: 'none' })
})

t.test('while a recording is converted, the process goes on with its work', async t => {
  const { put, tools } = setUp(t)
  const path = put('long.wav', makeWav({ sampleRate: 44_100, channels: 1, bits: 16, seconds: 10, hertz: 500 }))
  let isDone = false
  const converting = tools.prepareVoice(path).finally(() => {
    isDone = true
  })
  let beats = 0
  let longestMs = 0
  let last = performance.now()
  while (!isDone) {
    await sleep(5)
    longestMs = Math.max(longestMs, performance.now() - last)
    last = performance.now()
    beats++
  }
  must(await converting)
  t.ok(beats > 10, `${beats} beats meanwhile`)
  t.ok(longestMs < 500, `the longest pause was ${Math.round(longestMs)} ms`)
})

t.test('what cannot be read here goes to ffmpeg', async t => {
  const prepared = setUp(t)
  const sample = must(await prepared.tools.prepareVoice(prepared.put('note.mp3', TONE_MP3)))
  // Stands in for ffmpeg: notes what it was asked and delivers the file made above.
  const fake = prepared.put(
    'ffmpeg',
    `#!/bin/sh
printf '%s\\n' "$@" > '${prepared.dir}/asked'
for last; do :; done
cp '${sample.path}' "\${last#file:}"
`,
    0o755
  )
  const tools = createMediaTools({ tempDir: prepared.tempDir, ffmpegPath: fake })
  const m4a = Buffer.concat([
    Buffer.from('0000001c667479704d344120000000004d3441206d70343269736f6d', 'hex'),
    Buffer.alloc(64)
  ])
  const made = must(await tools.prepareVoice(prepared.put('note.m4a', m4a)))
  t.match(made, { changed: 'converted', durationMs: sample.durationMs })
  const asked = readFileSync(join(prepared.dir, 'asked'), 'utf8').split('\n')
  t.equal(
    asked[asked.indexOf('-i') + 1],
    `file:${join(prepared.dir, 'note.m4a')}`,
    'a name is never taken for an option'
  )
  t.equal(asked[asked.indexOf('-ac') + 1], '1')
  t.equal(asked[asked.indexOf('-protocol_whitelist') + 1], 'file,pipe', 'it may not open connections')

  const failing = createMediaTools({
    tempDir: prepared.tempDir,
    ffmpegPath: prepared.put('bad', '#!/bin/sh\nexit 1\n', 0o755)
  })
  t.match(await failing.prepareVoice(join(prepared.dir, 'note.m4a')), { refused: 'media_unsupported' })
  const absent = createMediaTools({ tempDir: prepared.tempDir, ffmpegPath: join(prepared.dir, 'nowhere') })
  t.match(await absent.prepareVoice(join(prepared.dir, 'note.m4a')), { refused: 'converter_missing' })
  t.match(
    await prepared.tools.prepareVoice(join(prepared.dir, 'note.m4a')),
    { refused: 'converter_missing', facts: { package: 'ffmpeg', mime: 'audio/mp4' } },
    'without ffmpeg the refusal names it'
  )
})

t.test('what is no recording is refused with a reason, and leaves nothing behind', async t => {
  const { put, tools, tempDir } = setUp(t)
  t.match(await tools.prepareVoice(put('a.txt', 'words')), {
    refused: 'media_unsupported',
    facts: { mime: 'text/plain' }
  })
  const silent = makeWav({ sampleRate: 8_000, channels: 1, bits: 16, seconds: 0, hertz: 440 })
  t.match(await tools.prepareVoice(put('empty.wav', silent)), { refused: 'media_unsupported' })
  const strange = makeWav({ sampleRate: 8_000, channels: 1, bits: 16, seconds: 1, hertz: 440 })
  strange.writeUInt16LE(85, 20)
  t.match(await tools.prepareVoice(put('strange.wav', strange)), { refused: 'media_unsupported' })
  const torn = Buffer.concat([TONE_MP3.subarray(0, 200), Buffer.alloc(40)])
  const result = await tools.prepareVoice(put('torn.mp3', torn))
  if (!isRefused(result)) t.ok(result.durationMs < 200, 'what is left of a torn one is short')
  else t.equal(result.refused, 'media_unsupported')
  t.equal(listFiles(tempDir).length, isRefused(result) ? 0 : 1)
})

t.test('closing ends what runs', async t => {
  const { put, tools, tempDir } = setUp(t)
  const path = put('long.wav', makeWav({ sampleRate: 44_100, channels: 1, bits: 16, seconds: 60, hertz: 500 }))
  const converting = tools.prepareVoice(path)
  converting.catch(() => undefined)
  await sleep(300)
  await tools.close()
  await t.rejects(converting)
  await t.rejects(tools.prepareVoice(path))
  t.strictSame(listFiles(tempDir), [])
})
