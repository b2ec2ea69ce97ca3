/** What we remember of the desk's records that are gone or changed hands: deleted conversations, merged contacts. */
import type pg from 'pg'
import type { Vanished } from '../../plugin/core/ports/vanished.ts'

export function createVanished(pool: pg.Pool): Vanished {
  return {
    async writtenWithin(numberId, seconds) {
      const answer = await pool.query({
        name: 'written_within',
        text: `select distinct conversation_id as id from id_map
               where number_id = $1 and created_at > now() - make_interval(secs => $2)`,
        values: [numberId, seconds]
      })
      return (answer.rows as { id: number }[]).map(row => row.id)
    },

    async contactsOf(numberId, conversationIds) {
      const answer = await pool.query({
        name: 'contacts_of',
        text: `select conversation_id, contact_id from bindings
               where number_id = $1 and conversation_id = any ($2::bigint[]) and contact_id is not null`,
        values: [numberId, conversationIds]
      })
      const rows = answer.rows as { conversation_id: number; contact_id: number }[]
      return new Map(rows.map(row => [row.conversation_id, row.contact_id]))
    },

    async rebind(numberId, conversationId, was, contactId) {
      const answer = await pool.query(
        `update bindings set contact_id = $4, version = version + 1
         where number_id = $1 and conversation_id = $2 and contact_id = $3`,
        [numberId, conversationId, was, contactId]
      )
      return (answer.rowCount ?? 0) > 0
    },

    async forget(numberId, conversationId, seconds) {
      const answer = await pool.query(
        `with bound as (
           update bindings set conversation_id = null, conversation_status = null, version = version + 1
           where number_id = $1 and conversation_id = $2 returning customer_id
         ), gone as (
           delete from id_map where number_id = $1 and conversation_id = $2
             and created_at > now() - make_interval(secs => $3)
           returning wamid, created_at
         ), anew as (
           -- Once only: who deletes it a second time means it.
           update events e set state = 0, attempts = 0, due_at = null, done_at = null, code = null,
             attempt = '{"rendering": 1}'
           from (select distinct 'm:' || split_part(wamid, '#', 1) as key, created_at from gone) g
           where e.number_id = $1 and e.key = g.key and e.day >= current_date - 2 and e.state = 1 and e.kind = 'message'
             and coalesce((e.attempt->>'rendering')::int, 0) = 0
             and not exists (select 1 from deliveries d where d.number_id = $1 and d.conversation_id = $2 and d.human
               and d.created_at > g.created_at and d.created_at > now() - make_interval(secs => $3))
           returning e.lane_id
         ), recalled as (
           update deliveries d set state = 'recalled', code = null, parked_at = null, tick_due_at = null
           from lanes l join bound b on b.customer_id = l.customer_id
           where l.number_id = $1 and l.outbound and d.lane_id = l.id and d.state = 'parked' and d.parked_at is not null
             and d.conversation_id = $2
           returning 1
         ), due as (
           update lanes l set due_at = clock_timestamp(), arrivals = l.arrivals + 1
           from (select distinct lane_id from anew) a where l.id = a.lane_id
         ), attributes as (
           delete from conversation_attributes where number_id = $1 and conversation_id = $2
         )
         select (select count(*)::int from anew) as anew, (select count(*)::int from recalled) as recalled`,
        [numberId, conversationId, seconds]
      )
      return answer.rows[0] as { anew: number; recalled: number }
    }
  }
}
