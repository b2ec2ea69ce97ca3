/**
 * The Fastify plugin. The outer shell only decorates `fastify.puente`; everything else lives in an encapsulated scope
 * under the prefix, so that the host's parsers, error handler, logger and routes stay as they are. Installs no signal
 * handlers and reads no environment.
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isOwnEcho, readHook } from '../adapters/chatwoot/from-wire.ts'
import { verifyHookSignature } from '../adapters/chatwoot/signature.ts'
import { prepareSecrets, verifyHandshake, verifySignature } from '../adapters/whatsapp-cloud/signature.ts'
import { noteWithCode, takeNote } from './core/agents/notes.ts'
import { RULES } from './core/rules.ts'
import { createDeskAddresses } from './http/api/desk-address.ts'
import { addApi } from './http/api/index.ts'
import { addChatwootWebhook } from './http/chatwoot-webhook.ts'
import { addHealth } from './http/health.ts'
import { addIcon, addReach } from './http/hear-probe.ts'
import { addPages } from './http/pages.ts'
import { sendProblem } from './http/problem.ts'
import { addWhatsAppWebhook } from './http/whatsapp-webhook.ts'
import { type Options, type OptionsInput, readOptions } from './options.ts'
import { type Injected, type Runtime, startRuntime } from './runtime.ts'

export { ERROR_TABLE, type ErrorCode, PuenteError } from './core/errors.ts'
export { listOptions, type OptionsInput, optionsSchema } from './options.ts'
export type { Runtime } from './runtime.ts'

export interface PuenteOptions extends OptionsInput {
  /** Everything of Puente moves under it. */
  prefix?: string
  /** For tests, fault runs and the server around the plugin only. */
  injected?: Injected
}

export interface Puente {
  runtime: Runtime
  /** The prefix under which the routes lie. */
  prefix: string
}

declare module 'fastify' {
  interface FastifyInstance {
    puente: Puente
  }
}

const plugin: FastifyPluginAsync<PuenteOptions> = async (fastify, given) => {
  const { prefix = '', injected, ...input } = given
  const options = readOptions(input)
  const runtime = await startRuntime(options, fastify.log, injected)
  if (options.publicUrl !== undefined) runtime.servedAt(withPrefix(options.publicUrl, prefix))
  fastify.decorate('puente', { runtime, prefix })
  fastify.addHook('onClose', () => runtime.stop())
  await fastify.register(scope => addRoutes(scope, runtime, options, prefix), { prefix })
}

async function addRoutes(scope: FastifyInstance, runtime: Runtime, options: Options, prefix: string): Promise<void> {
  scope.setErrorHandler((error, request, reply) => {
    const answer = sendProblem(request, reply, error)
    // The webhooks' own logger is silent; what nobody expected is told all the same.
    if (answer.statusCode === 500)
      runtime.bridge.log.error({ err: error, route: request.routeOptions.url }, 'request failed')
    return answer
  })
  // A connection that is in use while the host closes would keep it waiting for the whole keep-alive time.
  let closing = false
  scope.addHook('preClose', done => {
    closing = true
    done()
  })
  addHealth(scope, runtime, { metrics: options.metrics })
  addIcon(scope)
  addReach(scope, runtime.bridge.numbers)
  await scope.register(async hooks => {
    // Signatures are over the raw bytes, whatever the content type says.
    hooks.removeAllContentTypeParsers()
    // Nothing of a request is logged here: one silent logger for all saves making one for each.
    const silent = hooks.log.child({}, { level: 'silent' })
    hooks.setChildLoggerFactory(() => silent)
    hooks.addContentTypeParser(
      // The usual one by name: the catch-all is found only after the header has been taken apart.
      ['application/json', '*'],
      { parseAs: 'buffer', bodyLimit: RULES.webhookMaxBytes.value },
      (_request, body, done) => done(null, body)
    )
    addWhatsAppWebhook(hooks, {
      bridge: runtime.bridge,
      receive: runtime.sorter.receive,
      verify: verifySignature,
      prepareSecrets,
      verifyHandshake,
      closing: () => closing
    })
    addChatwootWebhook(hooks, {
      bridge: runtime.bridge,
      verify: verifyHookSignature,
      isOwnEcho,
      readHook,
      echoed: runtime.echoed,
      typing: runtime.typing,
      noteWithCode,
      takeNote: (number, hook, code) => takeNote(runtime.talk.agents, number, hook, code),
      closing: () => closing,
      refused: number => runtime.bridge.background(() => runtime.deskWatch.hookRefused(number))
    })
  })
  await addApi(scope, {
    ...runtime.talk,
    oversight: runtime.oversight,
    publicUrl: request => addressOf(request, options, prefix),
    desks: createDeskAddresses(runtime.bridge.registry, options.chatwootOrigins)
  })
  addPages(scope, { registry: runtime.bridge.registry, chatwootOrigins: options.chatwootOrigins })
}

/** How browsers reach us: as configured, else as they themselves say. */
function addressOf(request: FastifyRequest, options: Options, prefix: string): string {
  const { publicUrl } = options
  if (publicUrl === undefined) return `${request.protocol}://${request.host}${prefix}`
  return withPrefix(publicUrl, prefix)
}

function withPrefix(publicUrl: string, prefix: string): string {
  const base = publicUrl.replace(/\/+$/, '')
  return base.endsWith(prefix) ? base : `${base}${prefix}`
}

/** `app.register(puente, { prefix: '/whatsapp', databaseUrl: … })` */
export const puente = fp(plugin, { name: 'puente', fastify: '5.x' })
export default puente
