/**
 * B1–B6 and B8: exact counts, taken outside Puente: calls from the sandbox's ledger, statements from the wire between
 * Puente and PostgreSQL. A property of the code, not of the machine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'
import type { Follower } from './doors.ts'
import { sendClosedLoop } from './load.ts'
import type { SeenStatement } from './proxy-pg.ts'
import { type Ground, makeCustomers, openRig, phoneOf, type Rig, settle } from './rig.ts'
import { atMost, type Bar, exactly } from './table.ts'
import type { LoadCustomer } from './webhooks.ts'

const BURST = 500
/** Ticks join for 2 s; what would come late has come by then. */
const QUIET_MS = 1_500
/** Beats that go on without any message. `next_tick` is asked by the two-second beat. */
const SWEEPS = new RegExp(
  `^(?:${[
    'journal_take_over|journal_tidy|with due as \\( select day|next_due|process_beat|next_tick|select 1$|attributes_claim|template_accounts_claim|rate_accounts_claim|number_accounts_claim',
    'select desk_id, loser|with parked as|update "?desks"? set "?pace|select .* from "?(?:desks|numbers)',
    'with due as \\( select id from instructions|update pairing_notes'
  ].join('|')})`
)
const ATTRIBUTES = 'POST /conversations/:id/custom_attributes'

export async function countAll(ground: Ground, wanted: (id: string) => boolean): Promise<Bar[]> {
  const rig = await openRig(ground, { countStatements: true })
  try {
    // The first reconciliation reads the desk once after the start; it is a sweep, not the cost of a message.
    await sleep(3_000)
    const customers = await makeCustomers(rig, BURST + 20)
    const bars: Bar[] = []
    const run = async (ids: string[], count: () => Promise<Bar[]>): Promise<void> => {
      if (ids.some(wanted)) bars.push(...(await count()).filter(bar => wanted(bar.id)))
    }
    await run(['B1'], () => countInbound(rig, customers))
    await run(['B2'], () => countNew(rig))
    await run(['B3'], () => countRepeated(rig, customers[0]!))
    await run(['B4', 'B5'], () => countOutbound(rig, customers[1]!))
    await run(['B6', 'B8'], () => countStatements(rig, customers))
    return bars
  } finally {
    await rig.close()
  }
}

/** The mirror of templates looks at the inbox on a beat of its own. */
const MIRROR = /^(?:GET|PATCH) \/inboxes\/:id$/

const callsOf = (entries: LedgerEntry[]): LedgerEntry[] =>
  entries.filter(
    entry => entry.side === 'desk' && entry.what === 'call' && entry.name !== ATTRIBUTES && !MIRROR.test(entry.name)
  )

const namesOf = (entries: LedgerEntry[]): string => entries.map(entry => entry.name).join(', ') || 'none'

async function quiet(rig: Rig, follower: Follower, ms = QUIET_MS): Promise<LedgerEntry[]> {
  await settle(rig)
  await sleep(ms)
  return follower.take()
}

async function countInbound(rig: Rig, customers: LoadCustomer[]): Promise<Bar[]> {
  const most = async (type: string, runs: number): Promise<{ calls: number; names: string }> => {
    let worst = { calls: 0, names: 'none' }
    for (let i = 0; i < runs; i++) {
      const follower = await rig.desk.follow()
      await rig.desk.post('/__say', { customer: customers[i]!.waId, type, text: 'Hello again' })
      const entries = await follower.until(arrived, 10_000)
      entries.push(...(await quiet(rig, follower, 300)))
      const calls = callsOf(entries)
      if (calls.length > worst.calls) worst = { calls: calls.length, names: namesOf(calls) }
    }
    return worst
  }
  const arrived = (entries: LedgerEntry[]): boolean =>
    entries.some(entry => entry.what === 'effect' && entry.name === 'message')
  const text = await most('text', 8)
  const image = await most('image', 4)
  return [
    exactly('B1', 'desk calls, known customer: text', 1, text.calls, `${text.names}; the most of 8`),
    exactly('B1', 'desk calls, known customer: media', 1, image.calls, `${image.names}; the most of 4`)
  ]
}

async function countNew(rig: Rig): Promise<Bar[]> {
  const first = async (customer: string, name: string): Promise<LedgerEntry[]> => {
    const follower = await rig.desk.follow()
    await rig.desk.post('/__say', { customer, name, type: 'text', text: 'Hello' })
    const entries = await follower.until(all => all.some(entry => entry.name === 'message'), 10_000)
    return callsOf([...entries, ...(await quiet(rig, follower))])
  }
  const plain = await first(phoneOf(90_001), 'New One')
  const brazil = await first('5511987650001', 'New Two')
  const phone = phoneOf(90_002)
  await rig.desk.post('/__act', { act: 'createContact', name: 'Known Already', phone: `+${phone}` })
  const known = await first(phone, 'New Three')
  return [
    exactly('B2', 'desk calls, first message of a new customer', 2, plain.length, namesOf(plain)),
    exactly('B2', '… whose number has variants (Brazil)', 3, brazil.length, namesOf(brazil)),
    atMost('B2', '… who is a contact of the desk already', 5, known.length, namesOf(known))
  ]
}

