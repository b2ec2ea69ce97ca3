/** What a running Puente consists of, for those who hold one; and what tests may hand in. */
import type { createHttpClient } from '../../adapters/http/client.ts'
import type { Connections } from '../../adapters/postgres/connections.ts'
import type { Database } from '../../adapters/postgres/database.ts'
import type { EmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import type { Share } from '../../adapters/postgres/processes.ts'
import type { AttributeKeeper } from '../core/attributes/keep.ts'
import type { Bridge, Clock } from '../core/bridge.ts'
import type { DeskWatch } from '../core/desk-watch.ts'
import type { Sorter } from '../core/inbound/sorter.ts'
import type { Pump } from '../core/lanes/pump.ts'
import type { NumberWatch } from '../core/number-watch.ts'
import type { Jobs } from '../core/ports/jobs.ts'
import type { Journal } from '../core/ports/journal.ts'
import type { Oversight } from '../core/ports/oversight.ts'
import type { TemplateStore } from '../core/ports/templates.ts'
import type { RateReading } from '../core/rate-reading.ts'
import type { Reconcile } from '../core/reconcile.ts'
import type { ServedNumber } from '../core/registry.ts'
import type { TemplateMirror } from '../core/templates/mirror.ts'
import type { Metrics } from '../metrics.ts'
import type { TalkParts } from './talk.ts'

/** Handed in by tests and fault runs only; a product never sets them. */
export interface Injected {
  breakpoint?: (name: string) => void
  /** All times of the design scaled by one factor. */
  timeFactor?: number
  clock?: Clock
  random?: () => number
  /** Unit tests may run on a database that does not flush. */
  allowUnsafeDatabase?: boolean
  /** Nothing is sorted or delivered until it is switched on (bench of the acknowledging path). */
  paused?: boolean
  /** The limit of desk calls in flight never goes below this; with the ceiling at the same value it is fixed. */
  fixedDeskLimit?: number
  /** With so many rows on their way, webhooks go by the journal. */
  fewRows?: number
  /**
   * How the desk and Graph are called (default node:http, which whatever watches or mocks it in a host app can see). The
   * server of our own gives a faster one (docs/decisions/0022).
   */
  createHttp?: typeof createHttpClient
}

export interface Runtime {
  bridge: Bridge
  metrics: Metrics
  database: Database
  jobs: Jobs
  pump: Pump
  journal: Journal
  sorter: Sorter
  reconcile: Reconcile
  deskWatch: DeskWatch
  connections: Connections
  templateMirror: TemplateMirror
  templateStore: TemplateStore
  rateReading: RateReading
  numberWatch: NumberWatch
  attributes: AttributeKeeper
  /** The agent's tab, scripts, hooks of macros. */
  talk: TalkParts
  /** What the admin pages look at. */
  oversight: Oversight
  typing: (number: ServedNumber, conversationId: number) => void
  echoed: (deskId: number, messageId: number) => void
  processId: string
  installation: string
  embedded: EmbeddedPostgres | null
  share(): Share
  /** Says how browsers reach Puente, with its prefix. */
  servedAt(publicUrl: string): void
  refresh(): Promise<void>
  stop(): Promise<void>
}
