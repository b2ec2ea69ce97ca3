/** Puente as a guest in somebody else's Fastify app: what the host had before, it has afterwards. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { type OptionsInput, PuenteError, puente } from '../../plugin/index.ts'
import { useDatabase } from '../support/postgres.ts'
import type { Loose } from '../support/puente.ts'
import { startFlow } from '../support/puente.ts'
import { count, deliver, webhook } from './inbound-lab.ts'

// Tests share two cores with others; waits end with what they wait for.
t.setTimeout(240_000)

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'uncaughtException', 'unhandledRejection', 'exit'] as const
const listeners = (): number[] => SIGNALS.map(name => process.listenerCount(name))

interface Host {
  app: FastifyInstance
  lines: string[]
  handled: string[]
}

/** A host with ways of its own: parser, error handler, 404, logger, routes, decorators, hooks. */
async function openHost(t: Loose, options: OptionsInput & { prefix?: string }): Promise<Host> {
  const lines: string[] = []
  const handled: string[] = []
  const app = Fastify({
    bodyLimit: 100,
    logger: { level: 'info', stream: { write: (line: string) => void lines.push(line) } },
    genReqId: () => 'of-the-host'
  })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, { parsedByHost: String(body) })
  )
  app.setErrorHandler((error, _request, reply) => {
    handled.push((error as Error).message)
    return reply.code(418).send({ host: (error as Error).message })
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ host: 'nothing here' }))
  app.decorate('runtime', 'of the host')
  app.decorate('bridge', 'of the host')
  app.decorateRequest('number', 7)
  app.decorateReply('sendProblem', () => 'of the host')
  app.addHook('onRequest', async request => {
    handled.push(`seen ${request.url}`)
  })
  app.post('/echo', async request => request.body)
  app.get('/boom', async () => {
    throw new Error('the host fails')
  })
  app.get('/livez', async () => ({ host: 'lives' }))
  const dataDir = await mkdtemp(join(tmpdir(), 'puente-host-'))
  await app.register(puente, {
    dataDir,
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    ...options,
    injected: { allowUnsafeDatabase: true }
  })
  app.get('/after', async () => ({ registered: 'after the guest' }))
  t.teardown(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  await app.ready()
  return { app, lines, handled }
}

