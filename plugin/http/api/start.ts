/** Beginning a conversation: by an agent (tab, `/app/new`), by a script with an API key. One open conversation is enough. */
import type { FastifyRequest } from 'fastify'
import type { Agent } from '../../core/agents/access.ts'
import { PuenteError } from '../../core/errors.ts'
import { canonicalPhone, phoneDigits } from '../../core/identity.ts'
import { sourceAlias } from '../../core/inbound/write.ts'
import { numberNow } from '../../core/outbound/parked.ts'
import type { ConversationPicture } from '../../core/ports/desk-agents.ts'
import type { DeskAccess } from '../../core/ports/help-desk.ts'
import type { CustomerView } from '../../core/ports/talk-store.ts'
import type { ServedNumber } from '../../core/registry.ts'
import type { InstructionOrigin } from '../../core/talk/instruction.ts'
import type { Locale } from '../../core/texts/text.ts'
import { windowState } from '../../core/window.ts'
import type { SendInfo } from '../contract/common.ts'
import type { MessageToSend } from '../contract/message.ts'
import type { ApiMessage } from '../contract/start.ts'
import type { SlotValues } from '../contract/template.ts'
import { composeInstruction } from './compose.ts'
import { type ApiDeps, type Handlers, localeOf, type SignedInAgent } from './deps.ts'
import { deskLink } from './desk-address.ts'
import { requireWell } from './messages.ts'
import { describeNumber } from './number-info.ts'
import { ConversationOpen } from './problems.ts'
import { type Asked, answeredBefore, describeSend, keepAndCarry } from './sends.ts'
import { contactPicture, fillContext, findKnown, numberFor, rememberUse } from './templates.ts'

type StartHandlers = Pick<
  Handlers,
  | 'listNumbers'
  | 'findContacts'
  | 'findOpenConversation'
  | 'startConversation'
  | 'sendByKey'
  | 'readSendByKey'
  | 'listSendsByKey'
>

