/**
 * A macro or automation of the desk sends one template: `send_webhook_event` posts the conversation to an address that
 * is the credential. Unsigned and unrepeatable at the desk (contract §8), so nothing in the body is believed but the
 * conversation's id: contact and attributes are read from the desk.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { callDesk } from '../../core/desk/call.ts'
import { PuenteError } from '../../core/errors.ts'
import type { MacroHook } from '../../core/ports/agent-store.ts'
import type { SlotValues } from '../contract/template.ts'
import { BUCKETS, type Buckets } from '../session/buckets.ts'
import { composeInstruction } from './compose.ts'
import { phoneOf } from './conversation.ts'
import { type ApiDeps, localeOf } from './deps.ts'
import { requireWell } from './messages.ts'
import { answeredBefore, keepAndCarry } from './sends.ts'
import { fillContext } from './templates.ts'

/** The desk repeats nothing, but an agent may press twice: within this time it is once. */
const SAME_PRESS_MS = 10_000

export function addMacroHook(scope: FastifyInstance, deps: ApiDeps, buckets: Buckets): void {
  scope.post<{ Params: { secret: string } }>(
    '/hooks/:secret',
    { logLevel: 'silent', schema: { hide: true } as object },
    async (request, reply) => {
      const { secret } = request.params
      const hook = /^[\w-]{20,200}$/.test(secret) ? await deps.agents.findMacroHook(secret) : null
      if (hook === null) {
        buckets.take(`refused ${request.ip}`, BUCKETS.refused)
        throw new PuenteError('key_invalid')
      }
      buckets.take(`hook ${hook.id}`, BUCKETS.hook)
      const told = await sendByHook(deps, hook, request)
      return reply.code(202).send({ sendId: told.sendId, state: told.state })
    }
  )
}

async function sendByHook(deps: ApiDeps, hook: MacroHook, request: FastifyRequest) {
  const { bridge, people, talk } = deps
  const locale = localeOf(request)
  const number = bridge.registry.number(hook.numberId)
  if (number === undefined || number.deskId !== hook.deskId) throw new PuenteError('number_unknown')
  requireWell(number)
  const conversationId = conversationIn(request.body)
  if (conversationId === null) throw new PuenteError('request_invalid')
  const picture = await callDesk(bridge, {
    deskId: number.deskId,
    access: number.deskAccess,
    run: access => people.lookAtConversation(access, conversationId)
  })
  if (picture === null || picture === 'refused') throw new PuenteError('not_found')
  // An automation may fire for any inbox: a conversation of another one is none of this number's.
  if (picture.inboxId !== number.inboxId) throw new PuenteError('number_unknown')
  const customer = await talk.customerIn(number.id, conversationId)
  const phone = phoneOf(customer, picture)?.replace(/\D/g, '') ?? ''
  if (phone === '' && customer?.ids.userId === undefined) throw new PuenteError('no_recipient')
  const values: SlotValues = Object.fromEntries(
    Object.entries(hook.slots).map(([key, slot]) => [key, { kind: 'source' as const, ...slot }])
  )
  const instruction = await composeInstruction(deps, {
    message: { kind: 'template', templateId: hook.templateId, values },
    context: fillContext({ number, picture, customer, agent: null, locale }),
    who: null,
    agent: null,
    origin: 'hook',
    windowOpen: false,
    to: {
      contactId: picture.contactId ?? undefined,
      phone: phone || undefined,
      name: picture.contactName ?? undefined
    }
  })
  const press = Math.floor(bridge.clock.now().getTime() / SAME_PRESS_MS)
  const asked = (n: number) => ({
    caller: `hook ${hook.id}`,
    key: `${conversationId} ${n}`,
    body: [hook.id, conversationId]
  })
  // A double press may lie on both sides of a boundary.
  const earlier = await answeredBefore(deps, asked(press - 1), locale)
  if (earlier !== null && bridge.clock.now().getTime() - Date.parse(earlier.createdAt) < SAME_PRESS_MS) return earlier
  return keepAndCarry(
    deps,
    asked(press),
    {
      deskId: number.deskId,
      numberId: number.id,
      agentId: null,
      externalRef: null,
      conversationId,
      sourceId: picture.sourceId ?? customer?.sourceId ?? null,
      opens: null,
      instruction
    },
    locale
  )
}

/** `macro.executed` and `automation_event.*` carry a conversation at their top (contract §8). */
function conversationIn(body: unknown): number | null {
  if (typeof body !== 'object' || body === null) return null
  const { id, conversation } = body as { id?: unknown; conversation?: { id?: unknown } }
  const found = conversation?.id ?? id
  return typeof found === 'number' && Number.isSafeInteger(found) && found > 0 ? found : null
}
