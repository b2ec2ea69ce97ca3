/**
 * L-rows: a backlog after an outage, and one customer who writes much more than all others. In the full run at their real
 * sizes; only times are shortened.
 */
import { slow } from './report.ts'
import { eventually, pause, type Scenario } from './scenario.ts'
import type { World } from './world.ts'

async function ackP99(world: World, from: number): Promise<number> {
  const hooks = (await world.doors.ledger('&side=graph&what=hook&name=message')).filter(entry => entry.n > from)
  const took = hooks.map(entry => entry.tookMs ?? 0).sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.99)] ?? 0
}

/** Customers speak in webhooks of many messages, as Meta sends them after an outage. */
async function sayMany(world: World, tag: string, phones: string[], each: number, batch: number): Promise<void> {
  for (let round = 0; round < each; round++) {
    for (let at = 0; at < phones.length; at += batch) {
      const some = phones.slice(at, at + batch)
      const tags = some.map((_, index) => `${tag}-b${round}x${at + index}`)
      const messages = some.map((phone, index) => ({
        customer: `+${phone}`,
        name: 'zqperson Smith',
        type: 'text',
        text: `[${tags[index]}] zqplanted`
      }))
      const said = (await world.doors.post('say', { messages, batch })) as { wamid: string }[]
      for (const [index, { wamid }] of said.entries())
        world.load.said.push({ wamid, tag: tags[index]!, phone: some[index]!, atMs: Date.now() })
    }
  }
}

/**
 * Rows as they lie there after messages were delivered: half of them events, the rest the map of ids and the usage. Copies
 * of one real message of each, so that they are what the product writes.
 */
async function addPast(world: World, rows: number): Promise<void> {
  await world.load.openChats('past', 1)
  const half = Math.floor(rows / 2)
  const quarter = Math.floor(rows / 4)
  const fill = (table: string, key: string, value: string, count: number, where = 'true'): Promise<unknown> =>
    world.query(
      `insert into ${table} overriding user value
         select (jsonb_populate_record(one.row, jsonb_build_object('${key}', ${value} || n))).*
           from (select t as row from ${table} t where ${where} limit 1) one, generate_series(1, ${count}) n`
    )
  await fill('events', 'key', "'m:past-'", half, "state = 1 and kind = 'message'")
  await fill('id_map', 'wamid', "'past-'", quarter)
  await fill('usage', 'wamid', "'past-'", quarter)
  await world.query('analyze')
  const [made] = await world.query<{ n: number }>(
    `select ((select count(*) from events) + (select count(*) from id_map) + (select count(*) from usage))::int as n`
  )
  if (made!.n < rows) throw new Error(`${made!.n} of ${rows} rows of the past were made`)
}

/** The judge would read them all. */
async function removePast(world: World): Promise<void> {
  await world.query(`delete from events where key like 'm:past-%'`)
}

const newPeople = (world: World, count: number): string[] => Array.from({ length: count }, () => world.load.newPhone())

function backlog(options: {
  people: number
  each: number
  /** Rows of earlier days that lie in the same tables. */
  past?: number
  quick?: boolean
  trueTimes?: boolean
}): Scenario {
  const { people, each, past = 0 } = options
  return {
    id: 'L1',
    fault: `a backlog of ${people * each} messages${past === 0 ? '' : ` beside ${past} rows of the past`}, Puente killed on it`,
    moment: `the desk comes back, customers go on writing${options.trueTimes === true ? ', true times' : ''}`,
    quick: options.quick,
    trueTimes: options.trueTimes,
    patienceMs: 420_000,
    allows: { uncertain: 'dead' },
    // The drain of 100,000 must stay within 256 MiB in all (R6).
    bounds: { growthMiB: 128 },
    async play(world, { quick }) {
      if (past > 0) await addPast(world, past)
      await world.doors.faults([{ on: 'call:desk', kind: 'status', status: 503 }])
      const phones = newPeople(world, people)
      await sayMany(world, 'backlog', phones, each, Math.min(250, people))
      await world.kill(world.puentes.at(-1)!)
      await world.start()
      await world.doors.faults([])
      const from = (await world.doors.ledger('&side=graph&what=effect&name=say')).at(-1)!.n
      for (let i = 0; i < 100; i++) await world.load.say('newest', phones[i % people]!)
      const p99 = await ackP99(world, from)
      await eventually(async () => {
        await pause(1_000)
        const [open] = await world.query<{ n: number }>('select count(*)::int as n from events where state = 0')
        return open!.n === 0
      }, 400_000)
      if (past > 0) await removePast(world)
      // The short run shares its machine with other worlds: only the outer bound counts there.
      return p99 > (quick ? 1_000 : 250)
        ? [slow(`99 % of acknowledgements took ${Math.round(p99)} ms on the backlog`)]
        : []
    }
  }
}

