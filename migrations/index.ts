// The list of migrations, in order; the runner is adapters/postgres/migrate.ts.
import * as bridge from './001-bridge.ts'
import * as templates from './002-templates.ts'
import * as agents from './003-agents.ts'
import * as attributes from './004-attributes.ts'
import * as connect from './005-connect.ts'
import * as hotPath from './006-hot-path.ts'
import * as rates from './007-rates.ts'
import * as hotDeliveries from './008-hot-deliveries.ts'
import * as numberWatch from './009-number-watch.ts'
import * as proofs from './010-proofs.ts'
import * as lateWords from './011-late-words.ts'
import * as pairingAnywhere from './012-pairing-anywhere.ts'
import * as limitsAndMappings from './013-limits-and-mappings.ts'
import * as macroHookFailures from './014-macro-hook-failures.ts'
import * as journal from './015-journal.ts'
import * as bindingCompared from './016-binding-compared.ts'
import * as claimBySide from './017-claim-by-side.ts'
import * as usageTold from './018-usage-told.ts'
import * as unknownFieldsSeen from './019-unknown-fields-seen.ts'

export const migrations = [
  bridge,
  templates,
  agents,
  attributes,
  connect,
  hotPath,
  rates,
  hotDeliveries,
  numberWatch,
  proofs,
  lateWords,
  pairingAnywhere,
  limitsAndMappings,
  macroHookFailures,
  journal,
  bindingCompared,
  claimBySide,
  usageTold,
  unknownFieldsSeen
]
