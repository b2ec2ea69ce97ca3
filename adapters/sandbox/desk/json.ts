/** JSON as Rails writes it: `< > &` and U+2028/9 escaped. A signature covers exactly these bytes (contract §5.1). */

const ESCAPED = /[<>&\u2028\u2029]/
const EACH = /[<>&\u2028\u2029]/g

export function railsJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!ESCAPED.test(text)) return text
  return text.replace(EACH, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** `2026-11-22T10:05:10.129Z`, or null. */
export function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** Whole seconds; 0 for a time that never was, as `nil.to_i`. */
export function epoch(ms: number | null): number {
  return ms === null ? 0 : Math.floor(ms / 1000)
}

/** As PostgreSQL's jsonb gives it back: keys by length, then by byte; nothing undefined. */
export function asJsonb<T>(value: T): T {
  if (Array.isArray(value)) return value.map(asJsonb) as T
  if (typeof value !== 'object' || value === null) return value
  const bytes = (key: string) => Buffer.byteLength(key)
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  entries.sort(([a], [b]) => bytes(a) - bytes(b) || Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return Object.fromEntries(entries.map(([key, inner]) => [key, asJsonb(inner)])) as T
}
