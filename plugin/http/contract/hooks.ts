/**
 * Hooks for `send_webhook_event` of a macro or automation. The address of a hook is its credential; it is bound to one
 * number, one template and what its slots are filled with.
 */
import { z } from 'zod'
import { instant } from './common.ts'
import { templateCategory, templateProblem, templateSlot } from './template.ts'

export const hookSlot = z
  .union([
    z.strictObject({
      source: z.string().max(200).describe('For example contact.first_name, or conversation.custom.order'),
      fallback: z.string().max(1024).optional().describe('Where the source is empty')
    }),
    z.strictObject({ text: z.string().max(1024) }),
    z.strictObject({ url: z.url().max(2000), name: z.string().max(240).optional() })
  ])
  .meta({ id: 'HookSlot' })
export type HookSlot = z.infer<typeof hookSlot>

export const macroHookInfo = z
  .object({
    id: z.uuid(),
    name: z.string(),
    numberId: z.number().int(),
    templateId: z.string(),
    templateName: z.string(),
    language: z.string(),
    slots: z.record(z.string(), hookSlot),
    createdAt: instant,
    lastUsedAt: instant.nullable(),
    lastFailure: z
      .object({
        at: instant,
        code: z.string(),
        sentence: z.string().describe('In the language of the number'),
        link: z.string().nullable()
      })
      .nullable()
      .describe('The newest press of the last 30 days that sent nothing')
  })
  .meta({ id: 'MacroHook' })
export type MacroHookInfo = z.infer<typeof macroHookInfo>
export const macroHookList = z.object({ hooks: z.array(macroHookInfo) })

/** POST /api/v1/hooks: refused where the template could not be filled with these slots. */
export const macroHookCreate = z.object({
  name: z.string().trim().min(1).max(100),
  numberId: z.number().int().positive(),
  templateId: z.string().min(1).max(100),
  slots: z.record(z.string().max(100), hookSlot).default({})
})
export const macroHookCreated = z
  .object({ url: z.string().describe('Shown once; to be put into the macro or automation'), hook: macroHookInfo })
  .meta({ id: 'MacroHookCreated' })
export type MacroHookCreated = z.infer<typeof macroHookCreated>

/** GET /api/v1/hooks/templates?numberId */
export const hookTemplateQuery = z.object({ numberId: z.coerce.number().int().positive() })
export const hookTemplate = z
  .object({
    id: z.string(),
    name: z.string(),
    language: z.string(),
    category: templateCategory,
    body: z.string().describe('With slots as {{1}} or {{name}}'),
    slots: z.array(templateSlot).describe('Those that a hook can fill'),
    suggested: z.record(z.string(), hookSlot),
    problem: templateProblem.nullable().describe('Why a hook cannot send it')
  })
  .meta({ id: 'HookTemplate' })
export type HookTemplate = z.infer<typeof hookTemplate>
export const hookTemplateList = z
  .object({
    templates: z.array(hookTemplate),
    sources: z.array(z.object({ key: z.string(), label: z.string() })).describe('What is known at every press'),
    attributes: z
      .array(z.object({ key: z.string(), label: z.string() }))
      .describe('Custom attributes that this account defines, as sources')
  })
  .meta({ id: 'HookTemplateList' })
export type HookTemplateList = z.infer<typeof hookTemplateList>
