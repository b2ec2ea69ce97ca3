/** Port to set-aside items that never got a lane: nobody could say whose they were, or they could not be stored as such. */
import type { EventKind, EventRef, PayloadRef } from './store.ts'

export interface LanelessItem extends EventRef, PayloadRef {
  seq: number
  kind: EventKind
}

export interface Laneless {
  /** Those that a person asked for, leased for a minute. */
  claim(limit: number): Promise<LanelessItem[]>
  /** Frees its dedupe key, so that the same fact can be stored anew beside it. It stays set aside. */
  freeKey(item: LanelessItem): Promise<LanelessItem>
  /** What it says has been stored anew. */
  taken(item: EventRef): Promise<void>
  /** It cannot be taken up now; it stays as it is. */
  left(item: EventRef): Promise<void>
}

/** Kinds that the desk told; all others are WhatsApp's. */
export const DESK_KINDS: readonly EventKind[] = ['hook', 'retry', 'removal', 'note']
/** Nothing that could be read a second time otherwise than the first. */
export const UNREADABLE_CODES: readonly string[] = ['body_malformed', 'unreadable_id']
