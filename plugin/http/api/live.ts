/**
 * What changes in a conversation, as it happens: server-sent events, read with fetch since they want the bearer. The
 * store tells by a short fingerprint whether anything moved. The session, the person and their right to look are checked
 * again and again, from lists that all streams share; the agent's own session of the desk is not kept for that.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PuenteError } from '../../core/errors.ts'
import { numberNow } from '../../core/outbound/parked.ts'
import { failureOf, shownState } from '../../core/talk/shown-state.ts'
import { conversationParams } from '../contract/common.ts'
import type { LiveEvent } from '../contract/conversation.ts'
import { forgetDeskSession, lookAgain } from '../session/bearer.ts'
import { describeConversation, type Looked, lookAt } from './conversation.ts'
import { type ApiDeps, localeOf, type SignedInAgent } from './deps.ts'
import { nextTurn } from './next-turn.ts'

/** Fast enough for eyes, slow enough for a hundred open tabs. */
const LOOK_MS = 700
const CHECK_MS = 10_000
/** As long as what was read of the desk is remembered: then it is read once more after a change. */
const SETTLED_MS = 3_000
/** Where only the desk can tell what somebody may see (roles of its own), the page comes back with their session. */
const OWN_SESSION_MS = 60_000
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
    const looked = await lookAt(deps, who, conversationId)
    const watch = await withoutOwnSession(deps, who, looked, request)
    const key = `${who.agent.desk.id} ${who.agent.id}`
    const ends = open.get(key) ?? new Set()
    open.set(key, ends)
    // A tab that was left open somewhere gives way to the one in front.
    if (ends.size >= MOST_PER_AGENT) ends.values().next().value?.()
    reply.hijack()
    begin(reply, request)
    await stream(deps, watch, looked, request, reply, ends, () => ending)
    if (ends.size === 0) open.delete(key)
  })
}

interface Watch {
  who: SignedInAgent
  /** How long it may last; null: for as long as the session. */
  lifeMs: number | null
}

/** The desk session is dropped where the rebuilt policy sees the same; else the stream is a short one. */
async function withoutOwnSession(
  deps: ApiDeps,
  who: SignedInAgent,
  { picture }: Looked,
  request: FastifyRequest
): Promise<Watch> {
  if (who.agent.session === null) return { who, lifeMs: null }
  try {
    await deps.access.keepsSeeing(who.agent, picture)
  } catch {
    // The desk itself has just let them look; why the policy does not know it is no matter.
    return { who, lifeMs: OWN_SESSION_MS }
  }
  who.agent.session = null
  forgetDeskSession(request.raw)
  return { who, lifeMs: null }
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
  { who: opener, lifeMs }: Watch,
  { number, picture }: Looked,
  request: FastifyRequest,
  reply: FastifyReply,
  ends: Set<() => void>,
  ending: () => boolean
): Promise<void> {
  const { bridge, talk, access } = deps
  const conversationId = picture.id
  const locale = localeOf(request, opener.agent)
  const scaled = (ms: number): number => ms * bridge.timeFactor
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
    let who = opener
    const known = new Map<number, string>()
    let version = ''
    let first = true
    let turnsAt: Date | null = null
    let told = ''
    let againMs = Number.POSITIVE_INFINITY
    let checkedMs = bridge.clock.monotonicMs()
    let beatMs = checkedMs
    const endsMs = lifeMs === null ? Number.POSITIVE_INFINITY : checkedMs + scaled(lifeMs)
    while (!over && !ending()) {
      const nowMs = bridge.clock.monotonicMs()
      if (nowMs > endsMs) {
        say({ event: 'again', data: {} })
        break
      }
      if (nowMs - checkedMs > scaled(CHECK_MS)) {
        checkedMs = nowMs
        who = await lookAgain(deps, who)
        if (who.agent.session === null) await access.keepsSeeing(who.agent, picture)
        else await access.conversation(who.agent, conversationId)
      }
      const seen = await talk.version(number.id, conversationId)
      const turned: boolean = turnsAt !== null && numberNow(bridge, number) >= turnsAt
      if (seen !== version || turned || nowMs >= againMs) {
        // What the desk has to say of it may have been read just before: looked at once more when that has aged.
        againMs = seen === version || first ? Number.POSITIVE_INFINITY : nowMs + scaled(SETTLED_MS)
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
        const status = await describeConversation(deps, who, conversationId, locale)
        turnsAt = nextTurn(status)
        const now = JSON.stringify({ ...status, window: status.served && { ...status.window, now: '' } })
        if (now !== told || turned) say({ event: 'status', data: status })
        told = now
        first = false
      } else if (nowMs - beatMs > BEAT_MS) {
        beatMs = nowMs
        reply.raw.write(': still here\n\n')
      }
      await pause(LOOK_MS)
    }
  } catch (error) {
    // What may no longer be seen is told no more; the page asks anew and gets the sentence.
    if (error instanceof PuenteError && error.code === 'session_invalid') say({ event: 'expired', data: {} })
    if (!(error instanceof PuenteError)) bridge.log.debug({ err: (error as Error).message }, 'live stream ended')
  } finally {
    ends.delete(end)
    request.raw.socket.off('close', end)
    reply.raw.end()
  }
}
