/**
 * Which processes share this database. Each derives its part of every ceiling from the sorted list of the living, so
 * the parts never add up to more than the whole: a newcomer counts for the others before it counts for itself.
 */
import type pg from 'pg'

export interface Share {
  /** Position among the living, from 0. */
  index: number
  of: number
  /** False until the others have surely noticed us. */
  settled: boolean
}

export interface Processes {
  beat(): Promise<Share>
  leave(): Promise<void>
}

const LIVES_SECONDS = 15
/** The others beat every two seconds; after three beats all have seen us. */
const SETTLES_SECONDS = 6

/** @param timeFactor shortens the times of this file for proofs, as it does all others */
export function createProcesses(pool: pg.Pool, id: string, timeFactor = 1): Processes {
  const livesSeconds = LIVES_SECONDS * timeFactor
  return {
    async beat() {
      const answer = await pool.query({
        name: 'process_beat',
        text: `with me as (
            insert into processes (id) values ($1) on conflict (id) do update set seen_at = now() returning id, started_at
          ), alive as (
            select id, started_at from processes where seen_at > now() - make_interval(secs => ${livesSeconds}) and id <> $1
            union all select id, started_at from me
          )
          select id, extract(epoch from now() - started_at)::float8 as age from alive order by started_at, id`,
        values: [id]
      })
      const rows = answer.rows as { id: string; age: number }[]
      const index = rows.findIndex(row => row.id === id)
      return { index, of: rows.length, settled: rows.length === 1 || rows[index]!.age > SETTLES_SECONDS * timeFactor }
    },
    async leave() {
      // No longer counted among the living; when it went is still of use for finding what was missed around then.
      await pool.query(
        `with old as (delete from processes where seen_at < now() - interval '24 hours' and id <> $1)
         update processes set seen_at = now() - make_interval(secs => ${livesSeconds}) where id = $1`,
        [id]
      )
    }
  }
}

/** This process's part of a ceiling; the parts of all living processes add up to it exactly. */
export function partOf(ceiling: number, share: Share): number {
  if (!share.settled) return 0
  return Math.floor(ceiling / share.of) + (share.index < ceiling % share.of ? 1 : 0)
}
