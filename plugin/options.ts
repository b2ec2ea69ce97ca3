/**
 * Every option of the plugin, with its environment variable, default and meaning in one schema: `--help`, the option
 * table in the docs and the errors are made from it. The only place (with the CLI) that reads the environment.
 */
import { z } from 'zod'
import { PuenteError } from './core/errors.ts'
import { RULES } from './core/rules.ts'

const url = z
  .url({ protocol: /^https?$/, error: 'must be a web address, for example https://puente.example.com' })
  .transform(text => text.replace(/\/+$/, ''))
const origins = z
  .union([z.string().transform(text => text.split(/[\s,]+/).filter(part => part !== '')), z.array(z.string())])
  .pipe(
    z.array(
      z
        .url('must be origins separated by commas, for example https://desk.example.com')
        .transform(text => new URL(text).origin)
    )
  )
const flag = z.union([z.boolean(), z.enum(['on', 'off']).transform(text => text === 'on')], {
  error: 'must be on or off'
})

/** Keys are the plugin's option names; `env` is the variable; `fallback` is shown where the default is not a constant. */
export const optionsSchema = z.object({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ env: 'PUENTE_HOST', about: 'Address to listen on (server only)' }),
  port: z.coerce
    .number({ error: issue => (issue.code === 'invalid_type' ? 'must be a whole number' : undefined) })
    .int()
    .min(0)
    .max(65535)
    .default(8420)
    .meta({ env: 'PUENTE_PORT', about: 'Port to listen on (server only)' }),
  publicUrl: url.optional().meta({
    env: 'PUENTE_PUBLIC_URL',
    about: 'How Meta, Chatwoot and browsers reach it',
    fallback: 'http://HOST:PORT'
  }),
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
    .optional()
    .meta({ env: 'PUENTE_DATABASE_URL', about: 'PostgreSQL 14 or later', fallback: 'embedded, in the data directory' }),
  redisUrl: z
    .string()
    .regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://')
    .optional()
    .meta({ env: 'PUENTE_REDIS_URL', about: 'Bull on Redis, for several processes', fallback: 'jobs in process' }),
  dataDir: z
    .string()
    .min(1)
    .default('.puente')
    .meta({ env: 'PUENTE_DATA_DIR', about: 'Embedded database, master key, temporary media' }),
  masterKey: z.string().optional().meta({
    env: 'PUENTE_MASTER_KEY',
    about: '32 bytes in base64 or hex; seals secrets',
    fallback: 'made on first start of the embedded mode'
  }),
  masterKeyFile: z.string().optional().meta({ env: 'PUENTE_MASTER_KEY_FILE', about: 'A file with the master key' }),
  graphUrl: url.default(RULES.graphUrl.value).meta({ env: 'PUENTE_GRAPH_URL', about: 'Base URL of the Graph API' }),
  graphVersion: z
    .string()
    .regex(/^v\d+\.\d+$/, 'must look like v25.0')
    .default(RULES.graphVersion.value)
    .meta({ env: 'PUENTE_GRAPH_VERSION', about: 'Version of the Graph API' }),
  chatwootOrigins: origins.default([]).meta({
    env: 'PUENTE_CHATWOOT_ORIGINS',
    about: 'Who may frame the UI',
    fallback: 'the origins of the connected desks'
  }),
  sandbox: z.enum(['auto', 'on', 'off']).default('auto').meta({
    env: 'PUENTE_SANDBOX',
    about: 'Stand-ins of WhatsApp and Chatwoot; auto: while no number is connected and no database URL is set'
  }),
  deskCeiling: z.coerce
    .number({ error: issue => (issue.code === 'invalid_type' ? 'must be a whole number' : undefined) })
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .meta({ env: 'PUENTE_DESK_CEILING', about: 'Most calls in flight per desk; the adaptive limit moves below it' }),
  mediaOrigins: origins
    .default([])
    .meta({ env: 'PUENTE_MEDIA_ORIGINS', about: 'Private origins from which media may be fetched' }),
  ffmpeg: z.string().optional().meta({
    env: 'PUENTE_FFMPEG',
    about: 'Path of ffmpeg, for conversions that the built-in converters cannot do',
    fallback: 'found on PATH or none'
  }),
  logLevel: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .meta({ env: 'PUENTE_LOG_LEVEL', about: 'Log level (server only)' }),
  metrics: flag.default(true).meta({ env: 'PUENTE_METRICS', about: 'Serve Prometheus metrics: on or off' })
})

export type Options = z.infer<typeof optionsSchema>
export type OptionsInput = z.input<typeof optionsSchema>

export interface OptionRow {
  name: string
  env: string
  fallback: string
  about: string
}

/** The option table, from the schema. */
export function listOptions(): OptionRow[] {
  return Object.entries(optionsSchema.shape).map(([name, schema]) => {
    const meta = schema.meta() as { env: string; about: string; fallback?: string }
    const parsed = schema.safeParse(undefined)
    const value = parsed.success ? parsed.data : undefined
    const shown = Array.isArray(value) ? 'none' : value === undefined ? 'none' : value === true ? 'on' : String(value)
    return { name, env: meta.env, fallback: meta.fallback ?? shown, about: meta.about }
  })
}

const SECRET = /key|url/i

/** Checks options; the error names each wrong one, what it got and what it wants. Unknown names are wrong too. */
export function readOptions(input: object, extra: readonly string[] = []): Options {
  const known = new Set([...Object.keys(optionsSchema.shape), ...extra])
  const problems: string[] = []
  for (const name of Object.keys(input)) {
    if (!known.has(name)) problems.push(`${name}: there is no such option (known: ${[...known].join(', ')})`)
  }
  const parsed = optionsSchema.safeParse(input)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0] ?? '')
      const got = (input as Record<string, unknown>)[name]
      // A database or Redis URL may hold a password, a key is a secret: the kind is told, not the value.
      const shown = SECRET.test(name) ? `a ${typeof got} of ${String(got).length} characters` : JSON.stringify(got)
      const row = listOptions().find(option => option.name === name)
      problems.push(`${name} (${row?.env}): got ${shown}; ${issue.message}`)
    }
  }
  if (problems.length > 0 || !parsed.success) {
    throw new PuenteError('config_invalid', { facts: { problems: problems.join('\n') } })
  }
  return parsed.data
}

/** The options that the environment sets. Empty variables count as not set. */
export function optionsFromEnvironment(env: NodeJS.ProcessEnv): Partial<OptionsInput> {
  const options: Record<string, string> = {}
  for (const row of listOptions()) {
    const value = env[row.env]
    if (value !== undefined && value !== '') options[row.name] = value
  }
  return options as Partial<OptionsInput>
}
