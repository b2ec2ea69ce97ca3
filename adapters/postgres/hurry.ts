/** A token was replaced, or a probe went through: what waits for the pause to end is due now. */
import type pg from 'pg'

export async function hurryLanes(pool: pg.Pool, renewed: { deskIds: number[]; numberIds: number[] }): Promise<void> {
  if (renewed.deskIds.length === 0 && renewed.numberIds.length === 0) return
  await pool.query(
    `with hurried as (
       update lanes l set due_at = clock_timestamp(), arrivals = l.arrivals + 1
       where l.due_at > clock_timestamp() and (l.desk_id = any ($1::int[]) or l.number_id = any ($2::int[]))
       returning l.id
     ), ticks as (
       update deliveries d set tick_due_at = clock_timestamp()
       from numbers n where n.id = d.number_id and n.desk_id = any ($1::int[]) and d.tick_due_at > clock_timestamp()
     )
     update events e set due_at = null from hurried h
     where e.lane_id = h.id and e.state = 0 and e.due_at > clock_timestamp()`,
    [renewed.deskIds, renewed.numberIds]
  )
}
