/**
 * A macro or automation of the desk sends one template: `send_webhook_event` posts the conversation to an address that
 * is the credential. Unsigned and unrepeatable at the desk (contract §8), so nothing in the body is believed but the
 * conversation's id, and whether a person pressed: contact and attributes are read from the desk.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { callDesk } from '../../core/desk/call.ts'
import { asPuenteError, type ErrorCode, PuenteError } from '../../core/errors.ts'
import { GateClosed } from '../../core/lanes/hold.ts'
import type { MacroHook } from '../../core/ports/agent-store.ts'
import { tellHookFailure } from '../../core/talk/hook-failure.ts'
import { explainError } from '../../core/texts/describe.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import { BUCKETS, type Buckets } from '../session/buckets.ts'
import { composeInstruction } from './compose.ts'
import { phoneOf } from './conversation.ts'
import { type ApiDeps, localeOf } from './deps.ts'
import { valuesOf } from './hook-setup.ts'
import { requireWell } from './messages.ts'
import { RequestRefused } from './problems.ts'
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
      const told = await press(deps, hook, request)
      return reply.code(202).send({ sendId: told.sendId, state: told.state })
    }
  )
}

/** What the press comes to. Chatwoot throws the answer away, so whatever goes wrong is told in the conversation too. */
async function press(deps: ApiDeps, hook: MacroHook, request: FastifyRequest) {
  const conversationId = conversationIn(request.body)
  if (conversationId === null) throw new PuenteError('request_invalid')
  try {
    return await sendByHook(deps, hook, conversationId, localeOf(request))
  } catch (thrown) {
    // An automation may fire for any inbox: that it fires elsewhere is no failure. A macro was meant.
    if (thrown instanceof OtherInbox && !isMacro(request.body)) throw new PuenteError('number_unknown')
    await tellFailure(deps, hook, conversationId, thrown)
    throw thrown instanceof OtherInbox ? new PuenteError('number_unknown') : thrown
  }
}

/** The conversation belongs to another inbox than the hook's number. */
class OtherInbox extends Error {}

async function tellFailure(deps: ApiDeps, hook: MacroHook, conversationId: number, thrown: unknown): Promise<void> {
  const number = deps.bridge.registry.number(hook.numberId)
  const code = codeOf(thrown)
  // Without its number nothing can be written; the list of hooks tells it.
  if (number === undefined || number.deskId !== hook.deskId) {
    await deps.talk.hookFailed(hook.id, conversationId, { code, reason: explainError('en', code) })
    return
  }
  const { language } = number
  const reason =
    thrown instanceof RequestRefused
      ? thrown.problems.map(problem => problem.title).join(' ')
      : thrown instanceof OtherInbox
        ? text(language, 'hook.other_inbox', { number: number.displayPhoneNumber })
        : explainError(language, code)
  await tellHookFailure(deps, number, { hookId: hook.id, conversationId, template: hook.templateName, code, reason })
}

function codeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof RequestRefused) return thrown.code
  if (thrown instanceof GateClosed) return 'desk_unreachable'
  return thrown instanceof OtherInbox ? 'number_unknown' : asPuenteError(thrown).code
}

async function sendByHook(deps: ApiDeps, hook: MacroHook, conversationId: number, locale: Locale) {
  const { bridge, people, talk } = deps
  const number = bridge.registry.number(hook.numberId)
  if (number === undefined || number.deskId !== hook.deskId) throw new PuenteError('number_unknown')
  const picture = await callDesk(bridge, {
    deskId: number.deskId,
    access: number.deskAccess,
    run: access => people.lookAtConversation(access, conversationId)
  })
  if (picture === null || picture === 'refused') throw new PuenteError('not_found')
  if (picture.inboxId !== number.inboxId) throw new OtherInbox()
  requireWell(number)
  const customer = await talk.customerIn(number.id, conversationId)
  const phone = phoneOf(customer, picture)?.replace(/\D/g, '') ?? ''
  if (phone === '' && customer?.ids.userId === undefined) throw new PuenteError('no_recipient')
  const instruction = await composeInstruction(deps, {
    message: { kind: 'template', templateId: hook.templateId, values: valuesOf(hook.slots) },
    // Who reads why it failed are the agents of this number.
    context: fillContext({ number, picture, customer, agent: null, locale: number.language }),
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
  const slice = Math.floor(bridge.clock.now().getTime() / SAME_PRESS_MS)
  const asked = (n: number) => ({
    caller: `hook ${hook.id}`,
    key: `${conversationId} ${n}`,
    body: [hook.id, conversationId]
  })
  // A double press may lie on both sides of a boundary.
  const earlier = await answeredBefore(deps, asked(slice - 1), locale)
  if (earlier !== null && bridge.clock.now().getTime() - Date.parse(earlier.createdAt) < SAME_PRESS_MS) return earlier
  return keepAndCarry(
    deps,
    asked(slice),
    {
      deskId: number.deskId,
      numberId: number.id,
      agentId: null,
      externalRef: null,
      conversationId,
      sourceId: picture.sourceId ?? customer?.sourceId ?? null,
      opens: null,
      instruction: { ...instruction, hookId: hook.id }
    },
    locale
  )
}

function isMacro(body: unknown): boolean {
  return (body as { event?: unknown }).event === 'macro.executed'
}

/** `macro.executed` and `automation_event.*` carry a conversation at their top (contract §8). */
function conversationIn(body: unknown): number | null {
  if (typeof body !== 'object' || body === null) return null
  const { id, conversation } = body as { id?: unknown; conversation?: { id?: unknown } }
  const found = conversation?.id ?? id
  return typeof found === 'number' && Number.isSafeInteger(found) && found > 0 ? found : null
}
