// Times as people read them, in the browser's zone and in English.

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const exact = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3
})
const day = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' })
const deskTime = new Intl.DateTimeFormat('en-US', {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit'
})

export const showTime = (at: number): string => time.format(at)
export const showExact = (at: number): string => exact.format(at)
export const showDay = (at: number): string => day.format(at)
/** `Nov 22, 10:21 AM`, as the desk writes it. */
export const showDeskTime = (at: number): string => deskTime.format(at)

export function isSameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString()
}

/** `now`, `4m`, `3h`, `2d`: how long ago, as the desk's list shows it. */
export function showAge(at: number, now: number): string {
  const minutes = Math.max(0, Math.floor((now - at) / 60_000))
  if (minutes < 1) return 'now'
  if (minutes < 60) return `${minutes}m`
  if (minutes < 60 * 24) return `${Math.floor(minutes / 60)}h`
  return `${Math.floor(minutes / 60 / 24)}d`
}

/** `4 ms`, `1.2 s`, `3 min`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 90_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`
  return `${(ms / 3_600_000).toFixed(1)} h`
}

/** `+24 h`, `+25 h 30 min`: how far the sandbox's clock is ahead. */
export function showOffset(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes === 0) return 'real time'
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  return `+${[hours ? `${hours} h` : '', rest ? `${rest} min` : ''].filter(Boolean).join(' ')}`
}

export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
