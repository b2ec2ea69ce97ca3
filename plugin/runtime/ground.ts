/** What everything else stands on: master key, PostgreSQL (embedded or given), opened and checked, its schema in place. */
import path from 'node:path'
import { checkDatabase, type Database, openDatabase } from '../../adapters/postgres/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../adapters/postgres/embedded.ts'
import { migrate } from '../../adapters/postgres/migrate.ts'
import { loadMasterKey } from '../../adapters/vault/master-key.ts'
import { createVault, type Vault } from '../../adapters/vault/vault.ts'
import { migrations } from '../../migrations/index.ts'
import type { Log } from '../core/bridge.ts'
import type { Options } from '../options.ts'

export interface RuntimeGround {
  dataDir: string
  vault: Vault
  embedded: EmbeddedPostgres | null
  database: Database
  close(): Promise<void>
}

/** @param allowUnsafe accepts a database that does not flush; for tests */
export async function openRuntimeGround(options: Options, log: Log, allowUnsafe = false): Promise<RuntimeGround> {
  const dataDir = path.resolve(options.dataDir)
  const key = await loadMasterKey({
    value: options.masterKey,
    file: options.masterKeyFile,
    createIn: options.databaseUrl === undefined ? dataDir : undefined
  })
  for (const warning of key.warnings) log.warn({ warning, path: key.path }, 'master key')
  const vault = createVault(key)
  const embedded =
    options.databaseUrl === undefined
      ? await startEmbeddedPostgres({ dataDir: path.join(dataDir, 'postgres'), log: text => log.debug({}, text) })
      : null
  const database = openDatabase({ url: options.databaseUrl ?? embedded!.url })
  const close = async (): Promise<void> => {
    await database.close()
    await embedded?.stop()
  }
  try {
    for (const warning of await checkDatabase(database, { allowUnsafe })) log.warn({ warning }, 'database')
    const applied = await migrate(database.knex, migrations)
    if (applied.length > 0) log.info({ applied }, 'database migrated')
    return { dataDir, vault, embedded, database, close }
  } catch (error) {
    await close()
    throw error
  }
}
