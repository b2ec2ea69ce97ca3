/** `number.json` (interface: Environment): its shape, and the secrets that it names instead of holding them. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { PuenteError } from '../core/errors.ts'
import { policySchema } from '../core/registry.ts'

const secret = z.union([
  z.string().min(1),
  z.object({ env: z.string().min(1) }).strict(),
  z.object({ file: z.string().min(1) }).strict()
])

export const numberFileSchema = z
  .object({
    chatwoot: z
      .object({
        url: z
          .url()
          .transform(url => url.replace(/\/+$/, ''))
          .describe('Address of your Chatwoot'),
        accountId: z.number().int().describe('Account id in Chatwoot (the number in its addresses)'),
        token: secret.describe('Access token of an administrator (Profile settings, Access token)')
      })
      .strict(),
    whatsapp: z
      .object({
        token: secret.describe('Token of a system user with the two WhatsApp permissions'),
        wabaId: z
          .string()
          .regex(/^\d+$/, 'digits, as Meta shows it')
          .describe('WhatsApp account id (in WhatsApp Manager, Settings)'),
        phoneNumberId: z
          .string()
          .regex(/^\d+$/, 'digits, as Meta shows it (not the phone number itself)')
          .describe('Phone number id (in WhatsApp Manager, API setup)'),
        appId: z
          .string()
          .regex(/^\d+$/)
          .optional()
          .describe('App ID (on top of your app’s dashboard at developers.facebook.com)'),
        appSecret: z
          .union([secret, z.array(secret).min(1)])
          .describe('App secret (Settings, Basic); a list of them while one is being rotated'),
        verifyToken: secret.optional().describe('Verify token of the callback; made up when it is left out')
      })
      .strict(),
    policy: policySchema
      .partial()
      .optional()
      .describe('What may be decided per number; left out, it stays as it is stored'),
    locale: z
      .string()
      .optional()
      .describe('Language of what Puente writes; left out, it stays as stored, at first that of the Chatwoot account')
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

/** The same with every secret in clear. */
export interface NumberPlan {
  desk: { url: string; accountId: number; token: string }
  whatsapp: {
    token: string
    wabaId: string
    phoneNumberId: string
    appId: string | null
    /** Several while one is being rotated; the first signs our own calls. */
    appSecrets: string[]
    verifyToken: string | null
  }
  /** Null: as it is stored, and every default for a new number. */
  policy: Record<string, unknown> | null
  /** Null: as it is stored; for a new number the language of the account in the desk. */
  locale: string | null
}

/** Fails with `config_invalid` when the environment or a file lacks a secret. */
export function resolveNumberFile(file: NumberFile, env: NodeJS.ProcessEnv): NumberPlan {
  const reveal = (value: z.infer<typeof secret>): string => revealSecret(value, env)
  const { chatwoot, whatsapp } = file
  return {
    desk: { url: chatwoot.url, accountId: chatwoot.accountId, token: reveal(chatwoot.token) },
    whatsapp: {
      token: reveal(whatsapp.token),
      wabaId: whatsapp.wabaId,
      phoneNumberId: whatsapp.phoneNumberId,
      appId: whatsapp.appId ?? null,
      appSecrets: [whatsapp.appSecret].flat().map(reveal),
      verifyToken: whatsapp.verifyToken === undefined ? null : reveal(whatsapp.verifyToken)
    },
    policy: file.policy ?? null,
    locale: file.locale ?? null
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
