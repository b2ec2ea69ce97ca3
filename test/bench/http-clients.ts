/**
 * `node --import tsx test/bench/http-clients.ts`: what a call costs its caller, by node:http and by undici's pools, in
 * turns. The one that answers is a process of its own; call and answer are as long as those of a text in the desk.
 */
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createHttpClient } from '../../adapters/http/client.ts'
import { createPooledClient } from '../../adapters/http/pooled-client.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { median } from './table.ts'

const ROUNDS = 5
const CALLS = 20_000
const IN_FLIGHT = 32
const CALL = JSON.stringify({
  content: 'Good morning '.repeat(10),
  message_type: 'incoming',
  source_id: 'x'.repeat(60)
})
const ANSWER = JSON.stringify({ id: 1, content: 'Good morning '.repeat(10), sender: { name: 'x'.repeat(900) } })

if (process.argv[2] === 'answer') answer()
else await compare()

function answer(): void {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length }).end(ANSWER)
    })
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
}

async function compare(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['answer'], { execArgv: ['--import', 'tsx'] })
  const port = await new Promise<number>(resolve => child.once('message', told => resolve(told as number)))
  const clients: [string, HttpClient][] = [
    ['node:http', createHttpClient()],
    ['undici', createPooledClient()]
  ]
  const costs = new Map<string, number[]>(clients.map(([name]) => [name, []]))
  try {
    for (const [, client] of clients) await measure(client, port)
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, client] of clients) costs.get(name)!.push(await measure(client, port))
    }
  } finally {
    for (const [, client] of clients) client.close()
    child.kill()
  }
  for (const [name, all] of costs) {
    process.stdout.write(
      `${name}: ${median(all).toFixed(1)} µs of CPU a call (${all.map(each => each.toFixed(1)).join(' ')})\n`
    )
  }
}

/** Microseconds of CPU a call. */
async function measure(client: HttpClient, port: number): Promise<number> {
  let left = CALLS
  const before = process.cpuUsage()
  const call = async (): Promise<void> => {
    while (left-- > 0) {
      await client.request({
        method: 'POST',
        url: `http://127.0.0.1:${port}/api/v1/accounts/1/conversations/1/messages`,
        headers: { accept: 'application/json', 'api-access-token': 'x'.repeat(24), 'content-type': 'application/json' },
        body: CALL,
        timeoutMs: 10_000,
        beforeBytes() {}
      })
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, call))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / CALLS
}
