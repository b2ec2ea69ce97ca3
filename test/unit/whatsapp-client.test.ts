/** The Cloud API client: what it sends, what it makes of answers, and how sure it is when there is none. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { inspect } from 'node:util'
import nock from 'nock'
import t, { type Test } from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { createCloudChannel } from '../../adapters/whatsapp-cloud/client.ts'
import { createGraph } from '../../adapters/whatsapp-cloud/graph-call.ts'
import * as management from '../../adapters/whatsapp-cloud/management.ts'
import { proveAppSecret } from '../../adapters/whatsapp-cloud/signature.ts'
import { readWaba } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import type { NumberAccess } from '../../plugin/core/ports/channel.ts'
import { RULES } from '../../plugin/core/rules.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/whatsapp/${name}.json`, import.meta.url), 'utf8'))
const GRAPH = 'https://graph.facebook.com'
const NUMBER = '300000000000001'
const WAMID = 'wamid.HBgLMTU1NTAxMDAzMDEVAgARGBJPVVQwMDAwMDAwMDAwMDAwMDE='
const access: NumberAccess = { phoneNumberId: NUMBER, token: 'EAAtoken', graphUrl: GRAPH, graphVersion: 'v25.0' }
const hello = {
  to: { phone: '+15550100301' },
  part: { kind: 'text' as const, body: 'Hello', previewUrl: false },
  reference: 'attempt-1'
}
const times = { graphCallMs: 400, mediaMs: 400 }

function setUp(t: Test, options: { mediaOrigins?: string[]; appSecretProof?: boolean } = {}) {
  nock.disableNetConnect()
  nock.enableNetConnect('127.0.0.1')
  const http = createHttpClient()
  const channel = createCloudChannel({ http, times, ...options })
  t.teardown(() => {
    channel.close()
    nock.abortPendingRequests()
    nock.cleanAll()
  })
  return { channel, graph: createGraph({ http, times }) }
}

/** A real server on loopback, for what nock cannot show: connections that break. */
async function serve(t: Test, listener: RequestListener): Promise<NumberAccess> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise<void>(resolve => server.close(() => resolve()))
  })
  return { ...access, graphUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test('sends with token, version, reference and proof, and reads what was accepted', async t => {
  const { channel } = setUp(t)
  const secret = { ...access, appSecret: 'shh' }
  nock(GRAPH, { reqheaders: { authorization: 'Bearer EAAtoken', 'content-type': 'application/json' } })
    .post(`/v25.0/${NUMBER}/messages`, {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+15550100301',
      type: 'text',
      text: { body: 'Hello' },
      biz_opaque_callback_data: 'attempt-1'
    })
    .query({ appsecret_proof: proveAppSecret('EAAtoken', 'shh') })
    .reply(200, read('api-send-response'))
  let left = 0
  t.strictSame(await channel.send(secret, hello, { beforeBytes: () => void left++ }), {
    wamid: WAMID,
    waId: '15550100301'
  })
  t.equal(left, 1, 'told right before the bytes left')
  t.ok(nock.isDone())
})

t.test('an answer may name a user id, a group, or a message that is held', async t => {
  const { channel } = setUp(t)
  const answers: Record<string, object> = {
    'api-send-response-bsuid': { wamid: WAMID, userId: 'US.8t3Qk1Zp0Lx7Va2Nd5Rw' },
    'api-send-response-held': { wamid: WAMID, waId: '15550100301', held: true },
    'api-send-response-paused': { wamid: WAMID, waId: '15550100301', held: true },
    'api-send-response-template-accepted': { wamid: WAMID, waId: '15550100301' }
  }
  for (const [name, accepted] of Object.entries(answers)) {
    nock(GRAPH)
      .post(/messages$/)
      .reply(200, read(name))
    t.strictSame(await channel.send(access, hello, {}), accepted, name)
  }
  nock(GRAPH)
    .post(/messages$/)
    .reply(200, read('api-send-response-group'))
  t.strictSame(await channel.send(access, { ...hello, to: { groupId: 'G' } }, {}), { wamid: WAMID })
})

t.test('certainty: refusals did not happen, faults and unreadable answers may have', async t => {
  const { channel } = setUp(t)
  const cases: [
    number,
    unknown,
    { code: string; certainty: string; remedy?: string; retryAfterSeconds?: number },
    object?
  ][] = [
    [400, read('error-131047-window-closed').body, { code: 'wa_window_closed', certainty: 'did_not_happen' }],
    [
      400,
      read('error-131056-pair-rate').body,
      { code: 'wa_throttled_pair', certainty: 'did_not_happen', remedy: 'retry' }
    ],
    [401, read('error-190-token-expired').body, { code: 'wa_token_invalid', certainty: 'did_not_happen' }],
    [503, read('error-133004-server-unavailable').body, { code: 'wa_temporary', certainty: 'did_not_happen' }],
    [503, read('error-2-service').body, { code: 'wa_temporary', certainty: 'may_have_happened' }],
    [500, read('error-131016-service-unavailable').body, { code: 'wa_temporary', certainty: 'may_have_happened' }],
    [502, '<html>bad gateway</html>', { code: 'wa_temporary', certainty: 'may_have_happened' }],
    [429, '', { code: 'wa_rate_limited', certainty: 'did_not_happen', retryAfterSeconds: 30 }, { 'retry-after': '30' }],
    [200, '{"messages":[', { code: 'wa_no_answer', certainty: 'may_have_happened' }],
    [200, {}, { code: 'wa_no_answer', certainty: 'may_have_happened' }],
    [200, 'null', { code: 'wa_no_answer', certainty: 'may_have_happened' }]
  ]
  for (const [status, body, expected, headers] of cases) {
    nock(GRAPH)
      .post(/messages$/)
      .reply(status, body as nock.Body, headers as nock.ReplyHeaders)
    await t.rejects(channel.send(access, hello, {}), expected, `${status} ${JSON.stringify(body).slice(0, 40)}`)
  }
})

t.test('certainty: refused connection, reset before and after an answer began, silence', async t => {
  const { channel } = setUp(t)
  const gone = await serve(t, () => {})
  const refused = { ...access, graphUrl: 'http://127.0.0.1:1' }
  await t.rejects(channel.send(refused, hello, {}), {
    code: 'wa_unreachable',
    certainty: 'did_not_happen',
    remedy: 'retry'
  })
  await t.rejects(
    channel.send(gone, hello, {}),
    { code: 'wa_no_answer', certainty: 'may_have_happened' },
    'no answer in time'
  )
  const reset = await serve(t, request => request.socket.destroy())
  await t.rejects(channel.send(reset, hello, {}), { code: 'wa_no_answer', certainty: 'may_have_happened' }, 'reset')
  const cut = await serve(t, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-length': '500' })
      response.write('{"messages":[{"id":"wamid.')
      setTimeout(() => request.socket.destroy(), 20)
    })
  })
  await t.rejects(
    channel.send(cut, hello, {}),
    { code: 'wa_no_answer', certainty: 'may_have_happened' },
    'half an answer'
  )
  await t.rejects(
    channel.markRead(reset, WAMID),
    { code: 'wa_unreachable', certainty: 'did_not_happen' },
    'harmless calls are just repeated'
  )
})

