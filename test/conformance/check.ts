/**
 * One assumption that the code makes about another system: its id, its sentence, and how to see whether it holds.
 * Knows no system and prints nothing; what differs is described, never thrown away, and never with a secret in it.
 */
import { isDeepStrictEqual } from 'node:util'
import { PuenteError } from '../../plugin/core/errors.ts'

/** What a check may say; everything is looked at, the first difference does not end it. */
export interface Probe {
  /** `what` says what should be so. */
  ok(value: unknown, what?: string): void
  notOk(value: unknown, what?: string): void
  equal(seen: unknown, wanted: unknown, what?: string): void
  not(seen: unknown, unwanted: unknown, what?: string): void
  /** The same in depth. */
  same(seen: unknown, wanted: unknown, what?: string): void
  /** At least what is wanted: objects by the keys named, texts also by a regular expression. */
  match(seen: unknown, wanted: unknown, what?: string): void
}

export interface Check<Ground> {
  /** Named by a comment in the code that relies on it. */
  id: string
  says: string
  /** The first version of the other system where it holds, as far as is known. */
  since?: string
  /** What Puente does where it does not hold. Then not holding is fine (before `since`, if that is given). */
  without?: string
  /** Takes long or loads the other side; only when asked for. */
  slow?: true
  play(probe: Probe, ground: Ground): Promise<void>
}

export interface Outcome {
  id: string
  assumption: string
  /** Null: could not be checked. */
  holds: boolean | null
  /** What was seen instead, or why it was not checked. */
  seen: string | null
  /** Not holding is expected of this version; what Puente does then. */
  expected?: string
}

/** Thrown by a check that lacks something (an agent's token, a reachable receiver). */
export class NotChecked extends Error {}

/** Plays one check. Never throws. */
export async function playCheck<Ground>(
  check: Check<Ground>,
  ground: Ground,
  version: string | null
): Promise<Outcome> {
  const differences: string[] = []
  const outcome: Outcome = { id: check.id, assumption: check.says, holds: true, seen: null }
  try {
    await check.play(createProbe(differences), ground)
  } catch (error) {
    if (error instanceof NotChecked) return { ...outcome, holds: null, seen: error.message }
    differences.push(describeFailure(error))
  }
  if (differences.length === 0) return outcome
  outcome.holds = false
  outcome.seen = differences.join('; ')
  if (check.without !== undefined && (check.since === undefined || isBefore(version, check.since))) {
    outcome.expected = check.without
  }
  return outcome
}

export function createProbe(differences: string[]): Probe {
  const tell = (what: string | undefined, difference: string | null): void => {
    if (difference !== null) differences.push(what === undefined ? difference : `${what}: ${difference}`)
  }
  return {
    ok: (value, what) => tell(undefined, value ? null : `not so: ${what ?? show(value)}`),
    notOk: (value, what) => tell(what, value ? `${show(value)} instead of nothing` : null),
    equal: (seen, wanted, what) => tell(what, Object.is(seen, wanted) ? null : instead('', seen, wanted)),
    not: (seen, unwanted, what) => tell(what, Object.is(seen, unwanted) ? `${show(seen)}, which it must not be` : null),
    same: (seen, wanted, what) => tell(what, isDeepStrictEqual(seen, wanted) ? null : instead('', seen, wanted)),
    match: (seen, wanted, what) => tell(what, findDifference(seen, wanted, ''))
  }
}

function findDifference(seen: unknown, wanted: unknown, path: string): string | null {
  if (wanted instanceof RegExp) {
    return typeof seen === 'string' && wanted.test(seen) ? null : instead(path, seen, wanted)
  }
  if (typeof wanted !== 'object' || wanted === null) {
    return Object.is(seen, wanted) ? null : instead(path, seen, wanted)
  }
  if (typeof seen !== 'object' || seen === null) return instead(path, seen, wanted)
  if (Array.isArray(wanted) && (!Array.isArray(seen) || seen.length !== wanted.length)) {
    return instead(path, seen, wanted)
  }
  for (const [key, value] of Object.entries(wanted)) {
    const found = findDifference((seen as Record<string, unknown>)[key], value, path === '' ? key : `${path}.${key}`)
    if (found !== null) return found
  }
  return null
}

function instead(path: string, seen: unknown, wanted: unknown): string {
  return `${path === '' ? '' : `${path} `}${show(seen)} instead of ${show(wanted)}`
}

const SHOWN_CHARS = 200

function show(value: unknown): string {
  if (value instanceof RegExp) return String(value)
  if (value instanceof Error) return describeFailure(value)
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text
}

/** Codes and facts of a PuenteError hold no secrets; other messages are those of this suite. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof PuenteError)) return error instanceof Error ? error.message : String(error)
  const { httpStatus, status = httpStatus, detail, details, reason, metaCode } = error.facts
  const facts = [status, metaCode, detail ?? details, reason].filter(fact => fact !== undefined && fact !== null)
  return `${error.code}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
}

/** Whether a version is older than another; an unknown one is not. */
export function isBefore(version: string | null, other: string): boolean {
  const numbers = (text: string) => text.split(/[^0-9]+/).map(Number)
  if (version === null || !/^\d+\.\d+/.test(version)) return false
  const [a, b] = [numbers(version), numbers(other)]
  for (let nth = 0; nth < 3; nth++) {
    const difference = (a[nth] ?? 0) - (b[nth] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}
