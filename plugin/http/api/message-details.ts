/** Everything that is known of one message: from whom to whom, every status with its time, price, failure, and its way. */
import type { DeskMessage } from '../../core/ports/help-desk.ts'
import type { PartView } from '../../core/ports/talk-store.ts'
import { mendable } from '../../core/talk/mend.ts'
import { failureOf, receiptsPattern, shownState } from '../../core/talk/shown-state.ts'
import { type Locale, text } from '../../core/texts/text.ts'
import type { MessageDetails } from '../contract/message.ts'
import { type Looked, phoneOf } from './conversation.ts'
import type { ApiDeps, SignedInAgent } from './deps.ts'
import { summaryOf } from './messages.ts'
import { describeNumber } from './number-info.ts'

type Timeline = MessageDetails['timeline']
type Step = Timeline[number]['step']

export async function describeMessage(
  deps: ApiDeps,
  who: SignedInAgent,
  { number, customer, picture }: Looked,
  message: DeskMessage,
  locale: Locale
): Promise<MessageDetails> {
  const { talk, bridge } = deps
  const [delivery, parts, inbound, instruction, receipts, info] = await Promise.all([
    talk.delivery(number.id, message.id),
    talk.parts(number.id, message.id),
    talk.inbound(number.id, message.id),
    bridge.instructions.byMessage(number.id, message.id),
    customer === null ? { delivered: 0, read: 0 } : talk.receiptsOf(number.id, customer.customerId),
    describeNumber(deps, who.agent, number, locale)
  ])
  const { direction, text: words } = summaryOf(message)
  const timeline: Timeline = []
  const add = (
    at: Date | null,
    where: Timeline[number]['where'],
    step: Step,
    part: number | null,
    sentence?: string
  ) => {
    if (at === null) return
    timeline.push({ at: at.toISOString(), where, step, part, sentence: sentence ?? sentenceOf(locale, step) })
  }
  if (inbound !== null) {
    add(inbound.occurredAt, 'whatsapp', 'sent', null)
    add(inbound.receivedAt, 'puente', 'received', null)
    add(inbound.shownAt, 'desk', 'shown', null)
  } else {
    add(message.createdAt, 'desk', 'written', null)
    add(delivery?.createdAt ?? null, 'puente', 'stored', null)
    add(delivery?.parkedAt ?? null, 'puente', 'parked', null)
  }
  for (const part of parts) addPart(part, locale, add)
  if (delivery?.toldAt != null) {
    const sentence = text(locale, 'tab.step.told', { status: delivery.told })
    add(delivery.toldAt, 'desk', 'told', null, sentence)
  }
  timeline.sort(byTime)
  const customerName = phoneOf(customer, picture) ?? customer?.ids.username ?? picture.contactName ?? ''
  const ours = number.displayPhoneNumber
  const sentAt = parts.map(part => part.sentAt).find(at => at !== null) ?? null
  const params = message.additionalAttributes['template_params'] as { name?: unknown } | undefined
  return {
    messageId: message.id,
    direction,
    from: direction === 'in' ? customerName : direction === 'note' ? (message.senderName ?? '') : ours,
    to: direction === 'in' ? ours : direction === 'note' ? '' : customerName,
    number: info,
    text: words,
    metaAt: (inbound?.occurredAt ?? sentAt)?.toISOString() ?? null,
    deskAt: message.createdAt.toISOString(),
    state: delivery === null ? null : shownState(delivery),
    failure: delivery === null ? null : failureOf(delivery, locale, deps.nameFailure),
    parts: parts.map(part => describePart(deps, part, locale)),
    template: instruction?.instruction.template ?? (typeof params?.name === 'string' ? params.name : null),
    externalRef: instruction?.externalRef ?? null,
    receipts: receiptsPattern(receipts),
    timeline
  }
}

/** In the order in which things happen. */
const WAY: readonly Step[] = [
  'written',
  'stored',
  'parked',
  'attempted',
  'accepted',
  'sent',
  'received',
  'delivered',
  'read',
  'played',
  'failed',
  'shown',
  'told'
]

/** Meta tells whole seconds: within one, what comes earlier on the way goes first. */
function byTime(a: Timeline[number], b: Timeline[number]): number {
  const second = (at: string): number => Math.floor(Date.parse(at) / 1000)
  return second(a.at) - second(b.at) || WAY.indexOf(a.step) - WAY.indexOf(b.step) || a.at.localeCompare(b.at)
}

function addPart(
  part: PartView,
  locale: Locale,
  add: (at: Date | null, where: Timeline[number]['where'], step: Step, part: number | null, sentence?: string) => void
): void {
  const attempt = text(locale, 'tab.step.attempted', { attempt: part.generation })
  add(part.attemptAt, 'puente', 'attempted', part.part, attempt)
  add(part.acceptedAt, 'whatsapp', 'accepted', part.part)
  add(part.sentAt, 'whatsapp', 'sent', part.part)
  add(part.deliveredAt, 'whatsapp', 'delivered', part.part)
  add(part.readAt, 'whatsapp', 'read', part.part)
  add(part.playedAt, 'whatsapp', 'played', part.part)
  add(part.failedAt, 'whatsapp', 'failed', part.part)
}

function sentenceOf(locale: Locale, step: Step): string {
  if (step === 'attempted') return text(locale, 'tab.step.attempted', { attempt: 1 })
  if (step === 'told') return text(locale, 'tab.step.told', { status: '' })
  return text(locale, `tab.step.${step}`)
}

function describePart(deps: ApiDeps, part: PartView, locale: Locale): MessageDetails['parts'][number] {
  const failed = part.rank === 2 && part.failure !== null
  const failure = failed
    ? mendable(locale, deps.nameFailure(part.failure!), part.failure!.code)
    : part.state === 2 && part.code !== null
      ? mendable(locale, part.code)
      : null
  const state =
    part.state === 2
      ? 'failed'
      : part.state === 0 || part.state === 3
        ? 'uncertain'
        : shownState({ state: 'sent', rank: part.rank })
  return {
    part: part.part,
    attempt: part.generation,
    wamid: part.wamid,
    state,
    failure,
    category: part.pricing?.category ?? null,
    billable: part.pricing?.billable ?? null,
    pricingModel: part.pricing?.model ?? null
  }
}
