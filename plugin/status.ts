/** What runs and whether anything needs a person: `puente status`, read from the database alone. */
import type { Database } from '../adapters/postgres/database.ts'
import type { Numbers } from './core/ports/store.ts'

export interface Status {
  at: string
  needsPerson: string[]
  processes: number
  numbers: {
    phoneNumberId: string
    displayPhoneNumber: string
    sandbox: boolean
    inboxId: number
    state: 'working' | 'paused'
    pausedCode: string | null
    tokenHint: string
    waiting: { inbound: number; outbound: number; oldestSeconds: number }
    setAside: number
    parked: number
    uncertain: number
    failedLastDay: number
    lastErrors: { code: string; count: number }[]
  }[]
  sandbox?: { whatsapp: string; chatwoot: string }
}

export async function readStatus(database: Database, numbers: Numbers, now: Date): Promise<Status> {
  const { numbers: records, desks } = await numbers.list()
  const pool = database.work
  const rows: Status['numbers'] = []
  const needsPerson: string[] = []
  for (const number of records) {
    const waiting = await pool.query(
      `select l.outbound, count(*)::int as n, coalesce(max(extract(epoch from now() - e.received_at)), 0)::float8 as age
       from events e join lanes l on l.id = e.lane_id where e.state = 0 and e.number_id = $1 group by 1`,
      [number.id]
    )
    const aside = await pool.query(
      'select code, count(*)::int as n from events where state = 2 and number_id = $1 group by 1',
      [number.id]
    )
    const states = await pool.query(
      `select state, count(*)::int as n from deliveries where number_id = $1
         and (state in ('parked', 'uncertain') or (state = 'failed' and created_at > now() - interval '1 day')) group by 1`,
      [number.id]
    )
    const errors = await pool.query(
      `select code, count(*)::int as n from deliveries where number_id = $1 and code is not null
         and created_at > now() - interval '1 day' group by 1 order by 2 desc limit 5`,
      [number.id]
    )
    type Waiting = { outbound: boolean; n: number; age: number }
    const of = (outbound: boolean): number => (waiting.rows as Waiting[]).find(row => row.outbound === outbound)?.n ?? 0
    const state = (name: string): number =>
      (states.rows as { state: string; n: number }[]).find(row => row.state === name)?.n ?? 0
    const setAside = (aside.rows as { n: number }[]).reduce((sum, row) => sum + row.n, 0)
    const pausedCode = number.pausedCode ?? desks.find(desk => desk.id === number.deskId)?.pausedCode ?? null
    if (pausedCode !== null) needsPerson.push(`${number.displayPhoneNumber} is paused: ${pausedCode}`)
    if (setAside > 0) needsPerson.push(`${number.displayPhoneNumber}: ${setAside} items are set aside`)
    if (state('uncertain') > 0)
      needsPerson.push(`${number.displayPhoneNumber}: ${state('uncertain')} sends are uncertain`)
    rows.push({
      phoneNumberId: number.phoneNumberId,
      displayPhoneNumber: number.displayPhoneNumber,
      sandbox: number.sandbox,
      inboxId: number.inboxId,
      state: pausedCode === null ? 'working' : 'paused',
      pausedCode,
      tokenHint: number.tokenHint,
      waiting: {
        inbound: of(false),
        outbound: of(true),
        oldestSeconds: Math.round(Math.max(0, ...(waiting.rows as Waiting[]).map(row => row.age)))
      },
      setAside,
      parked: state('parked'),
      uncertain: state('uncertain'),
      failedLastDay: state('failed'),
      lastErrors: (errors.rows as { code: string; n: number }[]).map(row => ({ code: row.code, count: row.n }))
    })
  }
  const alive = await pool.query(
    `select count(*)::int as n from processes where seen_at > now() - interval '15 seconds'`
  )
  const stand = records.find(number => number.sandbox)
  const standDesk = desks.find(desk => desk.id === stand?.deskId)
  return {
    at: now.toISOString(),
    needsPerson,
    processes: (alive.rows[0] as { n: number }).n,
    numbers: rows,
    ...(stand !== undefined && standDesk !== undefined
      ? { sandbox: { whatsapp: stand.graphUrl, chatwoot: standDesk.url } }
      : {})
  }
}
