/**
 * The acknowledging path: single-flight group commit. Whatever arrives while one commit is in flight goes into the
 * next; there is no timer. A bounded queue answers `not_stored` rather than growing. Leaves out what the rows mean.
 */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { Intake, IntakeBatch, IntakeConversation, IntakeRow, IntakeStatus } from '../../plugin/core/ports/store.ts'
import type { Customers } from './customers.ts'
import { CONVERSATIONS, ROWS, STATUSES } from './intake-sql.ts'
import type { Pages } from './pages.ts'

export interface IntakeOptions {
  pool: pg.Pool
  customers: Customers
  pages: Pages
  /** Called after each commit that left work behind. */
  onCommitted: (what: { dueInMs: number | null; laterInMs: number | null; ticks: boolean }) => void
  /** The most that may wait in memory; beyond it the sender is told to come back. */
  maxRows?: number
  maxBytes?: number
  /** After this a request is answered `not_stored` (default 2500 ms, the law says 3 s). */
  patienceMs?: number
  /** Joining time of ticks, milliseconds; grows under load. */
  tickDelayMs?: () => number
}

interface Waiting {
  batch: IntakeBatch
  rows: number
  bytes: number
  resolve: (answer: { stored: number }) => void
  reject: (error: unknown) => void
  settled: boolean
}

const FLUSH_ROWS = 500
const FLUSH_BYTES = 4 * 1024 * 1024

export function createIntake(options: IntakeOptions): Intake {
  const { pool, customers, pages } = options
  const maxRows = options.maxRows ?? 20_000
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024
  const patienceMs = options.patienceMs ?? 2_500
  const tickDelayMs = options.tickDelayMs ?? (() => 2_000)
  const queue: Waiting[] = []
  let rows = 0
  let bytes = 0
  let flushing: Promise<void> | null = null
  let closed = false

  const finish = (waiting: Waiting, error: unknown, stored = 0): void => {
    if (waiting.settled) return
    waiting.settled = true
    rows -= waiting.rows
    bytes -= waiting.bytes
    if (error === null) waiting.resolve({ stored })
    else waiting.reject(error)
  }

  /** Everything up to the limits of one statement; a single larger request goes alone. */
  const take = (): Waiting[] => {
    let count = 0
    let size = 0
    let taken = 0
    for (const waiting of queue) {
      if (taken > 0 && (count + waiting.rows > FLUSH_ROWS || size + waiting.bytes > FLUSH_BYTES)) break
      count += waiting.rows
      size += waiting.bytes
      taken++
    }
    return queue.splice(0, taken).filter(waiting => !waiting.settled)
  }

  const write = async (batch: Waiting[]): Promise<void> => {
    const all: IntakeRow[] = []
    const statuses = new Map<string, JoinedStatus>()
    const conversations: IntakeConversation[] = []
    for (const waiting of batch) {
      all.push(...waiting.batch.rows)
      for (const status of waiting.batch.statuses) joinInto(statuses, status)
      conversations.push(...waiting.batch.conversations)
    }
    let ticks = false
    let settled = false
    if (all.length > 0) await insertRows(all)
    if (statuses.size > 0) {
      const woken = await pool.query({
        name: 'statuses',
        text: STATUSES,
        values: [...statusColumns([...statuses.values()]), tickDelayMs()]
      })
      ticks = true
      // A status settled an attempt whose outcome its lane waits for.
      settled = (woken.rowCount ?? 0) > 0
    }
    if (conversations.length > 0) {
      await pool.query({
        name: 'conversations',
        text: CONVERSATIONS,
        values: [
          conversations.map(c => c.numberId),
          conversations.map(c => c.conversationId),
          conversations.map(c => c.status)
        ]
      })
    }
    const holds = all.filter(row => row.state === 0).map(row => row.holdMs)
    const held = holds.filter(holdMs => holdMs > 0)
    options.onCommitted({
      dueInMs: settled || holds.length > held.length ? 0 : null,
      laterInMs: held.length === 0 ? null : Math.max(...held),
      ticks
    })
  }

  const insertRows = async (all: IntakeRow[]): Promise<void> => {
    const withIdentity = all.filter(row => row.identity !== null)
    const resolved = await customers.resolve(
      withIdentity.map(row => ({ numberId: row.numberId, identity: row.identity! }))
    )
    const laneOf = new Map(
      withIdentity.map((row, index) => [row, row.outbound ? resolved[index]!.laneOut : resolved[index]!.laneIn])
    )
    const offsets: number[] = []
    let length = 0
    for (const row of all) {
      offsets.push(length)
      length += row.payload.length
    }
    const plain = Buffer.concat(
      all.map(row => row.payload),
      length
    )
    const answer = await pool.query({
      name: 'rows',
      text: ROWS,
      values: [
        pages.seal(plain),
        all.map(row => row.numberId),
        all.map(row => row.key),
        all.map(row => row.kind),
        all.map(row => row.laneId ?? laneOf.get(row) ?? null),
        all.map(row => row.ord),
        all.map(row => row.occurredAt.getTime() / 1000),
        offsets,
        all.map(row => row.payload.length),
        all.map(row => row.state),
        all.map(row => row.code ?? null),
        all.map(row => row.opensWindow),
        all.map(row => row.wamid ?? null),
        all.map(row => Math.ceil(row.holdMs)),
        all.map(row => (row.dayAt ?? row.occurredAt).getTime() / 1000)
      ]
    })
    const page = answer.rows[0] as { day: string; id: number } | undefined
    if (page !== undefined) pages.remember(page.day, page.id, plain)
  }

  /** What PostgreSQL refuses for its contents would be refused for a week: its payloads are kept for a person instead. */
  const keepUnstorable = async (waiting: Waiting): Promise<void> => {
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
      if (rows.length > 0) await insertRows(rows)
      finish(waiting, null, 0)
    } catch (error) {
      finish(waiting, new PuenteError('not_stored', { cause: error, retryAfterSeconds: 30 }))
    }
  }

  /** A batch that fails for what it holds (not for where it goes) is halved until the culprit stands alone. */
  const writeOrHalve = async (batch: Waiting[], tries = 0): Promise<void> => {
    try {
      await write(batch)
      for (const waiting of batch) finish(waiting, null, waiting.rows)
    } catch (error) {
      if (isDeadlock(error) && tries < 5) return writeOrHalve(batch, tries + 1)
      if (isDataError(error) && batch.length === 1) return keepUnstorable(batch[0]!)
      if (!isDataError(error)) {
        const failure = new PuenteError(isConnectionError(error) ? 'database_unavailable' : 'not_stored', {
          cause: error,
          retryAfterSeconds: 2
        })
        for (const waiting of batch) finish(waiting, failure)
        return
      }
      const half = Math.ceil(batch.length / 2)
      await writeOrHalve(batch.slice(0, half))
      await writeOrHalve(batch.slice(half))
    }
  }

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = take()
      if (batch.length > 0) await writeOrHalve(batch)
    }
    flushing = null
  }

  return {
    accept(batch) {
      const size = batch.rows.reduce((sum, row) => sum + row.payload.length, 0)
      const count = batch.rows.length + batch.statuses.length + batch.conversations.length
      if (count === 0) return Promise.resolve({ stored: 0 })
      if (closed || rows + count > maxRows || (bytes > 0 && bytes + size > maxBytes)) {
        return Promise.reject(new PuenteError('not_stored', { retryAfterSeconds: 2, facts: { waiting: rows } }))
      }
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { batch, rows: count, bytes: size, resolve: done, reject: fail, settled: false }
        const timer = setTimeout(
          () => finish(waiting, new PuenteError('not_stored', { retryAfterSeconds: 5, facts: { waiting: rows } })),
          patienceMs
        )
        function done(answer: { stored: number }): void {
          clearTimeout(timer)
          resolve(answer)
        }
        function fail(error: unknown): void {
          clearTimeout(timer)
          reject(error)
        }
        rows += count
        bytes += size
        queue.push(waiting)
        flushing ??= flush()
      })
    },
    knows: (deskId, alias) => customers.knows(deskId, alias),
    depth: () => ({ rows, bytes }),
    async close() {
      closed = true
      await flushing
    }
  }
}

