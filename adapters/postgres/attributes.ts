/** Conversation attributes: what we say in clear (it is ours), the desk's side sealed. One row per conversation. */
import type pg from 'pg'
import type {
  AttributeKey,
  AttributeRow,
  AttributeState,
  AttributeStore,
  Attributes
} from '../../plugin/core/ports/attributes.ts'

export interface AttributeSealer {
  sealText(text: string, context: string): string
  openText(sealed: string, context: string): string
}

interface StoredRow {
  number_id: number
  conversation_id: number
  ours: Attributes
  state_sealed: string | null
  heard_at: number | null
}

const COLUMNS = 'a.number_id, a.conversation_id, a.ours, a.state_sealed, a.heard_at'
const CONTEXT = 'conversation attributes'

export function createAttributeStore(pool: pg.Pool, vault: AttributeSealer): AttributeStore {
  const seal = (state: AttributeState): string => vault.sealText(JSON.stringify(state), CONTEXT)
  const toRow = (row: StoredRow): AttributeRow => ({
    numberId: row.number_id,
    conversationId: row.conversation_id,
    ours: row.ours,
    state: row.state_sealed === null ? null : (JSON.parse(vault.openText(row.state_sealed, CONTEXT)) as AttributeState),
    heardAt: row.heard_at
  })
  const keysOf = (rows: AttributeKey[]): [number[], number[]] => [
    rows.map(row => row.numberId),
    rows.map(row => row.conversationId)
  ]

  return {
    async note(notes, everyMs) {
      if (notes.length === 0) return
      await pool.query({
        name: 'attributes_note',
        text: `insert into conversation_attributes as a (number_id, conversation_id, ours, state_sealed, wrote_at, due_at)
            select n, c, o, s, case when s is null then null else clock_timestamp() end,
              case when not changed then null when s is null then clock_timestamp()
                else clock_timestamp() + make_interval(secs => $6 / 1000.0) end
            from unnest($1::int[], $2::bigint[], $3::jsonb[], $4::text[], $5::boolean[]) as t(n, c, o, s, changed)
          on conflict (number_id, conversation_id) do update set
            ours = a.ours || excluded.ours, touched_at = now(),
            due_at = case when a.ours @> excluded.ours then a.due_at
              else coalesce(a.due_at, greatest(clock_timestamp(), a.wrote_at + make_interval(secs => $6 / 1000.0))) end`,
        values: [
          ...keysOf(notes),
          notes.map(note => JSON.stringify(note.ours)),
          notes.map(note => (note.born === undefined ? null : seal({ now: note.born }))),
          notes.map(note => JSON.stringify(note.ours) !== JSON.stringify(note.born)),
          everyMs
        ]
      })
    },

    async read(keys) {
      if (keys.length === 0) return []
      const answer = await pool.query({
        name: 'attributes_read',
        text: `select ${COLUMNS} from conversation_attributes a join unnest($1::int[], $2::bigint[]) as t(n, c)
               on a.number_id = t.n and a.conversation_id = t.c`,
        values: keysOf(keys)
      })
      return (answer.rows as StoredRow[]).map(toRow)
    },

    async heard(rows, everyMs) {
      if (rows.length === 0) return
      await pool.query({
        name: 'attributes_heard',
        text: `update conversation_attributes a set state_sealed = t.s, heard_at = t.h,
            due_at = case t.due when 'now' then clock_timestamp()
              when 'later' then coalesce(a.due_at, greatest(clock_timestamp(), a.wrote_at + make_interval(secs => $6 / 1000.0)))
              else a.due_at end
          from unnest($1::int[], $2::bigint[], $3::text[], $4::float8[], $5::text[]) as t(n, c, s, h, due)
          where a.number_id = t.n and a.conversation_id = t.c and (a.heard_at is null or a.heard_at <= t.h)`,
        values: [
          ...keysOf(rows),
          rows.map(row => seal(row.state)),
          rows.map(row => row.heardAt),
          rows.map(row => row.due),
          everyMs
        ]
      })
    },

    async claim(deskId, limit, leaseMs) {
      const answer = await pool.query({
        name: 'attributes_claim',
        text: `with due as (
            select a.number_id, a.conversation_id from conversation_attributes a join numbers n on n.id = a.number_id
            where a.due_at <= clock_timestamp() and n.desk_id = $1 and n.disconnected_at is null
            order by a.due_at limit $2 for no key update of a skip locked
          )
          update conversation_attributes a set due_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)
          from due where a.number_id = due.number_id and a.conversation_id = due.conversation_id
          returning ${COLUMNS}`,
        values: [deskId, limit, leaseMs]
      })
      return (answer.rows as StoredRow[]).map(toRow)
    },

    async writing(row, state, everyMs) {
      await pool.query({
        name: 'attributes_writing',
        text: `update conversation_attributes set state_sealed = $3, wrote_at = clock_timestamp(),
                 due_at = clock_timestamp() + make_interval(secs => $4 / 1000.0)
               where number_id = $1 and conversation_id = $2`,
        values: [row.numberId, row.conversationId, seal(state), everyMs]
      })
    },

    async wrote(row, state) {
      // The hook of this write may have been heard already: its picture is the newer one.
      await pool.query({
        name: 'attributes_wrote',
        text: `update conversation_attributes set
                 state_sealed = case when heard_at is not distinct from $5 then $3 else state_sealed end,
                 due_at = case when heard_at is not distinct from $5 and ours = $4::jsonb then null else due_at end
               where number_id = $1 and conversation_id = $2`,
        values: [row.numberId, row.conversationId, seal(state), JSON.stringify(row.ours), row.heardAt]
      })
    },

    async forget(key) {
      await pool.query('delete from conversation_attributes where number_id = $1 and conversation_id = $2', [
        key.numberId,
        key.conversationId
      ])
    }
  }
}
