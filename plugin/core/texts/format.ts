/** Numbers, money, times and lists as a language writes them (Intl). No currency is converted and nothing is rounded. */
import type { Locale } from './text.ts'

type NumberText = `${number}`

/** An exact decimal (`"67.99"`) in a currency; a code that Intl does not know stands behind the number as it came. */
export function formatMoney(locale: Locale, amount: string, currency: string): string {
  const fraction = amount.split('.')[1]?.length ?? 0
  try {
    const usual = new Intl.NumberFormat(locale, { style: 'currency', currency }).resolvedOptions()
    const digits = Math.min(20, Math.max(fraction, usual.maximumFractionDigits ?? 2))
    const format = new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      minimumFractionDigits: Math.min(digits, Math.max(fraction, usual.minimumFractionDigits ?? 0)),
      maximumFractionDigits: digits
    })
    return format.format(amount as NumberText)
  } catch {
    return `${formatDecimal(locale, amount)} ${currency}`.trim()
  }
}

/** An exact decimal with the separators of the language. */
export function formatDecimal(locale: Locale, amount: string): string {
  const fraction = Math.min(20, amount.split('.')[1]?.length ?? 0)
  return new Intl.NumberFormat(locale, { maximumFractionDigits: fraction }).format(amount as NumberText)
}

/** Date and time with the zone's name, since the agent's zone is not known to whoever writes a row. */
export function formatMoment(locale: Locale, at: Date, timeZone = 'UTC'): string {
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
    timeZoneName: 'short'
  }).format(at)
}

/** A calendar day such as a birthday (`1990-01-23`); anything else comes back as it is. */
export function formatDay(locale: Locale, day: string): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day)
  if (!match) return day
  const at = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(at.getTime())) return day
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(at)
}

/** The days (UTC) from the first to the last before `to`: `Oct 24 – Nov 22, 2026`. */
export function formatDays(locale: Locale, from: Date, to: Date): string {
  const last = new Date(Math.max(from.getTime(), to.getTime() - 1))
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    timeZone: 'UTC'
  }).formatRange(from, last)
}

/** `BR` → `Brazil`; a code that no country has comes back as it is. */
export function nameCountry(locale: Locale, code: string): string {
  try {
    return new Intl.DisplayNames(locale, { type: 'region' }).of(code) ?? code
  } catch {
    return code
  }
}

/** `2:05` or `1:02:05`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

export function formatSize(locale: Locale, bytes: number): string {
  const mega = bytes / 1_000_000
  const [value, unit] = mega >= 1 ? [mega, 'megabyte'] : [bytes / 1000, 'kilobyte']
  return new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value)
}

export function formatList(locale: Locale, items: readonly string[]): string {
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(items)
}
