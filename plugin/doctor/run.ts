/** The command `puente doctor [--json]`: 0 well (warnings allowed) · 1 something falls short · 3 something is not reached. */
import type { Options } from '../options.ts'
import { withDatabase } from '../with-database.ts'
import { diagnoseGround, examine } from './doctor.ts'
import { exitCodeOf } from './finding.ts'
import { printDiagnosis } from './print.ts'

export async function runDoctor(options: Options, given: { json?: boolean }): Promise<number> {
  const diagnosis = await withDatabase(options, (database, numbers, vault) =>
    examine({ database, numbers, vault, options })
  ).catch(diagnoseGround)
  process.stdout.write(
    given.json === true ? `${JSON.stringify(diagnosis, null, 2)}\n` : `${printDiagnosis(diagnosis)}\n`
  )
  return exitCodeOf(diagnosis)
}