async function countRepeated(rig: Rig, customer: LoadCustomer): Promise<Bar[]> {
  const { request } = rig.maker.message(customer)
  await sendClosedLoop(rig.port, [request])
  await settle(rig)
  const follower = await rig.desk.follow()
  const answers = await sendClosedLoop(rig.port, [request, request, request], 1)
  const calls = callsOf(await quiet(rig, follower))
  return [exactly('B3', 'desk calls for a redelivered webhook', 0, calls.length, `3 times, ${answers.ok} answered 200`)]
}

async function countOutbound(rig: Rig, customer: LoadCustomer): Promise<Bar[]> {
  const conversationId = await conversationOf(rig, customer)
  const reply = async (body: object): Promise<{ wamid: string; graph: LedgerEntry[]; desk: LedgerEntry[] }> => {
    const follower = await rig.desk.follow()
    await rig.desk.post('/__reply', { conversationId, ...body })
    const entries = await follower.until(all => all.some(isSent), 15_000)
    entries.push(...(await quiet(rig, follower)))
    const sent = entries.find(isSent)
    return {
      wamid: String(sent?.ids['wamid']),
      graph: entries.filter(entry => entry.side === 'graph' && entry.what === 'call' && !isCourtesy(entry)),
      desk: callsOf(entries)
    }
  }
  const isSent = (entry: LedgerEntry): boolean =>
    entry.side === 'graph' && entry.what === 'effect' && entry.name === 'sent'
  const isCourtesy = (entry: LedgerEntry): boolean => (entry.body as { status?: string } | undefined)?.status === 'read'
  const picture = (marks: string) => ({
    attachments: [{ name: 'plan.txt', type: 'text/plain', base64: Buffer.from(`a plan ${marks}`).toString('base64') }]
  })
  const text = await reply({ content: 'On its way' })
  const fresh = await reply(picture(String(Date.now())))
  const again = picture('the same')
  await reply(again)
  const before = await reply(again)

  const sentCalls = await callsOfStatuses(rig, text.wamid, ['sent'])
  const readCalls = await callsOfStatuses(rig, text.wamid, ['delivered', 'read'])
  return [
    exactly(
      'B4',
      'desk calls for `sent`',
      0,
      sentCalls.length + text.desk.length,
      namesOf([...text.desk, ...sentCalls])
    ),
    exactly('B4', 'desk calls for delivered + read within 2 s', 1, readCalls.length, namesOf(readCalls)),
    exactly('B5', 'Graph calls, outbound text', 1, text.graph.length, namesOf(text.graph)),
    exactly('B5', 'Graph calls, media new to the number', 2, fresh.graph.length, namesOf(fresh.graph)),
    exactly('B5', 'Graph calls, media sent before', 1, before.graph.length, namesOf(before.graph))
  ]
}

async function callsOfStatuses(rig: Rig, wamid: string, statuses: string[]): Promise<LedgerEntry[]> {
  const follower = await rig.desk.follow()
  for (const status of statuses) await rig.desk.post('/__status', { wamid, status })
  return callsOf(await quiet(rig, follower, 5_000))
}

export async function conversationOf(rig: Rig, customer: LoadCustomer): Promise<number> {
  const follower = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
  await rig.desk.post('/__say', { customer: customer.waId, type: 'text', text: 'A question' })
  const entries = await follower.until(all => all.length > 0, 10_000)
  await settle(rig)
  return Number(entries[0]?.ids['conversationId'])
}

async function countStatements(rig: Rig, customers: LoadCustomer[]): Promise<Bar[]> {
  const proxy = rig.proxy!
  const singles = 10
  let alone: SeenStatement[] = []
  for (let i = 0; i < singles; i++) {
    proxy.forget()
    await sendClosedLoop(rig.port, [rig.maker.message(customers[i]!).request])
    await sleep(QUIET_MS)
    alone = alone.concat(proxy.seen().filter(isWork))
  }
  const requests = customers.slice(0, BURST).map(customer => rig.maker.message(customer).request)
  const follower = await rig.desk.follow({ side: 'desk', what: 'effect', name: 'message' })
  proxy.forget()
  const answers = await sendClosedLoop(rig.port, requests)
  const written = await follower.until(all => all.length >= BURST, 60_000)
  await sleep(QUIET_MS)
  const burst = proxy.seen().filter(isWork)
  if (answers.ok !== BURST || written.length !== BURST) {
    throw new Error(`a burst of ${BURST}: ${answers.ok} were taken, ${written.length} are in the desk`)
  }
  const acks = burst.filter(statement => statement.application === 'puente intake')
  return [
    atMost('B6', 'SQL statements, inbound message alone', 6, alone.length / singles, `of ${singles}: ${tally(alone)}`),
    atMost('B6', `SQL statements a message, burst of ${BURST}`, 0.3, burst.length / BURST, tally(burst)),
    atMost('B8', 'commits a webhook in a burst (acknowledging path)', 0.1, acks.length / BURST, tally(acks))
  ]
}

/** The bench asks too (`settle`), but not through the proxy. */
function isWork(statement: SeenStatement): boolean {
  return !SWEEPS.test(statement.label)
}

function tally(statements: readonly SeenStatement[]): string {
  const counts = new Map<string, number>()
  for (const { label } of statements) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([label, n]) => `${label} ${n}`)
    .join(', ')
}
