/**
 * A number enters: inbox in the desk, hooks, callback at Meta. Every step may be repeated; what exists is used. Leaves
 * out the checks and comforts of an interactive set-up.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { createChatwootSetup } from '../adapters/chatwoot/setup.ts'
import { createHttpClient } from '../adapters/http/client.ts'
import { createCloudChannel } from '../adapters/whatsapp-cloud/client.ts'
import { createGraph } from '../adapters/whatsapp-cloud/graph-call.ts'
import { setNumberWebhook, subscribeApp } from '../adapters/whatsapp-cloud/management.ts'
import { PuenteError } from './core/errors.ts'
import type { NumberRecord, Numbers } from './core/ports/store.ts'
import { policySchema } from './core/registry.ts'
import { windowBanner } from './core/texts/describe.ts'
import { pickLocale } from './core/texts/text.ts'

const secret = z.union([
  z.string().min(1),
  z.object({ env: z.string().min(1) }).strict(),
  z.object({ file: z.string().min(1) }).strict()
])

/** `number.json` (interface: Environment). */
export const numberFileSchema = z
  .object({
    chatwoot: z
      .object({ url: z.url().transform(url => url.replace(/\/+$/, '')), accountId: z.number().int(), token: secret })
      .strict(),
    whatsapp: z
      .object({
        token: secret,
        wabaId: z.string().regex(/^\d+$/, 'digits, as Meta shows it'),
        phoneNumberId: z.string().regex(/^\d+$/, 'digits, as Meta shows it (not the phone number itself)'),
        appId: z.string().regex(/^\d+$/).optional(),
        appSecret: z.union([secret, z.array(secret).min(1)]),
        verifyToken: secret.optional()
      })
      .strict(),
    policy: policySchema.partial().optional(),
    locale: z.string().optional()
  })
  .strict()

export type NumberFile = z.infer<typeof numberFileSchema>

/** Fails with `config_invalid`, naming each wrong key. */
export function readNumberFile(json: unknown): NumberFile {
  const parsed = numberFileSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(issue => `${issue.path.join('.') || 'number.json'}: ${issue.message}`)
  throw new PuenteError('config_invalid', { facts: { problems: problems.join('\n') } })
}

export interface ConnectDeps {
  numbers: Numbers
  installation: string
  publicUrl: string
  /** Under which the routes lie in a host app. */
  prefix?: string
  graphUrl: string
  graphVersion: string
  sandbox?: boolean
  /** Told after each step. */
  step?: (text: string) => void
  /** Called when the number is stored: the running process must know it before Meta asks for the handshake. */
  onSaved?: () => Promise<void>
  env: NodeJS.ProcessEnv
}

export async function connectNumber(file: NumberFile, deps: ConnectDeps): Promise<NumberRecord> {
  const step = deps.step ?? (() => {})
  const reveal = (value: z.infer<typeof secret>): string => revealSecret(value, deps.env)
  const http = createHttpClient({ maxSockets: 4 })
  try {
    const setup = createChatwootSetup({ http })
    const desk = { url: file.chatwoot.url, accountId: file.chatwoot.accountId, token: reveal(file.chatwoot.token) }
    const version = await setup.readVersion(desk.url)
    const profile = await setup.readProfile(desk)
    step(`Chatwoot ${version ?? '(version unknown)'} answers`)
    if (!profile.administrator)
      throw new PuenteError('desk_forbidden', { facts: { needs: 'an administrator of the account' } })

    const access = {
      phoneNumberId: file.whatsapp.phoneNumberId,
      token: reveal(file.whatsapp.token),
      graphUrl: deps.graphUrl,
      graphVersion: deps.graphVersion
    }
    const appSecrets = [file.whatsapp.appSecret].flat().map(reveal)
    const channel = createCloudChannel({ http: createHttpClient({ maxSockets: 2 }) })
    const facts = await channel.readNumber({ ...access, appSecret: appSecrets[0] })
    channel.close()
    step(`WhatsApp number ${facts.verifiedName ?? ''} answers, ${facts.throughputPerSecond} messages a second`)

    const known = (await deps.numbers.list()).numbers.find(number => number.phoneNumberId === access.phoneNumberId)
    const inboxKey = known?.inboxKey ?? randomBytes(18).toString('base64url')
    const base = `${deps.publicUrl}${deps.prefix ?? ''}`
    const webhookUrl = `${base}/webhooks/chatwoot/${inboxKey}`
    const marker = { phoneNumberId: access.phoneNumberId, installation: deps.installation }
    const locale = pickLocale(file.locale)
    let inbox = await setup.findInbox(desk, marker)
    if (inbox === null) {
      inbox = await setup.createInbox(desk, {
        name: `WhatsApp ${facts.verifiedName ?? facts.displayPhoneNumber}`,
        webhookUrl,
        windowMessage: windowBanner(locale),
        marker
      })
      step(`inbox ${inbox.id} created`)
    } else if (inbox.webhookUrl !== webhookUrl) {
      inbox = await setup.updateInbox(desk, inbox.id, { webhookUrl })
      step(`inbox ${inbox.id} updated`)
    }
    const agents = await setup.listAgents(desk)
    await setup.addMembers(
      desk,
      inbox.id,
      agents.map(agent => agent.id)
    )

    const deskRecord = await deps.numbers.saveDesk({ ...desk, sandbox: deps.sandbox === true })
    const verifyToken =
      file.whatsapp.verifyToken === undefined
        ? (known?.verifyToken ?? randomBytes(18).toString('base64url'))
        : reveal(file.whatsapp.verifyToken)
    const record = await deps.numbers.saveNumber({
      deskId: deskRecord.id,
      phoneNumberId: access.phoneNumberId,
      wabaId: file.whatsapp.wabaId,
      appId: file.whatsapp.appId ?? null,
      displayPhoneNumber: facts.displayPhoneNumber,
      verifiedName: facts.verifiedName ?? null,
      inboxId: inbox.id,
      inboxKey,
      hookSecret: inbox.secret,
      token: access.token,
      appSecrets,
      verifyToken,
      graphUrl: access.graphUrl,
      graphVersion: access.graphVersion,
      policy: file.policy ?? {},
      locale,
      throughputPerSecond: facts.throughputPerSecond,
      sandbox: deps.sandbox === true
    })
    step(`number stored, tokens sealed (…${record.tokenHint})`)
    await deps.onSaved?.()

    const graph = createGraph({ http })
    const callback = { callbackUrl: `${base}/webhooks/whatsapp`, verifyToken }
    await subscribeApp(graph, { ...access, appSecret: appSecrets[0] }, file.whatsapp.wabaId)
    await setNumberWebhook(graph, { ...access, appSecret: appSecrets[0] }, access.phoneNumberId, callback)
    step('webhooks of the number come here')
    return record
  } finally {
    http.close()
  }
}

function revealSecret(value: z.infer<typeof secret>, env: NodeJS.ProcessEnv): string {
  if (typeof value === 'string') return value
  if ('env' in value) {
    const found = env[value.env]
    if (!found) throw new PuenteError('config_invalid', { facts: { problems: `the environment has no ${value.env}` } })
    return found
  }
  try {
    return readFileSync(value.file, 'utf8').trim()
  } catch (cause) {
    throw new PuenteError('config_invalid', { cause, facts: { problems: `cannot read ${value.file}` } })
  }
}
