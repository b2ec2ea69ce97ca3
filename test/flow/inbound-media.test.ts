/** Files of customers: those that WhatsApp has arrive whole, those that it has not become a sentence with the reason. */
import t from 'tap'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import type { Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import {
  allRows,
  conversationsOf,
  count,
  deliver,
  type Moved,
  moveFixture,
  newWamid,
  nowSeconds,
  rowsIn,
  rowsOf,
  serveMedia,
  sql,
  value,
  webhook
} from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

t.test('media that WhatsApp has arrive as files, whole and of the right kind', async t => {
  const flow = await startFlow(t)
  let nth = 0
  const give = async (fixture: string, sample: string, more: Loose = {}): Promise<{ moved: Moved; hex: string }> => {
    const { bytes, mime } = getSample(sample)!
    const media = await serveMedia(flow, bytes, mime.split(';')[0]!)
    const moved = moveFixture(flow, fixture, 500 + nth++)
    const { value: held } = moved.body.entry[0].changes[0]
    const message = (held.messages ?? held.message_echoes)[0]
    Object.assign(message[message.type], { id: media.id, sha256: media.sha256, mime_type: mime }, more)
    t.equal(await deliver(flow, moved.body), 200)
    return { moved, hex: media.hex }
  }
  const cases: [name: string, fixture: string, sample: string, type: string, content: string, more?: Loose][] = [
    ['S66: a picture with its caption', 'inbound-image', 'jpeg', 'image', 'Broken item'],
    ['S66: a picture without URL and caption', 'inbound-image-no-url-no-caption', 'png', 'image', ''],
    ['S67: a video', 'inbound-video', 'mp4', 'video', 'See this'],
    ['S67: a GIF keeps its mark', 'inbound-video', 'mp4', 'video', '🎞️ GIF\n\nSee this', { gif: true }],
    ['S68: a voice message is marked', 'inbound-audio-file', 'ogg', 'audio', '🎤 Voice message', { voice: true }],
    ['S69: an audio file', 'inbound-audio-file', 'mp3', 'audio', ''],
    ['S69: a document keeps its name', 'inbound-document', 'pdf', 'file', '📄 receipt.pdf\n\nmy receipt'],
    ['S71: a sticker', 'inbound-sticker-static', 'webp', 'image', ''],
    ['S71: an animated sticker stays animated', 'inbound-sticker-animated', 'webp_animated', 'image', ''],
    [
      'what is declared to be something else is shown as what it is',
      'inbound-image',
      'pdf',
      'file',
      'Broken item',
      { mime_type: 'image/jpeg' }
    ],
    ['an echo with a picture', 'smb-message-echoes-image', 'jpeg', 'image', 'photo']
  ]
  const given: Awaited<ReturnType<typeof give>>[] = []
  for (const [, fixture, sample, , , more] of cases) given.push(await give(fixture, sample, more))
  const image = getSample('png')!
  const picture = await serveMedia(flow, image.bytes, 'image/png')
  const { phoneNumberId, token } = flow.sandbox.graph.config() as Loose
  const located = await fetch(`${flow.sandbox.graphUrl}/v25.0/${picture.id}?phone_number_id=${phoneNumberId}`, {
    headers: { authorization: `Bearer ${token}` }
  })
  const advert = moveFixture(flow, 'inbound-text-referral-ctwa', 600)
  advert.body.entry[0].changes[0].value.messages[0].referral.image_url = ((await located.json()) as Loose).url
  await deliver(flow, advert.body)
  const wrong = moveFixture(flow, 'inbound-image', 601)
  const jpeg = await serveMedia(flow, getSample('jpeg')!.bytes, 'image/jpeg')
  wrong.body.entry[0].changes[0].value.messages[0].image.id = jpeg.id
  await deliver(flow, wrong.body)
  await flow.settle(60_000)

  for (const [index, [name, , , type, content]] of cases.entries()) {
    await t.test(name, async t => {
      const { moved, hex } = given[index]!
      const [row] = rowsOf(flow, moved)
      t.equal(row?.content ?? '', content)
      t.same(
        row?.attachments.map((file: Loose) => [file.type, file.sha256]),
        [[type, hex]],
        'byte for byte what the customer sent'
      )
      if (name.startsWith('S69: a document')) t.match(decodeURIComponent(row.attachments[0].url), /receipt\.pdf/)
      if (name.startsWith('S68')) t.equal(row.contentAttributes.puente.voice, true)
      if (name.startsWith('S67: a GIF')) t.equal(row.contentAttributes.puente.gif, true)
      if (name.startsWith('S71: an animated')) t.equal(row.contentAttributes.puente.animated, true)
      if (name.startsWith('an echo')) t.match(row, { type: 'outgoing', contentAttributes: { external_echo: true } })
    })
  }
  await t.test("an ad's picture comes along, and the conversation knows the click", async t => {
    const [conversation] = conversationsOf(flow, { waId: advert.waId })
    const [row] = rowsIn(conversation)
    t.match(row.content, /From an ad/)
    t.equal(row.attachments[0]?.sha256, picture.hex)
    t.match(conversation.customAttributes, { channel: 'whatsapp', wa_origin: 'advert', wa_ctwa_id: /.+/ })
  })
  await t.test('S90: a file that arrives other than promised becomes a sentence with the reason', async t => {
    const [row] = rowsOf(flow, wrong)
    t.match(row.content, /^Broken item\n\n⚠️ Picture: arrived damaged/)
    t.same(row.attachments, [])
    t.match(row.contentAttributes.puente, { placeholder: true, error: 'media_mismatch' })
    const [event] = await sql(flow, "select state, code from events where code = 'media_mismatch'")
    t.match(event, { state: 1, code: 'media_mismatch' }, 'kept, so that it can be fetched again')
  })
})

t.test('media: a fault that passes is waited out, one that stays becomes a sentence', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.1 } })
  const { bytes } = getSample('jpeg')!
  const sayPicture = async (nth: number, match: string, status: number, count: number) => {
    const media = await serveMedia(flow, bytes, 'image/jpeg')
    const about = match.replace('$id', media.id)
    flow.sandbox.faults.set([{ on: 'call:graph', kind: 'status', match: about, status, count }])
    const startedMs = performance.now()
    const moved = moveFixture(flow, 'inbound-image', 700 + nth)
    Object.assign(moved.body.entry[0].changes[0].value.messages[0].image, { id: media.id, sha256: media.sha256 })
    t.equal(await deliver(flow, moved.body), 200)
    await flow.settle(60_000)
    return { moved, hex: media.hex, tookMs: performance.now() - startedMs }
  }
  const cases: [name: string, match: string, status: number][] = [
    ['Graph has a fault when asked for the address', '$id', 500],
    ['the address has expired', 'GET /whatsapp_business', 404],
    ['the download has a fault', 'GET /whatsapp_business', 503]
  ]
  for (const [nth, [name, match, status]] of cases.entries()) {
    const { moved, hex } = await sayPicture(nth, match, status, 1)
    const [row] = rowsOf(flow, moved)
    t.equal(row?.attachments[0]?.sha256, hex, name)
    t.equal(row?.content, 'Broken item', name)
    t.equal(flow.sandbox.faults.list().filter(each => (each.count ?? 1) > 0).length, 0, 'the fault has happened')
  }
  const { moved, tookMs } = await sayPicture(9, 'GET /whatsapp_business', 500, 50)
  t.ok(tookMs > 9_000, `a minute and a half of Meta's trouble are waited out (${Math.round(tookMs)} ms at a tenth)`)
  const [row] = rowsOf(flow, moved)
  t.match(row.content, /^Broken item\n\n⚠️ Picture: could not be fetched\. Puente can fetch it again/)
  t.match(row.contentAttributes.puente, { placeholder: true, error: 'media_unfetched' })
  t.same(await sql(flow, "select state from events where code = 'media_unfetched'"), [{ state: 1 }])
  flow.sandbox.faults.set([])

  const large = { sample: 'pdf', bytes: 100 * 1024 * 1024 + 1 }
  await flow.say({ type: 'document', text: 'everything', filename: 'all.pdf', media: large })
  const told = await flow.until('the row', () => flow.messages().find(each => /all\.pdf/.test(each.content)), 30_000)
  t.match(told.content, /“all\.pdf”: too large to show here \(104\.9 MB\)/)
  t.equal(told.attachments.length, 0)
})

