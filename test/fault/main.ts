/**
 * `npm run fault [-- --json FILE --seed N --quick --only ID]`: breaks everything that can break and has the ledgers
 * judge. Prints a row each, the seed first; exit code 1 when a row does not hold.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { countUnnamedBreakpoints, listMoments } from './breakpoints.ts'
import { startDatabase } from './database.ts'
import { printRow, type Row } from './report.ts'
import { CRASH_ROWS, SHARED_ROW } from './rows-crash.ts'
import { DESK_ROWS } from './rows-desk.ts'
import { DUPLICATE_ROWS } from './rows-duplicates.ts'
import { GRAPH_ROWS } from './rows-graph.ts'
import { HOSTILE_ROWS } from './rows-hostile.ts'
import { runKillChain } from './rows-kill.ts'
import { LOAD_ROWS } from './rows-load.ts'
import { POSTGRES_ROWS } from './rows-postgres.ts'
import { REDIS_ROWS } from './rows-redis.ts'
import { runScenario, type Scenario } from './scenario.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seed: { type: 'string' },
    quick: { type: 'boolean', default: false },
    /** Rows whose id or moment matches, for working on one of them. */
    only: { type: 'string' },
    factor: { type: 'string' }
  }
})
const quick = values.quick
const seed = values.seed === undefined ? 1 + Math.floor(Math.random() * 1_000_000) : Number(values.seed)
const only = values.only === undefined ? undefined : new RegExp(values.only)
const timeFactor = Number(values.factor ?? (quick ? 0.05 : 0.1))
if (!Number.isInteger(seed) || !(timeFactor > 0)) {
  process.stderr.write('--seed wants a whole number, --factor a number above 0\n')
  process.exit(2)
}

const ALL: Scenario[] = [
  SHARED_ROW,
  ...CRASH_ROWS,
  ...REDIS_ROWS,
  ...POSTGRES_ROWS,
  ...DESK_ROWS,
  ...GRAPH_ROWS,
  ...DUPLICATE_ROWS,
  ...HOSTILE_ROWS,
  ...LOAD_ROWS
]

const startedMs = performance.now()
process.stdout.write(`fault run, seed ${seed}, times × ${timeFactor}${quick ? ', short' : ''}\n`)
process.stdout.write(`${listMoments().length} breakpoints by direction; ${countUnnamedBreakpoints()} without a name\n`)

const rows: Row[] = []
const add = (row: Row): void => {
  rows.push(row)
  printRow(row)
}
const scenarios = ALL.filter(
  each =>
    (!quick || each.quick === true) && (only === undefined || only.test(`${each.id} ${each.fault} ${each.moment}`))
)
/** Rows that stop, delay or cut the shared PostgreSQL must be alone with it. */
const isExclusive = (each: Scenario): boolean =>
  /^P[1346]|PostgreSQL|COMMIT/.test(`${each.id} ${each.fault} ${each.moment}`)

async function work(list: Scenario[]): Promise<void> {
  for (const each of list) add(await runScenario(database, each, { seed, quick, timeFactor }))
}

async function killChains(): Promise<void> {
  if (only !== undefined && !only.test('kill')) return
  const options = { seed, timeFactor, runs: quick ? 1 : 3, processes: 1, patienceMs: 90_000 }
  const chains = [runKillChain(database, 'in', options), runKillChain(database, 'out', options)]
  for (const chain of chains) for (const row of await chain) add(row)
  if (quick) return
  for (const direction of ['in', 'out'] as const)
    for (const row of await runKillChain(database, direction, { ...options, runs: 1, processes: 2 })) add(row)
}

const database = await startDatabase()
// Puente and the sandbox end with this process; PostgreSQL outlives everybody, so it is stopped here.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write(`stopped by ${signal}\n`)
    void database.close().finally(() => process.exit(1))
  })
}
try {
  if (quick) {
    await Promise.all([killChains(), work(scenarios.filter(each => !isExclusive(each)))])
    await work(scenarios.filter(isExclusive))
  } else {
    await killChains()
    await work(scenarios)
  }
} finally {
  await database.close()
}

const unnamed = countUnnamedBreakpoints()
const red = rows.filter(row => !row.holds)
process.stdout.write(
  `${rows.length - red.length} of ${rows.length} rows hold, ${Math.round((performance.now() - startedMs) / 1000)} s, seed ${seed}\n`
)
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ seed, timeFactor, quick, rows }, null, 2))
process.exitCode = red.length > 0 || unnamed > 0 || rows.length === 0 ? 1 : 0