export function startHandlers(deps: ApiDeps): StartHandlers {
  const { bridge, access, people, talk } = deps
  return {
    async listNumbers({ query }, { agent: who, request }) {
      const locale = localeOf(request, who.agent)
      const known = query.phone === undefined ? null : phoneDigits(query.phone)
      const found = []
      for (const number of bridge.registry.numbers()) {
        if (!(await access.mayUse(who.agent, number))) continue
        const customer = await findKnown(deps, number, query.contactId, known)
        const info = await describeNumber(deps, who.agent, number, locale)
        // The number that this customer already talks to goes first, then the agent's last one.
        found.push({ info, theirs: customer?.conversationId == null ? 0 : 1 })
      }
      found.sort(
        (a, b) =>
          b.theirs - a.theirs ||
          (b.info.lastUsedAt ?? '').localeCompare(a.info.lastUsedAt ?? '') ||
          a.info.id - b.info.id
      )
      return { numbers: found.map(({ info }) => info) }
    },

    async findContacts({ query }, { agent: who }) {
      const { agent } = who
      // What a role made by administrators allows is not told to us: then only with the agent's own session.
      if (agent.session === null && agent.customRoleId !== null) throw new PuenteError('not_allowed')
      const contactId =
        query.contactId ??
        (query.customer === undefined ? undefined : await contactOf(deps, agent.desk.id, query.customer))
      const contacts =
        contactId !== undefined
          ? [await access.ask(agent, desk => people.lookAtContact(desk, contactId))].flatMap(c => c ?? [])
          : (query.query ?? '').trim().length < 2
            ? []
            : await access.ask(agent, desk => people.searchContacts(desk, query.query!.trim()))
      const known = await talk.knownContacts(
        agent.desk.id,
        contacts.map(contact => contact.id)
      )
      return {
        contacts: contacts.map(contact => ({
          contactId: contact.id,
          name: contact.name ?? contact.phone ?? '',
          phone: contact.phone ?? null,
          email: contact.email ?? null,
          onWhatsApp: known.has(contact.id)
        }))
      }
    },

    async findOpenConversation({ query }, { agent: who }) {
      const number = await numberFor(deps, who, query.numberId)
      const phone = query.phone === undefined ? null : phoneDigits(query.phone)
      const customer = await findKnown(deps, number, query.contactId, phone)
      const windowOpen = isOpen(deps, number, customer)
      const conversationId = openIn(customer)
      if (conversationId === null) return { open: null, windowOpen }
      const link = deskLink(who.deskUrl, who.agent.desk.accountId, conversationId)
      return { open: { conversationId, link, windowOpen }, windowOpen }
    },

    async startConversation({ body, headers }, { agent: who, request }) {
      const { agent } = who
      const locale = localeOf(request, agent)
      const asked = {
        caller: `agent ${agent.desk.id} ${agent.id}`,
        key: headers['idempotency-key'],
        body: ['start', body],
        deskUrl: who.deskUrl
      }
      // First of all: number, contact and template of an earlier request may be gone by now.
      const before = await answeredBefore(deps, asked, locale)
      if (before !== null) return before
      const number = await numberFor(deps, who, body.numberId)
      const picture = body.contactId === undefined ? null : await contactPicture(deps, who, number, body.contactId)
      const told = await start(deps, {
        asked,
        number,
        picture,
        who,
        agent,
        origin: 'tab',
        locale,
        phone: body.phone,
        contactId: body.contactId,
        name: body.name,
        ifOpen: body.ifOpen,
        externalRef: body.externalRef ?? null,
        message: body.message,
        as: agent.session === null ? undefined : access.accessOf(agent)
      })
      await deps.agents.usedNumber(agent.desk.id, agent.id, number.id)
      if (body.message.kind === 'template') {
        await rememberUse(deps, agent, body.message.templateId, body.message.values)
      }
      return told
    },

    async sendByKey({ body, headers }, { key, request }) {
      const locale = localeOf(request)
      const asked = { caller: `key ${key.id}`, key: headers['idempotency-key'], body }
      const before = await answeredBefore(deps, asked, locale)
      if (before !== null) return before
      const number = numberNamed(deps, key.deskId, body.from)
      const picture = body.contactId === undefined ? null : await serviceContact(deps, number, body.contactId)
      return start(deps, {
        asked,
        number,
        picture,
        who: null,
        agent: null,
        origin: 'api',
        locale,
        phone: body.phone,
        contactId: body.contactId,
        name: body.name,
        ifOpen: body.ifOpen,
        externalRef: body.externalRef ?? null,
        message: await messageOf(deps, number, body.message)
      })
    },

    async readSendByKey({ params }, { key, request }) {
      const record = await bridge.instructions.find(params.sendId)
      if (record === null || record.deskId !== key.deskId) throw new PuenteError('not_found')
      return describeSend(deps, record, localeOf(request))
    },

    async listSendsByKey({ query }, { key, request }) {
      const records = await bridge.instructions.byReference(key.deskId, query.externalRef)
      const locale = localeOf(request as FastifyRequest)
      return { messages: await Promise.all(records.map(record => describeSend(deps, record, locale))) }
    }
  }
}

export interface StartInput {
  asked: Asked
  number: ServedNumber
  picture: ConversationPicture | null
  who: SignedInAgent | null
  agent: Agent | null
  origin: InstructionOrigin
  locale: Locale
  phone: string | undefined
  contactId: number | undefined
  name: string | undefined
  ifOpen: 'use' | 'refuse'
  externalRef: string | null
  message: MessageToSend
  as?: DeskAccess
}

