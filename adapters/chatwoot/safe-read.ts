/** Reads values out of JSON that may be anything, without ever throwing. Knows no wire shapes. */

export type JsonRecord = Readonly<Record<string, unknown>>

const NOTHING: JsonRecord = Object.freeze({})

/** The value if it is an object (not an array), else an empty one. */
export function recordOf(value: unknown): JsonRecord {
  return isRecord(value) ? value : NOTHING
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Freed from NUL and lone surrogates, which PostgreSQL refuses. */
export function textOf(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const whole = (value as unknown as { toWellFormed(): string }).toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '') : whole
}

/** A whole number above zero, as ids are; also when it came as digits. */
export function idOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : null
}

export function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}

/** Epoch seconds (the API) or ISO 8601 (hooks); the epoch itself when it is neither. */
export function timeOf(value: unknown): Date {
  if (typeof value === 'number' && Number.isFinite(value)) return validDate(new Date(value * 1000))
  if (typeof value === 'string') return validDate(new Date(value))
  return new Date(0)
}

function validDate(date: Date): Date {
  return Number.isNaN(date.getTime()) ? new Date(0) : date
}