t.test('what beforeBytes throws keeps the message from leaving', async t => {
  const { channel } = setUp(t)
  let asked = 0
  const server = await serve(t, (_request, response) => {
    asked++
    response.end('{}')
  })
  const stop = () => {
    throw new Error('the deadline has passed')
  }
  await t.rejects(channel.send(server, hello, { beforeBytes: stop }), {
    certainty: 'did_not_happen',
    cause: { message: 'the deadline has passed' }
  })
  t.equal(asked, 0)
})

t.test('marks read, with and without the typing sign', async t => {
  const { channel } = setUp(t)
  const body = read('send-mark-read')
  nock(GRAPH).post(`/v25.0/${NUMBER}/messages`, body).reply(200, { success: true })
  await channel.markRead(access, body.message_id)
  nock(GRAPH).post(`/v25.0/${NUMBER}/messages`, read('send-typing-indicator')).reply(200, { success: true })
  await channel.markRead(access, body.message_id, { typing: true })
  t.ok(nock.isDone())
})

t.test('uploads a file as a stream of known length', async t => {
  const { channel } = setUp(t)
  const dir = mkdtempSync(join(tmpdir(), 'puente-upload-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'a.bin')
  const bytes = Buffer.alloc(300_000, 7)
  writeFileSync(path, bytes)
  const seen: { headers?: Record<string, unknown>; body?: Buffer } = {}
  const server = await serve(t, async (request, response) => {
    seen.headers = request.headers
    seen.body = await buffer(request)
    response.end(JSON.stringify(read('api-media-upload')))
  })
  const file = { path, mimeType: 'application/pdf', name: 'Rech"nung\r\n ü.pdf' }
  t.equal(await channel.uploadMedia(server, file), '610000000000001')
  t.equal(Number(seen.headers?.['content-length']), seen.body?.length)
  const text = seen.body!.toString('latin1')
  const boundary = /boundary=(.+)$/.exec(String(seen.headers?.['content-type']))![1]!
  t.equal(text.split(`--${boundary}`).length, 5)
  t.match(seen.body!.toString(), 'filename="Rech%22nung%0D%0A ü.pdf"')
  t.match(text, /name="messaging_product"\r\n\r\nwhatsapp\r\n/)
  t.match(text, /name="type"\r\n\r\napplication\/pdf\r\n/)
  t.ok(
    seen.body!.includes(
      Buffer.concat([Buffer.from('content-type: application/pdf\r\n\r\n'), bytes, Buffer.from('\r\n--')])
    )
  )

  writeFileSync(path, '')
  await t.rejects(channel.uploadMedia(server, file), { code: 'media_unsupported' })
  await t.rejects(channel.uploadMedia(server, { ...file, path: join(dir, 'gone') }), { code: 'media_unfetched' })
  writeFileSync(path, 'x')
  nock(GRAPH)
    .post(/media$/)
    .reply(400, read('error-100-invalid-parameter').body)
  await t.rejects(channel.uploadMedia(access, file), { code: 'wa_media_rejected', remedy: 'fix_message' })
  nock(GRAPH)
    .post(/media$/)
    .reply(500, '')
  await t.rejects(
    channel.uploadMedia(access, file),
    { code: 'wa_temporary', certainty: 'did_not_happen' },
    'may be repeated'
  )
})

t.test('locates media, and knows when it is gone', async t => {
  const { channel } = setUp(t)
  nock(GRAPH).get('/v25.0/600000000000001').query({ phone_number_id: NUMBER }).reply(200, read('api-media-get'))
  t.strictSame(await channel.locateMedia(access, '600000000000001'), {
    url: 'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=600000000000001&ext=1793880300&hash=EXAMPLE',
    mimeType: 'image/jpeg',
    sha256: 'dda1f3c1a6f0c7a2b9f7f3e2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2',
    sizeBytes: 303833
  })
  nock(GRAPH).get(/./).query(true).reply(400, read('error-100-33-object-missing').body)
  await t.rejects(channel.locateMedia(access, '1'), { code: 'media_gone' })
  nock(GRAPH).get(/./).query(true).reply(404, '')
  await t.rejects(channel.locateMedia(access, '1'), { code: 'media_gone' })
  nock(GRAPH).get(/./).query(true).reply(200, {})
  await t.rejects(channel.locateMedia(access, '1'), { code: 'media_unfetched' })
  nock(GRAPH).get(/%2F/).query(true).reply(200, read('api-media-get'))
  await channel.locateMedia(access, '../other?x')
  t.ok(nock.isDone(), 'an id never leaves its place in the address')
})

t.test('opens media at Meta with the token, elsewhere of Meta without it', async t => {
  const { channel } = setUp(t)
  const look = 'https://lookaside.fbsbx.com'
  nock(look, { reqheaders: { authorization: 'Bearer EAAtoken' } })
    .get('/a?mid=1')
    .reply(200, 'bytes', { 'content-length': '5' })
  const { stream, sizeBytes } = await channel.openMedia(access, `${look}/a?mid=1`)
  t.equal(sizeBytes, 5)
  t.equal((await buffer(stream)).toString(), 'bytes')
  nock('https://scontent.xx.fbcdn.net', { badheaders: ['authorization'] })
    .get('/v/a.jpg')
    .reply(200, 'ad')
  t.equal(
    (await buffer((await channel.openMedia(access, 'https://scontent.xx.fbcdn.net/v/a.jpg')).stream)).toString(),
    'ad'
  )
})

t.test('X7: media is fetched from nowhere else', async t => {
  const { channel } = setUp(t)
  const urls = [
    'http://127.0.0.1/a',
    'http://169.254.169.254/latest/meta-data',
    'http://lookaside.fbsbx.com/a',
    'https://lookaside.fbsbx.com:8443/a',
    'https://lookaside.fbsbx.com.evil.example/a',
    'https://evilfbsbx.com/a',
    'https://user:pass@lookaside.fbsbx.com/a',
    'https://lookaside.fbsbx.com@evil.example/a',
    'https://evil.example/?lookaside.fbsbx.com',
    'https://[::1]/a',
    'file:///etc/passwd',
    'data:text/plain,x',
    'no url',
    ''
  ]
  for (const url of urls)
    await t.rejects(channel.openMedia(access, url), { code: 'media_origin', certainty: 'did_not_happen' }, url)
})

t.test('X7: the configured Graph and added origins are allowed, the latter without the token', async t => {
  const seen: (string | undefined)[] = []
  const server = await serve(t, (request, response) => {
    seen.push(request.headers.authorization)
    response.end('ok')
  })
  const own = setUp(t).channel
  t.equal((await buffer((await own.openMedia(server, `${server.graphUrl}/media/1`)).stream)).toString(), 'ok')
  const added = setUp(t, { mediaOrigins: [server.graphUrl] }).channel
  t.equal((await buffer((await added.openMedia(access, `${server.graphUrl}/media/1`)).stream)).toString(), 'ok')
  t.strictSame(seen, ['Bearer EAAtoken', undefined])
})

t.test('X7: a redirect is followed only within its origin', async t => {
  const { channel } = setUp(t)
  const other = await serve(t, (_request, response) => response.end('secret'))
  const server = await serve(t, (request, response) => {
    const locations: Record<string, string> = {
      '/inside': '/target',
      '/outside': `${other.graphUrl}/a`,
      '/loop': '/loop'
    }
    const location = locations[request.url ?? '']
    if (location === undefined) response.end('target')
    else response.writeHead(302, { location }).end()
  })
  t.equal((await buffer((await channel.openMedia(server, `${server.graphUrl}/inside`)).stream)).toString(), 'target')
  await t.rejects(channel.openMedia(server, `${server.graphUrl}/outside`), { code: 'media_origin' })
  await t.rejects(channel.openMedia(server, `${server.graphUrl}/loop`), { code: 'media_unfetched' })
})

t.test('media that is expired, refused, too large, cut short or lost', async t => {
  const { channel } = setUp(t)
  const limit = RULES.receivedMediaMaxBytes.value
  const server = await serve(t, (request, response) => {
    const status = Number(/^\/status\/(\d+)/.exec(request.url ?? '')?.[1])
    if (status) return void response.writeHead(status, { 'retry-after': '9' }).end()
    if (request.url === '/large')
      return void response.writeHead(200, { 'content-length': String(limit + 1) }).flushHeaders()
    if (request.url === '/silent') return void response.writeHead(200).flushHeaders()
    response.writeHead(200, { 'content-length': '100' })
    response.write('half')
    setTimeout(() => request.socket.destroy(), 20)
  })
  const open = (path: string) => channel.openMedia(server, server.graphUrl + path)
  await t.rejects(open('/status/404'), { code: 'media_unfetched', remedy: 'retry', facts: { expired: true } })
  await t.rejects(open('/status/401'), { code: 'wa_token_invalid' })
  await t.rejects(open('/status/429'), { code: 'wa_rate_limited', retryAfterSeconds: 9 })
  await t.rejects(open('/status/500'), { code: 'media_unfetched' })
  await t.rejects(open('/large'), { code: 'media_too_large' })
  const cut = await open('/cut')
  await t.rejects(buffer(cut.stream), { code: 'media_unfetched' })
  const silent = await open('/silent')
  await t.rejects(buffer(silent.stream), { code: 'media_unfetched' }, 'silence ends with the time-out')
  const unread = await open('/cut')
  await new Promise(resolve => setTimeout(resolve, 60))
  ;(unread.stream as import('node:stream').Readable).destroy()
  await t.rejects(channel.openMedia({ ...access, graphUrl: 'http://127.0.0.1:1' }, 'http://127.0.0.1:1/a'), {
    code: 'media_unfetched'
  })
})

t.test('facts of a number: its pace follows level and coexistence', async t => {
  const { channel } = setUp(t)
  const facts = async (change: object) => {
    nock(GRAPH)
      .get(`/v25.0/${NUMBER}`)
      .query(query => String(query.fields).includes('throughput'))
      .reply(200, { ...read('api-phone-number'), ...change })
    return channel.readNumber(access)
  }
  t.strictSame(await facts({}), {
    displayPhoneNumber: '+1 555-010-0200',
    throughputPerSecond: 80,
    isOnBusinessApp: false,
    verifiedName: 'Example Shop',
    quality: 'GREEN',
    status: 'CONNECTED',
    messagingLimit: 'TIER_2K'
  })
  const health_status = {
    can_send_message: 'BLOCKED',
    entities: [
      { entity_type: 'WABA', errors: [{ error_code: 141006 }, { error_code: 'x' }, null] },
      { entity_type: 'APP', errors: [{ error_code: 141006 }, { error_code: 141014 }] }
    ]
  }
  t.match(await facts({ health_status }), { canSend: 'BLOCKED', healthCodes: [141006, 141014] })
  t.match(await facts(read('api-health-blocked')), { canSend: 'BLOCKED', healthCodes: [141002] })
  t.match(await facts(read('api-health-limited')), { canSend: 'LIMITED' })
  t.match(await facts(read('api-phone-number-messaging-limit')), { messagingLimit: 'TIER_250' })
  t.match(await facts(read('api-phone-number-throughput')), { throughputPerSecond: 1000 })
  t.match(await facts({ is_on_biz_app: true }), { throughputPerSecond: 20, isOnBusinessApp: true })
  t.match(await facts({ throughput: null }), { throughputPerSecond: 80 })
})

t.test('management: number, subscriptions, overrides, token, templates', async t => {
  const { graph } = setUp(t)
  const waba = '200000000000001'
  nock(GRAPH).get(`/v25.0/${NUMBER}`).query(true).reply(200, read('api-phone-number'))
  t.match(await management.readNumberDetails(graph, access, NUMBER), {
    id: NUMBER,
    nameStatus: 'APPROVED',
    messagingLimit: 'TIER_2K',
    webhooks: {
      number: 'https://hooks.example.org/n1',
      waba: 'https://hooks.example.org/w1',
      app: 'https://hooks.example.org/wa'
    }
  })
  const troubled = async (fixture: string): Promise<string[]> => {
    nock(GRAPH)
      .get(`/v25.0/${NUMBER}`)
      .query(true)
      .reply(200, { ...read('api-phone-number'), ...read(fixture), id: NUMBER })
    return (await management.readNumberDetails(graph, access, NUMBER)).problems
  }
  t.match(await troubled('api-health-blocked'), [
    'Message templates can only be sent out if they are approved. Edit or appeal the message template review decision.'
  ])
  t.match(await troubled('api-health-limited'), [/display name has not been approved/], 'what only limits is said, too')
  nock(GRAPH).get(`/v25.0/${waba}`).query(true).reply(200, read('api-waba'))
  t.strictSame(await readWaba(graph, access, waba), {
    id: waba,
    name: 'Example WABA',
    timeZoneId: '25',
    currency: 'BRL',
    country: 'BR',
    reviewStatus: 'APPROVED',
    verification: 'verified',
    problems: [],
    healthCodes: []
  })
  nock(GRAPH)
    .get(`/v25.0/${NUMBER}`)
    .query({ fields: 'webhook_configuration' })
    .reply(200, read('api-webhook-configuration'))
  t.match(await management.readWebhookRouting(graph, access, NUMBER), { number: 'https://hooks.example.org/n1' })
  nock(GRAPH).get(`/v25.0/${waba}/subscribed_apps`).reply(200, read('api-subscribed-apps'))
  t.strictSame(await management.listSubscribedApps(graph, access, waba), [
    { id: '500000000000001', name: 'Help desk bridge', overrideCallbackUrl: 'https://hooks.example.org/w1' }
  ])
  const override = { callbackUrl: 'https://p.example.org/webhooks/whatsapp', verifyToken: 'v' }
  const wire = { override_callback_uri: override.callbackUrl, verify_token: 'v' }
  nock(GRAPH).post(`/v25.0/${waba}/subscribed_apps`, wire).reply(200, { success: true })
  await management.subscribeApp(graph, access, waba, override)
  nock(GRAPH).post(`/v25.0/${waba}/subscribed_apps`, '').reply(200, { success: true })
  await management.subscribeApp(graph, access, waba)
  nock(GRAPH).post(`/v25.0/${NUMBER}`, { webhook_configuration: wire }).reply(200, { success: true })
  await management.setNumberWebhook(graph, access, NUMBER, override)
  nock(GRAPH)
    .post(`/v25.0/${NUMBER}`, { webhook_configuration: { override_callback_uri: '' } })
    .reply(200, { success: true })
  await management.setNumberWebhook(graph, access, NUMBER, null)
  nock(GRAPH, { reqheaders: { authorization: 'Bearer 5|shh' } })
    .get('/v25.0/debug_token')
    .query({ input_token: 'EAAtoken' })
    .reply(200, read('api-debug-token'))
  const token = await management.debugToken(graph, access, { id: '5', secret: 'shh' })
  t.match(token, {
    isValid: true,
    appId: '500000000000001',
    type: 'SYSTEM_USER',
    scopes: ['whatsapp_business_management', 'whatsapp_business_messaging']
  })
  t.notOk('expiresAt' in token, '0 means never')
  t.strictSame(token.granularScopes[0], { scope: 'whatsapp_business_management', targetIds: [waba] })
  t.ok(nock.isDone())
})

t.test('templates come page by page, by cursor and never by the URL in the answer', async t => {
  const { graph } = setUp(t)
  const page = read('api-template-list')
  nock(GRAPH)
    .get(/message_templates$/)
    .query(query => query.after === undefined && query.limit === '100')
    .reply(200, { ...page, paging: { ...page.paging, next: 'http://169.254.169.254/' } })
  nock(GRAPH)
    .get(/message_templates$/)
    .query(query => query.after === 'QVFIUafter')
    .reply(200, { data: [page.data[0], { nonsense: 1 }], paging: {} })
  const pages: management.ListedTemplate[][] = []
  for await (const templates of management.listTemplates(graph, access, '200000000000001')) pages.push(templates)
  t.same(
    pages.map(list => list.map(template => template.name)),
    [['reservation_confirmation', 'promo'], ['reservation_confirmation']]
  )
  t.match(pages[0]![1], {
    status: 'REJECTED',
    rejectedReason: 'PROMOTIONAL',
    qualityScore: 'UNKNOWN',
    parameterFormat: 'POSITIONAL',
    components: [{ type: 'HEADER' }, {}]
  })
  t.ok(nock.isDone())
})

t.test('the one call that has a token in its address tells it to nobody when it fails', async t => {
  const { graph } = setUp(t)
  const app = { id: '5', secret: 'shh-shh-shh' }
  const real = { ...access, token: 'EAAsomethingLongAsRealOnesAre' }
  const ask = () => nock(GRAPH).get('/v25.0/debug_token').query({ input_token: real.token })
  const endings = [
    () => ask().reply(400, { error: { code: 1, message: `Error validating ${real.token}`, type: 'OAuthException' } }),
    () => ask().reply(500, 'no JSON'),
    () => ask().replyWithError(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))
  ]
  for (const end of endings) {
    end()
    const error = (await t.rejects(management.debugToken(graph, real, app))) as unknown as Error
    const told = inspect(error, { depth: 10 })
    t.notMatch(told, real.token)
    t.notMatch(told, app.secret)
  }
})
