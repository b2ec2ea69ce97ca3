/**
 * What connecting knows of a number beyond what serving it needs: what was made for it, what was read about it, what is
 * proven, and who accepted the terms. Leaves out the secrets of serving, which numbers.ts keeps.
 */
import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import { forgottenProofs, type SecretSealer } from './numbers.ts'

/** Steps by name: an id, or true; `'begun'` while nobody knows whether the other side has it. */
export type Made = Record<string, unknown>

export interface KnownNumber {
  id: number
  deskId: number
  deskUrl: string
  accountId: number
  phoneNumberId: string
  wabaId: string
  appId: string | null
  displayPhoneNumber: string
  inboxId: number
  inboxKey: string
  /** Null when it was let go with the number. */
  verifyToken: string | null
  connected: boolean
  made: Made
  deskMade: Made
  hookProvenAt: Date | null
  /** How long ago a hook of it was last tried and came in; null: never. */
  hookAgeSeconds: number | null
  policy: Record<string, unknown>
  locale: string
}

export interface NumberReadings {
  timeZoneId: string | null
  timeZone: string | null
  quality: string | null
  messagingLimit: string | null
  onBusinessApp: boolean
  accountEvents: 'webhook' | 'poll'
  /** As in `NumberFacts`; read again from then on (number-watch). */
  status?: string | null
  canSend?: string | null
  healthCodes?: readonly number[]
}

export interface Proof {
  /** Desk to Puente: a private note came back through the hook. */
  hook: Date | null
  /** WhatsApp to Puente: a customer's message came in. */
  inbound: Date | null
  /** Puente to WhatsApp: an answer got a status. */
  answer: Date | null
  proven: boolean
}

export interface Acceptance {
  phoneNumberId: string
  terms: string
  links: readonly string[]
  how: 'asked' | '--yes'
  deskUrl: string
  deskUserId: number
  systemUser: string
}

export interface Connections {
  /** By phone number id, or by the number as people write it; also one that was disconnected. */
  find(number: string): Promise<KnownNumber | null>
  /** All that were ever connected. */
  all(): Promise<KnownNumber[]>
  noteMade(numberId: number, made: Made): Promise<void>
  noteDeskMade(deskId: number, made: Made): Promise<void>
  saveReadings(numberId: number, readings: NumberReadings): Promise<void>
  readReadings(numberId: number): Promise<(NumberReadings & { readAt: Date | null }) | null>
  accept(acceptance: Acceptance): Promise<void>
  /** Says for which addresses the number is to be proven; proofs of other addresses are forgotten. */
  proveFor(numberId: number, addresses: string): Promise<void>
  /** A one-time code: whoever asks for it at Puente is noted. */
  openReach(): Promise<string>
  wasReached(code: string): Promise<boolean>
  /** When a hook of the number was last tried and came in, exactly; null: never. */
  lastHookAt(numberId: number): Promise<string | null>
  /** Whether a note of this probe came back through the hook. */
  heardProbe(numberId: number, probe: string): Promise<boolean>
  /** What is proven by now, by a probe or by what people wrote; new finds are kept. */
  readProof(numberId: number): Promise<Proof>
  /** Status of the answer that a desk message became at WhatsApp: null while there is none. */
  readAnswer(numberId: number, messageId: number): Promise<{ state: string; told: string; rank: number | null } | null>
  /** What still waits to be delivered. */
  countWaiting(numberId: number): Promise<number>
  /** Lets go of the secrets of a number that is no longer connected, and of its desk's when nobody else needs them. */
  forgetSecrets(numberId: number): Promise<void>
  /** Processes that have been alive within the last seconds. */
  countProcesses(): Promise<number>
}

interface Row {
  id: number
  desk_id: number
  url: string
  account_id: number
  phone_number_id: string
  waba_id: string
  app_id: string | null
  display_phone_number: string
  inbox_id: number
  inbox_key: string
  verify_token_sealed: string
  disconnected_at: Date | null
  made: Made
  desk_made: Made
  hook_proven_at: Date | null
  hook_age: number | null
  policy: Record<string, unknown>
  locale: string
}

