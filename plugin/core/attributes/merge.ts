/**
 * How our conversation attributes and those of others live in one hash that Chatwoot writes only whole (contract §13).
 * Pure: from what the newest hook told to what is to be written, and from the hook that follows a write to whether that
 * write undid somebody's change.
 */
import type { AttributeState, Attributes, Due } from '../ports/attributes.ts'

/** The keys that are ours (interface: In the desk); all others belong to somebody else. */
export const OUR_KEYS = [
  'channel',
  'wa_number',
  'wa_window_expires_at',
  'wa_last_template',
  'wa_last_error',
  'wa_origin',
  'wa_ctwa_id'
] as const

const OURS: ReadonlySet<string> = new Set(OUR_KEYS)

export function foreignOf(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([key]) => !OURS.has(key)))
}

/** Order of keys means nothing. */
export function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

/** Everything of `part` is in `whole` as it is. */
export function holds(whole: Attributes, part: Attributes): boolean {
  return Object.entries(part).every(([key, value]) => isSame(whole[key], value))
}

/** What is to be written: the keys of others as they are (or should be again), ours as we know them. Null: nothing. */
export function planWrite(ours: Attributes, state: AttributeState): Attributes | null {
  const whole = { ...(state.want ?? foreignOf(state.now)), ...ownKept(state.now), ...ours }
  return isSame(whole, state.now) ? null : whole
}

/** Ours that we no longer know (an older Puente wrote them) stay. */
function ownKept(now: Attributes): Attributes {
  return Object.fromEntries(Object.entries(now).filter(([key]) => OURS.has(key)))
}

export interface HeardAttributes {
  /** As they were when the hook was made; several changes may lie behind that already. */
  current: Attributes
  /** The one change that the hook is about, where it is about attributes. */
  changed: { from: Attributes; to: Attributes } | null
}

/**
 * What a hook changes in our picture. If it is the echo of our own write, and the desk held something else right before
 * it than we had built on, somebody's change went under: it is put back.
 */
export function hear(
  ours: Attributes,
  known: AttributeState | null,
  heard: HeardAttributes
): { state: AttributeState; due: Due; restores: boolean } {
  const { current, changed } = heard
  const state: AttributeState = { ...known, now: current }
  let restores = false
  if (known?.wrote !== undefined && known.from !== undefined && changed !== null && isSame(changed.to, known.wrote)) {
    const theirs = foreignOf(known.wrote)
    const target = applyChanges(theirs, known.from, foreignOf(changed.from))
    // What changed since our write is newer still.
    const want = applyChanges(target, theirs, foreignOf(current))
    // Judged once: a repeated hook must not undo what came later.
    delete state.from
    delete state.wrote
    if (!isSame(want, foreignOf(current))) {
      state.want = want
      restores = true
    }
  } else if (known?.want !== undefined) {
    const want = applyChanges(known.want, foreignOf(known.now), foreignOf(current))
    if (isSame(want, foreignOf(current))) delete state.want
    else state.want = want
  }
  if (state.want !== undefined) return { state, due: 'now', restores }
  return { state, due: holds(current, ours) ? null : 'later', restores }
}

/** `onto` with everything that differs between `before` and `after` carried over. */
export function applyChanges(onto: Attributes, before: Attributes, after: Attributes): Attributes {
  const result = { ...onto }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (isSame(before[key], after[key])) continue
    if (key in after) result[key] = after[key]
    else delete result[key]
  }
  return result
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, each: unknown) =>
      typeof each === 'object' && each !== null && !Array.isArray(each)
        ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
        : each
    ) ?? 'undefined'
  )
}
