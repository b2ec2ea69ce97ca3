/**
 * Opens the two pools: one for the acknowledging path, one for the work behind it, so that neither can starve the
 * other. Refuses a server that would lose commits. Leaves out every query.
 */
import createKnex, { type Knex } from 'knex'
import pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'

export interface Database {
  /** Migrations and the queries of setup, status and retention. */
  knex: Knex
  /** The acknowledging path. */
  intake: pg.Pool
  /** Lanes, attempts, outcomes. */
  work: pg.Pool
  /** What people look at (tab, REST): a slow one must not hold up messages. */
  people: pg.Pool
  /** A connection outside the pools, connected; whoever asks ends it. */
  connect(name: string): Promise<pg.Client>
  close(): Promise<void>
}

export interface DatabaseOptions {
  url: string
  /** A statement of the hot path that takes longer is given up (default 2000). */
  statementTimeoutMs?: number
  workConnections?: number
}

// Counts and ids of PostgreSQL's 8-byte kind stay far below 2^53 here.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/**
 * Everything on the paths of messages goes by an index. A plan that PostgreSQL made while a table was empty would read
 * it whole, until its statistics are next gathered.
 */
const BY_INDEX = ' -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off'

export function openDatabase(options: DatabaseOptions): Database {
  const pool = (name: string, max: number, statementTimeoutMs: number, planning = ''): pg.Pool => {
    const made = new pg.Pool({
      connectionString: options.url,
      max,
      application_name: `puente ${name}`,
      connectionTimeoutMillis: 2_000,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      statement_timeout: statementTimeoutMs,
      // A server that says nothing at all (frozen, cut off) is given up a moment later.
      query_timeout: statementTimeoutMs + 400,
      idle_in_transaction_session_timeout: 10_000,
      options: '-c synchronous_commit=on -c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan' + planning
    })
    // An idle connection that the server ends must not end the process; the next query opens another.
    made.on('error', () => {})
    return made
  }
  const intake = pool('intake', 3, options.statementTimeoutMs ?? 2_000, BY_INDEX)
  const work = pool('work', options.workConnections ?? 5, 10_000, BY_INDEX)
  const people = pool('people', 4, 10_000)
  const knex = createKnex({
    client: 'pg',
    connection: { connectionString: options.url, application_name: 'puente', connectionTimeoutMillis: 2_000 },
    pool: { min: 0, max: 4, idleTimeoutMillis: 30_000 },
    // What fails is thrown; knex would print it on stdout, which belongs to the commands.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} }
  })
  return {
    knex,
    intake,
    work,
    people,
    async connect(name) {
      const client = new pg.Client({
        connectionString: options.url,
        application_name: `puente ${name}`,
        connectionTimeoutMillis: 2_000,
        keepAlive: true
      })
      client.on('error', () => {})
      await client.connect()
      return client
    },
    async close() {
      await Promise.allSettled([intake.end(), work.end(), people.end(), knex.destroy()])
    }
  }
}

/**
 * Fails with `database_unavailable` or `database_unsafe`; answers what an operator should know, in sentences.
 * `synchronous_commit` may be off for others: Puente turns it on for its own sessions, and looks whether that worked
 * (some poolers drop it).
 */
export async function checkDatabase(database: Database, options: { allowUnsafe?: boolean } = {}): Promise<string[]> {
  let row: { fsync: string; full: string; commits: string; readonly: string; standby: boolean; version: number }
  let others: string
  try {
    const answer = await database.work.query(
      `select current_setting('fsync') as fsync, current_setting('full_page_writes') as full,
       current_setting('synchronous_commit') as commits, current_setting('transaction_read_only') as readonly, pg_is_in_recovery() as standby,
       current_setting('server_version_num')::int as version`
    )
    row = answer.rows[0]
    const plain = await database.knex.raw<{ rows: { commits: string }[] }>(
      `select current_setting('synchronous_commit') as commits`
    )
    others = plain.rows[0]!.commits
  } catch (error) {
    throw new PuenteError('database_unavailable', { cause: error })
  }
  if (row.version < 140_000) {
    throw new PuenteError('database_unsafe', {
      facts: { setting: 'server_version', got: row.version, wants: '14 or later' }
    })
  }
  if (row.standby || row.readonly === 'on') {
    throw new PuenteError('database_unsafe', {
      facts: { setting: 'read_only', got: 'on', wants: 'a writable primary' }
    })
  }
  if (options.allowUnsafe === true) return []
  if (row.fsync !== 'on') {
    throw new PuenteError('database_unsafe', { facts: { setting: 'fsync', got: row.fsync, wants: 'on' } })
  }
  if (row.commits === 'off') {
    throw new PuenteError('database_unsafe', {
      facts: { setting: 'synchronous_commit', got: row.commits, wants: 'on, also through a connection pooler' }
    })
  }
  const warnings: string[] = []
  if (others === 'off')
    warnings.push('synchronous_commit is off for this database; Puente turns it on for what it acknowledges')
  if (row.full !== 'on')
    warnings.push('full_page_writes is off; only on storage that never tears a page is that safe after a power cut')
  return warnings
}
