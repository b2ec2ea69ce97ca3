/**
 * Whether Meta and the desk can reach Puente: the address itself, whether Puente answers there, and whether the desk
 * may fetch from it (since 4.14 Chatwoot refuses private addresses unless told otherwise).
 */
import dns from 'node:dns/promises'
import { isIP } from 'node:net'
import type { AccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import { isPublicAddress } from '../../adapters/http/public-address.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import type { Connections } from '../../adapters/postgres/connections.ts'
import type { DeskAccess } from '../core/ports/help-desk.ts'
import { RULES } from '../core/rules.ts'
import { readManifest } from '../manifest.ts'
import { type CheckResult, fail, ok, warn } from './check.ts'
import { attempt } from './read.ts'
import { compareVersions } from './version.ts'

const ANSWER_MS = 5_000
/** The longest path that is hung on the address: `/webhooks/chatwoot/` with its key. */
const PATH_RESERVE = 50

/** True when the host is, or resolves to, an address that the internet cannot reach. */
export async function isPrivateHost(url: string): Promise<boolean> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return !isPublicAddress(host)
  const found = await dns.lookup(host, { all: true }).catch(() => [])
  return found.length === 0
    ? /(^|\.)localhost$|\.local$|\.internal$/.test(host)
    : !found.every(each => isPublicAddress(each.address))
}

/** Whether Meta would call this address at all. `local`: Graph is a stand-in on this machine. */
export async function checkPublicAddress(base: string, local: boolean): Promise<CheckResult> {
  const id = 'puente.address'
  const remedy = 'Set PUENTE_PUBLIC_URL to an https address that the internet reaches.'
  if (!URL.canParse(base)) return fail(id, `${base} is no address.`, remedy)
  if (base.length + PATH_RESERVE > RULES.callbackUrlLimit.value) {
    return fail(id, `The public address is too long for Meta (${base.length} characters).`, 'Use a shorter one.')
  }
  if (local) return ok(id, `Puente is at ${base}.`)
  if (!base.startsWith('https://')) return fail(id, `Meta calls only https addresses, and this is ${base}.`, remedy)
  if (await isPrivateHost(base)) return fail(id, `Meta cannot reach ${base}: it is a private address.`, remedy)
  return ok(id, `Puente is at ${base}.`)
}

/** Whether Puente answers there, as seen from this machine. */
export async function checkPuenteAnswers(http: HttpClient, base: string): Promise<CheckResult> {
  const id = 'puente.answers'
  const answer = await attempt(() =>
    http.request({ method: 'GET', url: `${base}/app/icon.png`, timeoutMs: ANSWER_MS, maxAnswerBytes: 1 << 20 })
  )
  if (answer.ok && answer.value.status === 200) return ok(id, 'Puente answers there.')
  const cause = answer.ok
    ? undefined
    : (answer.error.cause as { reason?: string; cause?: { code?: string } } | undefined)
  const reason = answer.ok ? `HTTP ${answer.value.status}` : (cause?.cause?.code ?? cause?.reason ?? 'no answer')
  const says = `Puente does not answer at ${base} (${reason}).`
  return fail(id, says, 'Start it (`npx puente start`), and check PUENTE_PUBLIC_URL, the proxy and its certificate.')
}

export interface HookAsked {
  account: Pick<AccountSetup, 'fetchThrough'>
  access: DeskAccess
  /** Of the desk. */
  version: string | null
  /** One-time codes, and whether one was asked for. */
  connections: Pick<Connections, 'openReach' | 'wasReached'>
}

/**
 * Whether the desk reaches Puente: it is asked to fetch a one-time address beside those of its hooks, through the filter
 * that these pass. Puente notes the request and answers 404, of which the desk keeps nothing (CW-FETCH-REFUSED).
 */
export async function checkDeskReachesUs(base: string, asked: HookAsked): Promise<CheckResult> {
  const id = 'desk.reaches_puente'
  const { account, access, version, connections } = asked
  const code = await connections.openReach()
  const fetched = await attempt(() => account.fetchThrough(access, `${base}/webhooks/chatwoot/${code}`))
  const outcome = fetched.ok ? fetched.value : 'cannot_tell'
  if (await connections.wasReached(code)) return ok(id, 'Chatwoot reaches Puente.')
  const hidden = await isPrivateHost(base)
  const { privateHooksRefusedFrom } = readManifest().host
  const refuses = version === null || compareVersions(version, privateHooksRefusedFrom) >= 0
  if (outcome === 'refused' && hidden && refuses) {
    const says = `Chatwoot refuses to call ${base}, because it is a private address.`
    const remedy =
      'Start Chatwoot (web and worker) with SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true (from 4.14.1), or give Puente a public address.'
    return fail(id, says, remedy)
  }
  // Before, hooks to private addresses were called while this door may have been closed: it proves nothing.
  if (outcome === 'fetched' || (outcome === 'refused' && refuses)) {
    const says = `Chatwoot was asked to call ${base}, and its call did not arrive here.`
    return fail(id, says, 'Check DNS, firewall, reverse proxy and certificate as seen from the machine of Chatwoot.')
  }
  return warn(id, 'Whether Chatwoot reaches Puente is only seen by a hook.', 'Look at what is said of the hook.')
}
