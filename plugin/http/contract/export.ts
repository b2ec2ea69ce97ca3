/** GET /api/v1/messages/export: what was asked for under an external reference, with what became of it. API key. */
import { z } from 'zod'
import { instant, sendState } from './common.ts'

export const exportQuery = z.object({
  format: z.enum(['json', 'csv']).default('json'),
  externalRef: z.string().min(1).max(200).optional(),
  from: instant.optional().describe('Asked for at or after'),
  to: instant.optional().describe('Asked for before'),
  after: z.uuid().optional().describe('sendId of the last row of the page before; an empty page is the end'),
  limit: z.coerce.number().int().min(1).max(100_000).default(10_000)
})

export const exportRow = z
  .object({
    sendId: z.uuid(),
    externalRef: z.string(),
    state: sendState,
    from: z.string().describe('Display number; empty where the number is not connected any more'),
    conversationId: z.number().int().nullable(),
    messageId: z.number().int().nullable(),
    wamids: z.array(z.string()).describe('In CSV separated by spaces'),
    createdAt: instant,
    sentAt: instant.nullable(),
    deliveredAt: instant.nullable(),
    readAt: instant.nullable(),
    failedAt: instant.nullable(),
    failureCode: z.string().nullable(),
    metaCode: z.number().int().nullable()
  })
  .meta({ id: 'ExportRow' })
export type ExportRow = z.infer<typeof exportRow>
export const exportAnswer = z
  .object({ messages: z.array(exportRow) })
  .describe('Oldest first, streamed. With format=csv the same columns as text/csv, with a header')
  .meta({ id: 'MessageExport' })
