/**
 * Words that several parts of the REST contract share. Every shape of `/api/v1` is a zod schema in this folder: the
 * server checks by it, `openapi.json` is made from it, and the pages take their types from it. Leaves out behaviour.
 */
import { z } from 'zod'

/** An instant, ISO 8601 with zone. */
export const instant = z.iso.datetime({ offset: true }).describe('ISO 8601 instant')

/** Answer of every failure, `application/problem+json`. `code` is public API; `title` is a sentence for people. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string().describe('One plain sentence: what happened and what to do'),
    status: z.number().int(),
    code: z.string().describe('Stable name of the failure'),
    requestId: z.string(),
    /** Where an open conversation already is (`conversation_open`). */
    conversationId: z.number().int().optional(),
    link: z.string().optional().describe('Address in the desk to go on with'),
    retryAfterSeconds: z.number().optional(),
    problems: z
      .array(z.object({ where: z.string(), code: z.string(), title: z.string() }))
      .optional()
      .describe('What is wrong with single fields or slots')
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof problem>

export const severity = z.enum(['info', 'warning', 'error'])

/** Who can mend a failure, and the one click that does it. */
export const remedyAction = z.enum([
  'resend',
  'choose_template',
  'edit_number',
  'ask_admin',
  'wait',
  'change_message',
  'none'
])
export type RemedyAction = z.infer<typeof remedyAction>

export const failure = z
  .object({
    code: z.string(),
    /** Meta's own number, when WhatsApp said it. */
    metaCode: z.number().int().nullable(),
    sentence: z.string().describe('What happened and what to do, in the language of the session'),
    whoCanMend: z.enum(['agent', 'admin', 'customer', 'meta', 'nobody', 'itself']),
    action: remedyAction
  })
  .meta({ id: 'Failure' })
export type Failure = z.infer<typeof failure>

/** A connected number, as an agent sees it. */
export const numberInfo = z
  .object({
    id: z.number().int(),
    inboxId: z.number().int(),
    name: z.string().describe('Verified name, or the number itself'),
    displayPhoneNumber: z.string(),
    language: z.string(),
    paused: failure.nullable(),
    /** Null where Meta has not told. */
    quality: z.enum(['green', 'yellow', 'red']).nullable(),
    messagingLimit: z
      .number()
      .int()
      .nullable()
      .describe('Customers a day that may be written to first; null: unknown or unlimited'),
    lastUsedAt: instant.nullable().describe('When this agent (or this customer) last used it'),
    callLink: z
      .string()
      .nullable()
      .describe('For the customer: opened on a phone with WhatsApp, it calls this number. Null where it takes no calls')
  })
  .meta({ id: 'Number' })
export type NumberInfo = z.infer<typeof numberInfo>

export const sendState = z.enum([
  'stored',
  'queued',
  'sent',
  'delivered',
  'read',
  'played',
  'failed',
  'parked',
  'uncertain',
  'recalled'
])
export type SendState = z.infer<typeof sendState>

/** What became of one message that was asked for through the tab, the REST API or a hook. */
export const sendInfo = z
  .object({
    sendId: z.string().describe('The same for every repetition with the same Idempotency-Key'),
    state: sendState,
    accountId: z.number().int(),
    conversationId: z.number().int().nullable().describe('Null until the desk has the conversation'),
    messageId: z.number().int().nullable().describe('Null until the desk has the row'),
    numberId: z.number().int(),
    link: z.string().nullable(),
    wamids: z.array(z.string()),
    failure: failure.nullable(),
    externalRef: z.string().nullable(),
    createdAt: instant,
    updatedAt: instant
  })
  .meta({ id: 'Send' })
export type SendInfo = z.infer<typeof sendInfo>

export const ok = z.object({ ok: z.literal(true) })

export const conversationParams = z.object({ conversationId: z.coerce.number().int().positive() })
export const messageParams = conversationParams.extend({ messageId: z.coerce.number().int().positive() })

/** Header of every request that changes something; the same key with the same body gives the same answer. */
export const idempotencyHeaders = z.looseObject({
  'idempotency-key': z.string().min(8).max(200).describe('Made by the caller, one for each intention')
})
