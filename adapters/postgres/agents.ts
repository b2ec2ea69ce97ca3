/**
 * Sessions, pairings, keys and hooks: of every credential only a hash is kept, and names are sealed. What agents like
 * to use lies here too.
 */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import type {
  AgentSession,
  AgentStore,
  ApiKey,
  MacroHook,
  Pairing,
  PairingNote,
  SessionMode,
  SlotMapping
} from '../../plugin/core/ports/agent-store.ts'

export interface AgentVault {
  seal(plain: Buffer, context: string): Buffer
  open(sealed: Buffer, context: string): Buffer
}

/** Tokens are random and long: a plain hash tells nothing and needs no salt. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

const KEY_COLUMNS = `id, desk_id as "deskId", name, hint, created_at as "createdAt", used_at as "usedAt"`
const HOOK_COLUMNS = `id, desk_id as "deskId", number_id as "numberId", name, template_id as "templateId",
  template_name as "templateName", language, slots_sealed, created_at as "createdAt", used_at as "usedAt",
  (select json_build_object('code', f.code, 'reason', f.reason, 'conversationId', f.conversation_id, 'at', f.at) from macro_hook_failures f
   where f.hook_id = macro_hooks.id order by f.at desc limit 1) as "lastFailure"`

type HookRow = Omit<MacroHook, 'slots' | 'lastFailure'> & {
  slots_sealed: Buffer
  lastFailure: { code: string; reason: string; conversationId: number; at: string } | null
}

/** As sealed; rows of an older version tell less. */
interface SessionFacts extends Pick<AgentSession, 'name' | 'locale'> {
  deskOrigin?: string | null
  until?: string | null
}

