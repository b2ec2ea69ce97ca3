import type { Test } from 'tap'
import { readHook } from '../../adapters/chatwoot/from-wire.ts'
import type { ChatwootSetup, DeskInbox } from '../../adapters/chatwoot/setup.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess, DeskHook, DeskRow, HelpDesk } from '../../plugin/core/ports/help-desk.ts'

export interface ReceivedHook {
  raw: Buffer
  headers: Record<string, string | string[] | undefined>
}

export interface HelpDeskHarness {
  desk: HelpDesk
  setup: ChatwootSetup
  http: HttpClient
  /** An administrator's. */
  access: DeskAccess
  /** An agent's, to answer as a person does. */
  agent: DeskAccess
  /** Where the desk can reach the suite, and what came there, oldest first. */
  hookUrl: string
  hooks: ReceivedHook[]
  /** How long a hook may take. */
  hookWaitMs: number
}

export interface Ground extends HelpDeskHarness {
  inbox: DeskInbox
  secret: string
  folder: string
  agentId: number
}

export interface Case {
  id: string
  says: string
  play(t: Test, ground: Ground): Promise<void>
}

let serial = 0
export const run = Date.now().toString(36)
/** Unique over runs, since a real desk remembers the earlier ones. */
export const unique = (kind: string) => `${kind}-${run}-${++serial}`
export const uniquePhone = () => `+34${String(600_000_000 + ((Date.now() * 7 + ++serial * 7919) % 99_000_000))}`

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
    name: 'Conformance',
    identifier: unique('wa:TEST')
  })
  const made = await desk.createConversation(access, { inboxId: inbox.id, contactId, sourceId, row })
  return { contactId, sourceId, conversationId: made.conversationId, messageId: made.messageId ?? 0 }
}

/** What the port does not offer because Puente does not need it. */
export async function call(
  ground: Ground,
  access: DeskAccess,
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body = {}
) {
  const reply = await ground.http.request({
    method,
    url: `${access.url}/api/v1/accounts/${access.accountId}${path}`,
    headers: { 'api-access-token': access.token, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    timeoutMs: 20_000
  })
  return { status: reply.status, body: reply.body.length > 0 ? JSON.parse(reply.body.toString()) : null }
}

export async function waitForHook(
  ground: Ground,
  wanted: (hook: DeskHook) => boolean,
  after = 0
): Promise<{ hook: DeskHook; body: unknown; received: ReceivedHook }> {
  const deadline = Date.now() + ground.hookWaitMs
  for (let next = after; ; ) {
    for (; next < ground.hooks.length; next++) {
      const received = ground.hooks[next]!
      const body: unknown = JSON.parse(received.raw.toString())
      const hook = readHook(body)
      if (wanted(hook)) return { hook, body, received }
    }
    if (Date.now() > deadline) throw new Error('the hook did not come')
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
