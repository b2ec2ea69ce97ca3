/**
 * Signing in. The bearer token goes into `Authorization: Bearer …`. On the desk's own host the page may also send what
 * it read from the cookie `cw_d_session_info` as header `x-desk-session` (base64url of the JSON of `deskSession`): then
 * the desk itself says what the agent may see, and rows carry the agent's own name. Puente keeps it for no longer than
 * the request.
 */
import { z } from 'zod'
import { instant } from './common.ts'

/** What the desk's cookie `cw_d_session_info` holds; other keys of it are to be left out. */
const headerValue = z
  .string()
  .max(400)
  .regex(/^[\x21-\x7e]+$/)
export const deskSession = z.object({ 'access-token': headerValue, client: headerValue, uid: headerValue })
export type DeskSession = z.infer<typeof deskSession>

export const sessionInfo = z
  .object({
    mode: z.enum(['desk', 'paired']).describe('desk: signed in by the desk itself; paired: by a note'),
    accountId: z.number().int(),
    agent: z.object({ id: z.number().int(), name: z.string() }),
    role: z.enum(['administrator', 'agent']),
    locale: z.string().nullable().describe('Language of the agent in the desk, where the desk told it'),
    deskUrl: z.string().describe('Where this agent’s browser has the desk'),
    adminUrl: z.string().nullable().describe('The admin pages, for administrators, where there are any'),
    expiresAt: instant
  })
  .meta({ id: 'Session' })
export type SessionInfo = z.infer<typeof sessionInfo>

export const signedIn = z
  .object({ token: z.string().describe('Shown once; keep it in memory only'), session: sessionInfo })
  .meta({ id: 'SignedIn' })
export type SignedIn = z.infer<typeof signedIn>

/** POST /api/v1/sessions/desk */
export const signInByDesk = z.object({
  /** Locators from the frame's context; they identify nobody. */
  accountId: z.number().int().positive(),
  deskOrigin: z.url().optional().describe('Origin of the framing page, where several desks are connected'),
  session: deskSession
})
export type SignInByDesk = z.infer<typeof signInByDesk>

/** POST /api/v1/sessions/pairing: the code is to be written as a private note. */
export const startPairing = z.object({
  accountId: z.number().int().positive(),
  deskOrigin: z.url().optional(),
  conversationId: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Only a note in this conversation will be taken; without it, in any of this desk'),
  agentId: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      'Who the frame says is looking: only their note will be taken; without it, whoever writes it is the agent'
    )
})
export type StartPairing = z.infer<typeof startPairing>

export const pairingStarted = z
  .object({
    pairingId: z.string(),
    code: z.string().describe('To be shown to the agent, for example PUENTE-7KQ4-M2XD'),
    secret: z.string().describe('Stays in this page; asks for the outcome'),
    expiresAt: instant
  })
  .meta({ id: 'PairingStarted' })
export type PairingStarted = z.infer<typeof pairingStarted>

/** POST /api/v1/sessions/pairing/:pairingId; ask every second or two. */
export const askPairing = z.object({ secret: z.string().min(20).max(200), deskOrigin: z.url().optional() })
export const pairingParams = z.object({ pairingId: z.uuid() })
export const pairingState = z
  .discriminatedUnion('state', [
    z.object({ state: z.literal('waiting') }),
    z.object({ state: z.literal('paired'), signedIn })
  ])
  .meta({ id: 'PairingState' })
export type PairingState = z.infer<typeof pairingState>

/** POST /api/v1/sessions/handovers: goes into the fragment of the address of another window, never into a query. */
export const handover = z
  .object({ ticket: z.string().describe('Works once, within two minutes'), expiresAt: instant })
  .meta({ id: 'Handover' })
export type Handover = z.infer<typeof handover>

/** POST /api/v1/sessions/handed-over */
export const takeHandover = z.object({ ticket: z.string().min(20).max(200) })

/** GET /api/v1/sign-in?accountId=…: which way of signing in this page can use; answers before anybody is known. */
export const signInQuery = z.object({
  accountId: z.coerce.number().int().positive(),
  deskOrigin: z.url().optional(),
  inboxId: z.coerce.number().int().positive().optional()
})
export const signInWays = z
  .object({
    known: z.boolean().describe('False: this desk and account are not connected here'),
    served: z.boolean().nullable().describe('False: the inbox belongs to another channel, the tab has nothing to do'),
    ways: z.array(z.enum(['desk', 'pairing']))
  })
  .meta({ id: 'SignInWays' })
export type SignInWays = z.infer<typeof signInWays>
