/**
 * Ports to templates: where Meta keeps them (`TemplateSource`) and our copy (`TemplateStore`), which outlives restarts
 * and is kept in step by one process at a time. Leaves out what they mean; see core/templates.
 */
import type { ListedTemplate } from '../templates/model.ts'
import type { NumberAccess } from './channel.ts'

export interface TemplateSource {
  /** All templates of a WABA, page by page. Harmless when repeated; fails with `wa_…`. */
  list(access: NumberAccess, wabaId: string): AsyncIterable<ListedTemplate[]>
  /** Those of one name, in every language, as they are now. */
  named(access: NumberAccess, wabaId: string, name: string): Promise<ListedTemplate[]>
}

/** How far the copy of a WABA's templates is, for one number. */
export interface MirrorState {
  numberId: number
  wabaId: string
  /** When the whole list was last read from Meta; null: never. */
  readAt: Date | null
  templates: number
  /** Why the last reading failed; null when it did not. */
  readCode: string | null
  /** When the inbox was last compared, and last written. */
  lookedAt: Date | null
  writtenAt: Date | null
  /** How many the desk's picker offers, and how many it cannot express. */
  shown: number
  leftOut: number
  /** Why the inbox is not kept in step: `needs_admin`, `taken`, or the code of a failure. */
  inboxCode: string | null
}

export interface TemplateStore {
  list(wabaId: string): Promise<ListedTemplate[]>
  find(wabaId: string, name: string, language: string): Promise<ListedTemplate | null>
  /** The whole list as Meta has it now: what is not in it is forgotten. Answers whether anything changed. */
  replace(wabaId: string, templates: readonly ListedTemplate[]): Promise<{ changed: boolean }>
  /** Some as they are now; others stay. */
  keep(wabaId: string, templates: readonly ListedTemplate[]): Promise<void>
  /** Something changed at Meta: the copy is to be renewed soon. Harmless when repeated. */
  want(wabaId: string): Promise<void>
  /** Those of the given WABAs that are due, now leased to this process for `leaseMs`; nobody else gets them. */
  claim(wabaIds: readonly string[], owner: string, leaseMs: number): Promise<string[]>
  /** Ends the lease. What was wanted meanwhile is due at once, unless it failed. */
  settle(wabaId: string, owner: string, outcome: { nextInMs: number; code: string | null }): Promise<void>
  saveMirror(
    numberId: number,
    mirror: { shown: number; leftOut: number; written: boolean; code: string | null }
  ): Promise<void>
  /** One row per connected number. */
  readMirrorState(): Promise<MirrorState[]>
}