t.test('nothing of the host changes', async t => {
  const { url } = await useDatabase(t)
  const before = listeners()
  const { app, lines, handled } = await openHost(t, { prefix: '/deep/whatsapp', databaseUrl: url })
  t.same(listeners(), before, 'no handlers of signals or of uncaught errors')

  const post = (path: string, payload: string | Buffer, headers: Loose = {}): Promise<Loose> =>
    app.inject({ method: 'POST', url: path, payload, headers: { 'content-type': 'application/json', ...headers } })
  const get = async (path: string): Promise<[number, Loose]> => {
    const answer = await app.inject({ method: 'GET', url: path })
    return [answer.statusCode, String(answer.headers['content-type']).includes('json') ? answer.json() : answer.body]
  }
  t.same((await post('/echo', '{not json')).json(), { parsedByHost: '{not json' }, "the host's own JSON parser")
  t.equal((await post('/echo', 'x'.repeat(101))).statusCode, 418, "the host's own limit and error handler")
  t.equal(
    (await post('/echo', 'a', { 'content-type': 'application/other' })).statusCode,
    418,
    'no parser for all types'
  )
  t.same(await get('/boom'), [418, { host: 'the host fails' }])
  t.same(await get('/nowhere'), [404, { host: 'nothing here' }])
  t.same(await get('/livez'), [200, { host: 'lives' }], 'a route of the same name')
  t.same(await get('/after'), [200, { registered: 'after the guest' }])
  t.equal((app as Loose).runtime, 'of the host')
  t.equal((app as Loose).bridge, 'of the host')
  t.equal(app.puente.prefix, '/deep/whatsapp')

  t.same(await get('/deep/whatsapp/livez'), [200, { status: 'alive' }])
  t.match(await get('/deep/whatsapp/readyz'), [200, { status: 'ready' }])
  t.match((await get('/deep/whatsapp/metrics'))[1], /^# HELP/)
  t.same(await get('/deep/whatsapp/nowhere'), [404, { host: 'nothing here' }], 'unknown paths are still the host’s')
  t.equal((await get('/webhooks/whatsapp'))[0], 404, 'nothing outside of the prefix')
  const mark = handled.length
  const refused = await post('/deep/whatsapp/webhooks/whatsapp', Buffer.alloc(1000, 0x20))
  t.equal(refused.statusCode, 401, 'larger than the host allows: read, and refused for its signature')
  t.match(refused.headers['content-type'], /^application\/problem\+json/)
  t.match(refused.json(), { code: 'signature_invalid', status: 401, requestId: 'of-the-host' })
  t.same(handled.slice(mark), ['seen /deep/whatsapp/webhooks/whatsapp'], "errors of the guest are not the host's")
  t.equal((await post('/deep/whatsapp/webhooks/chatwoot/none', '{}')).statusCode, 404)
  t.equal(lines.filter(line => line.includes('/deep/whatsapp/webhooks')).length, 0, 'webhooks write no log lines')
  t.ok(
    lines.some(line => line.includes('/boom')),
    'requests of the host do, in its own logger'
  )
})

t.test('without a prefix it serves at the root', async t => {
  const { url } = await useDatabase(t)
  const app = Fastify()
  const dataDir = await mkdtemp(join(tmpdir(), 'puente-root-'))
  await app.register(puente, {
    databaseUrl: url,
    dataDir,
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    metrics: false,
    injected: { allowUnsafeDatabase: true }
  })
  t.teardown(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/metrics')).statusCode, 404, 'switched off')
  t.equal((await app.inject({ method: 'POST', url: '/webhooks/whatsapp', payload: '{}' })).statusCode, 401)
})

t.test('a wrong option names itself, what it got and what it wants', async t => {
  const refuse = async (options: Loose): Promise<PuenteError> => {
    const app = Fastify()
    try {
      await app.register(puente, options)
      await app.ready()
    } catch (error) {
      return error as PuenteError
    } finally {
      await app.close()
    }
    throw new Error('was taken')
  }
  const error = await refuse({
    prefix: '/x',
    deskCeiling: 0,
    graphVersion: 'latest',
    databaseUrl: 'mysql://root:hunter2@db/x',
    chatwootOrigins: ['nonsense'],
    sandbox: 'maybe',
    deskCieling: 4
  })
  t.ok(error instanceof PuenteError)
  t.equal(error.code, 'config_invalid')
  const problems = String(error.facts.problems)
  t.match(problems, /^deskCieling: there is no such option \(known: .*deskCeiling/m)
  t.match(problems, /^deskCeiling \(PUENTE_DESK_CEILING\): got 0; .*1/m)
  t.match(problems, /^graphVersion \(PUENTE_GRAPH_VERSION\): got "latest"; must look like v25\.0/m)
  t.match(problems, /^databaseUrl \(PUENTE_DATABASE_URL\): got .*; must begin with postgres:\/\//m)
  t.match(problems, /^sandbox \(PUENTE_SANDBOX\): got "maybe"/m)
  t.match(problems, /^chatwootOrigins/m)
  t.notMatch(problems, /hunter2/, 'passwords are not repeated')
})

t.test('closing the host ends everything of the guest, soon', async t => {
  const { url } = await useDatabase(t)
  const open = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
    return {
      sockets: counts['TCPSocketWrap'] ?? 0,
      servers: counts['TCPServerWrap'] ?? 0,
      timers: counts['Timeout'] ?? 0
    }
  }
  const before = open()
  const dataDir = await mkdtemp(join(tmpdir(), 'puente-close-'))
  const app = Fastify()
  await app.register(puente, {
    databaseUrl: url,
    dataDir,
    masterKey: Buffer.alloc(32, 7).toString('base64'),
    injected: { allowUnsafeDatabase: true }
  })
  await app.ready()
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.ok(open().sockets! > before.sockets!, 'while it runs, something is open')
  const startedMs = performance.now()
  await app.close()
  t.ok(performance.now() - startedMs < 5_000)
  // Sockets report their end a moment later.
  await new Promise(resolve => setTimeout(resolve, 200))
  const after = open()
  t.ok(after.sockets! <= before.sockets!, `sockets: ${before.sockets} before, ${after.sockets} after`)
  t.ok(after.servers! <= before.servers!, 'servers')
  t.ok(after.timers! <= before.timers! + 1, `timers: ${before.timers} before, ${after.timers} after`)
  await rm(dataDir, { recursive: true, force: true })
})

t.test('a request in flight when the host closes does not keep it open for its keep-alive time', async t => {
  const flow = await startFlow(t)
  await deliver(flow, webhook(flow, { text: 'the connection is warm' }))
  await flow.until('the row', () => count(flow, 'the connection is warm') === 1, 30_000)
  // Held between verifying and storing, so that closing begins while it is in work.
  const { intake } = flow.runtime.bridge
  const accept = intake.accept
  const held: (() => void)[] = []
  intake.accept = async batch => {
    await new Promise<void>(resolve => held.push(resolve))
    return accept(batch)
  }
  const answer = deliver(flow, webhook(flow, { text: 'in flight' }))
  await flow.until('it is in work', () => held.length > 0)
  const startedMs = performance.now()
  const closed = flow.app.close()
  await new Promise(resolve => setTimeout(resolve, 200))
  intake.accept = accept
  for (const letGo of held) letGo()
  t.equal(await answer, 200, 'what was begun is finished')
  await closed
  t.ok(performance.now() - startedMs < 15_000, 'and the host ends')
})
