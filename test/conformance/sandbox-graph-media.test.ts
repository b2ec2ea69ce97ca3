import { createHash } from 'node:crypto'
import { fileTypeFromBuffer } from 'file-type'
import t from 'tap'
import { getSample } from '../../adapters/sandbox/graph/samples.ts'
import { openRig, readFixture, shapeOf } from './sandbox-graph-rig.ts'

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

t.test('the samples are what they say', async t => {
  const kinds = {
    jpeg: 'image/jpeg',
    png: 'image/png',
    ogg: 'audio/ogg; codecs=opus',
    mp4: 'video/mp4',
    webp: 'image/webp',
    webp_animated: 'image/webp',
    pdf: 'application/pdf',
    mp3: 'audio/mpeg'
  }
  for (const [name, mime] of Object.entries(kinds)) {
    t.equal((await fileTypeFromBuffer(new Uint8Array(getSample(name)!.bytes)))?.mime, mime, name)
  }
  t.ok(getSample('webp_animated')!.bytes.includes('ANIM'))
})

t.test('what a customer sends can be fetched with the token, for five minutes at a time', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ type: 'image' })
  const image = rig.receiver.received[0]!.body.entry[0].changes[0].value.messages[0].image
  const bytes = getSample('jpeg')!.bytes
  t.equal(image.sha256, createHash('sha256').update(bytes).digest('base64'))
  const told = await rig.call('GET', `/${image.id}`)
  t.same(shapeOf(told.json), shapeOf(readFixture('api-media-get')))
  t.equal(told.json.sha256, sha(bytes))
  t.equal(told.json.file_size, String(bytes.length))
  const headers = { authorization: `Bearer ${rig.whatsapp().token}` }
  for (const url of [told.json.url, image.url]) {
    const got = await fetch(url, { headers })
    t.equal(got.status, 200)
    t.equal(got.headers.get('content-type'), 'image/jpeg')
    t.equal(sha(new Uint8Array(await got.arrayBuffer())), sha(bytes))
  }
  t.equal((await fetch(told.json.url)).status, 401, 'not without the token')
  t.equal((await fetch(told.json.url.replace(/hash=.{4}/, 'hash=0000'), { headers })).status, 404)
  rig.sandbox.clock.jump(301_000)
  t.equal((await fetch(told.json.url, { headers })).status, 404, 'expired')
  const again = await rig.call('GET', `/${image.id}`)
  t.equal((await fetch(again.json.url, { headers })).status, 200, 'a new URL works')
  rig.sandbox.clock.jump(8 * 24 * 3_600_000)
  t.equal((await rig.call('GET', `/${image.id}`)).json.error.error_subcode, 33, 'gone after seven days')
})

t.test('uploads are hashed, checked, sendable and deletable', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ text: 'x' })
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255))
  const up = await rig.upload('application/pdf', bytes, 'a "b".pdf')
  t.same(shapeOf(up.json), shapeOf(readFixture('api-media-upload')))
  await rig.send({
    messaging_product: 'whatsapp',
    to: '+34611000101',
    type: 'document',
    document: { id: up.json.id, filename: 'a.pdf' }
  })
  t.equal(rig.sandbox.ledger.list({ name: 'sent' })[0]!.ids['sha256'], sha(bytes))
  const shown = await fetch(`${rig.sandbox.deskUrl}/__media/${up.json.id}`)
  t.equal(sha(new Uint8Array(await shown.arrayBuffer())), sha(bytes))
  t.equal(
    (await rig.upload('image/jpeg', Buffer.alloc(5 * 1024 * 1024 + 1))).json.error.code,
    100,
    'too big for a picture'
  )
  t.equal((await rig.upload('video/x-msvideo', bytes)).json.error.code, 100, 'not a type of WhatsApp')
  t.same((await rig.call('DELETE', `/${up.json.id}`)).json, { success: true })
  t.equal((await rig.call('GET', `/${up.json.id}`)).status, 400)
  const broken = await fetch(`${rig.sandbox.graphUrl}/v25.0/${rig.whatsapp().phoneNumberId}/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rig.whatsapp().token}`, 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x\r\ncontent-disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp\r\n'
  })
  t.equal(broken.status, 400, 'a cut body')
})

t.test('a large file is generated while it is read and never held', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const total = 100 * 1024 * 1024
  await rig.say({ type: 'document', media: { sample: 'pdf', bytes: total }, filename: 'big.pdf' })
  const document = rig.receiver.received[0]!.body.entry[0].changes[0].value.messages[0].document
  const before = process.memoryUsage().rss
  const got = await fetch(document.url, { headers: { authorization: `Bearer ${rig.whatsapp().token}` } })
  t.equal(got.headers.get('content-length'), String(total))
  const hash = createHash('sha256')
  let bytes = 0
  let peak = 0
  for await (const chunk of got.body!) {
    hash.update(chunk)
    bytes += chunk.length
    peak = Math.max(peak, process.memoryUsage().rss)
  }
  t.equal(bytes, total)
  t.equal(hash.digest('base64'), document.sha256)
  t.ok(peak - before < 96 * 1024 * 1024, `RSS grew by ${(peak - before) >> 20} MiB`)
})

t.test('a large upload leaves only size and hash', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const bytes = Buffer.alloc(20 * 1024 * 1024, 'abcdefg')
  const up = await rig.upload('application/pdf', bytes)
  const told = await rig.call('GET', `/${up.json.id}`)
  t.equal(told.json.sha256, sha(bytes))
  t.equal((await fetch(`${rig.sandbox.deskUrl}/__media/${up.json.id}`)).status, 404)
})

t.test('downloads can be spoiled: other bytes, a lying length, a 404', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  await rig.say({ type: 'image' })
  const { url } = rig.receiver.received[0]!.body.entry[0].changes[0].value.messages[0].image
  const headers = { authorization: `Bearer ${rig.whatsapp().token}` }
  const bytes = getSample('jpeg')!.bytes
  rig.sandbox.faults.set([{ on: 'call:graph', kind: 'garbage', match: 'GET /media/download', count: 1 }])
  const spoiled = new Uint8Array(await (await fetch(url, { headers })).arrayBuffer())
  t.equal(spoiled.length, bytes.length)
  t.not(sha(spoiled), sha(bytes))
  rig.sandbox.faults.set([
    {
      on: 'call:graph',
      kind: 'garbage',
      match: 'GET /media/download',
      count: 1,
      body: { contentLength: bytes.length + 10 }
    }
  ])
  await t.rejects(fetch(url, { headers }).then(answer => answer.arrayBuffer()))
  rig.sandbox.faults.set([
    { on: 'call:graph', kind: 'status', status: 404, match: '/whatsapp_business/attachments', count: 1 }
  ])
  t.equal((await fetch(url, { headers })).status, 404)
  t.equal((await fetch(url, { headers })).status, 200)
})
