/** A fact that was asked for, or why it could not be had: checks judge both. */
import { asPuenteError, type PuenteError } from '../core/errors.ts'

export type Read<T> = { ok: true; value: T } | { ok: false; error: PuenteError }

export async function attempt<T>(ask: () => Promise<T>): Promise<Read<T>> {
  try {
    return { ok: true, value: await ask() }
  } catch (error) {
    return { ok: false, error: asPuenteError(error) }
  }
}

/** The value, or what to use instead. */
export function valueOr<T, U>(read: Read<T> | null, instead: U): T | U {
  return read?.ok === true ? read.value : instead
}

/** True when the other side was not there at all, or not itself, or wants to be left alone: asking more is of no use. */
export function isAway(error: PuenteError): boolean {
  return /_(unreachable|unavailable|no_answer|temporary|rate_limited|throttled)$/.test(error.code)
}

/** A few words for `says`: what the error is about, without codes of ours. */
export function reasonOf(error: PuenteError): string {
  const { reason, status, httpStatus, detail, details } = error.facts
  const answered = status ?? httpStatus
  const words = [reason, answered === undefined ? undefined : `HTTP ${answered}`, detail ?? details]
  const told = words.filter(word => word !== undefined && word !== null && word !== '').join(', ')
  return told === '' ? error.code : told
}