/** What was asked before under this key is answered by the caller. */
export async function start(deps: ApiDeps, input: StartInput): Promise<SendInfo> {
  const { number, picture, locale } = input
  const given = input.phone === undefined ? null : phoneDigits(input.phone)
  const customer = await findKnown(deps, number, input.contactId, given)
  // What WhatsApp itself says goes before what was typed; a contact's phone counts where nothing else is given.
  const phone = customer?.ids.waId ?? given ?? phoneDigits(picture?.contactPhone ?? '')
  const known = customer?.ids.userId !== undefined || customer?.ids.waId !== undefined
  if (!known && !/^[1-9]\d{6,14}$/.test(phone)) throw new PuenteError('no_recipient')
  const conversationId = openIn(customer)
  if (conversationId !== null && input.ifOpen === 'refuse') {
    const deskUrl = input.who?.deskUrl ?? deps.desks.urlOf(number.desk)
    throw new ConversationOpen(conversationId, deskLink(deskUrl, number.desk.accountId, conversationId))
  }
  // Somebody else's conversation is not written into, whatever inbox it is in.
  if (conversationId !== null && input.agent !== null) await deps.access.conversation(input.agent, conversationId)
  requireWell(number)
  const context = fillContext({ number, picture, customer, agent: input.agent, locale })
  const instruction = await composeInstruction(deps, {
    message: input.message,
    context,
    who: input.who,
    agent: input.agent,
    origin: input.origin,
    windowOpen: isOpen(deps, number, customer),
    to: {
      contactId: input.contactId ?? customer?.contactId ?? undefined,
      phone: phone === '' ? undefined : phone,
      name: input.name ?? picture?.contactName ?? undefined
    }
  })
  return keepAndCarry(
    deps,
    input.asked,
    {
      deskId: number.deskId,
      numberId: number.id,
      agentId: input.agent?.id ?? null,
      externalRef: input.externalRef,
      conversationId,
      sourceId: conversationId === null ? null : (customer?.sourceId ?? null),
      opens:
        conversationId !== null ? null : customer === null ? `w:${canonicalPhone(phone)}` : `c:${customer.customerId}`,
      instruction
    },
    locale,
    input.as
  )
}

/** Whom a contact's own link names. Fails with `not_found`. */
async function contactOf(deps: ApiDeps, deskId: number, sourceId: string): Promise<number> {
  for (const number of deps.bridge.registry.numbers()) {
    if (number.deskId !== deskId) continue
    const customer = await deps.talk.customerBy(number.id, deskId, sourceAlias(number.id, sourceId))
    if (customer?.contactId != null) return customer.contactId
  }
  throw new PuenteError('not_found')
}

function openIn(customer: CustomerView | null): number | null {
  if (customer?.conversationId == null || customer.conversationStatus === 'resolved') return null
  return customer.conversationId
}

function isOpen(deps: ApiDeps, number: ServedNumber, customer: CustomerView | null): boolean {
  const now = numberNow(deps.bridge, number)
  return windowState({ lastInboundAt: customer?.windowFrom ?? null, now }).open
}

/** By its phone number id or by its digits; the only one, when none is named. */
function numberNamed(deps: ApiDeps, deskId: number, from: string | undefined): ServedNumber {
  const numbers = deps.bridge.registry.numbers().filter(number => number.deskId === deskId)
  if (from === undefined) {
    if (numbers.length === 1) return numbers[0]!
    throw new PuenteError('number_unknown')
  }
  const digits = from.replace(/\D/g, '')
  const found = numbers.find(
    number => number.phoneNumberId === from || number.displayPhoneNumber.replace(/\D/g, '') === digits
  )
  if (found === undefined) throw new PuenteError('number_unknown')
  return found
}

/** For scripts and hooks, with the service user's rights. */
export async function serviceContact(
  deps: ApiDeps,
  number: ServedNumber,
  contactId: number
): Promise<ConversationPicture> {
  const service = { id: 0, name: '', role: 'administrator' as const, customRoleId: null, locale: null, session: null }
  const who: SignedInAgent = {
    agent: { ...service, desk: number.desk },
    token: '',
    mode: 'paired',
    expiresAt: new Date(0),
    deskUrl: deps.desks.urlOf(number.desk)
  }
  return contactPicture(deps, who, number, contactId)
}

async function messageOf(deps: ApiDeps, number: ServedNumber, message: ApiMessage['message']): Promise<MessageToSend> {
  if (message.kind === 'text') return message
  const listed = await deps.templates.find(number.wabaId, message.name, message.language)
  if (listed === null) throw new PuenteError('wa_template_missing', { stage: 'decide' })
  const values: SlotValues = { ...message.values }
  for (const [key, words] of Object.entries(message.slots)) values[key] = { kind: 'text', text: words }
  return { kind: 'template', templateId: listed.id, values }
}
