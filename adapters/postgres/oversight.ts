/** What the admin pages read beside the status: facts that Meta told of numbers, and set-aside items in groups. */
import type pg from 'pg'
import { DESK_KINDS, UNREADABLE_CODES } from '../../plugin/core/ports/laneless.ts'
import type { AsideGroup } from '../../plugin/core/ports/oversight.ts'

export interface NumberFacts {
  quality: string | null
  messagingLimit: string | null
  heardAt: Date | null
}

const MOST_GROUPS = 200

export interface OversightReads {
  facts(numberId: number): Promise<NumberFacts>
  /** Number 0 holds what belongs to no connected number. Also what was only counted, since nobody knows its field. */
  aside(numberIds: readonly number[]): Promise<AsideGroup[]>
}

export function createOversightReads(pool: pg.Pool): OversightReads {
  return {
    async facts(numberId) {
      const answer = await pool.query(
        `select quality, messaging_limit as "messagingLimit", greatest(
           (select max(received_at) from events where number_id = $1 and day >= current_date - 1
              and kind in ('message', 'echo', 'call', 'group', 'preference')),
           (select greatest(max(sent_at), max(delivered_at), max(read_at), max(failed_at)) from receipts
            where number_id = $1 and created_at > now() - interval '1 day')) as "heardAt"
         from numbers where id = $1`,
        [numberId]
      )
      return (answer.rows[0] as NumberFacts | undefined) ?? { quality: null, messagingLimit: null, heardAt: null }
    },

    async aside(numberIds) {
      if (numberIds.length === 0) return []
      const answer = await pool.query(
        `select e.number_id as "numberId", e.kind, coalesce(l.outbound, e.kind = any ($3::text[])) as outbound,
           coalesce(e.code, 'internal') as code, count(*)::int as count, min(e.received_at) as since,
           l.id is not null or coalesce(e.code, '') <> all ($4::text[]) as replayable
         from (
           select number_id, kind, lane_id, code, received_at from events where state = 2 and number_id = any ($1)
           union all
           select number_id, kind, lane_id, code, received_at from events
             where state = 3 and code = 'unknown_field' and number_id = any ($1)
         ) e left join lanes l on l.id = e.lane_id
         group by 1, 2, 3, 4, 7 order by 6, 1, 2 limit $2`,
        [numberIds, MOST_GROUPS, DESK_KINDS, UNREADABLE_CODES]
      )
      return answer.rows as AsideGroup[]
    }
  }
}
