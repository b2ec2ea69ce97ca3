/**
 * Chatwoot's hooks, called once and never again (CW-HOOK-ONCE): verified, sorted by what they ask for, stored, 2xx. The
 * echo of our own rows needs no storing; how late it comes tells how the desk is doing.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Bridge } from '../core/bridge.ts'
import { dayOfMessage } from '../core/dedupe-day.ts'
import { PuenteError } from '../core/errors.ts'
import { pauseOf } from '../core/gates.ts'
import { canonicalPhone } from '../core/identity.ts'
import { malformedRow } from '../core/inbound/malformed.ts'
import { sourceAlias } from '../core/inbound/write.ts'
import type { DeskHook } from '../core/ports/help-desk.ts'
import type { EventKind, IntakeBatch, IntakeRow } from '../core/ports/store.ts'
import type { ServedNumber } from '../core/registry.ts'
import { isInstructionSource } from '../core/talk/instruction.ts'
import { readProbe } from './hear-probe.ts'

export interface ChatwootWebhookDeps {
  bridge: Bridge
  verify(proof: {
    raw: Buffer
    timestamp: string | undefined
    signature: string | undefined
    secret: string
    now: Date
    toleranceSeconds: number
  }): 'valid' | 'stale' | 'invalid'
  isOwnEcho(body: unknown): { messageId: number; event: string } | null
  readHook(body: unknown): DeskHook
  /** The hook of one of our rows came back. */
  echoed(deskId: number, messageId: number): void
  typing(number: ServedNumber, conversationId: number): void
  /** A person wrote a private note with a pairing code. */
  noteWithCode(hook: DeskHook): string | null
  takeNote(number: ServedNumber, hook: MessageHook, code: string): Promise<void>
  /** Whether the server is on its way out: connections are given back then. */
  closing(): boolean
  /** A hook came with a wrong signature. */
  refused(number: ServedNumber): void
}

type MessageHook = Extract<DeskHook, { kind: 'message' }>

/** How a hook came. `id` is the desk's own for this delivery (`X-Chatwoot-Delivery`); desks before 4.13 tell none. */
interface Delivery {
  stale: boolean
  id: string | null
}

export function addChatwootWebhook(scope: FastifyInstance, deps: ChatwootWebhookDeps): void {
  const { bridge } = deps
  const answer = (reply: FastifyReply): FastifyReply => {
    if (deps.closing()) reply.header('connection', 'close')
    return reply.code(200).send()
  }
  scope.post<{ Params: { inboxKey: string } }>(
    '/webhooks/chatwoot/:inboxKey',
    { logLevel: 'silent' },
    async (request, reply) => {
      const arrivedMs = bridge.clock.monotonicMs()
      const find = (): ServedNumber | undefined => bridge.registry.byInboxKey(request.params.inboxKey)
      let number = find()
      if (number === undefined && (await bridge.reload('wait'))) number = find()
      if (number === undefined) return reply.code(404).type('text/plain').send('unknown inbox key')
      const raw = request.body as Buffer
      const verdict = judge(deps, number, raw, request.headers)
      if (verdict === 'invalid') {
        bridge.count('hook_refused')
        deps.refused(number)
        throw new PuenteError('signature_invalid')
      }
      let body: unknown
      try {
        body = JSON.parse(raw.toString('utf8'))
      } catch {
        // Signed, so the desk's: kept for a person, and what it was about is read from the desk.
        bridge.count('hook_malformed')
        bridge.missedHook()
        const row = malformedRow(number.id, raw, bridge.clock.now())
        await bridge.intake.accept({ rows: [row], statuses: [], conversations: [] })
        return answer(reply)
      }
      const echo = deps.isOwnEcho(body)
      if (echo !== null) {
        if (echo.event === 'message_created') deps.echoed(number.deskId, echo.messageId)
        const probe = readProbe(body)
        if (probe !== null) await bridge.numbers.noteProbe(number.inboxKey, probe)
        return answer(reply)
      }
      try {
        const hook = deps.readHook(body)
        const code = deps.noteWithCode(hook)
        // Who wrote it is proven by the signature alone: an unsigned or an old hook proves nothing.
        if (code !== null && hook.kind === 'message' && number.hookSecret !== null && verdict === 'valid') {
          await deps.takeNote(number, hook, code)
        }
        const batch = await sortHook(deps, number, hook, raw, { stale: verdict === 'stale', id: deliveryOf(request) })
        if (batch !== null) {
          bridge.breakpoint('hook.verified')
          await bridge.intake.accept({ ...batch, ageMs: bridge.clock.monotonicMs() - arrivedMs })
          bridge.breakpoint('hook.committed')
        }
      } catch (error) {
        bridge.missedHook()
        throw error
      }
      return answer(reply)
    }
  )
}

function deliveryOf({ headers }: FastifyRequest): string | null {
  const id = headers['x-chatwoot-delivery']
  return typeof id === 'string' && /^[\w-]{8,64}$/.test(id) ? id : null
}

