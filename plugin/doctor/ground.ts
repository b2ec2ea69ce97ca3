/** What Puente stands on: its processes, PostgreSQL, disk, Redis, the address under which others reach it. */
import { statfs } from 'node:fs/promises'
import { openClient, waitUntilReady } from '../../adapters/jobs/redis-clients.ts'
import type { Database } from '../../adapters/postgres/database.ts'
import { type Finding, namer } from './finding.ts'

const MIB = 1024 * 1024
/** Temporary media, WAL and the embedded database need room; below the lower one webhooks are refused soon. */
const DISK_WARN_BYTES = 1024 * MIB
const DISK_FAIL_BYTES = 200 * MIB
/** Signatures older than 300 s are not obeyed. */
export const CLOCK_WARN_MS = 30_000
export const CLOCK_FAIL_MS = 240_000

export async function checkProcesses(database: Database): Promise<Finding[]> {
  const { ok, fail } = namer('Puente')
  const answer = await database.work.query(
    `select count(*)::int as n from processes where seen_at > now() - interval '15 seconds'`
  )
  const { n } = answer.rows[0] as { n: number }
  return n === 0
    ? [fail('puente.running', 'No Puente is running on this database.', 'Start it: puente start.')]
    : [ok('puente.running', n === 1 ? 'Puente is running.' : `${n} processes of Puente are running.`)]
}

export async function checkDatabaseState(database: Database, now: () => Date): Promise<Finding[]> {
  const { ok, warn, fail } = namer('PostgreSQL')
  const before = now().getTime()
  const answer = await database.work.query(
    `select s.fsync, s.full_pages, s.commits, current_setting('synchronous_commit') as ours,
       extract(epoch from clock_timestamp()) * 1000 as now_ms, pg_database_size(current_database())::float8 as bytes,
       current_setting('max_connections')::int as most,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used
     from (select
       (select setting from pg_settings where name = 'fsync') as fsync,
       (select setting from pg_settings where name = 'full_page_writes') as full_pages,
       (select reset_val from pg_settings where name = 'synchronous_commit') as commits) s`
  )
  const after = now().getTime()
  const row = answer.rows[0] as Record<'fsync' | 'full_pages' | 'commits' | 'ours', string> &
    Record<'now_ms' | 'bytes' | 'most' | 'used', number>
  const findings: Finding[] = []
  if (row.fsync !== 'on')
    findings.push(
      fail(
        'database.fsync',
        'PostgreSQL runs with fsync off: a power cut would lose messages that were acknowledged.',
        'Set fsync = on and restart PostgreSQL.'
      )
    )
  else findings.push(ok('database.fsync', 'PostgreSQL writes its commits to disk.'))
  if (row.ours === 'off')
    findings.push(
      fail(
        'database.synchronous_commit',
        'synchronous_commit stays off although Puente turns it on for itself; a pooler may drop the setting.',
        'Set synchronous_commit = on for this database, or let Puente connect without the pooler.'
      )
    )
  else findings.push(ok('database.synchronous_commit', 'Commits are on disk before they are acknowledged.'))
  if (row.full_pages !== 'on')
    findings.push(
      warn(
        'database.full_page_writes',
        'full_page_writes is off; that is safe only on storage that never tears a page.',
        'Set full_page_writes = on unless the file system guarantees it.'
      )
    )
  const free = row.most - row.used
  if (free < 5)
    findings.push(
      warn(
        'database.connections',
        `Only ${Math.max(0, free)} of ${row.most} connections of PostgreSQL are free.`,
        'Raise max_connections, or put a pooler before the other programs.'
      )
    )
  else findings.push(ok('database.connections', `${row.used} of ${row.most} connections are in use.`))
  findings.push(clockFinding('PostgreSQL', 'database.clock', Number(row.now_ms) - (before + after) / 2))
  findings.push(ok('database.size', `The database holds ${Math.round(row.bytes / MIB)} MB.`))
  return findings
}

/** How far another clock is ahead of ours, in a sentence. */
export function clockFinding(about: string, id: string, aheadMs: number): Finding {
  const { ok, warn, fail } = namer(about)
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  if (Math.abs(aheadMs) < CLOCK_WARN_MS) return ok(id, 'Its clock and ours agree.')
  const says = `Its clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours.`
  const remedy = 'Let both machines keep their time by NTP (timedatectl set-ntp true).'
  return Math.abs(aheadMs) < CLOCK_FAIL_MS
    ? warn(id, says, remedy)
    : fail(id, `${says} Signed hooks count as too old.`, remedy)
}

export async function checkDisk(folder: string): Promise<Finding[]> {
  const { ok, warn, fail } = namer('disk')
  try {
    const disk = await statfs(folder)
    const bytes = disk.bavail * disk.bsize
    const says = `${Math.round(bytes / MIB)} MB are free for data and temporary files.`
    const remedy = 'Make room on the disk of the data directory (PUENTE_DATA_DIR), or enlarge it.'
    if (bytes < DISK_FAIL_BYTES) return [fail('disk.free', `Only ${says}`, remedy)]
    return [bytes < DISK_WARN_BYTES ? warn('disk.free', `Only ${says}`, remedy) : ok('disk.free', says)]
  } catch {
    const remedy = 'Check that the data directory (PUENTE_DATA_DIR) exists and may be written.'
    return [fail('disk.free', 'The data directory cannot be read.', remedy)]
  }
}

export async function checkRedis(redisUrl: string | undefined): Promise<Finding[]> {
  const { ok, warn, unreachable } = namer('Redis')
  if (redisUrl === undefined) return [ok('redis.used', 'Redis is not used; jobs run in process.')]
  const client = openClient(redisUrl, 'producer', () => {})
  try {
    if (!(await waitUntilReady(client, 3_000)) || (await client.ping()) !== 'PONG') throw new Error('no answer')
    const policy = /maxmemory_policy:(\S+)/.exec(await client.info('memory').catch(() => ''))?.[1] ?? 'noeviction'
    if (policy !== 'noeviction')
      return [
        warn(
          'redis.used',
          `Redis may drop jobs when its memory is full (maxmemory-policy ${policy}).`,
          'Set maxmemory-policy noeviction. Nothing is lost meanwhile, only late.'
        )
      ]
    return [ok('redis.used', 'Redis answers.')]
  } catch {
    return [
      unreachable(
        'redis.used',
        'Redis does not answer. Work goes on by a slower sweep; nothing is lost.',
        'Start Redis, or check PUENTE_REDIS_URL.'
      )
    ]
  } finally {
    client.disconnect()
  }
}
