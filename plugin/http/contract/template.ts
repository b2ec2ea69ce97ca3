/** Templates as the picker of the tab needs them: searchable, with slots, a preview, and what stands in the way. */
import { z } from 'zod'
import { instant } from './common.ts'

export const templateCategory = z.enum(['marketing', 'utility', 'authentication', 'unknown'])
export const templateStatus = z.enum(['approved', 'pending', 'rejected', 'paused', 'disabled', 'other'])

/** As in the template model of the core: `url_suffix` is the end of a button's address, `code` a one-time password. */
export const slotKind = z.enum([
  'text',
  'image',
  'video',
  'document',
  'location',
  'url_suffix',
  'coupon',
  'code',
  'payload',
  'moment',
  'flow',
  'thumbnail',
  'products',
  'product'
])

/** A place to fill. */
export const templateSlot = z
  .object({
    key: z.string().describe('Unique in the template, for example header.1, body.first_name, button.0, card.1.header'),
    in: z.enum(['header', 'body', 'button', 'offer']),
    card: z.number().int().nullable(),
    button: z.number().int().nullable(),
    kind: slotKind,
    label: z.string().describe('What to show beside the field'),
    example: z.string().nullable(),
    required: z.boolean(),
    maxLength: z.number().int().nullable(),
    context: z
      .object({ before: z.string(), after: z.string() })
      .nullable()
      .describe('The words around it, to tell {{1}} from {{2}}')
  })
  .meta({ id: 'TemplateSlot' })
export type TemplateSlot = z.infer<typeof templateSlot>

/** A value that a slot may be filled from by itself: attributes of contact, conversation and agent. */
export const slotSource = z
  .object({
    key: z.string().describe('For example contact.name, contact.custom.city, conversation.custom.order, agent.name'),
    label: z.string(),
    value: z.string().nullable().describe('Null: not known for this conversation, the fallback counts')
  })
  .meta({ id: 'SlotSource' })
export type SlotSource = z.infer<typeof slotSource>

/** What a slot is filled with. Media: one of an upload, a stored document, a file of this conversation, an address. */
export const slotValue = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('text'), text: z.string().max(4096) }),
    z.object({ kind: z.literal('source'), source: z.string().max(200), fallback: z.string().max(1024).optional() }),
    z.object({ kind: z.literal('upload'), uploadId: z.uuid() }),
    z.object({ kind: z.literal('library'), itemId: z.uuid() }),
    z.object({ kind: z.literal('conversation_file'), messageId: z.number().int(), fileId: z.number().int() }),
    z.object({ kind: z.literal('url'), url: z.url().max(2000), name: z.string().max(240).optional() }),
    z.object({
      kind: z.literal('location'),
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      name: z.string().max(1000),
      address: z.string().max(1000)
    }),
    z.object({ kind: z.literal('moment'), at: instant }),
    z.object({ kind: z.literal('product'), productId: z.string().max(200), catalogId: z.string().max(200) }),
    z.object({
      kind: z.literal('products'),
      thumbnailId: z.string().max(200).optional(),
      sections: z
        .array(z.object({ title: z.string().max(24), productIds: z.array(z.string().max(200)).min(1).max(30) }))
        .max(10)
    }),
    z.object({
      kind: z.literal('flow'),
      token: z.string().max(500).optional(),
      data: z.record(z.string(), z.unknown()).optional()
    })
  ])
  .meta({ id: 'SlotValue' })
export type SlotValue = z.infer<typeof slotValue>
export const slotValues = z.record(z.string().max(100), slotValue)
export type SlotValues = z.infer<typeof slotValues>

export const previewText = z.object({
  text: z.string().describe("WhatsApp's own formatting (*bold*, _italic_, ~struck~), slots filled in"),
  pieces: z
    .array(z.object({ text: z.string(), slot: z.string().nullable(), filled: z.boolean() }))
    .describe('The same text, told apart by the slots it came from; an empty slot shows as {{1}}')
})
export const previewButton = z.object({
  kind: z.enum([
    'quick_reply',
    'url',
    'phone',
    'copy_code',
    'flow',
    'catalog',
    'products',
    'product',
    'otp',
    'voice_call',
    'share_contact',
    'other'
  ]),
  label: z.string(),
  target: z.string().nullable().describe('Address, number or code as the customer gets it')
})
const previewMedia = {
  slot: z.string(),
  name: z.string().nullable().describe('Of the chosen file; null: none chosen yet'),
  url: z.string().nullable().describe('Null from the server; a page puts in what it draws the chosen file by')
}
export const previewHeader = z.discriminatedUnion('kind', [
  previewText.extend({ kind: z.literal('text') }),
  z.object({ kind: z.literal('image'), ...previewMedia }),
  z.object({ kind: z.literal('video'), ...previewMedia }),
  z.object({ kind: z.literal('document'), ...previewMedia }),
  z.object({
    kind: z.literal('location'),
    slot: z.string(),
    name: z.string().nullable(),
    address: z.string().nullable()
  }),
  z.object({ kind: z.literal('product'), slot: z.string(), name: z.string().nullable() })
])
export const previewCard = z.object({
  header: previewHeader.nullable(),
  body: previewText.nullable(),
  buttons: z.array(previewButton)
})
export type PreviewCard = z.infer<typeof previewCard>

