/** What can be sent, and what became of a message. */
import { z } from 'zod'
import { failure, instant, numberInfo, sendState } from './common.ts'
import { slotValues } from './template.ts'

const title = (most: number) => z.string().trim().min(1).max(most)

/** Where a file comes from. */
export const fileSource = z
  .discriminatedUnion('from', [
    z.object({ from: z.literal('upload'), uploadId: z.uuid() }),
    z.object({ from: z.literal('library'), itemId: z.uuid() }),
    z.object({ from: z.literal('conversation'), messageId: z.number().int(), fileId: z.number().int() }),
    z.object({ from: z.literal('url'), url: z.url().max(2000), name: z.string().max(240).optional() })
  ])
  .meta({ id: 'FileSource' })
export type FileSource = z.infer<typeof fileSource>

const quoted = { quotesMessageId: z.number().int().positive().optional().describe('Desk message to quote') }

/** One message to WhatsApp. Limits are Meta's for each kind. */
export const messageToSend = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('text'), text: z.string().trim().min(1).max(20_000), ...quoted }),
    z.object({
      kind: z.literal('template'),
      templateId: z.string().min(1).max(100),
      values: slotValues,
      insteadOf: z.number().int().positive().optional().describe('A parked answer that this replaces')
    }),
    z.object({
      kind: z.literal('buttons'),
      body: title(1024),
      footer: z.string().max(60).optional(),
      header: z.string().max(60).optional(),
      buttons: z
        .array(z.object({ id: z.string().max(256).optional(), title: title(20) }))
        .min(1)
        .max(3),
      ...quoted
    }),
    z.object({
      kind: z.literal('list'),
      body: title(4096),
      footer: z.string().max(60).optional(),
      header: z.string().max(60).optional(),
      buttonText: title(20),
      sections: z
        .array(
          z.object({
            title: z.string().max(24).optional(),
            rows: z
              .array(
                z.object({
                  id: z.string().max(200).optional(),
                  title: title(24),
                  description: z.string().max(72).optional()
                })
              )
              .min(1)
              .max(10)
          })
        )
        .min(1)
        .max(10),
      ...quoted
    }),
    z.object({
      kind: z.literal('url_button'),
      body: title(1024),
      footer: z.string().max(60).optional(),
      header: z.string().max(60).optional(),
      buttonText: title(20),
      url: z.url({ protocol: /^https?$/ }).max(2000),
      ...quoted
    }),
    z.object({
      kind: z.literal('location'),
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      name: z.string().max(1000).optional(),
      address: z.string().max(1000).optional(),
      ...quoted
    }),
    z.object({ kind: z.literal('location_request'), body: title(1024), ...quoted }),
    z.object({
      kind: z.literal('contacts'),
      contacts: z
        .array(
          z.object({
            name: title(200),
            organisation: z.string().max(200).optional(),
            phones: z.array(z.object({ number: title(40), type: z.string().max(40).optional() })).max(5),
            emails: z
              .array(z.object({ address: title(200), type: z.string().max(40).optional() }))
              .max(5)
              .default([])
          })
        )
        .min(1)
        .max(10),
      ...quoted
    }),
    z.object({
      kind: z.literal('reaction'),
      messageId: z.number().int().positive().describe('Desk message to react to'),
      emoji: z.string().max(32).describe('Empty takes the reaction back')
    }),
    z.object({ kind: z.literal('sticker'), file: fileSource, ...quoted }),
    z.object({ kind: z.literal('voice'), file: fileSource, ...quoted }),
    z.object({ kind: z.literal('media'), file: fileSource, caption: z.string().max(1024).optional(), ...quoted })
  ])
  .meta({ id: 'MessageToSend' })
export type MessageToSend = z.infer<typeof messageToSend>

/** POST /api/v1/conversations/:conversationId/messages → 202 `sendInfo` */
export const sendRequest = z.object({ message: messageToSend, externalRef: z.string().max(200).optional() })
export type SendRequest = z.infer<typeof sendRequest>

export const messageFile = z.object({
  fileId: z.number().int(),
  kind: z.string(),
  name: z.string(),
  sizeBytes: z.number().nullable(),
  mimeType: z.string().nullable()
})

export const messageSummary = z
  .object({
    messageId: z.number().int(),
    direction: z.enum(['in', 'out', 'note']),
    at: instant,
    text: z.string().describe('Cut after 300 characters'),
    sender: z.string().nullable(),
    state: sendState.nullable(),
    failure: failure.nullable(),
    files: z.array(messageFile)
  })
  .meta({ id: 'MessageSummary' })
export type MessageSummary = z.infer<typeof messageSummary>

/** GET /api/v1/conversations/:conversationId/messages: the newest first, private notes left out. */
export const messageQuery = z.object({ before: z.coerce.number().int().positive().optional() })
export const messageList = z
  .object({
    messages: z.array(messageSummary).describe('Newest first, without private notes'),
    nextBefore: z.number().int().nullable().describe('`before` of the next page; null: there is none')
  })
  .meta({ id: 'MessageList' })
export type MessageList = z.infer<typeof messageList>

export const partDetails = z
  .object({
    part: z.number().int(),
    attempt: z.number().int().describe('1 for the first, one more for each Retry'),
    wamid: z.string().nullable(),
    state: sendState,
    failure: failure.nullable(),
    category: z.string().nullable().describe('Price category that Meta counted it in'),
    billable: z.boolean().nullable(),
    pricingModel: z.string().nullable()
  })
  .meta({ id: 'PartDetails' })
export type PartDetails = z.infer<typeof partDetails>

/** GET /api/v1/conversations/:conversationId/messages/:messageId */
export const messageDetails = z
  .object({
    messageId: z.number().int(),
    direction: z.enum(['in', 'out', 'note']),
    from: z.string().describe('Sender: number or name'),
    to: z.string().describe('Recipient: number or name'),
    number: numberInfo,
    text: z.string(),
    /** Meta's time; for what we send, the time of its `sent` status. */
    metaAt: instant.nullable(),
    deskAt: instant,
    state: sendState.nullable(),
    failure: failure.nullable(),
    parts: z.array(partDetails),
    template: z.string().nullable(),
    externalRef: z.string().nullable(),
    receipts: z.enum(['on', 'probably_off', 'unknown']),
    /** From Meta's hook to the desk and back, in the order of time. */
    timeline: z.array(
      z.object({
        at: instant,
        where: z.enum(['whatsapp', 'puente', 'desk']),
        step: z.enum([
          'written',
          'received',
          'stored',
          'shown',
          'attempted',
          'accepted',
          'sent',
          'delivered',
          'read',
          'played',
          'failed',
          'parked',
          'told'
        ]),
        sentence: z.string(),
        part: z.number().int().nullable()
      })
    )
  })
  .meta({ id: 'MessageDetails' })
export type MessageDetails = z.infer<typeof messageDetails>
