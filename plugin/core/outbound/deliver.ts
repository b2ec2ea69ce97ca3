/**
 * Sends one desk message as its parts. Everything that can be refused is refused before the first part leaves; each
 * part is an attempt committed before its bytes, and an outcome that nobody knows is never repeated by time.
 */
import { asPuenteError, PuenteError } from '../errors.ts'
import { canonicalPhone } from '../identity.ts'
import { attributesOfBegun } from '../inbound/attributes.ts'
import { bindingWork, GateClosed, LaneLost } from '../lanes/hold.ts'
import type { PartToSend, Recipient } from '../model.ts'
import type { DeskHook } from '../ports/help-desk.ts'
import type { DeliveryState, LaneEvent, PartRecord, PayloadRef, Work } from '../ports/store.ts'
import { text } from '../texts/text.ts'
import { markReadSoon } from './courtesy.ts'
import { numberNow } from './parked.ts'
import { planMessage } from './plan.ts'
import { prepareParts, type ReadyPart } from './prepare.ts'
import { pauseNumber, sendPart } from './send.ts'
import { planPickerTemplate } from './template.ts'
import { LaneWaits, type OutboundRun } from './work-lane.ts'

export interface MessageToDeliver {
  messageId: number
  generation: number
  payload: PayloadRef
  hook: Extract<DeskHook, { kind: 'message' }>
  /** Something of it may have been attempted already. */
  resumed: boolean
  /** Absent for parked and retried ones. */
  event: LaneEvent | null
  /** Since it came, or was asked for again. Null for parked ones, which wait for the customer. */
  waitedMs: number | null
}

export async function deliverMessage(run: OutboundRun, message: MessageToDeliver): Promise<void> {
  const { bridge, number } = run
  const { hook } = message
  run.pending.push(...(message.event === null ? bindConversation(run, message) : recordDelivery(run, message)))
  const earlier = message.resumed ? await bridge.deliveries.parts(number.id, message.messageId) : []
  try {
    if (tooOld(run, message, earlier)) throw new PuenteError('too_old')
    const to = recipientOf(run, hook)
    const planned = isPickerSend(hook)
      ? [await planPickerTemplate(run, hook.templateParams, to.phone !== undefined)]
      : planMessage(hook, { listLabel: text(number.language, 'send.list_label') })
    const isTemplate = planned.some(part => part.kind === 'template')
    if (
      !isTemplate &&
      !run.window().open &&
      !earlier.some(part => part.state !== 2 && part.generation === message.generation)
    ) {
      return park(run, message)
    }
    const wanted = planned.map((_, index) => fate(earlier, index, message.generation))
    const ready = await prepareParts(run, planned, index => wanted[index] === 'send')
    try {
      await sendParts(run, message, ready, wanted, to)
    } finally {
      await ready.dispose()
    }
  } catch (thrown) {
    if (thrown instanceof LaneWaits || thrown instanceof GateClosed || thrown instanceof LaneLost) throw thrown
    const error = asPuenteError(thrown)
    // An upload met what a send would have met: the number pauses, the message says why.
    if (error.code.startsWith('wa_') && isShared(error)) {
      pauseNumber(run, message, error)
      return
    }
    // WhatsApp knows the template otherwise than our copy does.
    if (error.code.startsWith('wa_template_') && error.stage === 'attempt') {
      bridge.background(() => bridge.templates.want(number.wabaId))
    }
    // What is refused for good is shown at once with its remedy; everything else is the lane's business.
    const forGood = error.certainty === 'did_not_happen' && isRefusal(error)
    if (!forGood) throw thrown
    setState(run, message, 'failed', error)
  }
}

function isPickerSend<H extends MessageToDeliver['hook']>(
  hook: H
): hook is H & { templateParams: Record<string, unknown> } {
  return hook.instruction === undefined && hook.templateParams !== null
}

type Fate = 'send' | 'sent' | 'unknown' | 'uncertain'

/** What an earlier attempt leaves to do for a part. A new generation sends again only what failed. */
function fate(earlier: PartRecord[], part: number, generation: number): Fate {
  const records = earlier.filter(record => record.part === part)
  const current = records.find(record => record.generation === generation)
  if (current !== undefined) {
    if (current.state === 1) return current.failed ? 'send' : 'sent'
    return current.state === 0 ? 'unknown' : current.state === 3 ? 'uncertain' : 'send'
  }
  return records.some(record => record.state === 1 && !record.failed) ? 'sent' : 'send'
}

async function sendParts(
  run: OutboundRun,
  message: MessageToDeliver,
  ready: { parts: (ReadyPart | null)[] },
  fates: Fate[],
  to: Recipient
): Promise<void> {
  const { bridge, number } = run
  const quotes =
    message.hook.quotesMessageId === null
      ? undefined
      : await bridge.deliveries.wamidOf(number.id, message.hook.quotesMessageId)
  let uncertain = fates.includes('uncertain')
  for (const [index, part] of ready.parts.entries()) {
    if (fates[index] === 'unknown') {
      uncertain = (await awaitOutcome(run, message, index)) || uncertain
      continue
    }
    if (fates[index] !== 'send' || part === null) continue
    const sending: Omit<PartToSend, 'reference'> = {
      to,
      part: part.part,
      ...(index === 0 && quotes ? { quotes } : {})
    }
    const outcome = await sendPart(run, message, index, sending, part)
    if (outcome === 'parked') return park(run, message)
    if (outcome === 'failed') return
  }
  setState(run, message, uncertain ? 'uncertain' : 'sent', undefined, ready.parts.length)
  if (message.hook.message.senderType === 'user') markReadSoon(run)
}

