/** The HTTP client against real sockets: what it says about bytes must be true. */
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import nock from 'nock'
import t, { type Test } from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { createPooledClient } from '../../adapters/http/pooled-client.ts'
import { isPublicAddress } from '../../adapters/http/public-address.ts'
import { HttpFailure, type HttpRequest } from '../../adapters/http/types.ts'

// nock takes over node:http as soon as it is imported; these tests need real sockets.
nock.restore()

async function serve(t: Test, handler: http.RequestListener): Promise<{ url: string; server: http.Server }> {
  const server = http.createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}` }
}

/** A TCP server that hands over its raw sockets. */
async function serveRaw(t: Test, handler: (socket: net.Socket, nth: number) => void): Promise<string> {
  const sockets = new Set<net.Socket>()
  let nth = 0
  const server = net.createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    handler(socket, nth++)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

async function failure(promise: Promise<unknown>): Promise<HttpFailure> {
  try {
    await promise
  } catch (error) {
    if (error instanceof HttpFailure) return error
    throw error
  }
  throw new Error('it did not fail')
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const post = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'POST',
  url,
  body: '{}',
  timeoutMs: 5000,
  ...more
})

/** What both clients promise; which of them a process has is a matter of speed. */
function promise(name: string, create: typeof createHttpClient): void {
  const client = create()
  t.teardown(() => client.close())

  t.test(`${name}: keeps one connection and tells length, method, headers and body as given`, async t => {
    const seen: string[] = []
    let connections = 0
    const { url, server } = await serve(t, (request, response) => {
      let body = ''
      request.on('data', chunk => (body += chunk))
      request.on('end', () => {
        seen.push(
          `${request.method} ${request.url} ${request.headers['content-length']} ${request.headers['x-a']} ${body}`
        )
        response.setHeader('x-answer', 'yes')
        response.statusCode = 201
        response.end('répondu')
      })
    })
    server.on('connection', () => connections++)
    const first = await client.request(post(`${url}/a?b=c%2Bd`, { body: 'é', headers: { 'x-a': '1' } }))
    t.equal(first.status, 201)
    t.equal(first.headers['x-answer'], 'yes')
    t.equal(first.body.toString(), 'répondu')
    // undici takes a connection for free one turn of the loop after its answer.
    await turn()
    await client.request(post(`${url}/b`, { body: Buffer.from([65, 66]), method: 'PATCH' }))
    await turn()
    await client.request({ method: 'GET', url: `${url}/c`, timeoutMs: 5000 })
    await turn()
    await client.request({ method: 'DELETE', url: `${url}/d`, timeoutMs: 5000 })
    t.same(seen, [
      'POST /a?b=c%2Bd 2 1 é',
      'PATCH /b 2 undefined AB',
      'GET /c undefined undefined ',
      'DELETE /d undefined undefined '
    ])
    t.equal(connections, 1)
  })

  t.test(`${name}: a refused connection leaves no byte, and beforeBytes is not called`, async t => {
    const probe = net.createServer()
    probe.listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as net.AddressInfo
    probe.close()
    await once(probe, 'close')
    let called = 0
    const error = await failure(client.request(post(`http://127.0.0.1:${port}/`, { beforeBytes: () => called++ })))
    t.equal(error.phase, 'before_bytes')
    t.equal(error.reason, 'refused')
    t.equal(called, 0)
  })

  t.test(`${name}: a name that does not resolve leaves no byte`, async t => {
    const error = await failure(client.request(post('http://puente-nowhere.invalid/')))
    t.equal(error.phase, 'before_bytes')
    t.equal(error.reason, 'unresolved')
  })

  t.test(`${name}: what is no http address is refused without a connection`, async t => {
    for (const url of ['nonsense', 'ftp://127.0.0.1/x', 'file:///etc/hosts']) {
      const error = await failure(client.request(post(url)))
      t.equal(error.phase, 'before_bytes', url)
    }
  })

  t.test(
    `${name}: beforeBytes is called on a standing connection, right before the bytes, and can stop them`,
    async t => {
      let bytes = 0
      let connected = 0
      const url = await serveRaw(t, socket => {
        connected++
        socket.on('data', chunk => {
          bytes += chunk.length
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        })
      })
      const own = new Error('the lease is gone')
      const error = await failure(
        client.request(
          post(url, {
            beforeBytes: () => {
              throw own
            }
          })
        )
      )
      t.equal(error.phase, 'before_bytes')
      t.equal(error.reason, 'prevented')
      t.equal(error.cause, own)
      t.equal(bytes, 0)
      t.equal(connected, 1, 'the connection stood already')
      let called = 0
      await client.request(post(url, { beforeBytes: () => called++ }))
      t.equal(called, 1)
      t.ok(bytes > 0)
    }
  )

  t.test(`${name}: while all connections are busy nothing is written, and the time-out says so`, async t => {
    const narrow = create({ maxSockets: 1 })
    t.teardown(() => narrow.close())
    let requests = 0
    const { url } = await serve(t, (_request, response) => {
      requests++
      setTimeout(() => response.end('late'), 300)
    })
    let called = 0
    const first = narrow.request(post(url))
    const second = failure(narrow.request(post(url, { timeoutMs: 100, beforeBytes: () => called++ })))
    const error = await second
    t.equal(error.phase, 'before_bytes')
    t.equal(error.reason, 'timeout')
    t.equal(called, 0)
    t.equal((await first).body.toString(), 'late')
    t.equal((await narrow.request(post(url))).status, 200, 'the next one finds the connection free')
    t.equal(requests, 2)
  })

  t.test(`${name}: no answer in time: may have arrived`, async t => {
    const { url } = await serve(t, () => {})
    const began = process.hrtime.bigint()
    const error = await failure(client.request(post(url, { timeoutMs: 150 })))
    const took = Number(process.hrtime.bigint() - began) / 1e6
    t.equal(error.phase, 'after_bytes')
    t.equal(error.reason, 'timeout')
    t.ok(took >= 140 && took < 2000, `${took} ms`)
  })

  t.test(`${name}: the time-out covers the whole answer, not only its head`, async t => {
    const { url } = await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    const error = await failure(client.request(post(url, { timeoutMs: 200 })))
    t.equal(error.phase, 'after_bytes')
    t.equal(error.reason, 'timeout')
  })

  t.test(
    `${name}: a connection cut before, in the head of, and in the middle of the answer: may have arrived`,
    async t => {
      const cuts = ['', 'HTTP/1.1 200 OK\r\ncontent-le', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc']
      for (const text of cuts) {
        const url = await serveRaw(t, socket => socket.once('data', () => socket.end(text)))
        const error = await failure(client.request(post(url)))
        t.equal(error.phase, 'after_bytes', JSON.stringify(text))
        t.equal(error.reason, 'reset', JSON.stringify(text))
      }
    }
  )

  t.test(`${name}: a kept connection that dies under a new request is not used for a silent second try`, async t => {
    let requests = 0
    const url = await serveRaw(t, socket => {
      socket.on('data', () => {
        requests++
        if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        else socket.destroy()
      })
    })
    await client.request(post(url))
    const error = await failure(client.request(post(url)))
    t.equal(error.phase, 'after_bytes')
    t.equal(error.reason, 'reset')
    t.equal(requests, 2)
  })

  t.test(`${name}: a kept connection that was closed while idle is replaced without anybody noticing`, async t => {
    let connections = 0
    const url = await serveRaw(t, socket => {
      connections++
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
        setTimeout(() => socket.destroy(), 20)
      })
    })
    await client.request(post(url))
    await new Promise(resolve => setTimeout(resolve, 80))
    t.equal((await client.request(post(url))).status, 200)
    t.equal(connections, 2)
  })

  t.test(`${name}: idle connections are closed by us, slow answers are not cut`, async t => {
    const quick = create({ idleMs: 60 })
    t.teardown(() => quick.close())
    let connections = 0
    const { url, server } = await serve(t, (_request, response) => void setTimeout(() => response.end('slow'), 250))
    server.keepAliveTimeout = 10_000
    server.on('connection', socket => {
      connections++
      socket.once('close', () => connections--)
    })
    t.equal((await quick.request(post(url))).body.toString(), 'slow')
    t.equal(connections, 1)
    await new Promise(resolve => setTimeout(resolve, 300))
    t.equal(connections, 0)
    t.equal((await quick.request(post(url))).status, 200)
  })

  t.test(`${name}: streams a body of known length`, async t => {
    let got = 0
    let length = ''
    const { url } = await serve(t, (request, response) => {
      length = request.headers['content-length'] ?? ''
      request.on('data', chunk => (got += chunk.length))
      request.on('end', () => response.end())
    })
    const piece = Buffer.alloc(64 * 1024, 1)
    const sizeBytes = piece.length * 200
    let opened = 0
    const body = {
      sizeBytes,
      open: () => {
        opened++
        return Readable.from(Array.from({ length: 200 }, () => piece))
      }
    }
    let called = 0
    t.equal((await client.request(post(url, { body, beforeBytes: () => called++ }))).status, 200)
    t.equal(got, sizeBytes)
    t.equal(length, String(sizeBytes))
    t.equal(opened, 1)
    t.equal(called, 1)
    const empty = { sizeBytes: 0, open: () => Readable.from([]) }
    t.equal((await client.request(post(url, { body: empty }))).status, 200)
  })

  t.test(`${name}: a stream that cannot be opened leaves no byte`, async t => {
    const { url } = await serve(t, (_request, response) => void response.end())
    const broken = () =>
      new Readable({
        read: function (this: Readable) {
          this.destroy(new Error('no such file'))
        }
      })
    const lazy = await failure(client.request(post(url, { body: { sizeBytes: 5, open: broken } })))
    t.equal(lazy.phase, 'before_bytes')
    const thrown = await failure(
      client.request(
        post(url, {
          body: {
            sizeBytes: 5,
            open: () => {
              throw new Error('no')
            }
          }
        })
      )
    )
    t.equal(thrown.phase, 'before_bytes')
  })

  t.test(`${name}: a stream of another length than announced fails instead of sending a wrong file`, async t => {
    const { url } = await serve(t, (request, response) => {
      request.resume()
      request.on('end', () => response.end())
      request.on('error', () => {})
    })
    for (const sizeBytes of [2, 9]) {
      const body = { sizeBytes, open: () => Readable.from([Buffer.from('12345')]) }
      const error = await failure(client.request(post(url, { body })))
      t.equal(error.phase, 'after_bytes')
    }
  })

  t.test(`${name}: an early answer stops the upload and is believed`, async t => {
    const { url } = await serve(t, (_request, response) => {
      response.writeHead(413, { 'content-type': 'text/plain' })
      response.end('too large')
    })
    let produced = 0
    const piece = Buffer.alloc(64 * 1024)
    const source = new Readable({
      read() {
        produced += piece.length
        setTimeout(() => this.push(piece), 1)
      }
    })
    const body = { sizeBytes: 1024 * 1024 * 1024, open: () => source }
    const answer = await client.request(post(url, { body, timeoutMs: 10_000 }))
    t.equal(answer.status, 413)
    t.equal(answer.body.toString(), 'too large')
    t.ok(source.destroyed)
    t.ok(produced < 64 * 1024 * 1024, `${produced} bytes`)
  })

  t.test(`${name}: what is only announced before the answer is not the answer`, async t => {
    const { url } = await serve(t, (_request, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(201).end('the answer')
    })
    const answer = await client.request(post(url))
    t.equal(answer.status, 201)
    t.equal(answer.headers['link'], undefined)
    t.equal(answer.body.toString(), 'the answer')
  })

  t.test(`${name}: an answer over the limit fails`, async t => {
    const { url } = await serve(t, (_request, response) => void response.end(Buffer.alloc(100_000)))
    const error = await failure(client.request(post(url, { maxAnswerBytes: 50_000 })))
    t.equal(error.reason, 'too_large')
    t.equal(error.phase, 'after_bytes')
    t.equal((await client.request(post(url, { maxAnswerBytes: 100_000 }))).body.length, 100_000)
  })

  t.test(`${name}: open hands the answer over as it comes, without holding it`, async t => {
    const piece = Buffer.alloc(256 * 1024, 7)
    const { url } = await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      Readable.from(Array.from({ length: 400 }, () => piece)).pipe(response)
    })
    const answer = await client.open({ method: 'GET', url, timeoutMs: 10_000 })
    t.equal(answer.status, 200)
    let got = 0
    let peak = 0
    for await (const chunk of answer.stream) {
      got += chunk.length
      peak = Math.max(peak, answer.stream.readableLength)
      await new Promise(resolve => setImmediate(resolve))
    }
    t.equal(got, 400 * piece.length)
    t.ok(peak < 4 * 1024 * 1024, `${peak} bytes held`)
  })

  t.test(`${name}: an opened answer that is cut or too slow fails its reader`, async t => {
    const cut = await serveRaw(t, socket =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'))
    )
    const { url: slow } = await serve(t, (_request, response) => void response.writeHead(200).write('abc'))
    for (const [url, reason] of [
      [cut, 'reset'],
      [slow, 'timeout']
    ] as const) {
      const { stream } = await client.open({ method: 'GET', url, timeoutMs: 200 })
      const error = await failure(
        (async () => {
          for await (const _ of stream);
        })()
      )
      t.equal(error.reason, reason)
      t.equal(error.phase, 'after_bytes')
    }
  })

  t.test(`${name}: an opened answer that nobody wants any more closes its connection`, async t => {
    let closed: () => void = () => {}
    const gone = new Promise<void>(resolve => (closed = resolve))
    const { url } = await serve(t, (_request, response) => {
      response.on('close', closed)
      response.writeHead(200).write('abc')
    })
    const { stream } = await client.open({ method: 'GET', url, timeoutMs: 5000 })
    stream.destroy()
    await gone
    t.pass('closed')
  })

  t.test(`${name}: close ends what is running and refuses what comes`, async t => {
    const own = create()
    let arrived: () => void = () => {}
    const begun = new Promise<void>(resolve => (arrived = resolve))
    const { url } = await serve(t, () => arrived())
    const running = failure(own.request(post(url)))
    await begun
    own.close()
    const error = await running
    t.equal(error.phase, 'after_bytes')
    t.equal(error.reason, 'reset')
    t.equal((await failure(own.request(post(url)))).phase, 'before_bytes')
  })

  t.test(`${name}: private addresses are refused where only public ones are allowed`, async t => {
    let connections = 0
    const { url, server } = await serve(t, (_request, response) => void response.end())
    server.on('connection', () => connections++)
    const { port } = new URL(url)
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]']) {
      const error = await failure(
        client.request({ method: 'GET', url: `http://${host}:${port}/`, timeoutMs: 5000, onlyPublicAddresses: true })
      )
      t.equal(error.reason, 'prevented', host)
      t.equal(error.phase, 'before_bytes', host)
    }
    t.equal(connections, 0)
  })
}

