/**
 * The judge: compares what the sandboxes sent and saw acknowledged, what PostgreSQL says of it, and the effects in both
 * ledgers. Everything that breaks a law is named by its tag, so that a red row can be looked into.
 */
import type { LedgerEntry } from '../../adapters/sandbox/parts.ts'
import { TIMES } from '../../plugin/core/rules.ts'
import type { DeskView, ViewConversation, ViewMessage } from './doors.ts'
import type { Reply, Said } from './load.ts'
import { findInboundDisorder, findOutboundDisorder } from './oracle-order.ts'
import { emptyVerdict, slow } from './report.ts'
import { findLeaks } from './secrecy.ts'
import type { Death, World } from './world.ts'

export interface Verdict {
  /** How many messages were judged, both directions. */
  judged: number
  lost: string[]
  doubled: string[]
  reordered: string[]
  misfiled: string[]
  uncertain: string[]
  /** Those of the uncertain that no death of a process explains. */
  unexplained: string[]
  /** No loss, but no delivery either: shown to a person with a reason (set aside, failed, parked, too old). */
  shown: string[]
  /** Shown statuses that went backwards or stayed wrong (I6), secrets that leaked (I8), crashes, what never settled. */
  broken: string[]
}

export interface EventRow {
  key: string
  lane: number | null
  state: number
  code: string | null
  ord: number
  seq: number
  received: number
  attempted: number | null
}

export interface PartRow {
  attempt: string
  message: number
  generation: number
  attempted: number
  state: number
}

export interface Evidence {
  view: DeskView
  ledger: LedgerEntry[]
  /** Acknowledged webhooks: wamid → position in the ledger. */
  acked: Map<string, number>
  /** Position at which the customer said it. */
  spoken: Map<string, number>
  events: Map<string, EventRow>
  deliveries: Map<number, { state: string; code: string | null; told: string }>
  parts: PartRow[]
  /** Desk rows by source id, without deleted ones. */
  rows: Map<string, { message: ViewMessage; conversation: ViewConversation }[]>
  deaths: Death[]
  /** From the commit of an attempt: for so long it may be on its way. */
  onTheWayMs: number
  /** Messages of WhatsApp of which a status was acknowledged. */
  named: Set<string>
  /** Attempts of which a process said itself that no answer came; with shortened times a call may take a second. */
  cutOff: Set<string>
  /** What WhatsApp accepted, in order. */
  sent: { n: number; phone: string; callback: string; wamid: string; text: string }[]
}

export async function gatherEvidence(world: World): Promise<Evidence> {
  const [view, ledger] = await Promise.all([world.doors.view(), world.doors.ledger()])
  const acked = new Map<string, number>()
  const spoken = new Map<string, number>()
  const named = new Set<string>()
  const sent: Evidence['sent'] = []
  for (const entry of ledger) {
    const wamid = String(entry.ids['wamid'] ?? '')
    if (entry.side !== 'graph') continue
    if (entry.what === 'hook' && entry.name === 'message' && entry.status === 200) {
      for (const each of wamid.split(' ')) if (!acked.has(each)) acked.set(each, entry.n)
    }
    if (entry.what === 'hook' && entry.name === 'status' && entry.status === 200)
      for (const each of wamid.split(' ')) named.add(each)
    if (entry.what === 'effect' && entry.name === 'say' && !spoken.has(wamid)) spoken.set(wamid, entry.n)
    if (entry.what === 'effect' && entry.name === 'sent') {
      sent.push({
        n: entry.n,
        phone: String(entry.ids['waId'] ?? ''),
        callback: String(entry.ids['callback'] ?? ''),
        wamid,
        text: JSON.stringify(entry.body ?? '')
      })
    }
  }
  const events =
    await world.query<EventRow>(`select key, lane_id::float8 as lane, state, code, ord::float8 as ord, seq::float8 as seq,
    (extract(epoch from received_at) * 1000)::float8 as received,
    (extract(epoch from attempt_at) * 1000)::float8 as attempted from events`)
  const deliveries = await world.query<{ id: number; state: string; code: string | null; told: string }>(
    'select message_id::float8 as id, state, code, told from deliveries'
  )
  const parts =
    await world.query<PartRow>(`select attempt_id::text as attempt, message_id::float8 as message, generation, state,
    (extract(epoch from attempt_at) * 1000)::float8 as attempted from parts`)
  const rows: Evidence['rows'] = new Map()
  for (const conversation of view.conversations) {
    for (const message of conversation.messages) {
      if (message.sourceId === null || message.contentAttributes['deleted'] === true) continue
      rows.set(message.sourceId, [...(rows.get(message.sourceId) ?? []), { message, conversation }])
    }
  }
  return {
    view,
    ledger,
    acked,
    spoken,
    events: new Map(events.map(event => [event.key, event])),
    deliveries: new Map(deliveries.map(({ id, ...rest }) => [id, rest])),
    parts,
    rows,
    deaths: world.deaths,
    onTheWayMs: (TIMES.attemptDeadlineMs + TIMES.graphCallMs) * world.timeFactor,
    named,
    cutOff: world.timeFactor < 1 ? findUnanswered(world.log.join('')) : new Set(),
    sent
  }
}

