/**
 * R9: two processes on one PostgreSQL and one Redis against one, at the same ceiling of desk calls in flight. Once with a
 * quick desk and the usual ceiling (then the machine is the limit), once with a slow desk and a low one (then the ceiling
 * is, and the desk counts what is in flight). Rounds are interleaved; the installation that has no turn lies idle.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'
import { expectAll } from './ack-rates.ts'
import { sendClosedLoop } from './load.ts'
import { hasRedis, startRedis } from './redis.ts'
import { type Ground, makeCustomers, openRig, type Rig, settle } from './rig.ts'
import { type Bar, exactly, median, notRun, ratioBar } from './table.ts'
import type { LoadCustomer } from './webhooks.ts'

interface Case {
  what: string
  ceiling: number
  customers: number
  messages: number
  /** Not counted. Where the machine is the limit, each of two is warm when it worked as much as the one alone in a round. */
  warm: number
  rounds: number
  /** How the desk behaves; as quick as the stand-in can otherwise. */
  desk?: object
}

const CONNECTIONS = 64
/** A newcomer takes its share when the others have surely noticed it; the first reconciliation reads beside the run. */
const SETTLED_MS = 9_000
const CASES: Case[] = [
  { what: 'quick desk', ceiling: 64, customers: 1_000, messages: 4_000, warm: 2, rounds: 5 },
  {
    what: 'slow desk',
    ceiling: 8,
    customers: 200,
    messages: 600,
    warm: 1,
    rounds: 3,
    // What a message costs a real desk (R12), with so many servers and CPUs that only the ceiling is in the way.
    desk: { webServers: 32, workers: 32, cpus: 32, costs: { webMs: 75, backgroundMs: 55, readMs: 60, sigma: 0.3 } }
  }
]
const startedMs = performance.now()
const tell = (what: string): void =>
  void process.stderr.write(`  ${what} after ${Math.round((performance.now() - startedMs) / 1000)} s\n`)
const BEYOND = 'desk calls in flight beyond the ceiling, two processes'

export async function measureTwoProcesses(ground: Ground): Promise<Bar[]> {
  if (!hasRedis()) {
    const why = 'no redis-server on PATH'
    return [notRun('R9', 'two processes ÷ one', '≥ 0.90', why), notRun('R9', BEYOND, '0', why)]
  }
  const redis = await startRedis()
  try {
    const bars: Bar[] = []
    for (const each of CASES) bars.push(...(await compare(ground, each, `redis://127.0.0.1:${redis.port}`)))
    return bars
  } finally {
    redis.child.kill('SIGTERM')
  }
}

async function compare(ground: Ground, given: Case, redisUrl: string): Promise<Bar[]> {
  const { ceiling } = given
  const one = await openRig(ground, { ceiling, processes: 1, redisUrl: `${redisUrl}/1` })
  const two = await openRig(ground, { ceiling, processes: 2, redisUrl: `${redisUrl}/2` })
  try {
    await sleep(SETTLED_MS)
    const crews = [
      { rig: one, customers: await makeCustomers(one, given.customers) },
      { rig: two, customers: await makeCustomers(two, given.customers) }
    ]
    tell(`${given.what}: customers known`)
    if (given.desk !== undefined) for (const { rig } of crews) await rig.desk.post('/__desk', given.desk)
    const rates: number[][] = [[], []]
    const ratios: number[] = []
    let most = 0
    for (let round = 0; round < given.warm + given.rounds; round++) {
      const pair: number[] = []
      for (const { rig, customers } of crews) {
        const run = await drain(rig, customers, given.messages)
        pair.push(run.perSecond)
        if (rig === two) most = Math.max(most, run.mostInFlight)
      }
      tell(`${given.what}, round ${round}: ${pair.map(rate => Math.round(rate)).join(' and ')} a second`)
      if (round < given.warm) continue
      rates[0]!.push(pair[0]!)
      rates[1]!.push(pair[1]!)
      ratios.push(pair[1]! / pair[0]!)
    }
    const how = `${given.rounds} rounds of ${given.messages} messages, ceiling ${ceiling}`
    return [
      ratioBar(
        'R9',
        `two processes ÷ one, ${given.what}`,
        0.9,
        median(rates[1]!),
        median(rates[0]!),
        median(ratios),
        `${how}; ${ratios.map(ratio => ratio.toFixed(2)).join(' ')}`
      ),
      exactly('R9', `${BEYOND}, ${given.what}`, 0, Math.max(0, most - ceiling), `at most ${most} of ${ceiling}`)
    ]
  } finally {
    await two.close()
    await one.close()
  }
}

/** Rate until the last message is in the desk; webhooks are spread over the processes as a load balancer would. */
async function drain(
  rig: Rig,
  customers: LoadCustomer[],
  count: number
): Promise<{ perSecond: number; mostInFlight: number }> {
  const requests = Array.from({ length: count }, (_, index) => rig.maker.message(customers[index % customers.length]!))
  const rows = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
  const calls = await rig.desk.follow({ side: 'desk', what: 'call' })
  const startedAt = performance.timeOrigin + performance.now()
  await Promise.all(
    rig.puentes.map((puente, at) => {
      const mine = requests.filter((_, index) => index % rig.puentes.length === at).map(each => each.request)
      return expectAll(sendClosedLoop(Number(new URL(puente.url).port), mine, CONNECTIONS / rig.puentes.length))
    })
  )
  const written = await rows.until(all => all.length >= count, 90_000, 100)
  if (written.length !== count) throw new Error(`${written.length} of ${count} are in the desk`)
  const endedAt = written.reduce((latest, entry) => Math.max(latest, entry.at), 0)
  await settle(rig)
  const inFlight = (entry: LedgerEntry): number => Number(entry.ids['inFlight'] ?? 0)
  const mostInFlight = (await calls.take()).reduce((most, entry) => Math.max(most, inFlight(entry)), 0)
  return { perSecond: (count * 1000) / (endedAt - startedAt), mostInFlight }
}
