/** The status of a conversation: what an agent needs to know before they write, in one answer. */
import type { Bridge } from '../../core/bridge.ts'
import { PuenteError } from '../../core/errors.ts'
import { numberNow } from '../../core/outbound/parked.ts'
import type { ConversationPicture } from '../../core/ports/desk-agents.ts'
import type { CustomerView, DeliveryView } from '../../core/ports/talk-store.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { RULES } from '../../core/rules.ts'
import { failureOf, receiptsPattern } from '../../core/talk/shown-state.ts'
import { describeNote } from '../../core/texts/describe.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import { parkedUntil, windowState } from '../../core/window.ts'
import type { ConversationStatus, SendKind, ServedConversation } from '../contract/conversation.ts'
import { type ApiDeps, type Handlers, localeOf, type SignedInAgent } from './deps.ts'
import { deskLink } from './desk-address.ts'
import { asNotices, readLimits } from './limits.ts'
import { SOON_MS } from './next-turn.ts'
import { describeNumber } from './number-info.ts'
import { sourcesOf } from './sources.ts'

const ALL_KINDS: SendKind[] = [
  'text',
  'template',
  'buttons',
  'list',
  'url_button',
  'location',
  'location_request',
  'contacts',
  'reaction',
  'sticker',
  'voice',
  'media'
]
const SHOWN_TEXT = 300

export interface Looked {
  picture: ConversationPicture
  number: ServedNumber
  customer: CustomerView | null
}

/** The conversation as this agent may see it, on a number that is served. Fails with `not_allowed` or `not_found`. */
export async function lookAt(deps: ApiDeps, who: SignedInAgent, conversationId: number): Promise<Looked> {
  const picture = await deps.access.conversation(who.agent, conversationId)
  const number = deps.bridge.registry.byInbox(who.agent.desk.id, picture.inboxId)
  if (number === undefined) throw new PuenteError('not_found')
  return { picture, number, customer: await deps.talk.customerIn(number.id, conversationId) }
}

export function conversationHandlers(
  deps: ApiDeps
): Pick<Handlers, 'readConversation' | 'reopenConversation' | 'recallMessage' | 'retryMessage'> {
  const { talk, people, access } = deps
  return {
    readConversation: ({ params }, { agent, request }) =>
      describeConversation(deps, agent, params.conversationId, localeOf(request, agent.agent)),

    async reopenConversation({ params }, { agent, request }) {
      await lookAt(deps, agent, params.conversationId)
      const done = await access.ask(agent.agent, desk => people.reopen(desk, params.conversationId))
      if (done === 'refused') throw new PuenteError('not_allowed')
      if (done === null) throw new PuenteError('not_found')
      access.forget(agent.agent.desk.id, params.conversationId)
      return describeConversation(deps, agent, params.conversationId, localeOf(request, agent.agent))
    },

    async recallMessage({ params }, { agent, request }) {
      const { number } = await lookAt(deps, agent, params.conversationId)
      await recall(deps, number, params.conversationId, params.messageId)
      return describeConversation(deps, agent, params.conversationId, localeOf(request, agent.agent))
    },

    async retryMessage({ params }, { agent }) {
      const { number } = await lookAt(deps, agent, params.conversationId)
      const delivery = await talk.delivery(number.id, params.messageId)
      if (delivery === null || delivery.conversationId !== params.conversationId) throw new PuenteError('not_found')
      if (failureOf(delivery, 'en', deps.nameFailure) === null || delivery.told !== 'failed') {
        throw new PuenteError('not_failed')
      }
      // The desk's own Retry: its hook then takes the way that every Retry takes.
      const done = await access.ask(agent.agent, desk =>
        people.retryMessage(desk, params.conversationId, params.messageId)
      )
      if (done === 'refused') throw new PuenteError('not_allowed')
      if (done === null) throw new PuenteError('not_found')
      return { ok: true }
    }
  }
}

/** Takes a parked answer back, and says so in the conversation. */
export async function recall(
  deps: ApiDeps,
  number: ServedNumber,
  conversationId: number,
  messageId: number
): Promise<void> {
  await requireOurs(deps, number, conversationId, messageId)
  const outcome = await deps.talk.recall(number.id, messageId)
  if (outcome !== 'recalled') throw new PuenteError(outcome === 'leaving' ? 'leaving_now' : 'not_parked')
  noteRecalled(deps.bridge, number, conversationId, messageId)
}

