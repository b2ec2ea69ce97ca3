/** What runs and whether anything needs a person: `puente status`, read from the database alone. */
import { createConnections } from '../adapters/postgres/connections.ts'
import type { Database } from '../adapters/postgres/database.ts'
import type { SecretSealer } from '../adapters/postgres/numbers.ts'
import { createTemplateStore } from '../adapters/postgres/templates.ts'
import { ERROR_TABLE, type ErrorCode } from './core/errors.ts'
import { findNeeds, type Need } from './core/needs.ts'
import type { NumberStatus } from './core/ports/oversight.ts'
import type { NumberRecord, Numbers } from './core/ports/store.ts'
import { findStandings, type Standing, type StandingFacts } from './core/standing.ts'
import { explainToAdmin } from './core/texts/describe.ts'

export type { NumberStatus } from './core/ports/oversight.ts'

export interface Status {
  at: string
  /** Each with what to do. Empty: nobody has to do anything. */
  needsPerson: string[]
  processes: number
  numbers: NumberStatus[]
  /** Set aside, and of no connected number: its number is not connected here, or nobody can read whose it is. */
  setAsideOfNone: { code: string; count: number }[]
  sandbox?: { whatsapp: string; chatwoot: string }
}

export async function readStatus(
  database: Database,
  numbers: Numbers,
  now: Date,
  vault: SecretSealer
): Promise<Status> {
  const { numbers: records, desks } = await numbers.list()
  const alive = await database.work.query(
    `select count(*)::int as n from processes where seen_at > now() - interval '15 seconds'`
  )
  const processes = (alive.rows[0] as { n: number }).n
  const connections = createConnections(database.knex, vault)
  const mirrors = await createTemplateStore(database.work).readMirrorState()
  const rows: NumberStatus[] = []
  for (const record of records) {
    const desk = desks.find(each => each.id === record.deskId)!
    const pausedCode = record.pausedCode ?? desk.pausedCode
    // An answer with its tick came by a hook: that one is proven along.
    const { inbound, answer } = await connections.readProof(record.id)
    const proven = inbound !== null && answer !== null
    const { url, accountId, version, role, tokenHint } = desk
    rows.push({
      phoneNumberId: record.phoneNumberId,
      displayPhoneNumber: record.displayPhoneNumber,
      sandbox: record.sandbox,
      inboxId: record.inboxId,
      state: pausedCode === null ? 'working' : 'paused',
      pausedCode,
      pausedBecause: meaningOf(pausedCode),
      proven,
      tokenHint: record.tokenHint,
      desk: { url, accountId, version, role, tokenHint },
      ...(await readQueues(database, record)),
      ...(await readTroubles(database, record)),
      inboxTrouble: record.inboxTrouble,
      standings: await readStandings(database, record),
      off: findOff(role, mirrors.find(mirror => mirror.numberId === record.id)?.inboxCode ?? null)
    })
  }
  const setAsideOfNone = await readAside(database, 0)
  const stand = records.find(number => number.sandbox)
  const standDesk = desks.find(desk => desk.id === stand?.deskId)
  return {
    at: now.toISOString(),
    needsPerson: [...sayNeeds(rows, processes), ...sayOfNone(setAsideOfNone)],
    processes,
    numbers: rows,
    setAsideOfNone,
    ...(stand !== undefined && standDesk !== undefined
      ? { sandbox: { whatsapp: stand.graphUrl, chatwoot: standDesk.url } }
      : {})
  }
}

async function readQueues(
  database: Database,
  number: NumberRecord
): Promise<Pick<NumberStatus, 'waiting' | 'ticksWaiting' | 'lastInboundSeconds' | 'reconciledSeconds'>> {
  const waiting = await database.work.query(
    `select l.outbound, count(*)::int as n, coalesce(max(extract(epoch from now() - e.received_at)), 0)::float8 as age
     from events e join lanes l on l.id = e.lane_id where e.state = 0 and e.number_id = $1 group by 1`,
    [number.id]
  )
  const lags = await database.work.query(
    `select extract(epoch from now() - reconciled_at)::float8 as reconciled,
       (select count(*)::int from deliveries where number_id = $1 and tick_due_at is not null) as ticks,
       (select extract(epoch from now() - max(received_at))::float8 from events
        where number_id = $1 and kind = 'message' and day >= current_date - 1) as inbound
     from numbers where id = $1`,
    [number.id]
  )
  type Waiting = { outbound: boolean; n: number; age: number }
  const rows = waiting.rows as Waiting[]
  const of = (outbound: boolean): number => rows.find(row => row.outbound === outbound)?.n ?? 0
  const lag = lags.rows[0] as { reconciled: number | null; ticks: number; inbound: number | null }
  return {
    waiting: {
      inbound: of(false),
      outbound: of(true),
      oldestSeconds: Math.round(Math.max(0, ...rows.map(row => row.age)))
    },
    ticksWaiting: lag.ticks,
    lastInboundSeconds: lag.inbound === null ? null : Math.round(lag.inbound),
    reconciledSeconds: lag.reconciled === null ? null : Math.round(lag.reconciled)
  }
}

type Troubles = Pick<
  NumberStatus,
  'setAside' | 'setAsideCodes' | 'parked' | 'uncertain' | 'failedLastDay' | 'lastErrors' | 'mended'
>

