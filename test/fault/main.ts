/**
 * `npm run fault [-- --json FILE --seed N --quick --only ID]`: breaks everything that can break and has the ledgers
 * judge. Prints a row each, the seed first; exit code 1 when a row does not hold.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { type Direction, listMoments, listUnreadable } from './breakpoints.ts'
import { type FaultDatabase, startDatabase } from './database.ts'
import { translatePrograms, usePrograms } from './programs.ts'
import { failedRow, printRow, type Row } from './report.ts'
import { CLOCK_ROWS } from './rows-clock.ts'
import { CRASH_ROWS, SHARED_ROW } from './rows-crash.ts'
import { DESK_ROWS } from './rows-desk.ts'
import { DUPLICATE_ROWS } from './rows-duplicates.ts'
import { FETCH_ROWS } from './rows-fetch.ts'
import { GRAPH_ROWS } from './rows-graph.ts'
import { HOSTILE_ROWS } from './rows-hostile.ts'
import { type KillOptions, runKillChain } from './rows-kill.ts'
import { LOAD_ROWS } from './rows-load.ts'
import { POSTGRES_ROWS } from './rows-postgres.ts'
import { REDIS_ROWS } from './rows-redis.ts'
import { SECRET_ROWS } from './rows-secrets.ts'
import { SETTING_ROWS } from './rows-settings.ts'
import { UPGRADE_ROWS } from './rows-upgrade.ts'
import { runScenario, type Scenario } from './scenario.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seed: { type: 'string' },
    quick: { type: 'boolean', default: false },
    /** Rows whose id or moment matches, and breakpoints (`kill talk.queued`), for working on one of them. */
    only: { type: 'string' },
    factor: { type: 'string' }
  }
})
const quick = values.quick
const seed = values.seed === undefined ? 1 + Math.floor(Math.random() * 1_000_000) : Number(values.seed)
const only = values.only === undefined ? undefined : new RegExp(values.only)
const timeFactor = Number(values.factor ?? (quick ? 0.05 : 0.1))
// Before the run, which takes most of an hour: afterwards would be late for a folder that is missing.
if (values.json !== undefined) mkdirSync(dirname(values.json), { recursive: true })
if (!Number.isInteger(seed) || !(timeFactor > 0)) {
  process.stderr.write('--seed wants a whole number, --factor a number above 0\n')
  process.exit(2)
}

const ALL: Scenario[] = [
  // The longest first, so that none of them is the last one at work.
  ...UPGRADE_ROWS,
  ...CLOCK_ROWS,
  SHARED_ROW,
  ...CRASH_ROWS,
  ...REDIS_ROWS,
  ...POSTGRES_ROWS,
  ...DESK_ROWS,
  ...GRAPH_ROWS,
  ...DUPLICATE_ROWS,
  ...HOSTILE_ROWS,
  ...SECRET_ROWS,
  ...FETCH_ROWS,
  ...LOAD_ROWS,
  ...SETTING_ROWS
]

const startedMs = performance.now()
process.stdout.write(`fault run, seed ${seed}, times × ${timeFactor}${quick ? ', short' : ''}\n`)
const unreadable = listUnreadable()
process.stdout.write(`${listMoments().length} breakpoints by direction\n`)
for (const place of unreadable)
  process.stdout.write(`BREAKS  C   a breakpoint whose name cannot be read from the source: ${place}\n`)

const rows: Row[] = []
const add = (row: Row): void => {
  rows.push(row)
  printRow(row)
}
const scenarios = ALL.filter(
  each =>
    (!quick || each.quick === true) && (only === undefined || only.test(`${each.id} ${each.fault} ${each.moment}`))
)
/** Worlds side by side besides the kill chains in the short run: rows mostly wait for something. */
const SIDE_BY_SIDE = 2

async function work(on: FaultDatabase, list: Scenario[]): Promise<void> {
  for (let each = list.shift(); each !== undefined; each = list.shift())
    add(await runScenario(on, each, { seed, quick, timeFactor }))
}

async function killChains(on: FaultDatabase): Promise<void> {
  const moments = listMoments().filter(each => only === undefined || only.test(`${each.row} kill ${each.name}`))
  if (moments.length === 0) return
  const names = new Set(moments.map(each => each.name))
  const options = { seed, timeFactor, runs: quick ? 1 : 3, processes: 1, patienceMs: 90_000, names }
  const chain = async (direction: Direction, given: KillOptions): Promise<void> => {
    if (!moments.some(each => each.direction === direction)) return
    const failed = (error: unknown): Row[] => [failedRow({ id: 'C', fault: 'SIGKILL', moment: direction }, error, 0)]
    for (const row of await runKillChain(on, direction, given).catch(failed)) add(row)
  }
  await Promise.all([chain('in', options), chain('out', options)])
  if (quick) return
  for (const direction of ['in', 'out'] as const) await chain(direction, { ...options, runs: 1, processes: 2 })
}

const programs = translatePrograms()
usePrograms(programs)
// Rows that stop, delay or cut PostgreSQL have a server that nobody else needs.
const isLonely = (each: Scenario): boolean => each.alone === true
const [database, lonely] = await Promise.all([
  startDatabase(),
  scenarios.some(isLonely) ? startDatabase() : Promise.resolve(null)
])
const end = async (): Promise<void> => {
  await Promise.all([database.close(), lonely?.close()])
  programs.remove()
}
// Puente and the sandbox end with this process; PostgreSQL outlives everybody, so it is stopped here.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write(`stopped by ${signal}\n`)
    void end().finally(() => process.exit(1))
  })
}
try {
  const shared = scenarios.filter(each => !isLonely(each))
  const alone = scenarios.filter(isLonely)
  if (quick) {
    const pool = Array.from({ length: SIDE_BY_SIDE }, () => work(database, shared))
    // When the kills are done, their place is free for rows.
    const kills = killChains(database).then(() => work(database, shared))
    await Promise.all([kills, ...pool, ...(lonely === null ? [] : [work(lonely, alone)])])
  } else {
    await killChains(database)
    await work(database, shared)
    if (lonely !== null) await work(lonely, alone)
  }
} finally {
  await end()
}

const red = rows.filter(row => row.holds === false)
const idle = rows.filter(row => row.holds === null).length
// Once more at the end: whoever reads only that must see them.
if (rows.length > 1) for (const row of red) printRow(row)
process.stdout.write(
  `${rows.length - red.length - idle} of ${rows.length} rows hold${idle === 0 ? '' : `, ${idle} not run`}, ${Math.round((performance.now() - startedMs) / 1000)} s, seed ${seed}\n`
)
if (values.json !== undefined)
  writeFileSync(values.json, JSON.stringify({ seed, timeFactor, quick, only: values.only ?? null, rows }, null, 2))
// Whatever a broken row left behind must not keep the run alive.
process.exit(red.length > 0 || unreadable.length > 0 || rows.length === 0 ? 1 : 0)