/** A message id is a locator: what is taken back must lie in the conversation that the agent looks at. */
export async function requireOurs(
  deps: ApiDeps,
  number: ServedNumber,
  conversationId: number,
  messageId: number
): Promise<void> {
  const delivery = await deps.talk.delivery(number.id, messageId)
  if (delivery === null || delivery.conversationId !== conversationId) throw new PuenteError('not_found')
}

export function noteRecalled(bridge: Bridge, number: ServedNumber, conversationId: number, messageId: number): void {
  bridge.count('parked_recalled')
  bridge.background(async () => {
    bridge.rowPace(number.deskId, conversationId)
    await bridge.desk.createMessage(number.deskAccess, conversationId, {
      type: 'outgoing',
      private: true,
      content: describeNote(number.language, 'parked_recalled'),
      sourceId: `puente.note.recall.${messageId}`,
      attributes: { puente: { kind: 'note' } }
    })
  })
}

export async function describeConversation(
  deps: ApiDeps,
  who: SignedInAgent,
  conversationId: number,
  locale: Locale
): Promise<ConversationStatus> {
  const { bridge, talk } = deps
  const { agent } = who
  const picture = await deps.access.conversation(agent, conversationId)
  const number = bridge.registry.byInbox(agent.desk.id, picture.inboxId)
  if (number === undefined) {
    return { served: false, conversationId, sentence: text(locale, 'tab.other_inbox') }
  }
  const customer = await talk.customerIn(number.id, conversationId)
  const now = numberNow(bridge, number)
  const window = windowState({ lastInboundAt: customer?.windowFrom ?? null, now })
  const [deliveries, consent, receipts, freeAt, version, info, elsewhere, limits] = await Promise.all([
    talk.deliveries(number.id, conversationId, { limit: 50 }),
    customer === null ? null : bridge.consents.read(number.id, customer.customerId),
    customer === null ? { delivered: 0, read: 0 } : talk.receiptsOf(number.id, customer.customerId),
    customer === null ? null : talk.freeEntryAt(number.id, customer.customerId),
    talk.version(number.id, conversationId),
    describeNumber(deps, agent, number, locale),
    otherConversations(deps, who, picture),
    readLimits(deps, number, customer, window.open, locale)
  ])
  const parked = deliveries.filter(delivery => delivery.state === 'parked' && delivery.parkedAt !== null)
  const texts = await textsOf(deps, number, conversationId, deliveries)
  const failed = deliveries.find(delivery => failureOf(delivery, locale, deps.nameFailure) !== null)
  const pattern = receiptsPattern(receipts)
  const marketing = consent?.marketing ?? 'unknown'
  const composerLocked = info.paused === null && window.open && !picture.canReply
  const freeUntil = freeAt === null ? null : new Date(freeAt.getTime() + RULES.freeEntryPointHours.value * 3_600_000)
  const notices: ServedConversation['notices'] = []
  const notice = (code: string, severity: 'info' | 'warning' | 'error', sentence: string) =>
    notices.push({ code, severity, sentence })
  if (info.paused !== null) notice(info.paused.code, 'error', info.paused.sentence)
  if (info.quality === 'red') notice('quality_red', 'warning', text(locale, 'tab.notice.quality_red'))
  if (info.quality === 'yellow') notice('quality_yellow', 'info', text(locale, 'tab.notice.quality_yellow'))
  if (window.open && window.remainingMs <= SOON_MS) {
    notice('window_soon', 'info', text(locale, 'tab.notice.window_soon'))
  }
  if (composerLocked) notice('composer_locked', 'info', text(locale, 'tab.notice.composer_locked'))
  if (marketing === 'stopped') notice('marketing_stopped', 'warning', text(locale, 'tab.notice.marketing_stopped'))
  notices.push(...asNotices(limits))
  if (pattern === 'probably_off') notice('receipts_off', 'info', text(locale, 'tab.notice.receipts_off'))
  return {
    served: true,
    conversationId,
    link: deskLink(who.deskUrl, agent.desk.accountId, conversationId),
    deskStatus: picture.status,
    number: info,
    customer: {
      contactId: picture.contactId,
      name: picture.contactName,
      phone: phoneOf(customer, picture),
      username: customer?.ids.username ?? null,
      language: languageOf(picture)
    },
    window: {
      open: window.open,
      expiresAt: window.expiresAt?.toISOString() ?? null,
      now: now.toISOString(),
      freeEntryPointUntil: freeUntil !== null && freeUntil > now ? freeUntil.toISOString() : null
    },
    allowed: info.paused !== null ? [] : window.open ? ALL_KINDS : ['template'],
    composerLocked,
    consent: { marketing, at: consent?.at.toISOString() ?? null },
    notices,
    parked: parked.map(delivery => ({
      messageId: delivery.messageId,
      text: texts.get(delivery.messageId) ?? '',
      parkedAt: delivery.parkedAt!.toISOString(),
      until: parkedUntil(delivery.parkedAt!, number.rules.parkedHours * 3_600_000).toISOString()
    })),
    lastFailure:
      failed === undefined
        ? null
        : {
            messageId: failed.messageId,
            at: failed.changedAt.toISOString(),
            text: texts.get(failed.messageId) ?? '',
            failure: failureOf(failed, locale, deps.nameFailure)!
          },
    elsewhere,
    receipts: pattern,
    sources: sourcesOf({ picture, agent, number, locale }),
    version
  }
}