async function readTroubles(database: Database, number: NumberRecord): Promise<Troubles> {
  const pool = database.work
  const aside = await readAside(database, number.id)
  const states = await pool.query(
    `select state, count(*)::int as n from deliveries where number_id = $1
       and (((parked_at is not null or uncertain_at is not null) and state in ('parked', 'uncertain')) or (state = 'failed' and created_at > now() - interval '1 day')) group by 1`,
    [number.id]
  )
  const errors = await pool.query(
    `select code, count(*)::int as n from deliveries where number_id = $1 and code is not null
       and created_at > now() - interval '1 day' group by 1 order by 2 desc limit 5`,
    [number.id]
  )
  const mended = await pool.query(
    `select substr(name, 8) as what, sum(n)::int as n from counters
     where number_id = $1 and day > current_date - 7 and name like 'mended\\_%' group by 1 order by 1`,
    [number.id]
  )
  const state = (name: string): number =>
    (states.rows as { state: string; n: number }[]).find(row => row.state === name)?.n ?? 0
  return {
    setAside: aside.reduce((sum, each) => sum + each.count, 0),
    setAsideCodes: aside,
    parked: state('parked'),
    uncertain: state('uncertain'),
    failedLastDay: state('failed'),
    lastErrors: (errors.rows as { code: string; n: number }[]).map(row => ({
      code: row.code,
      count: row.n,
      means: meaningOf(row.code)
    })),
    mended: (mended.rows as { what: string; n: number }[]).map(row => ({ what: row.what, count: row.n }))
  }
}

async function readStandings(database: Database, number: NumberRecord): Promise<Standing[]> {
  const told = await database.work.query(
    'select status, can_send as "canSend", health_codes as "healthCodes", quality from numbers where id = $1',
    [number.id]
  )
  return findStandings(told.rows[0] as StandingFacts)
}

async function readAside(database: Database, numberId: number): Promise<{ code: string; count: number }[]> {
  const answer = await database.work.query(
    `select coalesce(code, 'unknown') as code, count(*)::int as count from events
     where state = 2 and number_id = $1 group by 1 order by 2 desc`,
    [numberId]
  )
  return answer.rows as { code: string; count: number }[]
}

/** Only an administrator may write an inbox. */
function findOff(role: string | null, mirrorCode: string | null): string[] {
  if (role === 'administrator' && mirrorCode !== 'needs_admin') return []
  return role === null
    ? ["Chatwoot's own template picker is not kept in step yet: whose token it is has not been read."]
    : ["Chatwoot's own template picker is not kept in step: that takes an administrator's token."]
}

function meaningOf(code: string | null): string | null {
  return code !== null && code in ERROR_TABLE ? explainToAdmin(code as ErrorCode) : null
}

const TROUBLE: Readonly<Record<string, string>> = {
  hook_url: 'its inbox sends its hooks elsewhere; run puente connect again',
  window: 'the reply window of its inbox is not 24 hours; run puente connect again',
  banner: 'the banner over the closed editor of its inbox was changed; run puente connect again',
  marker: "Puente's mark on its inbox is gone; run puente connect again",
  gone: 'its inbox was deleted in Chatwoot; run puente connect again, then puente replay --cause desk_inbox_gone',
  taken: 'another Puente took its inbox over; disconnect the number here or there',
  hidden: "the owner of Chatwoot's token is no member of its inbox; add that person in Chatwoot"
}

const STANDING: Readonly<Record<Standing, string>> = {
  banned: 'WhatsApp has banned it; see Business Support Home at Meta',
  unregistered:
    'it is not registered with WhatsApp any more; register it in WhatsApp Manager, then run puente connect again',
  blocked: 'WhatsApp does not let it send; run puente doctor for what Meta says',
  payment:
    'WhatsApp does not let it send before there is a payment method; add one in WhatsApp Manager. Messages of customers still come in',
  restricted: 'WhatsApp restricts it; see Business Support Home at Meta',
  flagged:
    'WhatsApp has flagged it for its low quality; send fewer marketing templates, and only to people who asked for them',
  low_quality:
    'Meta rates its quality low: customers block or report its messages. Send fewer marketing templates, and only to people who asked for them'
}

/** One sentence for each thing that does not end by itself. */
function sayNeeds(rows: NumberStatus[], processes: number): string[] {
  const needs = rows.flatMap(row => {
    const name = row.displayPhoneNumber || row.phoneNumberId
    return findNeeds(row, processes).map(need => sayNeed(need, name, row))
  })
  if (rows.length > 0 && processes === 0) needs.unshift('No Puente is running: start it with puente start.')
  return needs
}

/** A number of the same account that is served elsewhere is nobody's trouble; it is shown, and that is all. */
function sayOfNone(aside: Status['setAsideOfNone']): string[] {
  const codes = aside.filter(each => each.code !== 'number_unknown')
  const count = codes.reduce((sum, each) => sum + each.count, 0)
  if (count === 0) return []
  return [`${count} item(s) of no connected number are set aside (${codes.map(each => each.code).join(', ')}).`]
}

function sayNeed(need: Need, name: string, row: NumberStatus): string {
  switch (need.kind) {
    case 'paused':
      return `${name} is paused (${need.code}): ${row.pausedBecause === null ? '' : `${row.pausedBecause} `}Run puente doctor for what to do.`
    case 'inbox':
      return `${name}: ${TROUBLE[need.what] ?? need.what}.`
    case 'standing':
      return `${name}: ${STANDING[need.what]}.`
    case 'set_aside':
      return `${name}: ${need.count} item(s) are set aside (${need.codes.join(', ')}); mend the cause, then puente replay --since 30d.`
    case 'uncertain':
      return `${name}: ${need.count} send(s) are uncertain; ask the customers, then press Retry in Chatwoot where needed.`
    case 'unproven':
      return `${name} is connected but unproven: write to it from a phone, and answer in Chatwoot.`
    case 'late':
      return `${name}: the oldest item waits for ${need.seconds} s; see puente doctor.`
    case 'unread':
      return `${name}: Chatwoot was last read ${need.minutes} minutes ago; see puente doctor.`
  }
}
