/**
 * What the workers of both directions share: ports, clock, gates, permits. Made by the runtime, handed in everywhere;
 * holds no decisions.
 */
import type { AttributeNotes } from './attributes/keep.ts'
import type { DeskPace } from './desk/pace.ts'
import type { Permits } from './desk/permits.ts'
import type { Gates } from './gates.ts'
import type { InboundFact } from './model.ts'
import type { NumberWatch } from './number-watch.ts'
import type { AttributeStore } from './ports/attributes.ts'
import type { Channel } from './ports/channel.ts'
import type { Files } from './ports/files.ts'
import type { DeskHook, HelpDesk } from './ports/help-desk.ts'
import type { Consents, Instructions } from './ports/instructions.ts'
import type { MediaTools } from './ports/media-tools.ts'
import type { RateStore } from './ports/rates.ts'
import type { Deliveries, Intake, Lanes, Numbers, Recorder } from './ports/store.ts'
import type { StoredFiles } from './ports/stored-files.ts'
import type { Vanished } from './ports/vanished.ts'
import type { Registry } from './registry.ts'
import type { Times } from './rules.ts'
import type { TemplateLookup } from './templates/lookup.ts'

export interface Clock {
  now(): Date
  /** Never jumps; for durations and deadlines. */
  monotonicMs(): number
}

export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface Bridge {
  registry: Registry
  intake: Intake
  lanes: Lanes
  recorder: Recorder
  deliveries: Deliveries
  numbers: Numbers
  attributeStore: AttributeStore
  vanished: Vanished
  /** What the desk's conversations should show; written when nothing else waits. */
  attributes: AttributeNotes
  desk: HelpDesk
  channel: Channel
  /** Meta's templates, from our copy or fresh. */
  templates: TemplateLookup
  /** Meta's view of the numbers is read again. */
  numberWatch: Pick<NumberWatch, 'want'>
  /** What each WABA paid for its messages lately. */
  rates: Pick<RateStore, 'list'>
  /** Opens a file at a public address that a person typed; fails with `media_origin` or `media_unfetched`. */
  openLink(
    address: string
  ): Promise<{ stream: NodeJS.ReadableStream; name?: string; mimeType?: string; sizeBytes?: number }>
  media: MediaTools
  files: Files
  /** Uploads of agents, and the documents that are kept for them. */
  storedFiles: StoredFiles
  /** What the tab, scripts and hooks asked to be sent. */
  instructions: Instructions
  /** What customers said about marketing messages. */
  consents: Consents
  /** How browsers reach Puente, with its prefix and without trailing slash; null where nobody said so yet. */
  publicUrl(): string | null
  clock: Clock
  random: () => number
  newId: () => string
  times: Times
  /** Short waits inside a worker are scaled along with `times` in proofs. */
  timeFactor: number
  sleep(ms: number): Promise<void>
  gates: Gates
  permits(deskId: number): Permits
  pace(deskId: number): DeskPace
  /** Room for one more row in a conversation: 0 (and the row is counted), or milliseconds to wait. */
  rowPace(deskId: number, conversationId: number): number
  /** One of our rows was written; its hook should come back soon. */
  expectEcho(deskId: number, messageId: number): void
  /** Resolves with 0 when this process may send one more message from the number; otherwise after how many ms to ask again. */
  numberPace(numberId: number): Promise<number>
  /** Runs something that may be lost (read marks); failures are counted, not thrown. */
  background(task: () => Promise<void>): void
  /** Named moments at which a fault run may end the process; does nothing otherwise. */
  breakpoint(name: string): void
  count(name: string, labels?: Record<string, string>, n?: number): void
  log: Log
  /** What the bytes of a stored webhook item mean. */
  readFact(payload: Buffer): InboundFact
  /** What the bytes of a stored desk hook mean. */
  readHook(payload: Buffer): DeskHook
  /** The process is to end: leave lanes after the item in hand. */
  stopping(): boolean
  /** Work became due for some lane: look soon. */
  wake(): void
  /** A hook of the desk could not be stored, and the desk calls once: look for what it said as soon as that is possible. */
  missedHook(): void
  /**
   * Reads numbers and desks again, at most once a second: another process may have connected what this one does not know
   * yet. False when nothing was read. `wait` = for what is told only once: comes back when it has been read.
   */
  reload(wait?: 'wait'): Promise<boolean>
}
