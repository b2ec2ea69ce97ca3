/** What administrators set up for others: API keys for scripts, hooks for macros and automations. */
import { z } from 'zod'
import { instant } from './common.ts'

export const apiKeyInfo = z
  .object({
    id: z.uuid(),
    name: z.string(),
    accountId: z.number().int().nullable(),
    hint: z.string().describe('The last characters, to tell keys apart'),
    createdAt: instant,
    lastUsedAt: instant.nullable()
  })
  .meta({ id: 'ApiKey' })
export type ApiKeyInfo = z.infer<typeof apiKeyInfo>
export const apiKeyList = z.object({ keys: z.array(apiKeyInfo) })
export const apiKeyCreate = z.object({ name: z.string().trim().min(1).max(100) })
export const apiKeyCreated = z
  .object({ key: z.string().describe('Shown once'), info: apiKeyInfo })
  .meta({ id: 'ApiKeyCreated' })
export const idParams = z.object({ id: z.uuid() })

/**
 * A hook for `send_webhook_event` of a macro or automation. Its address is its credential; it is bound to one number,
 * one template and the sources of its slots.
 */
export const macroHookInfo = z
  .object({
    id: z.uuid(),
    name: z.string(),
    numberId: z.number().int(),
    templateId: z.string(),
    templateName: z.string(),
    language: z.string(),
    slots: z.record(z.string(), z.object({ source: z.string(), fallback: z.string().optional() })),
    createdAt: instant,
    lastUsedAt: instant.nullable()
  })
  .meta({ id: 'MacroHook' })
export type MacroHookInfo = z.infer<typeof macroHookInfo>
export const macroHookList = z.object({ hooks: z.array(macroHookInfo) })
export const macroHookCreate = z.object({
  name: z.string().trim().min(1).max(100),
  numberId: z.number().int().positive(),
  templateId: z.string().min(1).max(100),
  slots: z
    .record(z.string().max(100), z.object({ source: z.string().max(200), fallback: z.string().max(1024).optional() }))
    .default({})
})
export const macroHookCreated = z
  .object({ url: z.string().describe('Shown once; to be put into the macro or automation'), hook: macroHookInfo })
  .meta({ id: 'MacroHookCreated' })
