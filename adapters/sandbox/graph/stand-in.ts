/** The outside of the Graph stand-in: what it is made from and what it can be asked. `graph.ts` builds it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Json, Knobs, PhoneView, StatusName } from './model.ts'
import type { SayResult } from './say.ts'
import type { PostAnswer } from './webhooks.ts'

export interface GraphOptions {
  instance: string
  /** Rises with every start, so that ids never recur. */
  epoch?: number
  /** How many business numbers (default 1). */
  numbers?: number
  /** Where media bytes are kept; absent = memory. */
  mediaDir?: string
}

/** What `POST /__deliver` takes for WhatsApp. */
export interface DeliverInput {
  /** A webhook body; serialised as Meta does. */
  body?: unknown
  /** Exact bytes instead, as text or base64. */
  raw?: string
  rawBase64?: string
  headers?: Record<string, string>
  /** true (default) = with the app's secret, false = not at all, 'wrong', or another secret. */
  sign?: boolean | string
  encoding?: 'escaped' | 'plain'
  /** Instead of the subscribed callback. */
  url?: string
}

export interface GraphStandIn {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  setBaseUrl(url: string): void
  /** One thing that a customer does, or `{messages: [...], batch?: n}`. Throws an Error with a clear message on bad input. */
  say(input: unknown): Promise<SayResult | SayResult[]>
  deliver(input: DeliverInput): Promise<PostAnswer>
  /** Posts any field as an account webhook: `{field, value}`. Null = nobody is subscribed. */
  announceChange(field: string, value: Json): Promise<number | null>
  /** Tells a status by hand. Throws when the wamid was not accepted here. */
  setStatus(wamid: string, status: StatusName, failure?: { code: number; details?: string }): Promise<number | null>
  configure(knobs: unknown): Knobs
  config(): Json
  view(limit?: number): PhoneView
  findMedia(id: string): { mime: string; name: string | null; bytes: number; body: Readable } | undefined
  subscribe(listener: (customerId: string) => void): () => void
  snapshot(): unknown
  restore(snapshot: unknown): void
  /** Back to the start, with the same ids and subscriptions. */
  reset(): Promise<void>
  close(): void
}