const GONE = ''

export function createConnections(knex: Knex, vault: SecretSealer): Connections {
  const rows = async (): Promise<Row[]> => {
    const found: unknown = await knex('numbers as n')
      .join('desks as d', 'd.id', 'n.desk_id')
      .select(
        'n.*',
        'd.url',
        'd.account_id',
        'd.made as desk_made',
        knex.raw('extract(epoch from now() - n.last_hook_at)::float8 as hook_age')
      )
      .orderBy('n.id')
    return found as Row[]
  }

  const toKnown = (row: Row): KnownNumber => {
    const verifyToken = vault.openText(row.verify_token_sealed, 'verify token')
    return {
      id: row.id,
      deskId: row.desk_id,
      deskUrl: row.url,
      accountId: row.account_id,
      phoneNumberId: row.phone_number_id,
      wabaId: row.waba_id,
      appId: row.app_id,
      displayPhoneNumber: row.display_phone_number,
      inboxId: row.inbox_id,
      inboxKey: row.inbox_key,
      verifyToken: verifyToken === GONE ? null : verifyToken,
      connected: row.disconnected_at === null,
      made: row.made,
      deskMade: row.desk_made,
      hookProvenAt: row.hook_proven_at,
      hookAgeSeconds: row.hook_age,
      policy: row.policy,
      locale: row.locale
    }
  }

  const merge = async (table: string, id: number, made: Made): Promise<void> => {
    await knex.raw('update ?? set made = jsonb_strip_nulls(made || ?::jsonb) where id = ?', [
      table,
      JSON.stringify(made),
      id
    ])
  }

  return {
    async all() {
      return (await rows()).map(toKnown)
    },

    async find(number) {
      const digits = number.replace(/\D/g, '')
      const all = await rows()
      const found =
        all.find(row => row.phone_number_id === number) ??
        all.find(row => digits !== '' && row.display_phone_number.replace(/\D/g, '') === digits)
      return found === undefined ? null : toKnown(found)
    },

    noteMade: (numberId, made) => merge('numbers', numberId, made),
    noteDeskMade: (deskId, made) => merge('desks', deskId, made),

    async saveReadings(numberId, readings) {
      await knex('numbers')
        .where({ id: numberId })
        .update({
          time_zone_id: readings.timeZoneId,
          time_zone: readings.timeZone,
          quality: readings.quality,
          messaging_limit: readings.messagingLimit,
          on_business_app: readings.onBusinessApp,
          account_events: readings.accountEvents,
          status: readings.status ?? null,
          can_send: readings.canSend ?? null,
          health_codes: [...(readings.healthCodes ?? [])],
          facts_read_at: knex.fn.now()
        })
    },

    async readReadings(numberId) {
      const row = (await knex('numbers').where({ id: numberId }).first()) as Record<string, unknown> | undefined
      if (row === undefined) return null
      return {
        timeZoneId: row['time_zone_id'] as string | null,
        timeZone: row['time_zone'] as string | null,
        quality: row['quality'] as string | null,
        messagingLimit: row['messaging_limit'] as string | null,
        onBusinessApp: row['on_business_app'] as boolean,
        accountEvents: (row['account_events'] ?? 'poll') as 'webhook' | 'poll',
        readAt: row['facts_read_at'] as Date | null
      }
    },

    async accept(acceptance) {
      await knex('acceptances').insert({
        phone_number_id: acceptance.phoneNumberId,
        terms: acceptance.terms,
        links: JSON.stringify(acceptance.links),
        how: acceptance.how,
        desk_url: acceptance.deskUrl,
        desk_user_id: acceptance.deskUserId,
        system_user_id: acceptance.systemUser
      })
    },

    async proveFor(numberId, addresses) {
      await knex('numbers')
        .where({ id: numberId })
        .whereRaw('proofs_of is distinct from ?', [addresses])
        .update({ ...forgottenProofs(knex), proofs_of: addresses })
    },

    async openReach() {
      const code = randomUUID()
      await knex('reach_probes').whereRaw("made_at < now() - interval '1 hour'").delete()
      await knex('reach_probes').insert({ code })
      return code
    },

    async wasReached(code) {
      const row = await knex('reach_probes').where({ code }).whereNotNull('reached_at').first('code')
      return row !== undefined
    },

    async lastHookAt(numberId) {
      const row = (await knex('numbers').where({ id: numberId }).first(knex.raw('last_hook_at::text as at'))) as
        | { at: string | null }
        | undefined
      return row?.at ?? null
    },

    async heardProbe(numberId, probe) {
      const row = await knex('numbers').where({ id: numberId, hook_probe: probe }).first('id')
      return row !== undefined
    },

    async readProof(numberId) {
      // What people wrote proves as much as a probe does; raw events are dropped by the day, so it is kept once seen.
      const answer = (await knex.raw(
        `update numbers n set
           inbound_proven_at = coalesce(n.inbound_proven_at, (select now() where exists
             (select 1 from events e where e.number_id = n.id and e.kind = 'message' and e.state in (0, 1)
               and (n.proofs_from is null or e.received_at >= n.proofs_from)))),
           answer_proven_at = coalesce(n.answer_proven_at, (select now() where exists
             (select 1 from parts p join receipts r on r.number_id = p.number_id and r.wamid = p.wamid
              where p.number_id = n.id and r.rank > 0 and (n.proofs_from is null or p.attempt_at >= n.proofs_from))))
         where n.id = ? returning hook_proven_at, inbound_proven_at, answer_proven_at`,
        [numberId]
      )) as { rows: Record<string, Date | null>[] }
      const row = answer.rows[0]
      const proof = {
        hook: row?.['hook_proven_at'] ?? null,
        inbound: row?.['inbound_proven_at'] ?? null,
        answer: row?.['answer_proven_at'] ?? null
      }
      return { ...proof, proven: proof.hook !== null && proof.inbound !== null && proof.answer !== null }
    },

    async readAnswer(numberId, messageId) {
      const answer = (await knex.raw(
        `select d.state, d.told, max(r.rank)::int as rank from deliveries d
         left join parts p on p.number_id = d.number_id and p.message_id = d.message_id
         left join receipts r on r.number_id = p.number_id and r.wamid = p.wamid
         where d.number_id = ? and d.message_id = ? group by 1, 2`,
        [numberId, messageId]
      )) as { rows: { state: string; told: string; rank: number | null }[] }
      return answer.rows[0] ?? null
    },

    async countWaiting(numberId) {
      const answer = (await knex.raw('select count(*)::int as n from events where state = 0 and number_id = ?', [
        numberId
      ])) as { rows: { n: number }[] }
      return answer.rows[0]!.n
    },

    async forgetSecrets(numberId) {
      const gone = {
        token_sealed: vault.sealText(GONE, 'number token'),
        token_hint: '',
        app_secrets_sealed: vault.sealText('[]', 'app secrets'),
        verify_token_sealed: vault.sealText(GONE, 'verify token'),
        hook_secret_sealed: null
      }
      await knex('numbers').where({ id: numberId }).whereNotNull('disconnected_at').update(gone)
      await knex('desks')
        .whereIn('id', knex('numbers').select('desk_id').where({ id: numberId }))
        .whereNotExists(
          knex('numbers').select(knex.raw('1')).whereRaw('numbers.desk_id = desks.id').whereNull('disconnected_at')
        )
        .update({ token_sealed: vault.sealText(GONE, 'desk token'), token_hint: '' })
    },

    async countProcesses() {
      const answer = (await knex.raw(
        `select count(*)::int as n from processes where seen_at > now() - interval '15 seconds'`
      )) as { rows: { n: number }[] }
      return answer.rows[0]!.n
    }
  }
}
