/**
 * What WhatsApp will probably refuse because of a limit, said before sending: customers written to first within a day
 * (Meta counts them for the whole portfolio, Puente those that went through it), the number slowed down for its quality,
 * marketing that this customer has had enough of.
 */
import type { CustomerView, DeliveryView } from '../../core/ports/talk-store.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { failureOf } from '../../core/talk/shown-state.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { ServedConversation } from '../contract/conversation.ts'
import type { TemplateProblem } from '../contract/template.ts'
import type { ApiDeps } from './deps.ts'
import { limitOf } from './number-info.ts'

const DAY_MS = 24 * 3_600_000
/** From here on people should know. */
const NEAR = 0.9

export type LimitCode = 'limit_reached' | 'limit_near' | 'spam_limited' | 'marketing_limited'

export interface ReachedLimit {
  code: LimitCode
  sentence: string
}

/** `windowOpen`: then nobody is written to first. */
export async function readLimits(
  deps: ApiDeps,
  number: ServedNumber,
  customer: CustomerView | null,
  windowOpen: boolean,
  locale: Locale
): Promise<ReachedLimit[]> {
  const [facts, refused, deliveries] = await Promise.all([
    deps.talk.numberFacts(number.id),
    deps.talk.refusedToday(number.id),
    customer?.conversationId == null ? [] : deps.talk.deliveries(number.id, customer.conversationId, { limit: 30 })
  ])
  const limits: ReachedLimit[] = []
  const add = (code: LimitCode, values = { limit: 0, customers: 0 }) =>
    limits.push({ code, sentence: text(locale, `tab.limit.${code}`, values) })
  const limit = limitOf(facts.messagingLimit)
  if (limit !== null && !windowOpen) {
    const numbers = deps.bridge.registry.numbers().filter(one => one.wabaId === number.wabaId)
    const ids = numbers.map(one => one.id)
    const { customers, ours } = await deps.talk.openedToday(ids, customer?.customerId ?? null)
    if (!ours && customers >= limit) add('limit_reached', { limit, customers })
    else if (customers >= limit * NEAR) add('limit_near', { customers, limit })
  }
  const slowed = refused.some(
    ({ code, failure }) =>
      code === 'wa_spam_limited' || (failure !== null && deps.nameFailure(failure) === 'wa_spam_limited')
  )
  if (slowed) add('spam_limited')
  const now = deps.bridge.clock.now().getTime()
  const hadEnough = deliveries.some(
    delivery => isMarketingLimit(deps, delivery, locale) && now - delivery.createdAt.getTime() < DAY_MS
  )
  if (hadEnough) add('marketing_limited')
  return limits
}

function isMarketingLimit(deps: ApiDeps, delivery: DeliveryView, locale: Locale): boolean {
  return failureOf(delivery, locale, deps.nameFailure)?.code === 'wa_marketing_limited'
}

export function asNotices(limits: readonly ReachedLimit[]): ServedConversation['notices'] {
  return limits.map(({ code, sentence }) => ({
    code,
    sentence,
    severity: code === 'limit_near' || code === 'marketing_limited' ? 'info' : 'warning'
  }))
}

/** A slowed-down number may still get through; the others are certain enough to be said instead of tried. */
export function asProblems(limits: readonly ReachedLimit[]): TemplateProblem[] {
  return limits
    .filter(({ code }) => code !== 'limit_near')
    .map(({ code, sentence }) => ({
      where: code === 'marketing_limited' ? 'customer' : 'number',
      code,
      sentence,
      blocking: code !== 'spam_limited'
    }))
}
