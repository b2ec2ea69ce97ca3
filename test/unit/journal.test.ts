/** The journal and its sorter: order, what does not fit into memory, what is gone, and what nobody can store. */
import { randomBytes } from 'node:crypto'
import createKnex from 'knex'
import pg from 'pg'
import t from 'tap'
import { createJournal } from '../../adapters/postgres/journal.ts'
import { keepPartitions, migrate } from '../../adapters/postgres/migrate.ts'
import { createPages } from '../../adapters/postgres/pages.ts'
import { createVault } from '../../adapters/vault/vault.ts'
import { migrations } from '../../migrations/index.ts'
import type { Bridge } from '../../plugin/core/bridge.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { createCrowd } from '../../plugin/core/inbound/crowd.ts'
import { createSorter, type SorterOptions } from '../../plugin/core/inbound/sorter.ts'
import type { Journal, JournalPage } from '../../plugin/core/ports/journal.ts'
import type { IntakeBatch } from '../../plugin/core/ports/store.ts'
import { useDatabase } from '../support/postgres.ts'

async function openJournals(test: Parameters<typeof useDatabase>[0]) {
  const { url } = await useDatabase(test)
  const knex = createKnex({ client: 'pg', connection: url })
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  test.teardown(async () => {
    await pool.end()
    await knex.destroy()
  })
  await migrate(knex, migrations)
  await keepPartitions(knex, { keepDays: 2, aheadDays: 1, keepMonths: 2 }, new Date())
  const vault = createVault({ keys: [{ id: 1, key: randomBytes(32) }], current: 1 })
  const lost: number[] = []
  const open = (processId: string, keepBytes?: number): Journal =>
    createJournal({
      pool,
      pages: createPages(pool, vault),
      processId,
      keepBytes,
      onCommitted: () => {},
      onLost: () => void lost.push(1)
    })
  return { pool, open, lost }
}

const [ONE, TWO] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const
const textsOf = (pages: JournalPage[]): string[] =>
  pages.flatMap(page => page.entries.map(entry => entry.raw.toString()))

async function takeAll(journal: Journal): Promise<string[]> {
  const texts: string[] = []
  for (;;) {
    const pages = await journal.next(10)
    if (pages.length === 0 && !journal.depth().behind) return texts
    texts.push(...textsOf(pages))
    journal.done(pages)
  }
}

t.test('what is appended comes out in its order, once, and is forgotten', async t => {
  const { pool, open } = await openJournals(t)
  const journal = open(ONE)
  const wanted = Array.from({ length: 300 }, (_, n) => `webhook ${n}`)
  await Promise.all(wanted.map(text => journal.append(Buffer.from(text))))
  const commits = (await pool.query('select count(*)::int as n from journal')).rows[0].n
  t.ok(commits < 20, `${commits} commits for 300`)
  t.same(await takeAll(journal), wanted)
  await journal.tidy()
  t.equal((await pool.query('select count(*)::int as n from journal')).rows[0].n, 0)
  await journal.close()
  await t.rejects(journal.append(Buffer.from('too late')), { code: 'not_stored' })
})

t.test('what does not fit into memory is read again in its turn, also with younger ones coming', async t => {
  const { open } = await openJournals(t)
  const journal = open(ONE, 50)
  const wanted: string[] = []
  const append = async (text: string): Promise<void> => {
    wanted.push(text)
    await journal.append(Buffer.from(text))
  }
  for (let n = 0; n < 40; n++) await append(`early ${n}`)
  t.ok(journal.depth().behind)
  const texts: string[] = []
  for (let n = 0; n < 10; n++) {
    const asked = journal.next(3)
    t.ok(journal.depth().behind, 'while it looks, nothing may overtake what it may find')
    const pages = await asked
    texts.push(...textsOf(pages))
    await append(`late ${n}`)
    journal.done(pages)
  }
  texts.push(...(await takeAll(journal)))
  t.same(texts, wanted)
})

t.test('a process that is gone leaves its pages to the next; a page that is gone holds up nothing', async t => {
  const { pool, open, lost } = await openJournals(t)
  const dead = open(ONE)
  for (const text of ['first', 'second', 'third']) await dead.append(Buffer.from(text))
  await pool.query('delete from pages where id = (select min(page_id) + 1 from journal)')
  const next = open(TWO)
  t.equal(await next.takeOver(true), true)
  t.same(await takeAll(next), ['first', 'third'])
  t.equal(lost.length, 1, 'said')
  t.equal(await next.takeOver(true), false, 'nothing is taken twice')
})

const BRIDGE = {
  clock: { now: () => new Date(), monotonicMs: () => performance.now() },
  registry: { numbers: () => [], byPhoneNumberId: () => undefined },
  count: () => {},
  log: { error: () => {}, warn: () => {}, info: () => {} },
  breakpoint: () => {},
  reload: async () => false,
  times: { dedupeMs: 1_000_000 }
}

