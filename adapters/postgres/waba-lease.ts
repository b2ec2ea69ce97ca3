/** The lease by which one process at a time renews what is kept of a WABA. Times are PostgreSQL's own. */
import type pg from 'pg'

/** Tables with `waba_id`, `due_at`, `started_at`, `owner` and `lease_until`. */
type LeaseTable = 'template_accounts' | 'rate_accounts' | 'number_accounts'

/** Those of the given WABAs that are due, now leased to `owner` for `leaseMs`; nobody else gets them. */
export type ClaimWabas = (wabaIds: readonly string[], owner: string, leaseMs: number) => Promise<string[]>

export function createClaim(pool: pg.Pool, table: LeaseTable): ClaimWabas {
  const known = new Set<string>()

  /** Each process once per WABA: afterwards a claim is a single update. */
  const addAccounts = async (wabaIds: readonly string[]): Promise<void> => {
    const fresh = wabaIds.filter(id => !known.has(id))
    if (fresh.length === 0) return
    await pool.query({
      name: `${table}_add`,
      text: `insert into ${table} (waba_id) select unnest($1::text[]) on conflict do nothing`,
      values: [fresh]
    })
    for (const id of fresh) known.add(id)
  }

  return async (wabaIds, owner, leaseMs) => {
    if (wabaIds.length === 0) return []
    await addAccounts(wabaIds)
    const answer = await pool.query({
      name: `${table}_claim`,
      text: `update ${table} set owner = $2, started_at = clock_timestamp(),
          lease_until = clock_timestamp() + make_interval(secs => $3 / 1000.0)
        where waba_id = any ($1::text[]) and due_at <= clock_timestamp()
          and (lease_until is null or lease_until < clock_timestamp())
        returning waba_id`,
      values: [wabaIds, owner, leaseMs]
    })
    return (answer.rows as { waba_id: string }[]).map(row => row.waba_id)
  }
}
