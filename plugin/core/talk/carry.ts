/**
 * Carries an instruction on: writes its row into the desk (opening the conversation where there is none), then hands
 * it to the customer's outbound lane, which sends it like anything that an agent writes. Every step is kept before the
 * next; an attempt whose outcome is unknown is looked for in the desk before it is repeated (law 5).
 */
import type { Bridge } from '../bridge.ts'
import { callDesk } from '../desk/call.ts'
import { PRIORITY, type Priority } from '../desk/permits.ts'
import { keepElder } from '../desk/twins.ts'
import { asPuenteError, type ErrorCode, PuenteError } from '../errors.ts'
import { GateClosed } from '../lanes/hold.ts'
import { numberNow } from '../outbound/parked.ts'
import type { DeskAccess, DeskCallOptions, DeskRow } from '../ports/help-desk.ts'
import type { InstructionRecord, WriteAttempt } from '../ports/instructions.ts'
import type { TalkStore } from '../ports/talk-store.ts'
import type { ServedNumber } from '../registry.ts'
import { decideAfterFailure } from '../retry.ts'
import { explainError } from '../texts/describe.ts'
import { text } from '../texts/text.ts'
import { findEarlier } from './earlier.ts'
import { tellHookFailure } from './hook-failure.ts'
import { instructionSource } from './instruction.ts'
import { laneRow } from './lane-row.ts'
import { openConversation } from './opening.ts'

export interface Carrying {
  bridge: Bridge
  talk: TalkStore
  record: InstructionRecord
  number: ServedNumber
  /** The agent's own access, for as long as their request lasts. */
  as?: DeskAccess
}

/** An agent looks at the tab and waits; a script or a macro does not. */
export function priorityOf({ record }: Carrying): Priority {
  return record.origin === 'tab' ? PRIORITY.agent : PRIORITY.message
}

/** Another process works on it now. */
export class LeaseLost extends Error {}

/** What an attempt has left could not be read: it stays kept, so that the next try looks again before it writes. */
class StillUnknown extends Error {}

export async function lookFor<T>(find: () => Promise<T>): Promise<T> {
  try {
    return await find()
  } catch (cause) {
    if (cause instanceof LeaseLost || cause instanceof GateClosed) throw cause
    throw new StillUnknown('not found out', { cause })
  }
}

/** Longer than a request waits for it, shorter than a person's patience. */
export const CARRY_LEASE_MS = 60_000

/** Goes as far as it can; the record tells how far that was. Never throws for what the desk or WhatsApp does. */
export async function carry(
  deps: { bridge: Bridge; talk: TalkStore },
  record: InstructionRecord,
  as?: DeskAccess
): Promise<void> {
  const { bridge } = deps
  const number = bridge.registry.number(record.numberId)
  try {
    if (number === undefined) throw new PuenteError('number_unknown')
    const run: Carrying = { ...deps, record, number, as }
    if (record.state === 'stored') await writeRow(run)
    if (record.state === 'written') await queue(run)
  } catch (thrown) {
    if (thrown instanceof LeaseLost) return
    await settle(deps, record, thrown)
  }
}

async function writeRow(run: Carrying): Promise<void> {
  const { bridge, record } = run
  /** After which row an earlier attempt may have left one. */
  let earlierAfter: number | null = null
  if (record.attempt !== null) {
    const leftMs = settledMs(bridge) - record.attemptAgeMs
    if (leftMs > 0) throw new GateClosed(leftMs)
    const { attempt } = record
    if (attempt.step !== 'contact') earlierAfter = attempt.step === 'message' ? attempt.after : 0
    const found = await lookFor(() => findEarlier(run, attempt))
    if (found !== null) return keep(run, { state: 'written', messageId: found, attempt: null })
  } else if (record.ageMs > bridge.times.reconcileYoungMs) {
    // The customer would be surprised, and so would the agent.
    throw new PuenteError('too_old')
  }
  if (record.conversationId === null) {
    const messageId = await openConversation(run)
    if (messageId !== null) return keep(run, { state: 'written', messageId, attempt: null })
  }
  const conversationId = run.record.conversationId!
  const waitMs = bridge.rowPace(run.number.deskId, conversationId)
  if (waitMs > 0) throw new GateClosed(waitMs)
  const after = await newestIn(run, conversationId)
  const { messageId } = await writeInDesk(run, { step: 'message', after }, (access, row, options) =>
    bridge.desk.createMessage(access, conversationId, row, options)
  )
  const sourceId = instructionSource(record.id)
  const kept =
    earlierAfter === null
      ? messageId
      : await keepElder(bridge, run.number, { conversationId, sourceId, after: earlierAfter }, messageId)
  bridge.breakpoint('talk.row_written')
  await keep(run, { state: 'written', messageId: kept, attempt: null })
}

/**
 * One attempt: kept just before its bytes leave. What the desk refuses to the agent is done by the service user, with
 * the agent named.
 */
export async function writeInDesk<T>(
  run: Carrying,
  attempt: WriteAttempt,
  write: (access: DeskAccess, row: DeskRow, options: DeskCallOptions) => Promise<T>
): Promise<T> {
  const { bridge, number } = run
  const disposals: (() => Promise<void>)[] = []
  const once = (access: DeskAccess): Promise<T> =>
    callDesk(bridge, {
      deskId: number.deskId,
      access,
      priority: priorityOf(run),
      run: async given => {
        const row = await rowOf(run, given, disposals)
        const startedMs = bridge.clock.monotonicMs()
        await keep(run, { attempt })
        bridge.breakpoint('talk.attempted')
        return write(given, row, {
          beforeBytes: () => {
            if (bridge.clock.monotonicMs() - startedMs > bridge.times.attemptDeadlineMs) {
              throw new PuenteError('desk_unreachable', {
                scope: 'message',
                facts: { why: 'deadline of the attempt passed' }
              })
            }
          }
        })
      }
    })
  try {
    if (run.as === undefined) return await once(number.deskAccess)
    return await once(run.as)
  } catch (error) {
    if (run.as === undefined || !isRefusedToAgent(error)) throw error
    run.as = undefined
    return await once(number.deskAccess)
  } finally {
    for (const dispose of disposals) await dispose()
  }
}

