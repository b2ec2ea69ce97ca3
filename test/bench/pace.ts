/**
 * R12: a backlog into a sandboxed desk that behaves like the real one, while an agent reads and answers every second:
 * the adaptive number of calls in flight against fixed ones. The runs on one desk go side by side, each with a sandbox
 * and a Puente of its own; the desk's CPUs are virtual, so they do not disturb each other.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sendClosedLoop } from './load.ts'
import { type Ground, makeCustomers, openRig, type Rig } from './rig.ts'
import { type Bar, median, percentile, round } from './table.ts'

const CUSTOMERS = 120
const MESSAGES = 600
const FIXED = [1, 2, 4, 8]
/** Some forty reads of an agent a run: their 95th percentile is about the second slowest. */
const ROUNDS = 3
/** The adaptive limit moves below the ceiling of the other bars. */
const CEILING = 64
const LAG_MS = 500
const MODEL = {
  webServers: 5,
  workers: 3,
  costs: { webMs: 75, backgroundMs: 55, readMs: 60, sigma: 0.3 }
}
const DESKS: { name: string; cpus: number; shrinksTo?: number }[] = [
  { name: '2 CPUs', cpus: 2 },
  { name: '8 CPUs', cpus: 8 },
  { name: '8 CPUs that become 2 midway', cpus: 8, shrinksTo: 2 }
]

interface Drain {
  perSecond: number
  readP95Ms: number
  hookP95Ms: number
}

export async function measurePace(ground: Ground): Promise<Bar[]> {
  const bars: Bar[] = []
  for (const desk of DESKS) {
    const rounds: Round[] = []
    for (let nth = 0; nth < ROUNDS; nth++) {
      rounds.push(compare(await Promise.all([undefined, ...FIXED].map(limit => drain(ground, desk, limit)))))
    }
    const of = (pick: (round: Round) => number): number => median(rounds.map(pick))
    const [rate, reads, hookP95Ms] = [of(each => each.rate), of(each => each.reads), of(each => each.hookP95Ms)]
    bars.push({
      id: 'R12',
      what: `desk of ${desk.name}: rate ÷ best fixed · reads ÷ one in flight · hook lag s`,
      bar: '≥ 0.85 · ≤ 1.5 · ≤ 0.5',
      measured: `${rate.toFixed(2)} · ${reads.toFixed(2)} · ${(hookP95Ms / 1000).toFixed(2)}`,
      limit: round(of(each => each.best)),
      ratio: round(rate),
      holds: rate >= 0.85 && reads <= 1.5 && hookP95Ms <= LAG_MS,
      detail: `medians of ${ROUNDS} rounds; ${rounds.map(each => each.said).join(' | ')}`
    })
  }
  return bars
}

interface Round {
  rate: number
  reads: number
  hookP95Ms: number
  best: number
  said: string
}

/** The adaptive run comes first, then the fixed ones. */
function compare(runs: Drain[]): Round {
  const [adaptive, ...fixed] = runs as [Drain, ...Drain[]]
  const best = Math.max(...fixed.filter(run => run.hookP95Ms <= LAG_MS).map(run => run.perSecond))
  const said = runs.map((run, at) => {
    const name = at === 0 ? 'adaptive' : `fixed ${FIXED[at - 1]}`
    return `${name} ${run.perSecond.toFixed(1)}/s, reads ${Math.round(run.readP95Ms)} ms, hooks ${Math.round(run.hookP95Ms)} ms`
  })
  return {
    rate: adaptive.perSecond / best,
    reads: adaptive.readP95Ms / fixed[0]!.readP95Ms,
    hookP95Ms: adaptive.hookP95Ms,
    best,
    said: said.join('; ')
  }
}

async function drain(ground: Ground, desk: (typeof DESKS)[number], limit: number | undefined): Promise<Drain> {
  const rig = await openRig(ground, { ceiling: limit ?? CEILING, fixedDeskLimit: limit })
  try {
    // The first reconciliation after the start would read beside the run.
    await sleep(3_000)
    await rig.desk.post('/__desk', { ...MODEL, cpus: desk.cpus })
    const customers = await makeCustomers(rig, CUSTOMERS)
    const conversations = await readConversations(rig)
    await sleep(2_000)
    const requests = Array.from(
      { length: MESSAGES },
      (_, index) => rig.maker.message(customers[index % CUSTOMERS]!).request
    )
    const rows = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
    const hooks = await rig.desk.follow({ side: 'desk', what: 'hook', name: 'message_created' })
    const startedAt = Date.now()
    await sendClosedLoop(rig.port, requests)
    const reads: number[] = []
    const reading: Promise<unknown>[] = []
    let written = 0
    let endedAt = startedAt
    let shrunk = desk.shrinksTo === undefined
    const answered = new Map<number, number>()
    for (let second = 0; written < MESSAGES && second < 180; second++) {
      const conversationId = conversations[second % conversations.length]!
      reading.push(
        rig.desk.readAsAgent(`/api/v1/accounts/1/conversations/${conversationId}/messages`).then(ms => reads.push(ms))
      )
      await rig.desk.post('/__reply', { conversationId, content: `Answer ${second}` })
      const until = performance.now() + 1_000
      while (performance.now() < until) {
        for (const entry of await rows.take()) {
          if (entry.ids['type'] === 'incoming') {
            written++
            endedAt = entry.at
          } else if (entry.ids['type'] === 'outgoing') answered.set(Number(entry.ids['messageId']), entry.at)
        }
        if (!shrunk && written >= MESSAGES / 2) {
          shrunk = true
          await rig.desk.post('/__desk', { cpus: desk.shrinksTo })
        }
        if (written >= MESSAGES) break
        await sleep(100)
      }
    }
    await Promise.all(reading)
    // The last hooks may still wait behind the desk's own work; a run that lags badly is measured by what has come.
    const lags: number[] = []
    const deadline = performance.now() + 20_000
    while (lags.length < answered.size && performance.now() < deadline) {
      for (const hook of await hooks.take()) {
        const at = answered.get(Number(hook.ids['messageId']))
        if (at !== undefined) lags.push(hook.at - (hook.tookMs ?? 0) - at)
      }
      await sleep(200)
    }
    if (written < MESSAGES) throw new Error(`${written} of ${MESSAGES} are in the desk`)
    return {
      perSecond: (MESSAGES * 1000) / (endedAt - startedAt),
      readP95Ms: percentile(reads, 0.95),
      hookP95Ms: lags.length < answered.size ? Number.POSITIVE_INFINITY : percentile(lags, 0.95)
    }
  } finally {
    await rig.close()
  }
}

async function readConversations(rig: Rig): Promise<number[]> {
  const entries = await rig.desk.get<{ ids: Record<string, unknown> }[]>(
    '/__ledger?side=desk&what=effect&name=message&limit=1000'
  )
  return [...new Set(entries.map(entry => Number(entry.ids['conversationId'])))]
}