/** With `+`; what WhatsApp says goes before what stands in the contact. */
export function phoneOf(customer: CustomerView | null, picture: ConversationPicture | null): string | null {
  if (customer?.ids.waId !== undefined) return `+${customer.ids.waId}`
  return picture?.contactPhone ?? null
}

/** A contact may carry its language in one of these places; nothing else tells it. */
export function languageOf(picture: ConversationPicture): string | null {
  const { contactAttributes, contactAdditional, attributes } = picture
  const told = [
    contactAttributes['language'],
    contactAttributes['wa_language'],
    contactAdditional['language'],
    contactAdditional['browser_language'],
    attributes['language']
  ]
  const language = told.find(value => typeof value === 'string' && /^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$/.test(value))
  return (language as string | undefined) ?? null
}

/** What the parked and failed ones said; their stored payloads tell it without asking the desk. */
async function textsOf(
  deps: ApiDeps,
  number: ServedNumber,
  conversationId: number,
  deliveries: DeliveryView[]
): Promise<Map<number, string>> {
  const wanted = deliveries.filter(delivery => delivery.state !== 'sent' || delivery.rank === 2).slice(0, 20)
  const texts = new Map<number, string>()
  for (const delivery of wanted) {
    const record = await deps.bridge.deliveries.find(number.id, delivery.messageId)
    if (record === null || record.conversationId !== conversationId) continue
    try {
      const hook = deps.bridge.readHook(await deps.bridge.lanes.payload(record))
      if (hook.kind === 'message') texts.set(delivery.messageId, (hook.message.content ?? '').slice(0, SHOWN_TEXT))
    } catch {
      // Its page is gone by age: the desk still shows it.
    }
  }
  return texts
}

async function otherConversations(
  deps: ApiDeps,
  who: SignedInAgent,
  picture: ConversationPicture
): Promise<ServedConversation['elsewhere']> {
  const { contactId } = picture
  if (contactId === null) return []
  const { agent } = who
  try {
    return await deps.access.elsewhere(agent, contactId, async () => {
      const all = await deps.access.ask(agent, access => deps.people.listConversationsOf(access, contactId))
      const others = all.filter(other => other.id !== picture.id && other.inboxId !== picture.inboxId)
      if (others.length === 0) return []
      const inboxes = await deps.access.ask(agent, access => deps.people.listInboxes(access))
      // By the service user the desk shows all: only inboxes that this agent may use are told.
      const seen = []
      for (const other of others.slice(0, 5)) {
        if (!(await deps.access.maySeeInbox(agent, other.inboxId))) continue
        const inbox = inboxes.find(candidate => candidate.id === other.inboxId)
        seen.push({
          conversationId: other.id,
          channel: other.channel || (inbox?.channel ?? ''),
          inboxName: inbox?.name ?? '',
          link: deskLink(who.deskUrl, agent.desk.accountId, other.id)
        })
      }
      return seen
    })
  } catch {
    // A comfort: its absence must not hide the rest.
    return []
  }
}