function judge(
  deps: ChatwootWebhookDeps,
  number: ServedNumber,
  raw: unknown,
  headers: Record<string, string | string[] | undefined>
): 'valid' | 'stale' | 'invalid' {
  const { bridge } = deps
  if (!Buffer.isBuffer(raw)) return 'invalid'
  // Desks before 4.13 sign nothing: then the unguessable path is all there is (contract §12).
  if (number.hookSecret === null) return 'valid'
  const offset = headers['x-puente-sandbox-offset-ms']
  if (number.sandbox && typeof offset === 'string') bridge.registry.setOffset(number.id, Number(offset))
  const text = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return deps.verify({
    raw,
    timestamp: text('x-chatwoot-timestamp'),
    signature: text('x-chatwoot-signature'),
    secret: number.hookSecret,
    now: new Date(bridge.clock.now().getTime() + bridge.registry.offsetMs(number.id)),
    toleranceSeconds: bridge.times.hookToleranceMs / 1000
  })
}

async function sortHook(
  deps: ChatwootWebhookDeps,
  number: ServedNumber,
  hook: DeskHook,
  raw: Buffer,
  delivery: Delivery
): Promise<IntakeBatch | null> {
  const { stale } = delivery
  switch (hook.kind) {
    case 'message':
      return sortMessage(deps.bridge, number, hook, raw, delivery)
    case 'conversation':
      deps.bridge.attributes.heard(number.id, hook.conversationId, {
        at: hook.updatedAt,
        current: hook.attributes,
        changed: hook.attributesChanged
      })
      // An old picture of a conversation must not overwrite a newer one.
      if (stale || hook.status === null || hook.event === 'created') return null
      return {
        rows: [],
        statuses: [],
        conversations: [
          { numberId: number.id, conversationId: hook.conversationId, status: hook.status, at: hook.updatedAt }
        ]
      }
    case 'typing':
      if (hook.on && !hook.private && hook.byUser && !stale) deps.typing(number, hook.conversationId)
      // Nobody sees that somebody stopped writing a private note: the doctor's way of trying the hook.
      else if (!hook.on && hook.private) await deps.bridge.numbers.noteHook(number.id)
      return null
    default:
      return null
  }
}

/** Only public outgoing (CW-MACRO) and template-type messages (CW-GREETING) that are not our own leave. */
export function mayLeave(hook: MessageHook): boolean {
  const { message } = hook
  const outgoing = message.type === 'outgoing' || message.type === 'template'
  return outgoing && !message.private && !hook.marked && message.sourceId === null
}

async function sortMessage(
  bridge: Bridge,
  number: ServedNumber,
  hook: MessageHook,
  raw: Buffer,
  { stale, id }: Delivery
): Promise<IntakeBatch | null> {
  const { message } = hook
  // A row that we wrote for an agent was sent by us; what a person does with it later counts like with any other.
  const instructed = isInstructionSource(message.sourceId)
  if (!mayLeave(hook) && !(instructed && (!hook.created || hook.deleted))) return null
  let kind: EventKind = stale ? 'retry' : 'hook'
  let key = `d:${message.id}`
  if (!hook.created || hook.deleted) {
    const known = (await bridge.deliveries.states(number.id, [message.id])).get(message.id)
    if (hook.deleted) {
      kind = 'removal'
      key = `x:${message.id}`
    } else if (known !== undefined) {
      const saysFailed = Boolean(message.attributes['external_error'])
      // Told failed and no longer so: a person's Retry. Not told, but failed: the desk painted it. Else: our echo
      // (CW-FAILED-HOOK).
      if ((known.told === 'failed') === saysFailed) return null
      kind = 'retry'
      // One delivery that comes twice is one click.
      key = `r:${message.id}:${id ?? bridge.newId()}`
    } else if (instructed) return null
  }
  return { rows: [await hookRow(bridge, number, hook, raw, kind, key)], statuses: [], conversations: [] }
}

/** The stored form of a desk message on its way to WhatsApp; reconciliation makes the same rows. */
export async function hookRow(
  bridge: Bridge,
  number: ServedNumber,
  hook: MessageHook,
  payload: Buffer,
  kind: EventKind,
  key: string
): Promise<IntakeRow> {
  const { message } = hook
  const writtenAt = message.createdAt.getTime() > 0 ? message.createdAt : bridge.clock.now()
  const source = sourceAlias(number.id, hook.contactSource ?? `conversation ${message.conversationId}`)
  // The one time that the phone in a hook counts: an agent began the conversation, nobody owns its source id yet
  // (CW-BEGUN).
  const known = await bridge.intake.knows(number.deskId, source)
  const phone = known || hook.contact.phone === null ? '' : hook.contact.phone.replace(/\D/g, '')
  return {
    numberId: number.id,
    key,
    kind,
    identity: {
      deskId: number.deskId,
      aliases: phone === '' ? [source] : [source, `w:${canonicalPhone(phone)}`],
      ids: phone === '' ? {} : { waId: phone, name: hook.contact.name ?? undefined }
    },
    outbound: true,
    ord: message.id,
    occurredAt: writtenAt,
    dayAt: dayOfMessage(writtenAt, number.sandbox, bridge.clock.now()),
    payload,
    state: 0,
    opensWindow: false,
    holdMs: bridge.times.hookOrderMs,
    pulls: pauseOf(bridge, number.id) !== null
  }
}
