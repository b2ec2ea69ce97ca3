/**
 * Stores what webhooks and hooks were split into (events, statuses, conversations) and wakes their lanes, many in one
 * group commit. A bounded queue answers `not_stored` rather than growing. Leaves out what the rows mean.
 */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import type {
  ClaimedLane,
  Intake,
  IntakeBatch,
  IntakeConversation,
  IntakeRow,
  PayloadRef
} from '../../plugin/core/ports/store.ts'
import type { Customers } from './customers.ts'
import { byLane, type JoinedStatus, joinInto, PULLS, statusColumns, tellsFailure, toArray } from './intake-columns.ts'
import { CONVERSATION, CONVERSATIONS, ROWS, ROWS_TAKING, STATUSES } from './intake-sql.ts'
import type { Pages } from './pages.ts'
import { isConnectionError, isDataError, isDeadlock } from './refusal.ts'
import { createSingleFlight } from './single-flight.ts'
import { type IntakeWorker, type Taking, takeAlong } from './taking.ts'

export interface IntakeOptions {
  pool: pg.Pool
  customers: Customers
  pages: Pages
  /** Called after each commit that left work behind. */
  onCommitted: (what: { dueInMs: number | null; laterInMs: number | null; ticksInMs: number | null }) => void
  /** Rows that were known already are among these, which lie there. Off the acknowledging path. */
  onKnown?: (rows: { row: IntakeRow; ref: PayloadRef }[]) => void
  /** The most that may wait in memory; beyond it the sender is told to come back. */
  maxRows?: number
  maxBytes?: number
  /** After this a request is answered `not_stored` (default 2500 ms, the law says 3 s). */
  patienceMs?: number
  /** Joining time of ticks, milliseconds; grows under load. */
  tickDelayMs?: () => number
  worker: IntakeWorker
}

interface StoredRow {
  stored: number
  stored_day: string | null
  stored_page: number
}

interface Waiting {
  batch: IntakeBatch
  rows: number
  bytes: number
  resolve: (answer: { stored: number }) => void
  reject: (error: unknown) => void
  settled: boolean
  /** Both on the monotonic clock. */
  arrivedMs: number
  /** Then its sender is told to come back. */
  patientUntilMs: number
}

const FLUSH_ROWS = 500
const FLUSH_BYTES = 4 * 1024 * 1024