function isRefusedToAgent(error: unknown): boolean {
  return error instanceof PuenteError && error.code === 'desk_forbidden'
}

/** The row as the desk gets it; under the service user it says whose words they are. */
async function rowOf(run: Carrying, access: DeskAccess, disposals: (() => Promise<void>)[]): Promise<DeskRow> {
  const { bridge, record, number } = run
  const { row, agent, origin, template } = record.instruction
  const names = access.session === undefined && agent !== null && row.type === 'outgoing'
  const by = names ? `*${text(number.language, 'tab.by', { name: plain(agent.name) })}*\n\n` : ''
  const files: NonNullable<DeskRow['files']> = []
  if (row.file !== undefined) {
    const { file } = row
    const spooled = await bridge.files.spool(await bridge.storedFiles.open(file.fileId), {
      maxBytes: file.sizeBytes,
      expectedBytes: file.sizeBytes
    })
    disposals.push(() => bridge.files.remove(spooled.path))
    files.push({ path: spooled.path, name: file.name, mimeType: file.mimeType, sizeBytes: spooled.sizeBytes })
  }
  return {
    type: row.type,
    content: `${by}${row.content}`,
    sourceId: instructionSource(record.id),
    quotesMessageId: row.quotesMessageId,
    attributes: {
      puente: {
        kind: 'sent',
        origin,
        ...(agent === null ? {} : { agent: agent.id }),
        ...(template === undefined ? {} : { template })
      }
    },
    ...(files.length > 0 ? { files } : {})
  }
}

/** Names are shown as they are: nothing in them may turn into formatting. */
function plain(name: string): string {
  return name.replace(/[*_~`[\]()<>#|\\{}]/g, '').trim()
}

async function newestIn(run: Carrying, conversationId: number): Promise<number> {
  const known = await run.talk.newestIn(run.number.id, conversationId)
  return known ?? 0
}

async function queue(run: Carrying): Promise<void> {
  const { bridge, record, number } = run
  bridge.expectEcho(number.deskId, record.messageId!)
  await bridge.intake.accept({ rows: [await laneRow(run)], statuses: [], conversations: [] })
  bridge.breakpoint('talk.queued')
  await keep(run, { state: 'queued', code: null, dueInMs: null })
}

export async function keep(run: Carrying, change: Parameters<Bridge['instructions']['change']>[1]): Promise<void> {
  if (!(await run.bridge.instructions.change(run.record, change))) throw new LeaseLost()
}

/** Only silence has to be waited out: a request that we gave up may still commit. */
export function settledMs(bridge: Bridge): number {
  return bridge.times.attemptDeadlineMs + bridge.times.deskCallMs + bridge.times.deskSettleMs
}

async function settle(
  deps: { bridge: Bridge; talk: TalkStore },
  record: InstructionRecord,
  thrown: unknown
): Promise<void> {
  const { bridge } = deps
  if (thrown instanceof GateClosed) {
    await bridge.instructions.change(record, { dueInMs: Math.max(200, thrown.delayMs) })
    return
  }
  const unknown = thrown instanceof StillUnknown
  const error = asPuenteError(unknown ? thrown.cause : thrown)
  const log = { number: record.numberId, instruction: record.id, code: error.code, facts: error.facts }
  if (error.code === 'internal') bridge.log.error({ ...log, err: error.cause }, 'instruction failed')
  if (error.certainty === 'may_have_happened') {
    await bridge.instructions.change(record, { dueInMs: settledMs(bridge), code: error.code })
    return
  }
  const decision = decideAfterFailure({
    error,
    attempt: Math.max(1, record.attempts),
    firstTriedAt: record.createdAt,
    now: new Date(record.createdAt.getTime() + record.ageMs),
    random: bridge.random
  })
  if (decision.do === 'stop') {
    bridge.log.info(log, 'instruction not carried out')
    bridge.count('instructions_failed', { code: error.code })
    const facts = { ...error.facts }
    await bridge.instructions.change(record, { state: 'failed', code: error.code, facts, attempt: null, dueInMs: null })
    await tellHook(deps, record, error.code)
    return
  }
  const forgotten = unknown ? {} : { attempt: null }
  await bridge.instructions.change(record, { code: error.code, ...forgotten, dueInMs: decision.delayMs })
}

/** Who presses a hook never hears of it; where a row stands in the conversation, that shows the failure. */
async function tellHook(
  deps: { bridge: Bridge; talk: TalkStore },
  record: InstructionRecord,
  code: ErrorCode
): Promise<void> {
  const { hookId, template = '' } = record.instruction
  const number = deps.bridge.registry.number(record.numberId)
  if (hookId === undefined || number === undefined || record.conversationId === null || record.messageId !== null)
    return
  const reason = explainError(number.language, code)
  await tellHookFailure(deps, number, { hookId, conversationId: record.conversationId, template, code, reason })
}

/** The moment at which what is written now counts as written, by the number's clock. */
export function writtenAt(run: Carrying): Date {
  return numberNow(run.bridge, run.number)
}
