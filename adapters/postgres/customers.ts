/**
 * Who is this: from alias keys to customer and lanes, by memory first, then in one query for a whole batch. Aliases
 * are kept as keyed hashes, the ids themselves sealed, so that the tables tell nobody's number.
 */
import type pg from 'pg'
import type { CustomerIds } from '../../plugin/core/model.ts'
import type { Identity } from '../../plugin/core/ports/store.ts'

export interface Resolved {
  customerId: number
  laneIn: number
  laneOut: number
}

export interface Customers {
  resolve(wanted: { numberId: number; identity: Identity }[]): Promise<Resolved[]>
  /** Ids as sealed bytes for the customers table. */
  sealIds(ids: CustomerIds): Buffer
  openIds(sealed: Buffer): CustomerIds
  /** Whether an alias belongs to somebody already. */
  knows(deskId: number, alias: string): Promise<boolean>
  forget(): void
}

export interface CustomerVault {
  seal(plain: Buffer, context: string): Buffer
  open(sealed: Buffer, context: string): Buffer
  hash(text: string): Buffer
}

const REMEMBERED = 50_000
/** Ids are opened with each lane: as many as write within some minutes of a crowd. */
const OPENED = 20_000

export function createCustomers(pool: pg.Pool, vault: CustomerVault): Customers {
  const known = new Map<string, Resolved>()
  const seen = new Map<string, true>()
  /** As JSON, by their sealed bytes: whoever gets them may change his own. */
  const opened = new Map<string, string>()

  const remember = <T>(map: Map<string, T>, key: string, value: T, most = REMEMBERED): void => {
    map.set(key, value)
    if (map.size > most) map.delete(map.keys().next().value as string)
  }
  const open = (sealed: Buffer): string => {
    const key = sealed.toString('latin1')
    const known = opened.get(key)
    if (known !== undefined) return known
    const text = vault.open(sealed, 'ids').toString()
    remember(opened, key, text, OPENED)
    return text
  }
  const keyOf = (numberId: number, identity: Identity): string => `${numberId} ${identity.aliases.join(' ')}`
  const sealIds = (ids: CustomerIds): Buffer => vault.seal(Buffer.from(JSON.stringify(ids)), 'ids')

  return {
    sealIds,
    openIds: sealed => JSON.parse(open(sealed)) as CustomerIds,

    async resolve(wanted) {
      const answers: (Resolved | undefined)[] = wanted.map(({ numberId, identity }) =>
        known.get(keyOf(numberId, identity))
      )
      const missing = new Map<string, number[]>()
      for (const [index, answer] of answers.entries()) {
        if (answer !== undefined) continue
        const { numberId, identity } = wanted[index]!
        const key = keyOf(numberId, identity)
        const same = missing.get(key)
        if (same === undefined) missing.set(key, [index])
        else same.push(index)
      }
      if (missing.size > 0) {
        const firsts = [...missing.values()].map(indexes => indexes[0]!)
        const aliasIndex: number[] = []
        const aliasHash: Buffer[] = []
        for (const [position, index] of firsts.entries()) {
          for (const alias of wanted[index]!.identity.aliases) {
            aliasIndex.push(position)
            aliasHash.push(vault.hash(alias))
          }
        }
        const answer = await pool.query({
          name: 'resolve',
          text: 'select * from resolve_customers($1, $2, $3, $4, $5, $6)',
          values: [
            firsts.map((_, position) => position),
            firsts.map(index => wanted[index]!.numberId),
            firsts.map(index => wanted[index]!.identity.deskId),
            firsts.map(index => sealIds(wanted[index]!.identity.ids)),
            aliasIndex,
            aliasHash
          ]
        })
        const keys = [...missing.keys()]
        for (const row of answer.rows as { i: number; customer: number; lane_in: number; lane_out: number }[]) {
          const resolved = { customerId: row.customer, laneIn: row.lane_in, laneOut: row.lane_out }
          const key = keys[row.i]!
          remember(known, key, resolved)
          for (const index of missing.get(key)!) answers[index] = resolved
        }
      }
      return answers as Resolved[]
    },

    async knows(deskId, alias) {
      if (seen.has(`${deskId} ${alias}`)) return true
      const answer = await pool.query({
        name: 'alias_known',
        text: 'select 1 from aliases where desk_id = $1 and hash = $2',
        values: [deskId, vault.hash(alias)]
      })
      if (answer.rowCount === 0) return false
      remember(seen, `${deskId} ${alias}`, true)
      return true
    },

    forget() {
      known.clear()
      seen.clear()
      opened.clear()
    }
  }
}