export function createIntake(options: IntakeOptions): Intake {
  const { pool, customers, pages, worker } = options
  const maxRows = options.maxRows ?? 20_000
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024
  const patienceMs = options.patienceMs ?? 2_500
  const tickDelayMs = options.tickDelayMs ?? (() => 2_000)
  let queue: Waiting[] = []
  let rows = 0
  let bytes = 0
  let closed = false
  // In order of arrival, hence of patience: one timer looks at the first, since one for each would cost more.
  const open = new Set<Waiting>()
  let watch: NodeJS.Timeout | null = null

  const giveUp = (): void => {
    watch = null
    const now = performance.now()
    for (const waiting of open) {
      if (waiting.patientUntilMs > now) {
        watch = setTimeout(giveUp, waiting.patientUntilMs - now)
        break
      }
      finish(waiting, new PuenteError('not_stored', { retryAfterSeconds: 5, facts: { waiting: rows } }))
    }
    // What was given up must not be held while PostgreSQL says nothing.
    queue = queue.filter(waiting => !waiting.settled)
  }

  const finish = (waiting: Waiting, error: unknown, stored = 0): void => {
    if (waiting.settled) return
    waiting.settled = true
    open.delete(waiting)
    rows -= waiting.rows
    bytes -= waiting.bytes
    if (error === null) waiting.resolve({ stored })
    else waiting.reject(error)
  }

  /** Everything up to the limits of one statement; a single larger request goes alone. */
  const take = (): Waiting[] | null => {
    let count = 0
    let size = 0
    let taken = 0
    for (const waiting of queue) {
      if (taken > 0 && (count + waiting.rows > FLUSH_ROWS || size + waiting.bytes > FLUSH_BYTES)) break
      count += waiting.rows
      size += waiting.bytes
      taken++
    }
    return taken === 0 ? null : queue.splice(0, taken).filter(waiting => !waiting.settled)
  }

  const write = async (batch: Waiting[]): Promise<void> => {
    const all: IntakeRow[] = []
    const arrivals: number[] = []
    const statuses = new Map<string, JoinedStatus>()
    const conversations: IntakeConversation[] = []
    for (const waiting of batch) {
      for (const row of waiting.batch.rows) {
        all.push(row)
        arrivals.push(waiting.arrivedMs)
      }
      for (const status of waiting.batch.statuses) joinInto(statuses, status)
      conversations.push(...waiting.batch.conversations)
    }
    let ticksInMs: number | null = null
    let settled = false
    if (statuses.size > 0) {
      const woken = await pool.query({
        name: 'statuses',
        text: STATUSES,
        values: [...statusColumns([...statuses.values()]), tickDelayMs()]
      })
      // Steps of one message join; a failure is told at once.
      ticksInMs = [...statuses.values()].some(tellsFailure) ? 0 : tickDelayMs()
      // A status settled an attempt whose outcome its lane waits for.
      settled = (woken.rowCount ?? 0) > 0
    }
    await noteConversations(conversations)
    const aheadMs = all.length === 0 ? null : await insertRows(all, arrivals)
    options.onCommitted({
      dueInMs: settled || aheadMs?.first === 0 ? 0 : null,
      laterInMs: aheadMs === null || aheadMs.last === 0 ? null : aheadMs.last,
      ticksInMs
    })
  }

  const noteConversations = async (all: IntakeConversation[]): Promise<void> => {
    const pictures = all.map(({ numberId, conversationId, status, at }) => [
      numberId,
      conversationId,
      status,
      at > 0 ? at : null
    ])
    let left = pictures
    if (pictures.length > 1) {
      const columns = [0, 1, 2, 3].map(column => pictures.map(picture => picture[column]))
      const { rows } = await pool.query({ name: 'conversations', text: CONVERSATIONS, values: columns })
      left = (rows as { n: number }[]).map(({ n }) => pictures[n - 1]!)
    }
    for (const values of left) await pool.query({ name: 'conversation', text: CONVERSATION, values })
  }

  const store = async (taking: Taking, values: unknown[]): Promise<{ answer: StoredRow; taken: ClaimedLane[] }> => {
    if (taking.size === 0) {
      const { rows } = await pool.query({ name: 'rows', text: ROWS, values })
      return { answer: rows[0] as StoredRow, taken: [] }
    }
    try {
      const { rows } = await pool.query({
        name: 'rows_taking',
        text: ROWS_TAKING,
        values: [...values, ...taking.values()]
      })
      return { answer: rows[0] as StoredRow, taken: taking.took(rows as object[], customers) }
    } catch (error) {
      taking.failed()
      throw error
    }
  }

  /** Answers in how many milliseconds the first and the last of the waiting rows may be worked; null when none waits. */
  const insertRows = async (all: IntakeRow[], arrivals: number[]): Promise<{ first: number; last: number } | null> => {
    const withIdentity = all.filter(row => row.identity !== null)
    const resolved = await customers.resolve(
      withIdentity.map(row => ({ numberId: row.numberId, identity: row.identity! }))
    )
    const laneOf = new Map(
      withIdentity.map((row, index) => [row, row.outbound ? resolved[index]!.laneOut : resolved[index]!.laneIn])
    )
    const offsets: number[] = []
    const loose: Buffer[] = []
    let length = 0
    for (const { ref, payload } of all) {
      offsets.push(ref?.offset ?? length)
      if (ref !== undefined) continue
      loose.push(payload)
      length += payload.length
    }
    const plain = Buffer.concat(loose, length)
    const lanes = all.map(row => row.laneId ?? laneOf.get(row) ?? null)
    const now = performance.now()
    const holds = all.map((row, index) => (row.pulls ? PULLS : Math.max(0, row.holdMs - (now - arrivals[index]!))))
    const { answer, taken } = await store(takeAlong(worker, all, lanes), [
      loose.length === 0 ? null : pages.seal(plain),
      toArray(all.map(row => row.numberId)),
      all.map(row => row.key),
      toArray(all.map(row => row.kind)),
      toArray(lanes),
      toArray(all.map(row => row.ord)),
      toArray(all.map(row => row.occurredAt.getTime() / 1000)),
      toArray(offsets),
      toArray(all.map(row => row.payload.length)),
      toArray(all.map(row => row.state)),
      toArray(all.map(row => row.code ?? null)),
      toArray(all.map(row => (row.dayAt ?? row.occurredAt).getTime() / 1000)),
      toArray(arrivals.map(arrivedMs => now - arrivedMs)),
      ...byLane(all, lanes, holds),
      toArray(all.map(row => row.ref?.pageDay ?? null)),
      toArray(all.map(row => row.ref?.pageId ?? null))
    ])
    const { stored, stored_day: day, stored_page: id } = answer
    if (day !== null) pages.remember(day, id, plain)
    if (stored < all.length) {
      const lies = (row: IntakeRow, index: number): PayloadRef =>
        row.ref ?? { pageDay: day!, pageId: id, offset: offsets[index]!, length: row.payload.length }
      options.onKnown?.(all.map((row, index) => ({ row, ref: lies(row, index) })))
    }
    const inWork = new Set(taken.map(lane => lane.id))
    const takenMs = performance.now() - now
    const ahead = holds.flatMap((holdMs, index) =>
      all[index]!.state === 0 && !inWork.has(lanes[index] ?? -1) ? [Math.max(0, holdMs - takenMs)] : []
    )
    return ahead.length === 0 ? null : { first: Math.min(...ahead), last: Math.max(...ahead) }
  }

  /** What PostgreSQL refuses for its contents would be refused for a week: its payloads are kept for a person instead. */
  const keepUnstorable = async (waiting: Waiting): Promise<() => void> => {
    const rows = waiting.batch.rows.map<IntakeRow>((row, index) => ({
      ...row,
      key: `u:${randomUUID()}:${index}`,
      identity: null,
      laneId: undefined,
      occurredAt: new Date(),
      dayAt: undefined,
      ord: 0,
      wamid: undefined,
      state: 2,
      code: 'unstorable'
    }))
    try {
      if (rows.length > 0)
        await insertRows(
          rows,
          rows.map(() => waiting.arrivedMs)
        )
      return () => finish(waiting, null, 0)
    } catch (error) {
      return () => finish(waiting, new PuenteError('not_stored', { cause: error, retryAfterSeconds: 30 }))
    }
  }

  /**
   * A batch that fails for what it holds (not for where it goes) is halved until the culprit stands alone. Answers how to
   * tell those who wait.
   */
  const writeOrHalve = async (batch: Waiting[], tries = 0): Promise<() => void> => {
    const tellAll = (error: unknown) => (): void => {
      for (const waiting of batch) finish(waiting, error, waiting.rows)
    }
    try {
      if (batch.length > 0) await write(batch)
      return tellAll(null)
    } catch (error) {
      if (isDeadlock(error) && tries < 5) return writeOrHalve(batch, tries + 1)
      if (isDataError(error) && batch.length === 1) return keepUnstorable(batch[0]!)
      if (!isDataError(error)) {
        const code = isConnectionError(error) ? 'database_unavailable' : 'not_stored'
        return tellAll(new PuenteError(code, { cause: error, retryAfterSeconds: 2 }))
      }
      const half = Math.ceil(batch.length / 2)
      const tells = [await writeOrHalve(batch.slice(0, half)), await writeOrHalve(batch.slice(half))]
      return () => {
        for (const tell of tells) tell()
      }
    }
  }

  const flight = createSingleFlight({ take, write: batch => writeOrHalve(batch) })

  const enqueue = (batch: IntakeBatch): Promise<{ stored: number }> => {
    const size = batch.rows.reduce((sum, row) => sum + row.payload.length, 0)
    const count = batch.rows.length + batch.statuses.length + batch.conversations.length
    if (count === 0) return Promise.resolve({ stored: 0 })
    if (closed || rows + count > maxRows || (bytes > 0 && bytes + size > maxBytes)) {
      return Promise.reject(new PuenteError('not_stored', { retryAfterSeconds: 2, facts: { waiting: rows } }))
    }
    return new Promise((resolve, reject) => {
      const now = performance.now()
      const arrivedMs = now - (batch.ageMs ?? 0)
      const patientUntilMs = now + patienceMs
      const waiting: Waiting = {
        batch,
        rows: count,
        bytes: size,
        resolve,
        reject,
        settled: false,
        arrivedMs,
        patientUntilMs
      }
      open.add(waiting)
      watch ??= setTimeout(giveUp, patienceMs)
      rows += count
      bytes += size
      queue.push(waiting)
    })
  }

  return {
    accept(batch) {
      const accepted = enqueue(batch)
      if (queue.length > 0) flight.kick()
      return accepted
    },
    async acceptAll(batches) {
      const accepted = batches.map(enqueue)
      if (queue.length > 0) flight.kick()
      const failed = (await Promise.allSettled(accepted)).find(outcome => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    knows: (deskId, alias) => customers.knows(deskId, alias),
    depth: () => ({ rows, bytes }),
    async close() {
      closed = true
      await flight.landed()
      // What was taken with the last commit is handed over.
      await new Promise(resolve => setImmediate(resolve))
      if (watch !== null) clearTimeout(watch)
    }
  }
}
