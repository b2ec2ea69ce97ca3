/**
 * The acknowledging path: webhooks as they came, many to a sealed page, one statement and one commit for each
 * page. A bounded queue answers `not_stored` rather than growing. What is committed and does not fit into memory is read
 * again when its turn comes.
 */
import type pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { Journal, JournalPage } from '../../plugin/core/ports/journal.ts'
import type { PayloadRef } from '../../plugin/core/ports/store.ts'
import { PAGE_GONE, type Pages } from './pages.ts'
import { isConnectionError } from './refusal.ts'
import { createSingleFlight } from './single-flight.ts'

export interface JournalOptions {
  pool: pg.Pool
  pages: Pages
  processId: string
  /** Something can be sorted. */
  onCommitted: () => void
  /** A page of the journal is gone, unsorted. */
  onLost: () => void
  /** The most that may wait for its commit; beyond it the sender is told to come back. */
  maxWaiting?: number
  maxBytes?: number
  /** After this a request is answered `not_stored` (default 2500 ms, the law says 3 s). */
  patienceMs?: number
  /** The most that is kept in memory until it is sorted (default 32 MiB). */
  keepBytes?: number
}

interface Waiting {
  raw: Buffer
  resolve: () => void
  reject: (error: PuenteError) => void
  settled: boolean
  /** Monotonic; then its sender is told to come back. */
  patientUntilMs: number
}

/** Cut into its bodies only when they are needed: a crowd of small objects that live long costs much to collect. */
interface KeptPage {
  id: number
  day: string
  lengths: readonly number[]
  plain: Buffer
}

const PAGE_BODIES = 500
const PAGE_BYTES = 4 * 1024 * 1024
/** Pages read again at a time. */
const READ_PAGES = 16

const APPEND = `
with gone as (
  delete from journal where page_id = any ($4::bigint[])
), page as (
  insert into pages (day, sealed) values (current_date, $1) returning day, id
)
insert into journal (page_id, page_day, process, lengths) select id, day, $2, $3::int[] from page
returning page_id as id, page_day::text as day`

const READ = `
select page_id as id, page_day::text as day, lengths from journal
where process = $1 and not page_id = any ($2::bigint[]) order by page_id limit $3`

/** Their process has not been heard of for long (or, asked for everybody's, is not this one). */
const TAKE_OVER = `
update journal j set process = $1
where process <> $1 and ($2 or not exists (
  select 1 from processes p where p.id = j.process and p.seen_at > clock_timestamp() - interval '15 seconds'))`

