/**
 * R3, R4, R5 and R7: the whole way, from webhook to desk and from the desk's hook to WhatsApp, with everything
 * (PostgreSQL, sandbox, load) on the same machine. What was taken must arrive: a rate reached by dropping holds nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'
import { expectAll, rateOf } from './ack-rates.ts'
import { sendClosedLoop, sendOpenLoop } from './load.ts'
import { startChild } from './processes.ts'
import { type Ground, makeCustomers, openRig, type Rig, settle } from './rig.ts'
import { type Bar, median, percentile, ratioBar, round } from './table.ts'
import type { LoadCustomer } from './webhooks.ts'

const CUSTOMERS = 10_000
const SUSTAINED = { rounds: 3, messages: 10_000 }
const STEADY = { perSecond: 1_000, seconds: 15 }
const MIXED = { perSecond: 4_000, seconds: 60, messageEvery: 4 }
const REPLIES = { single: 80, perSecond: 500, seconds: 8, warming: { perSecond: 500, seconds: 8 } }
const ORDER_HOLD_MS = 150
const WRITTEN = { side: 'desk', what: 'effect', name: 'message' }

export async function measureFlows(ground: Ground, wanted: (id: string) => boolean): Promise<Bar[]> {
  const rig = await openRig(ground)
  try {
    await sleep(3_000)
    const startedMs = performance.now()
    const tell = (what: string): void =>
      void process.stderr.write(`  ${what} after ${Math.round((performance.now() - startedMs) / 1000)} s\n`)
    const customers = await makeCustomers(rig, CUSTOMERS)
    tell(`${CUSTOMERS} customers known`)
    const bars: Bar[] = []
    if (wanted('R4')) bars.push(await measureLatency(rig, customers))
    tell('latency')
    if (wanted('R5')) bars.push(await measureSustained(rig, customers))
    tell('sustained rate')
    const sent: string[] = []
    if (wanted('R7') || wanted('R3')) {
      const replies = await measureReplies(rig, customers, sent)
      if (wanted('R7')) bars.push(...replies)
    }
    tell('replies')
    if (wanted('R3')) bars.push(await measureMixed(rig, customers, sent))
    return bars
  } finally {
    await rig.close()
  }
}

const now = (): number => performance.timeOrigin + performance.now()
const one = (value: number): string => value.toFixed(1)

/** Entries by source id, of the desk's rows written since the follower began. */
function bySource(entries: readonly LedgerEntry[]): Map<string, LedgerEntry> {
  return new Map(entries.map(entry => [String(entry.ids['sourceId']), entry]))
}

async function measureLatency(rig: Rig, customers: LoadCustomer[]): Promise<Bar> {
  const count = STEADY.perSecond * STEADY.seconds
  const sentAt = new Map<string, number>()
  const follower = await rig.desk.follow(WRITTEN)
  const answers = await sendOpenLoop(rig.port, STEADY.perSecond, count, index => {
    const { wamid, request } = rig.maker.message(customers[(index * 7) % customers.length]!)
    sentAt.set(wamid, now())
    return request
  })
  const written = bySource(await follower.until(entries => entries.length >= count, 60_000, 200))
  await settle(rig)
  const latencies = [...sentAt].flatMap(([wamid, at]) => {
    const entry = written.get(wamid)
    return entry === undefined ? [] : [entry.at - at]
  })
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
  const complete = latencies.length === count && answers.ok === count
  return {
    id: 'R4',
    what: 'webhook to desk at 1,000/s, ms: p50 · p99',
    bar: '≤ 15 · ≤ 100',
    measured: `${one(p50)} · ${one(p99)}`,
    limit: null,
    ratio: null,
    holds: complete && p50 <= 15 && p99 <= 100,
    detail: `${latencies.length} of ${count} delivered in ${STEADY.seconds} s, ${customers.length} customers`
  }
}

async function measureSustained(rig: Rig, customers: LoadCustomer[]): Promise<Bar> {
  const hello = await startChild('test/bench/children/hello.ts')
  const helloPort = Number(new URL(hello.url).port)
  const rates = { hello: [] as number[], delivered: [] as number[] }
  const ratios: number[] = []
  const make = (): Buffer[] =>
    Array.from(
      { length: SUSTAINED.messages },
      (_, index) => rig.maker.message(customers[index % customers.length]!).request
    )
  try {
    // The way through Puente is warm from making its customers known; so must the limit be.
    await expectAll(sendClosedLoop(helloPort, make()))
    for (let round = 0; round < SUSTAINED.rounds; round++) {
      const requests = make()
      const helloRate = rateOf(await expectAll(sendClosedLoop(helloPort, requests)))
      const follower = await rig.desk.follow(WRITTEN)
      const startedAt = now()
      await expectAll(sendClosedLoop(rig.port, requests))
      const entries = await follower.untilStill(all => all.length >= requests.length, 120_000)
      if (entries.length !== requests.length) throw new Error(`${entries.length} of ${requests.length} are in the desk`)
      const endedAt = entries.reduce((latest, entry) => Math.max(latest, entry.at), 0)
      const rate = (requests.length * 1000) / (endedAt - startedAt)
      rates.hello.push(helloRate)
      rates.delivered.push(rate)
      ratios.push(rate / helloRate)
      await settle(rig)
    }
  } finally {
    await hello.stop()
  }
  return ratioBar(
    'R5',
    'sustained webhook to desk a second ÷ bare Fastify',
    0.1,
    median(rates.delivered),
    median(rates.hello),
    median(ratios),
    `${SUSTAINED.rounds} rounds of ${SUSTAINED.messages} until the last is in the desk, echo hooks on; ${rates.delivered.map(one).join(' ')} a second`
  )
}

