/** Files on their way to WhatsApp, and the documents, videos and links that Puente keeps for agents. */
import { z } from 'zod'
import { instant } from './common.ts'

/**
 * POST /api/v1/uploads?name=offer.pdf — the raw bytes as body, their type as content-type. Kept for a day unless put
 * into the library.
 */
export const uploadQuery = z.object({
  name: z.string().min(1).max(240),
  purpose: z
    .enum(['media', 'sticker', 'voice', 'header', 'document'])
    .default('media')
    .describe('`document`: for a document header, which takes other kinds than a message does')
})
/** POST /api/v1/uploads/links: the same for a file that lies at a public address; Puente fetches it. */
export const linkedUpload = z.object({
  url: z.url({ protocol: /^https?$/ }).max(2000),
  name: z.string().min(1).max(240).optional()
})
export const uploadInfo = z
  .object({
    uploadId: z.uuid(),
    name: z.string(),
    mimeType: z.string().describe('As its bytes say'),
    sizeBytes: z.number().int(),
    sendsAs: z.enum(['image', 'video', 'audio', 'document', 'sticker']).nullable(),
    refusal: z.string().nullable().describe('A sentence where WhatsApp would refuse it'),
    expiresAt: instant
  })
  .meta({ id: 'Upload' })
export type UploadInfo = z.infer<typeof uploadInfo>

export const libraryItem = z
  .object({
    itemId: z.uuid(),
    kind: z.enum(['file', 'link']),
    title: z.string(),
    url: z.string().nullable(),
    name: z.string().nullable(),
    mimeType: z.string().nullable(),
    sizeBytes: z.number().int().nullable(),
    sendsAs: z.enum(['image', 'video', 'audio', 'document', 'sticker']).nullable(),
    addedAt: instant,
    mayDelete: z.boolean()
  })
  .meta({ id: 'LibraryItem' })
export type LibraryItem = z.infer<typeof libraryItem>

/** GET /api/v1/library?query=…; POST; DELETE /api/v1/library/:itemId (its author or an administrator) */
export const libraryQuery = z.object({ query: z.string().max(200).optional() })
export const libraryList = z.object({ items: z.array(libraryItem) }).meta({ id: 'Library' })
export type LibraryList = z.infer<typeof libraryList>
export const libraryAdd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), uploadId: z.uuid(), title: z.string().trim().min(1).max(200) }),
  z.object({
    kind: z.literal('link'),
    url: z.url({ protocol: /^https?$/ }).max(2000),
    title: z.string().trim().min(1).max(200)
  })
])
export type LibraryAdd = z.infer<typeof libraryAdd>
export const libraryParams = z.object({ itemId: z.uuid() })
