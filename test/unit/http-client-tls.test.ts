/** The HTTP client over TLS: nothing is written before the handshake is through. */
import { once } from 'node:events'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import t from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { createPooledClient } from '../../adapters/http/pooled-client.ts'
import { HttpFailure } from '../../adapters/http/types.ts'

// Self-signed for localhost, for this test only; valid until 2126.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0Npv4fFhOTmrlqHx
NiW2+3YlbOqTmSQpQZ+1cHTWbzOhRANCAAR+2imtI45rBNB9hUlfgwN3uoZH8X7O
LlrdDQwHBDrs2WsvnV/q/tOFAO+tRdT7IgiPTJL9TrnGajaL6aXszraT
-----END PRIVATE KEY-----
`
const cert = `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUe9n2tdrfLWOfm5akreILp8A7WhowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE5NTM1MFoYDzIxMjYxMDI5
MTk1MzUwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR+2imtI45rBNB9hUlfgwN3uoZH8X7OLlrdDQwHBDrs2WsvnV/q/tOF
AO+tRdT7IgiPTJL9TrnGajaL6aXszraTo1MwUTAdBgNVHQ4EFgQUZo5QFcQ5xR36
Zy5HQB5BQVGezlAwHwYDVR0jBBgwFoAUZo5QFcQ5xR36Zy5HQB5BQVGezlAwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBqR9MxHYrWZDEdrQ5qgkld
8Q/SLZWD96JeT6pnLeC87QIgVoUPXdlRIW9V32aIilmGk+a6vE5e5cmuLqyrFfzz
RcQ=
-----END CERTIFICATE-----
`

const trust = process.env.NODE_TLS_REJECT_UNAUTHORIZED
t.teardown(() => {
  if (trust === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  else process.env.NODE_TLS_REJECT_UNAUTHORIZED = trust
})

async function failure(promise: Promise<unknown>): Promise<HttpFailure> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    error => error
  )
  if (error instanceof HttpFailure) return error
  throw error
}

for (const [name, create] of [
  ['node:http', createHttpClient],
  ['pooled', createPooledClient]
] as const) {
  const client = create()
  t.teardown(() => client.close())

  t.test(
    `${name}: a certificate that nobody vouches for is refused before any byte; a good one is used again`,
    async t => {
      let connections = 0
      let requests = 0
      const server = https.createServer({ key, cert }, (request, response) => {
        requests++
        request.resume().on('end', () => response.end('ok'))
      })
      server.on('secureConnection', () => connections++)
      server.on('tlsClientError', () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.teardown(() => {
        server.closeAllConnections()
        server.close()
      })
      const url = `https://localhost:${(server.address() as AddressInfo).port}/`
      let left = 0
      const request = { method: 'POST' as const, url, body: '{}', timeoutMs: 5000, beforeBytes: () => void left++ }
      const error = await failure(client.request(request))
      t.equal(error.phase, 'before_bytes')
      t.equal(left, 0)
      t.equal(requests, 0)
      connections = 0
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
      for (let nth = 0; nth < 3; nth++) {
        t.equal((await client.request(request)).body.toString(), 'ok')
        await new Promise(resolve => setImmediate(resolve))
      }
      t.equal(left, 3)
      t.equal(connections, 1)
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
  )

  t.test(`${name}: a handshake that hangs leaves no byte of the request`, async t => {
    const sockets: net.Socket[] = []
    const server = net.createServer(socket => void sockets.push(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    let left = 0
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`
    const request = { method: 'POST' as const, url, body: '{}', timeoutMs: 200, beforeBytes: () => void left++ }
    const error = await failure(client.request(request))
    t.equal(error.phase, 'before_bytes')
    t.equal(error.reason, 'timeout')
    t.equal(left, 0)
    t.equal(sockets.length, 1, 'TCP stood')
  })
}