/** True when the outcome stays unknown; waits (leaving the lane) while a status may still tell it. */
async function awaitOutcome(run: OutboundRun, message: MessageToDeliver, part: number): Promise<boolean> {
  const { bridge, number } = run
  const records = await bridge.deliveries.parts(number.id, message.messageId)
  const record = records.find(candidate => candidate.part === part && candidate.generation === message.generation)
  if (record === undefined || record.state === 1) return false
  const leftMs = bridge.times.uncertainWaitMs - record.attemptAgeMs
  if (record.state === 0 && leftMs > 0) throw new LaneWaits(leftMs)
  run.pending.push({ op: 'partOutcome', attemptId: record.attemptId, state: 3 })
  bridge.count('uncertain')
  bridge.log.warn(
    { number: number.id, message: message.messageId, attempt: record.attemptId },
    'outcome of a send is unknown'
  )
  return true
}

/** Outside the window: kept, shown with the reason, sent the moment the customer answers. */
function park(run: OutboundRun, message: MessageToDeliver): void {
  run.bridge.count('parked')
  run.pending.push({
    op: 'state',
    numberId: run.number.id,
    messageId: message.messageId,
    state: 'parked',
    code: 'wa_window_closed',
    tickInMs: 0,
    at: numberNow(run.bridge, run.number)
  })
}

export function setState(
  run: OutboundRun,
  message: { messageId: number; generation: number },
  state: DeliveryState,
  error?: PuenteError,
  parts?: number
): void {
  const { bridge, number } = run
  bridge.count('outbound', { state })
  if (error !== undefined) {
    bridge.log.info(
      { number: number.id, message: message.messageId, code: error.code, facts: error.facts },
      'message not sent'
    )
  }
  run.pending.push({
    op: 'state',
    numberId: number.id,
    messageId: message.messageId,
    state,
    code: error?.code,
    facts: error?.facts,
    parts,
    // Sent needs no call: rows are born sent. A row that the desk shows failed is the ticks' business.
    tickInMs: state === 'sent' && message.generation === 1 ? undefined : 0
  })
}

function isShared(error: PuenteError): boolean {
  return error.scope !== 'message' && error.scope !== 'pair' && error.scope !== 'desk'
}

function isRefusal(error: PuenteError): boolean {
  const waitsForPerson = error.remedy === 'fix_message' || error.remedy === 'never' || error.remedy === 'wait'
  return waitsForPerson && error.scope === 'message' && !error.code.startsWith('desk_')
}

/** Who it goes to is decided by the binding of the conversation's source id, never by the phone in the hook. */
function recipientOf(run: OutboundRun, hook: MessageToDeliver['hook']): Recipient {
  const { bridge, lane, number } = run
  const { ids } = lane
  if (ids.userId?.startsWith('group:')) return { groupId: ids.userId.slice('group:'.length) }
  if (ids.waId !== undefined) return { phone: `+${ids.waId}`, userId: ids.userId }
  if (ids.userId !== undefined) return { userId: ids.userId }
  // Nobody is known behind this source id yet; an agent has added the phone meanwhile.
  const waId = hook.contact.phone?.replace(/\D/g, '') ?? ''
  if (waId !== '') {
    lane.ids = { ...ids, waId, name: hook.contact.name ?? undefined }
    run.pending.push({ op: 'ids', customerId: lane.customerId, ids: lane.ids })
    const alias = `w:${canonicalPhone(waId)}`
    run.pending.push({ op: 'alias', deskId: number.deskId, alias, customerId: lane.customerId })
    bridge.count('recipients_found')
    return { phone: `+${waId}` }
  }
  throw new PuenteError('no_recipient')
}

/** A conversation that an agent began, or a newer one of the same customer, becomes the customer's conversation. */
/** What has to be known of a message before anything can be said about it. */
export function recordDelivery(
  run: OutboundRun,
  message: Pick<MessageToDeliver, 'messageId' | 'payload' | 'hook'>
): Work[] {
  const { lane, number } = run
  const { messageId, payload, hook } = message
  return [
    ...bindConversation(run, message),
    {
      op: 'delivery',
      numberId: number.id,
      messageId,
      conversationId: hook.message.conversationId,
      customerId: lane.customerId,
      lane: lane.id,
      human: hook.message.senderType === 'user',
      payload,
      writtenAt: hook.message.createdAt,
      shownFailed: hook.message.status === 'failed'
    }
  ]
}

function bindConversation(run: OutboundRun, message: Pick<MessageToDeliver, 'messageId' | 'hook'>): Work[] {
  const { lane, number } = run
  const { hook } = message
  const known = lane.binding
  const conversationId = hook.message.conversationId
  if (known?.conversationId === conversationId) return []
  if (known?.conversationId != null && known.conversationStatus !== 'resolved') return []
  const binding = {
    contactId: hook.contact.id ?? known?.contactId ?? null,
    sourceId: hook.contactSource ?? known?.sourceId ?? null,
    conversationId,
    conversationStatus: hook.conversationStatus ?? 'open',
    lastMessageId: message.messageId,
    stored: known?.stored ?? null
  }
  lane.binding = binding
  run.bridge.attributes.note(number.id, conversationId, attributesOfBegun(number, lane.windowFrom))
  return [bindingWork(lane, binding)]
}

/** Found late, by reconciliation or by a hook about something else: the customer would be surprised, so a person decides. */
function tooOld(run: OutboundRun, message: MessageToDeliver, earlier: PartRecord[]): boolean {
  const late = message.event?.kind === 'note' || message.event?.kind === 'retry'
  if (!late || earlier.length > 0) return false
  const { bridge, number } = run
  return numberNow(bridge, number).getTime() - message.hook.message.createdAt.getTime() > bridge.times.reconcileYoungMs
}
