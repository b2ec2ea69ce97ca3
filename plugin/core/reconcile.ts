/**
 * Missed hooks: the desk calls once. After each start and on a slow beat, what changed in our inboxes is read and agent
 * messages that nobody heard of are taken up; deleted conversations and merged contacts, for which there is no hook at
 * all, show by the way. Costs one call per number and beat when nothing happened. Rests on CW-CHANGED-AGAIN and
 * CW-CHANGED-NOTE.
 */
import type { Bridge } from './bridge.ts'
import { dayOfMessage } from './dedupe-day.ts'
import { callDesk } from './desk/call.ts'
import { PRIORITY } from './desk/permits.ts'
import { asPuenteError } from './errors.ts'
import { asHook, type MessageHook, payloadOf } from './found-message.ts'
import { GateClosed } from './lanes/hold.ts'
import { createVanishedMender } from './mend-vanished.ts'
import { numberNow } from './outbound/parked.ts'
import type { DeskConversation, DeskMessage } from './ports/help-desk.ts'
import type { DeliveryRecord, IntakeRow, SeenConversation } from './ports/store.ts'
import type { ServedNumber } from './registry.ts'

export interface ReconcileDeps {
  bridge: Bridge
  /** Makes the stored row of a found message. */
  toRow(
    number: ServedNumber,
    hook: MessageHook,
    payload: Buffer,
    kind: 'hook' | 'note',
    key: string
  ): Promise<IntakeRow>
  mayLeave(hook: MessageHook): boolean
}

export interface Reconcile {
  /** One pass over all numbers; `deep` also reads again what the desk shows failed, parked or waiting. */
  run(deep: boolean): Promise<{
    found: number
    /** Conversations that are gone and contacts that were merged, put right in our own books. */
    mended: number
    /**
     * Worth another pass after the grace: an answer that nobody has heard of is too young to judge, its hook may still come. Of
     * a `deep` pass anything young: what the desk sent while nobody listened may be painted failed a moment later.
     */
    young: boolean
  }>
  /** Reads again a few of what a person may have touched unheard (a Retry, a deletion), all of it in turn. Answers how many were. */
  look(): Promise<number>
}

const PAGE = 100
/** Chatwoot shows 25 to a page; several pages are still one request's work. */
const FEW = 100
/** After a longer absence nobody knows how many have changed. */
const SHORT_SECONDS = 3_600
/** Of what waits or is shown failed so many are read with each look. */
const LOOKS = 3
const DAY_MS = 86_400_000
/** Conversations whose place is kept in memory. */
const MOST_PLACES = 10_000
/** Clocks of desk and database differ: what was written just at the edge of the list is left to the next pass. */
const OVERLAP_KEPT_SECONDS = 5

