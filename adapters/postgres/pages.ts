/**
 * Sealed pages of raw payloads: written by the intake (many payloads, one encryption), read by lanes. A bounded memory
 * of opened pages saves the reading of what has just been written.
 */
import type pg from 'pg'
import { PuenteError } from '../../plugin/core/errors.ts'
import type { PayloadRef } from '../../plugin/core/ports/store.ts'

export interface Sealer {
  seal(plain: Buffer, context: string): Buffer
  open(sealed: Buffer, context: string): Buffer
}

export interface Pages {
  seal(plain: Buffer): Buffer
  remember(day: string, id: number, plain: Buffer): void
  read(ref: PayloadRef): Promise<Buffer>
  preload(refs: PayloadRef[]): Promise<void>
}

const CONTEXT = 'page'
/** Nothing lies there: its day was forgotten (another reason not to read it would be another key). */
export const PAGE_GONE = 'page is gone'

export function createPages(pool: pg.Pool, vault: Sealer, limitBytes = 24 * 1024 * 1024): Pages {
  // A Map keeps the order of insertion: the oldest page is the first key.
  const opened = new Map<string, Buffer>()
  let bytes = 0

  const remember = (key: string, plain: Buffer): void => {
    if (opened.has(key) || plain.length > limitBytes / 2) return
    opened.set(key, plain)
    bytes += plain.length
    for (const [oldest, page] of opened) {
      if (bytes <= limitBytes) break
      opened.delete(oldest)
      bytes -= page.length
    }
  }

  const load = async (wanted: { day: string; id: number }[]): Promise<Map<string, Buffer>> => {
    const answer = await pool.query({
      name: 'pages_read',
      text: `select p.day::text as day, p.id, p.sealed from unnest($1::date[], $2::bigint[]) as w(day, id)
             join pages p on p.day = w.day and p.id = w.id`,
      values: [wanted.map(page => page.day), wanted.map(page => page.id)]
    })
    const loaded = new Map<string, Buffer>()
    for (const row of answer.rows as { day: string; id: number; sealed: Buffer }[]) {
      const plain = vault.open(row.sealed, CONTEXT)
      loaded.set(`${row.day}/${row.id}`, plain)
      remember(`${row.day}/${row.id}`, plain)
    }
    return loaded
  }

  return {
    seal: plain => vault.seal(plain, CONTEXT),
    remember: (day, id, plain) => remember(`${day}/${id}`, plain),
    async read(ref) {
      const key = `${ref.pageDay}/${ref.pageId}`
      const page = opened.get(key) ?? (await load([{ day: ref.pageDay, id: ref.pageId }])).get(key)
      if (page === undefined) throw new PuenteError('vault_unreadable', { facts: { what: PAGE_GONE } })
      return page.subarray(ref.offset, ref.offset + ref.length)
    },
    async preload(refs) {
      const missing = new Map<string, { day: string; id: number }>()
      for (const ref of refs) {
        const key = `${ref.pageDay}/${ref.pageId}`
        if (!opened.has(key)) missing.set(key, { day: ref.pageDay, id: ref.pageId })
      }
      if (missing.size > 0) await load([...missing.values()])
    }
  }
}
