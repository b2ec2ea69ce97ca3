/** What waits for its commit is bounded: whoever comes beyond it is told to come again, and nothing grows in memory. */
import type pg from 'pg'
import t from 'tap'
import { createIntake } from '../../adapters/postgres/intake.ts'
import { createJournal } from '../../adapters/postgres/journal.ts'

/** A PostgreSQL that takes everything and says nothing. */
const silent = { query: () => new Promise(() => {}) } as unknown as pg.Pool
const pages = { seal: (plain: Buffer) => plain, remember() {} } as never
const worker = { owner: '', leaseSeconds: 30, reserve: () => ({ size: 0, begin() {} }) }
const picture = (conversationId: number) => ({ numberId: 1, conversationId, status: 'open', at: 1 })

t.test('rows', async t => {
  const intake = createIntake({
    pool: silent,
    customers: {} as never,
    pages,
    worker,
    onCommitted() {},
    maxRows: 2,
    patienceMs: 50
  })
  const accept = (id: number) => intake.accept({ rows: [], statuses: [], conversations: [picture(id)] })
  const taken = [accept(1), accept(2)]
  await t.rejects(accept(3), { code: 'not_stored', retryAfterSeconds: 2 })
  t.equal(intake.depth().rows, 2)
  for (const each of taken) await t.rejects(each, { code: 'not_stored' }, 'nor does anybody wait for ever')
  t.equal(intake.depth().rows, 0)
})

t.test('webhooks, by number and by size', async t => {
  const make = (limits: { maxWaiting?: number; maxBytes?: number }) =>
    createJournal({
      pool: silent,
      pages,
      processId: 'p',
      onCommitted() {},
      onLost() {},
      patienceMs: 50,
      ...limits
    })
  for (const journal of [make({ maxWaiting: 2 }), make({ maxBytes: 20 })]) {
    const taken = [journal.append(Buffer.alloc(10)), journal.append(Buffer.alloc(10))]
    await t.rejects(journal.append(Buffer.alloc(10)), { code: 'not_stored' })
    t.match(journal.depth(), { waiting: 2, bytes: 20 })
    for (const each of taken) await t.rejects(each, { code: 'not_stored' })
  }
})