export function createReconcile(deps: ReconcileDeps): Reconcile {
  const { bridge } = deps
  let sawYoung = false
  /** Of conversations that are nobody's any more: up to where they were read. Lost with the process, then read once more. */
  const readUpTo = new Map<string, number>()
  let mended = 0
  /** Numbers with more changed conversations than are asked for in one piece, or than the desk could give so. */
  const areMany = new Set<number>()
  /** Where the next look goes on, by number. */
  const lookedUpTo = new Map<number, number>()

  const ask = <T>(number: ServedNumber, run: (access: ServedNumber['deskAccess']) => Promise<T>): Promise<T> =>
    callDesk(bridge, { deskId: number.deskId, access: number.deskAccess, priority: PRIORITY.backfill, run })
  const mender = createVanishedMender(bridge, ask, () => mended++)

  const readNumber = async (number: ServedNumber, deep: boolean): Promise<number> => {
    const startedAt = numberNow(bridge, number)
    const aheadMs = startedAt.getTime() - number.changedCursor.getTime()
    // A cursor in the future was set before a clock stepped back: then as far again, and the beat before it.
    const steppedMs = aheadMs < 0 ? bridge.times.reconcileBeatMs : 0
    const sinceMs = Math.abs(aheadMs) + steppedMs + bridge.times.reconcileOverlapMs
    const withinSeconds = Math.max(60, Math.ceil(sinceMs / 1000))
    const written = await bridge.vanished.writtenWithin(number.id, withinSeconds - OVERLAP_KEPT_SECONDS)
    const conversations = await listChanged(number, withinSeconds, written.length)
    await mender.mendContacts(number, conversations)
    await mender.mendConversations(number, conversations, written, withinSeconds)
    const seen = await bridge.deliveries.seenIn(
      number.id,
      conversations.map(conversation => conversation.id)
    )
    await noteStatuses(
      number,
      conversations.filter(({ id, status }) => (seen.get(id) ?? { status }).status !== status)
    )
    let found = 0
    for (const conversation of conversations) {
      const unbound = readUpTo.get(`${number.id} ${conversation.id}`) ?? 0
      const known = seen.get(conversation.id) ?? { seen: unbound, laneId: null }
      if (conversation.lastMessageId !== null && conversation.lastMessageId <= known.seen) continue
      found += await readConversation(number, conversation, known, deep)
    }
    if (deep) found += await readUnsettled(number)
    number.changedCursor = startedAt
    await bridge.numbers.saveCursor(number.id, startedAt)
    return found
  }

  /**
   * Few in one piece; many by pages, each a moment of the desk between which others have their turn. Where one piece was too
   * much for the desk (or for its time-out), it is not asked for again until a pass has found few.
   */
  const listChanged = async (
    number: ServedNumber,
    withinSeconds: number,
    expected: number
  ): Promise<DeskConversation[]> => {
    if (expected <= FEW && withinSeconds <= SHORT_SECONDS && !areMany.has(number.id)) {
      try {
        return await ask(number, access => bridge.desk.listChangedConversations(access, number.inboxId, withinSeconds))
      } catch (error) {
        areMany.add(number.id)
        throw error
      }
    }
    const since = numberNow(bridge, number).getTime() - withinSeconds * 1000
    const found = new Map<number, DeskConversation>()
    for (let page = 1; ; page++) {
      const rows = await ask(number, access => bridge.desk.listConversations(access, number.inboxId, page))
      const fresh = rows.filter(row => row.lastActivityAt.getTime() >= since)
      for (const row of fresh) found.set(row.id, row)
      if (fresh.length === 0) break
    }
    if (found.size <= FEW) areMany.delete(number.id)
    return [...found.values()]
  }

  /** A hook about a resolved or reopened conversation may be lost like any other. */
  const noteStatuses = async (number: ServedNumber, conversations: DeskConversation[]): Promise<void> => {
    await bridge.intake.accept({
      rows: [],
      statuses: [],
      conversations: conversations.map(({ id, status, updatedAt }) => ({
        numberId: number.id,
        conversationId: id,
        status,
        at: updatedAt
      }))
    })
  }

  const remember = (key: string, upTo: number): void => {
    readUpTo.delete(key)
    readUpTo.set(key, upTo)
    if (readUpTo.size > MOST_PLACES) readUpTo.delete(readUpTo.keys().next().value as string)
  }

  const readConversation = async (
    number: ServedNumber,
    conversation: DeskConversation,
    known: Pick<SeenConversation, 'seen' | 'laneId'>,
    deep: boolean
  ): Promise<number> => {
    let found = 0
    let cursor = known.seen
    const graceBefore = numberNow(bridge, number).getTime() - bridge.times.reconcileGraceMs
    const rememberedMs = numberNow(bridge, number).getTime() - bridge.times.idMapMs + DAY_MS
    for (;;) {
      const from = cursor
      const messages = await ask(number, access => bridge.desk.listMessagesAfter(access, conversation.id, from))
      const rows: IntakeRow[] = []
      const youngIds: number[] = []
      let settled = cursor
      let young = false
      for (const message of messages) {
        // A hook may still be on its way; the cursor stops before it.
        if (message.createdAt.getTime() > graceBefore) young = true
        if (!young) settled = message.id
        const hook = asHook(conversation, message)
        if (isPaintedEcho(message)) await clearPaint(number, conversation.id, message.id)
        // What was said before the number came to us is not ours to send; what we may have forgotten was judged long ago.
        const ours = message.createdAt >= wholeSeconds(number.connectedAt) && message.createdAt.getTime() > rememberedMs
        if (!ours || !deps.mayLeave(hook) || hook.deleted) continue
        if (young) youngIds.push(message.id)
        else {
          const row = await deps.toRow(number, hook, payloadOf(hook), 'note', `d:${message.id}`)
          rows.push(known.laneId === null ? row : { ...row, identity: null, laneId: known.laneId })
        }
      }
      const ids = [...rows.map(row => row.ord), ...youngIds]
      const heard = await bridge.deliveries.states(number.id, ids)
      const unheard = rows.filter(row => !heard.has(row.ord))
      // Painted failed by the desk, and its hook about that was lost: the truth has to be told again.
      for (const message of messages) {
        const told = heard.get(message.id)?.told
        if (told !== undefined && told !== 'failed' && message.status === 'failed')
          await bridge.deliveries.correctTold(number.id, message.id, 'failed')
      }
      // What is stored already falls away by its key.
      if (unheard.length > 0) await bridge.intake.accept({ rows: unheard, statuses: [], conversations: [] })
      found += unheard.length
      if (settled > known.seen) {
        await bridge.deliveries.seenUpTo(number.id, conversation.id, settled)
        remember(`${number.id} ${conversation.id}`, settled)
      }
      // Of customers' own rows and of what was heard nothing is missed; only what is neither is worth another pass.
      if (youngIds.some(id => !heard.has(id)) || (young && (deep || messages.length === PAGE))) sawYoung = true
      const last = messages.at(-1)?.id ?? cursor
      if (messages.length < PAGE || last <= cursor || young) break
      cursor = last
    }
    return found
  }

  /**
   * Nobody answered the hook of a customer's row: the desk shows it as failed, although it arrived
   * (CW-STATUS-INCOMING).
   */
  const clearPaint = async (number: ServedNumber, conversationId: number, messageId: number): Promise<void> => {
    await ask(number, access => bridge.desk.setStatus(access, conversationId, messageId, 'sent')).catch(error => {
      if (error instanceof GateClosed) throw error
      bridge.log.debug({ code: asPuenteError(error).code }, 'could not clear a painted row')
    })
  }

  /** A Retry or a deletion moves no conversation's date: what a person may have touched is read again. */
  const readUnsettled = async (number: ServedNumber): Promise<number> => {
    let found = 0
    let after = 0
    for (;;) {
      const page = await bridge.deliveries.unsettled(number.id, after)
      if (page.length === 0) return found
      for (const delivery of page) found += await readAgain(number, delivery)
      after = page.at(-1)!.messageId
    }
  }

  const lookAtSome = async (number: ServedNumber): Promise<number> => {
    const some = await bridge.deliveries.unsettled(number.id, lookedUpTo.get(number.id) ?? 0, LOOKS)
    let found = 0
    for (const delivery of some) found += await readAgain(number, delivery)
    lookedUpTo.set(number.id, some.length < LOOKS ? 0 : some.at(-1)!.messageId)
    return found
  }

  /** 1 when a person has touched it. */
  const readAgain = async (number: ServedNumber, delivery: DeliveryRecord): Promise<number> => {
    const message = await ask(number, access =>
      bridge.desk.readMessage(access, delivery.conversationId, delivery.messageId)
    ).catch(error => {
      if (asPuenteError(error).code === 'desk_not_found') return null
      throw error
    })
    if (message === null) return 0
    const deleted = message.attributes['deleted'] === true
    const retried = delivery.told === 'failed' && message.status === 'sent'
    const painted = delivery.told !== 'failed' && message.status === 'failed'
    if (!deleted && !retried && !painted) return 0
    const hook = asHook({ id: delivery.conversationId, sourceId: null, contactId: null, status: 'open' }, message)
    const row: IntakeRow = {
      numberId: number.id,
      key: deleted ? `x:${message.id}` : `r:${message.id}:${bridge.newId()}`,
      kind: deleted ? 'removal' : 'retry',
      identity: null,
      laneId: delivery.laneId,
      outbound: true,
      ord: message.id,
      occurredAt: message.createdAt,
      dayAt: dayOfMessage(message.createdAt, number.sandbox, bridge.clock.now()),
      payload: payloadOf(hook),
      state: 0,
      opensWindow: false,
      holdMs: 0
    }
    await bridge.intake.accept({ rows: [row], statuses: [], conversations: [] })
    return 1
  }

  /** One number's trouble keeps no other waiting. */
  const ofAll = async (work: (number: ServedNumber) => Promise<number>): Promise<number> => {
    let found = 0
    for (const number of bridge.registry.numbers()) {
      try {
        found += await work(number)
      } catch (thrown) {
        if (thrown instanceof GateClosed) continue
        bridge.log.warn({ number: number.id, code: asPuenteError(thrown).code }, 'reconciliation stopped, comes again')
      }
    }
    if (found > 0) {
      bridge.count('missed_hooks', {}, found)
      bridge.log.info({ found }, 'missed messages taken up')
    }
    return found
  }

  return {
    async run(deep) {
      sawYoung = false
      mended = 0
      const found = await ofAll(number => readNumber(number, deep))
      return { found, mended, young: sawYoung }
    },
    look: () => ofAll(lookAtSome)
  }
}

/** The desk tells whole seconds (CW-LIST-ALL). */
function wholeSeconds(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000)
}

function isPaintedEcho(message: DeskMessage): boolean {
  return message.type === 'incoming' && message.status === 'failed' && message.sourceId !== null
}
