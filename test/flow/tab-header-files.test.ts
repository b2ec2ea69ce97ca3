// Files of a template's header: judged before anything is sent wherever they come from, shown to whoever may use them,
// and to colleagues in the desk's row.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import t from 'tap'
import type { Loose } from '../support/puente.ts'
import { openTab } from './tab-lab.ts'

const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#25d366' } })
  .png()
  .toBuffer()

interface TestLike {
  teardown(work: () => unknown): unknown
}

/** A web server with one picture, one page that says it is a picture, and an answer that never comes. */
async function serveFiles(t: TestLike): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/shop.png') response.setHeader('content-type', 'image/png').end(picture)
    else if (request.url === '/page.png') response.setHeader('content-type', 'image/png').end('<html>no picture</html>')
    else if (request.url !== '/never.png') response.writeHead(404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('S74, S97: a header file by address or upload', async t => {
  const origin = await serveFiles(t)
  const other = await serveFiles(t)
  const tab = await openTab(t, { options: { mediaOrigins: [origin] } })
  const { flow } = tab
  const { conversationId } = await tab.begin()
  const bea = await tab.signIn('bea')
  const numberId = flow.runtime.bridge.registry.numbers()[0]!.id
  const template = await flow.until('the templates', async () => {
    const answer = await tab.call('GET', `/templates?numberId=${numberId}`, { as: bea })
    return answer.body.templates?.find((each: Loose) => each.name === 'reservation_confirmation')
  })
  const values = (header: object) => ({
    header,
    'body.number_of_guests': { kind: 'text', text: '2' },
    'body.day': { kind: 'text', text: 'Sunday' },
    'button.0': { kind: 'text', text: 'x7' }
  })
  const send = (header: object) =>
    tab.call('POST', `/conversations/${conversationId}/messages`, {
      as: bea,
      withDesk: true,
      body: { message: { kind: 'template', templateId: template.id, values: values(header) } }
    })

  await t.test('what cannot be used is refused before anything is kept, each with its own sentence', async t => {
    const refusals: [string, RegExp, string][] = [
      [`${origin}/page.png`, /picture/i, 'a page that calls itself a picture'],
      [`${origin}/gone.png`, /./, 'nothing there'],
      [`${other}/shop.png`, /private|public/i, 'a private address']
    ]
    for (const [url, sentence, what] of refusals) {
      const answer = await send({ kind: 'url', url })
      t.match(answer, { status: 422, body: { problems: [{ where: 'header', title: sentence }] } }, what)
    }
    const text = await tab.call('POST', '/uploads?name=words.txt&purpose=header', {
      as: bea,
      raw: Buffer.from('no picture'),
      headers: { 'content-type': 'text/plain' }
    })
    t.match(await send({ kind: 'upload', uploadId: text.body.uploadId }), { status: 422 }, 'a text as a picture')
    await flow.settle()
    t.equal(flow.sent().length, 0)
    t.notOk(
      flow.messages().some((each: Loose) => /Sunday/.test(each.content ?? '')),
      'nor is a row'
    )
  })

  await t.test('what is found at the address goes as an upload, and stands in the row', async t => {
    const told = await send({ kind: 'url', url: `${origin}/shop.png` })
    t.equal(told.status, 202, JSON.stringify(told.body))
    const sent = await flow.until('it', () => flow.sent().find(each => each.template?.name === template.name))
    t.match(sent.template.components[0], { type: 'header', parameters: [{ type: 'image', image: { id: /^\d+$/ } }] })
    const row = flow.messages().find((each: Loose) => each.id === told.body.messageId)
    t.equal(row.attachments?.length, 1, 'colleagues see the picture')
    t.match(row.content, /Sunday/)
    t.notMatch(row.content, /🖼/u, 'and no sign in its place')
    await flow.settle()
    t.equal(flow.sent().length, 1, 'the row with its file sends nothing more')
  })

  await t.test('the tab takes an address like an upload and shows the bytes to its agent alone', async t => {
    const taken = await tab.call('POST', '/uploads/links', { as: bea, body: { url: `${origin}/shop.png` } })
    t.match(taken, { status: 201, body: { name: 'shop.png', sendsAs: 'image', mimeType: 'image/png', refusal: null } })
    t.match(await tab.call('POST', '/uploads/links', { as: bea, body: { url: `${other}/shop.png` } }), {
      status: 422,
      body: { code: 'media_origin' }
    })
    t.match(await tab.call('POST', '/uploads/links', { as: bea, body: { url: 'file:///etc/passwd' } }), { status: 400 })
    const content = (path: string, token?: string) =>
      fetch(`${flow.url}/api/v1${path}`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` }
      })
    const path = `/uploads/${taken.body.uploadId}/content`
    const seen = await content(path, bea.token)
    t.equal(seen.headers.get('content-type'), 'image/png')
    t.equal(seen.headers.get('x-content-type-options'), 'nosniff')
    t.ok(Buffer.from(await seen.arrayBuffer()).equals(picture))
    t.equal((await content(path)).status, 401)
    const ada = await tab.signIn('ada')
    t.equal((await content(path, ada.token)).status, 404, 'somebody else’s upload is nobody’s')

    const page = await tab.call('POST', '/uploads/links', { as: bea, body: { url: `${origin}/page.png` } })
    const harmless = await content(`/uploads/${page.body.uploadId}/content`, bea.token)
    t.equal(harmless.headers.get('content-type'), 'application/octet-stream', 'a page is never answered as one')

    const body = { kind: 'file', uploadId: taken.body.uploadId, title: 'Shop' }
    const item = await tab.call('POST', '/library', { as: bea, body })
    const shared = await content(`/library/${item.body.itemId}/content`, ada.token)
    t.ok(Buffer.from(await shared.arrayBuffer()).equals(picture), 'the library is everybody’s')

    const list = await tab.call('GET', `/conversations/${conversationId}/messages`, { as: bea })
    const withFile = list.body.messages.find((each: Loose) => each.files.length > 0)
    const ofDesk = `/conversations/${conversationId}/messages/${withFile.messageId}/files/${withFile.files[0].fileId}/content`
    const drawn = await content(ofDesk, bea.token)
    t.equal(drawn.status, 200)
    t.ok(Buffer.from(await drawn.arrayBuffer()).equals(picture), 'a file of the conversation')
    const cem = await tab.signIn('cem')
    t.equal((await content(ofDesk, cem.token)).status, 403, 'not for who may not see the conversation')
  })
})

t.test('S97: an address that never answers is let go while the agent waits', async t => {
  const origin = await serveFiles(t)
  const tab = await openTab(t, { options: { mediaOrigins: [origin] }, injected: { timeFactor: 0.05 } })
  await tab.begin()
  const bea = await tab.signIn('bea')
  const answer = await tab.call('POST', '/uploads/links', { as: bea, body: { url: `${origin}/never.png` } })
  t.match(answer, { status: 422, body: { code: 'media_unfetched' } })
})
