/** Port to the stored side of conversation attributes: what we say, what the desk was last heard to have, what is due. */

export type Attributes = Record<string, unknown>

export interface AttributeKey {
  numberId: number
  /** The display id. */
  conversationId: number
}

/** Something changed that the desk should show. Keys that are not named stay as they are. */
export interface AttributeNote extends AttributeKey {
  ours: Attributes
  /** The conversation was just made with these: that was its first write. */
  born?: Attributes
}

/** What is known of the desk's side. Sealed where it is stored. */
export interface AttributeState {
  /** All attributes as the desk has them, by the newest hook. */
  now: Attributes
  /** The keys of others as they should be again, where one of our writes undid somebody's change. */
  want?: Attributes
  /** The keys of others that our last write was built on, and all that it wrote. */
  from?: Attributes
  wrote?: Attributes
}

export interface AttributeRow extends AttributeKey {
  ours: Attributes
  state: AttributeState | null
  /** `updated_at` of the conversation in the newest hook, seconds. */
  heardAt: number | null
}

export type Due = 'now' | 'later' | null

export interface AttributeStore {
  /** Joins what is new into what is known; due when the last write is `everyMs` ago, and only if something changed. */
  note(notes: AttributeNote[], everyMs: number): Promise<void>
  /** Rows of these conversations, as far as there are any. */
  read(keys: AttributeKey[]): Promise<AttributeRow[]>
  /** The desk's side as heard; older than what is known is left out. `later`: due when the last write is old enough. */
  heard(rows: (AttributeKey & { state: AttributeState; heardAt: number; due: Due })[], everyMs: number): Promise<void>
  /** Due rows of a desk, leased for so long. */
  claim(deskId: number, limit: number, leaseMs: number): Promise<AttributeRow[]>
  /** Before the bytes leave: what is about to be written counts as a write, whatever becomes of it. */
  writing(row: AttributeRow, state: AttributeState, everyMs: number): Promise<void>
  /** It was written (or there was nothing to write); what changed meanwhile stays due. */
  wrote(row: AttributeRow, state: AttributeState): Promise<void>
  forget(key: AttributeKey): Promise<void>
}