/** One process, and webhooks that are one item each, named by their text. */
const ALONE: Pick<SorterOptions, 'parse' | 'explode' | 'isAlone' | 'isFirst'> = {
  parse: raw => raw.toString(),
  explode: (body, raw) => [
    { kind: 'unknown', phoneNumberId: null, key: String(body), at: new Date(), customer: {}, payload: raw }
  ],
  isAlone: () => true,
  isFirst: () => true
}

t.test('a webhook that the database refuses is set aside alone; while it is only away, everything waits', async t => {
  const { open } = await openJournals(t)
  const journal = open(ONE)
  const stored: string[] = []
  let away = true
  const bridge = {
    ...BRIDGE,
    intake: {
      depth: () => ({ rows: 0, bytes: 0 }),
      async accept(batch: IntakeBatch) {
        for (const row of batch.rows) {
          if (away) throw new PuenteError('database_unavailable', {})
          const name = row.code === 'body_malformed' ? `aside ${row.payload}` : row.key
          if (name.includes('poison') && row.code !== 'body_malformed')
            throw new PuenteError('not_stored', {
              cause: Object.assign(new Error('index row too large'), { code: '54000' })
            })
          if (!stored.includes(name)) stored.push(name)
        }
        return { stored: batch.rows.length }
      },
      async acceptAll(batches: IntakeBatch[]) {
        for (const batch of batches) await bridge.intake.accept(batch)
      }
    }
  }
  const sorter = createSorter({
    bridge: bridge as unknown as Bridge,
    journal,
    ...ALONE,
    crowd: createCrowd(() => performance.now())
  })
  for (const text of ['a', 'poison', 'b']) await journal.append(Buffer.from(text))
  sorter.kick()
  await new Promise(resolve => setTimeout(resolve, 600))
  t.same(stored, [], 'nothing is given up while the database is away')
  away = false
  const untilMs = performance.now() + 15_000
  while (!sorter.isIdle() && performance.now() < untilMs) await new Promise(resolve => setTimeout(resolve, 20))
  t.same(stored, [':a', 'aside poison', ':b'])
  await sorter.close(100)
})

t.test('few webhooks are sorted at once, together with what comes meanwhile; a crowd goes by the journal', async t => {
  let way: string[] = []
  let [rows, perSecond] = [0, 0]
  const sorter = createSorter({
    bridge: {
      ...BRIDGE,
      intake: { depth: () => ({ rows, bytes: 0 }), accept: async () => void way.push('at once') }
    } as unknown as Bridge,
    journal: {
      depth: () => ({ waiting: 0, unsorted: 0, behind: false }),
      append: async () => void way.push('journal'),
      tidy: async () => {}
    } as unknown as Journal,
    crowd: { came() {}, stored() {}, perSecond: () => perSecond, part: () => 1 },
    ...ALONE
  })
  const goes = async (): Promise<string[]> => {
    way = []
    await sorter.receive(Buffer.from('a'))
    return way
  }
  t.same(await goes(), ['at once'])
  rows = 20
  t.same(await goes(), ['at once'], 'it shares the next commit with those')
  rows = 2_000
  t.same(await goes(), ['journal'])
  rows = 0
  perSecond = 4_000
  t.same(await goes(), ['journal'], 'so many would be held up by sorting')
  await sorter.close(10)
})

t.test('sorting rests between its rounds only while acknowledging is slow although delivery holds back', async t => {
  let part = 1
  const rests: number[] = []
  let pages: JournalPage[] = []
  const sorter = createSorter({
    bridge: {
      ...BRIDGE,
      sleep: async (ms: number) => void rests.push(ms),
      intake: {
        depth: () => ({ rows: 0, bytes: 0 }),
        acceptAll: () => new Promise(resolve => setTimeout(resolve, 40))
      }
    } as unknown as Bridge,
    journal: {
      depth: () => ({ waiting: 0, unsorted: pages.length, behind: false }),
      next: async () => pages.splice(0, 1),
      done() {},
      tidy: async () => {}
    } as unknown as Journal,
    crowd: { came() {}, stored() {}, perSecond: () => 4_000, part: () => part },
    ...ALONE
  })
  const sortThree = async (): Promise<number[]> => {
    rests.length = 0
    const ref = { pageDay: '2026-11-30', pageId: 1, offset: 0, length: 1 }
    pages = [1, 2, 3].map(id => ({ id, entries: [{ raw: Buffer.from('a'), ref }] }))
    sorter.kick()
    while (!sorter.isIdle()) await new Promise(resolve => setTimeout(resolve, 10))
    return rests.map(ms => Math.round(ms / 40))
  }
  t.same(await sortThree(), [])
  part = 1 / 33
  t.same(await sortThree(), [1, 1, 1], 'as long as the round took')
  part = 1 / 1000
  t.same(await sortThree(), [2, 2, 2], 'it never stands still')
  await sorter.close(10)
})