async function measureReplies(rig: Rig, customers: LoadCustomer[], wamids: string[]): Promise<Bar[]> {
  const conversations = (
    await rig.desk.get<LedgerEntry[]>('/__ledger?side=desk&what=effect&name=message&after=0&limit=20000')
  ).map(entry => Number(entry.ids['conversationId']))
  const open = [...new Set(conversations)].slice(0, customers.length)
  const single = await replyAll(rig, open, REPLIES.single, 60_000, async send => {
    for (let i = 0; i < REPLIES.single; i++) {
      await send(i)
      await sleep(60)
    }
  })
  const count = REPLIES.perSecond * REPLIES.seconds
  const warming = REPLIES.warming.perSecond * REPLIES.warming.seconds
  // The way in is warm from making the customers known; so must the way out be.
  const cold = await replyAll(rig, open, warming, 60_000, send =>
    replySteadily(warming, REPLIES.warming.perSecond, send)
  )
  await settle(rig)
  const many = await replyAll(rig, open, count, 60_000, send => replySteadily(count, REPLIES.perSecond, send))
  wamids.push(...single.wamids, ...many.wamids)
  await settle(rig)
  const toBar = (what: string, most: number, asked: number, run: typeof single, note = ''): Bar => ({
    id: 'R7',
    what,
    bar: `≤ ${most}`,
    measured: round(percentile(run.added, 0.5)),
    limit: null,
    ratio: null,
    holds: run.added.length === asked && percentile(run.added, 0.5) <= most,
    detail: `${run.added.length} of ${asked} sent${note}; p95 ${one(percentile(run.added, 0.95))} ms`
  })
  return [
    toBar('desk hook to WhatsApp without the hold, ms: p50, single', 10, REPLIES.single, single),
    toBar(
      `… at ${REPLIES.perSecond} a second`,
      25,
      count,
      many,
      `, after ${warming} at ${REPLIES.warming.perSecond} a second (p50 of those, still warming: ${one(percentile(cold.added, 0.5))} ms)`
    )
  ]
}

async function replySteadily(count: number, perSecond: number, send: (index: number) => Promise<void>): Promise<void> {
  const startedMs = performance.now()
  const running: Promise<void>[] = []
  for (let i = 0; i < count; ) {
    const due = Math.min(count, ((performance.now() - startedMs) * perSecond) / 1000)
    for (; i < due; i++) running.push(send(i))
    await sleep(2)
  }
  await Promise.all(running)
}

/** Milliseconds between the moment a hook left the desk and the arrival of its message at Graph, the hold taken off. */
async function replyAll(
  rig: Rig,
  conversations: number[],
  count: number,
  withinMs: number,
  run: (send: (index: number) => Promise<void>) => Promise<void>
): Promise<{ added: number[]; wamids: string[] }> {
  const marks = new Map<string, number>()
  const hooks = await rig.desk.follow({ side: 'desk', what: 'hook', name: 'message_created' })
  const sends = await rig.desk.follow({ side: 'graph', what: 'effect', name: 'sent' })
  await run(async index => {
    const content = `Answer ${count}-${index}`
    const { messageId } = await rig.desk.post<{ messageId: number }>('/__reply', {
      conversationId: conversations[(index * 13) % conversations.length],
      content
    })
    marks.set(content, messageId)
  })
  const sent = await sends.until(all => all.length >= count, withinMs, 100)
  await sleep(500)
  const leftAt = new Map<number, number>()
  for (const hook of await hooks.take()) {
    leftAt.set(Number(hook.ids['messageId']), hook.at - (hook.tookMs ?? 0))
  }
  const added: number[] = []
  for (const entry of sent) {
    const text = (entry.body as { text?: { body?: string } } | undefined)?.text?.body ?? ''
    const left = leftAt.get(marks.get(text) ?? -1)
    if (left !== undefined) added.push(entry.at - left - ORDER_HOLD_MS)
  }
  return { added, wamids: sent.map(entry => String(entry.ids['wamid'])) }
}

async function measureMixed(rig: Rig, customers: LoadCustomer[], sent: string[]): Promise<Bar> {
  const count = MIXED.perSecond * MIXED.seconds
  const steps = ['sent', 'delivered', 'read'] as const
  const messages = Math.ceil(count / MIXED.messageEvery)
  const follower = await rig.desk.follow(WRITTEN)
  let statuses = 0
  let unknown = ''
  const answers = await sendOpenLoop(rig.port, MIXED.perSecond, count, index => {
    const customer = customers[(index * 7) % customers.length]!
    if (index % MIXED.messageEvery === 0) return rig.maker.message(customer).request
    // Statuses of what was really sent first, then of messages that some other software sent from the number.
    const step = statuses % 3
    const wamid = sent[Math.floor(statuses / 3)]
    statuses++
    if (step === 0) unknown = rig.maker.wamid()
    return rig.maker.status(wamid ?? unknown, steps[step]!, customer)
  })
  const written = await follower.until(entries => entries.length >= messages, 120_000, 500)
  const [p50, p99] = [percentile([...answers.latencies], 0.5), percentile([...answers.latencies], 0.99)]
  const complete = written.length === messages
  return {
    id: 'R3',
    what: 'acks at 4,000/s for 60 s while delivering, ms: p50 · p99 · not 200',
    bar: '≤ 25 · ≤ 250 · 0',
    measured: `${one(p50)} · ${one(p99)} · ${answers.other}`,
    limit: null,
    ratio: null,
    holds: complete && p50 <= 25 && p99 <= 250 && answers.other === 0,
    detail: `${count} in ${one(answers.seconds)} s, a quarter messages (${written.length} of ${messages} in the desk), statuses of ${Math.min(sent.length, statuses / 3)} sent messages and of unknown ones`
  }
}
