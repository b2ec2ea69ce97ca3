/** For the short commands: opens the database beside a running Puente, brings it up to date, and lets it go. */
import path from 'node:path'
import { type Database, openDatabase } from '../adapters/postgres/database.ts'
import { startEmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { migrate } from '../adapters/postgres/migrate.ts'
import { createNumbers } from '../adapters/postgres/numbers.ts'
import { loadMasterKey } from '../adapters/vault/master-key.ts'
import { createVault, type Vault } from '../adapters/vault/vault.ts'
import { migrations } from '../migrations/index.ts'
import { PuenteError } from './core/errors.ts'
import type { Numbers } from './core/ports/store.ts'
import type { Options } from './options.ts'

export async function withDatabase<T>(
  options: Options,
  run: (database: Database, numbers: Numbers, vault: Vault) => Promise<T>
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
    const vault = createVault(key)
    return await run(database, createNumbers(database.knex, vault), vault)
  } finally {
    await database.close()
    await embedded?.stop()
  }
}