/** By the log lines of `core/outbound/send.ts`; a send that was given up without a word is not among them. */
export function findUnanswered(log: string): Set<string> {
  const lines = log.split('\n').filter(line => line.includes('send has no outcome yet'))
  // Not parsed: a process may have died in the middle of its last line.
  return new Set(lines.flatMap(line => /"code":"wa_no_answer","attempt":"([^"]+)"/.exec(line)?.[1] ?? []))
}

export interface JudgeOptions {
  /** Only tags that begin so; the whole world otherwise. */
  tag?: string
  /** A customer may have several conversations (resolved, deleted ones). */
  severalConversations?: boolean
}

export function judge(world: World, evidence: Evidence, options: JudgeOptions = {}): Verdict {
  const mine = (tag: string): boolean => options.tag === undefined || tag.startsWith(`${options.tag}-`)
  const said = world.load.said.filter(each => mine(each.tag))
  const replies = world.load.replies.filter(each => mine(each.tag))
  const verdict: Verdict = {
    ...emptyVerdict(),
    judged: said.length + replies.length,
    reordered: [...findInboundDisorder(said, evidence), ...findOutboundDisorder(replies, evidence)]
  }
  for (const each of said) judgeSaid(each, evidence, verdict)
  for (const each of replies) judgeReply(each, evidence, verdict)
  const opened = replies.flatMap(each => each.opened ?? [])
  judgePeople(new Set([...said.map(each => each.phone), ...opened]), evidence, verdict, options)
  judgeStatuses(new Set(replies.map(each => each.messageId)), evidence, verdict)
  return verdict
}

function judgeSaid(said: Said, evidence: Evidence, verdict: Verdict): void {
  const rows = evidence.rows.get(said.wamid) ?? []
  if (rows.length > 1) {
    const written = rows.map(each => `row ${each.message.id} at ${new Date(each.message.createdAt).toISOString()}`)
    verdict.doubled.push(`${said.tag}: ${written.join(', ')}`)
  }
  for (const { conversation } of rows) {
    if (conversation.contact?.phone !== `+${said.phone}`) verdict.misfiled.push(said.tag)
  }
  if (rows.length > 0) return
  const everThere = evidence.ledger.some(
    entry => entry.side === 'desk' && entry.name === 'message' && entry.ids['sourceId'] === said.wamid
  )
  if (everThere) return
  const event = evidence.events.get(`m:${said.wamid}`)
  if (event !== undefined && (event.state === 2 || event.state === 3)) verdict.shown.push(`${said.tag}: ${event.code}`)
  else if (event?.state === 0) verdict.broken.push(slow(`${said.tag} still waits (${event.code ?? 'no error'})`))
  else
    verdict.lost.push(
      `${said.tag}: ${evidence.acked.has(said.wamid) ? 'acknowledged' : 'never acknowledged'}, event ${event?.state ?? 'missing'}`
    )
}

