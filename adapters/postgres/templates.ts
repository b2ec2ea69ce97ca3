/** Our copy of Meta's templates, and the lease by which one process at a time renews it. Times are PostgreSQL's own. */
import type pg from 'pg'
import type { MirrorState, TemplateStore } from '../../plugin/core/ports/templates.ts'
import type { ListedTemplate } from '../../plugin/core/templates/model.ts'
import { createClaim } from './waba-lease.ts'

interface TemplateRow {
  name: string
  language: string
  id: string
  status: string
  category: string
  parameter_format: string | null
  rejected_reason: string | null
  quality_score: string | null
  components: Record<string, unknown>[]
}

const COLUMNS = 'name, language, id, status, category, parameter_format, rejected_reason, quality_score, components'

/** Writes only what differs, so that `changed_at` and the row count tell the truth. */
const UPSERT = `
  insert into templates as t (waba_id, ${COLUMNS})
    select distinct on (name, language) $1, ${COLUMNS} from jsonb_to_recordset($2::jsonb) as given(
      name text, language text, id text, status text, category text, parameter_format text, rejected_reason text,
      quality_score text, components jsonb)
  on conflict (waba_id, name, language) do update set id = excluded.id, status = excluded.status,
    category = excluded.category, parameter_format = excluded.parameter_format,
    rejected_reason = excluded.rejected_reason, quality_score = excluded.quality_score,
    components = excluded.components, changed_at = now()
  where (t.id, t.status, t.category, t.parameter_format, t.rejected_reason, t.quality_score, t.components)
    is distinct from (excluded.id, excluded.status, excluded.category, excluded.parameter_format,
      excluded.rejected_reason, excluded.quality_score, excluded.components)
  returning 1`

export function createTemplateStore(pool: pg.Pool): TemplateStore {
  return {
    async list(wabaId) {
      const answer = await pool.query({
        name: 'templates_list',
        text: `select ${COLUMNS} from templates where waba_id = $1 order by name, language`,
        values: [wabaId]
      })
      return (answer.rows as TemplateRow[]).map(fromRow)
    },

    async find(wabaId, name, language) {
      const answer = await pool.query({
        name: 'template_find',
        text: `select ${COLUMNS} from templates where waba_id = $1 and name = $2 and language = $3`,
        values: [wabaId, name, language]
      })
      const row = answer.rows[0] as TemplateRow | undefined
      return row === undefined ? null : fromRow(row)
    },

    async replace(wabaId, templates) {
      const answer = await pool.query({
        name: 'templates_replace',
        text: `with kept as (${UPSERT}), gone as (
            delete from templates where waba_id = $1 and (name, language) not in (
              select name, language from jsonb_to_recordset($2::jsonb) as given(name text, language text))
            returning 1
          ), read as (
            update template_accounts set read_at = clock_timestamp() where waba_id = $1
          )
          select (select count(*) from kept)::int + (select count(*) from gone)::int as changed`,
        values: [wabaId, JSON.stringify(templates.map(toRow))]
      })
      return { changed: (answer.rows[0] as { changed: number }).changed > 0 }
    },

    async keep(wabaId, templates) {
      if (templates.length === 0) return
      await pool.query({
        name: 'templates_keep',
        text: UPSERT,
        values: [wabaId, JSON.stringify(templates.map(toRow))]
      })
    },

    async want(wabaId) {
      await pool.query({
        name: 'template_want',
        text: `insert into template_accounts as a (waba_id) values ($1) on conflict (waba_id) do update set
          wanted_at = clock_timestamp(), due_at = least(a.due_at, clock_timestamp())`,
        values: [wabaId]
      })
    },

    claim: createClaim(pool, 'template_accounts'),

    async settle(wabaId, owner, { nextInMs, code }) {
      await pool.query({
        name: 'template_settle',
        text: `update template_accounts set lease_until = null, owner = null, code = $4,
            due_at = case when $4::text is null and wanted_at > started_at then clock_timestamp()
              else clock_timestamp() + make_interval(secs => $3 / 1000.0) end
          where waba_id = $1 and owner = $2`,
        values: [wabaId, owner, nextInMs, code]
      })
    },

    async saveMirror(numberId, { shown, leftOut, written, code }) {
      await pool.query({
        name: 'template_mirror_save',
        text: `insert into template_mirrors as m (number_id, shown, left_out, written_at, code)
            values ($1, $2, $3, case when $4 then clock_timestamp() end, $5)
          on conflict (number_id) do update set shown = excluded.shown, left_out = excluded.left_out,
            looked_at = clock_timestamp(), written_at = coalesce(excluded.written_at, m.written_at), code = excluded.code`,
        values: [numberId, shown, leftOut, written, code]
      })
    },

    async readMirrorState() {
      const answer = await pool.query(
        `select n.id as number_id, n.waba_id, a.read_at, a.code as read_code, m.looked_at, m.written_at,
            coalesce(m.shown, 0) as shown, coalesce(m.left_out, 0) as left_out, m.code as inbox_code,
            (select count(*)::int from templates t where t.waba_id = n.waba_id) as templates
          from numbers n left join template_accounts a on a.waba_id = n.waba_id
            left join template_mirrors m on m.number_id = n.id
          where n.disconnected_at is null order by n.id`
      )
      return (answer.rows as StateRow[]).map(
        (row): MirrorState => ({
          numberId: row.number_id,
          wabaId: row.waba_id,
          readAt: row.read_at,
          templates: row.templates,
          readCode: row.read_code,
          lookedAt: row.looked_at,
          writtenAt: row.written_at,
          shown: row.shown,
          leftOut: row.left_out,
          inboxCode: row.inbox_code
        })
      )
    }
  }
}

interface StateRow {
  number_id: number
  waba_id: string
  read_at: Date | null
  read_code: string | null
  looked_at: Date | null
  written_at: Date | null
  shown: number
  left_out: number
  inbox_code: string | null
  templates: number
}

function fromRow(row: TemplateRow): ListedTemplate {
  const { parameter_format, rejected_reason, quality_score, ...plain } = row
  return {
    ...plain,
    ...(parameter_format === null ? {} : { parameterFormat: parameter_format }),
    ...(rejected_reason === null ? {} : { rejectedReason: rejected_reason }),
    ...(quality_score === null ? {} : { qualityScore: quality_score })
  }
}

function toRow(template: ListedTemplate): TemplateRow {
  const { parameterFormat, rejectedReason, qualityScore, ...plain } = template
  return {
    ...plain,
    parameter_format: parameterFormat ?? null,
    rejected_reason: rejectedReason ?? null,
    quality_score: qualityScore ?? null
  }
}
