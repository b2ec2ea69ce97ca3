/** What the checks of the desk stand on: an inbox of their own, people, a hook receiver, and their small vocabulary. */
import { randomBytes } from 'node:crypto'
import { readHook } from '../../adapters/chatwoot/from-wire.ts'
import type { ChatwootSetup, DeskInbox } from '../../adapters/chatwoot/setup.ts'
import type { AccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAgents } from '../../plugin/core/ports/desk-agents.ts'
import type { AgentDeskSession, DeskAccess, DeskHook, DeskRow, HelpDesk } from '../../plugin/core/ports/help-desk.ts'
import { type Check, NotChecked } from './check.ts'
import type { HookReceiver, ReceivedHook } from './hook-receiver.ts'

export interface Ground {
  desk: HelpDesk
  setup: ChatwootSetup
  account: AccountSetup
  people: DeskAgents
  http: HttpClient
  /** An administrator's. */
  access: DeskAccess
  /** Who answers as a person does: an agent where there is one, else the administrator. */
  agent: DeskAccess
  agentId: number
  /** Whether `agent` is an agent, with an agent's rights only. */
  hasAgent: boolean
  /** The agent's dashboard session, where somebody gave one. */
  session?: AgentDeskSession
  version: string | null
  inbox: DeskInbox
  /** Signs the hooks; empty where the desk does not sign. */
  secret: string
  folder: string
  receiver: HookReceiver
  /** How long a hook may take. */
  hookWaitMs: number
  /** Why hooks cannot be checked, once that is known. */
  deaf: string | null
  stopped(): boolean
}

export type Case = Check<Ground>

let serial = 0
/** In the name of everything that this run makes. */
export const run = `cf${Date.now().toString(36)}${randomBytes(3).toString('hex')}`
/** Unique over runs, since a real desk remembers the earlier ones. */
export const unique = (kind: string) => `${kind}-${run}-${++serial}`
/** The name of a contact of ours. */
export const named = (name: string) => `${name} ${run}`
/** No country has 999: nobody's number. */
export const uniquePhone = () => `+999${String(10_000_000_000 + ((Date.now() * 7 + ++serial * 7919) % 9_000_000_000))}`

/** Ends a check that needs an agent's own token. */
export function needAgent(ground: Ground): DeskAccess {
  if (!ground.hasAgent) throw new NotChecked("needs an agent's token beside the administrator's (--agent-token)")
  return ground.agent
}

export async function failure(promise: Promise<unknown>): Promise<PuenteError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    error => error
  )
  if (error instanceof PuenteError) return error
  throw error
}

export const incoming = (content: string, more: Partial<DeskRow> = {}): DeskRow => ({
  type: 'incoming',
  content,
  sourceId: unique('wamid'),
  ...more
})
export const answer = (content: string): DeskRow => ({ type: 'outgoing', content })

/** A customer with a conversation and one message. */
export async function begin(ground: Ground, row: DeskRow = incoming('hola')) {
  const { desk, access, inbox } = ground
  const sourceId = unique('src')
  const { contactId } = await desk.createContact(access, {
    inboxId: inbox.id,
    sourceId,
    name: named('Conformance'),
    identifier: unique('wa:TEST')
  })
  const made = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId, row })
  return { contactId, sourceId, conversationId: made.conversationId, messageId: made.messageId ?? 0 }
}

/** What the port does not offer because Puente does not need it. */
export async function call(
  ground: Ground,
  access: DeskAccess,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object
): Promise<{ status: number; body: Loose; text: string }> {
  const reply = await ground.http.request({
    method,
    url: `${access.url}/api/v1/accounts/${access.accountId}${path}`,
    headers: { 'api-access-token': access.token, 'content-type': 'application/json', accept: 'application/json' },
    ...(method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify(body ?? {}) }),
    timeoutMs: 20_000
  })
  const text = reply.body.toString()
  return { status: reply.status, body: parse(text), text }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not trusted
export type Loose = any

function parse(text: string): Loose {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Looks again until it is so, or the time of a hook is over. */
export async function eventually<T>(ground: Ground, look: () => Promise<T | null | false | undefined>, what: string) {
  const deadlineMs = performance.now() + ground.hookWaitMs
  for (;;) {
    const found = await look()
    if (found !== null && found !== false && found !== undefined) return found
    if (ground.stopped()) throw new Error('interrupted')
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${ground.hookWaitMs / 1000} s`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

export async function waitForHook(
  ground: Ground,
  wanted: (hook: DeskHook) => boolean,
  after = 0
): Promise<{ hook: DeskHook; body: unknown; received: ReceivedHook }> {
  if (ground.deaf !== null) throw new NotChecked(ground.deaf)
  const { hooks } = ground.receiver
  const deadline = Date.now() + ground.hookWaitMs
  for (let next = after; ; ) {
    for (; next < hooks.length; next++) {
      const received = hooks[next]!
      const body: unknown = JSON.parse(received.raw.toString())
      const hook = readHook(body)
      if (wanted(hook)) return { hook, body, received }
    }
    if (ground.stopped()) throw new Error('interrupted')
    if (Date.now() > deadline) throw new Error(`the hook did not come within ${ground.hookWaitMs / 1000} s`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

export function messageHook(id: number, created: boolean) {
  return (hook: DeskHook) => hook.kind === 'message' && hook.message.id === id && hook.created === created
}

export function asMessage(hook: DeskHook) {
  if (hook.kind !== 'message') throw new Error('not a message')
  return hook
}
