/** What was asked to be sent through Puente itself: kept sealed, leased, moved on; and customers' words on marketing. */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import type {
  Consents,
  InstructionRecord,
  Instructions,
  MarketingConsent,
  NewInstruction,
  WriteAttempt
} from '../../plugin/core/ports/instructions.ts'
import type { Instruction } from '../../plugin/core/talk/instruction.ts'
import type { AgentVault } from './agents.ts'
import { inTransaction, recallParked } from './recall-parked.ts'

const COLUMNS = `i.id, i.desk_id, i.number_id, i.origin, i.agent_id, i.external_ref, i.sealed, i.state, i.contact_id,
  i.source_id, i.conversation_id, i.message_id, i.attempt, i.attempts, i.code, i.created_at, i.updated_at, i.body_hash, i.lease,
  (extract(epoch from clock_timestamp() - i.created_at) * 1000)::float8 as age_ms,
  coalesce((extract(epoch from clock_timestamp() - i.attempt_at) * 1000)::float8, 0) as attempt_age_ms`

interface Row {
  id: string
  desk_id: number
  number_id: number
  origin: InstructionRecord['origin']
  agent_id: number | null
  external_ref: string | null
  sealed: Buffer
  state: InstructionRecord['state']
  contact_id: number | null
  source_id: string | null
  conversation_id: number | null
  message_id: number | null
  attempt: WriteAttempt | null
  attempts: number
  code: string | null
  created_at: Date
  updated_at: Date
  body_hash: Buffer
  lease: string | null
  age_ms: number
  attempt_age_ms: number
}

const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest()

