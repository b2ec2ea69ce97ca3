/** X-rows: wrong signatures, replays, the handshake, broken and huge bodies. */
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import fc from 'fast-check'
import type { Loose } from './doors.ts'
import { webhookOf } from './rows-duplicates.ts'
import { pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

/** Posts a webhook to Puente; to one of its processes where a port is given. */
export async function post(
  world: World,
  body: Buffer | string,
  headers: Record<string, string>,
  port = world.front.port
): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/webhooks/whatsapp`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(20_000)
  })
  await answer.arrayBuffer()
  return answer.status
}

export const sign = (secret: string, body: Buffer | string, algorithm = 'sha256'): string =>
  `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`

export async function secretOf(world: World): Promise<string> {
  return (await world.doors.config()).graph.appSecret
}

async function stored(world: World): Promise<number> {
  const [row] = await world.query<{ n: number }>('select count(*)::int as n from events')
  return row!.n
}

export const HOSTILE_ROWS: Scenario[] = [
  {
    id: 'X1',
    fault: 'signatures wrong, missing, malformed, upper-case, sha1, of another app; body altered',
    moment: 'a webhook that would be new',
    quick: true,
    async play(world) {
      const secret = await secretOf(world)
      const said = await world.load.say('real', world.load.newPhone())
      await world.settle(10_000)
      const fake = JSON.stringify(await webhookOf(world, said.wamid)).replaceAll(said.wamid, `${said.wamid}FAKE`)
      const right = sign(secret, fake)
      const before = await stored(world)
      const headers: Record<string, string>[] = [
        {},
        { 'x-hub-signature-256': '' },
        { 'x-hub-signature-256': 'sha256=' },
        { 'x-hub-signature-256': right.slice(0, -2) },
        { 'x-hub-signature-256': right.slice('sha256='.length) },
        { 'x-hub-signature-256': `${right}00` },
        { 'x-hub-signature-256': sign(`${secret}x`, fake) },
        { 'x-hub-signature-256': sign(secret, `${fake} `) },
        { 'x-hub-signature-256': sign(secret, fake, 'sha1') },
        { 'x-hub-signature': sign(secret, fake, 'sha1') },
        { 'x-hub-signature-256': `sha256=${'z'.repeat(64)}` },
        // Meta writes it in lower case; what is written otherwise is not from Meta.
        { 'x-hub-signature-256': `sha256=${right.slice('sha256='.length).toUpperCase()}` },
        { 'x-hub-signature-256': right.toUpperCase() },
        { 'x-hub-signature-256': right.replace('sha256', 'SHA256') }
      ]
      const wrong: string[] = []
      for (const [index, each] of headers.entries()) {
        const status = await post(world, fake, each)
        if (status !== 401 && status !== 403) wrong.push(`variant ${index} was answered ${status}`)
      }
      if ((await stored(world)) !== before) wrong.push('something with a wrong signature was stored')
      return wrong
    }
  },
  {
    id: 'X2',
    fault: 'a valid webhook replayed after the dedupe memory',
    moment: 'a message 15 days old, true times',
    trueTimes: true,
    async play(world) {
      const said = await world.load.say('old', world.load.newPhone())
      await world.settle(10_000)
      const body = await webhookOf(world, said.wamid)
      const message = body.entry[0].changes[0].value.messages[0]
      message.id = `${message.id}OLD`
      message.timestamp = String(Math.floor(Date.now() / 1000) - 15 * 86_400)
      const answer = await world.doors.post('deliver', { to: 'whatsapp', body })
      await world.settle(5_000)
      const { conversations } = await world.doors.view()
      const shown = conversations.flatMap(each => each.messages).some(each => each.sourceId === message.id)
      return [...(answer.status === 200 ? [] : [`answered ${answer.status}`]), ...(shown ? ['it was delivered'] : [])]
    }
  },
  {
    id: 'X3',
    fault: 'handshake with right and wrong verify tokens',
    moment: 'any time',
    quick: true,
    async play(world) {
      const { verifyToken } = (await world.doors.config()).numbers[0].whatsapp as { verifyToken: string }
      const ask = async (token: string): Promise<string> => {
        const query = new URLSearchParams({
          'hub.mode': 'subscribe',
          'hub.challenge': '4711',
          'hub.verify_token': token
        })
        const answer = await fetch(`${world.publicUrl}/webhooks/whatsapp?${query}`)
        return `${answer.status} ${answer.status === 200 ? await answer.text() : ''}`.trim()
      }
      const [right, bad] = [await ask(verifyToken), await ask(`${verifyToken}x`)]
      return [...(right === '200 4711' ? [] : [`right: ${right}`]), ...(bad === '403' ? [] : [`wrong: ${bad}`])]
    }
  },
  {
    id: 'X4',
    fault: 'signed bodies that are no use: not UTF-8, NUL, surrogates, __proto__, deep, huge numbers, BOM',
    moment: 'any time',
    quick: true,
    async play(world, { seed, quick }) {
      const secret = await secretOf(world)
      const said = await world.load.say('good', world.load.newPhone())
      await world.settle(10_000)
      const good = JSON.stringify(await webhookOf(world, said.wamid))
      const another = (n: number): string => good.replaceAll(said.wamid, `${said.wamid}X${n}`)
      const bodies: Buffer[] = [
        Buffer.from(''),
        Buffer.from('null'),
        Buffer.from('[]'),
        Buffer.from('{"object":'),
        Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3, 0x28]),
        Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(another(1))]),
        Buffer.from(another(2).replace('hello', 'nul \\u0000 here')),
        Buffer.from(another(3).replace('hello', 'lone \\ud800 surrogate')),
        Buffer.from(`{"__proto__":{"polluted":1},${another(4).slice(1)}`),
        Buffer.from(`${'['.repeat(10_000)}${']'.repeat(10_000)}`),
        Buffer.from(another(5).replace(/"timestamp":"\d+"/, '"timestamp":"9".repeat')),
        Buffer.from(another(6).replace(/"timestamp":"\d+"/, '"timestamp":1e400')),
        Buffer.from(another(7).replace(/"timestamp":"\d+"/, `"timestamp":"${'9'.repeat(400)}"`)),
        Buffer.from(another(8).replace('"type":"text"', '"type":"text","type":"image"'))
      ]
      for (const value of fc.sample(fc.jsonValue({ maxDepth: 6 }), { seed, numRuns: quick ? 40 : 200 })) {
        bodies.push(Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: value })))
        bodies.push(
          Buffer.from(
            another(100 + bodies.length).replace('"type":"text"', `"type":"text","context":${JSON.stringify(value)}`)
          )
        )
      }
      const wrong = new Set<string>()
      for (const [index, body] of bodies.entries()) {
        for (const type of index < 14
          ? ['application/json', 'text/plain', 'application/octet-stream']
          : ['application/json']) {
          const status = await post(world, body, { 'x-hub-signature-256': sign(secret, body), 'content-type': type })
          if (status >= 500)
            wrong.add(`body ${index} (${body.subarray(0, 60).toString('latin1')}) as ${type}: ${status}`)
        }
      }
      const after = await world.load.say('after', world.load.newPhone())
      if (after.wamid === '') wrong.add('nothing goes any more')
      return [...wrong].slice(0, 8)
    }
  },
  {
    id: 'X5',
    fault: 'bodies of 3 MiB, 3 MiB + 1, 100 MB, a lying length, an endless one',
    moment: 'any time',
    // A body of the limit is held once, and parsed; what is larger never is.
    bounds: { growthMiB: 48 },
    async play(world) {
      const secret = await secretOf(world)
      const limit = 3 * 1024 * 1024
      const wrong: string[] = []
      const exact = Buffer.alloc(limit, 0x20)
      exact.write('{"object":"x","entry":[]}')
      const sizes: [Buffer, number][] = [
        [exact, 200],
        [Buffer.alloc(limit + 1, 0x20), 413],
        [Buffer.alloc(100_000_000, 0x20), 413]
      ]
      for (const [body, wanted] of sizes) {
        const signature = body.length > limit + 1 ? 'sha256=0' : sign(secret, body)
        const status = await post(world, body, { 'x-hub-signature-256': signature }).catch(
          error => `${error.cause?.code ?? error}`
        )
        // A client that goes on writing after the 413 may see the connection close first.
        const closed = wanted === 413 && /EPIPE|ECONNRESET|UND_ERR_SOCKET/.test(String(status))
        if (status !== wanted && !closed) wrong.push(`${body.length} bytes: ${status} instead of ${wanted}`)
      }
      const endless = await sendEndlessly(world)
      if (endless > 8 * limit) wrong.push(`${endless} bytes of an endless body were taken`)
      wrong.push(...(await lieAboutLength(world, secret)))
      const said = await world.load.say('after', world.load.newPhone())
      if (said.wamid === '') wrong.push('nothing goes any more')
      return wrong
    }
  }
]

/** Bodies shorter and longer than their length says, signed over what was written and over what the length cuts out. */
async function lieAboutLength(world: World, secret: string): Promise<string[]> {
  const wrong: string[] = []
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [] }] })
  const lies = [
    { name: 'more than it says', length: 20, signature: sign(secret, body) },
    { name: 'more than it says, the rest signed', length: 20, signature: sign(secret, body.slice(0, 20)) },
    { name: 'less than it says', length: body.length + 500, signature: sign(secret, body) },
    { name: '100 MB promised', length: 100_000_000, signature: sign(secret, body) }
  ]
  for (const lie of lies) {
    const head = [
      'POST /webhooks/whatsapp HTTP/1.1',
      'host: x',
      'content-type: application/json',
      `content-length: ${lie.length}`,
      `x-hub-signature-256: ${lie.signature}`
    ]
    const answers = await writeRaw(world, `${head.join('\r\n')}\r\n\r\n${body}`)
    // Cut short by its own length it is another body: refused, kept as malformed where that was what was signed, or
    // refused with all that stands behind it, which is no request.
    const first = /^HTTP\/1\.1 (\d{3})/.exec(answers)?.[1]
    const wanted =
      lie.length === 100_000_000 ? ['413'] : lie.length === 20 ? ['401', '400', '200'] : [undefined, '400', '408']
    if (!wanted.includes(first)) wrong.push(`${lie.name}: answered ${first}`)
    if (first === '200' && lie.signature === sign(secret, body)) wrong.push(`${lie.name}: taken without its signature`)
  }
  return wrong
}

function writeRaw(world: World, text: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port: world.front.port })
    let answer = ''
    const end = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(end, 2_500)
    socket.on('data', chunk => {
      answer += String(chunk)
    })
    socket.on('error', end)
    socket.on('close', end)
    socket.write(text)
  })
}

/** Writes a chunked body without an end; how many bytes were taken before the connection was closed. */
function sendEndlessly(world: World): Promise<number> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port: world.front.port })
    let sent = 0
    let over = false
    const end = (): void => {
      over = true
      socket.destroy()
      resolve(sent)
    }
    socket.on('error', end)
    socket.on('close', end)
    socket.resume()
    socket.write(
      'POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
    )
    const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x20), Buffer.from('\r\n')])
    const writeOn = async (): Promise<void> => {
      while (!over && sent < 60 * 1024 * 1024) {
        if (!socket.write(piece)) await Promise.race([new Promise(done => socket.once('drain', done)), pause(500)])
        sent += piece.length
      }
      end()
    }
    void writeOn()
  })
}

export type { Loose }
