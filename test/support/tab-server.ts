/**
 * Puente's REST API as the tab sees it, small and in memory, for browser tests of the page alone: every answer is
 * checked by the contract's schemas, every request too. With it a page that plays the desk and frames the tab. Leaves
 * out everything that the real server decides; the flow stories run on that one.
 */
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { SendInfo } from '../../plugin/http/contract/common.ts'
import type { ConversationStatus } from '../../plugin/http/contract/conversation.ts'
import { ROUTES, type RouteAnswer, type RouteInput, type RouteName } from '../../plugin/http/contract/routes.ts'
import type { SlotValues, TemplateProblem } from '../../plugin/http/contract/template.ts'
import { pagesDir } from './built-pages.ts'
import {
  contacts,
  library,
  makeConversation,
  makeDetails,
  makeSend,
  messages,
  number,
  seeds,
  sources,
  type TemplateSeed
} from './tab-world.ts'

const csp =
  "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; object-src 'none'"

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

export interface TabServer {
  url: string
  /** What the conversation is told to be; change it and `tell` it. */
  status: ConversationStatus
  /** Bodies of what was sent, with the idempotency keys. */
  sent: { message: Record<string, unknown>; key: string }[]
  started: Record<string, unknown>[]
  uploads: { name: string; purpose: string; bytes: Buffer }[]
  calls: { name: RouteName; authorization: string | undefined; desk: string | undefined }[]
  /** Problems by route: the next calls are refused with them. */
  refuse: Partial<Record<RouteName, { status: number; code: string; title: string; link?: string }>>
  paired: boolean
  /** Whose session the desk's cookie is. */
  agentId: number
  ways: ('desk' | 'pairing')[]
  /** Server-sent events to every open line. */
  tell(event: string, data: unknown): void
  /** What became of a send. */
  become(sendId: string, part: Partial<SendInfo>): void
  sends: Map<string, SendInfo>
  lines(): number
  dropLines(): void
}

const text = (values: SlotValues, key: string): string | null => {
  const value = values[key]
  if (value?.kind === 'text') return value.text
  if (value?.kind === 'source') return sources.find(one => one.key === value.source)?.value ?? value.fallback ?? null
  return null
}

/** Enough of filling for the page to have something to show: body slots, files, places, missing values. */
function fill(seed: TemplateSeed, values: SlotValues) {
  const pieces = seed.summary.body.split(/(\{\{\w+\}\})/).map(part => {
    const name = /^\{\{(\w+)\}\}$/.exec(part)?.[1]
    if (name === undefined) return { text: part, slot: null, filled: true }
    const key = seed.slots.find(slot => slot.kind === 'code')?.key ?? `body.${name}`
    const value = text(values, key)
    return { text: value ?? part, slot: key, filled: value !== null }
  })
  const header = structuredClone(seed.header)
  const value = header && 'slot' in header ? values[header.slot] : undefined
  if (header && 'slot' in header && value) {
    if (value.kind === 'location' && header.kind === 'location')
      Object.assign(header, { name: value.name, address: value.address })
    else if (header.kind !== 'location') header.name = value.kind === 'url' ? value.url : value.kind
  }
  const problems: TemplateProblem[] = seed.slots
    .filter(
      slot =>
        slot.required &&
        (values[slot.key] === undefined || (values[slot.key]?.kind === 'source' && text(values, slot.key) === null))
    )
    .map(slot => ({ where: slot.key, code: 'missing', sentence: `Fill in “${slot.label}”.`, blocking: true }))
  if (seed.summary.problem) problems.push(seed.summary.problem)
  return {
    preview: {
      header,
      body: { text: pieces.map(piece => piece.text).join(''), pieces },
      footer: seed.footer,
      buttons: seed.buttons,
      cards: seed.cards,
      offer: seed.offer,
      direction: seed.summary.direction
    },
    problems
  }
}

