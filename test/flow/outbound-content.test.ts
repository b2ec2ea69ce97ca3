/** What an answer becomes at WhatsApp: texts, files, voice, choices, templates; and what is refused before it leaves. */
import sharp from 'sharp'
import t from 'tap'
import { measureTone, readOgg } from '../support/audio.ts'
import { TONE_MP3, TONE_SECONDS, TWO_HALVES_HEIC } from '../support/media-samples.ts'
import { type Loose, startFlow } from '../support/puente.ts'
import { beginTalk, file, graphCalls, lastEntry, query, receivedBytes, sampleFile, textsOf } from './talk.ts'

const RECORDED = '0c4b0a52-93f3-4d43-a4f5-5d2f6b3d8f0a.mp3'

t.test('what an answer becomes at WhatsApp', async t => {
  const flow = await startFlow(t)
  const talk = await beginTalk(flow)
  const sendOne = async (content: string | null, more: Loose = {}): Promise<Loose> => {
    const before = talk.sent().length
    talk.reply(content, more)
    await flow.until('the answer', () => talk.sent().length > before, 20_000)
    return talk.sent()[before]
  }
  const refused = async (content: string | null, more: Loose, sentence: RegExp): Promise<void> => {
    await flow.settle()
    const before = talk.sent().length
    const mark = lastEntry(flow)
    const messageId = talk.reply(content, more)
    await flow.until('the refusal in the desk', () => talk.row(messageId).status === 'failed', 20_000)
    const shown = talk.row(messageId).contentAttributes.external_error
    t.match(shown, sentence)
    t.ok(shown.length <= 120)
    t.equal(talk.sent().length, before, 'nothing has left')
    t.same(graphCalls(flow, mark), [], 'not even an upload')
  }

  await t.test('S80: Markdown is read by the customer as the agent saw it', async t => {
    const seen: [string, string][] = [
      ['**Precio:** 89.900', '*Precio:* 89.900'],
      ['uno\n\ndos', 'uno\n\ndos'],
      ['*inclinado* y ~~no~~ y `a*b`', '_inclinado_ y ~no~ y `a*b`'],
      ['2*3 = 6_x_ #1 ~ok~', '2*3 = 6_x_ #1 ~ok~'],
      ['<b>a</b> & b', '<b>a</b> & b']
    ]
    for (const [written, read] of seen) {
      // Marks that keep a literal character from being taken as formatting are invisible.
      t.equal((await sendOne(written)).text.body.replaceAll('\u200b', ''), read, written)
    }
  })

  await t.test('a text over 4,096 characters is split at sentence ends, in order, losing nothing', async t => {
    const before = talk.sent().length
    const sentences = Array.from({ length: 220 }, (_, index) => `This is sentence number ${index} of a long answer.`)
    talk.reply(sentences.join(' '))
    await flow.until('three parts', () => talk.sent().length === before + 3)
    const bodies = textsOf(talk.sent().slice(before))
    for (const body of bodies) {
      t.ok(body.length <= 4096)
      t.match(body, /^This is.*answer\.$/s)
    }
    t.equal(bodies.join(' '), sentences.join(' '))
  })

  await t.test('S81: links ask for a preview, texts without link do not', async t => {
    t.equal((await sendOne('see https://example.org/a')).text.preview_url, true)
    t.notOk((await sendOne('no link')).text.preview_url)
  })

  await t.test('B5: media new to the number cost two Graph calls, known ones one', async t => {
    await flow.settle()
    const mark = lastEntry(flow)
    const picture = await sendOne('Mira', { attachments: [sampleFile('jpeg', 'foto ñ.jpg')] })
    t.match(picture, { type: 'image', image: { caption: 'Mira' } })
    const sends = (calls: string[]): string[] =>
      calls.filter(name => name === 'POST /media' || name === 'POST /messages')
    await flow.settle()
    // The read mark of a person's answer is a call of its own.
    t.same(
      flow
        .ledger({ side: 'graph', what: 'call', after: mark })
        .filter(entry => entry.ids['kind'] !== 'read')
        .map(entry => entry.name),
      ['POST /media', 'POST /messages']
    )
    const again = lastEntry(flow)
    await sendOne('Otra vez', { attachments: [sampleFile('jpeg', 'other name.jpg')] })
    t.same(sends(graphCalls(flow, again)), ['POST /messages'])
  })

  await t.test('S82, S83, S69: several files in order, the words on the first that can carry them', async t => {
    const before = talk.sent().length
    talk.reply('Todo junto', {
      attachments: [
        sampleFile('mp3', 'song.mp3'),
        sampleFile('png', 'a.png'),
        sampleFile('pdf', 'Lista de precios ñ.pdf'),
        sampleFile('mp4', 'film.mp4')
      ]
    })
    await flow.until('four parts', () => talk.sent().length === before + 4, 20_000)
    const [audio, image, document, video] = talk.sent().slice(before)
    t.match([audio.type, image.type, document.type, video.type], ['audio', 'image', 'document', 'video'])
    t.notOk(audio.audio.voice, 'a song is no voice note')
    t.equal(image.image.caption, 'Todo junto')
    t.equal(document.document.filename, 'Lista de precios ñ.pdf')
    t.notOk(document.document.caption)
    t.notOk(video.video.caption)
  })

  await t.test('words that no file can carry go first', async t => {
    const before = talk.sent().length
    talk.reply('Listen', { attachments: [sampleFile('mp3', 'song.mp3')] })
    await flow.until('both', () => talk.sent().length === before + 2)
    t.match(
      talk
        .sent()
        .slice(before)
        .map((message: Loose) => message.type),
      ['text', 'audio']
    )
  })

  await t.test('S74: WebP, a PNG over 5 MB and HEIC arrive as pictures that WhatsApp takes', async t => {
    const noise = Buffer.alloc(1500 * 1500 * 3)
    for (let at = 0; at < noise.length; at++) noise[at] = (at * 2_654_435_761 + (at >> 7) * 97) & 0xff
    const png = await sharp(noise, { raw: { width: 1500, height: 1500, channels: 3 } })
      .png({ compressionLevel: 0 })
      .toBuffer()
    t.ok(png.length > 5 * 1024 * 1024)
    for (const [given, width] of [
      [file('big.png', 'image/png', png), 1500],
      [sampleFile('webp', 'picture.webp'), null],
      [file('phone.heic', 'image/heic', TWO_HALVES_HEIC), null]
    ] as const) {
      const sent = await sendOne('a picture', { attachments: [given] })
      t.match(sent, { type: 'image', image: { caption: 'a picture' } }, given.name)
      const bytes = await receivedBytes(flow, sent.image.id)
      t.ok(bytes.length <= 5 * 1024 * 1024)
      const decoded = await sharp(bytes).metadata()
      t.ok(decoded.format === 'jpeg' || decoded.format === 'png', given.name)
      t.ok(decoded.width > 0 && decoded.height > 0)
      if (width !== null) t.equal(decoded.width, width)
    }
  })

  await t.test('S75: the MP3 of the desk’s recorder becomes a voice note: OGG, Opus, one channel, as long', async t => {
    const sent = await sendOne(null, { attachments: [file(RECORDED, 'audio/mpeg', TONE_MP3)] })
    t.match(sent, { type: 'audio', audio: { voice: true } })
    const bytes = await receivedBytes(flow, sent.audio.id)
    const ogg = readOgg(bytes)
    t.match(ogg, { isOpus: true, channels: 1 })
    t.ok(Math.abs(ogg.seconds - TONE_SECONDS) < 0.2, `${ogg.seconds} s`)
    t.ok((await measureTone(bytes, 440)) > 0.8, 'another decoder hears the tone')
    const named = await sendOne(null, { attachments: [file('my song.mp3', 'audio/mpeg', TONE_MP3)] })
    t.notOk(named.audio.voice)
  })

  await t.test('S73, S74: what WhatsApp cannot take is refused with a sentence before anything has left', async t => {
    t.teardown(() => flow.settle())
    await refused(
      'too big',
      { attachments: [{ name: 'film.mp4', type: 'video/mp4', size: 101 * 1024 * 1024 }] },
      /too large/
    )
    await refused('broken', { attachments: [file('cut.heic', 'image/heic', TWO_HALVES_HEIC.subarray(0, 200))] }, /\w/)
    await refused(null, { attachments: [file('empty.pdf', 'application/pdf', Buffer.alloc(0))] }, /PDF/)
    await refused(
      'a good one and a bad one',
      {
        attachments: [
          file('fresh.txt', 'text/plain', Buffer.from('never uploaded')),
          { name: 'film.mp4', type: 'video/mp4', size: 101 * 1024 * 1024 }
        ]
      },
      /too large/
    )
    await refused('', {}, /text or add a file/)
  })

  await t.test('choices become buttons up to three, a list up to ten', async t => {
    const items = (count: number): Loose[] =>
      Array.from({ length: count }, (_, index) => ({ title: `Option ${index + 1}`, value: `v${index + 1}` }))
    const buttons = await sendOne('¿Qué necesitás?', {
      contentType: 'input_select',
      sender: 'bot',
      contentAttributes: { items: items(2) }
    })
    t.match(buttons, {
      type: 'interactive',
      interactive: {
        type: 'button',
        body: { text: '¿Qué necesitás?' },
        action: { buttons: [{ reply: { id: 'v1', title: 'Option 1' } }, { reply: { id: 'v2' } }] }
      }
    })
    const list = await sendOne('Pick', {
      contentType: 'input_select',
      sender: 'bot',
      contentAttributes: { items: items(7) }
    })
    t.match(list.interactive, { type: 'list', action: { sections: [{ rows: { length: 7 } }] } })
  })

  await t.test('the policy switches previews off for a number', async t => {
    await query(flow, `update numbers set policy = policy || '{"linkPreview":false}'`)
    await flow.runtime.refresh()
    t.notOk((await sendOne('see https://example.org/b')).text.preview_url)
  })
})
