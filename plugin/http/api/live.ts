/**
 * What changes in a conversation, as it happens: server-sent events, read with fetch since they want the bearer. The
 * store tells by a short fingerprint whether anything moved; the right to look is checked again and again.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PuenteError } from '../../core/errors.ts'
import { failureOf, shownState } from '../../core/talk/shown-state.ts'
import { conversationParams } from '../contract/common.ts'
import type { LiveEvent } from '../contract/conversation.ts'
import { describeConversation, lookAt } from './conversation.ts'
import { type ApiDeps, localeOf, type SignedInAgent } from './deps.ts'

/** Fast enough for eyes, slow enough for a hundred open tabs. */
const LOOK_MS = 700
const CHECK_MS = 10_000
const BEAT_MS = 15_000
const MOST_PER_AGENT = 8

export function addLive(
  scope: FastifyInstance,
  deps: ApiDeps,
  signedIn: (request: FastifyRequest) => SignedInAgent
): void {
  const open = new Map<string, Set<() => void>>()
  let ending = false
  scope.addHook('preClose', async () => {
    ending = true
    for (const ends of open.values()) for (const end of [...ends]) end()
  })

  scope.get('/conversations/:conversationId/events', { schema: { hide: true } as object }, async (request, reply) => {
    const who = signedIn(request)
    const parsed = conversationParams.safeParse(request.params)
    if (!parsed.success) throw new PuenteError('not_found')
    const { conversationId } = parsed.data
    // Fails as any other request would, before the stream begins.
    await lookAt(deps, who, conversationId)
    const key = `${who.agent.desk.id} ${who.agent.id}`
    const ends = open.get(key) ?? new Set()
    open.set(key, ends)
    // A tab that was left open somewhere gives way to the one in front.
    if (ends.size >= MOST_PER_AGENT) ends.values().next().value?.()
    reply.hijack()
    begin(reply, request)
    await stream(deps, who, conversationId, request, reply, ends, () => ending)
    if (ends.size === 0) open.delete(key)
  })
}

function begin(reply: FastifyReply, request: FastifyRequest): void {
  request.raw.socket.setNoDelay(true)
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'keep-alive'
  })
}

async function stream(
  deps: ApiDeps,
  who: SignedInAgent,
  conversationId: number,
  request: FastifyRequest,
  reply: FastifyReply,
  ends: Set<() => void>,
  ending: () => boolean
): Promise<void> {
  const { bridge, talk, access, agents } = deps
  const locale = localeOf(request, who.agent)
  let over = false
  let wake = (): void => {}
  const end = (): void => {
    over = true
    wake()
  }
  ends.add(end)
  request.raw.socket.once('close', end)
  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const say = (event: LiveEvent): void => {
    if (!over) reply.raw.write(`event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`)
  }
  try {
    const { number } = await lookAt(deps, who, conversationId)
    const known = new Map<number, string>()
    let version = ''
    let first = true
    let checkedMs = bridge.clock.monotonicMs()
    let beatMs = checkedMs
    while (!over && !ending()) {
      const nowMs = bridge.clock.monotonicMs()
      if (nowMs - checkedMs > CHECK_MS) {
        checkedMs = nowMs
        if ((await agents.findSession(who.token)) === null) {
          say({ event: 'expired', data: {} })
          break
        }
        access.forget(who.agent.desk.id, conversationId)
        await lookAt(deps, who, conversationId)
      }
      const seen = await talk.version(number.id, conversationId)
      if (seen !== version) {
        version = seen
        for (const delivery of (await talk.deliveries(number.id, conversationId, { limit: 30 })).reverse()) {
          const state = shownState(delivery)
          if (known.get(delivery.messageId) === `${state} ${delivery.generation}`) continue
          known.set(delivery.messageId, `${state} ${delivery.generation}`)
          if (first) continue
          const failure = failureOf(delivery, locale, deps.nameFailure)
          const at = delivery.changedAt.toISOString()
          say({ event: 'message', data: { messageId: delivery.messageId, state, at, failure } })
        }
        if (!first) access.forget(who.agent.desk.id, conversationId)
        say({ event: 'status', data: await describeConversation(deps, who, conversationId, locale) })
        first = false
      } else if (nowMs - beatMs > BEAT_MS) {
        beatMs = nowMs
        reply.raw.write(': still here\n\n')
      }
      await pause(LOOK_MS)
    }
  } catch (error) {
    // What may no longer be seen is told no more; the page asks anew and gets the sentence.
    if (!(error instanceof PuenteError)) bridge.log.debug({ err: (error as Error).message }, 'live stream ended')
  } finally {
    ends.delete(end)
    request.raw.socket.off('close', end)
    reply.raw.end()
  }
}
