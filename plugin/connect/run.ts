/**
 * `puente connect`: questions or a file, checks, what changes and what is accepted, the steps, the proofs. Prints for
 * people or as one JSON object. Reads no environment itself.
 */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { createConnections, type Proof } from '../../adapters/postgres/connections.ts'
import type { CheckResult } from '../checks/check.ts'
import { valueOr } from '../checks/read.ts'
import { PuenteError } from '../core/errors.ts'
import type { Options } from '../options.ts'
import { withDatabase } from '../with-database.ts'
import { askForPlan, Cancelled, confirm, type Terminal } from './ask.ts'
import { type ConnectDeps, type Ground, isLoopback, openGround } from './ground.ts'
import { type NumberPlan, readNumberFile, resolveNumberFile } from './number-file.ts'
import { describeCheck, describeChecks, describeTerms } from './print.ts'
import { openPhoneProbe, proveHook } from './probe.ts'
import { type Connected, runSteps } from './steps.ts'
import { isHookFresh, judge, lookAround, ourCallbacks, type Survey } from './survey.ts'
import { listChanges, TERMS } from './terms.ts'

export interface ConnectArguments {
  file?: string
  yes?: boolean
  json?: boolean
  /** Seconds to wait for the code from a phone; interactive runs wait five minutes. */
  wait?: number
}

export interface Surroundings extends Terminal {
  env: NodeJS.ProcessEnv
  /** A person sits in front of it. */
  interactive: boolean
}

const PHONE_WAIT_SECONDS = 300

/** Exit code: 0 connected, 1 a check or the hook's proof failed or the person declined, 3 a side does not answer. */
export async function runConnect(options: Options, given: ConnectArguments, io: Surroundings): Promise<number> {
  const mayAsk = io.interactive && given.json !== true
  if (given.file === undefined && !mayAsk) throw wrongUse('without a terminal, say --file number.json')
  if (given.wait !== undefined && !(given.wait >= 0)) throw wrongUse('--wait takes a number of seconds')
  const fromFile = given.file === undefined ? null : readPlan(given.file, io.env)
  if (given.yes !== true && !mayAsk) {
    throw wrongUse(`connecting accepts Meta's terms (${TERMS.links.join(', ')}); say --yes`)
  }
  const tell = (text: string): void => {
    if (given.json !== true) io.output.write(`${text}\n`)
  }
  try {
    const plan = fromFile ?? (await askForPlan(io, options))
    return await withDatabase(options, async (database, numbers, vault) => {
      const deps: ConnectDeps = {
        numbers,
        connections: createConnections(database.knex, vault),
        installation: (await numbers.installation()).id,
        publicUrl: options.publicUrl ?? `http://${options.host}:${options.port}`,
        graphUrl: options.graphUrl,
        graphVersion: options.graphVersion,
        sandbox: isLoopback(options.graphUrl) && isLoopback(plan.desk.url),
        step: text => tell(`  + ${text}`),
        env: {}
      }
      const ground = openGround(plan, deps)
      try {
        return await connect(ground, deps, given, io, tell)
      } finally {
        ground.close()
      }
    })
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error
    tell('\nNothing was changed.')
    return 1
  }
}

function readPlan(file: string, env: NodeJS.ProcessEnv): NumberPlan {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new PuenteError('config_invalid', { cause, facts: { problems: `${file} cannot be read as JSON` } })
  }
  return resolveNumberFile(readNumberFile(json), env)
}

