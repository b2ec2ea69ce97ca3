/** Secrecy (I8): planted words, phone numbers and tokens must stand in no log line and in no column that is not sealed. */
import { PLANTED } from './load.ts'
import type { World } from './world.ts'

export async function findLeaks(world: World): Promise<string[]> {
  const config = await world.doors.config()
  const secrets: [string, string][] = [
    ['planted text', PLANTED],
    ['Graph token', config.graph.token],
    ['app secret', config.graph.appSecret],
    ['desk token', config.desk.adminToken],
    ...world.load.phones.slice(0, 50).map((phone): [string, string] => ['phone number', phone])
  ]
  const leaks = new Set<string>()
  const log = world.log.join('')
  for (const [what, secret] of secrets) if (log.includes(secret)) leaks.add(`${what} in the log`)
  const words = secrets.flatMap(([, secret]) => [secret, Buffer.from(secret).toString('hex')])
  const tables = await world.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition`
  )
  for (const { name } of tables) {
    const found = await world.query<{ word: string }>(
      `select w as word from unnest($1::text[]) w where exists (select 1 from "${name}" x where strpos(x::text, w) > 0) limit 1`,
      [words]
    )
    const index = found.length === 0 ? -1 : words.indexOf(found[0]!.word)
    if (index >= 0) leaks.add(`${secrets[Math.floor(index / 2)]![0]} in table ${name}`)
  }
  return [...leaks]
}
