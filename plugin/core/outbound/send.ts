/** Sends one part: pace, gate, attempt committed, deadline checked, bytes, outcome. */
import { asPuenteError, type ErrorCode, PuenteError } from '../errors.ts'
import { namesOf } from '../inbound/attributes.ts'
import { awaitTurn, GateClosed, holdOf, LaneLost } from '../lanes/hold.ts'
import type { PartToSend } from '../model.ts'
import type { Work } from '../ports/store.ts'
import { decideAfterFailure, nextDelayMs } from '../retry.ts'
import { RULES } from '../rules.ts'
import { type MessageToDeliver, setState } from './deliver.ts'
import { closeNumberGate, openNumberGate } from './gate.ts'
import type { ReadyPart } from './prepare.ts'
import { LaneWaits, type OutboundRun } from './work-lane.ts'

export async function sendPart(
  run: OutboundRun,
  message: MessageToDeliver,
  index: number,
  sending: Omit<PartToSend, 'reference'>,
  ready: ReadyPart
): Promise<'sent' | 'parked' | 'failed'> {
  const { bridge, number, lane } = run
  await takePace(run)
  // Its later parts belong right behind the first, whatever came meanwhile.
  if (index === 0 && message.event !== null) await awaitTurn(bridge, lane, message.event)
  const gate = `number:${number.id}`
  if (!bridge.gates.enter(gate)) {
    const state = bridge.gates.state(gate)
    if (state !== undefined) {
      const error = new PuenteError(state.code as ErrorCode)
      if (isTooLate(run, message, error)) return giveUp(run, message, error)
      showWaiting(run, message, error)
    }
    throw new GateClosed(Math.max(200, (state?.untilMs ?? 0) - bridge.clock.monotonicMs()))
  }
  const attemptId = bridge.newId()
  const event = message.event
  const template = sending.part.kind === 'template' ? sending.part.template : null
  const category =
    template === null ? null : await bridge.templates.categoryOf(number, template.name, template.language)
  bridge.breakpoint('outbound.permit')
  // Counted from before the commit: a process may also fall asleep between the commit and its answer.
  const committedMs = bridge.clock.monotonicMs()
  const kept = await commitAttempt(run, [
    ...run.pending.splice(0),
    ...(event === null || event.attempt !== null
      ? []
      : [
          {
            op: 'attempt' as const,
            event: { day: event.day, numberId: event.numberId, key: event.key },
            hold: holdOf(lane),
            attempt: { started: true }
          }
        ]),
    {
      op: 'partAttempt',
      numberId: number.id,
      messageId: message.messageId,
      generation: message.generation,
      part: index,
      attemptId,
      hold: holdOf(lane)
    }
  ])
  if (event !== null) event.attempt ??= { started: true }
  if (!kept) {
    bridge.gates.release(gate)
    throw new LaneLost()
  }
  bridge.breakpoint('outbound.attempted')
  try {
    const accepted = await bridge.channel.send(
      number.access,
      { ...sending, reference: attemptId },
      {
        beforeBytes: () => {
          if (lane.lost) throw new LaneLost()
          // A process that slept after its commit must not speak late; nothing has left, so it may be tried anew.
          if (bridge.clock.monotonicMs() - committedMs > bridge.times.attemptDeadlineMs) {
            throw new PuenteError('wa_unreachable', {
              scope: 'message',
              facts: { why: 'deadline of the attempt passed' }
            })
          }
        }
      }
    )
    bridge.breakpoint('outbound.answered')
    openNumberGate(bridge, number)
    lane.tokens -= 1
    run.pending.push({ op: 'pace', lane: lane.id, tokens: lane.tokens })
    run.pending.push({ op: 'partOutcome', attemptId, state: 1, wamid: accepted.wamid })
    run.pending.push({
      op: 'usage',
      usage: {
        at: bridge.clock.now(),
        numberId: number.id,
        wamid: accepted.wamid,
        outbound: true,
        origin: originOf(message),
        inSession: run.window().open,
        category: category ?? undefined,
        template: template?.name,
        agentId: message.hook.message.senderType === 'user' ? (message.hook.message.senderId ?? undefined) : undefined,
        messageId: message.messageId
      }
    })
    bridge.attributes.note(number.id, message.hook.message.conversationId, {
      ...namesOf(number),
      ...(template === null ? {} : { wa_last_template: template.name })
    })
    if (accepted.waId !== undefined && accepted.waId !== lane.ids.waId) {
      run.pending.push({ op: 'alias', deskId: number.deskId, alias: `w:${accepted.waId}`, customerId: lane.customerId })
    }
    return 'sent'
  } catch (thrown) {
    const cause = (thrown as { cause?: unknown }).cause
    if (thrown instanceof LaneLost || cause instanceof LaneLost) {
      bridge.gates.release(gate)
      throw thrown instanceof LaneLost ? thrown : new LaneLost()
    }
    return settleRefusal(run, message, attemptId, asPuenteError(thrown), ready)
  }
}

