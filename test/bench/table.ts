/** One row of the bench and how all of them are printed. A bar that could not run holds nothing and fails nothing. */
import { readFileSync } from 'node:fs'
import { cpus, platform, totalmem } from 'node:os'

export interface Bar {
  id: string
  what: string
  /** What must be reached, in words. */
  bar: string
  measured: number | string | null
  /** What the same run measured as the limit, where the bar is a ratio. */
  limit: number | string | null
  ratio: number | null
  /** Null = not run; `why` says why not. */
  holds: boolean | null
  why?: string
  /** How it was measured: sizes, spread, breakdown. */
  detail?: string
}

export function notRun(id: string, what: string, bar: string, why: string): Bar {
  return { id, what, bar, measured: 'not run', limit: null, ratio: null, holds: null, why }
}

/** A bar whose measured value must not exceed the limit. */
export function atMost(id: string, what: string, most: number, measured: number, detail?: string, unit = ''): Bar {
  const holds = Number.isFinite(measured) && measured <= most
  return { id, what, bar: `≤ ${most}${unit}`, measured: round(measured), limit: null, ratio: null, holds, detail }
}

export function exactly(id: string, what: string, wanted: number, measured: number, detail?: string): Bar {
  return {
    id,
    what,
    bar: String(wanted),
    measured: round(measured),
    limit: null,
    ratio: null,
    holds: measured === wanted,
    detail
  }
}

export function ratioBar(
  id: string,
  what: string,
  least: number,
  measured: number,
  limit: number,
  ratio: number,
  detail?: string
): Bar {
  return {
    id,
    what,
    bar: `≥ ${least.toFixed(2)}`,
    measured: Math.round(measured),
    limit: Math.round(limit),
    ratio: Math.round(ratio * 1000) / 1000,
    holds: ratio >= least,
    detail
  }
}

export function round(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Math.round(value * 1000) / 1000
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value at that share of the sorted list; NaN for an empty one. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = Math.round(totalmem() / 2 ** 30)
  const version = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version as string
  return `${cpus().length} × ${model}, ${memory} GiB, ${platform()}, node ${process.version}, puente ${version}`
}

export function printTable(bars: readonly Bar[]): void {
  const rows = bars.map(bar => [
    bar.id,
    bar.what,
    bar.bar,
    bar.measured === null ? '' : String(bar.measured),
    bar.limit === null ? '' : String(bar.limit),
    bar.ratio === null ? '' : bar.ratio.toFixed(3),
    bar.holds === null ? 'not run' : bar.holds ? 'holds' : 'FALLS SHORT'
  ])
  const head = ['', 'what', 'bar', 'measured', 'limit', 'ratio', '']
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map(row => row[at]!.length)))
  for (const row of [head, ...rows]) {
    process.stdout.write(
      `${row
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd()}\n`
    )
  }
  for (const bar of bars) {
    const note = bar.why ?? bar.detail
    if (note !== undefined) process.stdout.write(`  ${bar.id}: ${note}\n`)
  }
}
