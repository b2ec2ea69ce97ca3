/**
 * A stand-in for a self-hosted Chatwoot with API inboxes, faithful on the wire to the version in router.ts: for trial,
 * tests, fault runs and load. In memory; the caller owns the HTTP server and the /__ doors.
 * Leaves out every other channel, reports, campaigns, and most of what automation rules can do (automation.ts).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SandboxParts } from '../parts.ts'
import type { AgentAct, ReplyInput } from './agent-acts.ts'
import { createAgentActs } from './agent-acts.ts'
import { RecordInvalid } from './ask.ts'
import { createAutomation } from './automation.ts'
import { createContactRules } from './contact-rules.ts'
import type { Context } from './context.ts'
import { createConversationRules } from './conversation-rules.ts'
import { createCpu, createSlots } from './cpu.ts'
import { createHookPoster } from './hook-poster.ts'
import type { DeskEvent, Hooks } from './hooks.ts'
import { createHooks } from './hooks.ts'
import { inboxShape } from './inbox-shapes.ts'
import { railsJson } from './json.ts'
import type { MessageRules } from './message-rules.ts'
import { createMessageRules } from './message-rules.ts'
import { createRequests } from './requests.ts'
import { createShapes } from './shapes.ts'
import { createStore } from './store.ts'
import { CHATWOOT_VERSION, dialectOf } from './versions.ts'
import type { DeskView } from './view.ts'
import { viewDesk } from './view.ts'

export type { AgentAct, ReplyAttachment, ReplyInput } from './agent-acts.ts'
export type { DeskView } from './view.ts'

export interface DeskSetup {
  /** Requests served at once; others wait. 0 = unlimited. */
  webServers?: number
  /** Background jobs at once; a hook holds its worker until it is answered. 0 = unlimited. */
  workers?: number
  /** Shared by web servers and workers. 0 = unlimited. */
  cpus?: number
  /** CPU milliseconds (medians of log-normal draws): of a write, of its background job, of a read. */
  costs?: { webMs?: number; backgroundMs?: number; readMs?: number; sigma?: number }
  /** From the cause to the moment its background job may begin. */
  hookDelayMs?: number
  /** From the request to the moment a conversation is really gone. */
  deletionDelayMs?: number
  /** Speaks as this version of Chatwoot; see versions.ts. */
  version?: string
  /** Hooks to private addresses are refused, as since 4.14 without SAFE_FETCH_ALLOW_PRIVATE_NETWORK. */
  refusePrivateHooks?: boolean
  /** Language of the account, as Chatwoot names it: `en`, `pt_BR`. */
  locale?: string
  /** How long a hook may take (WEBHOOK_TIMEOUT). */
  hookTimeoutMs?: number
}

export interface HookDelivery {
  inboxId?: number
  body: unknown
  event?: string
  sign?: boolean | 'wrong' | 'old'
}

export interface DeskConfig {
  url: string
  version: string
  accountId: number
  adminToken: string
  agentToken: string
  agents: {
    id: number
    name: string
    email: string
    role: string
    token: string
    session: { accessToken: string; client: string; uid: string }
  }[]
  inboxes: Record<string, unknown>[]
}

export interface DeskStandIn {
  /** Everything but /__ paths: /api, /auth/validate_token, /public, /rails/active_storage. */
  handle(req: IncomingMessage, res: ServerResponse): void
  /** The address under which the desk hands out its files (FRONTEND_URL). */
  setBaseUrl(url: string): void
  /** An agent (or the desk itself) answers in the dashboard. Throws when the conversation is unknown or flooded. */
  reply(input: ReplyInput): { messageId: number }
  act(input: AgentAct): unknown
  configure(input: DeskSetup): void
  /** Posts any body as the desk would, to the inbox's webhook address; tells what was answered. */
  deliverHook(input: HookDelivery): Promise<{ status: number; body: string }>
  config(): DeskConfig
  view(): DeskView
  /** Plain JSON; to be serialised before the desk changes again. */
  snapshot(): unknown
  restore(snapshot: unknown): void
  /** Forgets everything but users and tokens; ids go on, so that none recurs. */
  reset(): void
  /** Drops waiting hooks and sockets. */
  close(): void
}