/**
 * Whom it goes to is decided by the lane: that somebody else has bound another conversation meanwhile changes nothing. A
 * number that is being probed must not stay closed because the database failed meanwhile.
 */
async function commitAttempt(run: OutboundRun, work: Work[]): Promise<boolean> {
  try {
    return (await run.bridge.recorder.record(work)) !== 'lost'
  } catch (error) {
    run.bridge.gates.release(`number:${run.number.id}`)
    throw error
  }
}

async function settleRefusal(
  run: OutboundRun,
  message: MessageToDeliver,
  attemptId: string,
  error: PuenteError,
  ready: ReadyPart
): Promise<'parked' | 'failed'> {
  const { bridge, number, lane } = run
  bridge.count('send_failed', { code: error.code })
  if (error.certainty !== 'did_not_happen') {
    // Never repeated by time: a status may still settle it; the part stays open. It may count at WhatsApp, too.
    bridge.gates.open(`number:${number.id}`)
    lane.tokens -= 1
    run.pending.push({ op: 'pace', lane: lane.id, tokens: lane.tokens })
    bridge.log.warn(
      { number: number.id, message: message.messageId, code: error.code, attempt: attemptId },
      'send has no outcome yet'
    )
    throw new LaneWaits(bridge.times.uncertainWaitMs)
  }
  run.pending.push({ op: 'partOutcome', attemptId, state: 2, code: error.code, facts: error.facts })
  if (error.code === 'wa_window_closed') {
    openNumberGate(bridge, number)
    run.closeWindow()
    return 'parked'
  }
  if (error.code === 'wa_media_rejected' && ready.mediaId !== undefined) {
    await bridge.deliveries.forgetMedia(number.id, ready.mediaId)
  }
  if (error.remedy === 'reauthorise' && bridge.registry.number(number.id)?.token !== number.token) {
    // Refused with a token that was replaced meanwhile: that says nothing about the new one.
    bridge.gates.open(`number:${number.id}`)
    throw new LaneWaits(100)
  }
  if (error.scope !== 'message' && error.scope !== 'pair') return pauseNumber(run, message, error)
  openNumberGate(bridge, number)
  if (error.remedy === 'retry') {
    if (isTooLate(run, message, error)) return giveUp(run, message, error)
    lane.strikes += 1
    throw new LaneWaits(nextDelayMs({ attempt: lane.strikes, error, random: bridge.random }) ?? 1_000)
  }
  throw error
}

/** Something shared is in trouble: the number waits, and so does this message as long as its patience lasts. */
export function pauseNumber(run: OutboundRun, message: MessageToDeliver, error: PuenteError): 'failed' {
  const delayMs = closeNumberGate(run.bridge, run.number, error)
  if (isTooLate(run, message, error)) return giveUp(run, message, error)
  showWaiting(run, message, error)
  throw new LaneWaits(delayMs)
}

/** An answer that could not leave for a day would surprise the customer: a person decides, and the lane goes on. */
function isTooLate(run: OutboundRun, message: MessageToDeliver, error: PuenteError): boolean {
  // Parked ones have an age of their own.
  if (message.waitedMs === null) return false
  const now = run.bridge.clock.now()
  const firstTriedAt = new Date(now.getTime() - message.waitedMs)
  const decision = decideAfterFailure({ error, attempt: 1, firstTriedAt, now, random: run.bridge.random })
  return decision.do === 'stop' && decision.because === 'too_old'
}

function giveUp(run: OutboundRun, message: MessageToDeliver, error: PuenteError): 'failed' {
  setState(run, message, 'failed', error)
  return 'failed'
}

/** What needs a person is said on the message at once; it goes out by itself when the cause is gone. */
function showWaiting(run: OutboundRun, message: { messageId: number }, error: PuenteError): void {
  if (error.remedy === 'retry') return
  run.pending.push({
    op: 'state',
    numberId: run.number.id,
    messageId: message.messageId,
    state: 'queued',
    code: error.code,
    facts: error.facts,
    tickInMs: 0
  })
}

/** The pair's bucket lives in the lane's row; the number's share is this process's part of the throughput. */
async function takePace(run: OutboundRun): Promise<void> {
  const { bridge, number, lane } = run
  const { secondsPerMessage, burst } = RULES.pairPace.value
  const refilled = Math.min(burst, lane.tokens + lane.tokensAgeMs / 1000 / secondsPerMessage)
  lane.tokens = refilled
  lane.tokensAgeMs = 0
  if (refilled < 1) throw new LaneWaits((1 - refilled) * secondsPerMessage * 1000)
  const waitMs = await bridge.numberPace(number.id)
  if (waitMs > 0) throw new LaneWaits(waitMs)
}

function originOf(message: MessageToDeliver): string {
  const { hook } = message
  if (hook.instruction !== undefined && hook.instruction.origin !== 'tab') return 'automation'
  if (hook.message.type === 'template') return 'system'
  if (hook.message.senderType === 'bot') return 'bot'
  if (hook.message.attributes['automation_rule_id'] !== undefined) return 'automation'
  return hook.message.senderType === 'user' ? 'agent' : 'automation'
}
