/**
 * Secrecy (I8): planted words, phone numbers, tokens and secrets must stand in no log line, in no metric and in no column
 * that is not sealed.
 */
import { PLANTED, PLANTED_WORDS } from './load.ts'
import type { World } from './world.ts'

/** Of very many numbers these, spread over all, are looked for in every row. */
const MOST_PHONES = 60

export async function findLeaks(world: World): Promise<string[]> {
  const config = await world.doors.config()
  const { phones } = world.load
  const step = Math.max(1, Math.floor(phones.length / MOST_PHONES))
  const some = phones.filter((_, index) => index % step === 0)
  const secrets: [string, string][] = [
    ['planted text', PLANTED],
    ...PLANTED_WORDS.map((word): [string, string] => ['planted text', word]),
    ['Graph token', config.graph.token],
    ['app secret', config.graph.appSecret],
    ['desk token', config.desk.adminToken],
    ...config.numbers.map((each: { whatsapp: { verifyToken: string } }) => ['verify token', each.whatsapp.verifyToken]),
    ...world.secrets.map((secret): [string, string] => ['app secret', secret])
  ]
  const leaks = new Set<string>()
  const metrics = await Promise.all(
    world.puentes.filter(each => each.isUp()).map(each => each.metrics().catch(() => ''))
  )
  const places: [string, string][] = [
    ['the log', world.log.join('')],
    ['the metrics', metrics.join('')]
  ]
  for (const [place, text] of places) {
    for (const [what, secret] of secrets) if (text.includes(secret)) leaks.add(`${what} in ${place}`)
    for (const phone of phones) if (text.includes(phone)) leaks.add(`phone number in ${place}`)
  }
  const sought = [...secrets, ...some.map((phone): [string, string] => ['phone number', phone])]
  const words = sought.flatMap(([, secret]) => [secret, Buffer.from(secret).toString('hex')])
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
    if (index >= 0) leaks.add(`${sought[Math.floor(index / 2)]![0]} in table ${name}`)
  }
  return [...leaks]
}