function judgeReply(reply: Reply, evidence: Evidence, verdict: Verdict): void {
  const delivery = evidence.deliveries.get(reply.messageId)
  const phone = evidence.view.conversations.find(each => each.id === reply.conversationId)?.contact?.phone
  const rows = reply.sourceId === undefined ? [] : (evidence.rows.get(reply.sourceId) ?? [])
  if (rows.length > 1) verdict.doubled.push(`${reply.tag} (rows ${rows.map(each => each.message.id).join(', ')})`)
  let missing = 0
  for (const unit of reply.units) {
    const arrived = evidence.sent.filter(each => each.text.includes(unit))
    if (arrived.length > 1) verdict.doubled.push(`${reply.tag} (${arrived.length} times)`)
    if (arrived.length === 0) missing++
    for (const each of arrived) if (phone != null && `+${each.phone}` !== phone) verdict.misfiled.push(reply.tag)
  }
  if (delivery?.state === 'uncertain') {
    judgeUncertain(reply, evidence, verdict)
    return
  }
  if (missing === 0 || reply.mayVanish) return
  const event = evidence.events.get(`d:${reply.messageId}`)
  if (delivery !== undefined && ['failed', 'parked', 'recalled'].includes(delivery.state))
    verdict.shown.push(`${reply.tag}: ${delivery.state} ${delivery.code ?? ''}`)
  else if (delivery?.state === 'queued' || event?.state === 0)
    verdict.broken.push(slow(`${reply.tag} still waits (delivery ${delivery?.state ?? 'missing'})`))
  else if (event?.state === 2) verdict.shown.push(`${reply.tag}: set aside ${event.code}`)
  else verdict.lost.push(`${reply.tag}: delivery ${delivery?.state ?? 'missing'}, event ${event?.state ?? 'missing'}`)
}

/** Uncertain is honest only while nobody has said what became of it, and while there was a reason not to know. */
function judgeUncertain(reply: Reply, evidence: Evidence, verdict: Verdict): void {
  const open = evidence.parts.filter(part => part.message === reply.messageId && (part.state === 0 || part.state === 3))
  if (open.length === 0) verdict.broken.push(`${reply.tag} is called uncertain although all its parts are known`)
  let hung = 0
  for (const part of open) {
    const sent = evidence.sent.find(each => each.callback === part.attempt)
    if (sent !== undefined && evidence.named.has(sent.wamid))
      verdict.broken.push(`${reply.tag} is called uncertain although a status named it`)
    const died = evidence.deaths.some(
      death => death.atMs > part.attempted - CLOCKS_MS && death.atMs < part.attempted + evidence.onTheWayMs + CLOCKS_MS
    )
    if (!died) verdict.unexplained.push(`${reply.tag}, attempted while no process died`)
    if (!died && sent === undefined && evidence.cutOff.has(part.attempt)) hung++
  }
  // That a machine hangs for longer than a shortened call may take is no defect once; twice it is.
  const isHung = hung > 0 && hung === open.length
  verdict.uncertain.push(isHung ? slow(`${reply.tag} is uncertain, its call was cut off and never arrived`) : reply.tag)
}

/** The death of a process is noticed a moment later. */
const CLOCKS_MS = 500

/** One contact and one open conversation for each customer (C7). */
function judgePeople(phones: Set<string>, evidence: Evidence, verdict: Verdict, options: JudgeOptions): void {
  for (const phone of phones) {
    const theirs = evidence.view.conversations.filter(each => each.contact?.phone === `+${phone}`)
    const contacts = new Set(theirs.map(each => each.contact!.id))
    const made = evidence.ledger.filter(
      entry => entry.side === 'desk' && entry.name === 'contact' && contacts.has(Number(entry.ids['contactId']))
    )
    if (contacts.size > 1) verdict.doubled.push(`contact ${[...contacts].join('+')}`)
    if (made.length > contacts.size) verdict.doubled.push(`contact made ${made.length} times`)
    if (theirs.length > 1 && options.severalConversations !== true)
      verdict.doubled.push(`conversation ${theirs.map(each => each.id).join('+')}`)
  }
}

const RANK: Record<string, number> = { sent: 1, failed: 1.5, delivered: 2, read: 3 }