promise('node:http', createHttpClient)
promise('pooled', createPooledClient)

const plain = createHttpClient()
t.teardown(() => plain.close())

t.test('a socket found dead before anything was written is replaced by a fresh one, once', async t => {
  const { url } = await serve(t, (request, response) => {
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  const dying = createHttpClient()
  t.teardown(() => dying.close())
  await dying.request(post(url))
  // Kill the idle socket under the agent's hands: assigned in this tick, dead when the request gets it.
  const agents = http.Agent.prototype as unknown as { addRequest: (...input: unknown[]) => unknown }
  const original = agents.addRequest
  let killed = 0
  agents.addRequest = function (this: http.Agent, ...input: unknown[]) {
    for (const list of Object.values(this.freeSockets))
      for (const socket of list ?? [])
        queueMicrotask(() => {
          killed++
          socket.destroy()
        })
    return original.apply(this, input as never)
  } as never
  t.teardown(() => (agents.addRequest = original))
  let called = 0
  const answer = await dying.request(post(url, { beforeBytes: () => called++ }))
  t.equal(answer.body.toString(), 'ok')
  t.equal(called, 1)
  t.equal(killed, 1)
})

t.test('knows public addresses from others', async t => {
  for (const address of ['8.8.8.8', '104.16.0.1', '2606:4700::1111', '64:ff9b::808:808', '172.32.0.1']) {
    t.ok(isPublicAddress(address), address)
  }
  const others =
    '10.1.2.3 127.0.0.1 169.254.169.254 172.16.0.1 192.168.0.1 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255'
  const others6 = '::1 :: fe80::1 fe80::1%eth0 fc00::1 fd12::1 ff02::1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::10.0.0.1'
  for (const address of [...others.split(' '), ...others6.split(' '), '2001:db8::1', '2002:7f00:1::', 'x', '']) {
    t.notOk(isPublicAddress(address), address)
  }
})

t.test('is visible to nock, and takes a mocked connection failure for what it is', async t => {
  nock.activate()
  t.teardown(() => {
    nock.cleanAll()
    nock.restore()
  })
  nock('https://desk.example.test').post('/a', '{}').reply(200, { ok: true })
  const answer = await plain.request(post('https://desk.example.test/a'))
  t.same(JSON.parse(answer.body.toString()), { ok: true })
  nock('https://desk.example.test')
    .post('/b')
    .replyWithError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  const refused = await failure(plain.request(post('https://desk.example.test/b')))
  t.equal(refused.phase, 'before_bytes')
  nock('https://desk.example.test')
    .post('/c')
    .replyWithError(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))
  const reset = await failure(plain.request(post('https://desk.example.test/c')))
  t.equal(reset.phase, 'after_bytes')
})
