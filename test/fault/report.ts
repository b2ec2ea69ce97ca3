/**
 * Rows of the fault matrix as they are printed and written to JSON; a row holds only when nothing broke a law and nothing
 * ended otherwise than the row allows. What could not run here (`holds` is null) holds nothing and fails nothing.
 */
import type { Verdict } from './oracle.ts'

export interface Row {
  id: string
  fault: string
  moment: string
  runs: number
  lost: number
  doubled: number
  reordered: number
  misfiled: number
  uncertain: number
  holds: boolean | null
  /** Messages judged, both directions. */
  judged: number
  /** Not delivered, but shown to a person with its reason. */
  shown: number
  tookMs: number
  /** What broke, by name, what is only slowness last; empty when it holds. */
  because: string[]
}

export interface Head {
  id: string
  fault: string
  moment: string
}

/** What may become of messages beside being delivered once; nothing, unless the row says so. */
export interface Allowance {
  /** At most so many shown to a person instead, each with a reason that reads so. */
  shown?: { most: number; as: RegExp }
  /**
   * How many sends may stay uncertain. `dead` = any number, if a process died while it had attempted them and no status
   * ever named them.
   */
  uncertain?: number | 'dead'
  /** What a kept release at work in the row is known to do wrong, at most so often; mended since. */
  known?: { most: number; as: RegExp }
}

const SLOW = 'slow: '

/** Marks a sentence that says only that something took too long: such a row may be run once more, alone. */
export const slow = (sentence: string): string => `${SLOW}${sentence}`
export const isSlow = (sentence: string): boolean => sentence.startsWith(SLOW)

/** Something that had to come did not come in time. */
export class TooSlow extends Error {}

const MOST_SENTENCES = 20

export function toRow(
  head: Head,
  runs: number,
  verdict: Verdict,
  tookMs: number,
  failures: string[] = [],
  allows: Allowance = {}
): Row {
  const { lost, doubled, reordered, misfiled, broken } = verdict
  const because = [
    ...failures,
    ...lost.map(each => `lost ${each}`),
    ...doubled.map(each => `doubled ${each}`),
    ...reordered.map(each => `reordered ${each}`),
    ...misfiled.map(each => `misfiled ${each}`),
    ...notKnown(broken, allows),
    ...notAllowed(verdict, allows)
  ]
  const grave = because.filter(each => !isSlow(each))
  return {
    ...headOf(head),
    runs,
    lost: lost.length,
    doubled: doubled.length,
    reordered: reordered.length,
    misfiled: misfiled.length,
    uncertain: verdict.uncertain.length,
    holds: because.length === 0,
    judged: verdict.judged,
    shown: verdict.shown.length,
    tookMs: Math.round(tookMs),
    because: [...grave, ...because.filter(isSlow)].slice(0, MOST_SENTENCES)
  }
}

function notKnown(broken: string[], { known }: Allowance): string[] {
  const defects = broken.filter(each => known?.as.test(each))
  return defects.length > (known?.most ?? 0) ? broken : broken.filter(each => !defects.includes(each))
}

function notAllowed(verdict: Verdict, { shown, uncertain = 0 }: Allowance): string[] {
  const strange = verdict.shown.filter(each => shown === undefined || !shown.as.test(each))
  const tooMany = shown !== undefined && verdict.shown.length > shown.most
  const unknown = uncertain === 'dead' ? verdict.unexplained : verdict.uncertain
  const most = uncertain === 'dead' ? 0 : uncertain
  return [
    ...strange.map(each => `not delivered, only shown: ${each}`),
    ...(tooMany ? [`${verdict.shown.length} were only shown, ${shown.most} may be: ${verdict.shown[0]}`] : []),
    ...(unknown.length > most ? unknown.map(each => (isSlow(each) ? each : `uncertain ${each}`)) : [])
  ]
}

export const emptyVerdict = (): Verdict => ({
  judged: 0,
  lost: [],
  doubled: [],
  reordered: [],
  misfiled: [],
  uncertain: [],
  unexplained: [],
  shown: [],
  broken: []
})

export function failedRow(head: Head, error: unknown, tookMs: number): Row {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const sentence = `the row itself failed: ${text.slice(0, 600)}`
  return toRow(head, 0, emptyVerdict(), tookMs, [error instanceof TooSlow ? slow(sentence) : sentence])
}

/** What a row needs is not on this machine. */
export class NotRun extends Error {}

export function notRunRow(head: Head, why: string): Row {
  const nothing = { runs: 0, lost: 0, doubled: 0, reordered: 0, misfiled: 0, uncertain: 0, judged: 0, shown: 0 }
  return { ...headOf(head), ...nothing, holds: null, tookMs: 0, because: [why] }
}

const headOf = ({ id, fault, moment }: Head): Head => ({ id, fault, moment })

export function printRow(row: Row): void {
  if (row.holds === null) {
    process.stdout.write(`not run ${row.id.padEnd(3)} ${row.fault}; ${row.moment}: ${row.because.join(' ')}\n`)
    return
  }
  const counts = `judged ${row.judged}, lost ${row.lost}, doubled ${row.doubled}, reordered ${row.reordered}, misfiled ${row.misfiled}, uncertain ${row.uncertain}, shown ${row.shown}`
  const seconds = (row.tookMs / 1000).toFixed(1)
  process.stdout.write(
    `${row.holds ? 'holds' : 'BREAKS'}  ${row.id.padEnd(3)} ${row.fault}; ${row.moment}: ${counts} (${row.runs} runs, ${seconds} s)\n`
  )
  for (const each of row.because) process.stdout.write(`          ${each}\n`)
}
