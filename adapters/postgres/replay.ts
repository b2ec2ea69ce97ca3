/**
 * Takes set-aside items up again: they wait in their lanes as if they had just come. Those without a lane are marked, and
 * a running Puente reads them anew (plugin/http/take-up.ts).
 */
import type pg from 'pg'
import { DESK_KINDS, UNREADABLE_CODES } from '../../plugin/core/ports/laneless.ts'

export interface ReplayWish {
  /** Sequence numbers, as status and logs name them. */
  ids?: number[]
  cause?: string
  hours?: number
  /** Only what is set aside (or counted as unknown), of one number, kind and direction; not what was delivered with a remark. */
  aside?: { numberId: number; kind: string; outbound: boolean }
  dryRun: boolean
}

/** The items that were (or would be) taken up. */
export async function replayEvents(pool: pg.Pool, wish: ReplayWish): Promise<{ id: number; code: string | null }[]> {
  const which = `(
      state = 2 and (lane_id is not null or coalesce(code, '') <> all ($7::text[]))
      -- Delivered with a remark (a file was missing): rendered once more, as a row of its own.
      or state = 1 and code is not null and lane_id is not null
      -- Counted only, since an earlier version did not know it: by name, or everything ever counted would come along.
      or state = 3 and code = 'unknown_field' and ($1::bigint[] is not null or $2::text = 'unknown_field'))
    and ($1::bigint[] is null or seq = any ($1)) and ($2::text is null or code = $2)
    and ($3::int is null or received_at > now() - make_interval(hours => $3))
    and ($4::int is null or (state in (2, 3) and number_id = $4 and kind = $5 and case when lane_id is null
      then (kind = any ($8::text[])) = $6 else lane_id in (select id from lanes where number_id = $4 and outbound = $6) end))`
  const { aside } = wish
  const values = [
    wish.ids ?? null,
    wish.cause ?? null,
    wish.hours ?? null,
    aside?.numberId ?? null,
    aside?.kind ?? null,
    aside?.outbound ?? null,
    UNREADABLE_CODES,
    DESK_KINDS
  ]
  if (wish.dryRun) {
    const answer = await pool.query(`select seq as id, code from events where ${which} order by seq`, values)
    return answer.rows as { id: number; code: string | null }[]
  }
  const answer = await pool.query(
    `with taken as (
       update events set attempts = 0, done_at = null,
         state = case when lane_id is null then 2 else 0 end,
         due_at = case when lane_id is null then now() end,
         code = case when lane_id is null then code end,
         attempt = case when state = 1 then jsonb_build_object('rendering', coalesce((attempt->>'rendering')::int, 0) + 1)
           else attempt end
       where ${which} returning seq as id, code, lane_id
     ), due as (
       update lanes l set due_at = now(), arrivals = l.arrivals + 1 from (select distinct lane_id from taken) t where l.id = t.lane_id
     ) select id, code from taken order by id`,
    values
  )
  return answer.rows as { id: number; code: string | null }[]
}
