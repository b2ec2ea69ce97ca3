/**
 * Set-aside items outlive the days of their partitions: before those are dropped, the items move to today's, with their
 * payloads sealed anew. After their own age they are let go with the rest.
 */
import type pg from 'pg'
import type { EventRef, PayloadRef } from '../../plugin/core/ports/store.ts'
import type { Pages } from './pages.ts'

const STEP = 200

type AsideRow = EventRef & PayloadRef

export interface AsideAges {
  /** Rows in partitions of this age move. */
  moveAfterDays: number
  /** Items received longer ago stay where they are and go with their partition. */
  keepDays: number
}

/** Moves what is due; answers how many. Repeatable: what has moved is young again. */
export async function keepAside(pool: pg.Pool, pages: Pages, ages: AsideAges): Promise<number> {
  let moved = 0
  for (;;) {
    const answer = await pool.query(
      `select day::text as day, number_id as "numberId", key, page_day::text as "pageDay", page_id as "pageId",
         page_offset as "offset", page_length as "length"
       from events where state = 2 and day < current_date - $1::int and received_at > now() - make_interval(days => $2)
       limit ${STEP}`,
      [ages.moveAfterDays, ages.keepDays]
    )
    const rows = answer.rows as AsideRow[]
    if (rows.length === 0) return moved
    await moveRows(pool, pages, rows)
    moved += rows.length
    if (rows.length < STEP) return moved
  }
}

async function moveRows(pool: pg.Pool, pages: Pages, rows: AsideRow[]): Promise<void> {
  await pages.preload(rows)
  const payloads = await Promise.all(rows.map(row => pages.read(row)))
  const offsets: number[] = []
  let length = 0
  for (const payload of payloads) {
    offsets.push(length)
    length += payload.length
  }
  await pool.query(
    `with page as (insert into pages (day, sealed) values (current_date, $1) returning day, id)
     update events e set day = p.day, page_day = p.day, page_id = p.id, page_offset = x.page_offset, page_length = x.page_length
     from unnest($2::date[], $3::int[], $4::text[], $5::int[], $6::int[]) as x(day, number_id, key, page_offset, page_length), page p
     where e.day = x.day and e.number_id = x.number_id and e.key = x.key and e.state = 2`,
    [
      pages.seal(Buffer.concat(payloads, length)),
      rows.map(row => row.day),
      rows.map(row => row.numberId),
      rows.map(row => row.key),
      offsets,
      payloads.map(payload => payload.length)
    ]
  )
}
