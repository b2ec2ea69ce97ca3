/** Files to and from the desk over real sockets: streamed, with their names, and from nowhere else. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import { buildForm } from '../../adapters/chatwoot/multipart.ts'
import { createHttpClient } from '../../adapters/http/client.ts'
import { PuenteError } from '../../plugin/core/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'puente-files-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

async function serve(t: Test, handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function openDesk(t: Test, mediaOrigins?: string[]) {
  const desk = createChatwootDesk({ http: createHttpClient(), timeoutMs: 5000, mediaOrigins })
  t.teardown(() => desk.close())
  return desk
}

async function failure(promise: Promise<unknown>): Promise<PuenteError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    error => error
  )
  if (error instanceof PuenteError) return error
  throw error
}

function fileRow(name: string, bytes: Buffer, more: object = {}) {
  const path = join(folder, `f${Math.random()}`)
  writeFileSync(path, bytes)
  return { path, name, mimeType: 'image/png', sizeBytes: bytes.length, ...more }
}

t.test('a row with files is one form of known length, streamed from disk', async t => {
  let form: FormData | undefined
  let length = 0
  let token: unknown
  const url = await serve(t, async (request, response) => {
    const body = await buffer(request)
    length = body.length - Number(request.headers['content-length'])
    token = request.headers['api-access-token']
    const headers = { 'content-type': String(request.headers['content-type']) }
    form = await new Response(body, { headers }).formData()
    response.setHeader('content-type', 'application/json').end('{"id": 9135}')
  })
  const picture = Buffer.from([0, 1, 2, 13, 10, 45, 45, 255])
  const sound = Buffer.alloc(300_000, 7)
  const created = await openDesk(t).createMessage({ url, accountId: 3, token: 'tok' }, 57, {
    type: 'incoming',
    content: 'Foto del taladro ñ\r\nsegunda línea',
    sourceId: 'wamid.IMG',
    quotesMessageId: 9101,
    attributes: { puente: { wamid: 'wamid.IMG' } },
    files: [
      fileRow('foto "ñ".png', picture),
      fileRow('nota.ogg', sound, { mimeType: 'audio/ogg; codecs=opus', voice: true })
    ]
  })
  t.same(created, { messageId: 9135 })
  t.equal(length, 0, 'the announced length is the length')
  t.equal(token, 'tok')
  t.equal(form!.get('content'), 'Foto del taladro ñ\r\nsegunda línea')
  t.equal(form!.get('message_type'), 'incoming')
  t.equal(form!.get('private'), 'false')
  t.equal(form!.get('source_id'), 'wamid.IMG')
  t.equal(form!.get('is_voice_message'), 'true')
  t.same(JSON.parse(String(form!.get('content_attributes'))), { puente: { wamid: 'wamid.IMG' }, in_reply_to: 9101 })
  const files = form!.getAll('attachments[]') as File[]
  t.same(
    files.map(file => [file.name.replaceAll('%22', '"'), file.type, file.size]),
    [
      ['foto "ñ".png', 'image/png', 8],
      ['nota.ogg', 'audio/ogg; codecs=opus', 300_000]
    ]
  )
  t.same(Buffer.from(await files[0]!.arrayBuffer()), picture)
  t.same(Buffer.from(await files[1]!.arrayBuffer()), sound)
})

t.test('names and types cannot break out of their header', async t => {
  const form = buildForm([], [{ field: 'attachments[]', ...fileRow('a"\r\nx-evil: 1\r\n.png', Buffer.from('x')) }])
  const text = (await buffer(form.open())).toString()
  t.notMatch(text, /^x-evil/m)
  const odd = buildForm([], [{ field: 'f', ...fileRow('a', Buffer.from('x')), mimeType: 'a/b\r\nx-evil: 1' }])
  t.match((await buffer(odd.open())).toString(), /content-type: application\/octet-stream/)
})

t.test('a form can be opened again, and gives the same bytes', async t => {
  const form = buildForm([['content', 'x']], [{ field: 'attachments[]', ...fileRow('a.png', Buffer.from('abc')) }])
  const first = await buffer(form.open())
  t.equal(first.length, form.sizeBytes)
  t.same(await buffer(form.open()), first)
})

t.test('a missing file leaves no byte and is no fault of the desk', async t => {
  let requests = 0
  const url = await serve(t, (_request, response) => {
    requests++
    response.end('{}')
  })
  const files = [{ path: join(folder, 'missing'), name: 'a.png', mimeType: 'image/png', sizeBytes: 3 }]
  const row = { type: 'incoming' as const, content: '', files }
  const error = await failure(openDesk(t).createMessage({ url, accountId: 3, token: 't' }, 57, row))
  t.equal(error.code, 'media_unfetched')
  t.equal(error.certainty, 'did_not_happen')
  t.equal(requests, 0)
})

t.test('a file that is refused for its size stops being sent', async t => {
  const url = await serve(t, (_request, response) => {
    response.statusCode = 413
    response.setHeader('connection', 'close').end('<html>too large</html>')
  })
  const files = [fileRow('big.bin', Buffer.alloc(200_000))]
  const row = { type: 'incoming' as const, content: '', files }
  t.equal(
    (await failure(openDesk(t).createMessage({ url, accountId: 3, token: 't' }, 57, row))).code,
    'media_too_large'
  )
})

t.test('opens a file through the redirect of the desk, without the token, with its own name', async t => {
  const tokens: unknown[] = []
  const url: string = await serve(t, (request, response) => {
    tokens.push(request.headers['api-access-token'])
    if (request.url === '/rails/blob/foto.png') {
      response.writeHead(302, { location: `${url}/rails/disk/abc` }).end()
      return
    }
    response.writeHead(200, {
      'content-type': 'image/png; charset=binary',
      'content-length': '4',
      'content-disposition': `inline; filename="foto _.png"; filename*=UTF-8''foto%20%C3%B1.png`
    })
    response.end('PNG!')
  })
  const file = await openDesk(t).openFile({ url, accountId: 3, token: 'secret' }, `${url}/rails/blob/foto.png`)
  t.equal((await buffer(file.stream)).toString(), 'PNG!')
  t.equal(file.name, 'foto ñ.png')
  t.equal(file.mimeType, 'image/png')
  t.equal(file.sizeBytes, 4)
  t.same(tokens, [undefined, undefined])
})

t.test('without the header the name comes from the address; a quoted one is taken as it is', async t => {
  let disposition: string | undefined
  const url = await serve(t, (_request, response) => {
    if (disposition) response.setHeader('content-disposition', disposition)
    response.end('x')
  })
  const desk = openDesk(t)
  const name = async () => {
    const file = await desk.openFile({ url, accountId: 3, token: 's' }, `${url}/a/lista%20de%20precios.pdf?x=1`)
    await buffer(file.stream)
    return file.name
  }
  t.equal(await name(), 'lista de precios.pdf')
  disposition = 'attachment; filename="a \\"b\\" ../c.pdf"'
  t.equal(await name(), 'a "b" .._c.pdf')
  disposition = "inline; filename=plain.pdf; filename*=UTF-8''%E0%A4%A"
  t.equal(await name(), 'plain.pdf')
})

t.test('goes to no other address: not first, not by redirect, not on private networks', async t => {
  let elsewhere = 0
  const other = await serve(t, (_request, response) => {
    elsewhere++
    response.end('secret')
  })
  let location = ''
  const url: string = await serve(t, (request, response) => {
    if (request.url?.startsWith('/loop')) response.writeHead(302, { location: '/loop' }).end()
    else if (request.url?.startsWith('/missing')) response.writeHead(404).end()
    else if (request.url?.startsWith('/expired')) response.writeHead(403).end()
    else response.writeHead(302, { location }).end()
  })
  const access = { url, accountId: 3, token: 's' }
  const desk = openDesk(t)
  t.equal((await failure(desk.openFile(access, `${other}/x`))).code, 'media_origin', 'another origin')
  const targets = [
    `${other}/x`,
    'http://example.com/x',
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://localhost/x',
    'https://169.254.169.254/latest',
    'https://10.0.0.8/x',
    'https://2130706433/x',
    'file:///etc/passwd'
  ]
  for (location of targets) {
    t.equal((await failure(desk.openFile(access, `${url}/x`))).code, 'media_origin', location)
  }
  t.equal(elsewhere, 0)
  t.equal((await failure(desk.openFile(access, `${url}/loop`))).facts.reason, 'too many redirects')
  const missing = await failure(desk.openFile(access, `${url}/missing`))
  t.equal(missing.code, 'desk_not_found')
  t.equal(missing.facts.what, 'file')
  t.equal((await failure(desk.openFile(access, `${url}/expired`))).code, 'media_unfetched')
  t.equal((await failure(desk.openFile(access, 'nonsense'))).code, 'media_unfetched')
  location = `${other}/x`
  const trusting = openDesk(t, [`${other}/ignored/path`, 'not an origin'])
  const file = await trusting.openFile(access, `${url}/x`)
  t.equal((await buffer(file.stream)).toString(), 'secret', 'an origin of the options is allowed')
  t.equal((await failure(trusting.openFile(access, 'data:text/plain,x'))).code, 'media_origin')
})

t.test('a desk that is not there cannot give its file', async t => {
  const server = http.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.close()
  await once(server, 'close')
  const error = await failure(openDesk(t).openFile({ url, accountId: 3, token: 's' }, `${url}/x`))
  t.equal(error.code, 'media_unfetched')
  t.equal(error.facts.reason, 'refused')
})
