/**
 * Writes one draft into the desk: who (contact), where (conversation), what (row), each an attempt of its own that a
 * crash leaves traceable. One call for a known customer, two for a new one.
 */
import { callDesk } from '../desk/call.ts'
import type { Permit } from '../desk/permits.ts'
import { keepElder } from '../desk/twins.ts'
import { PuenteError } from '../errors.ts'
import { awaitTurn, bindingWork, GateClosed, holdOf } from '../lanes/hold.ts'
import type { DeskDraft, InboundFact } from '../model.ts'
import type { DeskRow } from '../ports/help-desk.ts'
import type { LaneEvent, Work } from '../ports/store.ts'
import { attributesAfterInbound, attributesAtCreation } from './attributes.ts'
import { findOrCreateContact } from './contact.ts'
import { fetchFiles } from './files.ts'
import { findRow, findWritten } from './find-written.ts'
import type { InboundRun } from './work-lane.ts'

export interface Written {
  messageId: number
  /** A lasting remark on the event, for example that a file is missing. */
  code?: string
}

/**
 * The source id of a row: the wamid, numbered from the second draft on. A later rendering (after a replay) counts from
 * 101, so that no lookup takes it for the first.
 */
export function rowSourceId(wamid: string, step: number, rendering = 0): string {
  const n = rendering * 100 + step + 1
  return n === 1 ? wamid : `${wamid}#${n}`
}

/** How often the event was rendered before; a replay of something delivered raises it. */
function renderingOf(event: LaneEvent): number {
  return Number(event.attempt?.['rendering'] ?? 0)
}

export async function writeDraft(
  run: InboundRun,
  event: LaneEvent,
  fact: InboundFact,
  draft: DeskDraft,
  step: number
): Promise<Written> {
  const { bridge, number } = run
  const sourceId = rowSourceId(wamidOf(fact, event), step, renderingOf(event))
  const isOpen = Number(event.attempt?.['step'] ?? -1) === step && event.attempt?.['void'] !== true
  const earlier = isOpen ? event.attempt : null
  if (earlier !== null) {
    const found = await findWritten(run, event, earlier, sourceId)
    if (found !== null) return remember(run, event, fact, sourceId, found)
  }
  if (draft.hides !== undefined) await hideRows(run, draft.hides)
  const files = await fetchFiles(run, event, draft)
  try {
    const row: DeskRow = {
      type: draft.type,
      content: files.content,
      sourceId,
      quotesMessageId: await quotedRow(run, draft),
      attributes: {
        puente: files.marker,
        ...(draft.externalEcho === true ? { external_echo: true } : {})
      },
      files: files.files
    }
    const written = await post(run, event, row, step, draft)
    const messageId = earlier === null ? written : await keepOne(run, sourceId, Number(earlier['after'] ?? 0), written)
    bridge.expectEcho(number.deskId, messageId)
    return { ...remember(run, event, fact, sourceId, messageId), code: files.code }
  } finally {
    await files.dispose()
  }
}

function remember(run: InboundRun, event: LaneEvent, fact: InboundFact, sourceId: string, messageId: number): Written {
  const { binding, lane, number } = run
  binding.lastMessageId = Math.max(binding.lastMessageId, messageId)
  run.pending.push({
    op: 'row',
    numberId: number.id,
    wamid: sourceId,
    messageId,
    conversationId: binding.conversationId!,
    payload: { pageDay: event.pageDay, pageId: event.pageId, offset: event.offset, length: event.length }
  })
  run.pending.push({ op: 'head', numberId: number.id, customerId: lane.customerId, lastMessageId: messageId })
  if (fact.kind === 'message' && binding.conversationId !== null) {
    run.bridge.attributes.note(number.id, binding.conversationId, attributesAfterInbound(number, lane.windowFrom))
  }
  // Writing an incoming row opens a resolved conversation again; an echo or a grey line does not (CW-ECHO-QUIET).
  if (fact.kind === 'message' && binding.conversationStatus === 'resolved') binding.conversationStatus = 'open'
  return { messageId }
}

async function post(run: InboundRun, event: LaneEvent, row: DeskRow, step: number, draft: DeskDraft): Promise<number> {
  // What the desk has deleted is mapped again, once; a second 404 is the desk's last word (CW-DELETED,
  // CW-CONTACT-GONE).
  for (let remapped = 0; ; remapped++) {
    try {
      return await postMapped(run, event, row, step, draft)
    } catch (error) {
      const gone = error instanceof PuenteError && error.code === 'desk_not_found'
      if (!gone || remapped === 2) throw error
      if (run.binding.conversationId === null) run.binding.contactId = null
      run.binding.conversationId = null
      run.binding.conversationStatus = null
      run.bridge.count('remapped')
    }
  }
}

