/**
 * The door for Meta's webhooks: who may enter, how large, in what shape, how often. What is right goes on to the desk,
 * what is wrong leaves no trace, and nothing makes Meta repeat what a repetition would not heal.
 */
import { createHmac } from 'node:crypto'
import http from 'node:http'
import t from 'tap'
import type { Flow, Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import { count, newWamid, nowSeconds, other, sorted, sql, webhook } from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const MAX_BYTES = 3 * 1024 * 1024

function secretOf(flow: Flow): string {
  return (flow.sandbox.graph.config() as Loose).appSecret
}

function sign(body: Buffer, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
}

interface Sent {
  status: number
  body: string
  headers: http.IncomingHttpHeaders
}

/** One request with exactly these headers; `chunks` go out as they are, without a length unless one is given. */
function send(flow: Flow, chunks: Buffer[], headers: Record<string, string>): Promise<Sent> {
  return new Promise((resolve, reject) => {
    let settled = false
    const req = http.request(
      `${flow.url}/webhooks/whatsapp`,
      { method: 'POST', agent: false, headers: { 'content-type': 'application/json', ...headers } },
      res => {
        const parts: Buffer[] = []
        const finish = (): void => {
          settled = true
          clearTimeout(timer)
          resolve({ status: res.statusCode ?? 0, body: Buffer.concat(parts).toString(), headers: res.headers })
          req.destroy()
        }
        res.on('data', part => parts.push(part))
        res.on('end', finish)
        res.on('error', finish)
      }
    )
    const timer = setTimeout(() => req.destroy(new Error('no answer within 20 s')), 20_000)
    req.on('error', error => {
      clearTimeout(timer)
      // What was refused early may be cut off while it is still being sent.
      if (!settled) reject(error)
    })
    const next = (index: number): void => {
      if (settled || req.destroyed) return
      if (index === chunks.length) req.end()
      else req.write(chunks[index]!, () => setImmediate(next, index + 1))
    }
    next(0)
  })
}

function post(flow: Flow, body: Buffer, headers: Record<string, string> = {}): Promise<Sent> {
  return send(flow, [body], {
    'content-length': String(body.length),
    'x-hub-signature-256': sign(body, secretOf(flow)),
    ...headers
  })
}

const bytesOf = (body: unknown): Buffer => Buffer.from(JSON.stringify(body))

async function stored(flow: Flow): Promise<number> {
  await sorted(flow)
  return Number((await sql(flow, 'select count(*) as n from events'))[0]!.n)
}

async function isUp(flow: Flow): Promise<boolean> {
  return (await fetch(`${flow.url}/livez`)).status === 200
}

/** A body of exactly so many bytes, with one text in it. */
function paddedBody(flow: Flow, bytes: number, text: string): Buffer {
  const body = webhook(flow, { text })
  const bare = bytesOf({ ...body, padding: '' }).length
  return bytesOf({ ...body, padding: 'x'.repeat(bytes - bare) })
}

t.test('who is not Meta leaves nothing behind', async t => {
  const flow = await startFlow(t)
  const body = bytesOf(webhook(flow, { text: 'forged' }))
  const right = sign(body, secretOf(flow))
  const flipped = Buffer.from(body)
  flipped[flipped.length - 20]! ^= 1
  const tries: [name: string, body: Buffer, signature: string | undefined][] = [
    ['missing', body, undefined],
    ['of another app', body, sign(body, 'the-secret-of-somebody-else')],
    ['of other bytes', flipped, right],
    ['in upper case', body, right.toUpperCase()],
    ['with upper-case digits', body, `sha256=${right.slice(7).toUpperCase()}`],
    ['cut short', body, right.slice(0, -1)],
    ['too long', body, `${right}0`],
    ['without its prefix', body, right.slice(7)],
    ['SHA-1', body, `sha1=${createHmac('sha1', secretOf(flow)).update(body).digest('hex')}`],
    ['SHA-1 under the new name', body, `sha256=${createHmac('sha1', secretOf(flow)).update(body).digest('hex')}`],
    ['empty', body, ''],
    ['given twice', body, `${right}, ${right}`]
  ]
  for (const [name, bytes, signature] of tries) {
    const answer = await send(flow, [bytes], {
      'content-length': String(bytes.length),
      ...(signature === undefined ? {} : { 'x-hub-signature-256': signature })
    })
    t.equal(answer.status, 401, name)
    t.equal(JSON.parse(answer.body).code, 'signature_invalid')
  }
  const legacy = `sha1=${createHmac('sha1', secretOf(flow)).update(body).digest('hex')}`
  t.equal((await send(flow, [body], { 'x-hub-signature': legacy })).status, 401, 'the legacy header alone')
  t.equal((await fetch(`${flow.url}/webhooks/whatsapp`, { method: 'POST' })).status, 401, 'no body at all')
  t.equal(await stored(flow), 0)
  t.equal(flow.messages().length, 0)

  await t.test('during rotation both secrets are right, and none that was left', async t => {
    const { numbers, registry } = flow.runtime.bridge
    const [number] = registry.numbers()
    const old = secretOf(flow)
    await numbers.saveNumber({ ...number!, appSecrets: [old, 'the-next-secret'] })
    await flow.runtime.refresh()
    for (const secret of [old, 'the-next-secret']) {
      const bytes = bytesOf(webhook(flow, { text: `signed with ${secret === old ? 'the old' : 'the new'}` }))
      t.equal((await post(flow, bytes, { 'x-hub-signature-256': sign(bytes, secret) })).status, 200)
    }
    await numbers.saveNumber({ ...number!, appSecrets: ['the-next-secret'] })
    await flow.runtime.refresh()
    t.equal((await post(flow, bytesOf(webhook(flow, { text: 'too late' })))).status, 401)
    await flow.until('both', () => flow.messages().length === 2, 30_000)
    await numbers.saveNumber({ ...number!, appSecrets: [old] })
    await flow.runtime.refresh()
  })

  await t.test('the handshake answers the challenge and nothing else', async t => {
    const { verifyToken } = flow.sandbox.graph.config() as Loose
    const shake = async (query: Record<string, string>): Promise<[number, string, string | null]> => {
      const answer = await fetch(`${flow.url}/webhooks/whatsapp?${new URLSearchParams(query)}`)
      return [answer.status, await answer.text(), answer.headers.get('content-type')]
    }
    const mode = { 'hub.mode': 'subscribe', 'hub.challenge': '1158201444' }
    t.same(await shake({ ...mode, 'hub.verify_token': verifyToken }), [200, '1158201444', 'text/plain'])
    const html = await shake({ ...mode, 'hub.challenge': '<script>1</script>', 'hub.verify_token': verifyToken })
    t.match(html[2], /^text\/plain/, 'what is sent back is never a page')
    t.equal((await shake({ ...mode, 'hub.verify_token': 'wrong' }))[0], 403)
    t.equal((await shake({ ...mode, 'hub.verify_token': '' }))[0], 403)
    t.equal((await shake({ ...mode }))[0], 403)
    t.equal((await shake({ ...mode, 'hub.mode': 'unsubscribe', 'hub.verify_token': verifyToken }))[0], 403)
    t.equal((await shake({}))[0], 403)
    const twice = `${new URLSearchParams({ ...mode, 'hub.verify_token': verifyToken })}&hub.verify_token=other`
    t.equal((await fetch(`${flow.url}/webhooks/whatsapp?${twice}`)).status, 403)
  })
})

t.test('up to 3 MiB come in, one byte more does not, however it is sent', async t => {
  const flow = await startFlow(t)
  const full = paddedBody(flow, MAX_BYTES, 'just fits')
  t.equal(full.length, MAX_BYTES)
  t.equal((await post(flow, full)).status, 200)
  const chunked = paddedBody(flow, MAX_BYTES, 'fits in pieces')
  const pieces: Buffer[] = []
  for (let at = 0; at < chunked.length; at += 65_536) pieces.push(chunked.subarray(at, at + 65_536))
  t.equal((await send(flow, pieces, { 'x-hub-signature-256': sign(chunked, secretOf(flow)) })).status, 200)

  const over = paddedBody(flow, MAX_BYTES + 1, 'one too many')
  const refused = await post(flow, over)
  t.equal(refused.status, 413)
  t.equal(JSON.parse(refused.body).code, 'body_too_large')
  const overPieces: Buffer[] = []
  for (let at = 0; at < over.length; at += 65_536) overPieces.push(over.subarray(at, at + 65_536))
  const inPieces = await send(flow, overPieces, { 'x-hub-signature-256': sign(over, secretOf(flow)) }).catch(
    (error: NodeJS.ErrnoException) => ({ status: error.code === 'EPIPE' || error.code === 'ECONNRESET' ? 413 : 0 })
  )
  t.equal(inPieces.status, 413, 'without a length')
  const endless = Array.from({ length: 400 }, () => Buffer.alloc(65_536, 0x20))
  const stopped = await send(flow, endless, { 'x-hub-signature-256': 'sha256=0' }).catch(
    (error: NodeJS.ErrnoException) => ({ status: error.code === 'EPIPE' || error.code === 'ECONNRESET' ? 413 : 0 })
  )
  t.equal(stopped.status, 413, 'what does not end is cut')
  const announced = await send(flow, [], { 'content-length': String(100 * 1024 * 1024) }).catch(() => ({ status: 413 }))
  t.equal(announced.status, 413, 'refused before a byte of it was read')

  // A length that lies: shorter than what comes, so that the rest is taken for a next request.
  const body = bytesOf(webhook(flow, { text: 'lies' }))
  const lie = await post(flow, body, { 'content-length': String(body.length - 10) }).catch(() => ({ status: 400 }))
  t.ok(lie.status === 401 || lie.status === 400, `a shorter length: ${lie.status}`)
  t.ok(await isUp(flow))
  await flow.until('both that fit', () => flow.messages().length === 2, 30_000)
  await flow.settle(30_000)
  t.same(
    flow
      .messages()
      .map(row => row.content)
      .sort(),
    ['fits in pieces', 'just fits']
  )
})

t.test('what is signed but odd is kept, answered 200 and harms nobody', async t => {
  const flow = await startFlow(t)
  const malformed = [
    Buffer.from('{"object":'),
    Buffer.from('not json at all'),
    Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
    Buffer.from('{"a":"\u0000"}'),
    Buffer.alloc(0)
  ]
  for (const bytes of malformed) {
    t.equal((await post(flow, bytes)).status, 200, JSON.stringify(bytes.toString()))
  }
  const aside = async (): Promise<Loose[]> => {
    await sorted(flow)
    return sql(flow, "select state from events where code = 'body_malformed'")
  }
  t.same(
    (await aside()).map(row => row.state),
    malformed.map(() => 2),
    'set aside, each once'
  )
  t.equal((await post(flow, malformed[0]!)).status, 200, 'the same again')
  t.equal((await aside()).length, malformed.length)

  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const known = JSON.stringify(webhook(flow, { text: 'beside something deep' }))
  const proto = JSON.stringify(webhook(flow, { text: 'proto' })).replace(
    '"object"',
    '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"object"'
  )
  const odd: Record<string, string> = {
    'ten thousand objects deep': deep(10_000),
    'ten thousand lists deep': `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
    'deep inside a message': known.replace('"text":{', `"later":${deep(10_000)},"text":{`),
    'deep beside another message': JSON.stringify(
      webhook(flow, { text: 'shallow' }, { text: 'deeper', more: { later: 'DEEP' } })
    ).replace('"DEEP"', deep(10_000)),
    __proto__: proto,
    'a byte order mark': `\ufeff${JSON.stringify(webhook(flow, { text: 'with a mark' }))}`,
    null: 'null',
    'a number': '1e999',
    'a text': '"hello"',
    'an empty list': '[]',
    'an empty object': '{}',
    'no entry': '{"object":"whatsapp_business_account"}',
    'entry is a text': '{"object":"whatsapp_business_account","entry":"x"}',
    'changes is a number': '{"entry":[{"id":1,"changes":7}]}',
    'value is a list': '{"entry":[{"changes":[{"field":"messages","value":[]}]}]}',
    'messages is an object': '{"entry":[{"changes":[{"field":"messages","value":{"messages":{"id":1}}}]}]}',
    'huge numbers': JSON.stringify(webhook(flow, { text: 'huge' })).replace(
      /"timestamp":"\d+"/,
      '"timestamp":99999999999999999999999'
    ),
    'duplicate keys': JSON.stringify(webhook(flow, { text: 'twice' })).replace('"object"', '"entry":[],"object"')
  }
  odd['own key __proto__'] = proto
  for (const [name, text] of Object.entries(odd)) t.equal((await post(flow, Buffer.from(text))).status, 200, name)
  t.equal(({} as Loose).polluted, undefined)

  const nul = newWamid()
  const bad = webhook(
    flow,
    { wamid: nul, text: 'nul \u0000 inside', name: 'A\u0000B' },
    { text: 'half \ud83d of a smile', waId: '15550107770', name: '\udc00' },
    { wamid: `wamid.\u0000${newWamid()}`, text: 'nul in the id', waId: '15550107771' },
    { wamid: `wamid.\ud800${newWamid()}`, text: 'half a sign in the id', waId: '15550107772' },
    { wamid: `wamid.${'x'.repeat(300)}`, text: 'an id that is too long', waId: '15550107773' }
  )
  t.equal((await post(flow, bytesOf(bad))).status, 200)
  const statuses = other(flow, 'messages', 'statuses', [
    { id: 'wamid.\u0000', status: 'read', timestamp: '1', recipient_id: '1' },
    { id: 'wamid.ok', status: 'of another kind', timestamp: 'never', recipient_id: 7 },
    { id: 'wamid.ok', status: 'read', timestamp: String(nowSeconds()), recipient_id: '1' }
  ])
  t.equal((await post(flow, bytesOf(statuses))).status, 200)

  for (const type of [
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json; charset=x'
  ]) {
    const bytes = bytesOf(webhook(flow, { text: `as ${type.split(';')[0]}`, waId: '15550107774' }))
    t.equal((await post(flow, bytes, { 'content-type': type })).status, 200, `content type ${type}`)
  }
  const zipped = bytesOf(webhook(flow, { text: 'says that it is zipped', waId: '15550107775' }))
  const answer = await post(flow, zipped, { 'content-encoding': 'gzip' })
  t.ok(answer.status < 500, `content-encoding gzip: ${answer.status}`)
  t.ok(await isUp(flow))
  await flow.settle(60_000)
  for (const text of ['shallow', 'proto', 'with a mark', 'huge', 'nul  inside', 'as text/plain']) {
    t.equal(count(flow, text), 1, `${text} has arrived`)
  }
  t.equal(
    flow.messages().filter(row => /half .* of a smile/.test(row.content)).length,
    1,
    'half a character is replaced, its text arrives'
  )
  t.equal(flow.messages().filter(row => /of the id|in the id/.test(row.content)).length, 2)
  t.same(await sql(flow, 'select key from events where state = 0'), [])
  const errors = flow.logs.filter(line => JSON.parse(line).level >= 50)
  t.same(errors, [], 'nothing of it is an error of ours')
})
