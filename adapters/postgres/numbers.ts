/** Desks and numbers: their settings in clear, their secrets sealed. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import type { DeskRecord, NumberRecord, Numbers } from '../../plugin/core/ports/store.ts'

export interface SecretSealer {
  sealText(text: string, context: string): string
  openText(sealed: string, context: string): string
}

/** What was proven of a number before now no longer counts. */
export function forgottenProofs(knex: Knex): Record<string, unknown> {
  return {
    hook_probe: null,
    hook_proven_at: null,
    inbound_proven_at: null,
    answer_proven_at: null,
    last_hook_at: null,
    proofs_from: knex.raw('clock_timestamp()')
  }
}

interface DeskRow {
  id: number
  url: string
  account_id: number
  token_sealed: string
  token_hint: string
  sandbox: boolean
  pace_limit: number
  paused_code: string | null
  version: string | null
  role: string | null
}

interface NumberRow {
  id: number
  desk_id: number
  phone_number_id: string
  waba_id: string
  app_id: string | null
  display_phone_number: string
  verified_name: string | null
  inbox_id: number
  inbox_key: string
  hook_secret_sealed: string | null
  token_sealed: string
  token_hint: string
  app_secrets_sealed: string
  verify_token_sealed: string
  graph_url: string
  graph_version: string
  policy: Record<string, unknown>
  locale: string
  throughput_per_second: number
  sandbox: boolean
  connected_at: Date
  paused_code: string | null
  changed_cursor: Date
  hook_url: string | null
  inbox_trouble: string[]
}

/** A `disconnect` that was killed halfway holds nothing up for longer; its calls all have time-outs of seconds. */
const LEAVING_MS = 10 * 60_000

