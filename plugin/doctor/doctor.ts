/**
 * `puente doctor`: every check of the surroundings, at any time, each with what to do. Reads; the one thing that it does
 * is the sign by which a hook is tried, and nobody sees that. Leaves out mending, which a running Puente does by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createChatwootDesk } from '../../adapters/chatwoot/client.ts'
import { createChatwootSetup } from '../../adapters/chatwoot/setup.ts'
import { createAccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import { createHttpClient } from '../../adapters/http/client.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { createConnections } from '../../adapters/postgres/connections.ts'
import type { Database } from '../../adapters/postgres/database.ts'
import { createNumberWatchStore } from '../../adapters/postgres/number-watch.ts'
import type { SecretSealer } from '../../adapters/postgres/numbers.ts'
import { createRateStore } from '../../adapters/postgres/rates.ts'
import { createTemplateStore } from '../../adapters/postgres/templates.ts'
import { createGraph } from '../../adapters/whatsapp-cloud/graph-call.ts'
import { checkPublicAddress, checkPuenteAnswers } from '../checks/addresses.ts'
import { type DeskFacts, readDeskFacts } from '../checks/desk-facts.ts'
import { judgeRivals } from '../checks/elsewhere.ts'
import { asPuenteError } from '../core/errors.ts'
import type { Numbers } from '../core/ports/store.ts'
import { createRegistry, type ServedNumber } from '../core/registry.ts'
import type { Options } from '../options.ts'
import { aboutDesk, checkDesk, type DeskReport } from './desk-checks.ts'
import { type Diagnosis, type Finding, namer, worst } from './finding.ts'
import { checkDatabaseState, checkDisk, checkProcesses, checkRedis } from './ground.ts'
import { checkHooks } from './hook-checks.ts'
import { checkNumber } from './number-checks.ts'
import { checkOffers } from './offers.ts'
import { checkPhoneAttributes } from './phone-attributes.ts'

export interface DoctorDeps {
  database: Database
  numbers: Numbers
  vault: SecretSealer
  options: Options
  now?: () => Date
  /** How long a hook may take to arrive (default: what Chatwoot itself waits, and its queue). */
  hookPatienceMs?: number
  /** No check may take longer; what takes longer is a finding. */
  checkMs?: number
  /** Hears what is looked at now. */
  told?: (about: string) => void
}

const HOOK_PATIENCE_MS = 8_000
const CHECK_MS = 45_000

export async function examine(deps: DoctorDeps): Promise<Diagnosis> {
  const { database, options } = deps
  const now = deps.now ?? (() => new Date())
  const checkMs = deps.checkMs ?? CHECK_MS
  const http = createHttpClient({ maxSockets: 8 })
  const desk = createChatwootDesk({ http })
  try {
    const { desks, numbers } = await deps.numbers.list()
    const { id: installation } = await deps.numbers.installation()
    const registry = createRegistry()
    registry.replace(desks, numbers)
    const served = registry.numbers()
    const setup = createChatwootSetup({ http })
    const guarded = guard(checkMs, deps.told)

    const ground = await Promise.all([
      guarded('Puente', () => checkProcesses(database)),
      guarded('PostgreSQL', () => checkDatabaseState(database, now)),
      guarded('disk', () => checkDisk(options.dataDir)),
      guarded('Redis', () => checkRedis(options.redisUrl))
    ])
    const checks = ground.flat()
    if (served.length === 0) {
      const none = namer('Puente').warn('puente.numbers', 'No number is connected.', 'Connect one: puente connect.')
      return diagnose([...checks, none], now())
    }
    const running = checks.some(check => check.id === 'puente.running' && check.state === 'ok')
    checks.push(...(await guarded('Puente', () => checkAddress(options, served))))
    if (running) checks.push(...(await guarded('Puente', () => checkAnswers(http, options, served))))

    const connections = createConnections(database.knex, deps.vault)
    const account = createAccountSetup({ http })
    const made = await connections.all()
    const used = desks.filter(each => served.some(number => number.deskId === each.id))
    const reports = new Map<number, DeskReport>()
    for (const each of used) {
      const findings = await guarded(`Chatwoot ${each.url}`, async () => {
        const report = await checkDesk({ http, setup, now }, each)
        reports.set(each.id, report)
        if (report.administrator === null) return report.findings
        const offers = await checkOffers(account, {
          about: aboutDesk(each),
          access: { url: each.url, accountId: each.accountId, token: each.token },
          administrator: report.administrator,
          numbers: served.filter(number => number.deskId === each.id),
          hasRule: number => !number.sandbox || made.find(known => known.id === number.id)?.made['rule'] !== undefined
        })
        return [...report.findings, offers]
      })
      checks.push(...findings)
    }

    const mirrors = await createTemplateStore(database.work).readMirrorState()
    const rates = await createRateStore(database.work).readState()
    const watches = await createNumberWatchStore(database.work).readState()
    const graph = createGraph({ http })
    const deskFacts = new Map<number, Promise<DeskFacts>>()
    for (const number of served) {
      const hooks = {
        database,
        connections,
        desk,
        account,
        settings: setup,
        installation,
        running,
        patienceMs: deps.hookPatienceMs ?? HOOK_PATIENCE_MS
      }
      const about = number.displayPhoneNumber
      const report = reports.get(number.deskId)
      if (report !== undefined) {
        checks.push(...(await guarded(about, () => checkHooks(hooks, number, report))))
        checks.push(...(await guarded(about, () => checkPhoneAttributes(account, number))))
      }
      const callbackUrl = callbackOf(number, options)
      checks.push(
        ...(await guarded(about, async () =>
          checkNumber(
            {
              graph,
              http,
              now,
              callbackUrl,
              rivals: async facts => {
                if (report?.administrator == null) return []
                const known = deskFacts.get(number.deskId) ?? readDeskFacts({ setup, account }, number.deskAccess)
                deskFacts.set(number.deskId, known)
                return judgeRivals(await known, facts, { ...number, installation })
              },
              mirror: mirrors.find(mirror => mirror.numberId === number.id),
              rates: rates.find(each => each.wabaId === number.wabaId),
              watch: watches.find(each => each.wabaId === number.wabaId),
              proof: await connections.readProof(number.id)
            },
            number
          )
        ))
      )
    }
    return diagnose(checks, now())
  } finally {
    desk.close()
  }
}