export function createJournal(options: JournalOptions): Journal {
  const { pool, pages, processId } = options
  const maxWaiting = options.maxWaiting ?? 20_000
  const maxBytes = options.maxBytes ?? 64 * 1024 * 1024
  const patienceMs = options.patienceMs ?? 2_500
  const keepBytes = options.keepBytes ?? 32 * 1024 * 1024
  let queue: Waiting[] = []
  /** On their way, no more in the queue. */
  let writing: Waiting[] = []
  /** Of both. */
  let waiting = 0
  let bytes = 0
  let closed = false
  let watch: NodeJS.Timeout | null = null
  /** Committed and not handed out yet, oldest first. */
  let kept: KeptPage[] = []
  let keptBytes = 0
  /** The database has older pages than memory, or pages that did not fit there. */
  let behind = false
  /** Nobody knows yet whether there are older pages. */
  let reading = false
  /** Handed out, not done. */
  const out = new Set<number>()
  let gone: number[] = []

  const settle = (one: Waiting, error: PuenteError | null): void => {
    if (one.settled) return
    one.settled = true
    waiting--
    bytes -= one.raw.length
    if (error === null) one.resolve()
    else one.reject(error)
  }

  // In order of arrival, hence of patience: one timer looks at the first.
  const giveUp = (): void => {
    watch = null
    const now = performance.now()
    for (const one of [...writing, ...queue]) {
      if (one.settled) continue
      if (one.patientUntilMs > now) {
        watch = setTimeout(giveUp, one.patientUntilMs - now)
        break
      }
      settle(one, new PuenteError('not_stored', { retryAfterSeconds: 5, facts: { waiting } }))
    }
    // What was given up must not be held while PostgreSQL says nothing.
    queue = queue.filter(one => !one.settled)
  }

  const take = (most: number): Waiting[] | null => {
    let size = 0
    let taken = 0
    for (const { raw } of queue) {
      if (taken >= Math.min(most, PAGE_BODIES) || (taken > 0 && size + raw.length > PAGE_BYTES)) break
      size += raw.length
      taken++
    }
    writing = queue.splice(0, taken)
    return taken === 0 ? null : writing
  }

  const write = async (batch: Waiting[]): Promise<() => void> => {
    const tellAll = (error: PuenteError | null) => (): void => {
      for (const one of batch) settle(one, error)
      options.onCommitted()
    }
    const plain = Buffer.concat(batch.map(({ raw }) => raw))
    const lengths = batch.map(({ raw }) => raw.length)
    const forgotten = gone
    gone = []
    try {
      const answer = await pool.query({
        name: 'journal',
        text: APPEND,
        values: [pages.seal(plain), processId, `{${lengths.join()}}`, `{${forgotten.join()}}`]
      })
      const { id, day } = answer.rows[0] as { id: number; day: string }
      pages.remember(day, id, plain)
      keep({ id, day, lengths, plain })
      return tellAll(null)
    } catch (error) {
      gone = forgotten.concat(gone)
      const code = isConnectionError(error) ? 'database_unavailable' : 'not_stored'
      // It may be there all the same: then it is found, and its repetition falls away.
      fallBehind()
      return tellAll(new PuenteError(code, { cause: error, retryAfterSeconds: 2 }))
    }
  }

  const keep = (page: KeptPage): void => {
    // Once something older waits in the database alone, everything younger does: the order stays.
    if (behind || keptBytes > keepBytes) {
      behind = true
      return
    }
    kept.push(page)
    keptBytes += page.plain.length
  }

  const flight = createSingleFlight({ take, write, comeBack: { waiting: () => queue.length } })

  const unkeep = (page: KeptPage): JournalPage => {
    keptBytes -= page.plain.length
    return cut(page)
  }

  const fallBehind = (): void => {
    behind = true
    kept = []
    keptBytes = 0
  }

  /** Null when the page is gone, as its day is forgotten: what nobody can read any more must not hold up the rest. */
  const readPage = async (ref: PayloadRef): Promise<Buffer | null> => {
    try {
      return await pages.read(ref)
    } catch (error) {
      if (!(error instanceof PuenteError && error.facts['what'] === PAGE_GONE)) throw error
      options.onLost()
      gone.push(ref.pageId)
      return null
    }
  }

  const readAgain = async (): Promise<JournalPage[]> => {
    // What comes meanwhile is kept in memory, and forgotten there if anything older turns up.
    behind = false
    try {
      const known = `{${[...out, ...gone].join()}}`
      const answer = await pool.query({ name: 'journal_read', text: READ, values: [processId, known, READ_PAGES] })
      const rows = answer.rows as { id: number; day: string; lengths: number[] }[]
      if (rows.length === 0) return []
      fallBehind()
      const refs = rows.map(row => ({
        pageDay: row.day,
        pageId: row.id,
        offset: 0,
        length: row.lengths.reduce((sum, length) => sum + length, 0)
      }))
      await pages.preload(refs)
      const read: JournalPage[] = []
      for (const [index, row] of rows.entries()) {
        const plain = await readPage(refs[index]!)
        if (plain !== null) read.push(cut({ ...row, plain }))
      }
      return read.length > 0 ? read : readAgain()
    } catch (error) {
      fallBehind()
      throw error
    }
  }

  return {
    append(raw) {
      if (closed || waiting >= maxWaiting || (bytes > 0 && bytes + raw.length > maxBytes))
        return Promise.reject(new PuenteError('not_stored', { retryAfterSeconds: 2, facts: { waiting } }))
      return new Promise((resolve, reject) => {
        queue.push({ raw, resolve, reject, settled: false, patientUntilMs: performance.now() + patienceMs })
        watch ??= setTimeout(giveUp, patienceMs)
        waiting++
        bytes += raw.length
        flight.kick()
      })
    },
    async next(most) {
      let pagesToTake = 0
      for (let entries = 0; pagesToTake < kept.length && entries < most; pagesToTake++)
        entries += kept[pagesToTake]!.lengths.length
      if (pagesToTake === 0 && !behind) return []
      reading = true
      try {
        const taken = pagesToTake > 0 ? kept.splice(0, pagesToTake).map(unkeep) : await readAgain()
        for (const page of taken) out.add(page.id)
        return taken
      } finally {
        reading = false
      }
    },
    done(sorted) {
      for (const page of sorted) {
        out.delete(page.id)
        gone.push(page.id)
      }
    },
    async tidy() {
      if (gone.length === 0) return
      const forgotten = gone
      gone = []
      try {
        await pool.query({
          name: 'journal_tidy',
          text: 'delete from journal where page_id = any ($1::bigint[])',
          values: [`{${forgotten.join()}}`]
        })
      } catch (error) {
        gone = forgotten.concat(gone)
        throw error
      }
    },
    async takeOver(everybody) {
      const answer = await pool.query({ name: 'journal_take_over', text: TAKE_OVER, values: [processId, everybody] })
      const some = (answer.rowCount ?? 0) > 0
      if (some) fallBehind()
      return some
    },
    depth: () => ({ waiting, bytes, unsorted: kept.length + out.size, behind: behind || reading }),
    async close() {
      closed = true
      await flight.landed()
      if (watch !== null) clearTimeout(watch)
    }
  }
}

function cut({ id, day, lengths, plain }: KeptPage): JournalPage {
  let offset = 0
  const entries = lengths.map(length => {
    const ref = { pageDay: day, pageId: id, offset, length }
    offset += length
    return { raw: plain.subarray(ref.offset, offset), ref }
  })
  return { id, entries }
}