export function createNumbers(knex: Knex, vault: SecretSealer): Numbers {
  const toDesk = (row: DeskRow): DeskRecord => ({
    id: row.id,
    url: row.url,
    accountId: row.account_id,
    token: vault.openText(row.token_sealed, 'desk token'),
    tokenHint: row.token_hint,
    sandbox: row.sandbox,
    paceLimit: row.pace_limit,
    pausedCode: row.paused_code,
    version: row.version,
    role: row.role
  })
  const toNumber = (row: NumberRow): NumberRecord => ({
    id: row.id,
    deskId: row.desk_id,
    phoneNumberId: row.phone_number_id,
    wabaId: row.waba_id,
    appId: row.app_id,
    displayPhoneNumber: row.display_phone_number,
    verifiedName: row.verified_name,
    inboxId: row.inbox_id,
    inboxKey: row.inbox_key,
    hookSecret: row.hook_secret_sealed === null ? null : vault.openText(row.hook_secret_sealed, 'hook secret'),
    token: vault.openText(row.token_sealed, 'number token'),
    tokenHint: row.token_hint,
    appSecrets: JSON.parse(vault.openText(row.app_secrets_sealed, 'app secrets')) as string[],
    verifyToken: vault.openText(row.verify_token_sealed, 'verify token'),
    graphUrl: row.graph_url,
    graphVersion: row.graph_version,
    policy: row.policy,
    locale: row.locale,
    throughputPerSecond: row.throughput_per_second,
    sandbox: row.sandbox,
    connectedAt: row.connected_at,
    pausedCode: row.paused_code,
    changedCursor: row.changed_cursor,
    hookUrl: row.hook_url,
    inboxTrouble: row.inbox_trouble
  })

  return {
    async installation() {
      const read = () => knex('installation').first<{ id: string; alias_key_sealed: string } | undefined>('*')
      let known = await read()
      if (known === undefined) {
        const row = {
          id: randomUUID(),
          alias_key_sealed: vault.sealText(randomBytes(32).toString('base64'), 'alias key')
        }
        // Two processes may start at once: the first row stays.
        await knex.raw(
          'insert into installation (id, alias_key_sealed) select ?, ? where not exists (select 1 from installation)',
          [row.id, row.alias_key_sealed]
        )
        known = (await read())!
      }
      return { id: known.id, aliasKey: Buffer.from(vault.openText(known.alias_key_sealed, 'alias key'), 'base64') }
    },

    async list() {
      const [desks, numbers] = await Promise.all([
        knex('desks').select<DeskRow[]>('*').orderBy('id'),
        knex('numbers').whereNull('disconnected_at').select<NumberRow[]>('*').orderBy('id')
      ])
      return { desks: desks.map(toDesk), numbers: numbers.map(toNumber) }
    },

    async saveDesk(desk) {
      const values = {
        url: desk.url,
        account_id: desk.accountId,
        token_sealed: vault.sealText(desk.token, 'desk token'),
        token_hint: desk.token.slice(-4),
        sandbox: desk.sandbox,
        paused_code: null,
        paused_at: null,
        // Another token may be another person's.
        role: null
      }
      const rows = await knex('desks')
        .insert(values)
        .onConflict(['url', 'account_id'])
        .merge(values)
        .returning<DeskRow[]>('*')
      return toDesk(rows[0]!)
    },

    async saveNumber(number) {
      const values = {
        desk_id: number.deskId,
        phone_number_id: number.phoneNumberId,
        waba_id: number.wabaId,
        app_id: number.appId,
        display_phone_number: number.displayPhoneNumber,
        verified_name: number.verifiedName,
        inbox_id: number.inboxId,
        inbox_key: number.inboxKey,
        hook_secret_sealed: number.hookSecret === null ? null : vault.sealText(number.hookSecret, 'hook secret'),
        token_sealed: vault.sealText(number.token, 'number token'),
        token_hint: number.token.slice(-4),
        app_secrets_sealed: vault.sealText(JSON.stringify(number.appSecrets), 'app secrets'),
        verify_token_sealed: vault.sealText(number.verifyToken, 'verify token'),
        graph_url: number.graphUrl,
        graph_version: number.graphVersion,
        policy: JSON.stringify(number.policy),
        locale: number.locale,
        throughput_per_second: number.throughputPerSecond,
        sandbox: number.sandbox,
        paused_code: null,
        paused_at: null,
        hook_url: null,
        inbox_trouble: [],
        disconnected_at: null
      }
      const rows = await knex('numbers')
        .insert(values)
        .onConflict('phone_number_id')
        .merge(values)
        .returning<NumberRow[]>('*')
      return toNumber(rows[0]!)
    },

    async pauseDesk(deskId, code) {
      await knex('desks')
        .where({ id: deskId })
        .update({ paused_code: code, paused_at: code === null ? null : knex.fn.now() })
    },

    async pauseNumber(numberId, code, facts) {
      await knex('numbers')
        .where({ id: numberId })
        .update({
          paused_code: code,
          paused_at: code === null ? null : knex.fn.now(),
          paused_facts: facts === undefined ? null : JSON.stringify(facts)
        })
    },

    async isStaying(numberId) {
      const row = await knex('numbers').where({ id: numberId }).first('disconnected_at', 'made')
      if (row === undefined || row.disconnected_at !== null) return false
      const { leaving } = row.made
      return leaving === undefined || Date.now() - Date.parse(leaving) > LEAVING_MS
    },

    async saveDeskFacts(deskId, facts) {
      await knex('desks')
        .where({ id: deskId })
        .update({ version: facts.version, role: facts.role, looked_at: knex.fn.now() })
    },

    async saveInbox(numberId, found) {
      await knex('numbers')
        .where({ id: numberId })
        .update({
          ...(found.hookUrl === undefined ? {} : { hook_url: found.hookUrl }),
          ...(found.trouble === undefined ? {} : { inbox_trouble: found.trouble }),
          ...(found.hookSecret === undefined
            ? {}
            : { hook_secret_sealed: vault.sealText(found.hookSecret, 'hook secret') })
        })
    },

    async noteHook(numberId) {
      await knex('numbers')
        .where({ id: numberId })
        .update({ last_hook_at: knex.fn.now(), hook_proven_at: knex.raw('coalesce(hook_proven_at, now())') })
    },

    async disconnect(numberId) {
      await knex('numbers')
        .where({ id: numberId })
        .update({ ...forgottenProofs(knex), proofs_of: null, disconnected_at: knex.fn.now() })
    },

    async savePace(deskId, limit) {
      await knex('desks').where({ id: deskId }).update({ pace_limit: limit })
    },

    async saveCursor(numberId, cursor) {
      await knex('numbers').where({ id: numberId }).update({ changed_cursor: cursor, reconciled_at: knex.fn.now() })
    },

    async noteReached(code) {
      await knex('reach_probes').where({ code, reached_at: null }).update({ reached_at: knex.fn.now() })
    },

    async moveDesk(deskId, url) {
      await knex('desks').where({ id: deskId }).update({ url })
    },

    async noteProbe(inboxKey, probe) {
      await knex('numbers')
        .where({ inbox_key: inboxKey })
        .update({ hook_probe: probe, hook_proven_at: knex.fn.now(), last_hook_at: knex.fn.now() })
    },

    async count(numberId, name, n) {
      await knex.raw(
        `insert into counters as c (day, number_id, name, n) values (current_date, ?, ?, ?)
         on conflict (day, number_id, name) do update set n = c.n + excluded.n`,
        [numberId, name, n]
      )
    }
  }
}