export function createInstructions(pool: pg.Pool, vault: AgentVault): Instructions {
  const context = (id: string): string => `instruction:${id}`
  const toRecord = (row: Row): InstructionRecord => ({
    id: row.id,
    deskId: row.desk_id,
    numberId: row.number_id,
    origin: row.origin,
    agentId: row.agent_id,
    externalRef: row.external_ref,
    instruction: JSON.parse(vault.open(row.sealed, context(row.id)).toString()) as Instruction,
    state: row.state,
    contactId: row.contact_id,
    sourceId: row.source_id,
    conversationId: row.conversation_id,
    messageId: row.message_id,
    attempt: row.attempt,
    attemptAgeMs: row.attempt_age_ms,
    lease: row.lease,
    attempts: row.attempts,
    code: row.code,
    ageMs: row.age_ms,
    createdAt: row.created_at,
    updatedAt: row.updated_at
  })
  const insertOrClash = async (
    text: string,
    values: unknown[],
    { numberId, recalls }: NewInstruction
  ): Promise<pg.QueryResult> => {
    try {
      if (recalls === undefined) return await pool.query(text, values)
      return await inTransaction(pool, async client => {
        const inserted = await client.query(text, values)
        // A repetition has recalled it before.
        const outcome = inserted.rowCount === 0 ? 'recalled' : await recallParked(client, numberId, recalls)
        if (outcome !== 'recalled') throw new PuenteError(outcome === 'leaving' ? 'leaving_now' : 'not_parked')
        return inserted
      })
    } catch (error) {
      // Somebody else is opening a conversation with the same customer at this moment.
      if ((error as { constraint?: string }).constraint === 'instructions_opening') {
        throw new PuenteError('conversation_open', { cause: error })
      }
      throw error
    }
  }
  /** Another began with the same customer after this one had looked, and its conversation stands already. */
  const wasOpenedJustNow = async (id: string): Promise<boolean> => {
    const answer = await pool.query(
      `select 1 from instructions mine join instructions other
         on other.number_id = mine.number_id and other.opens = mine.opens and other.id <> mine.id
       where mine.id = $1 and other.conversation_id is not null and other.created_at > mine.created_at - interval '10 seconds'`,
      [id]
    )
    return (answer.rowCount ?? 0) > 0
  }
  const byKey = async (caller: string, key: string, bodyHash: Buffer): Promise<InstructionRecord | null> => {
    const answer = await pool.query(`select ${COLUMNS} from instructions i where caller = $1 and key_hash = $2`, [
      caller,
      hashKey(key)
    ])
    const row = answer.rows[0] as Row | undefined
    if (row === undefined) return null
    if (!row.body_hash.equals(bodyHash)) throw new PuenteError('idempotency_clash')
    return toRecord(row)
  }
  const one = async (text: string, values: unknown[]): Promise<InstructionRecord | null> => {
    const answer = await pool.query(text, values)
    return answer.rows[0] === undefined ? null : toRecord(answer.rows[0] as Row)
  }

  return {
    async add(given, leaseMs) {
      const inserted = await insertOrClash(
        `with fresh as (
           insert into instructions (id, desk_id, number_id, origin, caller, key_hash, body_hash, agent_id, external_ref,
             sealed, conversation_id, due_at, lease_until, lease, opens, source_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp() + make_interval(secs => $12 / 1000.0),
             clock_timestamp() + make_interval(secs => $12 / 1000.0), gen_random_uuid(), $13, $14)
           on conflict (caller, key_hash) do nothing returning *
         ) select ${COLUMNS} from fresh i`,
        [
          given.id,
          given.deskId,
          given.numberId,
          given.origin,
          given.caller,
          hashKey(given.key),
          given.bodyHash,
          given.agentId,
          given.externalRef,
          vault.seal(Buffer.from(JSON.stringify(given.instruction)), context(given.id)),
          given.conversationId,
          leaseMs,
          given.opens === null ? null : createHash('sha256').update(given.opens).digest(),
          given.sourceId
        ],
        given
      )
      if (inserted.rows[0] !== undefined) {
        if (given.opens !== null && (await wasOpenedJustNow(given.id))) {
          await pool.query('delete from instructions where id = $1', [given.id])
          throw new PuenteError('conversation_open')
        }
        return { record: toRecord(inserted.rows[0] as Row), fresh: true }
      }
      const known = await byKey(given.caller, given.key, given.bodyHash)
      if (known === null) throw new PuenteError('internal', { facts: { detail: 'instruction vanished' } })
      return { record: known, fresh: false }
    },

    known: byKey,

    find: id => one(`select ${COLUMNS} from instructions i where i.id = $1`, [id]),

    async byReference(deskId, externalRef) {
      const answer = await pool.query(
        `select ${COLUMNS} from instructions i where i.desk_id = $1 and i.external_ref = $2 order by i.created_at desc limit 100`,
        [deskId, externalRef]
      )
      return (answer.rows as Row[]).map(toRecord)
    },

    byMessage: (numberId, messageId) =>
      one(`select ${COLUMNS} from instructions i where i.number_id = $1 and i.message_id = $2`, [numberId, messageId]),

    async claim(limit, leaseMs, blockedDesks) {
      const answer = await pool.query(
        `with due as (
           select id from instructions where due_at <= clock_timestamp()
             and (lease_until is null or lease_until < clock_timestamp()) and not desk_id = any ($3::int[])
           order by due_at limit $1 for no key update skip locked
         ), leased as (
           update instructions i set lease = gen_random_uuid(), lease_until = clock_timestamp() + make_interval(secs => $2 / 1000.0),
             due_at = clock_timestamp() + make_interval(secs => $2 / 1000.0)
           from due where i.id = due.id returning i.*
         ) select ${COLUMNS} from leased i`,
        [limit, leaseMs, blockedDesks]
      )
      return (answer.rows as Row[]).map(toRecord)
    },

    async change(record, change) {
      const gives = change.dueInMs !== undefined
      const answer = await pool.query(
        `update instructions set
           state = coalesce($2, state), contact_id = coalesce($3, contact_id), source_id = coalesce($4, source_id),
           conversation_id = coalesce($5, conversation_id), message_id = coalesce($6, message_id),
           attempt = case when $7 then $8::jsonb else attempt end,
           attempt_at = case when $7 then case when $8::jsonb is null then null else clock_timestamp() end else attempt_at end,
           attempts = attempts + case when $7 and $8::jsonb is not null then 1 else 0 end,
           code = case when $9 then $10 else code end, facts = case when $9 then $11::jsonb else facts end,
           due_at = case when $12 then clock_timestamp() + make_interval(secs => $13::float8 / 1000.0) else due_at end,
           lease_until = case when $12 then null else lease_until end, lease = case when $12 then null else lease end,
           updated_at = clock_timestamp()
         where id = $1 and lease = $14`,
        [
          record.id,
          change.state ?? null,
          change.contactId ?? null,
          change.sourceId ?? null,
          change.conversationId ?? null,
          change.messageId ?? null,
          change.attempt !== undefined,
          change.attempt == null ? null : JSON.stringify(change.attempt),
          change.code !== undefined,
          change.code ?? null,
          change.facts == null ? null : JSON.stringify(change.facts),
          gives,
          change.dueInMs ?? null,
          record.lease
        ]
      )
      Object.assign(record, Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)))
      return (answer.rowCount ?? 0) > 0
    },

    async forgetOld(ageMs) {
      await pool.query(
        `delete from instructions where id in (
           select id from instructions where created_at < now() - make_interval(secs => $1 / 1000.0) limit 5000)`,
        [ageMs]
      )
    },

    async nextDueInMs() {
      const answer = await pool.query(
        `select (extract(epoch from min(greatest(due_at, lease_until)) - clock_timestamp()) * 1000)::float8 as ms
         from instructions where due_at is not null`
      )
      return (answer.rows[0] as { ms: number | null }).ms
    }
  }
}

export function createConsents(pool: pg.Pool): Consents {
  return {
    async note(numberId, customerId, marketing, at) {
      await pool.query(
        `insert into consents as c (number_id, customer_id, marketing, at) values ($1, $2, $3, $4)
         on conflict (number_id, customer_id) do update set marketing = excluded.marketing, at = excluded.at
         where c.at <= excluded.at`,
        [numberId, customerId, marketing, at]
      )
    },

    async read(numberId, customerId) {
      const answer = await pool.query('select marketing, at from consents where number_id = $1 and customer_id = $2', [
        numberId,
        customerId
      ])
      return (answer.rows[0] as { marketing: MarketingConsent; at: Date } | undefined) ?? null
    }
  }
}
