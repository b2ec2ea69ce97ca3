// Times, numbers and money as the person's language writes them. Only shows; what is open or closed is the server's word.
import { tag } from './i18n.ts'

const two = (value: number): string => String(value).padStart(2, '0')

/** `23:04:59`; never below zero. */
export function showCountdown(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`
}

const isSameDay = (one: Date, other: Date): boolean => one.toDateString() === other.toDateString()

/** `10:22` today, `Nov 23, 10:22` on another day, with the year when it is another one. */
export function showMoment(iso: string, now = new Date()): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  const time: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: '2-digit' }
  const day: Intl.DateTimeFormatOptions = { month: 'short', day: 'numeric' }
  const year: Intl.DateTimeFormatOptions = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }
  return new Intl.DateTimeFormat(tag.value, isSameDay(at, now) ? time : { ...year, ...day, ...time }).format(at)
}

/** To the second, for timelines. */
export function showExact(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  return new Intl.DateTimeFormat(tag.value, {
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    second: '2-digit'
  }).format(at)
}

/** `in 3 hours`, `2 days ago`. */
export function showDistance(ms: number): string {
  const format = new Intl.RelativeTimeFormat(tag.value, { numeric: 'auto' })
  const minutes = Math.round(ms / 60_000)
  if (Math.abs(minutes) < 60) return format.format(minutes, 'minute')
  const hours = Math.round(ms / 3_600_000)
  if (Math.abs(hours) < 48) return format.format(hours, 'hour')
  return format.format(Math.round(ms / 86_400_000), 'day')
}

export const showNumber = (value: number): string => new Intl.NumberFormat(tag.value).format(value)

/** Messages cost fractions of a cent: `€0.0069`, but `€12.50`. */
export function showMoney(amount: number, currency: string): string {
  const digits: Intl.NumberFormatOptions = amount < 1 ? { maximumFractionDigits: 4 } : {}
  return new Intl.NumberFormat(tag.value, { style: 'currency', currency, ...digits }).format(amount)
}

export function showSize(bytes: number): string {
  const mega = bytes >= 1_000_000
  return new Intl.NumberFormat(tag.value, {
    style: 'unit',
    unit: mega ? 'megabyte' : 'kilobyte',
    maximumFractionDigits: mega ? 1 : 0
  }).format(mega ? bytes / 1_000_000 : bytes / 1000)
}

/** The name of a language in the person's language: `es_MX` → `Spanish (Mexico)`. */
export function showLanguage(code: string): string {
  try {
    return new Intl.DisplayNames(tag.value, { type: 'language' }).of(code.replace('_', '-')) ?? code
  } catch {
    return code
  }
}
