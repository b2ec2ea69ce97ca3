/** What is true of a conversation right now: its window, its numbers, what may be sent, what waits, what went wrong. */
import { z } from 'zod'
import { failure, instant, numberInfo, severity } from './common.ts'
import { slotSource } from './template.ts'

export const windowInfo = z
  .object({
    open: z.boolean(),
    /** When it closes or closed; null: the customer never wrote. */
    expiresAt: instant.nullable(),
    /** The server's clock, so that the countdown does not trust the browser's. */
    now: instant,
    /** Free-entry-point period: a price fact, it does not keep the window open. */
    freeEntryPointUntil: instant.nullable()
  })
  .meta({ id: 'Window' })
export type WindowInfo = z.infer<typeof windowInfo>

export const sendKind = z.enum([
  'text',
  'template',
  'buttons',
  'list',
  'url_button',
  'location',
  'location_request',
  'contacts',
  'reaction',
  'sticker',
  'voice',
  'media'
])
export type SendKind = z.infer<typeof sendKind>

export const parkedAnswer = z
  .object({
    messageId: z.number().int(),
    text: z.string().describe('As the agent wrote it, cut after 300 characters'),
    parkedAt: instant,
    until: instant
  })
  .meta({ id: 'ParkedAnswer' })
export type ParkedAnswer = z.infer<typeof parkedAnswer>

/** GET /api/v1/conversations/:conversationId */
export const conversationStatus = z
  .discriminatedUnion('served', [
    z.object({
      served: z.literal(false),
      conversationId: z.number().int(),
      sentence: z.string().describe('Why the tab has nothing to do here')
    }),
    z.object({
      served: z.literal(true),
      conversationId: z.number().int(),
      link: z.string(),
      deskStatus: z.enum(['open', 'resolved', 'pending', 'snoozed']),
      number: numberInfo,
      customer: z.object({
        contactId: z.number().int().nullable(),
        name: z.string().nullable(),
        /** With `+`; null where WhatsApp gives only a user id. */
        phone: z.string().nullable(),
        username: z.string().nullable(),
        language: z.string().nullable().describe('Of the contact, for preselecting templates')
      }),
      window: windowInfo,
      /** What may be sent now. */
      allowed: z.array(sendKind),
      /** True when the desk's composer is locked although WhatsApp's window is open (after a call). */
      composerLocked: z.boolean(),
      consent: z
        .object({
          marketing: z.enum(['stopped', 'resumed', 'unknown']),
          at: instant.nullable()
        })
        .describe('What the customer said about marketing messages'),
      notices: z
        .array(z.object({ code: z.string(), severity, sentence: z.string() }))
        .describe('Paused number, low quality, used-up limit, receipts that are probably off'),
      parked: z.array(parkedAnswer),
      lastFailure: z.object({ messageId: z.number().int(), at: instant, text: z.string(), failure }).nullable(),
      /** Conversations of the same contact in other inboxes, for "continue by e-mail" and the like. */
      elsewhere: z.array(
        z.object({ conversationId: z.number().int(), channel: z.string(), inboxName: z.string(), link: z.string() })
      ),
      receipts: z.enum(['on', 'probably_off', 'unknown']),
      /** Values that slots can be filled from. */
      sources: z.array(slotSource),
      version: z.string().describe('Changes whenever something here has changed')
    })
  ])
  .meta({ id: 'ConversationStatus' })
export type ConversationStatus = z.infer<typeof conversationStatus>
export type ServedConversation = Extract<ConversationStatus, { served: true }>

/** GET /api/v1/conversations/:conversationId/events (text/event-stream; read it with fetch, since it wants the bearer). */
export const liveEvent = z
  .discriminatedUnion('event', [
    z.object({ event: z.literal('status'), data: conversationStatus }),
    z.object({
      event: z.literal('message'),
      data: z.object({ messageId: z.number().int(), state: z.string(), at: instant, failure: failure.nullable() })
    }),
    z.object({ event: z.literal('expired'), data: z.object({}) }),
    /** The stream ends in good order and is to be opened anew at once, as every request is asked anew. */
    z.object({ event: z.literal('again'), data: z.object({}) })
  ])
  .meta({ id: 'LiveEvent' })
export type LiveEvent = z.infer<typeof liveEvent>
