/** Sending into a conversation, and looking at what is in it. */
import { PuenteError } from '../../core/errors.ts'
import { numberNow } from '../../core/outbound/parked.ts'
import type { DeskMessage } from '../../core/ports/help-desk.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { failureOf, shownState } from '../../core/talk/shown-state.ts'
import { windowState } from '../../core/window.ts'
import type { MessageSummary } from '../contract/message.ts'
import { composeInstruction } from './compose.ts'
import { lookAt, phoneOf, requireOurs } from './conversation.ts'
import { type ApiDeps, type Handlers, localeOf } from './deps.ts'
import { describeMessage } from './message-details.ts'
import { answeredBefore, describeSend, keepAndCarry } from './sends.ts'
import { fillContext, rememberUse } from './templates.ts'

const SHOWN_TEXT = 300
/** As many rows as the desk gives at once; fewer are the last. */
const DESK_PAGE = 20
const MOST_PAGES = 10

export function messageHandlers(
  deps: ApiDeps
): Pick<Handlers, 'listMessages' | 'readMessage' | 'sendMessage' | 'readSend'> {
  const { bridge, talk, access, agents } = deps
  return {
    async sendMessage({ params, body, headers }, { agent: who, request }) {
      const { agent } = who
      const locale = localeOf(request, agent)
      const { picture, number, customer } = await lookAt(deps, who, params.conversationId)
      const asked = {
        caller: `agent ${agent.desk.id} ${agent.id}`,
        key: headers['idempotency-key'],
        body: [params.conversationId, body],
        deskUrl: who.deskUrl
      }
      const before = await answeredBefore(deps, asked, locale)
      if (before !== null) return before
      requireWell(number)
      const now = numberNow(bridge, number)
      const window = windowState({ lastInboundAt: customer?.windowFrom ?? null, now })
      const context = fillContext({ number, picture, customer, agent, locale })
      const phone = phoneOf(customer, picture)?.replace(/\D/g, '')
      if (customer?.ids.userId === undefined && !phone) throw new PuenteError('no_recipient')
      const instruction = await composeInstruction(deps, {
        message: body.message,
        context,
        who,
        agent,
        origin: 'tab',
        windowOpen: window.open,
        to: {
          contactId: picture.contactId ?? undefined,
          phone: phone || undefined,
          name: picture.contactName ?? undefined
        }
      })
      const recalls = body.message.kind === 'template' ? body.message.insteadOf : undefined
      if (recalls !== undefined) await requireOurs(deps, number, params.conversationId, recalls)
      const told = await keepAndCarry(
        deps,
        asked,
        {
          deskId: agent.desk.id,
          numberId: number.id,
          agentId: agent.id,
          externalRef: body.externalRef ?? null,
          conversationId: params.conversationId,
          sourceId: picture.sourceId ?? customer?.sourceId ?? null,
          opens: null,
          recalls,
          instruction
        },
        locale,
        agent.session === null ? undefined : access.accessOf(agent)
      )
      await agents.usedNumber(agent.desk.id, agent.id, number.id)
      if (body.message.kind === 'template') {
        await rememberUse(deps, agent, body.message.templateId, body.message.values)
      }
      return told
    },

    async readSend({ params }, { agent: who, request }) {
      const record = await bridge.instructions.find(params.sendId)
      if (record === null || record.deskId !== who.agent.desk.id) throw new PuenteError('not_found')
      // Somebody else's is seen by whoever may see its conversation.
      if (record.agentId !== who.agent.id) {
        if (record.conversationId === null) throw new PuenteError('not_found')
        await access.conversation(who.agent, record.conversationId)
      }
      return describeSend(deps, record, localeOf(request, who.agent), who.deskUrl)
    },

    async listMessages({ params, query }, { agent: who, request }) {
      const { number } = await lookAt(deps, who, params.conversationId)
      const locale = localeOf(request, who.agent)
      const shown: DeskMessage[] = []
      let [before, newest, full] = [query.before, 0, true]
      // Whole pages may be notes, which are not shown: a page of nothing would look like the end.
      for (let page = 0; page < MOST_PAGES && full && shown.length === 0; page++) {
        const messages = await access.ask(who.agent, desk =>
          deps.people.latestMessages(desk, params.conversationId, before)
        )
        if (messages === 'refused') throw new PuenteError('not_allowed')
        if (messages === null) throw new PuenteError('not_found')
        full = messages.length >= DESK_PAGE
        before = messages[0]?.id ?? before
        newest = messages.at(-1)?.id ?? 0
        shown.push(...messages.filter(message => !message.private && message.attributes['deleted'] !== true))
      }
      const oldest = shown[0]?.id ?? 0
      const deliveries = await talk.deliveries(number.id, params.conversationId, { before: newest + 1, limit: 60 })
      const known = new Map(deliveries.filter(d => d.messageId >= oldest).map(d => [d.messageId, d]))
      return {
        messages: shown.reverse().map(message => {
          const delivery = known.get(message.id)
          return {
            ...summaryOf(message),
            state: delivery === undefined ? null : shownState(delivery),
            failure: delivery === undefined ? null : failureOf(delivery, locale, deps.nameFailure)
          }
        }),
        nextBefore: full && before !== undefined ? before : null
      }
    },

    async readMessage({ params }, { agent: who, request }) {
      const looked = await lookAt(deps, who, params.conversationId)
      const message = await access.ask(who.agent, desk =>
        bridge.desk.readMessage(desk, params.conversationId, params.messageId)
      )
      if (message === null) throw new PuenteError('not_found')
      return describeMessage(deps, who, looked, message, localeOf(request, who.agent))
    }
  }
}

/** A number that only a person can mend takes nothing new: better to say so than to let it wait. */
export function requireWell(number: ServedNumber): void {
  const { pausedCode } = number
  if (pausedCode !== null) throw new PuenteError(pausedCode as ConstructorParameters<typeof PuenteError>[0])
}

export function summaryOf(message: DeskMessage): Omit<MessageSummary, 'state' | 'failure'> {
  const direction = message.private ? 'note' : message.type === 'incoming' ? 'in' : 'out'
  return {
    messageId: message.id,
    direction,
    at: message.createdAt.toISOString(),
    text: (message.content ?? '').slice(0, SHOWN_TEXT),
    sender: message.senderName,
    files: message.files.map(file => ({
      fileId: file.id,
      kind: file.type,
      name: file.name,
      sizeBytes: file.sizeBytes ?? null,
      mimeType: file.mimeType ?? null
    }))
  }
}
