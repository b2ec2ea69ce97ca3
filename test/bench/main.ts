/**
 * `npm run bench [-- --json FILE] [-- --only B1,R1] [-- --quick]`: measures the bars and prints one table; ends with 1
 * when one falls short. `--quick` runs the exact counts only.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { compile } from './processes.ts'
import { type Ground, openGround } from './rig.ts'
import { type Bar, describeMachine, notRun, printTable } from './table.ts'

interface Part {
  ids: string[]
  quick?: boolean
  run: (ground: Ground, wanted: (id: string) => boolean) => Promise<Bar[]>
}

/** R6, R8, R10 and R13 are bars of a later issue. */
const PARTS: Part[] = [
  {
    ids: ['B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B8'],
    quick: true,
    run: async (ground, wanted) => (await import('./counts.ts')).countAll(ground, wanted)
  },
  {
    ids: ['B7', 'B10'],
    run: async (ground, wanted) => (await import('./redis.ts')).measureRedis(ground, wanted)
  },
  { ids: ['B9'], quick: true, run: async ground => (await import('./memory.ts')).measureMemory(ground) },
  { ids: ['B11'], quick: true, run: async () => (await import('./faults.ts')).readFaults() },
  {
    ids: ['R1', 'R2'],
    run: async (ground, wanted) =>
      (await (await import('./ack-rates.ts')).measureAcks(ground)).filter(bar => wanted(bar.id))
  },
  {
    ids: ['R3', 'R4', 'R5', 'R7'],
    run: async (ground, wanted) => (await import('./flow-rates.ts')).measureFlows(ground, wanted)
  },
  { ids: ['R9'], run: async ground => (await import('./two-processes.ts')).measureTwoProcesses(ground) },
  { ids: ['R10'], run: async () => (await import('./tab.ts')).measureTab() },
  { ids: ['R11'], run: async () => (await import('./start-time.ts')).measureStart() },
  { ids: ['R12'], run: async ground => (await import('./pace.ts')).measurePace(ground) }
]

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false }
  }
})
const known = PARTS.flatMap(part => part.ids)
const only = values.only?.flatMap(text => text.split(',')).map(text => text.trim().toUpperCase())
const unknown = only?.filter(id => !known.includes(id)) ?? []
if (unknown.length > 0) {
  process.stderr.write(`there is no bar ${unknown.join(', ')} here; known: ${known.join(', ')}\n`)
  process.exit(2)
}
const wanted = (id: string): boolean => only === undefined || only.includes(id)
const parts = PARTS.filter(part => (!values.quick || part.quick === true) && part.ids.some(wanted))

const at = new Date().toISOString()
const bars: Bar[] = []
const say = (text: string): void => void process.stderr.write(`${text}\n`)
await compile()
const ground = await openGround()
try {
  for (const part of parts) {
    const ids = part.ids.filter(wanted)
    const startedMs = performance.now()
    try {
      bars.push(...(await part.run(ground, wanted)))
    } catch (error) {
      // A part that breaks is a part that falls short; the others still run.
      for (const id of ids) {
        bars.push({ ...notRun(id, 'broke', '', String((error as Error).stack)), measured: null, holds: false })
      }
    }
    say(`${ids.join(' ')}: ${Math.round((performance.now() - startedMs) / 1000)} s`)
  }
} finally {
  await ground.close()
}
printTable(bars)
const machine = describeMachine()
process.stdout.write(`${machine}\n`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ at, machine, bars }, null, 2)}\n`)
process.exitCode = bars.some(bar => bar.holds === false) ? 1 : 0
