/** The config fields that `manifest.json` declares, read from the zod schemas: what an admin form would ask for. */
import { z } from 'zod'
import { policySchema } from '../core/registry.ts'
import { listOptions } from '../options.ts'
import { numberFileSchema } from './number-file.ts'

export interface ConfigField {
  path: string
  type: string
  required?: boolean
  secret?: boolean
  about?: string
  env?: string
}

interface JsonSchema {
  type?: string
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  anyOf?: JsonSchema[]
  enum?: unknown[]
}

export function describeConfig(): { number: ConfigField[]; policy: ConfigField[]; options: ConfigField[] } {
  const options = { io: 'input', unrepresentable: 'any' } as const
  const number = z.toJSONSchema(numberFileSchema, options) as JsonSchema
  const policy = z.toJSONSchema(policySchema, options) as JsonSchema
  return {
    number: listNumberFields(number, ''),
    policy: Object.entries(policy.properties ?? {}).map(([path, schema]) => ({
      path,
      type: typeOf(schema),
      about: schema.description ?? ''
    })),
    options: listOptions().map(row => ({ path: row.name, type: 'string', env: row.env, about: row.about }))
  }
}

function listNumberFields(schema: JsonSchema, prefix: string): ConfigField[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const path = `${prefix}${name}`
    // A policy has a list of its own.
    if (inner.type === 'object' && path !== 'policy') return listNumberFields(inner, `${path}.`)
    const required = schema.required?.includes(name) ?? false
    return [{ path, type: typeOf(inner), required, secret: isSecret(inner), about: inner.description ?? '' }]
  })
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(' | ')
  return schema.type ?? typeOf(schema.anyOf?.[0] ?? { type: 'string' })
}

/** What may be given as `{"env"}` or `{"file"}` instead of in clear. */
function isSecret(schema: JsonSchema): boolean {
  return schema.anyOf?.some(each => each.properties?.['env'] !== undefined || isSecret(each)) ?? false
}
