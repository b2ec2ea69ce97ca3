/** What administrators set up for others: API keys for scripts. */
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
