/**
 * The first of two messages with one id wins (law 1 asks no more). When the second says something else, somebody should
 * know: looked at after the acknowledgement, one batch at a time, and only as many as cost nothing.
 */
import type pg from 'pg'
import type { IntakeRow, PayloadRef } from '../../plugin/core/ports/store.ts'
import type { Pages } from './pages.ts'

export interface KnownRowsDeps {
  pool: pg.Pool
  pages: Pages
  /** Whether two payloads tell the same fact; the webhooks around them may differ. */
  isSame(first: Buffer, second: Buffer): boolean
  differs(numberId: number): void
}

/** A day of redeliveries must not become a day of comparisons. */
const MOST_AT_ONCE = 20

/** Looks in the background; answers when it has (for tests). What comes while it is busy is left out. */
export function createKnownRows(deps: KnownRowsDeps): (rows: { row: IntakeRow; ref: PayloadRef }[]) => Promise<void> {
  const { pool, pages } = deps
  let busy = false

  const look: ReturnType<typeof createKnownRows> = async rows => {
    const messages = rows.filter(({ row }) => row.kind === 'message' || row.kind === 'echo')
    if (messages.length === 0) return
    const answer = await pool.query(
      `select w.n, e.page_day::text as "pageDay", e.page_id as "pageId", e.page_offset as "offset", e.page_length as "length"
       from unnest($1::date[], $2::int[], $3::text[], $4::date[], $5::bigint[], $6::int[]) with ordinality
         as w(day, number_id, key, page_day, page_id, page_offset, n)
       join events e on e.day = w.day and e.number_id = w.number_id and e.key = w.key
       where not (e.page_day = w.page_day and e.page_id = w.page_id and e.page_offset = w.page_offset) order by w.n limit ${MOST_AT_ONCE}`,
      [
        messages.map(({ row }) => (row.dayAt ?? row.occurredAt).toISOString().slice(0, 10)),
        messages.map(({ row }) => row.numberId),
        messages.map(({ row }) => row.key),
        messages.map(({ ref }) => ref.pageDay),
        messages.map(({ ref }) => ref.pageId),
        messages.map(({ ref }) => ref.offset)
      ]
    )
    for (const { n, ...ref } of answer.rows as ({ n: number } & PayloadRef)[]) {
      const { row } = messages[n - 1]!
      const first = await pages.read(ref)
      if (!first.equals(row.payload) && !deps.isSame(first, row.payload)) deps.differs(row.numberId)
    }
  }

  return async rows => {
    if (busy) return
    busy = true
    try {
      await look(rows)
    } finally {
      busy = false
    }
  }
}
