/**
 * `/api/v1`: every route of the contract, checked on the way in and out by its schemas, described by `openapi.json`.
 * Who is calling is known before a body is read. Bearer tokens only; a cookie alone can do nothing here.
 */
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { createJsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { PuenteError } from '../../core/errors.ts'
import type { ApiKey } from '../../core/ports/agent-store.ts'
import { addChecks } from '../admin/check-stream.ts'
import { createExaminations } from '../admin/examinations.ts'
import { overviewHandlers } from '../admin/overview.ts'
import { ticketHandlers } from '../admin/tickets.ts'
import { ROUTES, type RouteName } from '../contract/routes.ts'
import { requireAgent, requireKey, requireOverseer } from '../session/bearer.ts'
import { BUCKETS, createBuckets } from '../session/buckets.ts'
import { adminHandlers } from './admin.ts'
import { conversationHandlers } from './conversation.ts'
import { type ApiDeps, type Handlers, localeOf, type Overseer, type SignedInAgent } from './deps.ts'
import { addExport } from './export.ts'
import { addFileContent } from './file-content.ts'
import { fileHandlers } from './files.ts'
import { hookHandlers } from './hook-setup.ts'
import { addLive } from './live.ts'
import { addMacroHook } from './macro-hook.ts'
import { messageHandlers } from './messages.ts'
import { sendApiProblem } from './problems.ts'
import { signInHandlers } from './sign-in.ts'
import { startHandlers } from './start.ts'
import { templateHandlers } from './templates.ts'

/** A long list of values and texts; files go another way. */
const MOST_BODY_BYTES = 512 * 1024

/** Of the contract, not of the program: it changes when the routes do. */
const CONTRACT_VERSION = '1.0.0'

export async function addApi(scope: FastifyInstance, deps: ApiDeps): Promise<void> {
  const examinations = createExaminations(deps.oversight)
  const handlers: Handlers = {
    ...signInHandlers(deps),
    ...conversationHandlers(deps),
    ...messageHandlers(deps),
    ...templateHandlers(deps),
    ...startHandlers(deps),
    ...fileHandlers(deps),
    ...adminHandlers(deps),
    ...hookHandlers(deps),
    ...ticketHandlers(deps),
    ...overviewHandlers(deps, examinations)
  }
  const buckets = createBuckets(deps.bridge.clock.monotonicMs)
  const agents = new WeakMap<FastifyRequest, SignedInAgent>()
  const overseers = new WeakMap<FastifyRequest, Overseer>()
  const keys = new WeakMap<FastifyRequest, ApiKey>()

  await scope.register(
    async api => {
      api.setValidatorCompiler(validatorCompiler)
      api.setSerializerCompiler(serializerCompiler)
      api.setErrorHandler((error, request, reply) => {
        const answer = sendApiProblem(request, reply, error, localeOf(request, agents.get(request)?.agent))
        if (answer.statusCode >= 500) {
          const { code } = error as { code?: string }
          deps.bridge.log.error({ err: error, code, route: request.routeOptions.url }, 'request failed')
        }
        return answer
      })
      api.setNotFoundHandler((request, reply) =>
        sendApiProblem(request, reply, new PuenteError('not_found'), localeOf(request))
      )
      api.addHook('onRequest', async (_request: FastifyRequest, reply: FastifyReply) => {
        reply.header('cache-control', 'no-store')
        reply.header('x-content-type-options', 'nosniff')
        reply.header('referrer-policy', 'no-referrer')
        reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
      })
      await api.register(swagger, {
        openapi: {
          openapi: '3.0.3',
          info: {
            title: 'Puente',
            version: CONTRACT_VERSION,
            description: 'Errors are application/problem+json. Writes take an Idempotency-Key.'
          },
          components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }
        },
        transform: createJsonSchemaTransform({})
      })
      api.get('/openapi.json', { schema: { hide: true } as object }, async (_request, reply) =>
        reply
          .type('application/json')
          .serializer((value: unknown) => JSON.stringify(value))
          .send(api.swagger())
      )
      const guard = async (request: FastifyRequest, caller: string): Promise<void> => {
        if (caller === 'anyone') {
          buckets.take(`sign-in ${request.ip}`, BUCKETS.signIn, /\/sign-in|pairing\//.test(request.url) ? 0.2 : 1)
          return
        }
        if (caller === 'key') {
          keys.set(request, await requireKey(deps, buckets, request))
          return
        }
        if (caller === 'overseer') {
          overseers.set(request, await requireOverseer(deps, buckets, request))
          return
        }
        const who = await requireAgent(deps, buckets, request)
        if (caller === 'admin' && who.agent.role !== 'administrator') throw new PuenteError('not_allowed')
        agents.set(request, who)
      }
      await api.register(async uploads => {
        // The bytes are streamed by the handler itself, whatever their type is said to be.
        uploads.removeAllContentTypeParsers()
        uploads.addContentTypeParser('*', (_request, _payload, done) => done(null))
        addRoute(uploads, 'upload')
      })
      for (const name of Object.keys(ROUTES) as RouteName[]) if (name !== 'upload') addRoute(api, name)
      addMacroHook(api, deps, buckets)
      await api.register(async exports => {
        exports.addHook('onRequest', request => guard(request, 'key'))
        addExport(exports, deps, request => keys.get(request)!)
      })
      await api.register(async live => {
        live.addHook('onRequest', request => guard(request, 'agent'))
        addLive(live, deps, request => agents.get(request)!)
      })
      await api.register(async contents => {
        contents.addHook('onRequest', request => guard(request, 'agent'))
        addFileContent(contents, deps, request => agents.get(request)!)
      })
      await api.register(async checks => {
        checks.addHook('onRequest', request => guard(request, 'overseer'))
        addChecks(checks, deps, examinations, buckets, request => overseers.get(request)!)
      })

      function addRoute(on: FastifyInstance, name: RouteName): void {
        const route: Shape = ROUTES[name]
        const status = route.status ?? 200
        const handle = handlers[name] as (input: unknown, who: unknown) => Promise<unknown>
        on.route({
          method: route.method as HTTPMethods,
          url: route.path,
          bodyLimit: MOST_BODY_BYTES,
          logLevel: 'warn',
          schema: {
            summary: route.about,
            tags: [route.caller],
            ...(route.caller === 'anyone' ? {} : { security: [{ bearer: [] }] }),
            ...(route.params ? { params: route.params } : {}),
            ...(route.query ? { querystring: route.query } : {}),
            ...(route.headers ? { headers: route.headers } : {}),
            ...(route.body ? { body: route.body } : {}),
            response: { [status]: route.answer }
          },
          onRequest: request => guard(request, route.caller),
          handler: async (request, reply) => {
            const { params, query, body, headers } = request
            const answer = await handle(
              { params, query, body, headers },
              { agent: agents.get(request), overseer: overseers.get(request), key: keys.get(request), request }
            )
            return reply.code(status).send(answer)
          }
        })
      }
    },
    { prefix: '/api/v1' }
  )
}

interface Shape {
  method: string
  path: string
  caller: string
  about: string
  params?: unknown
  query?: unknown
  headers?: unknown
  body?: unknown
  answer: unknown
  status?: number
}