t.test('media: an outage of half a minute ends with the picture, before what the customer wrote behind it', async t => {
  const flow = await startFlow(t, { injected: { timeFactor: 0.1 } })
  const media = await serveMedia(flow, getSample('jpeg')!.bytes, 'image/jpeg')
  flow.sandbox.faults.set([{ on: 'call:graph', kind: 'status', match: media.id, status: 503 }])
  const asked = (): number => flow.ledger({ side: 'graph', what: 'call' }).filter(call => call.status === 503).length
  const at = nowSeconds()
  const image = { id: media.id, sha256: media.sha256, mime_type: 'image/jpeg', caption: 'look' }
  const picture = { at, more: { type: 'image', text: undefined, image } }
  t.equal(await deliver(flow, webhook(flow, picture, { text: 'did you see it?', at })), 200)
  await flow.until('the lane was left and came back', () => asked() >= 5, 20_000)
  await deliver(flow, webhook(flow, { waId: '15550107778', name: 'Berta', text: 'somebody else' }))
  await flow.until('other customers do not wait', () => count(flow, 'somebody else') === 1, 5_000)
  t.equal(count(flow, 'did you see it?'), 0, 'in order')
  flow.sandbox.faults.set([])
  await flow.settle(30_000)
  const [conversation] = conversationsOf(flow, { waId: '15550107777' })
  t.same(
    rowsIn(conversation).map((row: Loose) => [row.content, row.attachments?.[0]?.sha256]),
    [
      ['look', media.hex],
      ['did you see it?', undefined]
    ]
  )
})

