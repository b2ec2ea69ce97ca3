/** For tests of the embedded PostgreSQL: a directory that its user can reach, and a quick query. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Teardown } from './postgres.ts'

/** A directory that the server's user can reach, whatever the permissions of the checkout are. */
export async function openDir(t: Teardown, mode = 0o755): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'puente-embedded-'))
  await chmod(path, mode)
  t.teardown(() => {
    for (const place of placesBelow(path)) rmSync(place, { recursive: true, force: true })
    rmSync(path, { recursive: true, force: true })
  })
  return path
}

function placesBelow(path: string): string[] {
  return readdirSync(path)
    .map(name => join(path, name, 'place'))
    .filter(file => existsSync(file))
    .map(file => readFileSync(file, 'utf8').trim())
    .filter(place => place.startsWith('/var/') || place.startsWith(tmpdir()))
}

export async function queryOnce(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
