/** The sandbox speaks for anybody without asking who: it is for this machine alone. */
import http from 'node:http'
import t from 'tap'
import { createSandbox } from '../../adapters/sandbox/sandbox.ts'

t.test('it listens on loopback or not at all', async t => {
  for (const host of ['0.0.0.0', '::', '192.168.1.10', 'puente.example'])
    await t.rejects(createSandbox({ graphPort: 0, deskPort: 0, host }), /listens on loopback only/)
})

t.test('its doors answer on loopback names, and to pages of loopback origins', async t => {
  const sandbox = await createSandbox({ graphPort: 0, deskPort: 0 })
  t.teardown(() => sandbox.close())
  const { port } = new URL(sandbox.deskUrl)
  const ask = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port, path: '/__config', headers }, answer => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
      request.on('error', reject)
    })
  t.equal(await ask({ host: `127.0.0.1:${port}` }), 200)
  t.equal(await ask({ host: `localhost:${port}`, origin: `http://localhost:${port}` }), 200)
  // A name that somebody points at this machine (DNS rebinding), and a page of the internet.
  t.equal(await ask({ host: 'evil.example' }), 403)
  t.equal(await ask({ host: `127.0.0.1:${port}`, origin: 'https://evil.example' }), 403)
})