function judgeStatuses(messages: Set<number>, evidence: Evidence, verdict: Verdict): void {
  const reached = new Map<string, number>()
  for (const [index, entry] of evidence.ledger.entries()) {
    if (entry.side === 'desk' && entry.what === 'effect' && entry.name === 'status') {
      const { from, status, messageId } = entry.ids
      if (!messages.has(Number(messageId))) continue
      // The desk itself paints a message failed whose hook was not taken; only what Puente wrote is judged here.
      const cause = evidence.ledger[index + 1]
      const ours = cause?.what === 'call' && cause.name.startsWith('PATCH') && cause.ids['messageId'] === messageId
      // From failed everything goes up: a retry by a person, or the truth written back.
      if (ours && from !== 'failed' && RANK[String(status)]! < RANK[String(from)]!)
        verdict.broken.push(`status of ${messageId} fell from ${from} to ${status}`)
    }
    if (entry.side === 'graph' && entry.what === 'hook' && entry.name === 'status' && entry.status === 200) {
      const wamid = String(entry.ids['wamid'])
      reached.set(wamid, Math.max(reached.get(wamid) ?? 0, RANK[String(entry.ids['status'])] ?? 0))
    }
  }
  const attemptOf = new Map(evidence.parts.map(part => [part.attempt, part]))
  const lowest = new Map<number, number>()
  for (const each of evidence.sent) {
    const part = attemptOf.get(each.callback)
    if (part === undefined || !messages.has(part.message)) continue
    const rank = reached.get(each.wamid) ?? 0
    lowest.set(part.message, Math.min(lowest.get(part.message) ?? 9, rank))
  }
  for (const conversation of evidence.view.conversations) {
    for (const message of conversation.messages) {
      const wanted = lowest.get(message.id)
      if (wanted === undefined || wanted < 2 || message.contentAttributes['deleted'] === true) continue
      const delivery = evidence.deliveries.get(message.id)
      if (delivery?.state !== 'sent') continue
      if (RANK[message.status]! < wanted)
        verdict.broken.push(
          `message ${message.id} shows ${message.status}, told is ${delivery.told}, WhatsApp said rank ${wanted}`
        )
    }
  }
}

/** Settles, gathers and judges the whole world, with secrecy and crashes. */
export async function judgeWorld(world: World, options: JudgeOptions & { patienceMs?: number } = {}): Promise<Verdict> {
  const patienceMs = options.patienceMs ?? 60_000
  const settled = await world.settle(patienceMs)
  const verdict = judge(world, await gatherEvidence(world), options)
  if (!settled) verdict.broken.push(slow(`not settled within ${patienceMs} ms: ${await describeOpen(world)}`))
  verdict.broken.push(...world.crashes, ...(await findLeaks(world)))
  return verdict
}

export async function describeOpen(world: World): Promise<string> {
  const open = await world.query(`select
    (select json_agg(json_build_object('key', left(key, 12), 'kind', kind, 'attempts', attempts, 'attempt', attempt, 'code', code, 'due', due_at - now()))
       from (select * from events where state = 0 limit 4) e) as events,
    (select count(*) from events where state = 0) as n,
    (select json_agg(json_build_object('id', message_id, 'state', state, 'told', told, 'tick', tick_due_at - now(), 'code', code))
       from (select * from deliveries where state = 'queued' or tick_due_at is not null limit 4) d) as deliveries,
    (select count(*) from parts where state = 0) as parts,
    (select json_agg(json_build_object('key', left(e.key, 12), 'kind', e.kind, 'state', e.state, 'code', e.code, 'attempts', e.attempts, 'parts',
       (select json_agg(json_build_object('s', p.state, 'code', p.code, 'g', p.generation)) from parts p where p.message_id = d.message_id)))
       from (select * from deliveries where state = 'queued' limit 4) d left join events e on e.key like '%:' || d.message_id || '%') as behind,
    (select json_agg(json_build_object('id', id, 'out', outbound, 'due', due_at - now(), 'owner', owner is not null, 'arrivals', arrivals))
       from (select * from lanes where due_at is not null limit 4) l) as lanes`)
  return JSON.stringify(open[0])
}
