/**
 * The questions of an interactive connecting, in the words of the manifest's config fields. Each answer is tried at once, and asked again with a sentence when it does
 * not do; accounts and numbers are chosen from what the tokens can see. Changes nothing.
 */
import type { Readable, Writable } from 'node:stream'
import * as clack from '@clack/prompts'
import { createChatwootSetup } from '../../adapters/chatwoot/setup.ts'
import { createHttpClient } from '../../adapters/http/client.ts'
import type { HttpClient } from '../../adapters/http/types.ts'
import { createGraph, type Graph, type GraphAccess } from '../../adapters/whatsapp-cloud/graph-call.ts'
import { debugToken, type TokenFacts } from '../../adapters/whatsapp-cloud/management.ts'
import { listNumbers, readWaba } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { attempt, reasonOf } from '../checks/read.ts'
import { readManifest } from '../manifest.ts'
import type { NumberPlan } from './number-file.ts'

export interface Terminal {
  input: Readable
  output: Writable
}

/** The person gave up; nothing was changed. */
export class Cancelled extends Error {}

export interface AskDeps {
  graphUrl: string
  graphVersion: string
}

export async function askForPlan(io: Terminal, deps: AskDeps): Promise<NumberPlan> {
  const http = createHttpClient({ maxSockets: 4 })
  try {
    clack.intro('Connect a WhatsApp number to Chatwoot', io)
    const desk = await askForDesk(io, http)
    const whatsapp = await askForNumber(io, createGraph({ http }), deps)
    return { desk, whatsapp, policy: null, locale: null }
  } finally {
    http.close()
  }
}

async function askForDesk(io: Terminal, http: HttpClient): Promise<NumberPlan['desk']> {
  const setup = createChatwootSetup({ http })
  let url = ''
  for (;;) {
    url = await askText(io, wordsOf('chatwoot.url'), { placeholder: 'https://desk.example.com', check: checkUrl })
    url = url.trim().replace(/\/+$/, '')
    const version = await attempt(() => setup.readVersion(url))
    if (version.ok) break
    clack.log.error(`Chatwoot does not answer there (${reasonOf(version.error)}).`, io)
  }
  for (;;) {
    const token = await askSecret(io, wordsOf('chatwoot.token'))
    const profile = await attempt(() => setup.readProfile({ url, accountId: 0, token }))
    if (!profile.ok) {
      clack.log.error('Chatwoot does not accept this token. Copy it again from the profile of an administrator.', io)
      continue
    }
    const own = profile.value.accounts.filter(account => account.role === 'administrator')
    if (own.length === 0) {
      const sentence = `${profile.value.name} is an agent. Only an administrator may make inboxes: use their token.`
      clack.log.error(sentence, io)
      continue
    }
    const options = own.map(({ id, name }) => ({ value: String(id), label: name, hint: `account ${id}` }))
    const accountId = own.length === 1 ? own[0]!.id : Number(await choose(io, 'Which account?', options))
    return { url, accountId, token }
  }
}

async function askForNumber(io: Terminal, graph: Graph, deps: AskDeps): Promise<NumberPlan['whatsapp']> {
  for (;;) {
    const appId = await askText(io, wordsOf('whatsapp.appId'), { check: checkDigits })
    const appSecret = await askSecret(io, wordsOf('whatsapp.appSecret'))
    const token = await askSecret(io, wordsOf('whatsapp.token'))
    const access: GraphAccess = { ...deps, token, appSecret }
    const facts = await attempt(() => debugToken(graph, access, { id: appId, secret: appSecret }))
    if (!facts.ok) {
      clack.log.error(`Meta does not accept this app and its secret (${reasonOf(facts.error)}).`, io)
      continue
    }
    if (!facts.value.isValid) {
      clack.log.error('The token is expired or revoked. Make a new one for a system user.', io)
      continue
    }
    const wabaId = await askForWaba(io, graph, access, facts.value)
    const phoneNumberId = await askForPhone(io, graph, access, wabaId)
    return { token, wabaId, phoneNumberId, appId, appSecrets: [appSecret], verifyToken: null }
  }
}

async function askForWaba(io: Terminal, graph: Graph, access: GraphAccess, token: TokenFacts): Promise<string> {
  const ids = [...new Set(token.granularScopes.flatMap(each => each.targetIds))]
  const seen = await Promise.all(ids.map(id => attempt(() => readWaba(graph, access, id))))
  const found = seen.flatMap(each => (each.ok ? [each.value] : []))
  if (found.length === 0) {
    return askText(io, wordsOf('whatsapp.wabaId'), { check: checkDigits })
  }
  if (found.length === 1) return found[0]!.id
  const options = found.map(waba => ({ value: waba.id, label: waba.name ?? waba.id, hint: waba.id }))
  return choose(io, 'Which WhatsApp account?', options)
}

async function askForPhone(io: Terminal, graph: Graph, access: GraphAccess, wabaId: string): Promise<string> {
  const numbers = await attempt(() => listNumbers(graph, access, wabaId))
  if (!numbers.ok || numbers.value.length === 0) {
    return askText(io, wordsOf('whatsapp.phoneNumberId'), { check: checkDigits })
  }
  const options = numbers.value.map(number => ({
    value: number.id,
    label: `${number.displayPhoneNumber} ${number.verifiedName ?? ''}`.trim(),
    hint: number.status ?? ''
  }))
  return choose(io, 'Which number?', options)
}

/** `Yes` has to be chosen: Enter alone declines. */
export async function confirm(io: Terminal, message: string): Promise<boolean> {
  return unlessCancelled<boolean>(await clack.confirm({ message, initialValue: false, ...io }))
}

function wordsOf(path: string): string {
  const field = readManifest().config.number.find(each => each.path === path)
  if (field?.about === undefined) throw new Error(`the manifest has no words for ${path}`)
  return field.about
}

async function askText(
  io: Terminal,
  message: string,
  { placeholder, check }: { placeholder?: string; check: (value: string) => string | undefined }
): Promise<string> {
  const validate = (value: string | undefined): string | undefined => check(value ?? '')
  return unlessCancelled<string>(await clack.text({ message, placeholder, validate, ...io })).trim()
}

async function askSecret(io: Terminal, message: string): Promise<string> {
  const validate = (value: string | undefined): string | undefined =>
    (value ?? '').trim() === '' ? 'It is needed.' : undefined
  return unlessCancelled<string>(await clack.password({ message, validate, ...io })).trim()
}

async function choose(
  io: Terminal,
  message: string,
  options: { value: string; label: string; hint: string }[]
): Promise<string> {
  return unlessCancelled<string>(await clack.select({ message, options, ...io }))
}

function unlessCancelled<T>(answer: T | typeof clack.CANCEL_SYMBOL): T {
  if (clack.isCancel(answer)) throw new Cancelled('cancelled')
  return answer as T
}

function checkUrl(value: string): string | undefined {
  return /^https?:\/\/./.test(value.trim()) && URL.canParse(value.trim())
    ? undefined
    : 'It begins with https:// or http://'
}

function checkDigits(value: string): string | undefined {
  return /^\d+$/.test(value.trim()) ? undefined : 'It consists of digits only.'
}