// ── Statuses of one wamid inside one flush are joined here: a statement may touch a row only once. ───────────────

interface JoinedStatus {
  numberId: number
  wamid: string
  rank: number
  times: (number | null)[]
  failure: IntakeStatus['failure']
  pricing: IntakeStatus['pricing']
  reference: string | null
}

function joinInto(joined: Map<string, JoinedStatus>, status: IntakeStatus): void {
  const key = `${status.numberId} ${status.wamid}`
  let row = joined.get(key)
  if (row === undefined) {
    row = {
      numberId: status.numberId,
      wamid: status.wamid,
      rank: 0,
      times: [null, null, null, null, null],
      failure: null,
      pricing: null,
      reference: null
    }
    joined.set(key, row)
  }
  row.rank = Math.max(row.rank, status.rank)
  const seconds = status.at.getTime() / 1000
  const slot = status.rank - 1
  if (slot >= 0 && slot < 5) row.times[slot] = Math.min(row.times[slot] ?? seconds, seconds)
  row.failure ??= status.failure
  row.pricing ??= status.pricing
  row.reference ??= status.reference
}

function statusColumns(rows: JoinedStatus[]): unknown[] {
  return [
    rows.map(row => row.numberId),
    rows.map(row => row.wamid),
    rows.map(row => row.rank),
    rows.map(row => row.times[0]),
    rows.map(row => row.times[2]),
    rows.map(row => row.times[3]),
    rows.map(row => row.times[4]),
    rows.map(row => row.times[1]),
    rows.map(row => (row.failure === null ? null : JSON.stringify(row.failure))),
    rows.map(row => (row.pricing === null ? null : JSON.stringify(row.pricing))),
    rows.map(row => row.reference)
  ]
}

// ── Why did the database refuse? ─────────────────────────────────────────────────────────────────────────────────

const sqlState = (error: unknown): string => String((error as { code?: unknown }).code ?? '')

export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === '40P01' || sqlState(error) === '40001'
}

/** Class 22 (data exception) and 23 (constraint): the fault of a row, not of the server. */
export function isDataError(error: unknown): boolean {
  return /^2[23]/.test(sqlState(error))
}

export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error)
  return !/^[0-9A-Z]{5}$/.test(state) || /^(08|57|53)/.test(state)
}
