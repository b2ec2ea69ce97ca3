// The list of migrations, in order; the runner is adapters/postgres/migrate.ts.
import * as bridge from './001-bridge.ts'

export const migrations = [bridge]
