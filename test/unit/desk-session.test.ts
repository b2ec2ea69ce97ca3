// A stream is a request that goes on for hours: the desk's session must not be found in it after its first look.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t from 'tap'
import { forgetDeskSession } from '../../plugin/http/session/bearer.ts'

t.test('nothing of the header is left in the request', async t => {
  let seen: IncomingMessage | undefined
  const server = createServer((request, response) => {
    t.match(inspect(request, { depth: 3 }), /c2VjcmV0/, 'it came')
    t.equal(request.headers['x-desk-session'], 'c2VjcmV0')
    forgetDeskSession(request)
    seen = request
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  await fetch(`http://127.0.0.1:${port}/`, { headers: { 'X-Desk-Session': 'c2VjcmV0', 'X-Other': 'stays' } })
  t.notMatch(seen!.rawHeaders.join(), /c2VjcmV0/)
  t.notOk('x-desk-session' in seen!.headers)
  t.equal(seen!.headers['x-other'], 'stays')
})
