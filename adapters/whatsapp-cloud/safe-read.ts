/**
 * Reading of JSON that nobody vouches for: every function is total, never throws and never recurses.
 * Text is freed from NUL and lone surrogates, since PostgreSQL refuses both; ids are bounded, so that they fit an index.
 */

export type Loose = Record<string, unknown>

const EMPTY: readonly unknown[] = []
const MAX_ID_LENGTH = 256
/** 9999-12-31; what lies behind it is no time of Meta's. */
const MAX_SECONDS = 253_402_300_799

// Node 20 has both; the es2023 typings do not.
interface WellFormed {
  isWellFormed(): boolean
  toWellFormed(): string
}

export function asObject(value: unknown): Loose | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : undefined
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : EMPTY
}

/** The own property, so that a key like `constructor` taken from the wire finds nothing. */
export function ownValue(object: Loose, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

export function cleanText(text: string): string {
  const whole = (text as unknown as WellFormed).isWellFormed() ? text : (text as unknown as WellFormed).toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '') : whole
}

/** A string that is not empty; undefined for anything else. */
export function readText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  const text = cleanText(value)
  return text === '' ? undefined : text
}

/** A name or id of at most 256 characters; numbers are taken too, since Meta's examples mix both. */
export function readId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'string' || value.length > MAX_ID_LENGTH) return undefined
  return readText(value)
}

export function readNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || value === '' || value.length > 32) return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

export function readFlag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Meta's times: seconds since the epoch, as a string in messages and as a number elsewhere (contract §3). */
export function readTime(value: unknown): Date | undefined {
  const seconds = readNumber(value)
  if (seconds === undefined || seconds <= 0) return undefined
  if (seconds <= MAX_SECONDS) return new Date(Math.floor(seconds) * 1000)
  return seconds / 1000 <= MAX_SECONDS ? new Date(Math.floor(seconds)) : undefined
}

/** The digits of a phone number or wa_id; undefined when it has letters (a user id or a group id). */
export function readDigits(value: unknown): string | undefined {
  const text = readId(value)
  if (text === undefined) return undefined
  if (/^\d+$/.test(text)) return text
  if (!/^\+?[\d\s().-]+$/.test(text)) return undefined
  const digits = text.replace(/\D/g, '')
  return digits === '' ? undefined : digits
}

/** SHA-256 as lower-case hex; message webhooks give it in base64, media look-ups and history in hex (contract §5). */
export function readSha256(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (/^[0-9a-fA-F]{64}$/.test(value)) return value.toLowerCase()
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return undefined
  const bytes = Buffer.from(value, 'base64')
  return bytes.length === 32 ? bytes.toString('hex') : undefined
}
