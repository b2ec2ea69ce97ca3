/**
 * Port to the journal of webhooks: what has been acknowledged, as it came, before anybody has looked into it. A page
 * leaves the journal when everything in it is sorted into events, statuses and so on.
 */
import type { PayloadRef } from './store.ts'

/** One webhook as it came, and where it lies sealed. */
export interface Entry {
  raw: Buffer
  ref: PayloadRef
}

/** Webhooks that were committed together; in the order of their arrival. */
export interface JournalPage {
  id: number
  entries: Entry[]
}

export interface Journal {
  /**
   * Resolves once the bytes are committed. Fails with `not_stored` (full, slow) or `database_unavailable`: then the
   * sender is told to repeat. Nothing of it is looked at.
   */
  append(raw: Buffer): Promise<void>
  /**
   * The oldest pages that are not sorted yet, with about as many webhooks as asked for: from memory or, what did not
   * fit there, from the database. Empty = none. Whoever takes them calls `done`, sooner or later.
   */
  next(most: number): Promise<JournalPage[]>
  /** Sorted: they are forgotten along with the next append, or by `tidy`. Harmless when repeated. */
  done(pages: readonly JournalPage[]): void
  /** Forgets in the database what is done. */
  tidy(): Promise<void>
  /** Takes over pages of processes that are gone (`everybody`: of all); true = there are some. */
  takeOver(everybody: boolean): Promise<boolean>
  depth(): { waiting: number; bytes: number; unsorted: number; behind: boolean }
  /** Takes nothing more; resolves when what was taken is committed or refused. */
  close(): Promise<void>
}