export async function startTabServer(t: { teardown(work: () => unknown): unknown }): Promise<TabServer> {
  const app: FastifyInstance = Fastify({ bodyLimit: 20_000_000, forceCloseConnections: true })
  const lines = new Set<FastifyReply>()
  const favourites = new Set(seeds.filter(one => one.summary.favourite).map(one => one.summary.id))
  const server: TabServer = {
    url: '',
    status: makeConversation(true),
    sent: [],
    started: [],
    uploads: [],
    calls: [],
    refuse: {},
    paired: false,
    agentId: 2,
    ways: ['pairing'],
    sends: new Map(),
    tell(event, data) {
      for (const line of lines) line.raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    become(sendId, part) {
      const known = server.sends.get(sendId)
      if (!known) throw new Error(`no send ${sendId}`)
      const next = { ...known, ...part, updatedAt: new Date().toISOString() }
      server.sends.set(sendId, next)
      server.tell('message', {
        messageId: next.messageId,
        state: next.state,
        at: next.updatedAt,
        failure: next.failure
      })
    },
    lines: () => lines.size,
    dropLines: () => {
      for (const line of lines) line.raw.destroy()
    }
  }

  const session = (mode: 'desk' | 'paired', deskOrigin = 'http://desk.test') => ({
    token: `token-${mode}`,
    session: {
      mode,
      accountId: 1,
      agent: { id: server.agentId, name: 'Bea Agent' },
      role: 'administrator' as const,
      locale: null,
      deskUrl: deskOrigin,
      adminUrl: null,
      expiresAt: new Date(Date.now() + 3_600_000).toISOString()
    }
  })
  const seedOf = (id: string): TemplateSeed => {
    const seed = seeds.find(one => one.summary.id === id)
    if (!seed) throw new Error(`no template ${id}`)
    return seed
  }
  const summaryOf = (seed: TemplateSeed) => ({ ...seed.summary, favourite: favourites.has(seed.summary.id) })
  const keep = (info: SendInfo): SendInfo => {
    server.sends.set(info.sendId, info)
    return info
  }

  type Handlers = { [N in RouteName]?: (input: RouteInput<N>, request: FastifyRequest) => RouteAnswer<N> }
  const handlers: Handlers = {
    signInWays: () => ({ known: true, served: server.status.served, ways: server.ways }),
    signInByDesk: ({ body }) => session('desk', body.deskOrigin),
    startPairing: () => ({
      pairingId: '11111111-1111-4111-8111-111111111111',
      code: 'PUENTE-7KQ4-M2XD',
      secret: 's'.repeat(32),
      expiresAt: new Date(Date.now() + 600_000).toISOString()
    }),
    askPairing: ({ body }) =>
      server.paired ? { state: 'paired', signedIn: session('paired', body.deskOrigin) } : { state: 'waiting' },
    endSession: () => ({ ok: true }),
    readConversation: () => server.status,
    reopenConversation: () => {
      if (server.status.served) server.status = { ...server.status, deskStatus: 'open' }
      return server.status
    },
    recallMessage: ({ params }) => {
      const { status } = server
      if (status.served)
        server.status = { ...status, parked: status.parked.filter(one => one.messageId !== params.messageId) }
      return server.status
    },
    retryMessage: () => ({ ok: true }),
    listMessages: () => ({ messages, nextBefore: null }),
    readMessage: ({ params }) => makeDetails(params.messageId),
    sendMessage: ({ body, headers }) => {
      server.sent.push({ message: body.message, key: headers['idempotency-key'] })
      return keep(makeSend(server.sends.size + 1))
    },
    readSend: ({ params }) => server.sends.get(params.sendId) ?? makeSend(0),
    listTemplates: ({ query }) => {
      const shown = seeds
        .map(summaryOf)
        .filter(
          one =>
            (query.status === 'any' || one.status === 'approved') &&
            (!query.language || one.language === query.language)
        )
        .filter(one => !query.query || one.name.includes(query.query))
        .sort((one, other) => Number(other.favourite) - Number(one.favourite))
      return {
        templates: shown,
        languages: [...new Set(shown.map(one => one.language))],
        preferredLanguage: 'es',
        syncedAt: new Date().toISOString()
      }
    },
    readTemplate: ({ params }) => {
      const seed = seedOf(params.templateId)
      return {
        template: summaryOf(seed),
        slots: seed.slots,
        suggested: seed.suggested,
        sources,
        ...fill(seed, seed.suggested),
        price: {
          category: seed.summary.category,
          sentence: `Counts as ${seed.summary.category}: Meta charges for each message that arrives.`,
          free: false,
          amount: 0.0195,
          currency: 'EUR',
          basis: {
            sentence: 'Average of what this account paid (Spain, Oct 24 – Nov 22, 2026).',
            country: 'ES',
            messages: 1240,
            from: '2026-10-24T00:00:00.000Z',
            to: '2026-11-23T00:00:00.000Z'
          }
        }
      }
    },
    previewTemplate: ({ params, body }) => ({
      ...fill(seedOf(params.templateId), body.values),
      deskText: '',
      resolved: {}
    }),
    favourTemplate: ({ params, body }) => {
      if (body.favourite) favourites.add(params.templateId)
      else favourites.delete(params.templateId)
      return { ok: true }
    },
    listNumbers: () => ({
      numbers: [number, { ...number, id: 2, name: 'Taller Sur', displayPhoneNumber: '+34 600 000 002' }]
    }),
    findContacts: ({ query }) => ({
      contacts: contacts.filter(one =>
        query.contactId
          ? one.contactId === query.contactId
          : one.name.toLowerCase().includes((query.query ?? '').toLowerCase())
      )
    }),
    findOpenConversation: ({ query }) =>
      query.contactId === 9
        ? { open: { conversationId: 57, link: 'http://desk.test/c/57', windowOpen: true }, windowOpen: true }
        : { open: null, windowOpen: false },
    startConversation: ({ body }) => {
      server.started.push(body)
      return keep(makeSend(server.sends.size + 1, { conversationId: 58, link: 'http://desk.test/c/58' }))
    },
    upload: ({ query }, request) => {
      const bytes = request.body as Buffer
      server.uploads.push({ name: query.name, purpose: query.purpose, bytes })
      const sendsAs = {
        sticker: 'sticker',
        voice: 'audio',
        header: /\.pdf$/.test(query.name) ? 'document' : 'image',
        document: 'document',
        media: 'document'
      } as const
      return {
        uploadId: '22222222-2222-4222-8222-222222222222',
        name: query.name,
        mimeType: String(request.headers['content-type']),
        sizeBytes: bytes.length,
        sendsAs: sendsAs[query.purpose],
        refusal: null,
        expiresAt: new Date(Date.now() + 86_400_000).toISOString()
      }
    },
    listLibrary: () => ({ items: library }),
    addToLibrary: () => library[0] as (typeof library)[number],
    removeFromLibrary: () => ({ ok: true })
  }

  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  for (const [key, route] of Object.entries(ROUTES)) {
    const name = key as RouteName
    const shape = route as {
      query?: z.ZodType
      params?: z.ZodType
      body?: z.ZodType
      headers?: z.ZodType
      status?: number
      answer: z.ZodType
    }
    const handler = handlers[name] as undefined | ((input: unknown, request: FastifyRequest) => unknown)
    app.route({
      method: route.method,
      url: `/wa/api/v1${route.path}`,
      handler(request, reply) {
        const desk = request.headers['x-desk-session']
        server.calls.push({
          name,
          authorization: request.headers.authorization,
          desk: desk === undefined ? undefined : String(desk)
        })
        const refused = server.refuse[name]
        if (refused) {
          const { status, ...rest } = refused
          return reply
            .code(status)
            .type('application/problem+json')
            .send({ type: 'about:blank', status, requestId: 'req-1', ...rest })
        }
        if (!handler) return reply.code(501).send({})
        const input = {
          params: shape.params?.parse(request.params),
          query: shape.query?.parse(request.query),
          body: shape.body?.parse(request.body),
          headers: shape.headers?.parse(request.headers)
        }
        return reply.code(shape.status ?? 200).send(shape.answer.parse(handler(input, request)))
      }
    })
  }
  app.get('/wa/api/v1/conversations/:conversationId/events', (request, reply) => {
    if (!request.headers.authorization) return reply.code(401).send({})
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    reply.raw.write(': here\n\n')
    lines.add(reply)
    reply.raw.on('close', () => lines.delete(reply))
  })
  app.get('/wa/app/*', (request, reply) => {
    const path = (request.params as { '*': string })['*']
    const file = path === 'tab' || path === 'new' ? `${path}.html` : path
    return reply
      .header('content-security-policy', csp)
      .type(types[extname(file)] ?? 'application/octet-stream')
      .send(readFileSync(join(pagesDir, file.replaceAll('..', ''))))
  })
  server.url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/wa`
  t.teardown(() => {
    server.dropLines()
    return app.close()
  })
  return server
}
