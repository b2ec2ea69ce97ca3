// The list of migrations, in order; the runner is adapters/postgres/migrate.ts.
import * as bridge from './001-bridge.ts'
import * as templates from './002-templates.ts'
import * as agents from './003-agents.ts'
import * as attributes from './004-attributes.ts'
import * as connect from './005-connect.ts'
import * as hotPath from './006-hot-path.ts'
import * as rates from './007-rates.ts'
import * as hotDeliveries from './008-hot-deliveries.ts'
import * as journal from './015-journal.ts'

export const migrations = [bridge, templates, agents, attributes, connect, hotPath, rates, hotDeliveries, journal]