t.test(
  'media: while the token is dead the number is paused and pictures wait; texts go on; a new token fetches',
  async t => {
    const flow = await startFlow(t, { injected: { timeFactor: 0.1 } })
    const media = await serveMedia(flow, getSample('jpeg')!.bytes, 'image/jpeg')
    const image = { id: media.id, sha256: media.sha256, mime_type: 'image/jpeg', caption: 'look' }
    const picture = { more: { type: 'image', text: undefined, image } }
    await flow.door('graph', { token: 'expired' })
    const others = ['15550107781', '15550107782', '15550107783']
    for (const waId of others) await deliver(flow, webhook(flow, { ...picture, waId, name: waId }))
    const paused = (): Promise<Loose[]> => sql(flow, 'select paused_code from numbers')
    await flow.until('paused', async () => (await paused())[0].paused_code === 'wa_token_invalid')
    await deliver(flow, webhook(flow, { waId: '15550107784', name: 'Berta', text: 'only words' }))
    await flow.until('texts go on', () => count(flow, 'only words') === 1, 5_000)
    t.equal(allRows(flow).length, 1, 'no placeholder')
    const refused = (): number =>
      flow.ledger({ side: 'graph', what: 'call' }).filter(call => call.status === 401).length
    const before = refused()
    await flow.until('one probe after a while', () => refused() > before, 20_000)
    t.ok(refused() <= before + 2, 'no storm of refused calls')
    await flow.door('graph', { token: 'valid', validToken: 'the-new-token' })
    const number = flow.runtime.bridge.registry.numbers()[0]!
    await flow.runtime.bridge.numbers.saveNumber({ ...number, token: 'the-new-token' } as never)
    await flow.runtime.refresh()
    await flow.until('all pictures', () => allRows(flow).length === 4, 5_000)
    await flow.settle(30_000)
    t.same(
      allRows(flow).flatMap((row: Loose) => (row.attachments ?? []).map((file: Loose) => file.sha256)),
      others.map(() => media.hex)
    )
    await flow.until('no longer paused', async () => (await paused())[0].paused_code === null)
  }
)

t.test('a form with two files of which one is gone loses only that one', async t => {
  const flow = await startFlow(t)
  const media = await serveMedia(flow, getSample('jpeg')!.bytes, 'image/jpeg')
  const file = (id: string, name: string, sha256: string): Loose => ({
    id,
    file_name: name,
    mime_type: 'image/jpeg',
    sha256
  })
  const answers = {
    photos: [file(media.id, 'front.jpg', media.sha256), file('699999999999999', 'back.jpg', media.sha256)]
  }
  const interactive = { type: 'nfm_reply', nfm_reply: { name: 'flow', response_json: JSON.stringify(answers) } }
  const at = nowSeconds()
  const wamid = newWamid()
  const body = {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '1',
        changes: [
          {
            field: 'messages',
            value: value(flow, [{ wamid, at, more: { type: 'interactive', text: undefined, interactive } }])
          }
        ]
      }
    ]
  }
  t.equal(await deliver(flow, body), 200)
  const row = await flow.until('the row', () => flow.messages()[0], 30_000)
  t.equal(row.attachments.length, 1)
  t.equal(row.attachments[0].sha256, media.hex)
  t.match(row.content, /“back\.jpg”: no longer at WhatsApp/)
  t.notMatch(row.content, /“front\.jpg”: no longer/)
})
