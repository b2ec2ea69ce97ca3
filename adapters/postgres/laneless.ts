/** Set-aside items without a lane, as `puente replay` and the admin pages ask for them: their due time says so. */
import type pg from 'pg'
import type { Laneless, LanelessItem } from '../../plugin/core/ports/laneless.ts'
import type { EventRef } from '../../plugin/core/ports/store.ts'

export function createLaneless(pool: pg.Pool): Laneless {
  const change = async (item: EventRef, set: string): Promise<void> => {
    await pool.query(`update events set ${set} where day = $1 and number_id = $2 and key = $3 and state = 2`, [
      item.day,
      item.numberId,
      item.key
    ])
  }
  return {
    async claim(limit) {
      const answer = await pool.query(
        `with due as (
           select day, number_id, key from events
           where state = 2 and lane_id is null and due_at <= now() order by seq limit $1 for update skip locked
         )
         update events e set due_at = now() + interval '1 minute' from due d
         where e.day = d.day and e.number_id = d.number_id and e.key = d.key
         returning e.day::text as day, e.number_id as "numberId", e.key, e.seq, e.kind, e.page_day::text as "pageDay",
           e.page_id as "pageId", e.page_offset as "offset", e.page_length as "length"`,
        [limit]
      )
      return (answer.rows as LanelessItem[]).sort((a, b) => a.seq - b.seq)
    },

    async freeKey(item) {
      const key = `again:${item.seq}`
      await pool.query(
        'update events set key = $4 where day = $1 and number_id = $2 and key = $3 and state = 2 and lane_id is null',
        [item.day, item.numberId, item.key, key]
      )
      return { ...item, key }
    },

    taken: item => change(item, `state = 3, code = 'taken_up', due_at = null, done_at = now()`),
    // What this version does not know is counted only; asked for, and still not known, it is again.
    left: item => change(item, `due_at = null, state = case when code = 'unknown_field' then 3 else 2 end`)
  }
}
