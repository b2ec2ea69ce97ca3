/** The short commands: status, replay. Each opens the database beside a running Puente, and lets it go. */
import { replayEvents } from '../adapters/postgres/replay.ts'
import { PuenteError } from './core/errors.ts'
import type { Options } from './options.ts'
import { readStatus } from './status.ts'
import { printStatus } from './status-screen.ts'
import { withDatabase } from './with-database.ts'

export async function runStatus(options: Options, given: { json?: boolean }): Promise<number> {
  return withDatabase(options, async (database, numbers, vault) => {
    const status = await readStatus(database, numbers, new Date(), vault)
    process.stdout.write(given.json === true ? `${JSON.stringify(status, null, 2)}\n` : printStatus(status))
    return status.needsPerson.length === 0 ? 0 : 1
  })
}

export async function runReplay(
  options: Options,
  given: { id?: string[]; cause?: string; since?: string; dryRun?: boolean; json?: boolean }
): Promise<number> {
  const hours = given.since === undefined ? undefined : readAge(given.since)
  if (given.id === undefined && given.cause === undefined && hours === undefined) {
    throw new PuenteError('config_invalid', { facts: { problems: 'say which: --id, --cause or --since' } })
  }
  return withDatabase(options, async database => {
    const taken = await replayEvents(database.work, {
      ids: given.id?.map(Number),
      cause: given.cause,
      hours,
      dryRun: given.dryRun === true
    })
    process.stdout.write(
      given.json === true
        ? `${JSON.stringify(taken)}\n`
        : `${taken.length} item(s) ${given.dryRun === true ? 'would be' : 'were'} taken up again\n`
    )
    return 0
  })
}

function readAge(text: string): number {
  const match = /^(\d+)([dh])$/.exec(text)
  if (match === null)
    throw new PuenteError('config_invalid', { facts: { problems: `--since ${text}: say for example 30d or 12h` } })
  return Number(match[1]) * (match[2] === 'd' ? 24 : 1)
}
