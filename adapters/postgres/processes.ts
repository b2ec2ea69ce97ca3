/**
 * Which processes share this database. Each derives its part of every ceiling from the sorted list of the living, so
 * the parts never add up to more than the whole: a newcomer counts for the others before it counts for itself. A beat
 * also tells PostgreSQL's time, and whether that has stepped back.
 */
import type pg from 'pg'

export interface Share {
  /** Position among the living, from 0. */
  index: number
  of: number
  /** False until the others have surely noticed us. */
  settled: boolean
}

export interface Beat {
  share: Share
  /** PostgreSQL's clock, milliseconds since 1970. */
  nowMs: number
  /** How far the newest beat of anybody lies in the future: PostgreSQL's clock has stepped back by at least that much. */
  steppedBackMs: number
}

export interface Processes {
  beat(): Promise<Beat>
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
        text: `with newest as (
            select max(seen_at) as at from processes
          ), me as (
            insert into processes (id) values ($1)
            on conflict (id) do update set seen_at = clock_timestamp() returning id, started_at
          ), alive as (
            select id, started_at from processes
              where seen_at > clock_timestamp() - make_interval(secs => ${livesSeconds}) and id <> $1
            union all select id, started_at from me
          )
          select id, extract(epoch from clock_timestamp() - started_at)::float8 as age,
            (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
            (select (extract(epoch from at - clock_timestamp()) * 1000)::float8 from newest) as ahead
          from alive order by started_at, id`,
        values: [id]
      })
      const rows = answer.rows as { id: string; age: number; now: number; ahead: number | null }[]
      const index = rows.findIndex(row => row.id === id)
      const settled = rows.length === 1 || rows[index]!.age > SETTLES_SECONDS * timeFactor
      return {
        share: { index, of: rows.length, settled },
        nowMs: rows[index]!.now,
        steppedBackMs: Math.max(0, rows[index]!.ahead ?? 0)
      }
    },
    async leave() {
      // No longer counted among the living; when it went is still of use for finding what was missed around then.
      await pool.query(
        `with old as (delete from processes where seen_at < clock_timestamp() - interval '24 hours' and id <> $1)
         update processes set seen_at = clock_timestamp() - make_interval(secs => ${livesSeconds}) where id = $1`,
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