/** Without a usable database there is nothing else to look at; other failures are none of the doctor's finds. */
export function diagnoseGround(thrown: unknown): Diagnosis {
  const { code, facts } = asPuenteError(thrown)
  const { unreachable, fail } = namer('PostgreSQL')
  if (code === 'database_unavailable') {
    const remedy = 'Start PostgreSQL, or check PUENTE_DATABASE_URL.'
    return diagnose([unreachable('database.answers', 'PostgreSQL does not answer.', remedy)], new Date())
  }
  if (code === 'database_unsafe') {
    const says = `PostgreSQL is set so that messages could be lost: ${facts['setting']} is ${facts['got']}.`
    return diagnose([fail('database.settings', says, `Set it to: ${facts['wants']}.`)], new Date())
  }
  throw thrown
}

/** A check that fails for a reason of its own, or never ends, is a finding too. */
function guard(checkMs: number, told?: (about: string) => void) {
  return async (about: string, run: () => Promise<Finding[]>): Promise<Finding[]> => {
    told?.(about)
    const late = new AbortController()
    try {
      return await Promise.race([
        run(),
        sleep(checkMs, null, { signal: late.signal }).then(() => [
          namer(about).fail(
            'doctor.check',
            `Its checks took longer than ${Math.round(checkMs / 1000)} s.`,
            'Look at the load of this machine and the network, then ask again.'
          )
        ])
      ])
    } catch (thrown) {
      const { code } = asPuenteError(thrown)
      const remedy = 'Ask again in a minute; if it stays so, tell the makers of Puente, with the code.'
      return [namer(about).fail('doctor.check', `One of its checks could not be made (${code}).`, remedy)]
    } finally {
      late.abort()
    }
  }
}

/** Where Meta is to send a number's webhooks: beside its hooks, which the inbox names. */
function callbackOf(number: ServedNumber, options: Options): string | null {
  const base = number.hookUrl?.replace(/\/webhooks\/chatwoot\/[^/]*$/, '') ?? options.publicUrl ?? null
  return base === null ? null : `${base}/webhooks/whatsapp`
}

async function checkAddress(options: Options, served: ServedNumber[]): Promise<Finding[]> {
  const { warn } = namer('Puente')
  const bases = [
    ...new Set(served.flatMap(number => number.hookUrl?.replace(/\/webhooks\/chatwoot\/[^/]*$/, '') ?? []))
  ]
  const elsewhere = bases.find(base => options.publicUrl !== undefined && !base.startsWith(options.publicUrl))
  if (elsewhere !== undefined)
    return [
      warn(
        'puente.address',
        `Puente is called ${options.publicUrl} now, but inboxes send their hooks to ${elsewhere}.`,
        'Run puente connect again for each number, so that hooks and callbacks move along.'
      )
    ]
  const base = bases[0] ?? options.publicUrl ?? `http://${options.host}:${options.port}`
  const local = served.every(number => number.sandbox)
  return [{ about: 'Puente', ...(await checkPublicAddress(base, local)) }]
}

/** A proxy that died or a certificate that ran out, as seen from here, at every address to which hooks go. */
async function checkAnswers(http: HttpClient, options: Options, served: ServedNumber[]): Promise<Finding[]> {
  const hooked = served.flatMap(number => number.hookUrl?.replace(/\/webhooks\/chatwoot\/[^/]*$/, '') ?? [])
  const bases = hooked.length > 0 ? hooked : (options.publicUrl ?? [])
  return Promise.all(
    [...new Set([bases].flat())].map(async base => ({ about: 'Puente', ...(await checkPuenteAnswers(http, base)) }))
  )
}

function diagnose(checks: Finding[], at: Date): Diagnosis {
  return { at: at.toISOString(), state: worst(checks.map(check => check.state)), checks }
}
