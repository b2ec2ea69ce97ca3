/** The short commands: connect, status, replay. Each opens the database beside a running Puente, and lets it go. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Database, openDatabase } from '../adapters/postgres/database.ts'
import { startEmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { migrate } from '../adapters/postgres/migrate.ts'
import { createNumbers } from '../adapters/postgres/numbers.ts'
import { replayEvents } from '../adapters/postgres/replay.ts'
import { loadMasterKey } from '../adapters/vault/master-key.ts'
import { createVault } from '../adapters/vault/vault.ts'
import { migrations } from '../migrations/index.ts'
import { connectNumber, readNumberFile } from './connect.ts'
import { PuenteError } from './core/errors.ts'
import type { Numbers } from './core/ports/store.ts'
import type { Options } from './options.ts'
import { readStatus, type Status } from './status.ts'

async function withDatabase<T>(
  options: Options,
  run: (database: Database, numbers: Numbers) => Promise<T>
): Promise<T> {
  const dataDir = path.resolve(options.dataDir)
  const key = await loadMasterKey({
    value: options.masterKey,
    file: options.masterKeyFile,
    createIn: options.databaseUrl === undefined ? dataDir : undefined
  })
  const embedded =
    options.databaseUrl === undefined ? await startEmbeddedPostgres({ dataDir: path.join(dataDir, 'postgres') }) : null
  const database = openDatabase({ url: options.databaseUrl ?? embedded!.url, workConnections: 2 })
  try {
    try {
      await migrate(database.knex, migrations)
    } catch (error) {
      const unreachable = !/^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code))
      if (unreachable) throw new PuenteError('database_unavailable', { cause: error })
      throw error
    }
    return await run(database, createNumbers(database.knex, createVault(key)))
  } finally {
    await database.close()
    await embedded?.stop()
  }
}

export async function runConnect(
  options: Options,
  given: { file: string; yes?: boolean; json?: boolean },
  env: NodeJS.ProcessEnv
): Promise<number> {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(given.file, 'utf8'))
  } catch (cause) {
    throw new PuenteError('config_invalid', { cause, facts: { problems: `${given.file} cannot be read as JSON` } })
  }
  const file = readNumberFile(json)
  if (given.yes !== true) {
    throw new PuenteError('config_invalid', {
      facts: {
        problems:
          "connecting accepts WhatsApp's Business Solution Terms (whatsapp.com/legal/business-solution-terms) and sends messages through Meta; say --yes"
      }
    })
  }
  const publicUrl = options.publicUrl ?? `http://${options.host}:${options.port}`
  return withDatabase(options, async (_database, numbers) => {
    const { id } = await numbers.installation()
    const record = await connectNumber(file, {
      numbers,
      installation: id,
      publicUrl,
      graphUrl: options.graphUrl,
      graphVersion: options.graphVersion,
      sandbox: isLoopback(options.graphUrl) && isLoopback(file.chatwoot.url),
      step: text => {
        if (given.json !== true) process.stdout.write(`  ${text}\n`)
      },
      // A running Puente reads its numbers every three seconds; Meta asks for the handshake at once.
      onSaved: () => new Promise(resolve => setTimeout(resolve, 3_500)),
      env
    })
    const told = {
      phoneNumberId: record.phoneNumberId,
      displayPhoneNumber: record.displayPhoneNumber,
      inboxId: record.inboxId,
      tokenHint: record.tokenHint
    }
    process.stdout.write(
      given.json === true ? `${JSON.stringify(told)}\n` : `  connected ${record.displayPhoneNumber}\n`
    )
    return 0
  })
}

/** Only what runs on this machine can have a sandbox's clock. */
function isLoopback(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}

export async function runStatus(options: Options, given: { json?: boolean }): Promise<number> {
  return withDatabase(options, async (database, numbers) => {
    const status = await readStatus(database, numbers, new Date())
    process.stdout.write(given.json === true ? `${JSON.stringify(status, null, 2)}\n` : describe(status))
    return status.needsPerson.length === 0 ? 0 : 1
  })
}

function describe(status: Status): string {
  const lines = status.numbers.map(number => {
    const { waiting } = number
    return [
      `${number.displayPhoneNumber}  ${number.state}${number.pausedCode === null ? '' : ` (${number.pausedCode})`}`,
      `  waiting: ${waiting.inbound} in, ${waiting.outbound} out, oldest ${waiting.oldestSeconds} s`,
      `  parked ${number.parked}, uncertain ${number.uncertain}, failed today ${number.failedLastDay}, set aside ${number.setAside}`
    ].join('\n')
  })
  const people =
    status.needsPerson.length === 0
      ? 'Nothing needs a person.'
      : `Needs a person:\n${status.needsPerson.map(each => `  - ${each}`).join('\n')}`
  return `${lines.length === 0 ? 'No number is connected.' : lines.join('\n')}\n${status.processes} process(es) running.\n${people}\n`
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