export function createDesk(parts: SandboxParts, options: { instance: string }): DeskStandIn {
  const store = createStore(options.instance, () => parts.clock.now())
  let baseUrl = 'http://127.0.0.1'
  const shapes = createShapes(
    store,
    () => baseUrl,
    () => parts.clock.now()
  )
  const cpu = createCpu()
  const web = createSlots()
  const workers = createSlots()
  const poster = createHookPoster(() => parts.clock.offsetMs())
  const costs = { webMs: 0, backgroundMs: 0, readMs: 0, sigma: 0 }
  const timers = new Set<NodeJS.Timeout>()
  let dialect = dialectOf(CHATWOOT_VERSION)
  let refusesPrivate = false

  function draw(median: number): number {
    if (median <= 0) return 0
    return costs.sigma > 0 ? parts.random.logNormal(median, costs.sigma) : median
  }

  function later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      then()
    }, ms)
    timers.add(timer)
  }

  const emit = (event: DeskEvent) => {
    hooks.emit(event)
    automation.heard(event)
  }
  // A conversation writes activity rows and a message changes conversations, so one of them is bound late.
  const conversations = createConversationRules({
    parts,
    store,
    emit,
    addActivity: (row, content) => messages.addActivity(row, content),
    afterResolved: row => messages.askForRating(row),
    later
  })
  const messages: MessageRules = createMessageRules({ parts, store, emit, conversations, dialect: () => dialect })
  const hooks: Hooks = createHooks({
    parts,
    store,
    shapes,
    cpu,
    workers,
    poster,
    dialect: () => dialect,
    backgroundCostMs: () => draw(costs.backgroundMs),
    markFailed(message, error) {
      try {
        messages.setStatus(message, 'failed', error)
      } catch (failure) {
        if (!(failure instanceof RecordInvalid)) throw failure
      }
    }
  })
  const contacts = createContactRules({ parts, store, emit, conversations })
  const ctx: Context = {
    parts,
    store,
    shapes,
    contacts,
    conversations,
    messages,
    hooks,
    emit,
    baseUrl: () => baseUrl,
    dialect: () => dialect,
    refusesPrivate: () => refusesPrivate,
    deletionDelayMs: 200
  }
  const automation = createAutomation(ctx, later)
  const requests = createRequests({ ctx, cpu, web, costMs: isRead => draw(isRead ? costs.readMs : costs.webMs) })
  const acts = createAgentActs(ctx)

  /** A dashboard click costs the web what a request would, without making its caller wait. */
  function charge(): void {
    const cost = draw(costs.webMs)
    if (cost > 0) web.take(release => cpu.run(cost, release))
  }

  /** Requests being served are finished; hooks and deletions that wait are forgotten. */
  function stopWaiting(): void {
    hooks.clear()
    for (const timer of timers) clearTimeout(timer)
    timers.clear()
  }

  return {
    handle: requests.handle,
    setBaseUrl(url) {
      baseUrl = url.replace(/\/+$/, '')
    },
    reply(input) {
      charge()
      return acts.reply(input)
    },
    act(input) {
      charge()
      return acts.act(input)
    },
    configure(input) {
      if (input.webServers !== undefined) web.setSize(input.webServers)
      if (input.workers !== undefined) workers.setSize(input.workers)
      if (input.cpus !== undefined) cpu.setCpus(input.cpus)
      if (input.costs) Object.assign(costs, input.costs)
      if (input.hookDelayMs !== undefined) hooks.setDelayMs(input.hookDelayMs)
      if (input.deletionDelayMs !== undefined) ctx.deletionDelayMs = input.deletionDelayMs
      if (input.version !== undefined) dialect = dialectOf(input.version)
      if (input.refusePrivateHooks !== undefined) {
        refusesPrivate = input.refusePrivateHooks
        poster.refusePrivate(refusesPrivate)
      }
      if (input.locale !== undefined) store.account.locale = input.locale
      if (input.hookTimeoutMs !== undefined) poster.setTimeoutMs(input.hookTimeoutMs)
    },
    async deliverHook(input) {
      const inbox = input.inboxId === undefined ? [...store.inboxes.values()].at(-1) : store.inboxes.get(input.inboxId)
      if (!inbox?.webhookUrl) throw new Error('no such inbox, or it has no webhook address')
      const raw = typeof input.body === 'string' ? input.body : railsJson(withEvent(input.body, input.event))
      const sign = input.sign ?? true
      const now = Math.floor(parts.clock.now() / 1000)
      const startedAt = performance.now()
      const result = await poster.post({
        url: inbox.webhookUrl,
        secret: sign === false ? null : sign === 'wrong' ? `${inbox.secret}x` : inbox.secret,
        raw,
        timestamp: sign === 'old' ? now - 3600 : now
      })
      parts.ledger.add({
        side: 'desk',
        what: 'hook',
        name: input.event ?? 'delivered by hand',
        ids: { inboxId: inbox.id },
        status: result.status,
        tookMs: Math.round((performance.now() - startedAt) * 100) / 100
      })
      return { status: result.status, body: result.body }
    },
    config() {
      const service = store.users.find(user => user.email.startsWith('service@'))!
      return {
        url: baseUrl,
        version: dialect.version,
        accountId: store.account.id,
        adminToken: service.token,
        agentToken: store.users.find(user => user.role === 'agent')!.token,
        agents: store.users.map(({ id, name, email, role, token, session }) => ({
          id,
          name,
          email,
          role,
          token,
          session
        })),
        inboxes: [...store.inboxes.values()].map(inbox => inboxShape(inbox, true))
      }
    },
    view: () => viewDesk(store, shapes),
    snapshot: () => store.snapshot(),
    restore(snapshot) {
      stopWaiting()
      store.restore(snapshot)
    },
    reset() {
      stopWaiting()
      store.clear()
    },
    close() {
      stopWaiting()
      cpu.clear()
      hooks.close()
    }
  }
}

function withEvent(body: unknown, event: string | undefined): unknown {
  if (event === undefined || typeof body !== 'object' || body === null || 'event' in body) return body
  return { ...body, event }
}