/** What the customer will see. The page draws it; texts and buttons are exactly what is sent. */
export const messagePreview = previewCard
  .extend({
    footer: z.string().nullable(),
    cards: z.array(previewCard).describe('Of a carousel'),
    offer: z.object({ text: z.string(), endsAt: z.string().nullable() }).nullable(),
    direction: z.enum(['ltr', 'rtl'])
  })
  .meta({ id: 'MessagePreview' })
export type MessagePreview = z.infer<typeof messagePreview>

/** Something that keeps a template (or a slot of it) from being sent, told before sending. */
export const templateProblem = z
  .object({
    where: z.string().describe('Key of a slot, or "template", "customer", "number"'),
    code: z.string(),
    sentence: z.string(),
    blocking: z.boolean()
  })
  .meta({ id: 'TemplateProblem' })
export type TemplateProblem = z.infer<typeof templateProblem>

const templateHeaderKind = z.enum(['none', 'text', 'image', 'video', 'document', 'location', 'product'])

export const templateSummary = z
  .object({
    id: z.string(),
    name: z.string(),
    language: z.string(),
    category: templateCategory,
    status: templateStatus,
    quality: z.enum(['green', 'yellow', 'red', 'unknown']),
    /** All languages in which a template of this name can be sent. */
    languages: z.array(z.string()),
    body: z.string().describe('With slots as {{1}} or {{name}}'),
    headerKind: templateHeaderKind,
    headerText: z.string().nullable(),
    footer: z.string().nullable(),
    offer: z.string().nullable().describe('Line of a limited-time offer'),
    buttonTexts: z.array(z.string()),
    cards: z
      .array(
        z.object({ headerKind: templateHeaderKind, body: z.string().nullable(), buttonTexts: z.array(z.string()) })
      )
      .describe('Of a carousel'),
    favourite: z.boolean(),
    lastUsedAt: instant.nullable().describe('By this agent'),
    /** Why it cannot be sent now, or null. */
    problem: templateProblem.nullable(),
    direction: z.enum(['ltr', 'rtl'])
  })
  .meta({ id: 'TemplateSummary' })
export type TemplateSummary = z.infer<typeof templateSummary>

/** GET /api/v1/templates: favourites and recents first, then the customer's language, then by name. */
export const templateQuery = z.object({
  numberId: z.coerce.number().int().positive(),
  conversationId: z.coerce.number().int().positive().optional(),
  contactId: z.coerce.number().int().positive().optional().describe('Whom a conversation is begun with'),
  phone: z.string().max(40).optional().describe('The same, where no contact is known'),
  query: z.string().max(200).optional(),
  language: z.string().max(20).optional(),
  category: templateCategory.optional(),
  /** Only approved ones unless said otherwise. */
  status: z.union([templateStatus, z.literal('any')]).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(200)
})
export const templateList = z
  .object({
    templates: z.array(templateSummary),
    languages: z.array(z.string()).describe('To filter by'),
    preferredLanguage: z.string().nullable(),
    syncedAt: instant.nullable().describe('When the templates were last read from WhatsApp; null: never')
  })
  .meta({ id: 'TemplateList' })
export type TemplateList = z.infer<typeof templateList>

export const templateParams = z.object({ templateId: z.string().min(1).max(100) })

/** GET /api/v1/templates/:templateId?numberId&conversationId: its slots, filled as far as the context allows. */
export const templateDetailQuery = z.object({
  numberId: z.coerce.number().int().positive(),
  conversationId: z.coerce.number().int().positive().optional(),
  contactId: z.coerce.number().int().positive().optional(),
  phone: z.string().max(40).optional()
})
/** What a message costs. Nobody can ask Meta for a price: amounts are what this account paid lately. */
export const templatePrice = z
  .object({
    category: templateCategory,
    sentence: z.string().describe('Whether Meta charges for it'),
    free: z.boolean(),
    amount: z.number().nullable().describe('For one message; null where it is free, and where nothing was measured'),
    currency: z.string().nullable().describe('ISO 4217'),
    basis: z
      .object({
        sentence: z.string(),
        country: z.string().describe('ISO 3166, two letters'),
        messages: z.number().describe('How many were charged'),
        from: instant,
        to: instant
      })
      .nullable()
      .describe('What the amount is the average of')
  })
  .meta({ id: 'TemplatePrice' })
export type TemplatePrice = z.infer<typeof templatePrice>

export const templateDetail = z
  .object({
    template: templateSummary,
    slots: z.array(templateSlot),
    suggested: slotValues.describe('What the slots are filled with unless the agent says otherwise'),
    sources: z.array(slotSource),
    preview: messagePreview,
    problems: z.array(templateProblem),
    price: templatePrice
  })
  .meta({ id: 'TemplateDetail' })
export type TemplateDetail = z.infer<typeof templateDetail>

/** POST /api/v1/templates/:templateId/preview: answers within milliseconds; ask while typing. */
export const previewRequest = z.object({
  numberId: z.number().int().positive(),
  conversationId: z.number().int().positive().optional(),
  contactId: z.number().int().positive().optional(),
  phone: z.string().max(40).optional(),
  values: slotValues
})
export const previewAnswer = z
  .object({
    preview: messagePreview,
    problems: z.array(templateProblem),
    deskText: z.string().describe('As it will stand in the conversation'),
    resolved: z.record(z.string(), z.string()).describe('The text that each slot ends up with')
  })
  .meta({ id: 'PreviewAnswer' })
export type PreviewAnswer = z.infer<typeof previewAnswer>

/** PUT /api/v1/templates/:templateId/favourite */
export const favouriteRequest = z.object({ numberId: z.number().int().positive(), favourite: z.boolean() })
