/**
 * A number enters: looks around, runs the steps, and hands the stored number back. The checks, questions and proofs of
 * `puente connect` lie around this in connect/run.ts.
 */

import { type ConnectDeps, openGround } from './connect/ground.ts'
import { type NumberFile, resolveNumberFile } from './connect/number-file.ts'
import { runSteps } from './connect/steps.ts'
import { lookAround } from './connect/survey.ts'
import type { NumberRecord } from './core/ports/store.ts'

export type { ConnectDeps } from './connect/ground.ts'
export { type NumberFile, numberFileSchema, readNumberFile } from './connect/number-file.ts'

/** Without checks and proofs. Every step may be repeated: what exists is used. */
export async function connectNumber(file: NumberFile, deps: ConnectDeps): Promise<NumberRecord> {
  const ground = openGround(resolveNumberFile(file, deps.env), deps)
  try {
    const { number } = await runSteps(ground, await lookAround(ground, deps), deps)
    return number
  } finally {
    ground.close()
  }
}