/**
 * The desk takes 150 rows a minute of one conversation, so that what a flood leaves would need an hour: what of it still
 * waits at the end must be stored and in order, and is then taken out of the world.
 */
function hotContact(options: { hot: number; others: number; quick?: boolean; trueTimes?: boolean }): Scenario {
  const { hot, others } = options
  return {
    id: 'L3',
    fault: `one customer sends ${hot} messages at once`,
    moment: `among ${others} others${options.trueTimes === true ? ', true times' : ''}`,
    quick: options.quick,
    trueTimes: options.trueTimes,
    patienceMs: 240_000,
    async play(world) {
      const calm = newPeople(world, others)
      const alone = newPeople(world, others)
      const latencies = async (tag: string): Promise<number[]> => {
        const shown = new Map<string, number>()
        for (const entry of await world.doors.ledger('&side=desk&what=effect&name=message'))
          shown.set(String(entry.ids['sourceId']), entry.at)
        const mine = world.load.said.filter(said => said.tag.startsWith(`${tag}-`))
        return mine.map(said => (shown.get(said.wamid) ?? Number.POSITIVE_INFINITY) - said.atMs).sort((a, b) => a - b)
      }
      const p99 = (took: number[]): number => took[Math.floor(took.length * 0.99)]!
      const speak = async (tag: string, phones: string[]): Promise<number> => {
        for (let at = 0; at < phones.length; at += 5) {
          await Promise.all(phones.slice(at, at + 5).map(phone => world.load.say(tag, phone)))
          await pause(20)
        }
        await eventually(async () => Number.isFinite((await latencies(tag)).at(-1)!), 60_000)
        return p99(await latencies(tag))
      }
      // The same people's traffic without the flood: what this machine can do right now.
      const before = await speak('alone', alone)
      const phone = world.load.newPhone()
      await sayMany(
        world,
        'hot',
        Array.from({ length: Math.min(hot, 250) }, () => phone),
        Math.ceil(hot / 250),
        250
      )
      const during = await speak('calm', calm)
      const wrong: string[] = []
      if (!(during < Math.max(1_000, 3 * before)))
        wrong.push(slow(`99 % of the others took ${Math.round(during)} ms, ${Math.round(before)} ms without the flood`))
      wrong.push(...(await takeOutWaiting(world, hot)))
      return wrong
    }
  }
}

async function takeOutWaiting(world: World, hot: number): Promise<string[]> {
  if (hot <= 120) return []
  for (const puente of world.puentes.filter(each => each.isUp())) await world.kill(puente)
  const waiting = await world.query<{ key: string }>(
    `delete from events where state = 0 and attempt_at is null and key = any ($1::text[]) returning key`,
    [world.load.said.filter(said => said.tag.startsWith('hot-')).map(said => `m:${said.wamid}`)]
  )
  const gone = new Set(waiting.map(row => row.key))
  const kept = world.load.said.filter(said => !gone.has(`m:${said.wamid}`))
  world.load.said.splice(0, world.load.said.length, ...kept)
  const left = kept.filter(said => said.tag.startsWith('hot-')).length
  process.stdout.write(`          ${left} of ${hot} of the hot customer were delivered, ${gone.size} waited in order\n`)
  await world.start()
  return left + gone.size >= hot ? [] : [`${hot - left - gone.size} messages of the hot customer were not stored`]
}

export const LOAD_ROWS: Scenario[] = [
  backlog({ people: 100, each: 5, quick: true }),
  backlog({ people: 2_000, each: 50 }),
  backlog({ people: 200, each: 10, past: 1_000_000 }),
  backlog({ people: 400, each: 5, trueTimes: true }),
  hotContact({ hot: 100, others: 60, quick: true }),
  hotContact({ hot: 10_000, others: 1_000 })
]
