/**
 * The append-only record of what was asked of the stand-ins and what they delivered, for oracles and the timeline.
 * With a file it survives a restart (JSON lines, written at most 100 ms late). Knows nothing of Meta or Chatwoot.
 */

import { appendFile, open, rename, rm, stat } from 'node:fs/promises'
import type { Ledger, LedgerEntry, SandboxClock } from './parts.ts'

export interface StoredLedger extends Ledger {
  /** Entries held in memory. */
  size(): number
  /** Reads the file of an earlier run; call once, before the first `add`. */
  load(): Promise<void>
  /** Writes what is left. */
  close(): Promise<void>
}

export interface LedgerOptions {
  clock: SandboxClock
  /** JSON lines file; absent = memory only. */
  file?: string
  /** Most entries in memory; the oldest quarter falls away beyond it. */
  maxEntries?: number
  /** How many of the newest entries keep their body in memory. */
  maxBodies?: number
  /** Size at which the file is set aside as `.1` (one generation is kept). */
  maxFileBytes?: number
}

const WRITE_EVERY_MS = 100

export function createLedger(options: LedgerOptions): StoredLedger {
  const { clock, file } = options
  const maxEntries = options.maxEntries ?? 2_000_000
  const maxBodies = options.maxBodies ?? 100_000
  const maxFileBytes = options.maxFileBytes ?? 512 * 1024 * 1024
  let entries: LedgerEntry[] = []
  let lastN = 0
  let lines: string[] = []
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let fileBytes = 0
  const listeners = new Set<(entry: LedgerEntry) => void>()

  function scheduleWrite() {
    if (timer || !file) return
    timer = setTimeout(() => {
      timer = undefined
      const chunk = lines.join('')
      lines = []
      writing = writing.then(() => writeChunk(chunk)).catch(() => {})
    }, WRITE_EVERY_MS)
    timer.unref()
  }

  async function writeChunk(chunk: string) {
    if (!file || chunk === '') return
    await appendFile(file, chunk)
    fileBytes += Buffer.byteLength(chunk)
    if (fileBytes > maxFileBytes) {
      await rename(file, `${file}.1`)
      fileBytes = 0
    }
  }

  /** Position of the first entry after number `n`; numbers rise but may have gaps after a restart. */
  function indexAfter(n: number): number {
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (entries[middle]!.n <= n) low = middle + 1
      else high = middle
    }
    return low
  }

  function keep(entry: LedgerEntry) {
    entries.push(entry)
    lastN = entry.n
    const old = entries[entries.length - 1 - maxBodies]
    if (old?.body !== undefined) old.body = undefined
    if (entries.length > maxEntries) entries = entries.slice(Math.floor(maxEntries / 4))
  }

  return {
    size: () => entries.length,
    add(input) {
      const entry: LedgerEntry = { n: lastN + 1, at: clock.now(), ...input }
      if (file) {
        lines.push(JSON.stringify(entry) + '\n')
        scheduleWrite()
      }
      keep(entry)
      for (const listener of listeners) listener(entry)
      return entry
    },
    list(filter = {}) {
      const { side, what, name } = filter
      const limit = filter.limit ?? Number.POSITIVE_INFINITY
      const found: LedgerEntry[] = []
      for (let i = indexAfter(filter.after ?? 0); i < entries.length && found.length < limit; i++) {
        const entry = entries[i]!
        if (side !== undefined && entry.side !== side) continue
        if (what !== undefined && entry.what !== what) continue
        if (name !== undefined && entry.name !== name) continue
        found.push(entry)
      }
      return found
    },
    // Numbers go on after a clear, so that a reader's `after` stays valid.
    clear() {
      entries = []
      lines = []
      if (!file) return
      writing = writing
        .then(() => Promise.all([rm(file, { force: true }), rm(`${file}.1`, { force: true })]))
        .then(() => {
          fileBytes = 0
        })
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async load() {
      if (!file) return
      for (const part of [`${file}.1`, file]) {
        const handle = await open(part).catch(() => undefined)
        if (!handle) continue
        try {
          for await (const line of handle.readLines()) {
            // A line cut short by a kill is skipped: it was never more than a record.
            const entry = readLine(line)
            if (entry && entry.n > lastN) keep(entry)
          }
        } finally {
          await handle.close().catch(() => {})
        }
      }
      fileBytes = await stat(file).then(
        found => found.size,
        () => 0
      )
    },
    async close() {
      if (timer) clearTimeout(timer)
      timer = undefined
      listeners.clear()
      // After what is still being written, or the numbers would stand in the wrong order.
      await writing.catch(() => {})
      const chunk = lines.join('')
      lines = []
      await writeChunk(chunk)
    }
  }
}

function readLine(line: string): LedgerEntry | undefined {
  try {
    const entry = JSON.parse(line) as LedgerEntry
    return typeof entry.n === 'number' ? entry : undefined
  } catch {
    return undefined
  }
}
