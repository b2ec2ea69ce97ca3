/**
 * The admin pages: a one-time ticket to come in, and what one look must tell. A desk's administrator sees the numbers of
 * that account; who came by `puente admin-link` sees all. Texts, customers and secrets are never told here.
 */
import { z } from 'zod'
import { instant, numberInfo } from './common.ts'

/** POST /api/v1/admin/tickets: goes into the fragment of the address, never into a query. */
export const adminTicket = z
  .object({ ticket: z.string().describe('Works once, within two minutes'), expiresAt: instant })
  .meta({ id: 'AdminTicket' })
export type AdminTicket = z.infer<typeof adminTicket>

/** POST /api/v1/sessions/ticket */
export const ticketSignIn = z.object({ ticket: z.string().min(20).max(200) })
export const ticketSignedIn = z
  .object({ token: z.string().describe('Shown once'), expiresAt: instant })
  .meta({ id: 'AdminSignedIn' })
export type TicketSignedIn = z.infer<typeof ticketSignedIn>

const needKind = z.enum(['paused', 'inbox', 'standing', 'set_aside', 'uncertain', 'unproven', 'late', 'unread'])

export const adminNeed = z
  .object({
    kind: needKind,
    numberId: z.number().int(),
    /** Items, or seconds (`late`), or minutes (`unread`). */
    count: z.number().int().nullable(),
    what: z
      .string()
      .nullable()
      .describe(
        'What is wrong with the inbox: hook_url, window, banner, marker, gone, taken, hidden; or what Meta holds against the number: banned, unregistered, blocked, payment, restricted, flagged, low_quality'
      ),
    code: z.string().nullable().describe('Why it is paused'),
    sentence: z.string().nullable().describe('The same as a sentence for agents, in the language of the request')
  })
  .meta({ id: 'AdminNeed' })
export type AdminNeed = z.infer<typeof adminNeed>

export const adminNumber = z
  .object({
    id: z.number().int(),
    name: z.string(),
    displayPhoneNumber: z.string(),
    sandbox: z.boolean(),
    accountId: z.number().int(),
    inboxId: z.number().int(),
    inboxUrl: z.string().describe('Its settings in the desk'),
    desk: z.object({ url: z.string(), version: z.string().nullable() }),
    state: z.enum(['connected', 'unproven', 'paused']),
    paused: z.object({ code: z.string(), sentence: z.string().nullable() }).nullable(),
    quality: numberInfo.shape.quality,
    messagingLimit: z
      .union([z.number().int(), z.literal('unlimited')])
      .nullable()
      .describe('Customers a day that may be written to first; null: Meta has not told'),
    throughputPerSecond: z.number().int(),
    waiting: z.object({
      inbound: z.number().int(),
      outbound: z.number().int(),
      ticks: z.number().int(),
      oldestSeconds: z.number().int()
    }),
    parked: z.number().int(),
    uncertain: z.number().int(),
    setAside: z.number().int(),
    failedLastDay: z.number().int(),
    heardAt: instant.nullable().describe('The newest webhook of WhatsApp within the last two days'),
    deskReadAt: instant.nullable().describe('When the desk was last read for what it did not tell')
  })
  .meta({ id: 'AdminNumber' })
export type AdminNumber = z.infer<typeof adminNumber>

export const asideKind = z.enum([
  'message',
  'echo',
  'call',
  'group',
  'preference',
  'hook',
  'retry',
  'removal',
  'note',
  'other'
])
export const asideChoice = z.object({
  numberId: z.number().int(),
  kind: asideKind,
  outbound: z.boolean(),
  code: z.string().max(100)
})
export type AsideChoice = z.infer<typeof asideChoice>
export const asideGroup = asideChoice
  .extend({
    count: z.number().int(),
    since: instant,
    sentence: z.string().describe('Why, in the language of the request'),
    replayable: z.boolean()
  })
  .meta({ id: 'AsideGroup' })
export type AsideGroup = z.infer<typeof asideGroup>

export const checkFinding = z
  .object({
    id: z.string(),
    state: z.enum(['ok', 'warn', 'fail']),
    numberId: z.number().int().nullable(),
    about: z.string(),
    says: z.string().describe('English'),
    remedy: z.string().nullable().describe('English')
  })
  .meta({ id: 'CheckFinding' })
export const examination = z.object({ at: instant, findings: z.array(checkFinding) }).meta({ id: 'Examination' })
export type Examination = z.infer<typeof examination>

/** Events of `POST /api/v1/admin/checks` (text/event-stream). */
export type CheckEvent =
  | { event: 'step'; data: { about: string } }
  | { event: 'done'; data: Examination }
  | { event: 'failed'; data: { title: string } }

export const overview = z
  .object({
    at: instant,
    scope: z.enum(['account', 'installation']),
    who: z.object({ name: z.string().nullable(), expiresAt: instant }),
    needs: z.array(adminNeed),
    numbers: z.array(adminNumber),
    aside: z.array(asideGroup),
    lastCheck: examination.nullable().describe('What this process last found; null: it was not asked yet')
  })
  .meta({ id: 'Overview' })
export type Overview = z.infer<typeof overview>

/** POST /api/v1/admin/replay */
export const replayRequest = z.object({ groups: z.array(asideChoice).min(1).max(200) })
export const replayed = z.object({ taken: z.number().int() }).meta({ id: 'Replayed' })