async function postMapped(
  run: InboundRun,
  event: LaneEvent,
  row: DeskRow,
  step: number,
  draft: DeskDraft
): Promise<number> {
  const { bridge, number, binding, lane } = run
  if (binding.contactId === null) await findOrCreateContact(run, event, step)
  const startNew =
    binding.conversationId === null ||
    (binding.conversationStatus === 'resolved' &&
      number.rules.conversations === 'new_after_resolved' &&
      row.type === 'incoming')
  if (!startNew) {
    const conversationId = binding.conversationId!
    const waitMs = bridge.rowPace(number.deskId, conversationId)
    if (waitMs > 0) throw new GateClosed(waitMs)
    const { messageId } = await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      lane,
      permit: takePermit(run, event, step, conversationId),
      attempt: () => attemptWork(run, event, { kind: 'message', step, conversationId, after: binding.lastMessageId }),
      run: (access, options) => {
        run.claimed = null
        return bridge.desk.createMessage(access, conversationId, row, options)
      }
    })
    return messageId
  }
  const contactId = binding.contactId!
  const sourceId = binding.sourceId!
  const attributes = attributesAtCreation(run, draft)
  const embeds = (row.files?.length ?? 0) === 0
  const created = await callDesk(bridge, {
    deskId: number.deskId,
    access: number.deskAccess,
    lane,
    attempt: () =>
      attemptWork(
        run,
        event,
        { kind: 'conversation', step, sourceId, contactId, previous: binding.conversationId ?? 0 },
        () => [
          { op: 'alias', deskId: number.deskId, alias: sourceAlias(number.id, sourceId), customerId: lane.customerId },
          bindingWork(lane, binding)
        ]
      ),
    run: (access, options) =>
      bridge.desk.createConversation(
        access,
        {
          inboxId: number.inboxId,
          contactId,
          sourceId,
          row: embeds ? { ...row, quotesMessageId: undefined } : undefined,
          attributes
        },
        options
      )
  })
  // The row that came with it is the first of its minute.
  if (embeds) bridge.rowPace(number.deskId, created.conversationId)
  binding.conversationId = created.conversationId
  binding.conversationStatus = 'open'
  binding.lastMessageId = created.messageId ?? 0
  bridge.attributes.note(number.id, created.conversationId, attributes, attributes)
  run.pending.push(bindingWork(lane, binding))
  bridge.breakpoint('inbound.conversation_created')
  if (embeds && created.messageId !== null) return created.messageId
  if (embeds) {
    // The desk greeted right behind it, and its answer shows the greeting: the row is there all the same (CW-GREETED).
    const written = await findRow(run, created.conversationId, 0, row.sourceId ?? '')
    if (written !== null) return written
  }
  return postMapped(run, event, row, step, draft)
}

/**
 * Everything that waits to be committed goes along with the attempt, and `more()` with it.
 * @throws PictureOld before the event's first draft, when something older has come
 */
export async function attemptWork(
  run: InboundRun,
  event: LaneEvent,
  attempt: Record<string, unknown> & { step: number },
  more: () => Work[] = () => []
): Promise<Work[]> {
  if (attempt.step === 0) await awaitTurn(run.bridge, run.lane, event)
  run.claimed = null
  run.attemptedBefore = run.attempted
  run.attempted = event
  return [
    ...run.pending.splice(0),
    {
      op: 'attempt',
      event: { day: event.day, numberId: event.numberId, key: event.key },
      hold: holdOf(run.lane),
      attempt: renderingOf(event) === 0 ? attempt : { ...attempt, rendering: renderingOf(event) }
    },
    ...more()
  ]
}

/** The permit with which the lane was claimed, if that claim was this very attempt, and nothing else is to be committed. */
function takePermit(run: InboundRun, event: LaneEvent, step: number, conversationId: number): Permit | undefined {
  const { lane } = run
  const isClaims = run.claimed === event && step === 0 && lane.attempted?.conversationId === conversationId
  if (!isClaims || run.pending.length > 0 || lane.permit === null) return undefined
  const { permit } = lane
  lane.permit = null
  return permit
}

/** The alias under which a desk source id is found again when a hook names it. */
export function sourceAlias(numberId: number, sourceId: string): string {
  return `s:${numberId}:${sourceId}`
}

/** Calls have no wamid: their own id stands for it. */
export function wamidOf(fact: InboundFact, event: LaneEvent): string {
  if (fact.kind === 'message' || fact.kind === 'echo') return fact.message.wamid
  return `puente.${event.key}`
}

async function quotedRow(run: InboundRun, draft: DeskDraft): Promise<number | undefined> {
  if (draft.quotes === undefined) return undefined
  const rows = await run.bridge.deliveries.rowsOf(run.number.id, [draft.quotes])
  return rows.get(draft.quotes)?.messageId
}

/** The customer deleted a message, and the policy deletes the desk's copy too. Harmless when repeated. */
async function hideRows(run: InboundRun, wamid: string): Promise<void> {
  const { bridge, number, binding } = run
  const row = (await bridge.deliveries.rowsOf(number.id, [wamid])).get(wamid)
  if (row === undefined || binding.conversationId === null) return
  const conversationId = binding.conversationId
  try {
    await callDesk(bridge, {
      deskId: number.deskId,
      access: number.deskAccess,
      lane: run.lane,
      run: access => bridge.desk.deleteMessage(access, conversationId, row.messageId)
    })
  } catch (error) {
    if (!(error instanceof PuenteError && error.code === 'desk_not_found')) throw error
  }
}

/** The row is written: trouble with looking for its twin must not have it written again. */
async function keepOne(run: InboundRun, sourceId: string, after: number, written: number): Promise<number> {
  const { bridge, number, binding } = run
  try {
    return await keepElder(bridge, number, { conversationId: binding.conversationId!, sourceId, after }, written)
  } catch (error) {
    bridge.count('twins_unchecked')
    bridge.log.warn({ lane: run.lane.id, err: (error as Error).message }, 'could not look for a second row')
    return written
  }
}