export function createAgentStore(pool: pg.Pool, vault: AgentVault): AgentStore {
  const seal = (value: unknown, context: string): Buffer => vault.seal(Buffer.from(JSON.stringify(value)), context)
  const open = <T>(sealed: Buffer, context: string): T => JSON.parse(vault.open(sealed, context).toString()) as T
  const toHook = ({ slots_sealed, lastFailure, ...row }: HookRow): MacroHook => ({
    ...row,
    slots: open(slots_sealed, 'macro hook'),
    lastFailure: lastFailure === null ? null : { ...lastFailure, at: new Date(lastFailure.at) }
  })

  return {
    async openSession(token, session, lifeMs) {
      const { deskId, agentId, mode, name, locale, uid, deskOrigin = null, until = null } = session
      const answer = await pool.query(
        `insert into agent_sessions (hash, desk_id, agent_id, mode, uid_hash, facts_sealed, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7 / 1000.0)) returning expires_at`,
        [
          hashToken(token),
          deskId,
          agentId,
          mode,
          uid === null ? null : hashToken(uid),
          seal({ name, locale, deskOrigin, until }, 'agent session'),
          lifeMs
        ]
      )
      return (answer.rows[0] as { expires_at: Date }).expires_at
    },

    async findSession(token) {
      const answer = await pool.query({
        name: 'agent_session',
        text: `select desk_id, agent_id, mode, uid_hash, facts_sealed, expires_at from agent_sessions
               where hash = $1 and mode not in ('ticket', 'handover') and ended_at is null and expires_at > now()`,
        values: [hashToken(token)]
      })
      const row = answer.rows[0] as
        | {
            desk_id: number
            agent_id: number
            mode: SessionMode
            uid_hash: Buffer | null
            facts_sealed: Buffer
            expires_at: Date
          }
        | undefined
      if (row === undefined) return null
      const { name, locale, deskOrigin = null } = open<SessionFacts>(row.facts_sealed, 'agent session')
      const { desk_id: deskId, agent_id: agentId, mode, uid_hash: uidHash, expires_at: expiresAt } = row
      return { deskId, agentId, mode, uidHash, expiresAt, name, locale, deskOrigin }
    },

    async takeTicket(ticket, mode) {
      const answer = await pool.query(
        `update agent_sessions set ended_at = now()
         where hash = $1 and mode = $2 and ended_at is null and expires_at > now()
         returning desk_id, agent_id, facts_sealed`,
        [hashToken(ticket), mode]
      )
      const row = answer.rows[0] as { desk_id: number; agent_id: number; facts_sealed: Buffer } | undefined
      if (row === undefined) return null
      const { name, locale, deskOrigin = null, until } = open<SessionFacts>(row.facts_sealed, 'agent session')
      const ends = until == null ? null : new Date(until)
      return { deskId: row.desk_id, agentId: Number(row.agent_id), name, locale, deskOrigin, until: ends }
    },

    async endSession(token) {
      await pool.query('update agent_sessions set ended_at = now() where hash = $1 and ended_at is null', [
        hashToken(token)
      ])
    },

    async endSessionsOf(deskId, agentId) {
      await pool.query(
        'update agent_sessions set ended_at = now() where desk_id = $1 and agent_id = $2 and ended_at is null',
        [deskId, agentId]
      )
    },

    async startPairing({ id, deskId, conversationId, agentId }, code, secret, lifeMs) {
      const answer = await pool.query(
        `insert into pairings (id, desk_id, conversation_id, agent_id, code_hash, secret_hash, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7 / 1000.0)) returning expires_at`,
        [id, deskId, conversationId, agentId, hashToken(code), hashToken(secret), lifeMs]
      )
      return (answer.rows[0] as { expires_at: Date }).expires_at
    },

    async noteWritten({ deskId, numberId, conversationId, messageId, code, agent }) {
      const answer = await pool.query(
        `with known as (
           select id, desk_id = $2 and coalesce(conversation_id, $3) = $3 and coalesce(agent_id, $4) = $4 as fits
           from pairings
           where code_hash = $1 and state = 'waiting' and expires_at > now() for update
         ), settled as (
           update pairings p set state = case when k.fits then 'paired' else 'cancelled' end,
             agent_sealed = case when k.fits then $5::bytea end
           from known k where p.id = k.id returning 1
         ), note as (
           insert into pairing_notes (number_id, conversation_id, message_id)
           select $6, $3, $7 from known on conflict do nothing returning 1
         ) select (select count(*) from settled) as n`,
        [hashToken(code), deskId, conversationId, agent.id, seal(agent, 'pairing'), numberId, messageId]
      )
      return (answer.rows[0] as { n: number }).n > 0
    },

    async takePairing(id, secret) {
      const answer = await pool.query(
        `with found as (
           select * from pairings where id = $1 and secret_hash = $2 and expires_at > now() for update
         ), spent as (
           update pairings p set state = 'spent' from found f where p.id = f.id and f.state = 'paired' returning 1
         ) select desk_id, conversation_id, agent_id, state, agent_sealed, (select count(*) from spent) as n from found`,
        [id, hashToken(secret)]
      )
      const row = answer.rows[0] as
        | {
            desk_id: number
            conversation_id: number | null
            agent_id: number | null
            state: Pairing['state']
            agent_sealed: Buffer | null
          }
        | undefined
      if (row === undefined) return null
      return {
        id,
        deskId: row.desk_id,
        conversationId: row.conversation_id,
        agentId: row.agent_id,
        state: row.state,
        agent: row.agent_sealed === null ? null : open(row.agent_sealed, 'pairing')
      }
    },

    async claimNotes(limit) {
      const answer = await pool.query(
        `update pairing_notes n set due_at = now() + make_interval(secs => 10 * (n.tries + 1)), tries = n.tries + 1
         from (select number_id, message_id from pairing_notes where due_at <= now() limit $1 for update skip locked) d
         where n.number_id = d.number_id and n.message_id = d.message_id
         returning n.number_id as "numberId", n.conversation_id as "conversationId", n.message_id as "messageId", n.tries`,
        [limit]
      )
      return answer.rows as PairingNote[]
    },

    async noteDone(note) {
      await pool.query('delete from pairing_notes where number_id = $1 and message_id = $2', [
        note.numberId,
        note.messageId
      ])
    },

    async createApiKey({ id, deskId, name }, secret) {
      const answer = await pool.query(
        `insert into api_keys (id, desk_id, name, hash, hint) values ($1, $2, $3, $4, $5) returning ${KEY_COLUMNS}`,
        [id, deskId, name, hashToken(secret), secret.slice(-4)]
      )
      return answer.rows[0] as ApiKey
    },

    async findApiKey(secret) {
      const answer = await pool.query({
        name: 'api_key',
        text: `select ${KEY_COLUMNS} from api_keys where hash = $1 and revoked_at is null`,
        values: [hashToken(secret)]
      })
      const key = answer.rows[0] as ApiKey | undefined
      if (key === undefined) return null
      // Once a minute is enough to see that it is in use.
      if (key.usedAt === null || Date.now() - key.usedAt.getTime() > 60_000) {
        await pool.query('update api_keys set used_at = now() where id = $1', [key.id])
      }
      return key
    },

    async listApiKeys(deskId) {
      const answer = await pool.query(
        `select ${KEY_COLUMNS} from api_keys where ($1::int is null or desk_id = $1) and revoked_at is null order by created_at`,
        [deskId]
      )
      return answer.rows as ApiKey[]
    },

    async revokeApiKey(deskId, id) {
      const answer = await pool.query(
        'update api_keys set revoked_at = now() where id = $2 and ($1::int is null or desk_id = $1) and revoked_at is null',
        [deskId, id]
      )
      return (answer.rowCount ?? 0) > 0
    },

    async createMacroHook(hook, secret) {
      const answer = await pool.query(
        `insert into macro_hooks (id, desk_id, number_id, name, hash, template_id, template_name, language, slots_sealed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${HOOK_COLUMNS}`,
        [
          hook.id,
          hook.deskId,
          hook.numberId,
          hook.name,
          hashToken(secret),
          hook.templateId,
          hook.templateName,
          hook.language,
          seal(hook.slots, 'macro hook')
        ]
      )
      return toHook(answer.rows[0])
    },

    async findMacroHook(secret) {
      const answer = await pool.query({
        name: 'macro_hook',
        text: `update macro_hooks set used_at = now() where hash = $1 and revoked_at is null returning ${HOOK_COLUMNS}`,
        values: [hashToken(secret)]
      })
      return answer.rows[0] === undefined ? null : toHook(answer.rows[0])
    },

    async listMacroHooks(deskId) {
      const answer = await pool.query(
        `select ${HOOK_COLUMNS} from macro_hooks
         where ($1::int is null or desk_id = $1) and revoked_at is null order by created_at`,
        [deskId]
      )
      return answer.rows.map(toHook)
    },

    async revokeMacroHook(deskId, id) {
      const answer = await pool.query(
        'update macro_hooks set revoked_at = now() where ($1::int is null or desk_id = $1) and id = $2 and revoked_at is null',
        [deskId, id]
      )
      return (answer.rowCount ?? 0) > 0
    },

    async favour(deskId, agentId, templateId, favourite) {
      await pool.query(
        `insert into template_use (desk_id, agent_id, template_id, favourite) values ($1, $2, $3, $4)
         on conflict (desk_id, agent_id, template_id) do update set favourite = excluded.favourite`,
        [deskId, agentId, templateId, favourite]
      )
    },

    async usedTemplate(deskId, agentId, templateId, mapping) {
      await pool.query(
        `insert into template_use (desk_id, agent_id, template_id, used_at, mapping_sealed) values ($1, $2, $3, now(), $4)
         on conflict (desk_id, agent_id, template_id)
           do update set used_at = excluded.used_at, mapping_sealed = excluded.mapping_sealed`,
        [deskId, agentId, templateId, seal(mapping, 'slot mapping')]
      )
    },

    async mappingOf(deskId, agentId, templateId) {
      const answer = await pool.query(
        `select mapping_sealed as sealed from template_use
         where desk_id = $1 and template_id = $3 and mapping_sealed is not null
         order by agent_id = $2 desc, used_at desc limit 1`,
        [deskId, agentId, templateId]
      )
      const row = answer.rows[0] as { sealed: Buffer } | undefined
      return row === undefined ? {} : open<SlotMapping>(row.sealed, 'slot mapping')
    },

    async templatesOf(deskId, agentId) {
      const answer = await pool.query(
        'select template_id, favourite, used_at from template_use where desk_id = $1 and agent_id = $2',
        [deskId, agentId]
      )
      const rows = answer.rows as { template_id: string; favourite: boolean; used_at: Date | null }[]
      return new Map(rows.map(row => [row.template_id, { favourite: row.favourite, usedAt: row.used_at }]))
    },

    async usedNumber(deskId, agentId, numberId) {
      await pool.query(
        `insert into number_use (desk_id, agent_id, number_id) values ($1, $2, $3)
         on conflict (desk_id, agent_id, number_id) do update set used_at = now()`,
        [deskId, agentId, numberId]
      )
    },

    async numbersOf(deskId, agentId) {
      const answer = await pool.query(
        'select number_id, used_at from number_use where desk_id = $1 and agent_id = $2',
        [deskId, agentId]
      )
      const rows = answer.rows as { number_id: number; used_at: Date }[]
      return new Map(rows.map(row => [row.number_id, row.used_at]))
    },

    async forgetOld() {
      await pool.query(`delete from agent_sessions where expires_at < now() - interval '1 day'`)
      await pool.query(`delete from pairings where expires_at < now() - interval '1 day'`)
      // A note that could not be deleted for a day stays; an admin sees it in the conversation anyway.
      await pool.query('delete from pairing_notes where tries > 20')
      await pool.query(`delete from macro_hook_failures where at < now() - interval '30 days'`)
    }
  }
}
