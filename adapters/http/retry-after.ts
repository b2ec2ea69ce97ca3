/** `Retry-After` (RFC 9110 §10.2.3) in seconds. A date is taken relative to the answer's own `Date`: our clock may be wrong. */

type Headers = Record<string, string | string[] | undefined>

/** Undefined when the header is missing or unreadable; a moment that has passed is 0. `now` stands in for a missing `Date`. */
export function readRetryAfter(headers: Headers, now: Date): number | undefined {
  const value = first(headers['retry-after'])
  if (value === undefined || value === '') return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const at = Date.parse(value)
  if (Number.isNaN(at)) return undefined
  const told = Date.parse(first(headers['date']) ?? '')
  return Math.max(0, Math.ceil((at - (Number.isNaN(told) ? now.getTime() : told)) / 1000))
}

function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim()
}