async function connect(
  ground: Ground,
  deps: ConnectDeps,
  given: ConnectArguments,
  io: Surroundings,
  tell: (text: string) => void
): Promise<number> {
  const survey = await lookAround(ground, deps)
  const checks = await judge(ground, survey, deps)
  tell(describeChecks(checks))
  const changes = listChanges(survey, ourCallbacks(ground, survey.known))
  const failed = checks.filter(check => check.state === 'fail')
  if (failed.length > 0) {
    tell('\nNothing was changed. Mend what is marked ✗, then run connect again.')
    if (given.json === true) printJson(io, { ok: false, checks, changes })
    return failed.some(check => check.id === 'desk.answers' || check.id === 'wa.answers') ? 3 : 1
  }
  tell(describeTerms(changes))
  if (given.yes !== true && !(await confirm(io, 'Accept and connect?'))) throw new Cancelled('declined')
  await recordAcceptance(ground, survey, deps, given.yes === true ? '--yes' : 'asked')
  const connected = await runSteps(ground, survey, deps)
  const { proof, results } = await prove(ground, survey, deps, connected, given, io, tell)
  const hookFailed = results.some(check => check.state === 'fail')
  const { number } = connected
  if (given.json === true) {
    printJson(io, {
      ok: !hookFailed,
      phoneNumberId: number.phoneNumberId,
      displayPhoneNumber: number.displayPhoneNumber,
      inboxId: number.inboxId,
      tokenHint: number.tokenHint,
      state: proof.proven ? 'proven' : 'connected but unproven',
      proof,
      accountEvents: connected.accountEvents,
      checks: [...checks, ...results],
      changes,
      steps: connected.steps
    })
  }
  const state = proof.proven ? 'connected, both directions proven' : 'connected but unproven'
  tell(`\n  ${number.displayPhoneNumber}: ${state}.`)
  if (!proof.proven && !hookFailed) {
    tell('  Write to it from a phone and answer in Chatwoot; `puente status` then says that it is proven.')
  }
  return hookFailed ? 1 : 0
}

async function prove(
  ground: Ground,
  survey: Survey,
  deps: ConnectDeps,
  { number, steps }: Connected,
  given: ConnectArguments,
  io: Surroundings,
  tell: (text: string) => void
): Promise<{ proof: Proof; results: CheckResult[] }> {
  const results: CheckResult[] = []
  const asked = { connections: deps.connections, numberId: number.id, inboxId: number.inboxId, locale: survey.locale }
  const before = await deps.connections.readProof(number.id)
  const moved = steps.some(step => step.id === 'inbox' && step.did !== null)
  if (before.hook === null || moved || !isHookFresh(ground, survey)) {
    const mayDelete = valueOr(survey.desk.profile, null)?.administrator === true
    const result = await proveHook(ground, asked, { mayDelete, isNew: before.hook === null })
    tell(describeCheck(result))
    results.push(result)
  }
  const hookWorks = results.every(result => result.state !== 'fail')
  const waitSeconds =
    given.wait ?? (io.interactive && given.json !== true && given.yes !== true ? PHONE_WAIT_SECONDS : 0)
  if (hookWorks && waitSeconds > 0 && !(before.inbound !== null && before.answer !== null)) {
    const probe = openPhoneProbe(ground, asked)
    tell(`\n  Now send this from any phone to ${number.displayPhoneNumber}:   ${probe.code}`)
    tell(`  Waiting for at most ${Math.ceil(waitSeconds / 60)} min. Ctrl-C leaves the number connected but unproven.`)
    const result = await probe.wait(waitSeconds * 1000)
    tell(describeCheck(result))
    results.push(result)
  }
  return { proof: await deps.connections.readProof(number.id), results }
}

async function recordAcceptance(
  { plan }: Ground,
  survey: Survey,
  { connections }: ConnectDeps,
  how: 'asked' | '--yes'
): Promise<void> {
  await connections.accept({
    phoneNumberId: plan.whatsapp.phoneNumberId,
    terms: TERMS.version,
    links: TERMS.links,
    how,
    deskUrl: plan.desk.url,
    deskUserId: valueOr(survey.desk.profile, null)?.id ?? 0,
    systemUser: systemUser()
  })
}

/** Whoever runs the command; a container may have no name for its user. */
function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}

export function printJson(io: Pick<Surroundings, 'output'>, value: unknown): void {
  io.output.write(`${JSON.stringify(value)}\n`)
}

export function wrongUse(problems: string): PuenteError {
  return new PuenteError('config_invalid', { facts: { problems } })
}
