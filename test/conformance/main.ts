/**
 * `npm run conformance`: the suites against a real Chatwoot and, read-only, a real WhatsApp account. Prints a line per
 * check as it is played; Ctrl-C ends it early, and everything that was made is removed either way.
 */
import { writeFileSync } from 'node:fs'
import { createHttpClient } from '../../adapters/http/client.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { describeFailure, type Outcome } from './check.ts'
import { runHelpDeskSuite } from './help-desk-suite.ts'
import { type ConformanceOptions, HELP, readOptions, WrongUse } from './options.ts'
import { exitCodeOf, lineOf, type Report, summaryOf } from './report.ts'
import { runWhatsAppSuite } from './whatsapp-suite.ts'

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const UNREACHABLE = new Set([
  'desk_unreachable',
  'desk_unavailable',
  'desk_no_answer',
  'wa_unreachable',
  'wa_temporary'
])

async function main(options: ConformanceOptions): Promise<number> {
  const http = createHttpClient()
  const stop = new AbortController()
  let signals = 0
  const onSignal = () => {
    if (++signals > 1) {
      print('Ended at once; see what is left in the desk by the tag above.')
      process.exit(1)
    }
    print('Interrupted: removing what was made (once more: end at once)')
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const report: Report = {
    at: new Date().toISOString(),
    version: null,
    graphVersion: null,
    checks: [],
    interrupted: false,
    left: []
  }
  const tell = (outcome: Outcome): void => {
    report.checks.push(outcome)
    print(lineOf(outcome))
  }
  const { slow, keep, only } = options
  const common = { http, tell, stop: stop.signal, ...(only === undefined ? {} : { only }) }
  try {
    if (options.desk !== undefined) {
      const { url, accountId, token, ...rest } = options.desk
      const result = await runHelpDeskSuite({
        ...common,
        ...rest,
        access: { url, accountId, token },
        slow,
        keep,
        say: print
      })
      report.version = result.version
      report.left = result.left
    }
    if (options.graph !== undefined && !stop.signal.aborted) {
      await runWhatsAppSuite({ ...common, ...options.graph })
      report.graphVersion = options.graph.version
    }
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
    http.close()
  }
  report.interrupted = stop.signal.aborted
  print(summaryOf(report))
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  return exitCodeOf(report, keep)
}

/** One sentence, and the exit code that goes with it. */
function explain(error: unknown): { text: string; code: number } {
  if (error instanceof WrongUse) return { text: `${error.message} (--help shows the options)`, code: 2 }
  if (!(error instanceof PuenteError)) return { text: `the run failed: ${describeFailure(error)}`, code: 1 }
  const { problems } = error.facts
  if (problems !== undefined) return { text: String(problems), code: 2 }
  if (UNREACHABLE.has(error.code)) return { text: `cannot be reached: ${describeFailure(error)}`, code: 3 }
  return { text: describeFailure(error), code: 2 }
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === null) process.stdout.write(HELP)
  process.exitCode = options === null ? 0 : await main(options)
} catch (error) {
  const { text, code } = explain(error)
  process.stderr.write(`conformance: ${text}\n`)
  process.exitCode = code
}
